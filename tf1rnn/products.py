"""Matrix products over whole sequences, in the dtype and layout that is fastest on a CPU."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

Product = Callable[[tf.Tensor], tf.Tensor]
ProductInParts = Callable[[tf.Tensor], list[tf.Tensor]]


def size(x: tf.Tensor, axis: int) -> Any:
    """The static size of an axis, whichever way TensorFlow's shapes behave in the process."""
    return x.shape.as_list()[axis]


def times(weights: tf.Tensor) -> Product:
    """x -> x · weights, in the dtype of the weights; the product has the dtype of x."""
    return lambda x: tf.cast(tf.cast(x, weights.dtype) @ weights, x.dtype)


def times_transposed(weights: tf.Tensor) -> Product:
    """x -> x · weightsᵀ, in the dtype of the weights; the product has the dtype of x."""
    if weights.dtype == tf.bfloat16:
        return lambda x: tf.cast(
            tf.matmul(tf.cast(x, weights.dtype), weights, transpose_b=True), x.dtype
        )
    return times(transpose(weights[:, None, :]))


def in_parts(weights: tf.Tensor, num_parts: int) -> ProductInParts:
    """x -> x · weights as equal parts, cut between columns, each a product of its own.

    Where x has few rows, several products on two threads take less time than one on both.
    """
    blocks = tf.split(weights, num_parts, 1)

    def product(x: tf.Tensor) -> list[tf.Tensor]:
        operand = tf.cast(x, weights.dtype)
        return [tf.cast(operand @ block, x.dtype) for block in blocks]

    return product


def parts_of_product(weights: tf.Tensor, num_parts: int) -> ProductInParts:
    """What `in_parts` gives, cut from a single product: faster for one row of float32."""
    return lambda x: tf.split(times(weights)(x), num_parts, 1)


def in_parts_transposed(
    weights: tf.Tensor, num_parts: int
) -> Callable[[list[tf.Tensor]], tf.Tensor]:
    """xs -> x · weightsᵀ, where xs are equal parts of x, cut between columns."""
    products = [times_transposed(block) for block in tf.split(weights, num_parts, 1)]
    return lambda xs: tf.add_n([product(x) for product, x in zip(products, xs, strict=True)])


def outer(x: tf.Tensor, d_z: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The sum over steps and batch of xᵀ · d_z: `[T, B, M]`, `[T, B, N]` -> `[M, N]`."""
    product = transpose(tf.cast(x, dtype)) @ tf.cast(rows(d_z), dtype)
    return tf.cast(product, d_z.dtype)


def unrows(flat: tf.Tensor, sequence: tf.Tensor) -> tf.Tensor:
    """`[T * B, N]` -> `[T, B, N]`, the first two axes being those of `sequence`."""
    num_steps, batch_size, _ = sequence.shape.as_list()
    result = tf.reshape(flat, tf.concat([tf.shape(sequence)[:2], [size(flat, 1)]], 0))
    return tf.ensure_shape(result, [num_steps, batch_size, size(flat, 1)])


def transpose(x: tf.Tensor) -> tf.Tensor:
    """`[A, B, N]` -> `[N, A * B]`, copied once.

    A product with an operand marked as transposed takes up to three times as long (oneDNN), and
    TensorFlow would turn the transposing of a matrix before a product into such a mark.
    """
    return tf.reshape(tf.transpose(x, [2, 0, 1]), [size(x, 2), -1])


def rows(sequence: tf.Tensor) -> tf.Tensor:
    """`[T, B, N]` -> `[T * B, N]`."""
    return tf.reshape(sequence, [-1, size(sequence, -1)])


def concat(tensors: Sequence[tf.Tensor], axis: int) -> tf.Tensor:
    """The tensors beside each other along an axis; a single one as it is."""
    return tensors[0] if len(tensors) == 1 else tf.concat(tensors, axis)
