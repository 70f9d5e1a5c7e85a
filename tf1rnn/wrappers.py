"""Cells made of cells: stacks of layers, dropout, residual connections, placement on devices."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.dropout import DropoutMasks
from tf1rnn.lstm import LSTMStateTuple
from tf1rnn.rnn_cell import RNNCell, assert_like_rnncell, current_time_step
from tf1rnn.types import Cell, Dimension, DType, Nest, Scope, Shape, Sizes, Tensor
from tf1rnn.unroll import fast_sequence


class MultiRNNCell(RNNCell):
    """Layers of cells, each fed with the output of the one before.

    The variables of layer n lie in the scope `multi_rnn_cell/cell_n`.

    Args:
      cells: list of cells, the first nearest to the inputs. The same object twice shares weights.
      state_is_tuple: False carries the states of all layers as one tensor, side by side.

    Raises:
      ValueError: the list is empty, or the states are to be joined and a layer's is no tensor.
      TypeError: `cells` is no list or tuple, or holds something else than cells.
    """

    def __init__(self, cells: Sequence[Cell], state_is_tuple: bool = True) -> None:
        super().__init__()
        if not isinstance(cells, (list, tuple)):
            raise TypeError(f"cells must be a list or tuple, not {cells!r}")
        if not cells:
            raise ValueError("MultiRNNCell needs at least one cell")
        for i, cell in enumerate(cells):
            assert_like_rnncell(f"cells[{i}]", cell)
        if len({id(cell) for cell in cells}) < len(cells):
            warnings.warn("the same cell stands twice in MultiRNNCell: those layers share weights")
        if not state_is_tuple and any(tf.nest.is_nested(cell.state_size) for cell in cells):
            raise ValueError("state_is_tuple=False needs layers whose state is one tensor")
        self._cells = list(cells)
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Sizes:
        """Tuple with the state size of each layer, or their sum when the state is one tensor."""
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Sizes:
        """Output size of the last layer."""
        return self._cells[-1].output_size

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        """Tuple with the zero state of each layer, or one tensor; see `RNNCell.zero_state`."""
        if not self._state_is_tuple:
            return super().zero_state(batch_size, dtype)
        with tf.name_scope("MultiRNNCellZeroState"):
            return tuple(cell.zero_state(batch_size, dtype) for cell in self._cells)

    def call(self, inputs: Nest, state: Nest) -> tuple[Nest, Nest]:
        """Computes one time step of every layer."""
        states = []
        for i, (cell, layer_state) in enumerate(self._layers(state)):
            with tf.variable_scope(f"cell_{i}"):
                inputs, layer_state = cell(inputs, layer_state)
            states.append(layer_state)
        return inputs, self._join(states)

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """Layer after layer, each by its own faster way; None if one of them knows none."""
        states = []
        with self.cell_scope(inputs):
            for i, (cell, layer_state) in enumerate(self._layers(initial_state)):
                with tf.variable_scope(f"cell_{i}"):
                    done = fast_sequence(cell, inputs, layer_state, sequence_length)
                if done is None:
                    return None
                inputs, layer_state = done
                states.append(layer_state)
            return inputs, self._join(states)

    def _layers(self, state: Nest) -> list[tuple[Cell, Nest]]:
        if not self._state_is_tuple:
            sizes = [cell.state_size for cell in self._cells]
            return list(zip(self._cells, tf.split(state, sizes, axis=1), strict=True))
        if not isinstance(state, (tuple, list)) or len(state) != len(self._cells):
            raise ValueError(f"the state must be a tuple of {len(self._cells)}, not {state!r}")
        return list(zip(self._cells, state, strict=True))

    def _join(self, states: list[Nest]) -> Nest:
        return tuple(states) if self._state_is_tuple else tf.concat(states, axis=1)


class _Wrapper(RNNCell):
    """A cell around a cell, with its sizes, its zero state and its variable scope."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        assert_like_rnncell("cell", cell)
        self.cell = cell

    @property
    def state_size(self) -> Sizes:
        """That of the wrapped cell."""
        return self.cell.state_size

    @property
    def output_size(self) -> Sizes:
        """That of the wrapped cell."""
        return self.cell.output_size

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        """That of the wrapped cell."""
        return self.cell.zero_state(batch_size, dtype)

    def build(self, inputs_shape: Shape) -> None:
        """Builds the wrapped cell."""
        self.cell.build(inputs_shape)
        self.built = True


class DeviceWrapper(_Wrapper):
    """Runs a cell on a device.

    Args:
      cell: the cell.
      device: name of the device, or a device function, for `tf.device`.
    """

    def __init__(self, cell: Cell, device: Any) -> None:
        super().__init__(cell)
        self._device = device

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        """The wrapped cell's zero state, made on the device."""
        with tf.device(self._device):
            return self.cell.zero_state(batch_size, dtype)

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Nest, Nest]:
        """Calls the wrapped cell on the device."""
        with tf.device(self._device):
            return self.cell(inputs, state, scope=scope)

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The wrapped cell's faster way, on the device."""
        with tf.device(self._device):
            return fast_sequence(self.cell, inputs, initial_state, sequence_length)


class ResidualWrapper(_Wrapper):
    """Adds the inputs of a cell to its outputs (He et al. 2015; Wu et al. 2016 for RNNs).

    Args:
      cell: the cell; its outputs need the shapes of its inputs.
      residual_fn: a function `(inputs, outputs) -> outputs` of nests, in place of the sum.

    Raises:
      ValueError: when called, inputs and outputs that differ in shape.
    """

    def __init__(self, cell: Cell, residual_fn: Callable[[Nest, Nest], Nest] | None = None) -> None:
        super().__init__(cell)
        self._residual_fn = residual_fn

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Nest, Nest]:
        """Calls the wrapped cell and adds the inputs to its outputs."""
        outputs, state = self.cell(inputs, state, scope=scope)
        if self._residual_fn:
            return self._residual_fn(inputs, outputs), state
        tf.nest.assert_same_structure(inputs, outputs)
        return tf.nest.map_structure(_add_residual, inputs, outputs), state

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The wrapped cell's faster way; None with a `residual_fn`, which knows single steps."""
        if self._residual_fn:
            return None
        done = fast_sequence(self.cell, inputs, initial_state, sequence_length)
        if done is None:
            return None
        outputs, state = done
        outputs = _add_residual(inputs, outputs)
        if sequence_length is not None:
            inside = tf.sequence_mask(sequence_length, tf.shape(outputs)[0])
            inside = tf.transpose(inside)[:, :, tf.newaxis]
            outputs = tf.where_v2(inside, outputs, tf.zeros([], outputs.dtype))
        return outputs, state


def _add_residual(inputs: Tensor, outputs: Tensor) -> Tensor:
    if not inputs.shape.is_compatible_with(outputs.shape):
        raise ValueError(f"a residual needs equal shapes, not {inputs.shape} and {outputs.shape}")
    return inputs + outputs


class DropoutWrapper(_Wrapper):
    """Dropout on the inputs, outputs or states of a cell.

    A unit is kept with the given probability and then divided by it, else it is zero. Srivastava
    et al. 2014; for recurrent networks Zaremba et al. 2014 (arXiv 1409.2329), which drops inputs
    and outputs only; variational: Gal and Ghahramani 2016 (arXiv 1512.05287).

    The masks are a pure function of seed, global step and time step, so a resumed run draws the
    masks that it would have drawn. In a graph without a global step when the cell is first
    called, they differ from one `session.run` to the next and can not be drawn again. A loop
    other than the unrollers' names its time steps by `time_step`; where it does not, each call
    in Python is a time step of its own.

    Args:
      cell: the cell.
      input_keep_prob, output_keep_prob, state_keep_prob: float or scalar tensor in [0, 1]; the
        float 1.0 adds no op. The state is dropped after the step, on its way to the next one.
      variational_recurrent: True uses one mask `[1, units]` for all time steps and rows.
      input_size: the inputs' size, a nest of ints or `tf.TensorShape`; needed when
        `variational_recurrent` and `input_keep_prob` is not 1.
      dtype: dtype of inputs, outputs and states; needed when `variational_recurrent`.
      seed: seed of the masks; without it and without the graph's seed every program run differs.
      dropout_state_filter_visitor: a function of a part of the state, from the whole state
        inwards, that answers whether its tensors are dropped: a bool, or a nest of bools for its
        parts. By default all but the `c` of an `LSTMStateTuple`.

    Raises:
      TypeError: `cell` is no cell, or the visitor no function.
      ValueError: a probability outside [0, 1]; `dtype` or `input_size` missing.
    """

    def __init__(
        self,
        cell: Cell,
        input_keep_prob: float | Tensor = 1.0,
        output_keep_prob: float | Tensor = 1.0,
        state_keep_prob: float | Tensor = 1.0,
        variational_recurrent: bool = False,
        input_size: Sizes | None = None,
        dtype: DType | None = None,
        seed: int | None = None,
        dropout_state_filter_visitor: Callable[[Nest], Any] | None = None,
    ) -> None:
        super().__init__(cell)
        visitor = dropout_state_filter_visitor or _all_but_c
        if not callable(visitor):
            raise TypeError("dropout_state_filter_visitor must be a function")
        self._input_keep_prob = _checked_keep_prob("input_keep_prob", input_keep_prob)
        self._output_keep_prob = _checked_keep_prob("output_keep_prob", output_keep_prob)
        self._state_keep_prob = _checked_keep_prob("state_keep_prob", state_keep_prob)
        if variational_recurrent:
            if dtype is None:
                raise ValueError("variational_recurrent needs dtype")
            if input_size is None and not _is_one(self._input_keep_prob):
                raise ValueError("variational_recurrent needs input_size to drop inputs")
        self._visitor = visitor
        self._masks = DropoutMasks(seed, variational_recurrent)
        self._calls = 0

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Nest, Nest]:
        """Calls the wrapped cell, with dropout before and after."""
        time = current_time_step()
        if time is None:
            time = self._calls
            self._calls += 1
        inputs = self._masks.drop(inputs, "input", self._input_keep_prob, time)
        outputs, state = self.cell(inputs, state, scope=scope)
        if not _is_one(self._state_keep_prob):
            state = self._drop_state(state, time)
        return self._masks.drop(outputs, "output", self._output_keep_prob, time), state

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The wrapped cell's faster way, with the masks of all steps; None with state dropout."""
        if not _is_one(self._state_keep_prob):
            return None
        inputs = self._masks.drop(inputs, "input", self._input_keep_prob)
        done = fast_sequence(self.cell, inputs, initial_state, sequence_length)
        if done is None:
            return None
        outputs, state = done
        return self._masks.drop(outputs, "output", self._output_keep_prob), state

    def _drop_state(self, state: Nest, time: int | Tensor) -> Nest:
        wanted = _wanted_tensors(state, self._visitor)
        parts = [
            self._masks.drop(x, f"state{i}", self._state_keep_prob, time) if wanted[i] else x
            for i, x in enumerate(tf.nest.flatten(state))
        ]
        return tf.nest.pack_sequence_as(state, parts)


def _is_one(keep_prob: float | Tensor) -> bool:
    return isinstance(keep_prob, float) and keep_prob == 1.0


def _checked_keep_prob(name: str, keep_prob: float | Tensor) -> float | Tensor:
    """A float where the value is known, else the tensor."""
    value = tf.get_static_value(keep_prob) if tf.is_tensor(keep_prob) else keep_prob
    if value is None:
        return keep_prob
    if not 0.0 <= float(value) <= 1.0:
        raise ValueError(f"{name} must lie between 0 and 1, not {value}")
    return float(value)


def _all_but_c(state: Nest) -> Any:
    return LSTMStateTuple(c=False, h=True) if isinstance(state, LSTMStateTuple) else True


def _wanted_tensors(state: Nest, visitor: Callable[[Nest], Any]) -> list[bool]:
    """For each tensor of `state`, whether the visitor wants it dropped."""
    answer = visitor(state)
    if not tf.nest.is_nested(state):
        return [bool(answer)]
    parts = _parts(state)
    answers = _parts(answer) if tf.nest.is_nested(answer) else [answer] * len(parts)
    wanted: list[bool] = []
    for part, enter in zip(parts, answers, strict=True):
        if enter and tf.nest.is_nested(part):
            wanted += _wanted_tensors(part, visitor)
        else:
            wanted += [bool(enter)] * len(tf.nest.flatten(part))
    return wanted


def _parts(nest: Nest) -> list[Nest]:
    """The parts of a nest one level down, in the order of `tf.nest.flatten`."""
    return [nest[key] for key in sorted(nest)] if isinstance(nest, dict) else list(nest)
