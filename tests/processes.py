"""Programs in processes of their own, which find TensorFlow imported already.

To import it takes longer than what most tests ask of a program. So a server imports it once and
forks for each of them. Programs whose start is tested are started as users start them instead.
"""

import functools
import multiprocessing
import os
import re
import runpy
import sys
import tempfile
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
# Of TensorFlow, before 2.21 at a first session; a command that imports it itself hides them.
MESSAGE = re.compile(r"^(WARNING: All log messages before absl|I0000 ).*\n", re.MULTILINE)


@functools.cache
def _context():
    """The server's, started with none of what a test may have changed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["preloaded"])
    path = os.pathsep.join(map(str, (ROOT / "tests", ROOT)))
    with mock.patch.dict(os.environ, PYTHONPATH=path, TF_CPP_MIN_LOG_LEVEL="3"):
        first = context.Process(target=os.getpid)
        first.start()
    first.join()
    return context


def start(program, streams, *, cwd=None, env=None) -> BaseProcess:
    """Starts what follows `python` on a command line: a file, -c CODE or -m MODULE, arguments.

    Args:
      program: the words.
      streams: the files that standard output and standard error go to.
      cwd: the folder to run in; this process's by default.
      env: the environment; this process's by default.
    """
    words = [str(word) for word in program]
    environment = {**(os.environ if env is None else env), "TF_CPP_MIN_LOG_LEVEL": "3"}
    names = [str(stream) for stream in streams]
    process = _context().Process(
        target=_be, args=(words, names, str(cwd or Path.cwd()), environment)
    )
    process.start()
    return process


def run(program, *, cwd=None, env=None, timeout=300) -> CompletedProcess:
    """`start`, to the end; with what was written as text, and the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        streams = Path(folder, "out"), Path(folder, "err")
        process = start(program, streams, cwd=cwd, env=env)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
        out, err = (stream.read_text() for stream in streams)
    err = MESSAGE.sub("", err)
    return CompletedProcess(program, process.exitcode, out, err)


def _be(words, streams, folder, environment):
    """Becomes the program."""
    for number, name in enumerate(streams, 1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    of_tests = {str(ROOT / name) for name in ("", "tests", "tests/faults")}
    first = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [*filter(None, first), *(path for path in sys.path if path not in of_tests)]
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        sys.path.insert(0, "")
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    elif words[0] == "-m":
        sys.argv = [words[1], *words[2:]]
        sys.path.insert(0, "")
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).parent))
        runpy.run_path(words[0], run_name="__main__")
