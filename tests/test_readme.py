"""The README's own words are run: the program of a problem of one's own, the library's example."""

import json
import re
import subprocess
import sys
from pathlib import Path

import processes
import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def program(start):
    (found,) = [block for block in BLOCKS if block.startswith(start)]
    return found


@pytest.fixture(scope="module")
def my_problem(tmp_path_factory):
    """The program in a folder of its own, run to the end; the modules come from the root."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my_problem.py").write_text(program("# my_problem.py"))
    logs = folder / "logs"
    arguments = ["--config", "echo", "--epochs", "8", "--logdir", logs, "--name", "run"]
    done = processes.run(
        [folder / "my_problem.py", *arguments],
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(folder)},
    )
    return done, logs / "run"


def test_a_problem_of_ones_own_trains_to_the_end(my_problem):
    done, run = my_problem
    assert done.returncode == 0, done.stderr
    result = json.loads((run / "result.json").read_text())
    assert result["metric"] == "accuracy"
    assert result["test"] > 0.99, "guessing is right in half of the bits"
    assert json.loads((run / "config.json").read_text())["problem"] == "echo"
    assert (run / "curves.png").exists()


def test_a_problem_of_ones_own_takes_30_lines():
    assert len([line for line in program("# my_problem.py").splitlines() if line.strip()]) <= 30


@pytest.mark.long
def test_the_librarys_example_runs():
    done = subprocess.run(
        [sys.executable, "-c", program("import tensorflow") + "    print(outputs.shape)"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert done.stdout.split() == ["(20,", "35,", "650)"], done.stderr
