"""A loop around a cell in which the caller chooses inputs, states, outputs and the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.loops import outer_gradient_overrides
from tf1rnn.nests import known_batch_size, where_rows, zeros
from tf1rnn.rnn_cell import assert_like_rnncell, time_step
from tf1rnn.types import Cell, Nest, Scope, Tensor


def raw_rnn(
    cell: Cell,
    loop_fn: Callable[[Tensor, Nest, Nest, Nest], tuple[Tensor, Nest, Nest, Nest, Nest]],
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    scope: Scope = None,
) -> tuple[Nest, Nest, Nest]:
    """Runs a cell in a loop that a function of the caller's steers, for example a decoder.

        finished, inputs, state, emit_like, loop_state = loop_fn(0, None, None, None)
        t = 0
        while not all(finished):
            output, new_state = cell(inputs, state)
            next_finished, inputs, next_state, emit, loop_state = loop_fn(
                t + 1, output, new_state, loop_state)
            emits[t] = where(finished, 0, emit)
            state = where(finished, state, next_state)
            finished = finished or next_finished
            t += 1
        return emits, state, loop_state

    Args:
      cell: an RNN cell.
      loop_fn: a function `(time, cell_output, cell_state, loop_state)` that returns
        `(finished, next_inputs, next_state, emit, next_loop_state)`:
        time is an int32 scalar; cell_output and cell_state are what the cell answered, None at
        the first call; finished is bool `[batch_size]`; next_inputs is `[batch_size, depth]` or a
        nest; emit is what the step puts out, `[batch_size, ...]` or a nest. At the first call
        emit tells dtypes and shapes without the batch, as a nest of tensors, and None stands for
        the cell's output. loop_state is any nest of tensors and TensorArrays, or None; a None
        from a later call leaves it as it was.
      parallel_iterations, swap_memory: as in `dynamic_rnn`.
      scope: variable scope or its name, "rnn" by default.

    Returns:
      `(emits, state, loop_state)`: a nest of TensorArrays with one `[batch_size, ...]` a step, the
      state of each row when it finished, and the last loop state.

    Raises:
      TypeError: `cell` is no cell, or `loop_fn` no function.
      ValueError: a nest that changes its structure from one step to the next.
    """
    assert_like_rnncell("cell", cell)
    if not callable(loop_fn):
        raise TypeError("loop_fn must be a function")
    with tf.variable_scope(scope or "rnn"):
        time = tf.constant(0, name="time")
        finished, inputs, state, emit_like, loop_state = loop_fn(time, None, None, None)
        inputs, state = tf.nest.map_structure(_as_tensor, (inputs, state))
        tf.nest.assert_same_structure(cell.state_size, state, check_types=False)
        no_emit = _no_emit(cell, emit_like, inputs, state)
        emits = [
            tf.TensorArray(x.dtype, size=0, dynamic_size=True, element_shape=x.shape)
            for x in tf.nest.flatten(no_emit)
        ]
        carried = [] if loop_state is None else [loop_state]
        _, _, _, state, emits, carried = tf.while_loop(
            lambda time, finished, *_: tf.logical_not(tf.reduce_all(finished)),
            _steered_step(cell, loop_fn, no_emit),
            (time, tf.convert_to_tensor(finished), inputs, state, emits, carried),
            parallel_iterations=parallel_iterations or 32,
            swap_memory=swap_memory,
        )
    return tf.nest.pack_sequence_as(no_emit, emits), state, carried[0] if carried else None


def _steered_step(cell: Cell, loop_fn: Callable[..., Any], no_emit: Nest) -> Callable[..., Any]:
    """The body of the loop; `carried` holds the loop state, or nothing where there is none."""

    def step(
        time: Tensor,
        finished: Tensor,
        inputs: Nest,
        state: Nest,
        emits: list[tf.TensorArray],
        carried: list[Nest],
    ) -> tuple[Any, ...]:
        with outer_gradient_overrides():
            with time_step(time):
                output, new_state = cell(inputs, state)
            tf.nest.assert_same_structure(state, new_state)
            next_finished, next_inputs, next_state, emit, loop_state = loop_fn(
                time + 1, output, new_state, carried[0] if carried else None
            )
        tf.nest.assert_same_structure((inputs, state, no_emit), (next_inputs, next_state, emit))
        written = zip(emits, tf.nest.flatten(where_rows(finished, no_emit, emit)), strict=True)
        return (
            time + 1,
            tf.logical_or(finished, next_finished),
            next_inputs,
            where_rows(finished, state, next_state),
            [array.write(time, x) for array, x in written],
            carried if loop_state is None else [loop_state],
        )

    return step


def _no_emit(cell: Cell, emit_like: Nest, inputs: Nest, state: Nest) -> Nest:
    """Zeros `[batch_size, ...]` of the shapes and dtypes that the first call told."""
    batch_size = known_batch_size(inputs, axis=0)
    if emit_like is None:
        return zeros(batch_size, cell.output_size, tf.nest.flatten(state)[0].dtype)

    def one(x: Tensor) -> Tensor:
        x = tf.convert_to_tensor(x)
        shape = x.shape if x.shape.is_fully_defined() else tf.shape(x)
        no_emit = tf.zeros(tf.concat([[batch_size], shape], 0), x.dtype)
        rows = None if tf.is_tensor(batch_size) else batch_size
        no_emit.set_shape(tf.TensorShape([rows]).concatenate(x.shape))
        return no_emit

    return tf.nest.map_structure(one, emit_like)


def _as_tensor(x: Any) -> Any:
    return x if isinstance(x, tf.TensorArray) else tf.convert_to_tensor(x)
