"""One picture of several runs. Draws a matplotlib Figure; touches no display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter

STYLES = {"valid": "-", "train": "--"}
SMALLEST, LARGEST = 1e-100, 1e100  # beyond, the arithmetic of matplotlib's axes overflows
MAX_POINTS = 5_000  # of a curve: of more epochs only every second, third, ... is drawn
MAX_LABEL = 80  # characters: more would not fit into the width
MAX_HEIGHT = 100.0  # inches: matplotlib draws at most 65,535 pixels


class Curve(NamedTuple):
    """A run's curve.

    label: the run's name. metric: the name of its score. records: one mapping an epoch with
    `epoch`, from 1, and the scores `train` and `valid`; a score that is not finite leaves a gap.
    """

    label: str
    metric: str
    records: Sequence[Mapping[str, float]]


def compare_curves(curves: Sequence[Curve]) -> Figure:
    """Validation (solid) and training (dashed) scores over the epochs, a colour a run.

    There are axes for every metric, logarithmic ones for perplexity.
    """
    metrics = list(dict.fromkeys(curve.metric for curve in curves))
    height = 0.5 + 4 * len(metrics) + 0.2 * len(curves)
    figure = Figure(figsize=(7.5, min(height, MAX_HEIGHT)), layout="constrained")
    axes = figure.subplots(len(metrics), 1, sharex=True, squeeze=False)[:, 0]
    axes_of = dict(zip(metrics, axes, strict=True))
    for metric, score in axes_of.items():
        _prepare(score, metric)
    colours = _colours(len(curves))
    for curve, colour in zip(curves, colours, strict=True):
        _draw(axes_of[curve.metric], curve, colour)
    for metric, score in axes_of.items():
        if not any(np.isfinite(line.get_ydata()).any() for line in score.lines):
            middle = {"ha": "center", "va": "center", "transform": score.transAxes}
            score.text(0.5, 0.5, f"no {metric} that can be drawn", **middle)
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    _add_legend(figure, [curve.label for curve in curves], colours)
    return figure


def _prepare(axes: Any, metric: str) -> None:
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3, which="both")
    if metric == "perplexity":
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))


def _colours(count: int) -> list[Any]:
    if count <= 10:
        return [f"C{number}" for number in range(count)]
    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, count)))


def _draw(axes: Any, curve: Curve, colour: Any) -> None:
    records = curve.records[:: 1 + len(curve.records) // MAX_POINTS]
    epochs = [record["epoch"] for record in records]
    marker = "." if len(epochs) <= 50 else None
    for split, style in STYLES.items():
        scores = _drawable([record[split] for record in records], curve.metric)
        width = 1.8 if split == "valid" else 1.0
        axes.plot(epochs, scores, style, marker=marker, lw=width, color=colour)


def _drawable(scores: Sequence[float], metric: str) -> np.ndarray:
    """The scores with NaN for those that axes cannot show, such as a perplexity of 0."""
    values = np.array(scores, dtype=np.float64)
    sizes = np.abs(values)
    shown = (sizes > SMALLEST) & (sizes < LARGEST)
    if metric == "perplexity":
        shown &= values > 0
    else:
        shown |= values == 0
    values[~shown] = np.nan
    return values


def _add_legend(figure: Figure, labels: Sequence[str], colours: Sequence[Any]) -> None:
    """The runs' colours below the axes, and what the two styles mean."""
    lines = [Line2D([], [], color=colour) for colour in colours]
    styles = [Line2D([], [], color="black", ls=style) for style in STYLES.values()]
    legend = figure.legend(
        lines + styles, ["run"] * len(lines) + list(STYLES), loc="outside lower center"
    )
    for text, label in zip(legend.get_texts(), labels, strict=False):
        # Given as labels, names would lose a leading "_" and be read as formulas between "$".
        text.set_parse_math(False)
        fits = len(label) <= MAX_LABEL
        text.set_text(label if fits else f"{label[:30]} ... {label[35 - MAX_LABEL :]}")
