"""Independent examples: each once an epoch, in an order that can be found again."""

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import (
    ExampleReader,
    from_bits,
    number_pairs,
    pair_reader,
    read_digits,
    read_subtraction,
    to_bits,
)
from reader import DataError


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


@given(st.lists(st.integers(0, 2**62 - 1), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_bits_are_those_of_python_the_lowest_first(values):
    bits = to_bits(np.array(values), 62)
    texts = ["".join(str(int(bit)) for bit in row[::-1]) for row in bits]
    assert texts == [f"{value:062b}" for value in values]
    assert from_bits(bits).tolist() == values


def test_four_bits_make_136_pairs():
    pairs = {tuple(pair) for pair in number_pairs(4).tolist()}
    assert pairs == {(a, b) for a in range(16) for b in range(16) if a >= b}


@pytest.mark.parametrize("bits", [6, 16, 32, 62])
def test_many_bits_make_1000_random_pairs(bits):
    pairs = number_pairs(bits)
    assert pairs.shape == (1000, 2)
    assert (pairs[:, 0] >= pairs[:, 1]).all()
    assert pairs.min() >= 0
    assert 2 ** (bits - 1) < pairs.max() < 2**bits
    assert not np.array_equal(pairs, number_pairs(bits, seed=1))


def test_a_pair_is_fed_a_bit_of_each_number_a_step():
    minibatch = next(pair_reader(np.array([[13, 9]]), 4, 1).batches())
    assert minibatch.fresh
    assert minibatch.arrays["inputs"].tolist() == [[[1, 1], [0, 0], [1, 0], [1, 1]]]
    assert minibatch.arrays["targets"].tolist() == [[0, 0, 1, 0]]  # 4, the lowest bit first
    assert minibatch.arrays["inputs"].dtype == minibatch.arrays["targets"].dtype == np.float32


def test_subtraction_trains_on_some_pairs_and_tests_all():
    data = read_subtraction(bits=4, batch_size=1, seed=0)
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    pairs = {name: reader.arrays["pairs"].tolist() for name, reader in splits.items()}
    assert (len(data.train), len(pairs["train"]), len(pairs["test"])) == (102, 102, 136)
    assert len({tuple(p) for p in pairs["train"]}) == 102
    assert pairs["valid"][:136] == pairs["test"]
    assert len(pairs["valid"]) == 1136
    assert data.valid.arrays["targets"].shape == (1136, 16)


def test_the_split_is_that_of_any_seed():
    one, other = (read_subtraction(bits=4, batch_size=1, seed=seed) for seed in (0, 1))
    assert one.sha256 == other.sha256
    assert one.sha256 != read_subtraction(bits=3, batch_size=1, seed=0).sha256
    order = [next(data.train.batches()).arrays["pairs"].tolist() for data in (one, other)]
    assert order[0] != order[1]


def test_a_fifth_of_the_digits_is_held_out():
    data = read_digits(batch_size=32, seed=0)
    images = {name: getattr(data, name).arrays["inputs"] for name in ("train", "valid", "test")}
    sizes = [len(images[name]) for name in ("train", "valid", "test")]
    assert sum(sizes) == 1797
    assert sizes[2] == 1797 // 5
    everything = np.concatenate(list(images.values()))
    assert everything.shape[1:] == (8, 8)
    assert (everything.min(), everything.max()) == (0, 1)
    distinct = len(np.unique(everything.reshape(len(everything), -1), axis=0))
    assert distinct == 1797, "no image is in two splits"
    labels = np.concatenate([getattr(data, name).arrays["targets"] for name in images])
    assert np.bincount(labels).min() > 170, "ten classes, about equally many"


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        read_digits(batch_size=32, seed=0)
