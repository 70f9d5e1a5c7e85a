"""Runs of the program that are killed, resumed and compared: the client of server.py."""

import hashlib
import json
import os
import select
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMES = ("seconds", "elapsed", "words_per_second", "points_per_second")
BITS = ("variables.data-00000-of-00001", "variables.index", "arrays.npz")
WAIT = 900  # seconds that a life may take on a machine with other work to do

Life = namedtuple("Life", "status cpu calls out err")


def count(name, default):
    """How often a test is to be done: the environment's variable, else the default."""
    return int(os.environ.get(name, default))


class Server:
    """The process that lives are forked from."""

    def __init__(self, folder: Path):
        self._output = folder / "life."
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def close(self):
        self._process.stdin.close()
        self._process.wait(WAIT)

    def live(self, program, argv, folder="/", fault=(), kill_at_cpu=None, kill_at_call=None):
        """One life of a command, to its end or to a kill; calls below `folder` are counted."""
        request = {
            "program": program,
            "argv": [str(word) for word in argv],
            "output": str(self._output),
            "folder": str(folder),
            "fault": fault,
            "kill_at_cpu": kill_at_cpu,
            "kill_at_call": kill_at_call,
        }
        print(json.dumps(request), file=self._process.stdin, flush=True)
        if not select.select([self._process.stdout], [], [], WAIT)[0]:
            self._process.kill()
            raise TimeoutError(f"{program} {argv} hangs")
        reply = json.loads(self._process.stdout.readline())
        out, err = (Path(f"{self._output}{name}").read_text() for name in ("out", "err"))
        return Life(reply["status"], reply["cpu"], reply["calls"], out, err)


class Trial:
    """A run's folder and the command lines that begin it and go on with it."""

    def __init__(self, server, path, arguments):
        self.server, self.path = server, path
        self._begin = [*arguments, "--logdir", path.parent, "--name", path.name]
        self._often = ["--checkpoint_steps", "3"]

    def live(self, *more, **options):
        """One life: the first, or one that resumes where there is something to resume."""
        begun = (self.path / "config.json").exists()
        argv = ["--resume", self.path] if begun else self._begin
        return self.server.live("train.py", [*argv, *self._often, *more], self.path, **options)

    def finish(self):
        """Lives without faults until the run has ended; one is enough."""
        life = self.live()
        assert (life.status, life.err) == (0, ""), life
        return life


def outcome(path):
    """All that a finished run holds but times: what a resumed one must have bit for bit."""
    assert not leftovers(path)
    checkpoints = sorted((path / "checkpoints").iterdir())
    found = {}
    for checkpoint in checkpoints:
        step = checkpoint.name.split(".")[0]
        for name in BITS:
            found[step, name] = hashlib.sha256((checkpoint / name).read_bytes()).hexdigest()
        found[step, "progress"] = timeless(json.loads((checkpoint / "progress.json").read_text()))
    lines = (path / "metrics.jsonl").read_text().splitlines()
    found["metrics"] = [timeless(json.loads(line)) for line in lines]
    found["result"] = timeless(json.loads((path / "result.json").read_text()))
    found["config"] = (path / "config.json").read_text()
    return found


def timeless(value):
    """The value without what tells of time or of where the run lies."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in TIMES}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def leftovers(path):
    """What a process has left half-written in a run's folder."""
    return [one for one in path.rglob(".tmp-*")]


def is_refusal(life):
    """Whether a life ended with status 2 and one line."""
    return life.status == 2 and len(life.err.splitlines()) == 1
