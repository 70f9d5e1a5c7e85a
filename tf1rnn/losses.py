"""Cross-entropy of sequences, weighted and averaged over steps, rows or both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

_NO_ZERO_DIVISION = 1e-12  # TensorFlow 1's guard for rows whose weights are all zero


def sequence_loss_by_example(
    logits: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    average_across_timesteps: bool = True,
    softmax_loss_function: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Any:
    """Weighted cross-entropy of each row of a batch, from lists with one entry a step.

    This is the function of `tf.contrib.legacy_seq2seq`.

    Args:
      logits: list of num_steps tensors `[batch_size, num_classes]`.
      targets: list of num_steps int tensors `[batch_size]`.
      weights: list of num_steps tensors `[batch_size]`.
      average_across_timesteps: divide by each row's sum of weights.
      softmax_loss_function: a function `(labels=, logits=) -> [batch_size]`, in place of
        `tf.nn.sparse_softmax_cross_entropy_with_logits`.
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
    loss = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
    with tf.name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        steps = zip(logits, targets, weights, strict=True)
        total = tf.add_n([loss(labels=y, logits=z) * weight for z, y, weight in steps])
        if average_across_timesteps:
            total /= tf.add_n(weights) + _NO_ZERO_DIVISION
        return total
