"""Dynamic unrollers: a cell along a sequence, by its faster way or in a loop of the graph.

They first ask the cell for its faster way (`RNNCell.sequence`), and step where there is none.
Past a row's `sequence_length` outputs are zero and the state stays.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.faster import fast_sequence
from tf1rnn.loops import current_loop_options, loop_options
from tf1rnn.nests import known_batch_size, zeros
from tf1rnn.rnn_cell import assert_like_rnncell
from tf1rnn.steps import checked_lengths, masked_step, output_dtype, started
from tf1rnn.types import Cell, DType, Nest, Scope, Tensor


def dynamic_rnn(
    cell: Cell,
    inputs: Nest,
    sequence_length: Tensor | None = None,
    initial_state: Nest = None,
    dtype: DType | None = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Scope = None,
) -> tuple[Nest, Nest]:
    """Runs a cell along a sequence, in a loop of the graph.

        state = initial_state, or cell.zero_state(batch_size, dtype)
        for t in range(num_steps):
            output, new_state = cell(inputs[:, t], state)
            outputs[:, t] = where(t < sequence_length, output, 0)
            state = where(t < sequence_length, new_state, state)
        return outputs, state

    Args:
      cell: an RNN cell.
      inputs: `[batch_size, num_steps, depth]`, or a nest of such tensors.
      sequence_length: None or int `[batch_size]`, the number of steps of each row. The cell sees
        zeros past it, and no step past the longest row.
      initial_state: nest of the structure of `cell.state_size`.
      dtype: dtype of the zero state, needed without `initial_state`, and of the outputs.
      parallel_iterations: how many steps may run at a time; by default 32, in the loop of a
        faster way 10.
      swap_memory: lets a GPU keep what the gradient needs in the host's memory.
      time_major: inputs and outputs are `[num_steps, batch_size, ...]`, which saves a transpose.
      scope: variable scope or its name, "rnn" by default.

    Returns:
      `(outputs, state)`: outputs `[batch_size, num_steps, output_size]` (a nest, if
      `cell.output_size` is one), and the state after each row's last step.

    Raises:
      TypeError: `cell` is no cell.
      ValueError: neither state nor dtype given, or shapes and structures that do not fit, or
        inputs of less than three axes or of an unknown depth.
    """
    assert_like_rnncell("cell", cell)
    with tf.variable_scope(scope or "rnn"):
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        _check_sequences(inputs, time_axis=0 if time_major else 1)
        if not time_major:
            inputs = tf.nest.map_structure(_swap_batch_and_time, inputs)
        inputs, state = started(cell, inputs, 1, initial_state, dtype)
        sequence_length = checked_lengths(sequence_length, known_batch_size(inputs, axis=1))
        loop: dict[str, Any] = {"swap_memory": swap_memory}
        if parallel_iterations:
            loop["parallel_iterations"] = parallel_iterations
        with loop_options(loop):
            done = fast_sequence(cell, inputs, state, sequence_length)
            if done is None:
                done = step_along(cell, inputs, state, sequence_length, dtype)
            else:
                done = _named_as_of_a_loop(*done)
        outputs, state = done
        if not time_major:
            outputs = tf.nest.map_structure(_swap_batch_and_time, outputs)
        return outputs, state


def _named_as_of_a_loop(outputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
    """Outputs and final state under the names that they have behind a loop of TensorFlow 1.

    Programs that read a graph from a file fetch them by these: what leaves the loop is its count,
    the time, the array of outputs, then the parts of the state.
    """
    parts = [
        tf.identity(part, name=f"while/Exit_{i}")
        for i, part in enumerate(tf.nest.flatten(state), start=3)
    ]
    outputs = tf.identity(outputs, name="TensorArrayStack/TensorArrayGatherV3")
    return outputs, tf.nest.pack_sequence_as(state, parts)


def _check_sequences(inputs: Nest, time_axis: int) -> None:
    """Raises ValueError unless all tensors are sequences of known depths, as long as each other."""
    flat = tf.nest.flatten(inputs)
    for x in flat:
        if x.shape.rank is None or x.shape.rank < 3:
            axes = "[batch_size, num_steps, ...]" if time_axis else "[num_steps, batch_size, ...]"
            raise ValueError(
                f"inputs must be {axes} and have rank at least 3, but one has shape {x.shape}"
            )
        if not x.shape[2:].is_fully_defined():
            raise ValueError(
                "Input size (depth of inputs) must be accessible via shape inference, "
                f"but saw shape {x.shape}"
            )
    steps = {x.shape.as_list()[time_axis] for x in flat} - {None}
    if len(steps) > 1:
        raise ValueError(
            "Time steps is not the same for all the elements in the input in a batch: "
            f"{sorted(steps)} steps"
        )


def step_along(
    cell: Cell,
    inputs: Nest,
    state: Nest,
    sequence_length: Tensor | None,
    dtype: DType | None = None,
) -> tuple[Nest, Nest]:
    """Steps a cell along time-major inputs in a loop; returns time-major outputs and final state.

    Args:
      cell: the cell.
      inputs: nest of `[num_steps, batch_size, ...]`.
      state: the state before the first step.
      sequence_length: None or int `[batch_size]`.
      dtype: of the outputs; None for that of the state.
    """
    first = tf.nest.flatten(inputs)[0]
    static_steps = first.shape.as_list()[0]
    num_steps = tf.shape(first)[0] if static_steps is None else static_steps
    zeros_of_type = output_dtype(dtype, state)
    zero_output = zeros(known_batch_size(inputs, axis=1), cell.output_size, zeros_of_type)
    read = [
        tf.TensorArray(x.dtype, size=num_steps, element_shape=x.shape[1:]).unstack(x)
        for x in tf.nest.flatten(inputs)
    ]
    written = [
        tf.TensorArray(zero.dtype, size=num_steps, element_shape=zero.shape)
        for zero in tf.nest.flatten(zero_output)
    ]

    def step(
        t: Tensor, written: list[tf.TensorArray], state: Nest
    ) -> tuple[Tensor, list[tf.TensorArray], Nest]:
        x = tf.nest.pack_sequence_as(inputs, [array.read(t) for array in read])
        tf.nest.map_structure(lambda part, whole: part.set_shape(whole.shape[1:]), x, inputs)
        output, state = masked_step(cell, t, x, state, zero_output, sequence_length)
        flat = tf.nest.flatten(output)
        return t + 1, [array.write(t, y) for array, y in zip(written, flat, strict=True)], state

    last = num_steps
    if sequence_length is not None:
        # Past the longest row all is zero; the first step tells the arrays their shapes.
        last = tf.minimum(num_steps, tf.maximum(1, tf.reduce_max(sequence_length)))
    _, written, state = tf.while_loop(
        lambda t, *_: t < last,
        step,
        (tf.constant(0, name="time"), written, state),
        maximum_iterations=num_steps,
        **{"parallel_iterations": 32, **current_loop_options()},
    )
    outputs = [array.stack() for array in written]
    for y, zero in zip(outputs, tf.nest.flatten(zero_output), strict=True):
        y.set_shape(tf.TensorShape([static_steps]).concatenate(zero.shape))
    return tf.nest.pack_sequence_as(zero_output, outputs), state


def rnn_layer(
    cell: Cell,
    inputs: Nest,
    sequence_length: Tensor | None = None,
    initial_state: Nest = None,
    dtype: DType | None = None,
    time_major: bool = False,
    scope: Scope = None,
    return_sequences: bool = False,
    return_state: bool = False,
) -> Tensor | tuple[Tensor, Nest]:
    """`dynamic_rnn` with Keras' two switches for what comes back.

    Args:
      cell: an RNN cell whose output is one tensor.
      inputs, sequence_length, initial_state, dtype, time_major, scope: as in `dynamic_rnn`.
      return_sequences: the outputs of every step instead of each row's last one.
      return_state: the state after each row's last step, too.

    Returns:
      The outputs `[batch_size, num_steps, output_size]` (`[num_steps, batch_size, output_size]`
      with `time_major`), or each row's last output `[batch_size, output_size]`, zero for a row of
      length 0. With `return_state`, the pair of that and the state.
    """
    outputs, state = dynamic_rnn(
        cell,
        inputs,
        sequence_length=sequence_length,
        initial_state=initial_state,
        dtype=dtype,
        time_major=time_major,
        scope=scope,
    )
    if not return_sequences:
        outputs = _last_output(outputs, sequence_length, time_major)
    return (outputs, state) if return_state else outputs


def _last_output(outputs: Tensor, sequence_length: Tensor | None, time_major: bool) -> Tensor:
    if sequence_length is None:
        return outputs[-1] if time_major else outputs[:, -1]
    # A row of length 0 has zeros at step 0, too.
    last = tf.maximum(tf.cast(sequence_length, tf.int32) - 1, 0)
    rows = tf.range(tf.size(last))
    return tf.gather_nd(outputs, tf.stack([last, rows] if time_major else [rows, last], axis=1))


def _swap_batch_and_time(x: Tensor) -> Tensor:
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])
