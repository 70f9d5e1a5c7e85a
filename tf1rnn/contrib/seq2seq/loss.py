"""The weighted cross-entropy of sequences, as a function and as an object."""

from __future__ import annotations

from collections.abc import Callable

from tf1rnn.losses import sequence_loss
from tf1rnn.types import Tensor

__all__ = ["SequenceLoss", "sequence_loss"]


class SequenceLoss:
    """`sequence_loss` with its options set, called with targets first, as a loss of Keras is.

    Args:
      average_across_timesteps, average_across_batch, sum_over_timesteps, sum_over_batch,
      softmax_loss_function: as in `sequence_loss`.
      name: name of the scope of the ops.
    """

    def __init__(
        self,
        average_across_timesteps: bool = False,
        average_across_batch: bool = False,
        sum_over_timesteps: bool = True,
        sum_over_batch: bool = True,
        softmax_loss_function: Callable[..., Tensor] | None = None,
        name: str | None = None,
    ) -> None:
        self.average_across_timesteps = average_across_timesteps
        self.average_across_batch = average_across_batch
        self.sum_over_timesteps = sum_over_timesteps
        self.sum_over_batch = sum_over_batch
        self.softmax_loss_function = softmax_loss_function
        self.name = name

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor) -> Tensor:
        """The loss in nats; shaped as `sequence_loss` says.

        Args:
          y_true: int `[batch_size, num_steps]`.
          y_pred: logits `[batch_size, num_steps, num_classes]`.
          sample_weight: `[batch_size, num_steps]`.
        """
        return sequence_loss(
            y_pred,
            y_true,
            sample_weight,
            average_across_timesteps=self.average_across_timesteps,
            average_across_batch=self.average_across_batch,
            sum_over_timesteps=self.sum_over_timesteps,
            sum_over_batch=self.sum_over_batch,
            softmax_loss_function=self.softmax_loss_function,
            name=self.name,
        )
