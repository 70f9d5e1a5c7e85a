"""Pictures of runs. Every function draws a matplotlib Figure; none touches a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

TRAIN, VALID, BEST = "tab:blue", "tab:orange", "tab:green"
LOGARITHMIC = ("perplexity", "cost", "rmse")
RIGHT, WRONG = "tab:green", "tab:red"


def curves(
    title: str, metric: str, records: Sequence[Mapping[str, float]], best_epoch: int | None
) -> Figure:
    """Training and validation score over the epochs, with the learning rate below.

    records: one mapping an epoch with `epoch`, `train`, `valid` and `learning_rate`.
    """
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    score, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    epochs = [record["epoch"] for record in records]
    for split, colour in (("train", TRAIN), ("valid", VALID)):
        scores = [record[split] for record in records]
        score.plot(epochs, scores, "o-", ms=3, color=colour, label=split)
    if best_epoch is not None:
        best = records[best_epoch - 1]["valid"]
        score.plot([best_epoch], [best], "o", ms=9, mfc="none", color=BEST)
        score.annotate(
            f"best {best:.4g}", (best_epoch, best), (0, 10), textcoords="offset points", ha="right"
        )
    if metric in LOGARITHMIC:
        score.set_yscale("log")
        if 10 < score.get_ylim()[1] < 10_000:  # beyond, numbers at every tick would overlap
            score.yaxis.set_major_formatter("{x:.0f}")
            score.yaxis.set_minor_formatter("{x:.0f}")
    score.set(title=title, ylabel=metric)
    score.grid(alpha=0.3, which="both")
    score.legend()
    rate.plot(epochs, [record["learning_rate"] for record in records], color="tab:gray")
    rate.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    rate.xaxis.set_major_locator(MaxNLocator(integer=True))
    rate.grid(alpha=0.3)
    return figure


def fit(
    title: str,
    x: np.ndarray,
    target: np.ndarray,
    prediction: np.ndarray,
    xlabel: str,
    ylim: tuple[float, float],
) -> Figure:
    """A predicted curve over its target; all arrays `[points]`."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    _draw_fit(figure.subplots(), title, x, target, prediction, ylim).set_xlabel(xlabel)
    return figure


def fit_and_error(
    title: str, x: np.ndarray, target: np.ndarray, prediction: np.ndarray, xlabel: str
) -> Figure:
    """A predicted curve over its target, and below how far it is off; all arrays `[points]`."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    curve, error = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    margin = 0.1 * max(float(np.ptp(target)), 1e-6)
    _draw_fit(curve, title, x, target, prediction, (target.min() - margin, target.max() + margin))
    error.axhline(0, color="red", lw=1)
    error.plot(x, prediction - target, color="blue", lw=1)
    error.set(xlabel=xlabel, ylabel="prediction - target")
    error.grid(alpha=0.3)
    return figure


def write_fit_gif(
    path: Path,
    x: np.ndarray,
    target: np.ndarray,
    frames: Sequence[tuple[str, np.ndarray]],
    xlabel: str,
    ylim: tuple[float, float],
) -> None:
    """A GIF of a fit as it improves: each frame has a title and a prediction `[points]`."""
    figure = fit(frames[0][0], x, target, frames[0][1], xlabel, ylim)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # nothing moves from frame to frame but the prediction
    axes = figure.axes[0]
    writer = PillowWriter(fps=2)
    with writer.saving(figure, str(path), dpi=80):
        for title, prediction in [*frames] + [frames[-1]] * 3:  # the last one stands a while
            axes.set_title(title)
            axes.lines[-1].set_ydata(prediction)
            writer.grab_frame()


def _draw_fit(
    axes: Axes,
    title: str,
    x: np.ndarray,
    target: np.ndarray,
    prediction: np.ndarray,
    ylim: tuple[float, float],
) -> Axes:
    axes.plot(x, target, "-", color="red", lw=1.5, label="target")
    axes.plot(x, prediction, "--", color="blue", lw=1.5, label="prediction")
    axes.set(title=title, xlim=(x[0], x[-1]), ylim=ylim)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", ncols=2)
    return axes


def loss_accuracy_and_examples(
    title: str,
    records: Sequence[Mapping[str, float]],
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
    loss.plot(epochs, [record["cost"] for record in records], color=TRAIN)
    loss.set(ylabel="training loss", ylim=(0, None))
    for split, colour in (("train", TRAIN), ("valid", VALID)):
        accuracy.plot(epochs, [record[split] for record in records], color=colour, label=split)
    accuracy.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.03))
    accuracy.xaxis.set_major_locator(MaxNLocator(integer=True))
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


def confusion(title: str, counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """A confusion matrix, `counts[label, prediction]`; what is wrong stands out in red."""
    figure = Figure(figsize=(6.5, 6.5), layout="constrained")
    axes = figure.subplots()
    of_label = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(len(counts), dtype=bool)
    axes.imshow(np.where(right, counts / of_label, np.nan), cmap="Greens", vmin=0, vmax=1.6)
    wrong = np.where(right | (counts == 0), np.nan, counts / of_label)
    axes.imshow(wrong, cmap="Reds", vmin=-0.1, vmax=0.3)
    for (label, prediction), count in np.ndenumerate(counts):
        if count:
            axes.text(prediction, label, f"{count}", ha="center", va="center")
    axes.set(title=title, xlabel="prediction", ylabel="label")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    return figure
