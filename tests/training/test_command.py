"""Errors, exits and the silence of TensorFlow, as a user of the commands meets them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from training import command
from training.fields import ConfigError

ROOT = Path(__file__).parents[2]


IMPORT = "from training import command\n"


def start(folder: Path, code: str, **options: str) -> subprocess.Popen:
    """Starts train.py, a program of these lines, with the root and `folder` on its path."""
    program = folder / "train.py"
    program.write_text(code)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    environment.update(options)
    return subprocess.Popen(
        [sys.executable, str(program)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def raising(error: BaseException) -> Callable[[], int]:
    def main() -> int:
        raise error

    return main


@pytest.mark.parametrize(
    "main, err, status",
    [
        (raising(command.UserError("no corpus\n  here")), "train.py: no corpus here\n", 2),
        (raising(ConfigError("no preset")), "train.py: no preset\n", 2),
        (Path("/nowhere/x").read_text, "train.py: /nowhere/x: No such file or directory\n", 2),
        (raising(OSError("odd")), "train.py: odd\n", 2),
        (raising(KeyboardInterrupt()), "train.py: interrupted\n", 130),
        (lambda: 3, "", 3),
        (lambda: None, "", None),
    ],
)
def test_a_command_ends_with_one_line_and_its_status(
    main: Callable[[], int | None],
    err: str,
    status: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    with pytest.raises(SystemExit) as caught:
        command.run(main)
    assert caught.value.code == status
    assert capsys.readouterr() == ("", err)


def test_a_warning_is_one_line_with_the_name_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    command.warn("a checkpoint\nis damaged")
    assert capsys.readouterr() == ("", "train.py: warning: a checkpoint is damaged\n")


def test_a_mistake_in_the_program_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        command.run(raising(KeyError("missing")))


def test_a_bad_flag_is_one_line_and_status_2_before_tensorflow_is_imported(tmp_path: Path) -> None:
    code = """
import atexit, sys
import problems
from training import command
atexit.register(lambda: print("tensorflow" in sys.modules))
command.run(lambda: problems.resolve("small", ["--keep_prob", "2"]))
"""
    program = start(tmp_path, code)
    message = "train.py: keep_prob must be a number above 0 and at most 1, not 2.0\n"
    assert program.communicate(timeout=60) == ("False\n", message)
    assert program.returncode == 2


@pytest.mark.parametrize("ending", ["", "; raise SystemExit(0)"])
def test_a_reader_that_leaves_early_is_no_error(ending: str, tmp_path: Path) -> None:
    code = f"{IMPORT}def main():\n    print('a' * 10**6){ending}\ncommand.run(main)\n"
    program = start(tmp_path, code)
    assert program.stdout is not None and program.stderr is not None
    program.stdout.close()
    assert program.stderr.read() == ""
    program.stderr.close()
    assert program.wait(timeout=60) == 141


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--steps", "x"], "train.py: argument --steps: invalid int value: 'x'\n"),
        (["--steps"], "train.py: argument --steps: expected one argument\n"),
        (["--step", "3"], "train.py: unrecognized arguments: --step 3\n"),
        (["a\nb"], "train.py: unrecognized arguments: a b\n"),
        (["a" * 999], f"train.py: unrecognized arguments: {'a' * 276}…\n"),
    ],
)
def test_a_wrong_option_gives_one_line_without_usage(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    parser = command.Parser(description="Trains.")
    parser.add_argument("--steps", type=int)
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", message)


def test_options_unknown_to_the_parser_keep_their_order_and_values() -> None:
    parser = command.Parser()
    parser.add_argument("--name")
    flags = ["--forget_bias", "-1e-3", "--cell=gru", "--data_path", "my texts", "--seed", "-4"]
    options, rest = parser.parse_known_args(["--name", "a", *flags])
    assert (options.name, rest) == ("a", flags)


NOISY = "import os\n__version__ = '2.21.0'\nos.write(2, b'noise\\n')\n"
# One whose first session tells something.
TELLING = """
import contextlib, os, types

__version__ = "2.20.0"

class Session:
    told = False

    def __enter__(self):
        if not Session.told:
            os.write(2, b"a pass is off\\n")
        Session.told = True
        return self

    def __exit__(self, *_):
        pass

    def run(self, fetches):
        pass

class Graph:
    as_default = contextlib.nullcontext

v1 = types.SimpleNamespace(Graph=Graph, Session=Session, constant=int)
compat = types.SimpleNamespace(v1=v1)
"""
QUIET = f"{IMPORT}command.import_tensorflow()\nimport os\nos.write(2, b'after\\n')\n"


@pytest.mark.parametrize(
    "options, err",
    [
        ({}, "after\n"),
        ({"TF_CPP_MIN_LOG_LEVEL": "3"}, "after\n"),  # what a parent that is quiet itself hands on
        ({"TF_CPP_MIN_LOG_LEVEL": "0"}, "noise\nafter\n"),
    ],
)
def test_only_messages_of_the_import_are_hidden_unless_asked_for(
    options: dict[str, str], err: str, tmp_path: Path
) -> None:
    (tmp_path / "tensorflow.py").write_text(NOISY)
    program = start(tmp_path, QUIET, **options)
    assert program.communicate(timeout=60) == ("", err)


def test_what_a_first_session_tells_before_2_21_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(TELLING)
    program = start(tmp_path, QUIET + "import tensorflow\nwith tensorflow.Session():\n    pass\n")
    assert program.communicate(timeout=60) == ("", "after\n")
    assert program.returncode == 0


def test_a_failing_import_is_shown(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(NOISY + "raise ImportError('no such library')")
    program = start(tmp_path, QUIET)
    assert program.communicate(timeout=60)[1].endswith("ImportError: no such library\n")
    assert program.returncode == 1


SESSION = """
import os, sys
from training import command
command.import_tensorflow()
import tensorflow.compat.v1 as tf
with tf.Graph().as_default(), tf.Session() as sess:
    print(sess.run(tf.matmul(tf.ones([2, 3]), tf.ones([3, 1])))[0, 0])
print("keras" in sys.modules, "TF_USE_LEGACY_KERAS" in os.environ)
"""


@pytest.mark.long
def test_tensorflow_and_its_first_session_say_nothing_and_load_no_keras(tmp_path: Path) -> None:
    program = start(tmp_path, SESSION)
    assert program.communicate(timeout=300) == ("3.0\nFalse False\n", "")


KERAS = """
import os, sys
from training import command
command.import_tensorflow()
import tensorflow as tf
print("keras" in sys.modules, "TF_USE_LEGACY_KERAS" in os.environ)
print(tf.keras.__version__.split(".")[0])
"""


@pytest.mark.long
def test_keras_is_loaded_where_it_is_used(tmp_path: Path) -> None:
    program = start(tmp_path, KERAS)
    assert program.communicate(timeout=300)[0] == "False False\n3\n"


@pytest.mark.long
def test_another_keras_that_was_asked_for_stays_asked_for(tmp_path: Path) -> None:
    source = KERAS.replace("command.", "os.environ['TF_USE_LEGACY_KERAS'] = '0'; command.", 1)
    program = start(tmp_path, source)
    assert program.communicate(timeout=300)[0] == "True True\n3\n"
