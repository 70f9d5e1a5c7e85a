"""The command `python -m tf1rnn`: runs an old program, or says what of it would be served."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import re
import runpy
import sys
import traceback
import warnings
from pathlib import Path
from types import ModuleType, TracebackType

USAGE = """\
python -m tf1rnn [--report [FILE.json]] SCRIPT [ARGS ...]
       python -m tf1rnn [--report [FILE.json]] -m MODULE [ARGS ...]
       python -m tf1rnn --check PATH ..."""

EPILOG = """\
SCRIPT sees TensorFlow 1 in `import tensorflow`: sessions, tf.contrib, tf.nn.rnn_cell, tf.layers.
--check runs nothing: it reads files and folders, and says which of their names are served."""

OF_NUMPY = "NumPy took an array of one number for the number until 2.3: pip install 'numpy<2.4'"

OWN_FILES = (
    __file__,
    str(Path(__file__).with_name("source.py")),
    "<frozen runpy>",
    "<frozen importlib._bootstrap>",
    "<frozen importlib._bootstrap_external>",
)


def main(arguments: list[str]) -> int:
    """Runs the command; returns its exit status, 2 where a name is not served or the call wrong."""
    options, program = _parsed(arguments)
    if options.check:
        from tf1rnn.compat import check

        return check.main([Path(one) for one in options.check], options.report)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from tf1rnn import compat
    from tf1rnn.compat import gone, report, source

    _hide_advice()
    gone.put_back()
    source.read_so()
    compat.install()
    report.watch()
    try:
        return _run(program, is_module=options.module)
    finally:
        report.show(options.report)


def _parsed(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options, and the program with its arguments, which the options do not reach."""
    parser = argparse.ArgumentParser(
        "python -m tf1rnn",
        usage=USAGE,
        description="Run a program of TensorFlow 1 on today's TensorFlow.",
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--report",
        nargs="?",
        const="-",
        metavar="FILE.json",
        help="show at the end what was served by what, or write it to a file",
    )
    parser.add_argument("--check", nargs="+", metavar="PATH", help="say what would be served")
    parser.add_argument("-m", dest="module", action="store_true", help="run a module")
    split = _start_of_program(arguments)
    options = parser.parse_args(arguments[:split])
    program = arguments[split:]
    if not options.check and not program:
        parser.error("which SCRIPT?")
    if not options.check and not options.module and not Path(program[0]).is_file():
        parser.error(f"there is no file {program[0]}")
    return options, program


def _start_of_program(arguments: list[str]) -> int:
    """How many of the arguments are the command's own options and their values."""
    for i, one in enumerate(arguments):
        if one == "--check":
            return len(arguments)
        if one == "-m":
            return i + 1
        is_report_file = i > 0 and arguments[i - 1] == "--report" and one.endswith(".json")
        if not one.startswith("-") and not is_report_file:
            return i
    return len(arguments)


def _hide_advice() -> None:
    """Nobody rewrites an old program while it runs: that its names are deprecated is known.

    What the program itself logs is shown, whatever it speaks of.
    """
    deprecated = re.compile("is deprecated|will be removed in a future version|be deprecated")
    libraries = tuple(
        str(Path(spec.origin).parent)
        for spec in map(importlib.util.find_spec, ("tensorflow", "tf_keras", "tf_slim"))
        if spec and spec.origin
    )

    def is_shown(record: logging.LogRecord) -> bool:
        is_advice = record.pathname.startswith(libraries)
        return not (is_advice and deprecated.search(record.getMessage()))

    logging.getLogger("tensorflow").addFilter(is_shown)
    warnings.filterwarnings("ignore", message=r"`(layer|tf\.layers)\.", category=UserWarning)


def _run(program: list[str], is_module: bool) -> int:
    from tf1rnn.compat import source

    sys.argv = list(program)
    try:
        if is_module:
            runpy.run_module(program[0], run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(program[0]).resolve().parent)
            source.run(program[0])
    except Exception as error:
        line = _unknown_name(error)
        if line:
            print(line, file=sys.stderr)
            return 2
        error.__traceback__ = _below_runpy(error.__traceback__)
        traceback.print_exception(error)
        if re.search(r"0-dimensional arrays can be|array element with a sequence\.$", str(error)):
            print(OF_NUMPY, file=sys.stderr)
        return 1
    return 0


def _unknown_name(error: Exception) -> str | None:
    """The line for an error that a name which is not served has made; None for all others."""
    from tf1rnn.compat import modules, report

    if isinstance(error, ModuleNotFoundError) and str(error.name).startswith("tensorflow."):
        return f"{_place(error)}: {modules.unknown(str(error.name).partition('.')[2], [])}"
    if isinstance(error, modules.UnknownName | ImportError) and report.unknown:
        text, file, line = report.unknown[-1]
        name = text.split()[0].rpartition(".")[2]
        return f"{report.short(file)}:{line}: {text}" if name in str(error) else None
    owner = getattr(error, "obj", None)
    if isinstance(error, AttributeError) and isinstance(owner, ModuleType):
        path = owner.__name__.rpartition("tensorflow.")[2]
        if "tensorflow" in owner.__name__:
            return f"{_place(error)}: {modules.unknown(f'{path}.{error.name}', dir(owner))}"
    return None


def _place(error: Exception) -> str:
    """File and line of the program's frame that is nearest to the error."""
    from tf1rnn.compat import modules, report

    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(_below_runpy(error.__traceback__))
        if not modules.is_library(frame) and "importlib" not in frame.f_code.co_filename
    ]
    file, line = frames[-1] if frames else (sys.argv[0], 0)
    return f"{report.short(file)}:{line}"


def _below_runpy(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames that started the program."""
    while trace and trace.tb_frame.f_code.co_filename in OWN_FILES:
        trace = trace.tb_next
    return trace
