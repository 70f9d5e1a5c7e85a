"""A test that never ends fails, is named, and lets the run end; the other tests run."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.long
def test_a_test_that_stands_still_ends_the_run_of_no_other(tmp_path):
    (tmp_path / "test_still.py").write_text(
        "import time\ndef test_still(): time.sleep(200)\ndef test_after(): pass\n"
    )
    for number in range(5):
        (tmp_path / f"test_{number}.py").write_text("def test_well(): pass\n")
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-n", "2"]
    command += ["--dist", "loadfile", "-o", "timeout=3", "-o", "addopts=", tmp_path]
    config = (ROOT / "pyproject.toml").read_text()
    assert "--max-worker-restart=0" in config
    done = subprocess.run(
        [*command, "--max-worker-restart=0"], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1
    assert "crashed while running" in done.stdout and "test_still" in done.stdout
    assert "1 failed, 4 passed" in done.stdout or "1 failed, 5 passed" in done.stdout
