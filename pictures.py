"""The problems' own pictures: what each shows of a model's predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from config import Config
from examples import from_bits
from tf1rnn.runtime import plots

COSINE_LIMITS = (-1.2, 1.2)
SUMS = 6  # worked examples that are shown


@dataclass(frozen=True)
class Shown:
    """What a picture is made of.

    title: the run and the split. records: a mapping an epoch, as in metrics.jsonl. arrays: those
    that the split's reader yields and the model's `predictions`, the whole split along the first
    axis.
    """

    title: str
    config: Config
    records: Sequence[Mapping[str, float]]
    arrays: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Movie:
    """A GIF of what changes from epoch to epoch.

    name: of the file. frame: what is kept of an epoch, one array. write: makes the file of the
    last epoch's Shown, and the number and frame of each epoch.
    """

    name: str
    frame: Callable[[Shown], np.ndarray]
    write: Callable[[Path, Shown, Sequence[tuple[int, np.ndarray]]], None]


# ------------------------------------------------------------------------------ sine to cosine


def _first_row(shown: Shown, name: str) -> np.ndarray:
    """`[points]`: the first row of every minibatch, which together are one line from zero state."""
    config: Any = shown.config
    rows = shown.arrays[name].reshape(-1, config.batch_size, config.num_steps)
    return rows[:, 0].ravel()


def draw_cosine(shown: Shown) -> Figure:
    """The cosine and what was made of the sine."""
    x, target, prediction = (_first_row(shown, name) for name in ("x", "targets", "predictions"))
    title = f"{shown.title}: cosine from sine, from a zero state on"
    return plots.fit(title, x, target, prediction, "x (radians)", COSINE_LIMITS)


def _write_cosine(path: Path, shown: Shown, frames: Sequence[tuple[int, np.ndarray]]) -> None:
    x, target = (_first_row(shown, name) for name in ("x", "targets"))
    titled = [(f"{shown.title}, epoch {epoch}", frame) for epoch, frame in frames]
    plots.write_fit_gif(path, x, target, titled, "x (radians)", COSINE_LIMITS)


COSINE_MOVIE = Movie("fit.gif", lambda shown: _first_row(shown, "predictions"), _write_cosine)


# ----------------------------------------------------------------------------------- next point


def draw_next_points(shown: Shown) -> Figure:
    """The points of the sine and their predictions, and the difference."""
    target, prediction = shown.arrays["targets"], shown.arrays["predictions"]
    x = np.arange(len(target))
    rmse = np.sqrt(np.mean((prediction - target) ** 2))
    title = f"{shown.title}: rmse {rmse:.2g}"
    return plots.fit_and_error(title, x, target, prediction, "number of the point")


# ---------------------------------------------------------------------------------- subtraction


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


def draw_sums(shown: Shown) -> Figure:
    """The curves of the training, and sums worked out."""
    pairs = len(shown.arrays["pairs"])
    sums = work_out(shown.arrays, pairs)
    title = f"{shown.title}: {sum(one.is_right for one in sums)} of {pairs} right"
    texts = [(one.in_columns(), one.is_right) for one in sums[:SUMS]]
    return plots.loss_accuracy_and_examples(title, shown.records, texts)


# --------------------------------------------------------------------------------------- digits


def draw_confusion(shown: Shown) -> Figure:
    """Which classes are taken for which."""
    labels, predictions = shown.arrays["targets"], shown.arrays["predictions"]
    classes = int(max(labels.max(), predictions.max())) + 1
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels, predictions), 1)
    right = f"{np.trace(counts)} of {counts.sum()} right"
    return plots.confusion(f"{shown.title}: {right}", counts, [str(c) for c in range(classes)])
