"""Estimators that are ready made: layers on feature columns, and linear ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator.class_heads import class_head
from tf1rnn.contrib.estimator.estimator import Estimator
from tf1rnn.contrib.estimator.extenders import clip_gradients_by_norm
from tf1rnn.contrib.estimator.heads import Head, RegressionHead
from tf1rnn.contrib.estimator.spec import EstimatorSpec, ModeKeys
from tf1rnn.types import Tensor

_SUM = "weighted_sum"
_RATE = 0.05
_OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "Adagrad": tf.train.AdagradOptimizer,
    "Adam": tf.train.AdamOptimizer,
    "Ftrl": tf.train.FtrlOptimizer,
    "RMSProp": tf.train.RMSPropOptimizer,
    "SGD": tf.train.GradientDescentOptimizer,
}


class ReadyMade(Estimator):
    """An estimator of a head and of a function of features and mode that gives its logits."""

    def __init__(
        self,
        head: Head,
        optimizer: Any,
        model_dir: str | None = None,
        config: Any = None,
        warm_start_from: Any = None,
        learning_rate: float = _RATE,
    ) -> None:
        super().__init__(self._made, model_dir, config, None, warm_start_from)
        self._head, self._optimizer, self._rate = head, optimizer, learning_rate
        self._clip_norm: float | None = None

    def _logits(self, features: Any, mode: str) -> Tensor:
        """`[batch_size, logits_dimension]` of the head."""
        raise NotImplementedError

    def _made(self, features: Any, labels: Any, mode: str) -> EstimatorSpec:
        """The model function."""
        if not isinstance(features, Mapping):
            raise ValueError(f"features should be a dict of tensors, got {type(features).__name__}")
        optimizer = _made_optimizer(self._optimizer, self._rate)
        if self._clip_norm and optimizer is not self._optimizer:
            optimizer = clip_gradients_by_norm(optimizer, self._clip_norm)
        logits = self._logits(features, mode)
        return self._head.create_estimator_spec(features, mode, logits, labels, optimizer)


def _made_optimizer(optimizer: Any, learning_rate: float) -> Any:
    """An optimizer of a name, an instance, or a function that makes one."""
    if isinstance(optimizer, str):
        if optimizer not in _OPTIMIZERS:
            raise ValueError(
                f"Unsupported optimizer name: {optimizer}. Supported names are: {list(_OPTIMIZERS)}"
            )
        return _OPTIMIZERS[optimizer](learning_rate)
    return optimizer() if callable(optimizer) else optimizer


class DNNEstimator(ReadyMade):
    """Layers on the columns of the input.

    Variables are `dnn/hiddenlayer_0/kernel`, `/bias` and so on, and `dnn/logits/...`.

    Args:
      head: such as `BinaryClassHead`.
      hidden_units: the size of each layer.
      feature_columns: dense ones.
      model_dir: the folder of checkpoints and summaries.
      optimizer: a name, an instance or a function that makes one; names have a rate of 0.05.
      activation_fn: of the layers but the last.
      dropout: the share of each layer that is dropped in training.
      input_layer_partitioner: of variables of columns.
      config: a `RunConfig`.
      warm_start_from: as of `Estimator`.
      batch_norm: whether each layer's output is normalized.
    """

    def __init__(
        self,
        head: Head,
        hidden_units: Sequence[int],
        feature_columns: Sequence[Any],
        model_dir: str | None = None,
        optimizer: Any = "Adagrad",
        activation_fn: Callable[[Tensor], Tensor] | None = tf.nn.relu,
        dropout: float | None = None,
        input_layer_partitioner: Any = None,
        config: Any = None,
        warm_start_from: Any = None,
        batch_norm: bool = False,
    ) -> None:
        super().__init__(head, optimizer, model_dir, config, warm_start_from)
        self._layers = hidden_units, activation_fn, dropout, batch_norm
        self._columns, self._partitioner = feature_columns, input_layer_partitioner

    def _logits(self, features: Any, mode: str) -> Tensor:
        hidden_units, activation_fn, dropout, batch_norm = self._layers
        is_training = mode == ModeKeys.TRAIN
        with tf.variable_scope("dnn", values=tuple(features.values())):
            with tf.variable_scope("input_from_feature_columns", partitioner=self._partitioner):
                x = tf.feature_column.input_layer(features, self._columns)
            for i, units in enumerate(hidden_units):
                x = dense(x, units, f"hiddenlayer_{i}", activation_fn)
                if dropout is not None and is_training:
                    x = tf.nn.dropout(x, rate=dropout)
                if batch_norm:
                    x = _normalized(x, f"hiddenlayer_{i}/batchnorm_{i}", is_training)
            return dense(x, self._head.logits_dimension, "logits", None)


def dense(x: Tensor, units: int, scope: str, activation_fn: Any) -> Tensor:
    """A layer: `[..., size]` to `[..., units]`, with variables `scope/kernel` and `scope/bias`."""
    with tf.variable_scope(scope):
        start = tf.glorot_uniform_initializer()
        kernel = tf.get_variable("kernel", [x.shape[-1], units], x.dtype, start)
        bias = tf.get_variable("bias", [units], x.dtype, tf.zeros_initializer())
        x = tf.tensordot(x, kernel, 1) + bias
        return activation_fn(x) if activation_fn else x


def _normalized(x: Tensor, scope: str, is_training: bool) -> Tensor:
    """By the mean and the variance of the batch, or by the averages of those of training."""
    with tf.variable_scope(scope):
        size = [x.shape[-1]]
        gamma = tf.get_variable("gamma", size, x.dtype, tf.ones_initializer())
        beta = tf.get_variable("beta", size, x.dtype, tf.zeros_initializer())
        zeros, ones = tf.zeros_initializer(), tf.ones_initializer()
        mean = tf.get_variable("moving_mean", size, x.dtype, zeros, trainable=False)
        variance = tf.get_variable("moving_variance", size, x.dtype, ones, trainable=False)
        if not is_training:
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)
        now = tf.nn.moments(x, [0])
        moves = [
            tf.assign_sub(old, 0.001 * (old - new))
            for old, new in zip((mean, variance), now, strict=True)
        ]
        with tf.control_dependencies(moves):
            return tf.nn.batch_normalization(x, *now, beta, gamma, 1e-3)


class LinearEstimator(ReadyMade):
    """A linear model of the columns, in `linear/linear_model/...`.

    Args:
      head: such as `BinaryClassHead`.
      feature_columns: dense or categorical ones.
      model_dir: the folder of checkpoints and summaries.
      optimizer: as of `DNNEstimator`; the rate of names is 0.2, or less for many columns.
      config: a `RunConfig`.
      partitioner: of variables.
      sparse_combiner: of several ids in a row: "sum", "mean" or "sqrtn".
      warm_start_from: as of `Estimator`.
    """

    def __init__(
        self,
        head: Head,
        feature_columns: Sequence[Any],
        model_dir: str | None = None,
        optimizer: Any = "Ftrl",
        config: Any = None,
        partitioner: Any = None,
        sparse_combiner: str = "sum",
        warm_start_from: Any = None,
    ) -> None:
        rate = min(0.2, 1 / math.sqrt(len(feature_columns)))
        super().__init__(head, optimizer, model_dir, config, warm_start_from, rate)
        self._columns, self._partitioner = feature_columns, partitioner
        self._combiner = sparse_combiner

    def _logits(self, features: Any, mode: str) -> Tensor:
        with tf.variable_scope("linear", partitioner=self._partitioner):
            return tf.feature_column.linear_model(
                features, self._columns, self._head.logits_dimension, self._combiner
            )


class DNNClassifier(DNNEstimator):
    """`DNNEstimator` of classes; the loss is a sum over the batch."""

    def __init__(
        self,
        hidden_units: Sequence[int],
        feature_columns: Sequence[Any],
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column: Any = None,
        label_vocabulary: Sequence[str] | None = None,
        optimizer: Any = "Adagrad",
        activation_fn: Callable[[Tensor], Tensor] | None = tf.nn.relu,
        dropout: float | None = None,
        input_layer_partitioner: Any = None,
        config: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        batch_norm: bool = False,
    ) -> None:
        head = class_head(n_classes, weight_column, label_vocabulary, loss_reduction)
        chosen = model_dir, optimizer, activation_fn, dropout, input_layer_partitioner, config
        super().__init__(head, hidden_units, feature_columns, *chosen, warm_start_from, batch_norm)


class DNNRegressor(DNNEstimator):
    """`DNNEstimator` of numbers; the loss is a sum over the batch."""

    def __init__(
        self,
        hidden_units: Sequence[int],
        feature_columns: Sequence[Any],
        model_dir: str | None = None,
        label_dimension: int = 1,
        weight_column: Any = None,
        optimizer: Any = "Adagrad",
        activation_fn: Callable[[Tensor], Tensor] | None = tf.nn.relu,
        dropout: float | None = None,
        input_layer_partitioner: Any = None,
        config: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        batch_norm: bool = False,
    ) -> None:
        head = RegressionHead(label_dimension, weight_column, loss_reduction)
        chosen = model_dir, optimizer, activation_fn, dropout, input_layer_partitioner, config
        super().__init__(head, hidden_units, feature_columns, *chosen, warm_start_from, batch_norm)


class LinearClassifier(LinearEstimator):
    """`LinearEstimator` of classes; the loss is a sum over the batch."""

    def __init__(
        self,
        feature_columns: Sequence[Any],
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column: Any = None,
        label_vocabulary: Sequence[str] | None = None,
        optimizer: Any = "Ftrl",
        config: Any = None,
        partitioner: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        sparse_combiner: str = "sum",
    ) -> None:
        head = class_head(n_classes, weight_column, label_vocabulary, loss_reduction)
        chosen = optimizer, config, partitioner, sparse_combiner, warm_start_from
        super().__init__(head, feature_columns, model_dir, *chosen)


class LinearRegressor(LinearEstimator):
    """`LinearEstimator` of numbers; the loss is a sum over the batch."""

    def __init__(
        self,
        feature_columns: Sequence[Any],
        model_dir: str | None = None,
        label_dimension: int = 1,
        weight_column: Any = None,
        optimizer: Any = "Ftrl",
        config: Any = None,
        partitioner: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        sparse_combiner: str = "sum",
    ) -> None:
        head = RegressionHead(label_dimension, weight_column, loss_reduction)
        chosen = optimizer, config, partitioner, sparse_combiner, warm_start_from
        super().__init__(head, feature_columns, model_dir, *chosen)
