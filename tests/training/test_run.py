"""A run's folder: which one is meant, and which one is not trusted."""

import dataclasses
import os
from pathlib import Path

import pytest

from training.checkpoint import Checkpoint, CheckpointError
from training.command import UserError
from training.progress import Progress
from training.run import Run


@pytest.fixture
def logs(tmp_path):
    """Runs by their names, each made later than the one before."""
    names = ["small-20261120-090000", "small-20261121-090000", "small-deep-20261122-090000", "mine"]
    for when, name in enumerate(names):
        Run.new(tmp_path / name, "{}", [])
        os.utime(tmp_path / name / "config.json", (when, when))
    (tmp_path / "small-20261123-090000").mkdir()  # no run: it has no config
    return tmp_path


@pytest.mark.parametrize(
    ("name", "newest"),
    [
        ("small", "small-20261121-090000"),
        ("mine", "mine"),
        ("small-deep", "small-deep-20261122-090000"),
    ],
)
def test_the_newest_run_of_a_name_is_resumed(logs, name, newest):
    assert Run.newest(logs, name).path == logs / newest


def test_a_name_without_a_run_is_refused(logs):
    with pytest.raises(UserError, match="no run called medium in"):
        Run.newest(logs, "medium")


def test_checkpoints_that_are_a_link_to_those_of_another_run_are_refused(logs):
    """Else they would be pruned as if they were the run's own."""
    other = logs / "small-20261120-090000" / "checkpoints"
    other.mkdir()
    (logs / "mine" / "checkpoints").symlink_to(other)
    for find in (lambda: Run.open(logs / "mine"), lambda: Run.newest(logs, "mine")):
        with pytest.raises(UserError, match="checkpoints is not a folder"):
            find()


class MovingOn:
    """Checkpoints of a training that has a new best one whenever the one before is to be read."""

    def __init__(self, last):
        self._step, self._last = 1, last

    def newest(self):
        figures = dict.fromkeys(["learning_rate", "train", "valid", "cost", "gradient_norm"], 1.0)
        record = {"epoch": 1, "step": self._step, "seconds": 1.0, **figures}
        best = {"best_epoch": 1, "best_step": self._step, "best_score": 1.0}
        progress = dataclasses.asdict(Progress(step=self._step, records=[record], **best))
        return Checkpoint(Path("somewhere"), self._step, progress, {})

    def at(self, step):
        if self._step < self._last:
            self._step += 1
            raise CheckpointError(f"no checkpoint of step {step}")
        return self.newest()


def test_the_best_checkpoint_is_found_while_a_training_goes_on(tmp_path, monkeypatch):
    checkpoints = MovingOn(last=3)
    monkeypatch.setattr(Run, "open_checkpoints", lambda run, warn: checkpoints)
    assert Run(tmp_path).find_checkpoint("best", warn=print).step == 3


def test_a_best_checkpoint_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    def damaged(step):
        raise CheckpointError(f"step {step} is damaged")

    checkpoints = MovingOn(last=1)
    checkpoints.at = damaged
    monkeypatch.setattr(Run, "open_checkpoints", lambda run, warn: checkpoints)
    with pytest.raises(CheckpointError, match="step 1 is damaged"):
        Run(tmp_path).find_checkpoint("best", warn=print)
