"""What attention looks at: the memory, and the mask of what lies past a row's length."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.types import Dimension, Nest, Tensor


def _prepare_memory(
    memory: Nest,
    memory_sequence_length: Tensor | None = None,
    check_inner_dims_defined: bool = True,
) -> Nest:
    """The memory as tensors, with zeros past each row's length.

    Args:
      memory: `[batch_size, max_time, ...]`, or a nest of such tensors.
      memory_sequence_length: None or int `[batch_size]`.
      check_inner_dims_defined: whether to refuse a memory whose depth is not known.

    Raises:
      ValueError: the depth is not known.
    """
    memory = tf.nest.map_structure(lambda m: tf.convert_to_tensor(m, name="memory"), memory)
    for one in tf.nest.flatten(memory) if check_inner_dims_defined else []:
        if not one.shape[2:].is_fully_defined():
            raise ValueError(
                f"Expected memory {one.name} to have fully defined inner dims, "
                f"but saw shape: {one.shape}"
            )
    if memory_sequence_length is None:
        return memory
    first = tf.nest.flatten(memory)[0]
    mask = tf.sequence_mask(memory_sequence_length, tf.shape(first)[1], first.dtype)

    def masked(one: Tensor) -> Tensor:
        inner = tf.ones([tf.rank(one) - 2], tf.int32)
        return one * tf.reshape(mask, tf.concat([tf.shape(mask), inner], axis=0))

    return tf.nest.map_structure(masked, memory)


def _maybe_mask_score(
    score: Tensor,
    memory_sequence_length: Tensor | None = None,
    score_mask_value: float | Tensor | None = None,
) -> Tensor:
    """The scores `[batch_size, max_time]` with `score_mask_value` past each row's length.

    A length that is not positive fails when the graph is run: nothing could be attended to.
    """
    if memory_sequence_length is None:
        return score
    positive = tf.debugging.assert_positive(
        memory_sequence_length,
        message="All values in memory_sequence_length must be greater than zero.",
    )
    with tf.control_dependencies([positive]):
        inside = tf.sequence_mask(memory_sequence_length, tf.shape(score)[1])
    return tf.where(inside, score, score_mask_value * tf.ones_like(score))


def size_of_axis(tensor: Tensor, axis: int) -> Dimension:
    """The size of an axis: an int where the shape tells it, else a scalar tensor."""
    known = tensor.shape.as_list()[axis] if tensor.shape.rank else None
    return known or tf.shape(tensor)[axis]
