"""`tf.contrib.nn`: dropout of self-normalizing networks, and losses that went elsewhere."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor

# Klambauer et al. 2017 (arXiv 1706.02515): what a selu tends to for a very negative input.
_LEAST = -1.7580993408473766

# Its labels are ids of one class each, which those of the other may be as well.
sampled_sparse_softmax_loss = tf.nn.sampled_softmax_loss


def alpha_dropout(
    x: Tensor,
    keep_prob: float | Tensor,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 (Klambauer et al. 2017, arXiv 1706.02515).

    Args:
      x: a float tensor.
      keep_prob: which share is kept, in (0, 1].
      noise_shape: shape of the mask, that of x by default.
      seed: of the mask.
      name: name of the scope of the ops.

    Raises:
      ValueError: keep_prob is a number outside of (0, 1].
    """
    with tf.name_scope(name, "alpha_dropout", [x]):
        x = tf.convert_to_tensor(x)
        if not tf.is_tensor(keep_prob) and not 0 < keep_prob <= 1:
            raise ValueError(f"keep_prob must be a float in the range (0, 1], got {keep_prob}")
        if not tf.is_tensor(keep_prob) and keep_prob == 1:
            return x
        keep_prob = tf.cast(keep_prob, x.dtype)
        shape = tf.shape(x) if noise_shape is None else noise_shape
        kept = tf.random_uniform(shape, seed=seed, dtype=x.dtype) < keep_prob
        mixed = tf.where_v2(kept, x, tf.constant(_LEAST, x.dtype))
        scale = tf.math.rsqrt(keep_prob * (1 + (1 - keep_prob) * _LEAST**2))
        return scale * (mixed - (1 - keep_prob) * _LEAST)


# The order of arguments of before 1.0, by the names that TensorFlow's upgrade to 1.0 wrote.


def deprecated_flipped_softmax_cross_entropy_with_logits(
    logits: Tensor, labels: Tensor, dim: int = -1, name: str | None = None
) -> Tensor:
    """`tf.nn.softmax_cross_entropy_with_logits` with the logits first."""
    labels = tf.stop_gradient(tf.convert_to_tensor(labels))
    return tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=labels, logits=logits, axis=dim, name=name
    )


def deprecated_flipped_sparse_softmax_cross_entropy_with_logits(
    logits: Tensor, labels: Tensor, name: str | None = None
) -> Tensor:
    """`tf.nn.sparse_softmax_cross_entropy_with_logits` with the logits first."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def deprecated_flipped_sigmoid_cross_entropy_with_logits(
    logits: Tensor, targets: Tensor, name: str | None = None
) -> Tensor:
    """`tf.nn.sigmoid_cross_entropy_with_logits` with the logits first."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)
