"""Sine to cosine: where each row of each minibatch lies, and that a walk goes on from anywhere."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from problems.sin_cos import SinCosConfig, read

CONFIG = SinCosConfig(batch_size=50, num_steps=20, steps_per_epoch=20, epochs=10)


def take(reader, count, start=0):
    return list(itertools.islice(reader.batches(start), count))


def assert_same(minibatch, other):
    assert minibatch.arrays.keys() == other.arrays.keys()
    for name, array in minibatch.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)


def test_a_cosine_minibatch_lies_where_it_should():
    """Point by point: minibatch k, row b, step t is at (20 k + 20 b + t) / (10 pi)."""
    k = 3
    arrays = take(read(CONFIG).train, 1, start=k)[0].arrays
    assert arrays["inputs"].shape == arrays["targets"].shape == (50, 20)
    assert arrays["inputs"].dtype == arrays["targets"].dtype == np.float32
    for b, t in ((0, 0), (0, 19), (1, 0), (49, 19)):
        x = (20 * k + 20 * b + t) / (10 * np.pi)
        assert arrays["x"][b, t] == pytest.approx(x)
        assert arrays["inputs"][b, t] == pytest.approx(np.sin(x), abs=1e-6)
        assert arrays["targets"][b, t] == pytest.approx(np.cos(x), abs=1e-6)


def test_every_row_goes_on_where_it_stopped_beyond_the_epoch_too():
    data = read(CONFIG)
    minibatches = take(data.train, 2 * len(data.train))
    step = 1 / (10 * np.pi)
    for before, after in itertools.pairwise(minibatches):
        np.testing.assert_allclose(
            after.arrays["x"][:, 0] - before.arrays["x"][:, -1], step, rtol=1e-6
        )
    assert [m.fresh for m in minibatches] == [True] + [False] * 39


def test_validation_starts_where_training_ends_and_test_after_it():
    data = read(CONFIG)
    beyond = take(data.train, 1, start=200)[0]
    assert_same(take(data.valid, 1)[0], beyond)
    assert_same(take(data.test, 1)[0], take(data.valid, 1, start=len(data.valid))[0])
    assert take(data.valid, 1)[0].fresh
    assert take(data.test, 1)[0].fresh


def test_without_carrying_every_minibatch_is_fresh():
    data = read(dataclasses.replace(CONFIG, carry_state=False))
    for reader in (data.train, data.valid, data.test):
        assert all(m.fresh for m in take(reader, 5))


@given(st.integers(0, 60))
@settings(max_examples=15, deadline=None)
def test_a_walk_along_the_cosine_goes_on_from_anywhere(start):
    train = read(CONFIG).train
    for whole, resumed in zip(take(train, start + 2)[start:], take(train, 2, start), strict=True):
        assert_same(whole, resumed)
        assert whole.fresh == resumed.fresh
