"""Layers that were written as one cell several times: `[cell] * num_layers`.

Up to 1.0 each of them had weights of its own. From 1.1 on they share the cell's, which inputs of
two depths do not fit: a program with such layers is of before.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from tf1rnn.types import Cell


def apart(cells: Sequence[Cell]) -> list[Cell]:
    """The cells, and copies of one that stands at several places for all but the first of them."""
    return [
        copy.deepcopy(cell) if any(cell is other for other in cells[:i]) else cell
        for i, cell in enumerate(cells)
    ]


def fitting(cells: list[Cell], depths: Sequence[Any]) -> list[Cell]:
    """The cells as they are, or apart where one of them would get inputs of two depths.

    Args:
      cells: one a layer.
      depths: the depth of each layer's inputs; what is no int fits.
    """
    of_first: dict[int, Any] = {}
    for cell, depth in zip(cells, depths, strict=True):
        if isinstance(depth, int) and of_first.setdefault(id(cell), depth) != depth:
            return apart(cells)
    return cells
