"""The core cells as 0.5 to 1.1 called them, with the size of the inputs among the arguments.

It had no meaning even then: the first call tells the size. A cell called as 1.15 does is the
library's own, under the same name.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

import tf1rnn
from tf1rnn.types import Cell, Shape


def _is_input_size(argument: Any) -> bool:
    """Whether an argument is a size, or the None that stood in its place."""
    return argument is None or (isinstance(argument, int) and not isinstance(argument, bool))


def _without(arguments: tuple[Any, ...], place: int) -> tuple[Any, ...]:
    """The arguments by position, without a size of the inputs at a place."""
    if len(arguments) > place and _is_input_size(arguments[place]):
        return arguments[:place] + arguments[place + 1 :]
    return arguments


def _signed(cell: Any) -> Any:
    """Shows the arguments of 1.15, among which the PTB tutorial looks for `reuse`."""
    cell.__init__.__signature__ = inspect.signature(cell.__mro__[1].__init__)
    return cell


@_signed
class BasicRNNCell(tf1rnn.BasicRNNCell):
    """`tf1rnn.BasicRNNCell`; takes `(num_units, input_size, activation)`, too."""

    def __init__(self, num_units: int, *args: Any, input_size: Any = None, **kwargs: Any) -> None:
        super().__init__(num_units, *_without(args, 0), **kwargs)


@_signed
class GRUCell(tf1rnn.GRUCell):
    """`tf1rnn.GRUCell`; takes `(num_units, input_size, activation)`, too."""

    def __init__(self, num_units: int, *args: Any, input_size: Any = None, **kwargs: Any) -> None:
        super().__init__(num_units, *_without(args, 0), **kwargs)


@_signed
class BasicLSTMCell(tf1rnn.BasicLSTMCell):
    """`tf1rnn.BasicLSTMCell`; takes `(num_units, forget_bias, input_size, state_is_tuple)`, too."""

    def __init__(self, num_units: int, *args: Any, input_size: Any = None, **kwargs: Any) -> None:
        super().__init__(num_units, *_without(args, 1), **kwargs)


@_signed
class LSTMCell(tf1rnn.LSTMCell):
    """`tf1rnn.LSTMCell`; takes `(num_units, input_size, use_peepholes, ...)`, too."""

    def __init__(self, num_units: int, *args: Any, input_size: Any = None, **kwargs: Any) -> None:
        super().__init__(num_units, *_without(args, 0), **kwargs)


def apart(cells: Sequence[Cell]) -> list[Cell]:
    """The cells, and copies of one that stands at several places for all but the first of them."""
    return [
        copy.deepcopy(cell) if any(cell is other for other in cells[:i]) else cell
        for i, cell in enumerate(cells)
    ]


class MultiRNNCell(tf1rnn.MultiRNNCell):
    """`tf1rnn.MultiRNNCell`; layers of one cell have weights of their own where they must.

    Up to 1.0 they always had, so that `[cell] * num_layers` was how a stack was written; since then
    they share the weights, which inputs of two depths do not fit.
    """

    def build(self, inputs_shape: Shape) -> None:
        """Makes copies of a cell that would get inputs of two depths."""
        if isinstance(inputs_shape, tf.TensorShape) and self._share_in_vain(inputs_shape):
            self._cells = apart(self._cells)
            for i, cell in enumerate(self._cells):
                self._track(cell, f"cell-{i}")
        super().build(inputs_shape)

    def _share_in_vain(self, inputs_shape: tf.TensorShape) -> bool:
        depths = [inputs_shape.as_list()[-1], *(cell.output_size for cell in self._cells)]
        of_first: dict[int, Any] = {}
        return any(
            isinstance(depth, int) and of_first.setdefault(id(cell), depth) != depth
            for cell, depth in zip(self._cells, depths, strict=False)
        )
