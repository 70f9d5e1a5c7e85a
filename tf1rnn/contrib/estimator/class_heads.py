"""Heads of classification: one of two, one of many, or any of many classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator import export
from tf1rnn.contrib.estimator.heads import BY_BATCH_SIZE, Head
from tf1rnn.types import Tensor


class _Classes(Head):
    """Classes by number, or by the words of a vocabulary."""

    def __init__(
        self,
        n_classes: int,
        logits_dimension: int,
        weight_column: Any,
        label_vocabulary: Sequence[str] | None,
        *others: Any,
    ) -> None:
        super().__init__(logits_dimension, weight_column, *others)
        if label_vocabulary and len(label_vocabulary) != n_classes:
            raise ValueError(
                f"Length of label_vocabulary must be n_classes ({n_classes}). "
                f"Given: {len(label_vocabulary)}"
            )
        self.n_classes, self._vocabulary = n_classes, label_vocabulary

    def _label_ids(self, labels: Tensor) -> Tensor:
        if self._vocabulary:
            words = tf.constant(list(self._vocabulary))
            ids = tf.range(self.n_classes, dtype=tf.int64)
            start = tf.lookup.KeyValueTensorInitializer(words, ids)
            labels = tf.lookup.StaticHashTable(start, -1).lookup(labels)
        elif not (labels.dtype.is_integer or self.n_classes == 2):
            raise ValueError(f"Labels dtype should be integer. Instead got {labels.dtype}.")
        said = f"Labels must be in [0, {self.n_classes})"
        top = tf.cast(self.n_classes - 1, labels.dtype)
        checks = [
            tf.assert_less_equal(labels, top, message=said),
            tf.assert_greater_equal(labels, tf.zeros([], labels.dtype), message=said),
        ]
        with tf.control_dependencies(checks):
            return tf.identity(labels)

    def _names(self, ids: Tensor) -> Tensor:
        """The words of classes."""
        if self._vocabulary:
            return tf.gather(tf.constant(list(self._vocabulary)), ids)
        return tf.as_string(ids)

    def _of_classes(self, ids: Tensor, scores: Tensor) -> dict[str, Tensor]:
        """What predictions of classes `[batch_size, 1]` have in common."""
        everyone = tf.tile(tf.range(self.n_classes)[tf.newaxis], [tf.shape(scores)[0], 1])
        return {
            "probabilities": scores,
            "class_ids": ids,
            "classes": self._names(ids),
            "all_class_ids": everyone,
            "all_classes": self._names(everyone),
        }

    def _outputs(self, predictions: dict[str, Tensor]) -> dict[str, Any]:
        scores, names = predictions["probabilities"], predictions["all_classes"]
        return {"classification": export.ClassificationOutput(scores, names)}


class MultiClassHead(_Classes):
    """One of more than two classes: logits `[batch_size, n_classes]`, labels `[batch_size, 1]`."""

    def __init__(
        self,
        n_classes: int,
        weight_column: Any = None,
        label_vocabulary: Sequence[str] | None = None,
        loss_reduction: str = BY_BATCH_SIZE,
        loss_fn: Callable[..., Tensor] | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(n_classes, int) or n_classes <= 2:
            raise ValueError(f"n_classes must be > 2: {n_classes}.")
        chosen = weight_column, label_vocabulary, loss_reduction, loss_fn, name
        super().__init__(n_classes, n_classes, *chosen)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """`logits` and `probabilities` `[batch_size, n_classes]`, `class_ids`, `classes`."""
        ids = tf.argmax(logits, -1)[..., tf.newaxis]
        return {"logits": logits, **self._of_classes(ids, tf.nn.softmax(logits))}

    def _losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.squeeze(labels, -1), logits=logits
        )
        return losses[..., tf.newaxis]

    def _metrics(
        self, predictions: dict[str, Tensor], labels: Tensor, weights: Tensor
    ) -> dict[str, Any]:
        return {"accuracy": tf.metrics.accuracy(labels, predictions["class_ids"], weights)}


class BinaryClassHead(_Classes):
    """One of two classes: logits `[batch_size, 1]`, labels `[batch_size, 1]`, 0 or 1 or between."""

    def __init__(
        self,
        weight_column: Any = None,
        thresholds: Sequence[float] | None = None,
        label_vocabulary: Sequence[str] | None = None,
        loss_reduction: str = BY_BATCH_SIZE,
        loss_fn: Callable[..., Tensor] | None = None,
        name: str | None = None,
    ) -> None:
        if not all(0 < threshold < 1 for threshold in thresholds or ()):
            raise ValueError(f"thresholds not in (0, 1): {thresholds}.")
        super().__init__(2, 1, weight_column, label_vocabulary, loss_reduction, loss_fn, name)
        self._thresholds = tuple(thresholds or ())

    def _label_ids(self, labels: Tensor) -> Tensor:
        return tf.cast(super()._label_ids(labels), tf.float32)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """`logits`, `logistic`, `class_ids`, `classes` `[batch_size, 1]`, two `probabilities`."""
        both = tf.concat([tf.zeros_like(logits), logits], -1)
        ids = tf.argmax(both, -1)[..., tf.newaxis]
        scores = tf.nn.softmax(both)
        of_classes = self._of_classes(ids, scores)
        return {"logits": logits, "logistic": tf.nn.sigmoid(logits), **of_classes}

    def _losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)

    def _metrics(
        self, predictions: dict[str, Tensor], labels: Tensor, weights: Tensor
    ) -> dict[str, Any]:
        logistic, ids = predictions["logistic"], predictions["class_ids"]
        share = tf.metrics.mean(labels, weights)
        found = {
            "accuracy": tf.metrics.accuracy(labels, ids, weights),
            "precision": tf.metrics.precision(labels, ids, weights),
            "recall": tf.metrics.recall(labels, ids, weights),
            "prediction/mean": tf.metrics.mean(logistic, weights * tf.ones_like(logistic)),
            "label/mean": share,
            "accuracy_baseline": (tf.maximum(share[0], 1 - share[0]), share[1]),
            "auc": tf.metrics.auc(labels, logistic, weights),
            "auc_precision_recall": tf.metrics.auc(labels, logistic, weights, curve="PR"),
        }
        return {**found, **_by_threshold(labels, logistic, weights, self._thresholds)}

    def _outputs(self, predictions: dict[str, Tensor]) -> dict[str, Any]:
        logistic = export.RegressionOutput(predictions["logistic"])
        return {**super()._outputs(predictions), "regression": logistic}


class MultiLabelHead(_Classes):
    """Any of some classes: logits and labels `[batch_size, n_classes]`, 0 or 1, or sparse ids.

    Sparse labels may be words of label_vocabulary. There are metrics for each of thresholds;
    classes_for_class_based_metrics is taken and not used.
    """

    def __init__(
        self,
        n_classes: int,
        weight_column: Any = None,
        thresholds: Sequence[float] | None = None,
        label_vocabulary: Sequence[str] | None = None,
        loss_reduction: str = BY_BATCH_SIZE,
        loss_fn: Callable[..., Tensor] | None = None,
        classes_for_class_based_metrics: Any = None,
        name: str | None = None,
    ) -> None:
        chosen = weight_column, label_vocabulary, loss_reduction, loss_fn, name
        super().__init__(n_classes, n_classes, *chosen)
        self._thresholds = tuple(thresholds or ())

    def _label_ids(self, labels: Any) -> Tensor:
        if isinstance(labels, tf.SparseTensor):
            values = labels.values
            if labels.dtype == tf.string:
                values = super()._label_ids(values)
            ids = tf.SparseTensor(labels.indices, tf.cast(values, tf.int64), labels.dense_shape)
            return tf.cast(tf.sparse_to_indicator(ids, self.n_classes), tf.float32)
        return tf.cast(labels, tf.float32)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """`logits` and `probabilities` `[batch_size, n_classes]`."""
        return {"logits": logits, "probabilities": tf.nn.sigmoid(logits)}

    def _losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
        return tf.reduce_mean(losses, -1, keepdims=True)

    def _metrics(
        self, predictions: dict[str, Tensor], labels: Tensor, weights: Tensor
    ) -> dict[str, Any]:
        scores = predictions["probabilities"]
        return {
            "auc": tf.metrics.auc(labels, scores, weights),
            "auc_precision_recall": tf.metrics.auc(labels, scores, weights, curve="PR"),
            **_by_threshold(labels, scores, weights, self._thresholds),
        }

    def _outputs(self, predictions: dict[str, Tensor]) -> dict[str, Any]:
        return {"classification": export.ClassificationOutput(predictions["probabilities"])}


def _by_threshold(
    labels: Tensor, scores: Tensor, weights: Tensor, thresholds: Sequence[float]
) -> dict[str, Any]:
    """Metrics of what is chosen where a score is above a threshold, for each of them."""
    metrics = {
        "accuracy": tf.metrics.accuracy,
        "precision": tf.metrics.precision,
        "recall": tf.metrics.recall,
    }
    return {
        f"{key}/positive_threshold_{threshold}": metric(
            labels, tf.cast(scores > threshold, tf.float32), weights
        )
        for threshold in thresholds
        for key, metric in metrics.items()
    }


def class_head(n_classes: int, weight_column: Any, vocabulary: Any, reduction: str) -> Head:
    """The head of a ready-made classifier."""
    settings = {"label_vocabulary": vocabulary, "loss_reduction": reduction}
    if n_classes == 2:
        return BinaryClassHead(weight_column, **settings)
    return MultiClassHead(n_classes, weight_column, **settings)


# The names of `tf.contrib.estimator`.
binary_classification_head = BinaryClassHead
multi_class_head = MultiClassHead
multi_label_head = MultiLabelHead
