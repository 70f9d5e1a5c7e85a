"""A predicted curve over its target, as a picture and as a GIF of how it improves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def draw(
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


def draw_with_error(
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


def write_gif(
    path: Path,
    x: np.ndarray,
    target: np.ndarray,
    frames: Sequence[tuple[str, np.ndarray]],
    xlabel: str,
    ylim: tuple[float, float],
) -> None:
    """A GIF of a fit as it improves: each frame has a title and a prediction `[points]`."""
    figure = draw(frames[0][0], x, target, frames[0][1], xlabel, ylim)
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
