"""What helpers draw, and the embeddings and tokens that they start from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import DType, Nest, Shape, Tensor


def embedding_function(embedding: Any) -> Callable[[Tensor], Tensor]:
    """A function of ids to embeddings: `embedding` itself, or a lookup in it."""
    if callable(embedding):
        return embedding
    return lambda ids: tf.nn.embedding_lookup(embedding, ids)


def checked_tokens(start_tokens: Tensor, end_token: int | Tensor) -> tuple[Tensor, Tensor]:
    """Both as int32 tensors. Raises ValueError unless they are a vector and a scalar."""
    start_tokens = tf.convert_to_tensor(start_tokens, tf.int32, name="start_tokens")
    end_token = tf.convert_to_tensor(end_token, tf.int32, name="end_token")
    if start_tokens.shape.rank != 1:
        raise ValueError("start_tokens must be a vector")
    if end_token.shape.rank != 0:
        raise ValueError("end_token must be a scalar")
    return start_tokens, end_token


def checked_tensor(outputs: Nest) -> Tensor:
    """The outputs. Raises TypeError where they are a nest."""
    if not tf.is_tensor(outputs):
        raise TypeError(f"Expected outputs to be a single Tensor, got: {type(outputs)}")
    return outputs


def categorical_sample(
    logits: Tensor,
    dtype: DType = tf.int32,
    sample_shape: Shape = (),
    seed: int | None = None,
) -> Tensor:
    """Ids drawn by the softmax of logits.

    Args:
      logits: `[..., num_classes]`.
      dtype: of the ids.
      sample_shape: shape of the draws for each row of logits.
      seed: of the draws.

    Returns:
      `[*sample_shape, ...]`.
    """
    logits = tf.convert_to_tensor(logits)
    shape = tf.TensorShape(sample_shape).as_list()
    rows = tf.reshape(logits, [-1, tf.shape(logits)[-1]])
    count = tf.cast(tf.reduce_prod(tf.constant(shape, tf.int32)), tf.int32)
    drawn = tf.transpose(tf.random.categorical(rows, count, dtype=dtype, seed=seed))
    ids = tf.reshape(drawn, tf.concat([tf.constant(shape, tf.int32), tf.shape(logits)[:-1]], 0))
    ids.set_shape(tf.TensorShape(shape).concatenate(logits.shape[:-1]))
    return ids


def bernoulli_sample(
    probs: Tensor | None = None,
    logits: Tensor | None = None,
    dtype: DType = tf.int32,
    sample_shape: Shape | Tensor = (),
    seed: int | None = None,
) -> Tensor:
    """Ones (or True) with given probabilities, else zeros (or False).

    Args:
      probs: the probabilities, any shape; or
      logits: the same before a sigmoid.
      dtype: of the result.
      sample_shape: shape of the draws for each probability.
      seed: of the draws.

    Returns:
      `[*sample_shape, *probs.shape]`.

    Raises:
      ValueError: not one of `probs` and `logits`.
    """
    if (probs is None) == (logits is None):
        raise ValueError("one of probs and logits must be given")
    probs = tf.sigmoid(logits) if probs is None else tf.convert_to_tensor(probs)
    sample_shape = tf.reshape(tf.cast(sample_shape, tf.int32), [-1])
    shape = tf.concat([sample_shape, tf.shape(probs)], 0)
    return tf.cast(tf.random_uniform(shape, dtype=probs.dtype, seed=seed) < probs, dtype)
