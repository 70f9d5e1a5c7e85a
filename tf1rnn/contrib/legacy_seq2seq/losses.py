"""The sequence losses of lists, and the ways in which they were called before TensorFlow 1.0."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn import losses
from tf1rnn.types import Tensor

LossFunction = Callable[..., Tensor]


def without_symbol_count(position: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Has a function pass over the argument `num_decoder_symbols` that it had before 0.7.

    Args:
      position: where the argument stood: an int there, which is no bool, is the argument.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            named.pop("num_decoder_symbols", None)
            given = args[position] if len(args) > position else None
            if isinstance(given, int) and not isinstance(given, bool):
                args = (*args[:position], *args[position + 1 :])
            return function(*args, **named)

        wrapped: Any = call
        wrapped.__signature__ = inspect.signature(function)
        return wrapped

    return decorate


@without_symbol_count(3)
def sequence_loss_by_example(
    logits: Sequence[Tensor],
    targets: Sequence[Tensor],
    weights: Sequence[Tensor],
    average_across_timesteps: bool = True,
    softmax_loss_function: LossFunction | None = None,
    name: str | None = None,
) -> Tensor:
    """Weighted cross-entropy of each row of a batch, from lists with one entry a step.

    Args:
      logits: list of num_steps tensors `[batch_size, num_classes]`.
      targets: list of num_steps int tensors `[batch_size]`; a scalar stands for a batch of one.
      weights: list of num_steps tensors `[batch_size]`.
      average_across_timesteps: divide by each row's sum of weights.
      softmax_loss_function: a function of labels and logits to losses `[batch_size]`, in place of
        the cross-entropy. It is called by the names `labels` and `logits` where it has them, else
        in the order of its arguments: the labels first if the first one's name says labels or
        targets, as in 1.0, otherwise the logits, as before.
      name: name of the scope of the ops.

    Returns:
      Loss in nats, `[batch_size]`.

    Raises:
      ValueError: the lists differ in length.
    """
    if softmax_loss_function is None:
        targets = [tf.reshape(target, [-1]) for target in targets]
    return losses.sequence_loss_by_example(
        logits,
        targets,
        weights,
        average_across_timesteps,
        softmax_loss_function and _by_name(softmax_loss_function),
        name,
    )


@without_symbol_count(3)
def sequence_loss(
    logits: Sequence[Tensor],
    targets: Sequence[Tensor],
    weights: Sequence[Tensor],
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: LossFunction | None = None,
    name: str | None = None,
) -> Tensor:
    """The sum of `sequence_loss_by_example` over the rows of a batch.

    Args:
      logits, targets, weights, average_across_timesteps, softmax_loss_function, name: as there.
      average_across_batch: divide by the batch size.

    Returns:
      Loss in nats, a scalar.

    Raises:
      ValueError: the lists differ in length.
    """
    with tf.name_scope(name, "sequence_loss", [*logits, *targets, *weights]):
        by_row = sequence_loss_by_example(
            logits, targets, weights, average_across_timesteps, softmax_loss_function
        )
        total = tf.reduce_sum(by_row)
        if average_across_batch:
            total /= tf.cast(tf.shape(targets[0])[0], total.dtype)
        return total


def _by_name(function: LossFunction) -> LossFunction:
    """The loss function as one of `labels` and `logits`, whatever its own arguments are."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a builtin
        return function
    try:
        signature.bind(labels=None, logits=None)
    except TypeError:
        first = next(iter(signature.parameters), "")
        if first.startswith(("label", "target")):
            return lambda labels, logits: function(labels, logits)
        return lambda labels, logits: function(logits, labels)
    return function
