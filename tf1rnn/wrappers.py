"""Cells made of cells: stacks of layers, residual connections, placement on devices."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.configs import cell_config, cell_from_config
from tf1rnn.faster import fast_sequence, has_kernel
from tf1rnn.rnn_cell import RNNCell, as_tensors, assert_like_rnncell
from tf1rnn.steps import zero_state
from tf1rnn.types import Cell, Dimension, DType, Nest, Scope, Shape, Sizes, Tensor
from tf1rnn.unroll import step_along

PIECES, LEAST_STEPS_TO_CUT = 3, 100  # of a sequence of a single row


class MultiRNNCell(RNNCell):
    """Layers of cells, each fed with the output of the one before.

    The variables of layer n lie in the scope `multi_rnn_cell/cell_n`.

    Args:
      cells: list of cells, the first nearest to the inputs. The same object twice shares weights.
      state_is_tuple: False carries the states of all layers as one tensor, side by side.
      trainable, name, dtype: as in `RNNCell`.

    Raises:
      ValueError: the list is empty, or the states are to be joined and a layer's is no tensor.
      TypeError: `cells` is no list or tuple, or holds something else than cells.
    """

    def __init__(
        self, cells: Sequence[Cell], state_is_tuple: bool = True, **layer_options: Any
    ) -> None:
        super().__init__(**layer_options)
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
        for i, cell in enumerate(cells):
            self._keep_track(cell, f"cell-{i}")

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
            return tuple(zero_state(cell, batch_size, dtype) for cell in self._cells)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another stack like this one, for `from_config`."""
        return {
            **super().get_config(),
            "cells": [cell_config(cell) for cell in self._cells],
            "state_is_tuple": self._state_is_tuple,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A stack from what `get_config` gave; see `Layer.from_config`."""
        cells = [cell_from_config(one, custom_objects) for one in config["cells"]]
        return cls(**{**config, "cells": cells})

    def _inner_cells(self) -> list[Cell]:
        return self._cells

    def call(self, inputs: Nest, state: Nest) -> tuple[Nest, Nest]:
        """Computes one time step of every layer."""
        states = []
        for i, (cell, layer_state) in enumerate(self._cells_and_states(state)):
            with tf.variable_scope(f"cell_{i}"):
                inputs, layer_state = cell(inputs, layer_state)
            states.append(layer_state)
        return inputs, self._state_of_layers(states)

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """Layer after layer, each by its own faster way, or step by step where it knows none.

        None if the first one knows none.
        """
        with self.cell_scope(inputs, are_steps=True):
            states = [state for _, state in self._cells_and_states(initial_state)]
            outputs: list[Tensor] = []
            for piece in self._cut_in_time(inputs, sequence_length):
                done = self._layers_along(piece, states, sequence_length)
                if done is None:
                    return None
                last, states = done
                outputs.append(last)
            joined = outputs[0] if len(outputs) == 1 else tf.concat(outputs, 0)
            return joined, self._state_of_layers(states)

    def _cut_in_time(self, inputs: Tensor, sequence_length: Tensor | None) -> list[Tensor]:
        """The inputs, cut in time where that lets the layers work side by side.

        A step of a single row is too little for several threads: a layer can only begin with a
        piece while the one before it goes on with the next. More pieces gain nothing.
        """
        num_steps, rows = inputs.shape.as_list()[:2]
        is_one_row = rows == 1 and sequence_length is None
        is_long = num_steps is None or num_steps >= LEAST_STEPS_TO_CUT
        if not (is_one_row and is_long) or len(self._cells) == 1:
            return [inputs]
        if not all(has_kernel(cell, inputs) for cell in self._cells):
            return [inputs]
        steps = tf.shape(inputs)[0]
        ends = [steps * i // PIECES for i in range(PIECES + 1)]
        return [inputs[start:end] for start, end in itertools.pairwise(ends)]

    def _layers_along(
        self, inputs: Tensor, states: list[Nest], sequence_length: Tensor | None
    ) -> tuple[Tensor, list[Nest]] | None:
        """Outputs and states behind a piece; None if the first layer knows no faster way."""
        new_states: list[Nest] = []
        for i, (cell, state) in enumerate(zip(self._cells, states, strict=True)):
            with tf.variable_scope(f"cell_{i}"):
                done = fast_sequence(cell, inputs, state, sequence_length)
                if done is None and new_states:
                    done = step_along(cell, inputs, state, sequence_length)
            if done is None:
                return None
            inputs, state = done
            new_states.append(state)
        return inputs, new_states

    def _cells_and_states(self, state: Nest) -> list[tuple[Cell, Nest]]:
        if not self._state_is_tuple:
            sizes = [cell.state_size for cell in self._cells]
            return list(zip(self._cells, tf.split(state, sizes, axis=1), strict=True))
        if not isinstance(state, (tuple, list)) or len(state) != len(self._cells):
            raise ValueError(
                f"Expected state to be a tuple of length {len(self._cells)}, but received: {state}"
            )
        return list(zip(self._cells, state, strict=True))

    def _state_of_layers(self, states: list[Nest]) -> Nest:
        return tuple(states) if self._state_is_tuple else tf.concat(states, axis=1)


class Wrapper(RNNCell):
    """A cell around a cell, with its sizes, its zero state and its variable scope.

    Args:
      cell: the cell.
      trainable, name, dtype: as in `RNNCell`.

    Raises:
      TypeError: `cell` is no cell.
    """

    def __init__(self, cell: Cell, **layer_options: Any) -> None:
        super().__init__(**layer_options)
        assert_like_rnncell("cell", cell)
        self.cell = cell
        self._keep_track(cell, "cell")

    @property
    def cell(self) -> Cell:
        """The cell inside, which is `_cell` to programs of before 1.14."""
        return self._cell

    @cell.setter
    def cell(self, cell: Cell) -> None:
        self._cell = cell

    @property
    def wrapped_cell(self) -> Cell:
        """The cell inside."""
        return self.cell

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
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            return zero_state(self.cell, batch_size, dtype)

    def build(self, inputs_shape: Shape) -> None:
        """Builds the wrapped cell."""
        self.cell.build(inputs_shape)
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another wrapper like this one, for `from_config`."""
        return {**super().get_config(), "cell": cell_config(self.cell)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A wrapper from what `get_config` gave; see `Layer.from_config`."""
        return cls(**{**config, "cell": cell_from_config(config["cell"], custom_objects)})

    def _inner_cells(self) -> list[Cell]:
        return [self.cell]


class DeviceWrapper(Wrapper):
    """Runs a cell on a device.

    Args:
      cell: the cell.
      device: name of the device, or a device function, for `tf.device`.
      trainable, name, dtype: as in `RNNCell`.
    """

    def __init__(self, cell: Cell, device: Any, **layer_options: Any) -> None:
        super().__init__(cell, **layer_options)
        self._device = device

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another wrapper like this one, for `from_config`."""
        return {**super().get_config(), "device": self._device}

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        """The wrapped cell's zero state, made on the device."""
        with tf.device(self._device):
            return super().zero_state(batch_size, dtype)

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


class ResidualWrapper(Wrapper):
    """Adds the inputs of a cell to its outputs (He et al. 2015; Wu et al. 2016 for RNNs).

    Args:
      cell: the cell; its outputs need the shapes of its inputs.
      residual_fn: a function `(inputs, outputs) -> outputs` of nests, in place of the sum.
      trainable, name, dtype: as in `RNNCell`.

    Raises:
      ValueError: when called, inputs and outputs that differ in shape.
    """

    def __init__(
        self,
        cell: Cell,
        residual_fn: Callable[[Nest, Nest], Nest] | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(cell, **layer_options)
        self._residual_fn = residual_fn

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another wrapper like this one, for `from_config`."""
        return {**super().get_config(), "residual_fn": self._residual_fn}

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Nest, Nest]:
        """Calls the wrapped cell and adds the inputs to its outputs."""
        inputs = as_tensors(inputs)
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
