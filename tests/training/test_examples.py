"""Independent examples: each once an epoch, in an order that can be found again."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.examples import ExampleReader


def numbers(reader, count, start=0):
    minibatches = itertools.islice(reader.batches(start), count)
    return [m.arrays["n"].tolist() for m in minibatches]


@given(st.integers(1, 30), st.integers(1, 10), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_an_epoch_has_each_example_once(examples, batch_size, epoch):
    reader = ExampleReader({"n": np.arange(examples)}, batch_size, seed=0)
    minibatches = numbers(reader, len(reader), start=epoch * len(reader))
    assert sorted(itertools.chain(*minibatches)) == list(range(examples))
    assert all(len(m) == batch_size for m in minibatches[:-1])


@given(st.integers(1, 30), st.integers(1, 10), st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_a_walk_goes_on_from_anywhere(examples, batch_size, start):
    reader = ExampleReader({"n": np.arange(examples)}, batch_size, seed=5)
    assert numbers(reader, start + 4)[start:] == numbers(reader, 4, start)


def test_epochs_and_seeds_have_orders_of_their_own():
    reader = ExampleReader({"n": np.arange(50)}, 50, seed=0)
    first, second = numbers(reader, 2)
    other = numbers(ExampleReader({"n": np.arange(50)}, 50, seed=1), 1)[0]
    in_order = numbers(ExampleReader({"n": np.arange(50)}, 50), 1)[0]
    assert len({tuple(order) for order in (first, second, other, in_order)}) == 4
    assert in_order == sorted(first)
