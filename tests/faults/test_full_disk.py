"""A disk that is full at any write: one line names the file, and the run goes on afterwards.

DISKS, of the environment: how many sizes of a small disk are tried.
"""

import os
import subprocess
import sys
from pathlib import Path

import lives
import pytest

pytestmark = pytest.mark.long

DISKS = lives.count("DISKS", 3)
# What cannot be written, the fault that sees to it, and what is named.
FAULTS = [
    ("the folder of the run", ("full_disk_at", "run", 1), "/run: "),
    ("the first checkpoint", ("full_disk_at", "step-", 1), "/checkpoints/step-0000000003: "),
    ("the events' file", ("full_disk_at_events", 0), "/events.out.tfevents."),
    ("a later checkpoint", ("full_disk_at", "step-", 3), "/checkpoints/step-0000000009: "),
    ("the metrics", ("full_disk_at", "metrics.jsonl", 2), "/metrics.jsonl: "),
    ("an epoch's events", ("full_disk_at_events", 2), "/events.out.tfevents."),
    ("the curves", ("full_disk_at", "curves.png", 2), "/curves.png: "),
    ("the result", ("full_disk_at", "result.json", 1), "/result.json: "),
    ("the last events", ("full_disk_at_events", 2), "/events.out.tfevents."),
]


def test_a_full_disk_is_one_line_that_names_the_file_and_costs_nothing(server, whole_ptb, tmp_path):
    """One run, whose lives end so one after the other, each further on than the one before."""
    trial = lives.Trial(server, tmp_path / "logs", whole_ptb.fields)
    for what, fault, name in FAULTS:
        life = trial.live(faults=[fault])
        said = lives.refusal(life)
        assert name in said, what
        assert said.endswith(": File too large\n"), what
        assert not lives.leftovers(tmp_path), what
        assert not lives.damaged(trial.path), what
    trial.finish()
    assert lives.outcome(trial.path) == whole_ptb.outcome


def test_output_that_cannot_be_written_is_one_line(whole_ptb, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    command = [sys.executable, lives.ROOT / "train.py", *lives.flags(whole_ptb.fields)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, "--logdir", tmp_path, "--name", "run"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=lives.WAIT,
            env={name: v for name, v in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )
    assert done.returncode == 2
    assert done.stderr == "train.py: standard output: No space left on device\n"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def free(disk):
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def test_a_run_survives_a_disk_of_any_size(server, whole_ptb, small_disk):
    """The sizes go from none to what the run needs; each run ends on the whole disk."""
    folder = small_disk / "logs"
    trial = lives.Trial(server, folder, whole_ptb.fields)
    ballast, most, refused = small_disk / "ballast", None, 0
    for number in range(DISKS):
        if most is None:
            before = free(small_disk)
            trial.finish()
            most = before - free(small_disk) + 40_000  # and a checkpoint that is being written
        subprocess.run(["rm", "-rf", folder], check=True)
        ballast.write_bytes(bytes(free(small_disk) - most * number // DISKS // 4096 * 4096))
        life = trial.live()
        assert not lives.damaged(trial.path)
        if life.status != 0:
            assert "No space left on device" in lives.refusal(life)
            refused += 1
        ballast.unlink()
        trial.finish()
        assert lives.outcome(trial.path) == whole_ptb.outcome
    assert refused >= DISKS // 2
