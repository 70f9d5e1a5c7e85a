"""The benchmark: every side trains the same network; ratios and shares are what they say."""

import dataclasses
import importlib.util
import json

import numpy as np
import pytest

import bench
from bench import Measured
from benchmarks import profile, sides

TINY = {"vocab_size": 60, "hidden_size": 12, "num_steps": 6, "batch_size": 5, "init_scale": 0.2}
SIDES = {**sides.OURS, **sides.ALTERNATIVES}
HAS_TORCH = importlib.util.find_spec("torch") is not None


def tiny(**changes):
    return dataclasses.replace(sides.SIZES["small"], **{**TINY, **changes})


def costs_of(name, config, words, steps, training=True):
    if name.startswith("torch") and not HAS_TORCH:
        pytest.skip("PyTorch is not installed")
    step = SIDES[name].make(config, words, training)
    return [step() for _ in range(steps)]


def test_random_words_lie_in_the_vocabulary_and_are_the_same_each_time():
    words = sides.make_words(tiny())
    assert words.shape == (sides.MINIBATCHES, 5, 7)
    assert words.min() >= 0 and words.max() < 60
    assert np.array_equal(words, sides.make_words(tiny()))


@pytest.mark.parametrize("name", [name for name in SIDES if "compiled" not in name])
def test_every_side_trains_from_chance_on(name):
    """The words are drawn independently: what can be learnt is how frequent they are."""
    config = tiny()
    words = sides.make_words(config)
    costs = np.array(costs_of(name, config, words, 150)) / config.num_steps
    frequencies = np.bincount(words[:, :, 1:].ravel(), minlength=60) / words[:, :, 1:].size
    entropy = -sum(p * np.log(p) for p in frequencies if p)
    assert costs[0] == pytest.approx(np.log(60), rel=0.03)
    assert costs[-50:].mean() == pytest.approx(entropy, rel=0.1)


@pytest.mark.parametrize("name", [name for name in SIDES if "compiled" not in name])
def test_every_side_with_one_word_of_a_kind_learns_it_wholly(name):
    """A cycle of six words: without the inputs the next one could not be told."""
    config = tiny(keep_prob=0.9)
    cycle = np.arange(7)[None, None, :] + np.arange(5)[None, :, None]
    words = np.repeat(cycle % 6, 3, axis=0).astype(np.int32)
    costs = costs_of(name, config, words, 200)
    assert min(costs[-20:]) / config.num_steps < 0.3


@pytest.mark.parametrize("name", [name for name in SIDES if "compiled" not in name])
def test_every_side_scores_without_learning_and_carries_the_state(name):
    config = tiny(batch_size=1, num_steps=8, keep_prob=0.5, init_scale=1.0)
    words = np.ones([1, 1, 9], np.int32)
    costs = np.array(costs_of(name, config, words, 60, training=False))
    assert costs[0] != costs[1]  # the state goes on from the first piece
    assert costs[-2] == pytest.approx(costs[-1], rel=1e-3)  # to where one word always leads


def test_the_work_of_small_is_that_of_its_products():
    assert sides.flops_per_word(sides.SIZES["small"]) == 3 * (2 * 400 * 800 * 2 + 2 * 200 * 10000)


def test_ratios_are_of_the_same_round_and_shares_of_the_measured_limit():
    fast = Measured("ours", "float32", rates=[2.0, 4.0, 6.0])
    slow = Measured("alternative", "tf1", rates=[1.0, 1.0, 2.0])
    assert bench.ratio(fast, slow) == 3.0
    limit = Measured("limit", "float32", rates=[10.0])
    assert bench.limit(limit) == 10 * 2 * sides.MATRIX**3
    work = sides.flops_per_word(sides.SIZES["small"])
    share = bench.share(1e5 * work, fast, [fast, slow, limit])
    assert share == pytest.approx(1e5 * work / bench.limit(limit))


def test_a_short_run_shows_and_writes_all_sides(tmp_path, capfd):
    file = tmp_path / "bench.json"
    argv = ["--seconds", "0.1", "--precision", "float32", "--against", "tf1", "--json", str(file)]
    assert bench.main(argv) == 0
    found = {(side["kind"], side["name"]): side for side in json.loads(file.read_text())["small"]}
    assert found.keys() == {("ours", "float32"), ("alternative", "tf1"), ("limit", "float32")}
    for side in found.values():
        assert len(side["rates"]) == bench.FEWEST_ROUNDS
        assert min(side["startup"], side["memory"], *side["rates"], *side["cpu"]) > 0
    shown = capfd.readouterr().out
    assert "float32 / it" in shown and "tf1" in shown and "GFLOP/s" in shown


def test_a_side_that_fails_is_named(monkeypatch):
    with pytest.raises(bench.UserError, match="nothing has failed"):
        bench.Worker("ours", "nothing", "small")


def test_the_profile_finds_the_matrix_products():
    times = profile.profile(tiny(vocab_size=2000, hidden_size=64), "float32")
    assert "MatMul" in list(times)[:6]
    assert all(seconds >= 0 for seconds in times.values())


def test_a_profile_of_the_evaluation_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        bench.main(["--profile", "--evaluation"])
    assert end.value.code == 2
    assert "--evaluation" in capsys.readouterr().err
