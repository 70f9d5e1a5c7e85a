"""Runs that are killed at any moment end as if they had never been: bit for bit.

KILLS, of the environment: how many runs are killed, each one to three times.
"""

import collections
import random
import signal
import subprocess
import sys
import time

import lives
import pytest

pytestmark = pytest.mark.long
KILLS = lives.count("KILLS", 3)
TRUE = KILLS // 25 or 1  # of them by processes that are no forks
EACH = (KILLS - TRUE) // len(lives.FIELDS) or 1


def find_when(generator, whole, kind):
    """A moment of a run's whole life, by its CPU time or its calls to the file system."""
    total = {"cpu": whole.life.cpu, "call": whole.life.calls}[kind]
    when = generator.uniform(0, total) if kind == "cpu" else generator.randint(1, total)
    return {f"kill_at_{kind}": when}


def kill(trial, generator, whole, tally):
    """Up to three lives that are to be killed; whether one was."""
    killed = False
    for _ in range(generator.choice((1, 1, 2, 3))):
        kind = generator.choice(("cpu", "call"))
        life = trial.live(**find_when(generator, whole, kind))
        assert life.status in (0, -signal.SIGKILL), life
        if life.status == 0:
            break
        killed = True
        tally["kills"] += 1
        tally[f"kills by {kind}"] += 1
        tally["before the folder was there"] += not trial.path.exists()
        tally["in the midst of writing"] += bool(lives.leftovers(trial.path))
        written = {path.parent.name for path in lives.leftovers(trial.path)}
        tally["in the midst of writing a checkpoint"] += "checkpoints" in written
    return killed


def test_killed_runs_end_as_the_one_that_was_not(server, whole, tmp_path, record_property):
    tally = collections.Counter()
    for number in range(EACH):
        generator = random.Random(number)
        for attempt in range(10):  # a life may end before it is killed
            trial = lives.Trial(server, tmp_path / f"{number}.{attempt}", whole.fields)
            if kill(trial, generator, whole, tally):
                break
        else:
            pytest.fail("no life was killed")
        trial.finish()
        assert lives.outcome(trial.path) == whole.outcome, f"run {number}"
        tally["runs"] += 1
    for what, times in sorted(tally.items()):
        record_property(what, times)
    print(f"\n{whole.outcome['result']['metric']}: {dict(tally)}")
    assert tally["runs"] == EACH


def test_no_checkpoint_is_left_over_by_a_kill_after_the_last_save(server, whole_ptb, tmp_path):
    trial = lives.Trial(server, tmp_path, whole_ptb.fields)
    last = whole_ptb.outcome["metrics"][-1]["step"]
    life = trial.live(faults=[("kill_before_pruning", last)])
    assert life.status == -signal.SIGKILL, life
    trial.finish()
    assert lives.outcome(trial.path) == whole_ptb.outcome


@pytest.mark.parametrize("number", range(TRUE))
def test_a_process_of_its_own_that_is_killed_ends_like_a_fork_that_was_not(
    whole_ptb, tmp_path, number
):
    """The same from the shell: nothing here hangs on how the other lives are made."""
    generator = random.Random(number)
    fields = whole_ptb.fields | {"logdir": tmp_path, "name": "run", "checkpoint_steps": 3}
    run = tmp_path / "run"
    begun = subprocess.Popen(
        [sys.executable, lives.ROOT / "train.py", *lives.flags(fields)],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + lives.WAIT
    while not run.exists() and begun.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(generator.uniform(0, 3))
    begun.kill()
    begun.wait()
    resumed = subprocess.run(
        [sys.executable, lives.ROOT / "train.py", "--resume", run, "--checkpoint_steps", "3"],
        capture_output=True,
        text=True,
        timeout=lives.WAIT,
    )
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert lives.outcome(run) == whole_ptb.outcome
