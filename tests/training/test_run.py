"""A run's folder: which one is meant, and which one is not trusted."""

import contextlib
import dataclasses
import os
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest

from training import prepare
from training import run as run_module
from training.checkpoint import Checkpoint, CheckpointError
from training.command import UserError
from training.options import make_parser
from training.progress import Progress
from training.run import Run, TakenError


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


# ------------------------------------------------------------------------------------ new runs


def test_runs_started_in_the_same_second_have_names_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare.time, "strftime", lambda form: "20261123-090000")
    options = make_parser().parse_args(["--config", "small", "--logdir", str(tmp_path)])
    data = types.SimpleNamespace(vocabulary=())
    paths = [prepare.new_run(options, f"config {number}", data).path for number in range(3)]
    names = [f"small-20261123-090000{end}" for end in ("", "-2", "-3")]
    assert paths == [tmp_path / name for name in names]
    assert [path.joinpath("config.json").read_text()[-1] for path in paths] == ["0", "1", "2"]


def test_a_name_that_another_process_takes_meanwhile_is_left_to_it(tmp_path, monkeypatch):
    """Its folder appears after the look whether the name is free, before the own one is there."""
    real, taken = run_module.atomic_path, []

    @contextlib.contextmanager
    def slow(path):
        with real(path) as temporary:
            yield temporary
            if not taken:
                taken.append(path)
                path.mkdir()
                (path / "config.json").write_text("another's")

    monkeypatch.setattr(run_module, "atomic_path", slow)
    run = Run.new_of_free_name(tmp_path, "small", "mine", iter(["a", "<unk>"]))
    assert run.path == tmp_path / "small-2"
    assert taken[0].joinpath("config.json").read_text() == "another's"
    assert (run.config.read_text(), run.read_vocabulary()) == ("mine", ["a", "<unk>"])
    assert {path.name for path in tmp_path.iterdir()} == {"small", "small-2"}, "nothing is left"


def test_a_name_that_was_asked_for_is_taken_only_once(tmp_path):
    Run.new(tmp_path / "my run", "{}", [])
    with pytest.raises(TakenError) as error:
        Run.new(tmp_path / "my run", "other", [])
    hint = f"resume it with --resume '{tmp_path}/my run', or choose another --name"
    assert str(error.value) == f"{tmp_path}/my run exists: {hint}"
    assert (tmp_path / "my run" / "config.json").read_text() == "{}"


@pytest.mark.parametrize("script", ["train.py", "/my programs/train.py", "own's.py"])
def test_the_line_to_resume_by_is_one_for_a_shell(monkeypatch, script):
    monkeypatch.setattr(sys, "argv", [script, "--config", "small"])
    line = Run(Path("logs/my $HOME & run")).resume_command
    assert shlex.split(line) == ["python", script, "--resume", "logs/my $HOME & run"]
    words = ["sh", "-c", f"printf '%s\\n' {line}"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == ["python", script, "--resume", "logs/my $HOME & run"]
