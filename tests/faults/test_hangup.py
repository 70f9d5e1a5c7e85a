"""A terminal that is closed, `nohup`, and a scheduler's warning, as a shell's user has them."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
FIELDS = ["--config=test", "--batch_size=4", "--num_steps=5", "--epochs=10000"]
WAIT = 120  # seconds


def command(folder):
    corpus = ROOT / "tests" / "data" / "runs" / "corpus"
    names = [f"--data_path={corpus}", f"--logdir={folder}", "--name=run"]
    return [sys.executable, str(ROOT / "train.py"), *FIELDS, *names]


@pytest.fixture(autouse=True)
def heard():
    """Children hear SIGHUP, though the tests themselves may be run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def until(condition):
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


@contextmanager
def ending(process):
    """Nothing is left running where a test fails."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for_epoch(folder, count=1):
    metrics = folder / "run" / "metrics.jsonl"
    until(lambda: metrics.exists() and len(metrics.read_text().splitlines()) >= count)


def assert_saved(folder):
    """The newest checkpoint is of the step that it was stopped at; nothing is half-written."""
    checkpoints = sorted((folder / "run" / "checkpoints").iterdir())
    stored = json.loads((checkpoints[-1] / "progress.json").read_text())
    assert stored["progress"]["records"]
    assert not list((folder / "run").rglob(".tmp-*"))


def test_a_terminal_that_is_closed_leaves_a_saved_run(tmp_path):
    """Its process group gets the signal, and what it writes then is an error."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, command(tmp_path))
    try:
        wait_for_epoch(tmp_path)
        os.close(terminal)
        until(lambda: os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT))
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert_saved(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_a_warning_leaves_a_saved_run_and_a_line(tmp_path, number):
    with ending(subprocess.Popen(command(tmp_path), stdout=subprocess.PIPE, text=True)) as process:
        wait_for_epoch(tmp_path)
        process.send_signal(number)
        said, _ = process.communicate(timeout=WAIT)
    assert process.returncode == 128 + number
    assert said.splitlines()[-1].startswith("stopped and saved; go on with: python")
    assert_saved(tmp_path)


def test_nohup_goes_on(tmp_path):
    nohup = ["nohup", *command(tmp_path)]
    with ending(subprocess.Popen(nohup, stdout=subprocess.DEVNULL)) as process:
        wait_for_epoch(tmp_path)
        process.send_signal(signal.SIGHUP)
        count = len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
        wait_for_epoch(tmp_path, count + 2)
        assert process.poll() is None
        process.terminate()
        assert process.wait(WAIT) == 128 + signal.SIGTERM
