"""`tf.contrib.layers.sparse_ops`."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor


def dense_to_sparse_tensor(dense_tensor: Tensor, ignore_value: Any = None) -> tf.SparseTensor:
    """The entries of a dense tensor that are not a value, as a sparse tensor.

    Args:
      dense_tensor: a tensor of any shape.
      ignore_value: what is left out; by default `""` of strings and 0 of numbers.
    """
    with tf.name_scope("DenseToSparseTensor"):
        dense_tensor = tf.convert_to_tensor(dense_tensor)
        if ignore_value is None:
            ignore_value = "" if dense_tensor.dtype == tf.string else 0
        ignored = tf.cast(ignore_value, dense_tensor.dtype)
        indices = tf.where(tf.not_equal(dense_tensor, ignored))
        return tf.SparseTensor(
            indices,
            tf.gather_nd(dense_tensor, indices),
            tf.shape(dense_tensor, out_type=tf.int64),
        )
