"""What all commands share: options, errors and exits. Importing it does not import TensorFlow."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn


class UserError(Exception):
    """A mistake that the user can mend. The message is one line; commands exit with status 2."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line, and that takes no abbreviated options."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2 and one line, of at most 300 letters of the message."""
        short = message if len(message) <= 300 else f"{message[:300]}…"
        self.exit(2, _line(self.prog, short) + "\n")


def run(main: Callable[[], int | None]) -> NoReturn:
    """Runs a command and exits: with what `main` returns, or

    2 and one line for a UserError, for too little memory, or for an OSError such as a full disk
    or a folder without access; 130 when interrupted; 141, silently, when the reader of its output
    has gone.
    """
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        try:
            status = main()
        finally:
            sys.stdout.flush()
    except UserError as error:
        status = _complain(str(error))
    except KeyboardInterrupt:
        status = _complain("interrupted", status=130)
    except MemoryError:
        status = _complain("out of memory")
    except BrokenPipeError:
        _discard_output()
        status = 141
    except OSError as error:
        where = error.filename
        if where is None and error.errno is not None:  # what concerns a file names it
            _discard_output()
            where = "standard output"
        reason = error.strerror or str(error)
        status = _complain(reason if where is None else f"{where}: {reason}")
    sys.exit(status)


def _discard_output() -> None:
    """Drops what cannot be written, or the flush at exit would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def import_tensorflow() -> None:
    """Imports TensorFlow, without Keras and without the messages of its start and its warnings.

    Keras, which nothing here needs, would take 1.5 s and 100 MiB more; `tf.keras` still loads it.
    With the variable TF_CPP_MIN_LOG_LEVEL at 0, 1 or 2 nothing is hidden.
    """
    quiet = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3" and sys.stderr is not None
    with _silent_stderr() if quiet else nullcontext(), _no_keras():
        import tensorflow  # noqa: F401
    if quiet:
        # Deprecated functions that TensorFlow calls itself are not the doing of the user.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """While it is loading, TensorFlow writes messages that no variable turns off."""
    sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


@contextmanager
def _no_keras() -> Iterator[None]:
    """TensorFlow loads Keras when it is imported, unless Keras 2 is asked for and not there."""
    name = "TF_USE_LEGACY_KERAS"
    if name in os.environ:
        yield
        return
    os.environ[name] = "1"
    try:
        yield
    finally:
        del os.environ[name]


def warn(message: str) -> None:
    """Puts one line on standard error; the program goes on."""
    _complain(f"warning: {message}")


def _line(program: str, message: str) -> str:
    return f"{program}: {' '.join(message.split())}"


def _complain(message: str, status: int = 2) -> int:
    with suppress(OSError):  # where that cannot be written either, the status tells
        print(_line(Path(sys.argv[0]).name, message), file=sys.stderr)
    return status
