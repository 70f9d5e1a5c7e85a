"""The curves of one training: its scores and its learning rate, epoch by epoch."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.pictures.colours import BEST, TRAIN, VALID
from training.problem import Records

LOGARITHMIC = ("perplexity", "cost", "rmse")
WIDE = 3.0  # a log axis from this quotient of the largest and the smallest score on


def draw(
    title: str,
    metric: str,
    records: Records,
    best_epoch: int | None,
    floor: float | None = None,
) -> Figure:
    """Training and validation score over the epochs, with the learning rate below.

    records: one mapping an epoch with `epoch`, `train`, `valid` and `learning_rate`. floor: the
    lowest validation score that can be expected, a line where it is given.
    """
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    score, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    epochs = [record["epoch"] for record in records]
    for split, colour in (("train", TRAIN), ("valid", VALID)):
        scores = [record[split] for record in records]
        score.plot(epochs, scores, "o-", ms=3, color=colour, label=split)
    if floor is not None:
        label = f"lowest possible valid, {floor:.4g}"
        score.axhline(floor, color="black", lw=1, ls="--", label=label)
    if metric in LOGARITHMIC:
        _scale(score, [record[split] for record in records for split in ("train", "valid")])
    if len(epochs) == 1:
        score.set_xlim(epochs[0] - 0.5, epochs[0] + 0.5)
    _tell_diverged(score, metric, records)
    if best_epoch is not None:
        best = records[best_epoch - 1]["valid"]
        ring = {"ms": 9, "mfc": "none", "ls": "none", "color": BEST}
        score.plot([best_epoch], [best], "o", **ring, label=f"best valid, {best:.4g}")
    score.set(title=title, ylabel=metric)
    score.grid(alpha=0.3, which="both")
    score.legend()
    rate.plot(epochs, [record["learning_rate"] for record in records], ".-", color="tab:gray")
    rate.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    rate.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    rate.grid(alpha=0.3)
    return figure


def _tell_diverged(axes: Axes, metric: str, records: Records) -> None:
    """Says it where a split has nothing to draw."""
    splits = [
        split
        for split in ("train", "valid")
        if not any(math.isfinite(record[split]) for record in records)
    ]
    if splits:
        text = f"diverged: no finite {metric} of {' and '.join(splits)}"
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)


def _scale(axes: Axes, scores: list[Any]) -> None:
    """A log axis where the scores are far apart, with numbers that can be told from each other."""
    positive = [one for one in scores if 0 < one < math.inf]
    if not positive or max(positive) < WIDE * min(positive):
        return
    axes.set_yscale("log")
    if 10 < axes.get_ylim()[1] < 10_000:  # beyond, numbers at every tick would overlap
        axes.yaxis.set_major_formatter("{x:.4g}")
        axes.yaxis.set_minor_formatter("{x:.4g}")
