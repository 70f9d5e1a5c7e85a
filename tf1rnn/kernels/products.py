"""Matrix products of a layer, in the dtype and layout that is fastest on a CPU.

T is the number of steps, B that of rows in the batch. Where a product is made again at every step,
what it needs of the weights alone (a cut, a copy) is made once: such a product is a function that
another one returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.kernels.layout import Layout, choose
from tf1rnn.types import DType, Tensor

ToParts = Callable[[Tensor], list[Tensor]]
FromParts = Callable[[Sequence[Tensor]], Tensor]


def static_size(x: Tensor, axis: int) -> Any:
    """The static size of an axis, whichever way TensorFlow's shapes behave in the process."""
    return x.shape.as_list()[axis]


def times(x: Tensor, weights: Tensor, transpose_b: bool = False) -> Tensor:
    """x · weights, or x · weightsᵀ, in the dtype of the weights; the product has the dtype of x."""
    product = tf.matmul(tf.cast(x, weights.dtype), weights, transpose_b=transpose_b)
    return tf.cast(product, x.dtype)


def times_transposed(x: Tensor, weights: Tensor) -> Tensor:
    """x · weightsᵀ: `[M, N]`, `[K, N]` -> `[M, K]`, with the dtypes of `times`."""
    return times(x, *_for_transposed(weights, choose(weights.dtype, None)))


def transposed_times(x: Tensor, y: Tensor) -> Tensor:
    """xᵀ · y: `[M, N]`, `[M, K]` -> `[N, K]`."""
    if choose(x.dtype, None).marked and x.dtype == tf.float32:
        return tf.matmul(x, y, transpose_a=True)
    return copied_transpose(x) @ y


def in_parts(weights: Tensor, num_parts: int) -> ToParts:
    """x -> x · weights as equal parts, cut between columns, each a product of its own.

    Where x has few rows, several products on two threads take less time than one on both.
    """
    blocks = tf.split(weights, num_parts, 1)

    def product(x: Tensor) -> list[Tensor]:
        operand = tf.cast(x, weights.dtype)
        return [tf.cast(operand @ block, x.dtype) for block in blocks]

    return product


def recurrent_parts(weights: Tensor, num_parts: int) -> ToParts:
    """What `in_parts` gives, for the recurrent weights `[H, N * H]`, as the layout has them."""
    if num_parts > 1 and choose(weights.dtype, static_size(weights, 0)).whole:
        return lambda x: tf.split(times(x, weights), num_parts, 1)
    return in_parts(weights, num_parts)


def plus_product_of_a_loop(
    weights: Tensor, num_parts: int
) -> Callable[[Tensor, Tensor], list[Tensor]]:
    """(z, x) -> z + x · weights as equal parts, cut between columns; for a `tf.while_loop`.

    Inside of a loop, where operations cost more than products of few rows, a single product is
    faster, in bfloat16 one a part.
    """
    if weights.dtype != tf.bfloat16:
        return lambda z, x: tf.split(_plus_product(z, x, weights), num_parts, 1)
    parts = in_parts(weights, num_parts)
    return lambda z, x: [a + b for a, b in zip(tf.split(z, num_parts, 1), parts(x), strict=True)]


def _plus_product(z: Tensor, x: Tensor, weights: Tensor) -> Tensor:
    """z + x · weights; of one row z is a bias, which TensorFlow makes one operation of."""
    if static_size(z, 0) == 1 and z.dtype == weights.dtype:
        return tf.nn.bias_add(x @ weights, tf.reshape(z, [-1]))
    return z + times(x, weights)


def from_parts_transposed(weights: Tensor, num_parts: int) -> FromParts:
    """xs -> x · weightsᵀ, where xs are equal parts of x, cut between columns."""
    layout = choose(weights.dtype, static_size(weights, 0))
    if num_parts > 1 and layout.whole:
        transposed = copied_transpose(weights)  # [N * H, H]
        return lambda xs: times(tf.concat(xs, 1), transposed)
    blocks = [_for_transposed(block, layout) for block in tf.split(weights, num_parts, 1)]
    return lambda xs: tf.add_n([times(x, *block) for x, block in zip(xs, blocks, strict=True)])


def from_parts_of_a_loop(weights: Tensor) -> FromParts:
    """xs -> x · weightsᵀ as `from_parts_transposed`, by one product; for a `tf.while_loop`."""
    marked = weights.dtype == tf.bfloat16
    operand = weights if marked else copied_transpose(weights)
    return lambda xs: times(concat(xs, 1), operand, marked)


def weight_gradient(x: Tensor, d_z: Tensor, dtype: DType) -> Tensor:
    """The gradient of the weights in z = x · weights at all steps: the sum of xᵀ · d_z.

    Args:
      x: what the weights were multiplied by, `[T, B, M]`.
      d_z: the errors of z, `[T, B, N]`.
      dtype: that of the product's operands.

    Returns:
      `[M, N]`, in the dtype of `d_z`.
    """
    x, errors = tf.cast(x, dtype), tf.cast(merge_steps(d_z), dtype)
    if x.dtype == tf.float32 and choose(dtype, None).marked:
        product = tf.matmul(merge_steps(x), errors, transpose_a=True)
    else:
        product = merged_transpose(x) @ errors
    return tf.cast(product, d_z.dtype)


def merge_steps(sequence: Tensor) -> Tensor:
    """`[T, B, N]` -> `[T * B, N]`."""
    return tf.reshape(sequence, [-1, static_size(sequence, -1)])


def split_steps(flat: Tensor, sequence: Tensor) -> Tensor:
    """`[T * B, N]` -> `[T, B, N]`, the first two axes being those of `sequence`."""
    num_steps, batch_size, _ = sequence.shape.as_list()
    result = tf.reshape(flat, tf.concat([tf.shape(sequence)[:2], [static_size(flat, 1)]], 0))
    return tf.ensure_shape(result, [num_steps, batch_size, static_size(flat, 1)])


def merged_transpose(sequence: Tensor) -> Tensor:
    """`[T, B, N]` -> `[N, T * B]`, copied once."""
    return tf.reshape(tf.transpose(sequence, [2, 0, 1]), [static_size(sequence, 2), -1])


def copied_transpose(matrix: Tensor) -> Tensor:
    """`[M, N]` -> `[N, M]`, copied.

    With AVX-512 a product with an operand marked as transposed takes up to three times as long, and
    TensorFlow would turn the transposing of a matrix before a product into such a mark. It does
    not see through that of three axes.
    """
    return merged_transpose(matrix[:, tf.newaxis, :])


def concat(tensors: Sequence[Tensor], axis: int) -> Tensor:
    """The tensors beside each other along an axis; a single one as it is."""
    return tensors[0] if len(tensors) == 1 else tf.concat(tensors, axis)


def _for_transposed(weights: Tensor, layout: Layout) -> tuple[Tensor, bool]:
    """What `times` takes for a product with weightsᵀ: weights, and whether to mark them so."""
    return (weights, True) if layout.marked else (copied_transpose(weights), False)
