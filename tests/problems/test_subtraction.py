"""Subtraction: the bits, the pairs and their splits, and the picture of what was learnt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from problems.subtraction import (
    SubtractionConfig,
    draw_curves_and_sums,
    from_bits,
    number_pairs,
    pair_reader,
    read,
    to_bits,
    work_out,
)

RECORDS = [
    {"epoch": i, "train": 0.1 * i, "valid": 0.05 * i, "cost": 1 / i, "learning_rate": 0.5**i}
    for i in range(1, 6)
]


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
    data = read(SubtractionConfig(bits=4, batch_size=1, seed=0))
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    pairs = {name: reader.arrays["pairs"].tolist() for name, reader in splits.items()}
    assert (len(data.train), len(pairs["train"]), len(pairs["test"])) == (102, 102, 136)
    assert len({tuple(p) for p in pairs["train"]}) == 102
    assert pairs["valid"][:136] == pairs["test"]
    assert len(pairs["valid"]) == 1136
    assert data.valid.arrays["targets"].shape == (1136, 16)


def test_the_split_is_that_of_any_seed():
    one, other = (read(SubtractionConfig(bits=4, batch_size=1, seed=seed)) for seed in (0, 1))
    assert one.sha256 == other.sha256
    assert one.sha256 != read(SubtractionConfig(bits=3, batch_size=1, seed=0)).sha256
    order = [next(data.train.batches()).arrays["pairs"].tolist() for data in (one, other)]
    assert order[0] != order[1]


def test_loss_accuracy_and_worked_examples_stand_side_by_side():
    examples = [("13 - 9 = 4", True), ("13 - 9 = 5", False)]
    loss, accuracy, texts = draw_curves_and_sums("a title", RECORDS, examples).axes
    assert list(loss.lines[0].get_ydata()) == [1 / i for i in range(1, 6)]
    assert len(accuracy.lines) == 2
    assert [text.get_text() for text in texts.texts] == ["13 - 9 = 4", "13 - 9 = 5"]
    assert texts.texts[0].get_color() != texts.texts[1].get_color()


@pytest.mark.parametrize("bits", [1, 4, 62])
def test_examples_of_any_length_stay_inside_the_picture(bits, tmp_path):
    text = f"- {'1' * bits}  {2**bits - 1} ✓"
    figure = draw_curves_and_sums("a title", RECORDS, [(text, True)] * 6)
    figure.savefig(tmp_path / "picture.png", dpi=50)
    width, height = figure.canvas.get_width_height()
    for shown in figure.axes[2].texts:
        box = shown.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height


def test_sums_that_borrow_are_shown_first():
    """Those are the hard ones: a bit of b is 1 where that of a is 0."""
    pairs = np.array([[7, 5], [4, 1], [3, 3], [6, 5], [5, 4], [2, 1]])
    arrays = {"pairs": pairs, "predictions": to_bits(pairs[:, 0] - pairs[:, 1], 3)}
    arrays["predictions"][3] = [0.2, 0.9, 0.4]  # 6 - 5 = 2
    sums = work_out(arrays, 6)
    assert {(one.a, one.b) for one in sums[:3]} == {(4, 1), (6, 5), (2, 1)}
    assert {(one.a, one.b) for one in sums[3:]} == {(7, 5), (3, 3), (5, 4)}
    assert {(one.a, one.b): one.difference for one in sums} == {
        (7, 5): 2, (4, 1): 3, (3, 3): 0, (6, 5): 2, (5, 4): 1, (2, 1): 1,
    }  # fmt: skip
    assert [one.is_right for one in sums].count(False) == 1
    assert len(work_out(arrays, 2)) == 2
