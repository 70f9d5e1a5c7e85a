"""Sine: windows lie where they should, splits do not meet, shuffled walks go on from anywhere."""

import dataclasses
import itertools

import numpy as np
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from problems.sine import ShuffledReader, SineConfig, read, windows


def take(reader, count, start=0):
    return list(itertools.islice(reader.batches(start), count))


def test_a_window_and_the_point_after_it_lie_on_one_sine():
    """By sin(x + d) = 2 cos(d) sin(x) - sin(x - d), which names no place on the line."""
    gap = 0.01
    found = windows(17, 50, 10, gap)
    assert found["inputs"].shape == (50, 10)
    assert found["targets"].shape == (50,)
    points = np.concatenate([found["inputs"], found["targets"][:, None]], axis=1)
    expected = 2 * np.cos(gap) * points[:, 1:-1] - points[:, :-2]
    np.testing.assert_allclose(points[:, 2:], expected, atol=1e-6)
    np.testing.assert_allclose(points[:, 0], np.sin((17 + np.arange(50)) * gap), atol=1e-6)


CONFIG = SineConfig(
    window=10,
    sample_gap=0.01,
    train_points=500,
    test_points=60,
    batch_size=8,
    steps_per_epoch=20,
    shuffle=50,
    seed=3,
)


def place(point):
    """The number of a point on the rising sine of the first 157 points."""
    return np.round(np.arcsin(point) / CONFIG.sample_gap).astype(int)


def test_no_point_is_in_two_splits():
    data = read(dataclasses.replace(CONFIG, train_points=40, test_points=20))
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
    data = read(CONFIG)
    assert len(data.test) == 1
    arrays = take(data.test, 1)[0].arrays
    expected = windows(510, 60, 10, 0.01)
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
    minibatches = take(read(CONFIG).train, 70)
    assert {len(m.arrays["targets"]) for m in minibatches} == {8}
    assert all(m.fresh for m in minibatches)


def test_the_pipelines_session_is_closed_with_the_iterator(monkeypatch):
    closed = []
    close = tf.Session.close
    monkeypatch.setattr(tf.Session, "close", lambda self: (closed.append(1), close(self)))
    batches = read(CONFIG).train.batches()
    next(batches)
    assert not closed
    batches.close()
    assert closed
