"""Two cells along one sequence, one forwards and one backwards (Schuster and Paliwal 1997)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.rnn_cell import assert_like_rnncell
from tf1rnn.static import check_input_list, static_rnn
from tf1rnn.types import Cell, DType, Nest, Scope, Tensor
from tf1rnn.unroll import dynamic_rnn


def bidirectional_dynamic_rnn(
    cell_fw: Cell,
    cell_bw: Cell,
    inputs: Nest,
    sequence_length: Tensor | None = None,
    initial_state_fw: Nest = None,
    initial_state_bw: Nest = None,
    dtype: DType | None = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Scope = None,
) -> tuple[tuple[Nest, Nest], tuple[Nest, Nest]]:
    """Runs one cell forwards and another backwards along a sequence, with `dynamic_rnn`.

    The backward cell begins at the last step of each row (at `sequence_length - 1`). Its outputs
    come back in the order of the inputs. The variables lie in the scopes `fw` and `bw`.

    Args:
      cell_fw, cell_bw: RNN cells.
      initial_state_fw, initial_state_bw: their initial states.
      inputs, sequence_length, dtype, parallel_iterations, swap_memory, time_major: as in
        `dynamic_rnn`.
      scope: variable scope or its name, "bidirectional_rnn" by default.

    Returns:
      `((outputs_fw, outputs_bw), (state_fw, state_bw))`, each as from `dynamic_rnn`.

    Raises:
      TypeError, ValueError: as `dynamic_rnn`.
    """
    assert_like_rnncell("cell_fw", cell_fw)
    assert_like_rnncell("cell_bw", cell_bw)
    common: dict[str, Any] = {
        "sequence_length": sequence_length,
        "dtype": dtype,
        "parallel_iterations": parallel_iterations,
        "swap_memory": swap_memory,
        "time_major": time_major,
    }
    time_axis = 0 if time_major else 1
    with tf.variable_scope(scope or "bidirectional_rnn"):
        with tf.variable_scope("fw") as fw:
            outputs_fw, state_fw = dynamic_rnn(
                cell_fw, inputs, initial_state=initial_state_fw, scope=fw, **common
            )
        with tf.variable_scope("bw") as bw:
            outputs_bw, state_bw = dynamic_rnn(
                cell_bw,
                _reverse(inputs, sequence_length, time_axis),
                initial_state=initial_state_bw,
                scope=bw,
                **common,
            )
    outputs_bw = _reverse(outputs_bw, sequence_length, time_axis)
    return (outputs_fw, outputs_bw), (state_fw, state_bw)


def static_bidirectional_rnn(
    cell_fw: Cell,
    cell_bw: Cell,
    inputs: Sequence[Nest],
    initial_state_fw: Nest = None,
    initial_state_bw: Nest = None,
    dtype: DType | None = None,
    sequence_length: Tensor | None = None,
    scope: Scope = None,
) -> tuple[list[Nest], Nest, Nest]:
    """Runs one cell forwards and another backwards along a list of inputs, with `static_rnn`.

    Args:
      cell_fw, cell_bw: RNN cells.
      inputs: list of num_steps tensors `[batch_size, depth]`, or nests of them.
      initial_state_fw, initial_state_bw: their initial states.
      dtype, sequence_length: as in `static_rnn`.
      scope: variable scope or its name, "bidirectional_rnn" by default.

    Returns:
      `(outputs, state_fw, state_bw)`: for each step the outputs of both cells side by side,
      `[batch_size, output_size_fw + output_size_bw]`, and the final states.

    Raises:
      TypeError, ValueError: as `static_rnn`.
    """
    assert_like_rnncell("cell_fw", cell_fw)
    assert_like_rnncell("cell_bw", cell_bw)
    check_input_list(inputs)
    common = {"dtype": dtype, "sequence_length": sequence_length}
    with tf.variable_scope(scope or "bidirectional_rnn"):
        with tf.variable_scope("fw") as fw:
            outputs_fw, state_fw = static_rnn(cell_fw, inputs, initial_state_fw, scope=fw, **common)
        with tf.variable_scope("bw") as bw:
            outputs_bw, state_bw = static_rnn(
                cell_bw,
                _reverse_list(inputs, sequence_length),
                initial_state_bw,
                scope=bw,
                **common,
            )
    outputs = [
        tf.nest.map_structure(lambda *pair: tf.concat(pair, axis=1), *step)
        for step in zip(outputs_fw, _reverse_list(outputs_bw, sequence_length), strict=True)
    ]
    return outputs, state_fw, state_bw


def _reverse(sequences: Nest, sequence_length: Tensor | None, time_axis: int) -> Nest:
    """Turns time round, in each row up to its length, for every tensor of a nest."""

    def one(x: Tensor) -> Tensor:
        x = tf.convert_to_tensor(x)
        if sequence_length is None:
            return tf.reverse(x, [time_axis])
        return tf.reverse_sequence(x, sequence_length, time_axis, batch_axis=1 - time_axis)

    return tf.nest.map_structure(one, sequences)


def _reverse_list(steps: Sequence[Nest], sequence_length: Tensor | None) -> list[Nest]:
    """`_reverse` for a list with one nest a step."""
    if sequence_length is None:
        return list(reversed(steps))
    columns = zip(*(tf.nest.flatten(step) for step in steps), strict=True)
    turned = [
        tf.unstack(_reverse(tf.stack(column), sequence_length, 0), len(steps)) for column in columns
    ]
    return [tf.nest.pack_sequence_as(steps[0], step) for step in zip(*turned, strict=True)]
