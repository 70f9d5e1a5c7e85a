"""The core cells as 0.5 to 1.1 called them, with the size of the inputs among the arguments.

It had no meaning even then: the first call tells the size. A cell called as 1.15 does is the
library's own, under the same name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

import tf1rnn
from tf1rnn.contrib.rnn.apart import fitting
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Shape


def _without(
    arguments: tuple[Any, ...], place: int, then: Callable[[Any], bool] = lambda _: True
) -> tuple[Any, ...]:
    """The arguments by position, without a size of the inputs at a place.

    Args:
      arguments: those of 0.5 or of 1.15.
      place: where the size would stand.
      then: whether an argument is what followed it. Where None stands in its place, that tells
        which order this is.
    """
    given = arguments[place : place + 1]
    is_size = given and isinstance(given[0], int) and not isinstance(given[0], bool)
    if is_size or (given == (None,) and all(map(then, arguments[place + 1 : place + 2]))):
        return arguments[:place] + arguments[place + 1 :]
    return arguments


def _is_bool(argument: Any) -> bool:
    return isinstance(argument, bool)


class _Skippable:
    """Stands behind a cell in the line of classes, for what subclasses leave out.

    `super(GRUCell, self).__init__(_reuse=reuse)` meant the constructor of `RNNCell`: there is no
    size in it. And before 1.5 it was `call` that made the variables: where a subclass has another
    `call` and no `build`, they are made when they are first asked for.
    """

    _shape_to_build: Any = None
    built: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or {"num_units", "cells"} & kwargs.keys():
            super().__init__(*args, **kwargs)
        else:
            RNNCell.__init__(self, **kwargs)  # type: ignore[arg-type]

    def build(self, inputs_shape: Shape) -> None:
        """Makes the variables; or keeps the shape, until one is asked for."""
        line = type(self).__mro__
        below = {name for one in line[: line.index(_Skippable) - 1] for name in vars(one)}
        if "call" in below and "build" not in below:
            self._shape_to_build = inputs_shape
        else:
            super().build(inputs_shape)  # type: ignore[misc]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self._shape_to_build is None or name not in _MADE_BY_BUILD:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        shape, self._shape_to_build = self._shape_to_build, None
        self.built = False
        super().build(shape)  # type: ignore[misc]
        return getattr(self, name)


_MADE_BY_BUILD = {
    "_kernel",
    "_bias",
    "_gate_kernel",
    "_gate_bias",
    "_candidate_kernel",
    "_candidate_bias",
    "_w_f_diag",
    "_w_i_diag",
    "_w_o_diag",
    "_proj_kernel",
}


def _signed(cell: Any) -> Any:
    """Shows the arguments of 1.15, among which the PTB tutorial looks for `reuse`."""
    cell.__init__.__signature__ = inspect.signature(cell.__bases__[1].__init__)
    return cell


@_signed
class BasicRNNCell(_Skippable, tf1rnn.BasicRNNCell):
    """`tf1rnn.BasicRNNCell`; takes `(num_units, input_size, activation)`, too."""

    _linear: Any = None  # where a step copied out of 1.3 or 1.4 keeps its `_Linear`

    def __init__(self, num_units: int, *args: Any, input_size: Any = None, **kwargs: Any) -> None:
        super().__init__(num_units, *_without(args, 0, callable), **kwargs)


@_signed
class GRUCell(_Skippable, tf1rnn.GRUCell):
    """`tf1rnn.GRUCell`; takes `(num_units, input_size, activation)`, too."""

    _gate_linear: Any = None
    _candidate_linear: Any = None

    def __init__(self, num_units: int, *args: Any, input_size: Any = None, **kwargs: Any) -> None:
        super().__init__(num_units, *_without(args, 0, callable), **kwargs)


@_signed
class BasicLSTMCell(_Skippable, tf1rnn.BasicLSTMCell):
    """`tf1rnn.BasicLSTMCell`; takes `(num_units, forget_bias, input_size, state_is_tuple)`, too."""

    _linear: Any = None

    def __init__(self, num_units: int, *args: Any, input_size: Any = None, **kwargs: Any) -> None:
        super().__init__(num_units, *_without(args, 1), **kwargs)


@_signed
class LSTMCell(_Skippable, tf1rnn.LSTMCell):
    """`tf1rnn.LSTMCell`; takes `(num_units, input_size, use_peepholes, ...)`, too."""

    _linear1: Any = None
    _linear2: Any = None

    def __init__(self, num_units: int, *args: Any, input_size: Any = None, **kwargs: Any) -> None:
        super().__init__(num_units, *_without(args, 0, _is_bool), **kwargs)


class MultiRNNCell(_Skippable, tf1rnn.MultiRNNCell):
    """`tf1rnn.MultiRNNCell`; layers of one cell have weights of their own where they must."""

    def __init__(self, cells: Any, state_is_tuple: bool = True, **kwargs: Any) -> None:
        super().__init__(cells, state_is_tuple, **kwargs)

    def build(self, inputs_shape: Shape) -> None:
        """Sets layers apart that one cell does not fit."""
        if isinstance(inputs_shape, tf.TensorShape):
            outputs = [cell.output_size for cell in self._cells[:-1]]
            self._cells = fitting(self._cells, [inputs_shape.as_list()[-1], *outputs])
            for i, cell in enumerate(self._cells):
                self._keep_track(cell, f"cell-{i}")
        super().build(inputs_shape)
