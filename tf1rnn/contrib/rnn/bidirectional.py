"""Stacks of layers that run in both directions, each fed with both outputs of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.bidirectional import bidirectional_dynamic_rnn, static_bidirectional_rnn
from tf1rnn.contrib.rnn.apart import fitting
from tf1rnn.types import Cell, DType, Nest, Scope, Tensor


def stack_bidirectional_rnn(
    cells_fw: list[Cell],
    cells_bw: list[Cell],
    inputs: Sequence[Nest],
    initial_states_fw: list[Nest] | None = None,
    initial_states_bw: list[Nest] | None = None,
    dtype: DType | None = None,
    sequence_length: Tensor | None = None,
    scope: Scope = None,
) -> tuple[list[Tensor], tuple[Nest, ...], tuple[Nest, ...]]:
    """Layers of `static_bidirectional_rnn` (Graves, Mohamed and Hinton 2013, arXiv 1303.5778).

    The variables of layer n lie in `cell_n/fw` and `cell_n/bw`.

    Args:
      cells_fw, cells_bw: a list of cells for each direction, one a layer.
      inputs: list of num_steps tensors `[batch_size, depth]`.
      initial_states_fw, initial_states_bw: lists of the initial states, one a layer.
      dtype, sequence_length: as in `static_rnn`.
      scope: variable scope or its name, "stack_bidirectional_rnn" by default.

    Returns:
      `(outputs, states_fw, states_bw)`: for each step the last layer's outputs side by side, and
      tuples of the final states, one a layer.

    Raises:
      ValueError: cells or states that are no lists of one length.
    """
    _check_layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    cells_fw, cells_bw = _fitting(cells_fw, cells_bw, inputs)
    states = []
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for i, (cell_fw, cell_bw) in enumerate(zip(cells_fw, cells_bw, strict=True)):
            with tf.variable_scope(f"cell_{i}") as cell_scope:
                inputs, *state = static_bidirectional_rnn(
                    cell_fw,
                    cell_bw,
                    inputs,
                    initial_state_fw=initial_states_fw and initial_states_fw[i],
                    initial_state_bw=initial_states_bw and initial_states_bw[i],
                    dtype=dtype,
                    sequence_length=sequence_length,
                    scope=cell_scope,
                )
            states.append(state)
    states_fw, states_bw = zip(*states, strict=True)
    return list(inputs), states_fw, states_bw


def stack_bidirectional_dynamic_rnn(
    cells_fw: list[Cell],
    cells_bw: list[Cell],
    inputs: Nest,
    initial_states_fw: list[Nest] | None = None,
    initial_states_bw: list[Nest] | None = None,
    dtype: DType | None = None,
    sequence_length: Tensor | None = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Scope = None,
    swap_memory: bool = False,
) -> tuple[Tensor, tuple[Nest, ...], tuple[Nest, ...]]:
    """Layers of `bidirectional_dynamic_rnn` (Graves, Mohamed and Hinton 2013, arXiv 1303.5778).

    The variables of layer n lie in `cell_n/bidirectional_rnn/fw` and `.../bw`.

    Args:
      cells_fw, cells_bw: a list of cells for each direction, one a layer.
      inputs: `[batch_size, num_steps, depth]`.
      initial_states_fw, initial_states_bw: lists of the initial states, one a layer.
      dtype, sequence_length, parallel_iterations, time_major, swap_memory: as in `dynamic_rnn`.
      scope: variable scope or its name, "stack_bidirectional_rnn" by default.

    Returns:
      `(outputs, states_fw, states_bw)`: the last layer's outputs of both directions side by side,
      `[batch_size, num_steps, both output sizes]`, and tuples of the final states, one a layer.

    Raises:
      ValueError: cells or states that are no lists of one length.
    """
    _check_layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    cells_fw, cells_bw = _fitting(cells_fw, cells_bw, inputs)
    states = []
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for i, (cell_fw, cell_bw) in enumerate(zip(cells_fw, cells_bw, strict=True)):
            with tf.variable_scope(f"cell_{i}"):
                outputs, state = bidirectional_dynamic_rnn(
                    cell_fw,
                    cell_bw,
                    inputs,
                    initial_state_fw=initial_states_fw and initial_states_fw[i],
                    initial_state_bw=initial_states_bw and initial_states_bw[i],
                    dtype=dtype,
                    sequence_length=sequence_length,
                    parallel_iterations=parallel_iterations,
                    swap_memory=swap_memory,
                    time_major=time_major,
                )
            inputs = tf.concat(outputs, axis=2)
            states.append(state)
    states_fw, states_bw = zip(*states, strict=True)
    return inputs, states_fw, states_bw


def _fitting(cells_fw: list[Cell], cells_bw: list[Cell], inputs: Nest) -> list[list[Cell]]:
    """The cells of both directions, set apart where one does not fit all of its layers."""
    layers = zip(cells_fw[:-1], cells_bw[:-1], strict=True)
    outputs = [forward.output_size + backward.output_size for forward, backward in layers]
    shape = tf.TensorShape(tf.nest.flatten(inputs)[0].shape)  # of an array, too
    depths = [shape.as_list()[-1] if shape.rank else None, *outputs]
    return [fitting(cells, depths) for cells in (cells_fw, cells_bw)]


def _check_layers(cells_fw: Any, cells_bw: Any, states_fw: Any, states_bw: Any) -> None:
    for direction, cells in (("fw", cells_fw), ("bw", cells_bw)):
        if not cells:
            raise ValueError(f"Must specify at least one {direction} cell for BidirectionalRNN.")
        if not isinstance(cells, list):
            raise ValueError(f"cells_{direction} must be a list of RNNCells (one per layer).")
    if len(cells_fw) != len(cells_bw):
        raise ValueError("Forward and Backward cells must have the same depth.")
    for direction, states in (("fw", states_fw), ("bw", states_bw)):
        is_list = isinstance(states, list) and len(states) == len(cells_fw)
        if states is not None and not is_list:
            raise ValueError(
                f"initial_states_{direction} must be a list of state tensors (one per layer)."
            )
