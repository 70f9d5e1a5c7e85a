"""Heads of estimators: from logits and labels to predictions, loss and metrics; that of numbers.

As of TensorFlow 1.15's `tf.contrib.estimator` and `tf.estimator`. Rows count as `weight_column`
says; the loss is a sum over them, divided as `loss_reduction` says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator import export, inputs
from tf1rnn.contrib.estimator.spec import EstimatorSpec, ModeKeys
from tf1rnn.types import Tensor

BY_BATCH_SIZE = "weighted_sum_over_batch_size"  # what 1.15's heads do if nothing else is said
_OF_KERAS = {"sum": "weighted_sum", "sum_over_batch_size": BY_BATCH_SIZE, "none": "none"}


class Head(ABC):
    """What heads have in common.

    Args:
      logits_dimension: the size of the last axis of logits.
      weight_column: the name of a feature `[batch_size]` or `[batch_size, 1]`, or a numeric column.
      loss_reduction: one of `tf.losses.Reduction`, but not NONE.
      loss_fn: of `labels` and `logits` (and `features` and `loss_reduction`, if it has these), in
        place of the head's own; `[batch_size, 1]` of logits `[batch_size, logits_dimension]`.
      name: what names of metrics and outputs end with.

    Raises:
      ValueError: loss_reduction is another.
    """

    def __init__(
        self,
        logits_dimension: int,
        weight_column: Any = None,
        loss_reduction: str = BY_BATCH_SIZE,
        loss_fn: Callable[..., Tensor] | None = None,
        name: str | None = None,
    ) -> None:
        reduction = _OF_KERAS.get(loss_reduction, loss_reduction)
        if reduction not in tf.losses.Reduction.all() or reduction == tf.losses.Reduction.NONE:
            raise ValueError(f"Invalid loss_reduction: {loss_reduction}")
        self.logits_dimension = logits_dimension
        self.name = name
        self._weight_column, self._reduction, self._loss_fn = weight_column, reduction, loss_fn

    @property
    def loss_reduction(self) -> str:
        """One of `tf.losses.Reduction`."""
        return self._reduction

    @abstractmethod
    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Of logits `[batch_size, logits_dimension]`, by name."""

    @abstractmethod
    def _label_ids(self, labels: Tensor) -> Tensor:
        """Labels as numbers, of the shape that the loss takes."""

    @abstractmethod
    def _losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """The loss of each row."""

    @abstractmethod
    def _metrics(
        self, predictions: dict[str, Tensor], labels: Tensor, weights: Tensor
    ) -> dict[str, Any]:
        """Pairs of value and update, beside that of the loss."""

    @abstractmethod
    def _outputs(self, predictions: dict[str, Tensor]) -> dict[str, Any]:
        """Those of a served model; the first one is the default."""

    def create_estimator_spec(
        self,
        features: Any,
        mode: str,
        logits: Tensor,
        labels: Any = None,
        optimizer: Any = None,
        trainable_variables: Any = None,
        train_op_fn: Callable[[Tensor], Any] | None = None,
        update_ops: Any = None,
        regularization_losses: Sequence[Tensor] | None = None,
    ) -> EstimatorSpec:
        """What a model function returns.

        Args:
          features: a dict; asked for weights alone.
          mode: one of `ModeKeys`.
          logits: `[batch_size, logits_dimension]`.
          labels: `[batch_size]` or `[batch_size, ...]`; not used to predict.
          optimizer: its `minimize` trains, or else:
          trainable_variables: which variables optimizer trains; None for all.
          train_op_fn: gives an op that trains, for the loss.
          update_ops: run with each step of optimizer.
          regularization_losses: scalars that are added.

        Raises:
          ValueError: while training, not one of optimizer and train_op_fn is given.
        """
        logits = tf.cast(tf.convert_to_tensor(logits), tf.float32)
        logits.shape[-1:].assert_is_compatible_with([self.logits_dimension])
        with tf.name_scope(self.name, "head"):
            predictions = self.predictions(logits)
            if mode == ModeKeys.PREDICT:
                outputs = self._outputs(predictions)
                outputs[export.DEFAULT] = next(iter(outputs.values()))
                outputs["predict"] = export.PredictOutput(predictions)
                return EstimatorSpec(mode, predictions, export_outputs=outputs)
            loss, metrics = self._scored(features, logits, labels, predictions)
            if regularization_losses:
                regularization = tf.add_n(regularization_losses)
                loss = loss + regularization
                metrics["regularization_loss"] = tf.metrics.mean(regularization)
            train_op = None
            if mode == ModeKeys.TRAIN:
                train_op = _trained(loss, optimizer, trainable_variables, train_op_fn, update_ops)
                metrics = {}
            named = {self._named(key): metric for key, metric in metrics.items()}
            return EstimatorSpec(mode, predictions, loss, train_op, named)

    def _named(self, key: str) -> str:
        return f"{key}/{self.name}" if self.name else key

    def _scored(
        self, features: Any, logits: Tensor, labels: Any, predictions: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Any]]:
        """The loss, and the metrics by name."""
        labels = self._label_ids(_as_columns(labels))
        weights = self._weights(features)
        if self._loss_fn:
            losses = _called(self._loss_fn, labels, logits, features, self._reduction)
        else:
            losses = self._losses(labels, logits)
        loss = tf.losses.compute_weighted_loss(losses, weights, reduction=self._reduction)
        metrics = {"average_loss": tf.metrics.mean(losses, weights)}
        metrics.update(self._metrics(predictions, labels, weights))
        return loss, metrics

    def _weights(self, features: Any) -> Tensor:
        column = self._weight_column
        if column is None:
            return tf.constant(1.0)
        if isinstance(column, str):
            return tf.cast(_as_columns(features[column]), tf.float32)
        return tf.feature_column.input_layer(features, [column])


def _called(
    loss_fn: Callable[..., Tensor], labels: Tensor, logits: Tensor, features: Any, reduction: str
) -> Tensor:
    """The loss of each row by a function of one's own."""
    more = inputs.accepted(loss_fn, {"features": features, "loss_reduction": reduction})
    return loss_fn(labels=labels, logits=logits, **more)


def _as_columns(x: Any) -> Any:
    """A tensor of rank 2 at least; a sparse one as it is."""
    if isinstance(x, tf.SparseTensor):
        return x
    x = tf.convert_to_tensor(x)
    return tf.expand_dims(x, -1) if x.shape.rank == 1 else x


def _trained(
    loss: Tensor, optimizer: Any, variables: Any, train_op_fn: Any, update_ops: Any
) -> Any:
    if (optimizer is None) == (train_op_fn is None):
        raise ValueError("train_op_fn and optimizer cannot both be None, nor both be set.")
    if train_op_fn:
        return train_op_fn(loss)
    step = tf.train.get_global_step()
    with tf.control_dependencies(update_ops or []):
        return optimizer.minimize(loss, global_step=step, var_list=variables)


class RegressionHead(Head):
    """Numbers: logits and labels `[batch_size, label_dimension]`, and the squared error."""

    def __init__(
        self,
        label_dimension: int = 1,
        weight_column: Any = None,
        loss_reduction: str = BY_BATCH_SIZE,
        loss_fn: Callable[..., Tensor] | None = None,
        inverse_link_fn: Callable[[Tensor], Tensor] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(label_dimension, weight_column, loss_reduction, loss_fn, name)
        self._inverse_link_fn = inverse_link_fn or tf.identity

    def _label_ids(self, labels: Tensor) -> Tensor:
        return tf.cast(labels, tf.float32)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """`predictions` `[batch_size, label_dimension]`."""
        return {"predictions": self._inverse_link_fn(logits)}

    def _losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        logits.shape.assert_is_compatible_with(labels.shape)
        return tf.squared_difference(labels, logits)

    def _metrics(
        self, predictions: dict[str, Tensor], labels: Tensor, weights: Tensor
    ) -> dict[str, Any]:
        found = predictions["predictions"]
        return {
            "prediction/mean": tf.metrics.mean(found, weights * tf.ones_like(found)),
            "label/mean": tf.metrics.mean(labels, weights * tf.ones_like(labels)),
        }

    def _outputs(self, predictions: dict[str, Tensor]) -> dict[str, Any]:
        return {"regression": export.RegressionOutput(predictions["predictions"])}


def regression_head(
    weight_column: Any = None, label_dimension: int = 1, *others: Any, **named: Any
) -> RegressionHead:
    """`RegressionHead`, with the order of arguments of `tf.contrib.estimator`."""
    return RegressionHead(label_dimension, weight_column, *others, **named)
