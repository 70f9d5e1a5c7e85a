"""The curves: where each row of each minibatch lies, and that a walk goes on from anywhere."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from series import ShuffledReader, read_sin_cos, read_sine, sine_windows


def take(reader, count, start=0):
    return list(itertools.islice(reader.batches(start), count))


def assert_same(minibatch, other):
    assert minibatch.arrays.keys() == other.arrays.keys()
    for name, array in minibatch.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)


SIN_COS = {"batch_size": 50, "num_steps": 20, "in_epoch": 20, "epochs": 10, "carry_state": True}


def test_a_cosine_minibatch_lies_where_it_should():
    """Point by point: minibatch k, row b, step t is at (20 k + 20 b + t) / (10 pi)."""
    k = 3
    arrays = take(read_sin_cos(**SIN_COS).train, 1, start=k)[0].arrays
    assert arrays["inputs"].shape == arrays["targets"].shape == (50, 20)
    assert arrays["inputs"].dtype == arrays["targets"].dtype == np.float32
    for b, t in ((0, 0), (0, 19), (1, 0), (49, 19)):
        x = (20 * k + 20 * b + t) / (10 * np.pi)
        assert arrays["x"][b, t] == pytest.approx(x)
        assert arrays["inputs"][b, t] == pytest.approx(np.sin(x), abs=1e-6)
        assert arrays["targets"][b, t] == pytest.approx(np.cos(x), abs=1e-6)


def test_every_row_goes_on_where_it_stopped_beyond_the_epoch_too():
    data = read_sin_cos(**SIN_COS)
    minibatches = take(data.train, 2 * len(data.train))
    step = 1 / (10 * np.pi)
    for before, after in itertools.pairwise(minibatches):
        np.testing.assert_allclose(
            after.arrays["x"][:, 0] - before.arrays["x"][:, -1], step, rtol=1e-6
        )
    assert [m.fresh for m in minibatches] == [True] + [False] * 39


def test_validation_starts_where_training_ends_and_test_after_it():
    data = read_sin_cos(**SIN_COS)
    beyond = take(data.train, 1, start=200)[0]
    assert_same(take(data.valid, 1)[0], beyond)
    assert_same(take(data.test, 1)[0], take(data.valid, 1, start=len(data.valid))[0])
    assert take(data.valid, 1)[0].fresh
    assert take(data.test, 1)[0].fresh


def test_without_carrying_every_minibatch_is_fresh():
    data = read_sin_cos(**{**SIN_COS, "carry_state": False})
    for reader in (data.train, data.valid, data.test):
        assert all(m.fresh for m in take(reader, 5))


@given(st.integers(0, 60))
@settings(max_examples=15, deadline=None)
def test_a_walk_along_the_cosine_goes_on_from_anywhere(start):
    train = read_sin_cos(**SIN_COS).train
    for whole, resumed in zip(take(train, start + 2)[start:], take(train, 2, start), strict=True):
        assert_same(whole, resumed)
        assert whole.fresh == resumed.fresh


def test_a_window_and_the_point_after_it_lie_on_one_sine():
    """By sin(x + d) = 2 cos(d) sin(x) - sin(x - d), which names no place on the line."""
    gap = 0.01
    windows = sine_windows(17, 50, 10, gap)
    assert windows["inputs"].shape == (50, 10)
    assert windows["targets"].shape == (50,)
    points = np.concatenate([windows["inputs"], windows["targets"][:, None]], axis=1)
    expected = 2 * np.cos(gap) * points[:, 1:-1] - points[:, :-2]
    np.testing.assert_allclose(points[:, 2:], expected, atol=1e-6)
    np.testing.assert_allclose(points[:, 0], np.sin((17 + np.arange(50)) * gap), atol=1e-6)


SINE = {
    "window": 10, "sample_gap": 0.01, "train_points": 500, "test_points": 60, "batch_size": 8,
    "in_epoch": 20, "shuffle": 50, "seed": 3,
}  # fmt: skip


def place(point):
    """The number of a point on the rising sine of the first 157 points."""
    return np.round(np.arcsin(point) / SINE["sample_gap"]).astype(int)


def test_no_point_is_in_two_splits():
    data = read_sine(**{**SINE, "train_points": 40, "test_points": 20})
    seen = {}
    for split in ("train", "valid", "test"):
        minibatches = take(getattr(data, split), 40 if split == "train" else 1)
        arrays = [m.arrays[name] for m in minibatches for name in ("inputs", "targets")]
        seen[split] = {number for array in arrays for number in place(array).flat}
    assert max(seen["train"]) < min(seen["test"])
    assert max(seen["test"]) < min(seen["valid"])
    assert len(seen["test"]) == len(seen["valid"]) == 20 + 10
    assert len(seen["train"]) == 40 + 10


def test_test_points_come_in_order_and_once():
    data = read_sine(**SINE)
    assert len(data.test) == 1
    arrays = take(data.test, 1)[0].arrays
    expected = sine_windows(510, 60, 10, 0.01)
    np.testing.assert_array_equal(arrays["targets"], expected["targets"])


NUMBERS = {"number": np.arange(100)}


def drawn(count, start=0, buffer=30, seed=1, size=7):
    reader = ShuffledReader(NUMBERS, size, 10, buffer, seed)
    return np.concatenate([m.arrays["number"] for m in take(reader, count, start)])


@given(st.integers(0, 40))
@settings(max_examples=8, deadline=None)
def test_shuffled_examples_go_on_from_anywhere(start):
    np.testing.assert_array_equal(drawn(start + 3)[start * 7 :], drawn(3, start))


def test_shuffled_examples_are_repeated_before_they_are_shuffled():
    """Of a stream shuffled in a buffer, what comes out at place p went in before p + buffer."""
    numbers = drawn(60)
    counts = np.bincount(numbers[:400], minlength=100)
    assert (counts > 0).all()
    assert (numbers[:70] <= np.arange(70) + 30 - 1).all()
    assert (np.diff(numbers) != 1).any()
    assert len(set(drawn(60, buffer=1)[:100])) == 100, "a buffer of one keeps the order"


def test_another_seed_gives_another_order():
    assert not np.array_equal(drawn(5), drawn(5, seed=2))


def test_minibatches_are_full_and_fresh():
    minibatches = take(read_sine(**SINE).train, 70)
    assert {len(m.arrays["targets"]) for m in minibatches} == {8}
    assert all(m.fresh for m in minibatches)


def test_the_pipelines_session_is_closed_with_the_iterator(monkeypatch):
    import tensorflow.compat.v1 as tf

    closed = []
    close = tf.Session.close
    monkeypatch.setattr(tf.Session, "close", lambda self: (closed.append(1), close(self)))
    batches = read_sine(**SINE).train.batches()
    next(batches)
    assert not closed
    batches.close()
    assert closed
