"""`tf.contrib.sparsemax`: a softmax whose small probabilities are zero.

Martins and Astudillo 2016 (arXiv 1602.02068): the point of the simplex that is nearest to the
logits. With z sorted from the largest on, k the last place where 1 + k z_k > z_1 + ... + z_k, and
tau = (z_1 + ... + z_k - 1) / k, it is max(z - tau, 0).
"""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor


def sparsemax(logits: Tensor, name: str | None = None) -> Tensor:
    """The probabilities of each row.

    Args:
      logits: float `[batch_size, num_classes]`.
      name: name of the scope of the ops.

    Returns:
      As the logits; rows sum to 1.
    """
    with tf.name_scope(name, "sparsemax", [logits]):
        logits = tf.convert_to_tensor(logits)
        z = logits - tf.reduce_mean(logits, axis=1, keepdims=True)
        ordered = tf.sort(z, axis=1, direction="DESCENDING")
        sums = tf.cumsum(ordered, axis=1)
        places = tf.range(1, tf.cast(tf.shape(z)[1], z.dtype) + 1, dtype=z.dtype)
        inside = 1 + places * ordered > sums
        k = tf.reduce_sum(tf.cast(inside, tf.int32), axis=1)
        # A row that is no number has no support: its place is the first one, and it stays as it is.
        last = tf.gather(sums, tf.maximum(k - 1, 0), axis=1, batch_dims=1)
        tau = (last - 1) / tf.cast(k, z.dtype)
        return tf.maximum(z - tau[:, tf.newaxis], tf.zeros([], z.dtype))


def sparsemax_loss(
    logits: Tensor, sparsemax: Tensor, labels: Tensor, name: str | None = None
) -> Tensor:
    """The loss that belongs to it: zero where the probabilities are the labels.

    Args:
      logits: `[batch_size, num_classes]`.
      sparsemax: their `sparsemax`.
      labels: probabilities `[batch_size, num_classes]`.
      name: name of the scope of the ops.

    Returns:
      `[batch_size]`, whose gradient for the logits is `sparsemax - labels`.
    """
    with tf.name_scope(name, "sparsemax_loss", [logits, sparsemax, labels]):
        z = logits - tf.reduce_mean(logits, axis=1, keepdims=True)
        labels = tf.cast(labels, z.dtype)
        of_support = sparsemax * (z - sparsemax / 2)
        of_labels = labels * (labels / 2 - z)
        return tf.reduce_sum(of_support + of_labels, axis=1)
