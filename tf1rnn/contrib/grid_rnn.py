"""`tf.contrib.grid_rnn`: cells whose steps go along several dimensions, of which time is one.

Kalchbrenner, Danihelka and Graves 2015 (arXiv 1507.01526). Every dimension has an h, and a c where
its cell is an LSTM; all see the h of all others. Not to be mistaken for `tf.contrib.rnn`'s
`GridLSTMCell`, which goes along frequencies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

import tf1rnn
from tf1rnn.options import Activation
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Nest, Sizes, Tensor

_Dims = int | Sequence[int] | None


class GridRNNCell(RNNCell):
    """Cells of one kind along the dimensions of a grid.

    Variables: `project_m_<dim>` and, of an LSTM, `project_c_<dim>` `[input_size, num_units]` of the
    dimensions that inputs come in at; those of the cells in `recurrent/cell_<dim>`, and `weights`,
    `biases` in `non_recurrent/cell_<dim>/fully_connected`; without `/cell_<dim>` where tied.

    Args:
      num_units: size of h of every dimension.
      num_dims: number of dimensions.
      input_dims: where inputs come in, in place of the h of the step before.
      output_dims: whose h are the outputs.
      priority_dims: those that are computed after the others, and see what these have become.
      non_recurrent_dims: those without a state, which are a layer with `non_recurrent_fn`.
      tied: whether all dimensions have the same weights.
      cell_fn: gives the cell for a number of units; an `LSTMCell` by default.
      non_recurrent_fn: an activation; relu by default.
      state_is_tuple: a state is a tuple of the states of the recurrent dimensions, else one tensor.
      output_is_tuple: an output is a tuple of the outputs, else one tensor.

    Raises:
      ValueError: `num_dims` is not positive, or a dimension is not below it.
      TypeError: `cell_fn` gives no cell.
    """

    def __init__(
        self,
        num_units: int,
        num_dims: int = 1,
        input_dims: _Dims = None,
        output_dims: _Dims = None,
        priority_dims: _Dims = None,
        non_recurrent_dims: _Dims = None,
        tied: bool = False,
        cell_fn: Callable[[int], Any] | None = None,
        non_recurrent_fn: Activation | None = None,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        super().__init__(name=type(self).__name__)
        if num_dims < 1:
            raise ValueError(f"dims must be >= 1: {num_dims}")
        self._num_units, self._num_dims, self._tied = num_units, num_dims, tied
        self._inputs = _checked(input_dims, num_dims)
        self._outputs = _checked(output_dims, num_dims)
        self._priority = _checked(priority_dims, num_dims)
        self._layers = _checked(non_recurrent_dims, num_dims)
        self._recurrent = [i for i in range(num_dims) if i not in self._layers]
        self._activation = non_recurrent_fn or tf.nn.relu
        make = cell_fn or tf1rnn.LSTMCell
        first = make(num_units)
        if not isinstance(first, RNNCell):
            raise TypeError(f"cell_fn must return an RNNCell instance, saw: {type(first)}")
        others = [first if tied else make(num_units) for _ in range(num_dims - 1)]
        self._cells = [first, *others]
        for i, cell in enumerate(self._cells):
            self._keep_track(cell, f"cell-{i}")
        self._state_is_tuple, self._output_is_tuple = state_is_tuple, output_is_tuple
        self._is_lstm = tf.nest.is_nested(first.state_size)

    @property
    def state_size(self) -> Sizes:
        """A tuple of the sizes of the recurrent dimensions, or their sum."""
        sizes = tuple(self._cells[i].state_size for i in self._recurrent)
        return sizes if self._state_is_tuple else sum(tf.nest.flatten(sizes))

    @property
    def output_size(self) -> Sizes:
        """A tuple of the sizes of the outputs, or their sum."""
        sizes = tuple(self._cells[i].output_size for i in self._outputs)
        return sizes if self._output_is_tuple else sum(sizes)

    def _inner_cells(self) -> list[Any]:
        return list(dict.fromkeys(self._cells))

    def call(self, inputs: Tensor | tuple[Tensor, ...], state: Nest) -> tuple[Nest, Nest]:
        """One step of all dimensions.

        Args:
          inputs: `[batch_size, depth]`, cut into one part for each of `input_dims`, or a tuple of
            these parts.
          state: as in `state_size`.
        """
        c, h = self._before(state)
        self._read(inputs, c, h)
        states: list[Any] = [None] * self._num_dims
        for dims in (
            [i for i in range(self._num_dims) if i not in self._priority],
            self._priority,
        ):
            seen = list(h)  # those of one turn do not see each other
            for i in dims:
                h[i], states[i] = self._step(i, c[i], seen)
        outputs = tuple(h[i] for i in self._outputs)
        states_after = tuple(states[i] for i in self._recurrent)
        return (
            outputs if self._output_is_tuple else tf.concat(outputs, 1),
            states_after if self._state_is_tuple else tf.concat(tf.nest.flatten(states_after), 1),
        )

    def _before(self, state: Nest) -> tuple[list[Any], list[Any]]:
        """c and h of each dimension, None where it has none."""
        if not self._state_is_tuple:
            sizes = tuple(self._cells[i].state_size for i in self._recurrent)
            flat = tf.split(state, tf.nest.flatten(sizes), axis=1)
            state = tf.nest.pack_sequence_as(sizes, flat)
        c: list[Any] = [None] * self._num_dims
        h: list[Any] = [None] * self._num_dims
        for i, part in zip(self._recurrent, state, strict=True):
            c[i], h[i] = part if self._is_lstm else (None, part)
        return c, h

    def _read(self, inputs: Any, c: list[Any], h: list[Any]) -> None:
        """Puts the inputs in the place of what the step before has left."""
        if not self._inputs:
            return
        if not isinstance(inputs, tuple):
            inputs = tf.split(inputs, len(self._inputs), axis=1)
        for i, part in zip(self._inputs, inputs, strict=True):
            shape = [part.shape[1], self._num_units]
            if shape[0] == 0:
                continue
            h[i] = tf.matmul(part, tf.get_variable(f"project_m_{i}", shape, part.dtype))
            if self._is_lstm:
                c[i] = tf.matmul(part, tf.get_variable(f"project_c_{i}", shape, part.dtype))

    def _step(self, i: int, c: Tensor | None, seen: list[Any]) -> tuple[Tensor, Nest]:
        """h and the state of a dimension, which takes the last h as its own."""
        last = seen[-1]
        others = tf.concat(seen[:-1], 1) if len(seen) > 1 else last[:, :0]
        kind = "non_recurrent" if i in self._layers else "recurrent"
        with tf.variable_scope(kind if self._tied else f"{kind}/cell_{i}"):
            if i not in self._layers:
                return self._cells[i](
                    others, tf1rnn.LSTMStateTuple(c, last) if self._is_lstm else last
                )
            with tf.variable_scope("fully_connected", reuse=tf.AUTO_REUSE):
                return self._activation(self._layer(tf.concat([others, last], 1))), None

    def _layer(self, x: Tensor) -> Tensor:
        initializer = tf.get_variable_scope().initializer or tf.glorot_uniform_initializer()
        weights = tf.get_variable("weights", [x.shape[1], self._num_units], x.dtype, initializer)
        zeros = tf.zeros_initializer()
        return tf.nn.xw_plus_b(
            x, weights, tf.get_variable("biases", [self._num_units], x.dtype, zeros)
        )


def _checked(dims: _Dims, num_dims: int) -> list[int]:
    given = [] if dims is None else sorted(set(dims if isinstance(dims, list | tuple) else [dims]))
    if any(not 0 <= one < num_dims for one in given):
        raise ValueError(f"Invalid dims: {given}. Must be in [0, {num_dims})")
    return given


class _FirstDimension(GridRNNCell):
    """Inputs and outputs are those of the first dimension, which has the priority.

    Args:
      num_units, tied, non_recurrent_fn, state_is_tuple, output_is_tuple: as in `GridRNNCell`; with
        `non_recurrent_fn` the first dimension has no state.
    """

    _dims = 2

    def _made(
        self,
        num_units: int,
        cell_fn: Callable[[int], Any],
        tied: bool,
        non_recurrent_fn: Activation | None,
        state_is_tuple: bool,
        output_is_tuple: bool,
    ) -> None:
        GridRNNCell.__init__(
            self,
            num_units,
            self._dims,
            input_dims=0,
            output_dims=0,
            priority_dims=0,
            non_recurrent_dims=None if non_recurrent_fn is None else 0,
            tied=tied,
            cell_fn=cell_fn,
            non_recurrent_fn=non_recurrent_fn,
            state_is_tuple=state_is_tuple,
            output_is_tuple=output_is_tuple,
        )


class Grid1BasicRNNCell(_FirstDimension):
    """A `BasicRNNCell` in one dimension; see `GridRNNCell`."""

    _dims = 1

    def __init__(
        self, num_units: int, state_is_tuple: bool = True, output_is_tuple: bool = True
    ) -> None:
        self._made(num_units, tf1rnn.BasicRNNCell, False, None, state_is_tuple, output_is_tuple)


class Grid2BasicRNNCell(_FirstDimension):
    """`BasicRNNCell`s in two dimensions; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        tied: bool = False,
        non_recurrent_fn: Activation | None = None,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        given = tied, non_recurrent_fn, state_is_tuple, output_is_tuple
        self._made(num_units, tf1rnn.BasicRNNCell, *given)


class Grid2GRUCell(_FirstDimension):
    """`GRUCell`s in two dimensions; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        tied: bool = False,
        non_recurrent_fn: Activation | None = None,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        given = tied, non_recurrent_fn, state_is_tuple, output_is_tuple
        self._made(num_units, tf1rnn.GRUCell, *given)


class Grid1BasicLSTMCell(_FirstDimension):
    """A `BasicLSTMCell` in one dimension; see `GridRNNCell`."""

    _dims = 1

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        def cell_fn(units: int) -> Any:
            return tf1rnn.BasicLSTMCell(units, forget_bias)

        self._made(num_units, cell_fn, False, None, state_is_tuple, output_is_tuple)


class Grid2BasicLSTMCell(_FirstDimension):
    """`BasicLSTMCell`s in two dimensions; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        tied: bool = False,
        non_recurrent_fn: Activation | None = None,
        forget_bias: float = 1,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        def cell_fn(units: int) -> Any:
            return tf1rnn.BasicLSTMCell(units, forget_bias)

        self._made(num_units, cell_fn, tied, non_recurrent_fn, state_is_tuple, output_is_tuple)


class Grid1LSTMCell(_FirstDimension):
    """An `LSTMCell` in one dimension; see `GridRNNCell`."""

    _dims = 1

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        cell_fn = _lstm(use_peepholes, forget_bias)
        self._made(num_units, cell_fn, False, None, state_is_tuple, output_is_tuple)


class Grid2LSTMCell(_FirstDimension):
    """`LSTMCell`s in two dimensions; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        tied: bool = False,
        non_recurrent_fn: Activation | None = None,
        use_peepholes: bool = False,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        cell_fn = _lstm(use_peepholes, forget_bias)
        self._made(num_units, cell_fn, tied, non_recurrent_fn, state_is_tuple, output_is_tuple)


class Grid3LSTMCell(Grid2LSTMCell):
    """`LSTMCell`s in three dimensions; see `GridRNNCell`."""

    _dims = 3


def _lstm(use_peepholes: bool, forget_bias: float) -> Callable[[int], Any]:
    return lambda units: tf1rnn.LSTMCell(
        units, use_peepholes=use_peepholes, forget_bias=forget_bias
    )
