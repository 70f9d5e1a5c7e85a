"""Batch sizes, zero states and shapes, as TensorFlow 1's helpers beside its cells gave them."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.rnn_cell import assert_like_rnncell
from tf1rnn.types import Dimension, DType, Nest, Sizes, Tensor

ASSERT_LIKE_RNNCELL_ERROR_REGEXP = "is not an RNNCell"


def transpose_batch_time(x: Tensor) -> Tensor:
    """Swaps the first two axes; a tensor of unknown rank is let through.

    Raises:
      ValueError: a tensor of less than two axes.
    """
    rank = x.shape.rank
    if rank is None:
        return x
    if rank < 2:
        raise ValueError(f"Expected input tensor {x.name} to have rank at least 2: {x.shape}")
    return tf.transpose(x, [1, 0, *range(2, rank)])


def best_effort_input_batch_size(flat_input: list[Tensor]) -> Dimension:
    """The batch size of time-major inputs: an int where one of the shapes tells it.

    Args:
      flat_input: list of tensors `[num_steps, batch_size, ...]`.

    Returns:
      An int, or a scalar int32 tensor.
    """
    for x in flat_input:
        if x.shape.rank is not None and x.shape.rank >= 2 and x.shape.as_list()[1] is not None:
            return x.shape.as_list()[1]
    return tf.shape(flat_input[0])[1]


def _concat(prefix: Any, suffix: Any, static: bool = False) -> Any:
    """The shape `[*prefix, *suffix]`: an int32 tensor, or a list of ints and None if static.

    Args:
      prefix, suffix: an int, a shape, or an integer tensor, a scalar or a vector.
      static: whether what is known before the graph runs is wanted, or the shape itself.

    Raises:
      ValueError: not static, and a part that is not fully known.
    """
    if static:
        return [*_static_dims(prefix), *_static_dims(suffix)]
    return tf.concat([_shape_tensor(prefix, "prefix"), _shape_tensor(suffix, "suffix")], 0)


def _static_dims(part: Any) -> list[int | None]:
    if not tf.is_tensor(part):
        return tf.TensorShape(part).as_list()
    value = tf.get_static_value(part)
    if value is not None:
        return value.reshape(-1).tolist()
    return [None] * (1 if part.shape.rank == 0 else part.shape.num_elements())


def _shape_tensor(part: Any, name: str) -> Tensor:
    if tf.is_tensor(part):
        return tf.reshape(part, [-1])
    shape = tf.TensorShape(part)
    if not shape.is_fully_defined():
        raise ValueError(f"{name} must be fully defined, or a tensor, not {shape}")
    return tf.constant(shape.as_list(), tf.int32)


def _zero_state_tensors(state_size: Sizes, batch_size: Dimension, dtype: DType) -> Nest:
    """The nest of `state_size`, each size `n` replaced by zeros `[batch_size, n]`."""

    def zeros(size: Any) -> Tensor:
        made = tf.zeros(_concat(batch_size, size), dtype)
        made.set_shape(_concat(batch_size, size, static=True))
        return made

    return tf.nest.map_structure(zeros, state_size)


def _state_size_with_prefix(state_size: Sizes, prefix: list[Any] | None = None) -> Nest:
    """The nest of `state_size`, each size `n` replaced by the list `[*prefix, n]`."""

    def prefixed(size: Any) -> list[Any]:
        return [*(prefix or []), *tf.TensorShape(size).as_list()]

    sizes = tf.nest.flatten(state_size)
    return tf.nest.pack_sequence_as(state_size, [prefixed(size) for size in sizes])


def _like_rnncell(cell: Any) -> bool:
    """Whether an object has all that an RNN cell has."""
    try:
        assert_like_rnncell("cell", cell)
    except TypeError:
        return False
    return True
