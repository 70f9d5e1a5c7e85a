"""Cells inside of cells, as a config holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Cell


def cell_config(cell: Cell) -> Cell | dict[str, Any]:
    """`class_name` and `config` of a cell, or the cell itself where it has no config."""
    if not hasattr(cell, "get_config"):
        return cell
    return {"class_name": type(cell).__name__, "config": cell.get_config()}


def cell_from_config(config: Cell | dict[str, Any], custom_objects: dict[str, type] | None) -> Cell:
    """The cell of what `cell_config` gave; a cell itself is let through.

    Raises ValueError for a class that is neither this library's nor in `custom_objects`.
    """
    if not isinstance(config, dict):
        return config
    classes: dict[str, Any] = {**(custom_objects or {})}
    for cls in _subclasses(RNNCell):
        if cls.__module__.startswith("tf1rnn."):
            classes.setdefault(cls.__name__, cls)  # before those of its name that come of it
    name = config["class_name"]
    if name not in classes:
        raise ValueError(f"there is no cell class {name!r}; give it in custom_objects")
    more = {"custom_objects": custom_objects} if custom_objects else {}
    return classes[name].from_config(config["config"], **more)


def _subclasses(cls: Any) -> Iterator[Any]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
