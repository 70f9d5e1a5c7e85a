"""Whole trainings whose standard streams are closed, or whose reader leaves."""

import subprocess
import sys

import lives
import pytest

pytestmark = pytest.mark.long


def shell(line, corpus, folder, **fields):
    """Runs the line, in which $T is a training in the folder."""
    fields = lives.PTB | {"data_path": corpus, "logdir": folder, "name": "run"} | fields
    words = [sys.executable, lives.ROOT / "train.py", *lives.flags(fields)]
    return subprocess.run(
        ["bash", "-c", line.replace("$T", '"$@"'), "bash", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=lives.WAIT,
    )


@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_training_needs_no_standard_stream(closing, corpus, tmp_path):
    done = shell(f"$T {closing}", corpus, tmp_path, epochs=1)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run" / "result.json").is_file()


def test_a_reader_that_leaves_ends_the_training_with_141(corpus, tmp_path):
    done = shell('$T | head -3 >&2; exit "${PIPESTATUS[0]}"', corpus, tmp_path, epochs=1000)
    assert done.returncode == 141
    assert len(done.stderr.splitlines()) == 3, "no word of it"
    assert list((tmp_path / "run" / "checkpoints").glob("step-*")), "what came before is saved"
