"""The picture of a gradient flow: how large the gradient is, so many steps back in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

LOWEST = 1e-20  # where the axis ends, as a part of the largest norm
ROOM = 30  # and begins, for the curve that grows
GUIDES = {"$1.01^n$": 1.01, "$0.99^n$": 0.99}


def draw(title: str, flows: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Norms of d loss(T) / d state(T - n) over n, on a log axis, beside 0.99^n and 1.01^n.

    flows: for each label, of a cell or a layer, the norms by the name of the state's part, "h" or
    "c". Entry n of an array `[num_steps + 1]` is the norm n steps back. h is drawn solid, c
    dotted; zeros and what is not finite are left out. The two curves start where the largest h
    does.
    """
    figure = Figure(figsize=(8.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_yscale("log")
    for number, (label, parts) in enumerate(flows.items()):
        for part, norms in parts.items():
            line = axes.plot(_drawable(norms), color=f"C{number}")[0]
            if part == "c":
                line.set(linestyle=":", linewidth=1.2)
            else:
                line.set(label=label, linewidth=1.8)
    largest = _largest([norms for parts in flows.values() for norms in parts.values()])
    axes.set_ylim(max(axes.get_ylim()[0], LOWEST * largest), ROOM * largest)
    _draw_guides(axes, flows)
    axes.set(title=title, xlabel="n, steps back in time", ylabel="norm of d loss(T) / d h(T - n)")
    axes.margins(x=0.01)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if any("c" in parts for parts in flows.values()):
        axes.plot([], [], ":", color="gray", lw=1.2, label="dotted: c in place of h")
    figure.legend(loc="outside right center", frameon=False)
    return figure


def _drawable(norms: np.ndarray) -> np.ndarray:
    """The norms, NaN where a log axis has no place for them."""
    return np.where(np.isfinite(norms) & (norms > 0), norms, np.nan)


def _largest(flows: Sequence[np.ndarray]) -> float:
    """The largest norm that can be drawn; 1 where none can."""
    drawable = _drawable(np.concatenate(flows))
    return float(np.nanmax(drawable)) if np.isfinite(drawable).any() else 1.0


def _draw_guides(axes: Axes, flows: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """The curves of a gradient that shrinks, or grows, by a hundredth a step."""
    start = _largest([parts["h"][:1] for parts in flows.values()])
    n = np.arange(max(len(parts["h"]) for parts in flows.values()))
    for label, base in GUIDES.items():
        curve = start * base**n
        axes.plot(n, curve, "--", color="black", lw=1)
        end, side = (n[-1], curve[-1]), "bottom" if base > 1 else "top"
        axes.annotate(label, end, (6, 0), textcoords="offset points", va=side, clip_on=False)
