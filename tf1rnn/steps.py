"""What every unroller does: it starts a cell's state, checks lengths, and steps with masks."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.loops import outer_gradient_overrides
from tf1rnn.nests import known_batch_size, named_like, shape_of_size, where_rows
from tf1rnn.rnn_cell import time_step
from tf1rnn.types import Cell, Dimension, DType, Nest, Shape, Sizes, Tensor


def masked_step(
    cell: Cell,
    t: int | Tensor,
    inputs: Nest,
    state: Nest,
    zero_output: Nest | None,
    sequence_length: Tensor | None,
) -> tuple[Nest, Nest]:
    """One step of a cell; rows that have ended answer with zeros and keep their state.

    The cell sees zeros in place of padding, which may be anything: an infinite or undefined
    number would come back in the gradient, as 0 · inf, although its output is not taken.

    Args:
      cell, t, inputs, state: the step, and what the cell is called with.
      zero_output: what output and state have to be nested like; None where no loop holds the cell
        to `output_size` and `state_size`.
      sequence_length: None or int `[batch_size]`, which needs a `zero_output`.
    """
    ended = None if sequence_length is None else sequence_length <= t
    if ended is not None:
        inputs = where_rows(ended, tf.nest.map_structure(tf.zeros_like, inputs), inputs)
    with time_step(t), outer_gradient_overrides():
        output, next_state = cell(inputs, state)
    if zero_output is None:
        return output, next_state
    tf.nest.assert_same_structure(zero_output, output)
    tf.nest.assert_same_structure(state, next_state)
    if ended is None:
        return output, next_state
    return where_rows(ended, zero_output, output), where_rows(ended, state, next_state)


def zero_state(cell: Cell, batch_size: Dimension, dtype: DType) -> Nest:
    """The state that a cell starts from: by `get_initial_state` where it has that, as in Keras."""
    if getattr(cell, "get_initial_state", None) is None:
        return cell.zero_state(batch_size, dtype)
    return cell.get_initial_state(inputs=None, batch_size=batch_size, dtype=dtype)


def started(
    cell: Cell, inputs: Nest, axis: int, state: Nest, dtype: DType | None
) -> tuple[Nest, Nest]:
    """Inputs and initial state, each with what the other tells of the batch size.

    Args:
      cell: an RNN cell.
      inputs: nest of tensors, all of one batch.
      axis: the axis of their batch.
      state: the initial state, or None for that of `zero_state`.
      dtype: dtype of the zero state.

    Raises:
      ValueError: neither state nor dtype, or a state of another structure or batch.
    """
    batch_size = known_batch_size(inputs, axis)
    if state is None:
        if dtype is None:
            raise ValueError("If there is no initial_state, you must give a dtype.")
        return inputs, zero_state(cell, batch_size, dtype)
    if any(isinstance(part, tf.TensorArray) for part in tf.nest.flatten(state)):
        return inputs, state  # `state_size` has a nest of sizes, or none, in place of an array
    try:
        tf.nest.assert_same_structure(cell.state_size, state, check_types=False)
    except ValueError:
        raise ValueError(f"initial_state {state} must be nested like {cell.state_size}") from None
    rows = None if tf.is_tensor(batch_size) else batch_size
    sizes = [_known_size(size) for size in tf.nest.flatten(cell.state_size)]
    parts = [tf.convert_to_tensor(part) for part in tf.nest.flatten(state)]
    pairs = list(zip(parts, sizes, strict=True))
    parts = [_with_shape(x, rows, size) if _has_rows(x, size) else x for x, size in pairs]
    told = [x.shape.as_list()[0] for x, size in pairs if x.shape.rank and _has_rows(x, size)]
    if rows is None and any(told):
        rows = max(filter(None, told))
        inputs = tf.nest.map_structure(lambda x: _with_batch(x, axis, rows), inputs)
    return inputs, tf.nest.pack_sequence_as(named_like(cell.state_size, state), parts)


def _known_size(size: Sizes) -> Shape:
    """A size as a shape; of a cell that gives its zero state for its sizes, none is known."""
    gives_zeros = tf.is_tensor(size) and size.shape.rank != 0
    return tf.TensorShape(None) if gives_zeros else shape_of_size(size)


def _has_rows(part: Tensor, size: Shape) -> bool:
    """Whether a part of the state has an axis for the batch: a count of the steps has none."""
    if part.shape.rank is None or size.rank is None:
        return bool(size.rank)
    return part.shape.rank == 1 + size.rank


def _with_shape(part: Tensor, rows: int | None, size: Shape) -> Tensor:
    """A part of the state with what `[rows, *size]` adds to its static shape."""
    if not part.shape[:1].is_compatible_with([rows]):
        raise ValueError(f"initial_state has a part of shape {part.shape} for batch {rows}")
    wanted = tf.TensorShape([rows]).concatenate(size)
    if not part.shape.is_compatible_with(wanted):
        return part  # that its shape is not what `state_size` says is the cell's affair
    merged = part.shape.merge_with(wanted)
    return part if merged == part.shape else tf.ensure_shape(part, merged)


def _with_batch(x: Tensor, axis: int, rows: int) -> Tensor:
    if x.shape.rank is None:
        return x
    shape = x.shape.as_list()
    return tf.ensure_shape(x, [*shape[:axis], rows, *shape[axis + 1 :]])


def output_dtype(dtype: DType | None, state: Nest) -> DType:
    """`dtype`, or that of all parts of the state. Raises ValueError where they differ."""
    if dtype is not None:
        return dtype
    dtypes = {x.dtype.base_dtype for x in tf.nest.flatten(state)}
    if len(dtypes) != 1:
        raise ValueError(f"the state has dtypes {sorted(d.name for d in dtypes)}: give a dtype")
    return dtypes.pop()


def checked_lengths(sequence_length: Tensor | None, batch_size: Dimension) -> Tensor | None:
    """The lengths as int32 `[batch_size]`, which is checked when run where it is not known."""
    if sequence_length is None:
        return None
    lengths = tf.cast(sequence_length, tf.int32)
    shape = lengths.shape
    if shape.rank not in (None, 1):
        raise ValueError(
            f"sequence_length must be a vector of length batch_size, but saw shape: {shape}"
        )
    lengths = tf.identity(lengths, name="sequence_length")
    rows = shape.as_list()[0] if shape.rank else None
    if rows is not None and not tf.is_tensor(batch_size):
        if rows != batch_size:
            raise ValueError(
                f"sequence_length must be a vector of length batch_size, {batch_size}: "
                f"it has {rows} rows"
            )
        return lengths
    check = tf.debugging.assert_equal(
        tf.shape(lengths), tf.stack([batch_size]), message="sequence_length is not [batch_size]"
    )
    with tf.control_dependencies([check]):
        return tf.identity(lengths, name="CheckSeqLen")
