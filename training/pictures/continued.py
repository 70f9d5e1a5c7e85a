"""The picture of a curve that goes on by itself."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from training.generation import Continued


def draw(title: str, curve: Continued) -> Figure:
    """The curve as it should be and as it goes on, and a line where it is left to itself."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve.x, curve.target, "-", color="red", lw=1.5, label="target")
    axes.plot(curve.x, curve.prediction, "--", color="blue", lw=1.5, label="by itself")
    axes.axvline(curve.x[curve.given], color="black", lw=1, ls=":", label="given before")
    room = 0.6 * max(float(np.ptp(curve.target)), 1e-6)
    low, high = curve.target.min() - room, curve.target.max() + room
    axes.set(title=title, xlabel=curve.xlabel, xlim=(curve.x[0], curve.x[-1]), ylim=(low, high))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", ncols=3)
    return figure
