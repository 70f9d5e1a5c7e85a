"""Two processes and one folder: one trains, the other is refused; a reader disturbs nobody."""

import subprocess
import sys
import time

import lives
import pytest

pytestmark = pytest.mark.long


@pytest.fixture
def training(whole_ptb, tmp_path):
    """A process of its own that trains for long and saves often, and its run."""
    fields = whole_ptb.fields | {"epochs": 10_000, "learning_rate": 0.01}
    often = {"logdir": tmp_path, "name": "run", "checkpoint_steps": 1}
    command = [sys.executable, lives.ROOT / "train.py", *lives.flags(fields | often)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + lives.WAIT
    while not (tmp_path / "run" / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield process, tmp_path / "run"
    process.kill()
    process.wait()


def test_the_second_is_refused_readers_are_welcome_and_a_kill_frees_the_folder(server, training):
    process, run = training
    resume = ["--resume", run, "--checkpoint_steps", "1"]
    for _ in range(2):
        said = lives.refusal(server.live("train.py", resume))
        assert said == f"train.py: {run} is in use by process {process.pid}\n"
    for which in ("best", "last", "best", "last"):
        life = server.live("evaluate.py", [run, "--checkpoint", which])
        assert life.status == 0, life
        assert len(life.err.splitlines()) == 1, life  # many words of so short a text are unknown
        assert "are unknown to the run" in life.err
        assert life.out.startswith("test perplexity ")
    assert process.poll() is None, "it trains on"
    process.kill()
    process.wait()
    life = server.live("train.py", resume, faults=[("signal_at_step", 1, 15)])
    assert life.status == 128 + 15, life
    assert "going on from step" in life.out
    assert not lives.damaged(run)
