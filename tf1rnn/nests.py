"""Nests of tensors, as the loops around a cell carry them: zeros, chosen rows, the batch size."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Dimension, DType, Nest, Shape, Sizes, Tensor


def zeros(batch_size: Dimension, sizes: Sizes, dtype: DType) -> Nest:
    """A nest like `sizes`, each size `n` replaced by zeros `[batch_size, n]` of `dtype`."""
    return tf.nest.map_structure(
        lambda size: tf.zeros(shape_with_batch(batch_size, size), dtype), sizes
    )


def shape_of_size(size: Sizes) -> Shape:
    """The `tf.TensorShape` without the batch that a cell's size stands for.

    A size is an int or a shape; or an int tensor, such as the length of a memory, a scalar or a
    vector, of which the shape may be unknown before the graph runs.
    """
    if tf.is_tensor(size):
        known = tf.get_static_value(size)
        axes = 1 if size.shape.rank == 0 else size.shape.num_elements()
        return tf.TensorShape([None] * axes if known is None else known.reshape(-1).tolist())
    return tf.TensorShape(size if isinstance(size, tf.TensorShape) else [size])


def shape_with_batch(batch_size: Any, size: Sizes) -> Any:
    """The shape of a tensor of some size, for `tf.zeros`.

    Args:
      batch_size: an int or a list of them, or an int tensor, a scalar or a vector of several axes.
      size: see `shape_of_size`.

    Returns:
      A list, or an int32 vector where a part is a vector or a size is a tensor.
    """
    rows = list(batch_size) if isinstance(batch_size, (list, tuple)) else [batch_size]
    is_scalar = not tf.is_tensor(batch_size) or batch_size.shape.rank == 0
    if is_scalar and not tf.is_tensor(size):
        return [*rows, *shape_of_size(size).as_list()]
    dims = size if tf.is_tensor(size) else shape_of_size(size).as_list()
    parts = [batch_size if not is_scalar else rows, dims]
    return tf.concat([tf.reshape(tf.cast(part, tf.int32), [-1]) for part in parts], 0)


def where_rows(rows: Tensor, then: Nest, otherwise: Nest) -> Nest:
    """Takes rows of two nests of one structure.

    Args:
      rows: bool `[batch_size]`.
      then, otherwise: nests of `[batch_size, ...]`.

    Returns:
      A nest of the rows of `then` where `rows` is true, else of `otherwise`. Scalars and
      TensorArrays of the nests have no rows: they come from `otherwise`.
    """

    def select(a: Tensor, b: Tensor) -> Tensor:
        if isinstance(b, tf.TensorArray) or b.shape.rank == 0:
            return b
        chosen = tf.where(rows, a, b)
        chosen.set_shape(b.shape)
        return chosen

    return tf.nest.map_structure(select, then, otherwise)


def known_batch_size(inputs: Nest, axis: int) -> Dimension:
    """The batch size: an int where a shape tells it, else a scalar tensor.

    Raises ValueError where the shapes of a nest have too few axes or tell different sizes.
    """
    flat = tf.nest.flatten(inputs)
    shapes = [x.shape.as_list() for x in flat if x.shape.rank is not None]
    if any(len(shape) <= axis for shape in shapes):
        raise ValueError(f"inputs have too few axes: {shapes}")
    known = {shape[axis] for shape in shapes} - {None}
    if len(known) > 1:
        raise ValueError(
            "Batch_size is not the same for all the elements in the input: "
            f"batch sizes {sorted(known)}"
        )
    return known.pop() if known else tf.shape(flat[0])[axis]


def named_like(sizes: Nest, state: Nest) -> Nest:
    """The nest of sizes, in which a tuple has the names of the state's, where it has none itself.

    A cell that says its `state_size` as plain numbers may read its state by name.

    Args:
      sizes, state: nests of the same parts.
    """
    if not isinstance(sizes, (tuple, list)):
        return sizes
    parts = [named_like(size, part) for size, part in zip(sizes, state, strict=True)]
    for nest in (sizes, state):
        if hasattr(nest, "_fields"):
            return type(nest)(*parts)
    return type(sizes)(parts)
