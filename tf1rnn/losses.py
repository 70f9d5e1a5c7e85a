"""Cross-entropy of sequences, weighted and averaged over steps, rows or both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow.compat.v1 as tf

from tf1rnn.kernels.softmax import softmax_cross_entropy
from tf1rnn.types import Tensor

MANY_CLASSES = 1000  # from which the faster loss pays for its operations, which are more
_NO_ZERO_DIVISION = 1e-12  # TensorFlow 1's guard for rows whose weights are all zero
_NO_ZERO_DIVISION_IN_FLOAT16 = 2.0**-14  # the least normal number, 1e-12 being 0


def _loss_of(logits: Sequence[Tensor]) -> Callable[..., Tensor]:
    """A function `(labels=, logits=)` for the logits of each step: the faster of two equal ones."""
    if len(logits) == 1:  # of many steps the graph would grow by the operations of each
        shape = tf.convert_to_tensor(logits[0]).shape
        if shape.rank and (shape.as_list()[-1] or 0) >= MANY_CLASSES:
            return softmax_cross_entropy
    return tf.nn.sparse_softmax_cross_entropy_with_logits


def _not_zero(total: Tensor) -> Tensor:
    is_narrow = total.dtype == tf.float16
    return total + (_NO_ZERO_DIVISION_IN_FLOAT16 if is_narrow else _NO_ZERO_DIVISION)


def sequence_loss_by_example(
    logits: Sequence[Tensor],
    targets: Sequence[Tensor],
    weights: Sequence[Tensor],
    average_across_timesteps: bool = True,
    softmax_loss_function: Callable[..., Tensor] | None = None,
    name: str | None = None,
) -> Tensor:
    """Weighted cross-entropy of each row of a batch, from lists with one entry a step.

    This is the function of `tf.contrib.legacy_seq2seq`.

    Args:
      logits: list of num_steps tensors `[batch_size, num_classes]`.
      targets: list of num_steps int tensors `[batch_size]`.
      weights: list of num_steps tensors `[batch_size]`.
      average_across_timesteps: divide by each row's sum of weights.
      softmax_loss_function: a function `(labels=, logits=) -> [batch_size]`, in place of
        `tf.nn.sparse_softmax_cross_entropy_with_logits` (or of what is equal to it and faster).
      name: name of the scope of the ops.

    Returns:
      Loss in nats, `[batch_size]`, of the dtype of the logits.

    Raises:
      ValueError: the lists differ in length.
    """
    if not len(logits) == len(targets) == len(weights):
        raise ValueError(
            "logits, targets and weights must be lists of one length, "
            f"not {len(logits)}, {len(targets)} and {len(weights)}"
        )
    loss = softmax_loss_function or _loss_of(logits)
    with tf.name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        steps = zip(logits, targets, weights, strict=True)
        total = tf.add_n([loss(labels=y, logits=z) * weight for z, y, weight in steps])
        if average_across_timesteps:
            total /= _not_zero(tf.add_n(weights))
        return total


def sequence_loss(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Callable[..., Tensor] | None = None,
    name: str | None = None,
) -> Tensor:
    """Weighted cross-entropy of a batch of sequences, from tensors.

    This is the function of `tf.contrib.seq2seq`. An average is the sum of the weighted losses
    along an axis, or along both, divided by the sum of the weights there. What TensorFlow 1 calls
    a sum is divided, too: by the number of weights there that are not zero.

    Args:
      logits: `[batch_size, num_steps, num_classes]`.
      targets: int `[batch_size, num_steps]`.
      weights: `[batch_size, num_steps]`, for example 0 where a row has ended.
      average_across_timesteps: average over the steps.
      average_across_batch: average over the rows.
      sum_over_timesteps: sum over the steps, where neither average is taken.
      sum_over_batch: sum over the rows, where neither average is taken.
      softmax_loss_function: a function `(labels=, logits=)` of `[batch_size * num_steps]` and
        `[batch_size * num_steps, num_classes]` to the losses `[batch_size * num_steps]`, in place
        of `tf.nn.sparse_softmax_cross_entropy_with_logits`.
      name: name of the scope of the ops.

    Returns:
      Loss in nats, of the dtype of the logits: a scalar where steps and rows are reduced,
      `[batch_size]` where steps are, `[num_steps]` where rows are, else `[batch_size, num_steps]`.

    Raises:
      ValueError: a tensor has another number of axes, or both an average and a sum are asked for.
    """
    logits, targets, weights = map(tf.convert_to_tensor, (logits, targets, weights))
    for tensor, rank, shape in (
        (logits, 3, "batch_size, num_steps, num_classes"),
        (targets, 2, "batch_size, num_steps"),
        (weights, 2, "batch_size, num_steps"),
    ):
        if tensor.shape.rank != rank:
            raise ValueError(f"expected [{shape}], not a tensor of shape {tensor.shape}")
    averages = [0] * average_across_batch + [1] * average_across_timesteps
    sums = [0] * sum_over_batch + [1] * sum_over_timesteps
    if averages and sums:
        raise ValueError("an average and a sum cannot be set to True at same time")
    loss = softmax_loss_function or _loss_of([logits])
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        flat = tf.reshape(logits, [-1, tf.shape(logits)[2]])
        losses = loss(labels=tf.reshape(targets, [-1]), logits=flat)
        losses = tf.reshape(losses, tf.shape(targets)) * weights
        if averages:
            total = _not_zero(tf.reduce_sum(weights, averages))
            return tf.reduce_sum(losses, averages) / total
        if sums:
            count = tf.cast(tf.math.count_nonzero(weights, sums), losses.dtype)
            return tf.math.divide_no_nan(tf.reduce_sum(losses, sums), count)
        return losses
