"""`tf.contrib.learn.models`: the last layer and the loss in one."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor


def linear_regression(
    x: Tensor, y: Tensor, init_mean: float | None = None, init_stddev: float = 1.0
) -> tuple[Tensor, Tensor]:
    """A linear layer and the mean squared error.

    Args:
      x: `[batch_size, num_features]`.
      y: targets `[batch_size]` or `[batch_size, num_targets]`.
      init_mean: the mean of the normal distribution that variables begin with; None for the
        scope's initializer.
      init_stddev: its standard deviation.

    Returns:
      Predictions of the shape of y, and the loss.
    """
    with tf.variable_scope("linear_regression"):
        size = 1 if y.shape.rank == 1 else y.shape[1]
        predictions = _linear(x, size, init_mean, init_stddev)
        if y.shape.rank == 1:
            predictions = tf.squeeze(predictions, [1])
        return predictions, tf.losses.mean_squared_error(y, predictions)


def logistic_regression(
    x: Tensor,
    y: Tensor,
    class_weight: Tensor | None = None,
    init_mean: float | None = None,
    init_stddev: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """A linear layer, softmax and the cross entropy.

    Args:
      x: `[batch_size, num_features]`.
      y: targets `[batch_size, num_classes]`, one of each row 1.
      class_weight: what the logits are multiplied by, `[num_classes]`.
      init_mean: as in `linear_regression`.
      init_stddev: as in `linear_regression`.

    Returns:
      Probabilities `[batch_size, num_classes]`, and the loss.
    """
    with tf.variable_scope("logistic_regression"):
        logits = _linear(x, y.shape[1], init_mean, init_stddev)
        if class_weight is not None:
            logits = logits * class_weight
        return tf.nn.softmax(logits), tf.losses.softmax_cross_entropy(y, logits)


def _linear(x: Tensor, size: int, mean: float | None, stddev: float) -> Tensor:
    initializer = (
        None if mean is None else tf.random_normal_initializer(mean, stddev, dtype=x.dtype)
    )
    weights = tf.get_variable("weights", [x.shape[1], size], x.dtype, initializer)
    bias = tf.get_variable("bias", [size], x.dtype, initializer)
    return tf.nn.xw_plus_b(x, weights, bias)
