"""What all commands share: options, errors and exits. Importing it does not import TensorFlow."""

import argparse
import importlib.metadata
import io
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn

from training import memory
from training.errors import UserError
from training.files import is_stream, require_output

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line, and that ignores nothing that was said.

    It takes no abbreviated options, and none twice; it knows --version.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self.register("action", None, _Once)
        help = "show the version and leave"
        self.add_argument("--version", action=_Version, nargs=0, help=help)

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:
        """As argparse has it; `parse_args` calls it, too."""
        self.given: set[str] = set()
        return super().parse_known_args(*arguments, **options)

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2 and one line, of at most 300 letters of the message."""
        short = message if len(message) <= 300 else f"{message[:300]}…"
        self.exit(2, _line(self.prog, short) + "\n")


class _Once(argparse.Action):
    def __call__(
        self,
        parser: Any,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if self.dest in parser.given:
            parser.error(f"{option_string} is given twice")
        parser.given.add(self.dest)
        setattr(namespace, self.dest, values)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        try:
            version = importlib.metadata.version("tf1rnn")
        except importlib.metadata.PackageNotFoundError:
            version = "of a checkout that is not installed"
        print(f"{parser.prog}: tf1rnn {version}")
        parser.exit()


def local_path(text: str) -> Path:
    """The type of an option that names a file or a folder of this machine, in UTF-8."""
    if ADDRESS.match(text):
        raise argparse.ArgumentTypeError(f"{text!a}: must be a path on this machine")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!a}: not UTF-8 text") from None
    return Path(text)


def output(text: str) -> Path:
    """The type of an option that names what `write_output` is to write: it must be able to."""
    path = local_path(text)
    try:
        require_output(path)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from None
    return path


def output_png(text: str) -> Path:
    """The type of an option that names a picture to write: *.png, or what is no file."""
    path = output(text)
    if path.suffix != ".png" and not is_stream(path):
        raise argparse.ArgumentTypeError("the name must end in .png")
    return path


def run(main: Callable[[], int | None]) -> NoReturn:
    """Runs a command and exits: with what `main` returns, or

    2 and one line for a UserError, for too little memory, or for an OSError such as a full disk
    or a folder without access; 130 when interrupted; 141, silently, when the reader of its output
    has gone.
    """
    _prepare_streams()
    _prepare_matplotlib()
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


def _prepare_streams() -> None:
    """Lets closed standard streams lead nowhere, and output hold what its encoding does not know.

    A file that is opened while one is closed would take its number, and get what is written to it.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            os.set_inheritable(nowhere, True)
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # a notebook's is none
        sys.stdout.reconfigure(errors="backslashreplace")


def _prepare_matplotlib() -> None:
    """Keeps what the user has set for other programs, and what matplotlib tells, from this one.

    The kernel of a notebook draws other pictures, too: it keeps its settings.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    if "IPython" not in sys.modules:
        os.environ.pop("MPLBACKEND", None)
        os.environ["MATPLOTLIBRC"] = os.devnull
        if Path("matplotlibrc").exists():  # of the working directory it is read before all others
            here = Path.cwd()
            os.chdir(os.sep)
            try:
                import matplotlib  # noqa: F401
            finally:
                os.chdir(here)


def _discard_output() -> None:
    """Drops what cannot be written, or the flush at exit would complain."""
    if sys.stdout is sys.__stdout__ and sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def import_tensorflow() -> None:
    """Imports TensorFlow, without Keras and without the messages of its start and its warnings.

    Keras, which nothing here needs, would take 1.5 s and 100 MiB more; `tf.keras` still loads it.
    With the variable TF_CPP_MIN_LOG_LEVEL at 0, 1 or 2 nothing is hidden.

    Raises:
        UserError: the limits of this process (ulimit) leave too little memory.
    """
    quiet = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3" and sys.stderr is not None
    if "tensorflow" not in sys.modules:
        memory.require_for_tensorflow()
        with _silent_stderr() if quiet else nullcontext(), _no_keras():
            import tensorflow

            # Before 2.21 a first session tells that a pass of TensorFlow's compiler is off.
            if quiet and tensorflow.__version__.startswith("2.20."):
                v1 = tensorflow.compat.v1
                with v1.Graph().as_default(), v1.Session() as session:
                    session.run(v1.constant(0))
    if quiet:
        # Deprecated functions that TensorFlow calls itself are not the doing of the user.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """While it is loading, TensorFlow writes messages that no variable turns off.

    Another process keeps them, and shows them if this one dies meanwhile: a library that aborts,
    since the processor lacks an instruction, say, tells why in its last words.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    reader, writer = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(writer)
        _keep_and_show(reader, stderr)
    os.close(reader)
    os.dup2(writer, 2)
    os.close(writer)
    try:
        yield
    finally:
        with suppress(OSError):  # where the system takes care of children, it may have gone
            os.kill(keeper, signal.SIGKILL)  # before its pipe ends
            os.waitpid(keeper, 0)
        os.dup2(stderr, 2)
        os.close(stderr)


def _keep_and_show(reader: int, stderr: int) -> NoReturn:
    """Shows what came once its writer has died; is killed where that has no need of it."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the whole group gets them
        os.dup2(stderr, 2)  # else this process held the pipe open
        kept = b""
        while piece := os.read(reader, 1 << 16):
            kept += piece
        os.write(stderr, kept)
    finally:
        os._exit(0)


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
