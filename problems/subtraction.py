"""Subtraction: the difference of two binary numbers, bit by bit, the lowest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow.compat.v1 as tf
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import tf1rnn
from config import PRESETS, Config, Preset
from model import Model, count, count_true, dense, make_layers
from problems import PROBLEMS
from training.data import Data, hash_arrays
from training.examples import SPLIT_SEED, ExampleReader
from training.fields import setting
from training.metric import ACCURACY, Metric
from training.pictures.colours import RIGHT, TRAIN, VALID, WRONG
from training.problem import Outcome, Problem, Records, Shown

MOST_PAIRS = 1_000  # as many pairs of numbers are drawn where there are more
MOST_BITS = 62
SUMS = 6  # worked examples that are shown


@dataclass(frozen=True)
class SubtractionConfig(Config):
    """The difference of two binary numbers, one bit of each a step, the lowest first."""

    problem: ClassVar[str] = "subtraction"
    metric: ClassVar[Metric] = ACCURACY

    hidden_size: int = 32
    forget_bias: float = 0.0
    initializer: str = "glorot"
    batch_size: int = 1
    learning_rate: float = 0.1
    epochs: int = 100
    bits: int = setting(4, "bits of a number that is trained on", low=1, high=62)
    stop_at: float = setting(1.0, "validation accuracy that ends the training", low=0, high=1)

    def is_enough(self, score: float) -> bool:
        """Whether so many of the validation's pairs are right."""
        return score >= self.stop_at


def number_pairs(bits: int, seed: int = SPLIT_SEED) -> np.ndarray:
    """int64 `[pairs, 2]`: all a >= b of so many bits, or 1,000 drawn at random if there are more.

    Four bits make 136 pairs. The numbers have 62 bits at most.
    """
    if 2**bits * (2**bits + 1) // 2 <= MOST_PAIRS:
        a, b = np.tril_indices(2**bits)
        return np.stack([a, b], axis=1).astype(np.int64)
    drawn = np.random.default_rng((seed, bits)).integers(0, 2**bits, (MOST_PAIRS, 2))
    return np.sort(drawn, axis=1)[:, ::-1]


def to_bits(numbers: np.ndarray, bits: int) -> np.ndarray:
    """float32 `[..., bits]` of 0 and 1, the lowest bit first."""
    return (numbers[..., None] >> np.arange(bits) & 1).astype(np.float32)


def from_bits(bits: np.ndarray) -> np.ndarray:
    """int64 `[...]`: the numbers whose bits these are, the lowest first; inverse of `to_bits`."""
    return (bits.astype(np.int64) << np.arange(bits.shape[-1])).sum(axis=-1)


def pair_reader(
    pairs: np.ndarray, bits: int, batch_size: int, seed: int | None = None
) -> ExampleReader:
    """Pairs as sequences of bits, the lowest first.

    Yields `inputs` `[batch_size, bits, 2]`, a bit of each number; `targets` `[batch_size, bits]`,
    those of their difference; both float32. Beside them, for whom it may concern, the `pairs`,
    int64 `[batch_size, 2]`.
    """
    arrays = {
        "inputs": np.swapaxes(to_bits(pairs, bits), 1, 2),
        "targets": to_bits(pairs[:, 0] - pairs[:, 1], bits),
        "pairs": pairs,
    }
    return ExampleReader(arrays, batch_size, seed)


def read(config: SubtractionConfig) -> Data:
    """Pairs a >= b of binary numbers and their differences.

    Three quarters of the pairs are trained on, all of them tested. To validate, 1,000 pairs of
    four times as many bits are added: who has learnt to borrow, and not only these numbers, is
    right there too.
    """
    bits, batch_size = config.bits, config.batch_size
    pairs, long = number_pairs(bits), min(4 * bits, MOST_BITS)
    trained = np.random.default_rng(SPLIT_SEED).permutation(pairs)[: -(-3 * len(pairs) // 4)]
    validated = np.concatenate([pairs, number_pairs(long)])
    return Data(
        name=f"differences of {bits}-bit numbers",
        sha256=hash_arrays(trained, validated, pairs),
        facts=(
            f"{len(trained):,} pairs to train, all {len(pairs):,} to test; to validate, these "
            f"and {len(validated) - len(pairs):,} of {long} bits"
        ),
        train=pair_reader(trained, bits, batch_size, config.seed),
        valid=pair_reader(validated, long, len(validated)),
        test=pair_reader(pairs, bits, len(pairs)),
        unit="pairs",
        per_batch=batch_size,
    )


class BitTagger(Model):
    """A bit for every step, such as those of a difference.

    inputs: float32 `[batch_size, num_steps, 2]`, a bit of each number. targets: float32
    `[batch_size, num_steps]`. predictions: likewise, the chance that the bit is 1.
    The cost is the sum of the bits' cross-entropies in nats over batch_size; the score counts the
    sequences of which every bit is right. For evaluation num_steps is free.
    """

    def __init__(self, is_training: bool, config: SubtractionConfig):
        num_steps = config.bits if is_training else None
        with tf.name_scope("inputs"):
            inputs = tf.placeholder(tf.float32, [None, num_steps, 2], name="inputs")
            targets = tf.placeholder(tf.float32, [None, num_steps], name="targets")
        self.inputs = {"inputs": inputs, "targets": targets}
        cell = make_layers(config, is_training)

        def read_out(outputs: tf.Tensor) -> tf.Tensor:
            with tf.variable_scope("output"):
                return tf.squeeze(dense(outputs, 1, config), -1)

        def losses(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
            return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)

        outputs, _ = tf1rnn.dynamic_rnn(cell, inputs, dtype=tf.float32)
        logits = read_out(outputs)
        self.predictions = tf.sigmoid(logits)
        with tf.name_scope("cost"):
            self.cost = tf.reduce_mean(tf.reduce_sum(losses(logits, targets), axis=1))
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell,
            inputs,
            lambda outputs: tf.reduce_mean(losses(read_out(outputs[:, -1]), targets[:, -1])),
        )
        right = tf.reduce_all(tf.equal(logits > 0, targets > 0.5), axis=1)
        self.score_sum, self.score_count = count_true(right), count(right)
        if is_training:
            self.add_training(config)


# ---------------------------------------------------------------------------- what is shown of it


@dataclass(frozen=True)
class Sum:
    """A subtraction as the model does it, with numbers of so many bits."""

    a: int
    b: int
    difference: int
    bits: int

    @property
    def is_right(self) -> bool:
        """Whether the model has it right."""
        return self.a - self.b == self.difference

    def __str__(self) -> str:
        a, b, difference = (f"{n:0{self.bits}b}" for n in (self.a, self.b, self.difference))
        return f"{self.a} - {self.b} = {self.difference} ({a} - {b} = {difference})"

    def in_columns(self) -> str:
        """The three numbers below each other, their bits and themselves."""
        width = len(str(2**self.bits - 1))
        mark = "✓" if self.is_right else "✗"
        return "\n".join(
            f"{sign} {number:0{self.bits}b}  {number:{width}d} {end}"
            for sign, number, end in (
                (" ", self.a, " "), ("-", self.b, " "), ("=", self.difference, mark)
            )
        )  # fmt: skip


def work_out(arrays: Mapping[str, np.ndarray], count: int) -> list[Sum]:
    """`count` sums out of a split's `pairs` and `predictions`, those that must borrow first."""
    pairs, bits = arrays["pairs"], arrays["predictions"].shape[1]
    differences = from_bits(arrays["predictions"] > 0.5)
    borrows = (pairs[:, 1] & ~pairs[:, 0]) != 0
    order = np.random.default_rng(0).permutation(len(pairs))
    chosen = order[np.argsort(~borrows[order], kind="stable")][:count]
    return [Sum(int(pairs[i, 0]), int(pairs[i, 1]), int(differences[i]), bits) for i in chosen]


def figures(outcome: Outcome) -> dict[str, Any]:
    """How many pairs are right, also of longer numbers, and some sums worked out."""
    shown = outcome.predict(outcome.data.test)
    right = _sums_right(shown)
    figures: dict[str, Any] = {"pairs": len(right), "pairs_right": int(right.sum())}
    for bits in (16, 32):
        pairs = number_pairs(bits, seed=1)  # others than those of the validation
        longer = outcome.predict(pair_reader(pairs, bits, len(pairs)))
        figures[f"accuracy_{bits}_bits"] = float(_sums_right(longer).mean())
    return {**figures, "sums": [str(one) for one in work_out(shown, SUMS)]}


def _sums_right(shown: Mapping[str, np.ndarray]) -> np.ndarray:
    return ((shown["predictions"] > 0.5) == (shown["targets"] > 0.5)).all(axis=1)


def draw(shown: Shown) -> Figure:
    """The curves of the training, and sums worked out."""
    pairs = len(shown.arrays["pairs"])
    sums = work_out(shown.arrays, pairs)
    title = f"{shown.title}: {sum(one.is_right for one in sums)} of {pairs} right"
    texts = [(one.in_columns(), one.is_right) for one in sums[:SUMS]]
    return draw_curves_and_sums(title, shown.records, texts)


def draw_curves_and_sums(
    title: str,
    records: Records,
    examples: Sequence[tuple[str, bool]],
) -> Figure:
    """The training's loss, the accuracy of both splits, and worked examples beside them.

    records: one mapping an epoch with `epoch`, `cost`, `train` and `valid`. examples: a text of
    any number of lines, and whether it is right.
    """
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    figure.suptitle(title)
    grid = figure.add_gridspec(2, 2, width_ratios=(3, 2))
    loss = figure.add_subplot(grid[0, 0])
    accuracy = figure.add_subplot(grid[1, 0], sharex=loss)
    sums = figure.add_subplot(grid[:, 1])
    sums.axis("off")
    epochs = [record["epoch"] for record in records]
    loss.plot(epochs, [record["cost"] for record in records], ".-", color=TRAIN)
    loss.set(ylabel="training loss", ylim=(0, None))
    for split, colour in (("train", TRAIN), ("valid", VALID)):
        scores = [record[split] for record in records]
        accuracy.plot(epochs, scores, ".-", color=colour, label=split)
    accuracy.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.03))
    accuracy.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    accuracy.legend(loc="lower right")
    for axes in (loss, accuracy):
        axes.grid(alpha=0.3)
    longest = max(len(line) for text, _ in examples for line in text.splitlines())
    size = min(11.0, 370 / longest)  # points; a letter's width is 0.6 of that
    for row, (text, is_right) in enumerate(examples):
        colour = RIGHT if is_right else WRONG
        height = 1 - row / len(examples)
        sums.text(0.05, height, text, color=colour, family="monospace", size=size, va="top")
    return figure


PROBLEMS["subtraction"] = Problem(read=read, model=BitTagger, figures=figures, picture=draw)
PRESETS["subtraction"] = Preset(SubtractionConfig(), "subtraction of binary numbers, bit by bit")
