"""One model for each pair of lengths, all with the same variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.legacy_seq2seq.losses import (
    LossFunction,
    sequence_loss,
    sequence_loss_by_example,
    without_symbol_count,
)
from tf1rnn.types import Tensor


@without_symbol_count(5)
def model_with_buckets(
    encoder_inputs: Sequence[Tensor],
    decoder_inputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    weights: Sequence[Tensor],
    buckets: Sequence[tuple[int, int]],
    seq2seq: Callable[[Any, Any], tuple[list[Tensor], Any]],
    softmax_loss_function: LossFunction | None = None,
    per_example_loss: bool = False,
    name: str | None = None,
) -> tuple[list[list[Tensor]], list[Tensor]]:
    """A model for each bucket of sequences of about the same lengths.

    Args:
      encoder_inputs, decoder_inputs: lists of the inputs of `seq2seq`, one a step.
      targets: list of int tensors `[batch_size]`.
      weights: list of tensors `[batch_size]`.
      buckets: list of pairs (encoder steps, decoder steps), the longest last.
      seq2seq: a function of the two lists of inputs, cut to a bucket's lengths, to
        `(outputs, state)`, for example one of this module's.
      softmax_loss_function: as in `sequence_loss_by_example`.
      per_example_loss: losses of rows, `[batch_size]`, instead of scalars.
      name: name of the scope of the ops.

    Returns:
      `(outputs, losses)`: for each bucket a list of one tensor a step, and a loss.

    Raises:
      ValueError: encoder_inputs, targets or weights are shorter than the last bucket.
    """
    longest = {"encoder_inputs": buckets[-1][0], "targets": buckets[-1][1]}
    longest["weights"] = longest["targets"]
    given = {"encoder_inputs": encoder_inputs, "targets": targets, "weights": weights}
    for what, length in longest.items():
        if len(given[what]) < length:
            raise ValueError(
                f"Length of {what} ({len(given[what])}) must be at least that of last bucket "
                f"({length})."
            )
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    all_outputs, all_losses = [], []
    everything = [*encoder_inputs, *decoder_inputs, *targets, *weights]
    with tf.name_scope(name, "model_with_buckets", everything):
        for number, (encoder_steps, decoder_steps) in enumerate(buckets):
            with tf.variable_scope(tf.get_variable_scope(), reuse=True if number else None):
                outputs, _ = seq2seq(encoder_inputs[:encoder_steps], decoder_inputs[:decoder_steps])
                all_outputs.append(outputs)
                all_losses.append(
                    loss(
                        outputs,
                        targets[:decoder_steps],
                        weights[:decoder_steps],
                        softmax_loss_function=softmax_loss_function,
                    )
                )
    return all_outputs, all_losses
