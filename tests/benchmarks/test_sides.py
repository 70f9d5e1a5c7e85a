"""Every side trains the same network, in processes that have one framework each."""

import dataclasses
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bench
from benchmarks import ours, profile, sides, task

ROOT = Path(bench.__file__).parent
SIDES = {**sides.OURS, **sides.ALTERNATIVES}
NAMES = [name for name in SIDES if not name.endswith("compiled")]


def run(python, *arguments):
    done = subprocess.run(
        [python, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@functools.cache
def runs(in_torch):
    """What tiny_runs.py says of the sides that need PyTorch, or of the others."""
    if in_torch and not bench.TORCH_PYTHON.exists():
        pytest.skip("no PyTorch in .venv-bench: make bench installs it")
    names = [name for name in NAMES if SIDES[name].in_torch == in_torch]
    script = Path(__file__).with_name("tiny_runs.py")
    return run(bench.TORCH_PYTHON if in_torch else sys.executable, script, *names)


def costs_of(name, work):
    found = runs(SIDES[name].in_torch)[name]
    if "cannot" in found:
        pytest.skip(found["cannot"])
    return np.array(found[work])


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_every_side_starts_at_chance_and_learns_a_cycle_of_words(name):
    costs = costs_of(name, "training")
    assert costs[0] == pytest.approx(np.log(60), rel=0.03)
    assert min(costs[-20:]) < 0.3


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_every_side_scores_without_learning_and_carries_the_state(name):
    costs = costs_of(name, "evaluation")
    assert costs[0] != costs[1]  # the state goes on from the first piece
    assert costs[-2] == pytest.approx(costs[-1], rel=1e-3)  # to where one word always leads


@pytest.mark.long
@pytest.mark.parametrize(
    ("in_torch", "imported"), [(True, ["torch"]), (False, ["tensorflow", "keras"])]
)
def test_no_process_has_both_pytorch_and_tensorflow(in_torch, imported):
    assert runs(in_torch)["imported"] == imported


def test_the_command_itself_needs_no_framework_and_counts_the_cores_that_it_may_use():
    code = "import json, os, sys; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    code += "import bench, benchmarks.worker; print(json.dumps([bench.machine.describe()['cores'], "
    code += "[n for n in ('tensorflow', 'torch', 'keras') if n in sys.modules]]))"
    assert run(sys.executable, "-c", code) == [1, []]


def test_random_words_lie_in_the_vocabulary_and_are_the_same_each_time():
    config = task.SIZES["small"]
    words = task.make_words(config)
    assert words.shape == (task.MINIBATCHES, config.batch_size, config.num_steps + 1)
    assert words.min() >= 0 and words.max() < config.vocab_size
    assert np.array_equal(words, task.make_words(config))


def test_the_work_of_small_is_that_of_its_products():
    assert task.flops_per_word(task.SIZES["small"]) == 3 * (2 * 400 * 800 * 2 + 2 * 200 * 10000)


def test_the_profile_finds_the_matrix_products(monkeypatch):
    monkeypatch.setattr(profile, "STEPS", 3)
    sizes = {"vocab_size": 2000, "hidden_size": 64, "num_steps": 6}
    config = dataclasses.replace(task.SIZES["small"], **sizes)
    times = list(profile.profile(config, "float32").items())
    assert "MatMul" in dict(times[:6])
    seconds = [one for _, one in times]
    assert seconds == sorted(seconds, reverse=True) and seconds[-1] >= 0


def test_the_products_that_show_the_limit_are_equal_work():
    assert {2 * rows * inner * columns for rows, inner, columns in ours.SHAPES} == {ours.WORK}
