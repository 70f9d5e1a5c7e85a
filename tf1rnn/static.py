"""Static unrollers: a cell along a list of inputs, written out step by step in the graph.

The outputs are links of one chain: each depends on the steps up to its own alone, and the next
step depends on it. So the first ones can be had from the first inputs, and a loss on the last
output has a gradient to every one. A cell's faster way, which computes all steps at once, could
not promise that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.nests import known_batch_size, zeros
from tf1rnn.rnn_cell import assert_like_rnncell
from tf1rnn.steps import checked_lengths, masked_step, output_dtype, started
from tf1rnn.types import Cell, DType, Nest, Scope, Tensor


def static_rnn(
    cell: Cell,
    inputs: Sequence[Nest],
    initial_state: Nest = None,
    dtype: DType | None = None,
    sequence_length: Tensor | None = None,
    scope: Scope = None,
) -> tuple[list[Nest], Nest]:
    """Runs a cell along a list of inputs, written out step by step in the graph.

    Args:
      cell: an RNN cell.
      inputs: list of num_steps tensors `[batch_size, depth]`, or nests of them.
      initial_state, dtype, sequence_length, scope: as in `dynamic_rnn`.

    Returns:
      `(outputs, state)`: list of num_steps outputs `[batch_size, output_size]`, and the state
      after each row's last step.

    Raises:
      TypeError: `cell` is no cell, or `inputs` no list or tuple.
      ValueError: no inputs, or as `dynamic_rnn`.
    """
    assert_like_rnncell("cell", cell)
    check_input_list(inputs)
    with tf.variable_scope(scope or "rnn") as varscope:
        inputs = [tf.nest.map_structure(tf.convert_to_tensor, x) for x in inputs]
        _check_depths(inputs)
        inputs, state = started(cell, inputs, 0, initial_state, dtype)
        batch_size = known_batch_size(inputs, axis=0)
        sequence_length = checked_lengths(sequence_length, batch_size)
        zero_output = None  # without lengths a cell may answer with what it likes
        if sequence_length is not None:
            zero_output = zeros(batch_size, cell.output_size, output_dtype(dtype, state))
        outputs = []
        for t, x in enumerate(inputs):
            if t > 0:
                varscope.reuse_variables()  # of a cell that makes its own in every call
            output, state = _step(cell, t, x, state, zero_output, sequence_length)
            outputs.append(output)
        return outputs, state


def _step(
    cell: Cell,
    t: int,
    inputs: Nest,
    state: Nest,
    zero_output: Nest | None,
    sequence_length: Tensor | None,
) -> tuple[Nest, Nest]:
    """A masked step, which past the longest row leaves also what has no rows as it was."""

    def step() -> tuple[Nest, Nest]:
        return masked_step(cell, t, inputs, state, zero_output, sequence_length)

    if sequence_length is None or not any(map(_without_rows, tf.nest.flatten(state))):
        return step()
    inside = t < tf.reduce_max(sequence_length)
    return tf.cond(inside, step, lambda: (zero_output, state), strict=True)


def _without_rows(part: Tensor) -> bool:
    return isinstance(part, tf.TensorArray) or part.shape.rank == 0


def static_state_saving_rnn(
    cell: Cell,
    inputs: Sequence[Nest],
    state_saver: Any,
    state_name: Any,
    sequence_length: Tensor | None = None,
    scope: Scope = None,
) -> tuple[list[Nest], Nest]:
    """`static_rnn` whose state starts from a store and goes back into it.

    Args:
      cell, inputs, sequence_length, scope: as in `static_rnn`.
      state_saver: has `state(name)`, the tensor stored under a name, and `save_state(name, value)`,
        an op that stores one.
      state_name: a name, or a nest of names with as many as the cell's state has tensors.

    Returns:
      `(outputs, state)` as `static_rnn`; the last output and the state wait for the storing.

    Raises:
      TypeError, ValueError: as `static_rnn`; ValueError where names and state do not pair.
    """
    assert_like_rnncell("cell", cell)
    names, sizes = tf.nest.flatten(state_name), tf.nest.flatten(cell.state_size)
    nested = tf.nest.is_nested(state_name)
    if nested != tf.nest.is_nested(cell.state_size) or len(names) != len(sizes):
        raise ValueError(f"state_name {state_name} must name each of {cell.state_size}")
    stored = [state_saver.state(name) for name in names]
    initial_state = tf.nest.pack_sequence_as(cell.state_size, stored)
    outputs, state = static_rnn(
        cell, inputs, initial_state, sequence_length=sequence_length, scope=scope
    )
    saved = [
        state_saver.save_state(name, part)
        for name, part in zip(names, tf.nest.flatten(state), strict=True)
    ]
    with tf.control_dependencies(saved):
        last, state = tf.nest.map_structure(tf.identity, (outputs[-1], state))
    return [*outputs[:-1], last], state


def check_input_list(inputs: Any) -> None:
    """Raises TypeError unless `inputs` is a list or tuple, ValueError if it is empty."""
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"inputs must be a sequence, a list with one tensor a step, not {inputs!r}")
    if not inputs:
        raise ValueError("inputs must not be empty: at least one step is needed")


def _check_depths(inputs: Sequence[Nest]) -> None:
    for x in tf.nest.flatten(inputs):
        if x.shape.rank is None or not x.shape[1:].is_fully_defined():
            raise ValueError(
                "Input size (depth of inputs) must be accessible via shape inference, "
                f"but saw shape {x.shape}"
            )
