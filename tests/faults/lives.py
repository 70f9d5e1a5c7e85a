"""Runs of the program that are killed, resumed and compared: the client of server.py."""

import hashlib
import json
import os
import select
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = Path(__file__).resolve().parents[2]
TIMES = ("seconds", "elapsed", "words_per_second", "points_per_second")
BITS = ("variables.data-00000-of-00001", "variables.index", "arrays.npz")
# Small runs: every layer with dropout, and more than one epoch.
PTB = {"config": "test", "num_layers": 2, "hidden_size": 8, "batch_size": 4, "num_steps": 5}
SIN_COS = {"config": "sin_cos", "hidden_size": 6, "batch_size": 4, "steps_per_epoch": 10}
FIELDS = {
    "ptb": PTB | {"keep_prob": 0.6, "epochs": 3, "optimizer": "adam", "learning_rate": 0.1},
    "sin_cos": SIN_COS | {"keep_prob": 0.8, "epochs": 3, "num_steps": 5},
}
WAIT = 900  # seconds that a life may take on a machine with other work to do

Life = namedtuple("Life", "status cpu calls out err")


def count(name, default):
    """How often a test is to be done: the environment's variable, else the default."""
    return int(os.environ.get(name, default))


class Server:
    """The process that lives are forked from; a context that ends it."""

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        return self

    def __exit__(self, *_exception):
        self._process.kill()
        self._process.wait()

    def live(self, program, argv, folder="/", faults=(), kill_at_cpu=None, kill_at_call=None):
        """One life of a command, to its end or to a kill; calls below `folder` are counted."""
        request = {
            "program": program,
            "argv": [str(word) for word in argv],
            "folder": str(folder),
            "faults": faults,
            "kill_at_cpu": kill_at_cpu,
            "kill_at_call": kill_at_call,
        }
        print(json.dumps(request), file=self._process.stdin, flush=True)
        if not select.select([self._process.stdout], [], [], WAIT)[0]:
            raise TimeoutError(f"{program} {argv} hangs")
        reply = self._process.stdout.readline()
        assert reply, f"the server has ended with {self._process.wait()}"
        return Life(**json.loads(reply))


def flags(fields):
    """A command line: `--name value` for every field."""
    return [word for name, value in fields.items() for word in (f"--{name}", str(value))]


class Trial:
    """A run's folder, and the lives that begin it and go on with it."""

    def __init__(self, server, folder, fields):
        self.path = folder / "run"  # the same name for all: it stands in the pictures
        self._server = server
        self._begin = flags(fields | {"logdir": folder, "name": "run"})

    def live(self, *more, **options):
        """One life: the first, or one that resumes where there is something to resume."""
        begun = self.path.exists()
        argv = ["--resume", self.path] if begun else self._begin
        often = ["--checkpoint_steps", "3"]
        return self._server.live("train.py", [*argv, *often, *more], self.path, **options)

    def finish(self):
        """A life without faults, which ends the run."""
        life = self.live()
        assert (life.status, life.err) == (0, ""), life
        return life


@dataclass(frozen=True)
class Whole:
    """An uninterrupted run: its fields, its one life, its folder, and its outcome."""

    fields: dict[str, Any]
    life: Life
    path: Path
    outcome: dict[Any, Any]

    @classmethod
    def made(cls, server, folder, fields):
        trial = Trial(server, folder, fields)
        life = trial.finish()
        return cls(fields, life, trial.path, outcome(trial.path))


def outcome(path):
    """All that a finished run's folder holds but times: what a resumed one has bit for bit.

    The pictures are among it, and with them the run's name.
    """
    assert not leftovers(path)
    found = {"points": points(path)}
    for checkpoint in (path / "checkpoints").iterdir():
        step = checkpoint.name.split(".")[0]
        found |= {(step, name): (checkpoint / name).read_bytes() for name in BITS}
        found[step, "progress"] = timeless(json.loads((checkpoint / "progress.json").read_text()))
    lines = (path / "metrics.jsonl").read_text().splitlines()
    found["metrics"] = [timeless(json.loads(line)) for line in lines]
    found["result"] = timeless(json.loads((path / "result.json").read_text()))
    for name in ("config.json", "vocabulary.txt", "curves.png", "picture.png", "fit.gif"):
        if (path / name).exists():
            found[name] = (path / name).read_bytes()
    return found


def points(path):
    """The points of all curves in TensorBoard, but those that tell of time: tag, step, value."""
    events = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
    tags = [tag for tag in events.Tags()["scalars"] if not tag.endswith("_per_second")]
    return [(tag, point.step, point.value) for tag in tags for point in events.Scalars(tag)]


def timeless(value):
    """The value without what tells of time or of where the run lies."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in TIMES}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def leftovers(path):
    """What a process has left half-written in a run's folder."""
    return [one for one in path.rglob(".tmp-*")]


def damaged(path):
    """The files in a run's checkpoints that do not match their checksums."""
    lines = [
        (checkpoint / line[66:], line[:64])
        for checkpoint in path.glob("checkpoints/step-*")
        for line in (checkpoint / "SHA256SUMS").read_text().splitlines()
    ]
    return [path for path, sum in lines if hashlib.sha256(path.read_bytes()).hexdigest() != sum]


def refusal(life):
    """The line of a life that ended with status 2 and said why, in one line."""
    assert life.status == 2, life
    assert len(life.err.splitlines()) == 1, life
    assert "Traceback" not in life.out, life
    return life.err
