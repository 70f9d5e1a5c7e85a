"""Training goes on whatever the standard streams are, and shows its progress where it can."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rich.console
from rich.console import Console as RichConsole

from training import command, screen
from training.screen import Console, Screen

ROOT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    def isatty(self):
        return True


# What ipykernel puts in place of standard output: neither a terminal nor a TextIOWrapper.
OutStream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})


def trained(stream, monkeypatch, **environment):
    """What a screen writes to the stream of an epoch of ten steps, a second each."""
    clock = iter(range(10**6))
    monkeypatch.setattr(screen.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(screen, "LINE_EVERY", 3.0)
    monkeypatch.setattr(sys, "stdout", stream)
    for name in ("JPY_PARENT_PID", "TERM", "FORCE_COLOR", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shown = Screen()
    shown.say("begins")
    with shown.bar(total=10, done=2):
        for step in range(3, 9):
            shown.step(step, "epoch 1/2", f"cost {1 / step:.3f}")
        shown.say("epoch 1")
        shown.step(9, "epoch 2/2", "cost 0.1")
    shown.say("ends")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "environment", "has_bar"),
    [
        (io.StringIO, {}, False),
        (io.StringIO, {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}, False),  # as a CI sets it
        (Terminal, {"TERM": "dumb"}, False),  # as in Emacs
        (Terminal, {"TERM": "unknown"}, False),
        (Terminal, {"TERM": "xterm"}, True),
    ],
)
def test_a_terminal_has_a_bar_and_all_else_lines(kind, environment, has_bar, monkeypatch):
    text = trained(kind(), monkeypatch, **environment)
    assert ("\x1b" in text) == has_bar
    if not has_bar:
        assert "\r" not in text
        lines = text.splitlines()
        assert (lines[0], lines[-1]) == ("begins", "ends")
        assert [line for line in lines if line.startswith("epoch 1/2  cost")]


@pytest.mark.parametrize(
    ("kind", "environment"),
    [
        (OutStream, {}),  # %run
        (OutStream, {"JPY_PARENT_PID": "1", "FORCE_COLOR": "1"}),
        (Terminal, {"TERM": "xterm-color", "JPY_PARENT_PID": "1"}),  # !
    ],
)
def test_a_notebook_has_a_line_that_is_written_over(kind, environment, monkeypatch):
    text = trained(kind(), monkeypatch, **environment)
    assert "\x1b" not in text
    assert "\repoch 1/2  cost 0.125  80%  " in text
    assert " left" in text
    shown = []
    for line in text.split("\n"):
        seen = ""
        for piece in line.split("\r"):
            seen = piece + seen[len(piece) :]
        shown.append(seen.rstrip())
    assert shown == ["begins", "epoch 1", "ends", ""]


def test_a_file_beside_a_notebook_has_lines(monkeypatch):
    assert "\r" not in trained(io.StringIO(), monkeypatch, JPY_PARENT_PID="1")


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


def test_a_reader_that_has_gone_is_told_as_everywhere(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Gone())
    with pytest.raises(BrokenPipeError):
        Screen().say("anything")
    with pytest.raises(BrokenPipeError):
        screen.table_console(80).print("anything")


def test_a_console_is_text_even_in_a_notebook(monkeypatch):
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    assert RichConsole().is_jupyter and not Console().is_jupyter


def test_output_may_be_whatever_can_be_written(monkeypatch, tmp_path):
    """A notebook's: without a descriptor, and nothing that can be reconfigured."""
    monkeypatch.setattr(sys, "stdout", OutStream())
    with pytest.raises(SystemExit) as ended:
        command.run(lambda: print("done"))
    assert (ended.value.code, sys.stdout.getvalue()) == (None, "done\n")


CLOSED = """
import sys
from training import command

def main():
    with open(sys.argv[1], "w") as file:
        print("to nobody")
        print("to nobody", file=sys.stderr)
        print(sys.stdin.isatty(), file.fileno() > 2, repr(sys.stdin.read()), file=file)
    raise command.UserError("done")

command.run(main)
"""


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_lead_nowhere(closing, tmp_path):
    file = tmp_path / "file"
    redirected = " ".join(f"{s}/dev/null" for s in ("<", ">", "2>") if f"{s}&-" not in closing)
    line = f'exec "$0" -c "$1" "$2" {closing} {redirected}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, CLOSED, file],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert file.read_text() == "False True ''\n"
