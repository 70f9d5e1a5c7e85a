"""Unrollers: a cell along a sequence, as a loop in the graph or written out step by step.

Every unroller first asks the cell for its faster way (`RNNCell.sequence`), and steps where there
is none. Past a row's `sequence_length` outputs are zero and the state stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.nests import known_batch_size, where_rows, zeros
from tf1rnn.rnn_cell import assert_like_rnncell, time_step
from tf1rnn.types import Cell, Dimension, DType, Nest, Scope, Tensor


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
      sequence_length: None or int `[batch_size]`, the number of steps of each row.
      initial_state: nest of the structure of `cell.state_size`.
      dtype: dtype of the zero state, needed without `initial_state`, and of the outputs.
      parallel_iterations: how many steps may run at a time, 32 by default.
      swap_memory: lets a GPU keep what the gradient needs in the host's memory.
      time_major: inputs and outputs are `[num_steps, batch_size, ...]`, which saves a transpose.
      scope: variable scope or its name, "rnn" by default.

    Returns:
      `(outputs, state)`: outputs `[batch_size, num_steps, output_size]` (a nest, if
      `cell.output_size` is one), and the state after each row's last step.

    Raises:
      TypeError: `cell` is no cell.
      ValueError: neither state nor dtype given, or shapes and structures that do not fit.
    """
    assert_like_rnncell("cell", cell)
    with tf.variable_scope(scope or "rnn"):
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        if not time_major:
            inputs = tf.nest.map_structure(_swap_batch_and_time, inputs)
        batch_size = known_batch_size(inputs, axis=1)
        state = _initial_state(cell, initial_state, batch_size, dtype)
        sequence_length = _checked_lengths(sequence_length, batch_size)
        done = fast_sequence(cell, inputs, state, sequence_length)
        if done is None:
            loop = {"parallel_iterations": parallel_iterations or 32, "swap_memory": swap_memory}
            done = _while_loop(cell, inputs, state, sequence_length, dtype, loop)
        outputs, state = done
        if not time_major:
            outputs = tf.nest.map_structure(_swap_batch_and_time, outputs)
        return outputs, state


def fast_sequence(
    cell: Cell, inputs: Nest, initial_state: Nest, sequence_length: Tensor | None
) -> tuple[Tensor, Nest] | None:
    """What `cell.sequence` answers: None too for nested inputs, or a cell without the method."""
    if tf.nest.is_nested(inputs) or not hasattr(cell, "sequence"):
        return None
    return cell.sequence(inputs, initial_state, sequence_length)


def _while_loop(
    cell: Cell,
    inputs: Nest,
    state: Nest,
    sequence_length: Tensor | None,
    dtype: DType | None,
    loop: dict[str, Any],
) -> tuple[Nest, Nest]:
    """Steps through time-major inputs; returns the time-major outputs and the final state."""
    first = tf.nest.flatten(inputs)[0]
    num_steps = first.shape.as_list()[0]
    if num_steps is None:
        num_steps = tf.shape(first)[0]
    batch_size = known_batch_size(inputs, axis=1)
    output_dtype = _output_dtype(dtype, state)
    zero_output = zeros(batch_size, cell.output_size, output_dtype)
    read = [tf.TensorArray(x.dtype, size=num_steps).unstack(x) for x in tf.nest.flatten(inputs)]
    written = [
        tf.TensorArray(output_dtype, size=num_steps, element_shape=zero.shape)
        for zero in tf.nest.flatten(zero_output)
    ]

    def step(
        t: Tensor, written: list[tf.TensorArray], state: Nest
    ) -> tuple[Tensor, list[tf.TensorArray], Nest]:
        x = tf.nest.pack_sequence_as(inputs, [array.read(t) for array in read])
        tf.nest.map_structure(lambda part, whole: part.set_shape(whole.shape[1:]), x, inputs)
        output, state = _step(cell, t, x, state, zero_output, sequence_length)
        flat = tf.nest.flatten(output)
        return t + 1, [array.write(t, y) for array, y in zip(written, flat, strict=True)], state

    _, written, state = tf.while_loop(
        lambda t, *_: t < num_steps,
        step,
        (tf.constant(0, name="time"), written, state),
        maximum_iterations=num_steps,
        **loop,
    )
    return tf.nest.pack_sequence_as(zero_output, [array.stack() for array in written]), state


def _step(
    cell: Cell,
    t: int | Tensor,
    inputs: Nest,
    state: Nest,
    zero_output: Nest,
    sequence_length: Tensor | None,
) -> tuple[Nest, Nest]:
    """One step of a cell; rows that have ended answer with zeros and keep their state."""
    with time_step(t):
        output, next_state = cell(inputs, state)
    tf.nest.assert_same_structure(zero_output, output)
    tf.nest.assert_same_structure(state, next_state)
    if sequence_length is None:
        return output, next_state
    ended = sequence_length <= t
    return where_rows(ended, zero_output, output), where_rows(ended, state, next_state)


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
    with tf.variable_scope(scope or "rnn"):
        inputs = [tf.nest.map_structure(tf.convert_to_tensor, x) for x in inputs]
        batch_size = known_batch_size(inputs, axis=0)
        state = _initial_state(cell, initial_state, batch_size, dtype)
        sequence_length = _checked_lengths(sequence_length, batch_size)
        if not tf.nest.is_nested(inputs[0]):
            done = fast_sequence(cell, tf.stack(inputs), state, sequence_length)
            if done is not None:
                return tf.unstack(done[0], len(inputs)), done[1]
        zero_output = zeros(batch_size, cell.output_size, _output_dtype(dtype, state))
        outputs = []
        for t, x in enumerate(inputs):
            output, state = _step(cell, t, x, state, zero_output, sequence_length)
            outputs.append(output)
        return outputs, state


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


def check_input_list(inputs: Any) -> None:
    """Raises TypeError unless `inputs` is a list or tuple, ValueError if it is empty."""
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"inputs must be a list of tensors, one for each step, not {inputs!r}")
    if not inputs:
        raise ValueError("inputs must hold at least one step")


def _swap_batch_and_time(x: Tensor) -> Tensor:
    if x.shape.rank is None or x.shape.rank < 2:
        raise ValueError(f"a sequence needs the axes batch and time, not shape {x.shape}")
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])


def _initial_state(cell: Cell, state: Nest, batch_size: Dimension, dtype: DType | None) -> Nest:
    """The given state, checked, or zeros."""
    if state is None:
        if dtype is None:
            raise ValueError("give a dtype or an initial_state")
        return cell.zero_state(batch_size, dtype)
    try:
        tf.nest.assert_same_structure(cell.state_size, state, check_types=False)
    except ValueError:
        raise ValueError(f"initial_state {state} must be nested like {cell.state_size}") from None
    flat = [tf.convert_to_tensor(x) for x in tf.nest.flatten(state)]
    rows = None if tf.is_tensor(batch_size) else batch_size
    for x in flat:
        if not x.shape[:1].is_compatible_with([rows]):
            raise ValueError(f"initial_state has a part of shape {x.shape} for batch {batch_size}")
    return tf.nest.pack_sequence_as(cell.state_size, flat)


def _output_dtype(dtype: DType | None, state: Nest) -> DType:
    if dtype is not None:
        return dtype
    dtypes = {x.dtype.base_dtype for x in tf.nest.flatten(state)}
    if len(dtypes) != 1:
        raise ValueError(f"the state has dtypes {sorted(d.name for d in dtypes)}: give a dtype")
    return dtypes.pop()


def _checked_lengths(sequence_length: Tensor | None, batch_size: Dimension) -> Tensor | None:
    """The lengths as int32 `[batch_size]`, which is checked when run where it is not known."""
    if sequence_length is None:
        return None
    lengths = tf.cast(sequence_length, tf.int32)
    if lengths.shape.rank not in (None, 1):
        raise ValueError(f"sequence_length must be [batch_size], not of shape {lengths.shape}")
    rows = lengths.shape.as_list()[0] if lengths.shape.rank else None
    if rows is not None and not tf.is_tensor(batch_size):
        if rows != batch_size:
            raise ValueError(f"sequence_length has {rows} rows, the inputs have {batch_size}")
        return lengths
    check = tf.debugging.assert_equal(
        tf.shape(lengths), tf.stack([batch_size]), message="sequence_length is not [batch_size]"
    )
    with tf.control_dependencies([check]):
        return tf.identity(lengths)
