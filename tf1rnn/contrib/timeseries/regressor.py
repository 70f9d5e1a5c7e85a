"""`TimeSeriesRegressor`: an estimator of a model of series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib import layers
from tf1rnn.contrib.estimator.estimator import Estimator
from tf1rnn.contrib.estimator.spec import EstimatorSpec, ModeKeys
from tf1rnn.contrib.timeseries.keys import FilteringResults, PredictionFeatures, TrainEvalFeatures
from tf1rnn.contrib.timeseries.managers import PassthroughStateManager
from tf1rnn.contrib.timeseries.statistics import InputStatisticsFromMiniBatch
from tf1rnn.types import Nest, Tensor


class TimeSeriesRegressor(Estimator):
    """Trains a model of series, evaluates it, and predicts what comes after.

    An evaluation has what the model gives of the last batch, `observed`, `times` and the state
    `start_tuple`, from which `predict_continuation_input_fn` goes on.

    Args:
      model: a `TimeSeriesModel`.
      state_manager: with which state windows begin; the model's start state by default.
      optimizer: Adam with a rate of 0.02 by default.
      model_dir: the folder of checkpoints and summaries.
      config: a `tf.estimator.RunConfig`.

    Raises:
      ValueError: while training, evaluating and predicting: features are missing, or of another
        shape.
    """

    def __init__(
        self,
        model: Any,
        state_manager: Any = None,
        optimizer: Any = None,
        model_dir: str | None = None,
        config: Any = None,
    ) -> None:
        super().__init__(self._made, model_dir, config)
        self._model = model
        self._manager = state_manager or PassthroughStateManager()
        self._optimizer = optimizer
        self._statistics = InputStatisticsFromMiniBatch(model.num_features, model.dtype)

    def _made(self, features: Mapping[str, Any], labels: Any, mode: str) -> EstimatorSpec:
        """The model function."""
        model = self._model
        features = {name: _converted(name, x, model.dtype) for name, x in features.items()}
        statistics = self._statistics.initialize_graph(features, mode == ModeKeys.TRAIN)
        model.initialize_graph(input_statistics=statistics)
        _check(features, mode, model.num_features)
        self._manager.initialize_graph(model=model, input_statistics=statistics)
        with tf.variable_scope("model", use_resource=True):
            if mode == ModeKeys.PREDICT:
                times = features[PredictionFeatures.TIMES]
                predictions = {**model.predict(features=features), PredictionFeatures.TIMES: times}
                return EstimatorSpec(mode, predictions)
            outputs = self._manager.define_loss(model, features, mode)
        if mode == ModeKeys.TRAIN:
            optimizer = self._optimizer or tf.train.AdamOptimizer(0.02)
            step = tf.train.get_global_step()
            train_op = layers.optimize_loss(outputs.loss, step, None, optimizer)
            return EstimatorSpec(mode, None, outputs.loss, train_op)
        shown = {**outputs.predictions, FilteringResults.TIMES: outputs.prediction_times}
        shown[FilteringResults.STATE_TUPLE] = outputs.end_state
        metrics = {name: _last_seen(name, nest) for name, nest in shown.items()}
        return EstimatorSpec(mode, None, outputs.loss, eval_metric_ops=metrics)


def _converted(name: str, value: Any, dtype: tf.DType) -> Any:
    if name == TrainEvalFeatures.TIMES:
        return tf.cast(value, tf.int64)
    if name == TrainEvalFeatures.VALUES:
        return tf.cast(value, dtype)
    return value if name == PredictionFeatures.STATE_TUPLE else tf.convert_to_tensor(value)


def _check(features: Mapping[str, Any], mode: str, num_features: int) -> None:
    predicts = mode == ModeKeys.PREDICT
    second = PredictionFeatures.STATE_TUPLE if predicts else TrainEvalFeatures.VALUES
    for name in (TrainEvalFeatures.TIMES, second):
        if name not in features:
            raise ValueError(f"Expected a '{name}' feature.")
    shapes: dict[str, list[int | None]] = {TrainEvalFeatures.TIMES: [None, None]}
    if not predicts:
        shapes[TrainEvalFeatures.VALUES] = [None, None, num_features]
    for name, shape in shapes.items():
        if not features[name].shape.is_compatible_with(shape):
            raise ValueError(
                f"Expected shape (batch dimension, window size, ...) {shape} for feature '{name}' "
                f"(got shape {features[name].shape})"
            )


def _last_seen(name: str, nest: Nest) -> tuple[Nest, Any]:
    """A metric that is a nest of tensors as they were in the last batch."""
    values, updates = [], []
    for i, x in enumerate(tf.nest.flatten(nest)):
        x = tf.convert_to_tensor(x)
        kept = tf.Variable(
            tf.zeros([0], x.dtype),
            name=f"{name}_{i}_identity_metric",
            trainable=False,
            collections=[tf.GraphKeys.LOCAL_VARIABLES],
            validate_shape=False,
            shape=tf.TensorShape(None),
            use_resource=True,
        )
        updates.append(tf.assign(kept, x, validate_shape=False))
        values.append(_with_shape(kept.read_value(), x.shape))
    return tf.nest.pack_sequence_as(nest, values), tf.group(*updates)


def _with_shape(x: Tensor, shape: tf.TensorShape) -> Tensor:
    x.set_shape(shape)
    return x
