"""The first minute: what is missing or too small is said in one line, and tables can be read."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from test_compare import make_run

import compare
from training import command, memory
from training.errors import UserError

ROOT = Path(__file__).parents[2]
COMMANDS = ("train", "evaluate", "compare", "gradient_flow", "bench")


@pytest.mark.parametrize("name", COMMANDS)
def test_without_the_environment_a_command_says_in_one_line_what_to_do(name):
    done = subprocess.run(
        [sys.executable, "-S", ROOT / f"{name}.py", "--help"],  # -S: without what is installed
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        cwd="/", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{name}.py: ") and "tensorflow" in done.stderr
    assert "make .venv" in done.stderr and "source .venv/bin/activate" in done.stderr


def test_a_program_of_its_own_that_imports_the_package_is_not_ended():
    code = "import training; print('on')"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")


@pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="it is make that lets this environment know the root"
)
def test_a_safe_path_still_leads_to_the_checkout(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "compare.py", "--help"],
        env={**os.environ, "PYTHONSAFEPATH": "1"},
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


# ------------------------------------------------------------------------------- limits


def limit(monkeypatch, number, left):
    """Sets a limit of the process so that it leaves this much."""
    (line,) = [line for kind, _, _, line, *_ in memory.LIMITS if kind == number]
    used = int(re.search(rf"{line}:\s*(\d+)", memory.STATUS.read_text())[1]) * 1024
    infinite = resource.RLIM_INFINITY
    limits = {number: (used + left, infinite)}
    monkeypatch.setattr(
        memory.resource, "getrlimit", lambda kind: limits.get(kind, (infinite, infinite))
    )


@pytest.mark.parametrize(
    ("number", "how"), [(resource.RLIMIT_AS, "ulimit -v"), (resource.RLIMIT_DATA, "ulimit -d")]
)
def test_a_limit_counts_as_memory_and_tensorflow_needs_some(number, how, monkeypatch):
    limit(monkeypatch, number, 300 * 2**20)
    assert memory.available() == pytest.approx(300 * 2**20, rel=0.1)
    with pytest.raises(UserError, match=rf"TensorFlow needs .* {how} leaves 0\.3 GiB"):
        memory.require_for_tensorflow()
    with pytest.raises(UserError, match=r"takes about 0\.5 GiB"):
        memory.require(2**29, "this")
    limit(monkeypatch, number, 10**12)
    memory.require_for_tensorflow()


@pytest.mark.parametrize(
    "words", ["train.py --config test", "evaluate.py .", "gradient_flow.py --out /dev/null"]
)
def test_too_little_address_space_is_one_line(words, tmp_path):
    line = f"ulimit -v 2000000; exec {sys.executable} {ROOT}/{words}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "GiB of address space; ulimit -v leaves" in done.stderr
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------- a TensorFlow that cannot load


def imported(folder, code, tensorflow):
    """What a program of these lines gives where `tensorflow` is the text of that module."""
    (folder / "tensorflow.py").write_text(f'__version__ = "2.21.0"\n{tensorflow}')
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )


IMPORT = "from training import command\ncommand.run(command.import_tensorflow)\n"
NOISE = "import os, signal, sys\nos.write(2, b'needs AVX\\n' * 9000)\n"


@pytest.mark.parametrize(
    ("end", "status"), [("os.abort()", -6), ("os.kill(os.getpid(), signal.SIGILL)", -4)]
)
def test_the_last_words_of_a_library_that_aborts_are_shown(end, status, tmp_path):
    done = imported(tmp_path, IMPORT, NOISE + end)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == "needs AVX\n" * 9000


@pytest.mark.parametrize("end", ["", "raise KeyboardInterrupt", "raise MemoryError", "sys.exit(3)"])
def test_what_it_says_is_hidden_where_the_program_goes_on(end, tmp_path):
    done = imported(tmp_path, IMPORT, NOISE + end)
    assert done.stdout == "" and done.stderr.count("\n") <= 1 and "AVX" not in done.stderr


def test_a_caller_that_takes_no_children_back_does_not_matter(tmp_path):
    ignoring = "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    done = imported(tmp_path, ignoring + IMPORT, NOISE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_imported_already_starts_no_process(monkeypatch):
    import tensorflow  # noqa: F401

    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a second process"))
    monkeypatch.setattr(memory, "require_for_tensorflow", lambda: pytest.fail("asked again"))
    command.import_tensorflow()


# ----------------------------------------------------------------------------- the table


@pytest.fixture
def terminal(monkeypatch, capsys):
    """Gives what is printed to a terminal of so many columns."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")

    def printed(entries, columns):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        compare.show(entries)
        return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)

    return printed


def read(paths):
    labels = compare.label_runs(paths)
    return [compare.read_run(path, label) for path, label in zip(paths, labels, strict=True)]


@pytest.mark.parametrize("columns", [45, 80, 200])
@pytest.mark.parametrize("count", [1, 2, 12])
def test_no_figure_is_cut_however_many_the_runs_and_narrow_the_terminal(
    count, columns, terminal, tmp_path
):
    paths = [
        make_run(
            tmp_path / f"run-{number}-of-{'a-long-name' * (number % 3)}",
            *("--seed", str(number), "--data_path", "/a/long/path/of/mine/" * (1 + number % 4)),
            result={"test": 100.5 + number, "parameters": 10_000_000 + number},
        )
        for number in range(count)
    ]
    text = terminal(read(paths), columns)
    assert max(map(len, text.splitlines())) <= columns
    words = text.split()
    for number in range(count):
        assert f"{10_000_000 + number:,}" in words
        assert f"{100.5 + number:.5g}{'*' if number == 0 and count > 1 else ''}" in words
    assert words.count("12,346") == count
    assert words.count("parameters") == 1 or f"of {count})" in text, "parts are counted"


def test_runs_that_fit_are_side_by_side(terminal, tmp_path):
    paths = [make_run(tmp_path / f"run{number}", result={}) for number in range(4)]
    assert terminal(read(paths), 80).count("parameters") == 1


def test_what_is_no_run_is_named_and_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["compare.py"])
    run, damaged = make_run(tmp_path / "run", result={}), make_run(tmp_path / "damaged", result={})
    (damaged / "result.json").write_text("{")
    (tmp_path / "none").mkdir()
    words = [str(path) for path in (tmp_path / "none", run, damaged, tmp_path / "missing")]
    outputs = ["--plot", os.devnull, "--json", "a.json"]
    assert compare.main([*words, *outputs]) == 0
    said = capsys.readouterr()
    assert "test perplexity" in said.out
    lines = said.err.splitlines()
    assert len(lines) == 3 and all(line.startswith("compare.py: warning: ") for line in lines)
    for name, line in zip(("none", "damaged", "missing"), lines, strict=True):
        assert str(tmp_path / name) in line
    assert [one["run"] for one in json.loads(Path("a.json").read_text())] == ["run"]
    for left in (words[:1], words[2:]):
        with pytest.raises(UserError, match=r"run|result\.json"):
            compare.main([*left, *outputs])
