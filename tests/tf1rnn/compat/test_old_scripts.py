"""Programs as people wrote them from 2015 to 2018 run unchanged, and learn their tasks."""

import os
from pathlib import Path

import processes
import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = sorted((ROOT / "tests" / "old_scripts").glob("*.py"))
SHORT = ("rows_classifier_2017",)  # the others are left to make proofs


def marked(script):
    marks = () if script.stem in SHORT else pytest.mark.long
    return pytest.param(script, id=script.stem, marks=marks)


@pytest.mark.parametrize("script", map(marked, SCRIPTS))
def test_an_old_program_runs_as_it_is_and_learns(script, tmp_path):
    """Each script asserts itself what it learns."""
    done = processes.run(
        ["-m", "tf1rnn", script], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip()
    assert "deprecated" not in done.stderr, done.stderr[-3000:]


def test_there_are_scripts_of_every_year_and_they_know_nothing_of_the_library():
    texts = [script.read_text() for script in SCRIPTS]
    assert {script.stem[-4:] for script in SCRIPTS} == {"2015", "2016", "2017", "2018"}
    assert all("import tensorflow as tf" in text and "tf1rnn" not in text for text in texts)
