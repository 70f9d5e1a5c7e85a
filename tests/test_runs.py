"""A run's folder: which one is meant, and which one is not trusted."""

import os

import pytest

from command import UserError
from runs import Run


@pytest.fixture
def logs(tmp_path):
    """Runs by their names, each made later than the one before."""
    names = ["small-20261120-090000", "small-20261121-090000", "small-deep-20261122-090000", "mine"]
    for when, name in enumerate(names):
        Run(tmp_path / name).create("{}", [])
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
