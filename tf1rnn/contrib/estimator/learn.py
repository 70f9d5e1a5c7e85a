"""`tf.contrib.learn`'s estimators without its ready-made models: what was before `tf.estimator`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator import config as core_config
from tf1rnn.contrib.estimator import estimator as core
from tf1rnn.contrib.estimator import experiment, inputs, monitors, regression
from tf1rnn.contrib.estimator.experiment import Experiment
from tf1rnn.contrib.estimator.monitors import ValidationMonitor, replace_monitors_with_hooks
from tf1rnn.contrib.estimator.spec import EstimatorSpec
from tf1rnn.contrib.estimator.strategies import ExportStrategy, InputFnOps, make_export_strategy
from tf1rnn.types import Tensor


class ModeKeys:
    """What a model function is called for."""

    TRAIN = "train"
    EVAL = "eval"
    INFER = "infer"


class ModelFnOps(NamedTuple):
    """What a model function has made; a tuple of predictions, loss and train_op does as well."""

    mode: str
    predictions: Any = None
    loss: Tensor | None = None
    train_op: Any = None
    eval_metric_ops: dict[str, Any] | None = None
    output_alternatives: Any = None
    training_chief_hooks: Sequence[Any] | None = None
    training_hooks: Sequence[Any] | None = None
    scaffold: Any = None


class MetricSpec(NamedTuple):
    """A metric of one of the predictions and one of the labels, where these are dicts."""

    metric_fn: Callable[..., Any]
    prediction_key: str | None = None
    label_key: str | None = None
    weight_key: str | None = None


def RunConfig(**settings: Any) -> core_config.RunConfig:
    """A `tf.estimator.RunConfig`; settings of several machines and of the GPU are left out."""
    return core_config.RunConfig(**inputs.accepted(core_config.RunConfig, settings))


class Estimator(core.Estimator):
    """A model function `(features, labels)`, and by name `mode`, `params`, `config`, `model_dir`.

    Asked for predictions it gets placeholders as labels, of the kind that it was trained with.

    Args:
      model_fn: gives a `ModelFnOps`, or predictions, loss and train_op.
      model_dir: the folder of checkpoints and summaries.
      config: a `RunConfig`.
      params: what model_fn gets as `params`.
      feature_engineering_fn: turns features and labels into those that model_fn gets.
    """

    def __init__(
        self,
        model_fn: Callable[..., Any],
        model_dir: str | None = None,
        config: core_config.RunConfig | None = None,
        params: Any = None,
        feature_engineering_fn: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(model_fn, model_dir, config, params)
        self._engineer = feature_engineering_fn
        self._seen_labels: Any = None
        self._metrics: dict[Any, Any] = {}

    def _call_model_fn(self, features: Any, labels: Any, mode: str, config: Any) -> EstimatorSpec:
        if mode != ModeKeys.INFER:
            self._seen_labels = tf.nest.map_structure(lambda x: (x.dtype, x.shape), labels)
        elif self._seen_labels is not None:
            labels = _placeholders(self._seen_labels)
        if self._engineer:
            features, labels = self._engineer(features, labels)
        given = {"mode": mode, "params": self._params, "config": config}
        given["model_dir"] = self.model_dir
        made: Any = self._model_fn(features, labels, **inputs.accepted(self._model_fn, given))
        if not isinstance(made, ModelFnOps):
            made = ModelFnOps(mode, *made)
        metrics = dict(made.eval_metric_ops or {})
        if mode == ModeKeys.EVAL:
            metrics.update(_metrics(self._metrics, made.predictions, labels))
        hooks = made.training_chief_hooks, made.training_hooks
        is_infer = mode == ModeKeys.INFER
        loss = None if is_infer else made.loss
        return EstimatorSpec(
            mode, made.predictions, loss, made.train_op, metrics, None, *hooks, made.scaffold
        )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        monitors: Sequence[Any] | None = None,
        max_steps: int | None = None,
    ) -> Estimator:
        """Trains on arrays, mixed and without end, or on input_fn.

        Without a batch_size, batches are of all rows.

        Monitors are run hooks, or what has `as_hook(estimator)`.
        """
        input_fn = input_fn or _arrays(x, y, batch_size, num_epochs=None, shuffle=True)
        self.train(input_fn, replace_monitors_with_hooks(monitors, self), steps, max_steps)
        return self

    partial_fit = fit

    def evaluate(  # type: ignore[override]
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        feed_fn: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        metrics: dict[Any, Any] | None = None,
        name: str | None = None,
        checkpoint_path: str | None = None,
        hooks: Sequence[Any] | None = None,
        log_progress: bool = True,
    ) -> dict[str, Any]:
        """Evaluates on arrays, once, or on input_fn.

        Args:
          x: the features.
          y: the labels.
          input_fn: gives features and labels, in place of x and y.
          feed_fn: taken and not used.
          batch_size: rows a batch; None for all.
          steps: the number of batches; None for all.
          metrics: name, or (name, key of a prediction), to a `MetricSpec` or a function of
            predictions and labels.
          name: where several evaluations go on side by side, the name of this one.
          checkpoint_path: the checkpoint; None for the latest.
          hooks: run hooks.
          log_progress: taken and not used.

        Returns:
          The metrics, `loss` and `global_step`.
        """
        input_fn = input_fn or _arrays(x, y, batch_size, num_epochs=1, shuffle=False)
        self._metrics = metrics or {}
        return super().evaluate(input_fn, steps, hooks, checkpoint_path, name)

    def predict(  # type: ignore[override]
        self,
        x: Any = None,
        input_fn: Callable[..., Any] | None = None,
        batch_size: int | None = None,
        outputs: Sequence[str] | None = None,
        as_iterable: bool = True,
        iterate_batches: bool = False,
    ) -> Any:
        """Predictions row by row, or, if as_iterable is false, as one array or a dict of arrays.

        They end with the input: that of an input_fn of plain tensors is a single batch.
        """
        input_fn = input_fn or _arrays(x, None, batch_size, num_epochs=1, shuffle=False)
        batches = super().predict(input_fn, outputs, [_OneBatch()], yield_single_examples=False)
        if not as_iterable:
            return _joined(list(batches))
        return batches if iterate_batches else _rows(batches)


class _OneBatch(tf.train.SessionRunHook):
    """Stops after a batch where the input, having no queue and no data set, has no end."""

    def begin(self) -> None:
        queues = tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
        self._ends = bool(queues) or inputs.has_data_set()

    def after_run(self, run_context: Any, run_values: Any) -> None:
        if not self._ends:
            run_context.request_stop()


class SKCompat:
    """An estimator with scikit-learn's `fit`, `predict` and `score`."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int = 128,
        steps: int | None = None,
        max_steps: int | None = None,
        monitors: Sequence[Any] | None = None,
    ) -> SKCompat:
        """Trains on arrays."""
        self._estimator.fit(x, y, None, steps, batch_size, monitors, max_steps)
        return self

    def score(
        self,
        x: Any,
        y: Any,
        batch_size: int = 128,
        steps: int | None = None,
        metrics: dict[Any, Any] | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Evaluates on arrays."""
        return self._estimator.evaluate(x, y, None, None, batch_size, steps, metrics, name)

    def predict(self, x: Any, batch_size: int = 128, outputs: Any = None) -> Any:
        """An array of predictions, or a dict of arrays."""
        return self._estimator.predict(x, None, batch_size, outputs, as_iterable=False)


def _placeholders(kinds: Any) -> Any:
    if isinstance(kinds, dict):
        return {key: tf.placeholder(*kind) for key, kind in kinds.items()}
    return tf.placeholder(*kinds)


def _arrays(
    x: Any, y: Any, batch_size: int | None, num_epochs: int | None, shuffle: bool
) -> Callable[[], Any]:
    """The input function of what can be made arrays."""
    features = {k: np.asarray(v) for k, v in x.items()} if isinstance(x, dict) else np.asarray(x)
    size = len(next(iter(features.values())) if isinstance(features, dict) else features)
    labels = None if y is None else np.asarray(y)
    return inputs.numpy_input_fn(features, labels, batch_size or size, num_epochs, shuffle)


def _metrics(wanted: dict[Any, Any], predictions: Any, labels: Any) -> dict[str, Any]:
    """The pairs of value and update of metrics that were asked for."""
    found = {}
    for key, metric in wanted.items():
        name, of = key if isinstance(key, tuple) else (key, None)
        if not isinstance(metric, MetricSpec):
            metric = MetricSpec(metric, of)
        chosen = predictions[metric.prediction_key] if metric.prediction_key else predictions
        true = labels[metric.label_key] if metric.label_key else labels
        names = set(inspect.signature(metric.metric_fn).parameters)
        if {"predictions", "labels"} <= names:  # `tf.metrics` has the labels first
            value = metric.metric_fn(predictions=chosen, labels=true)
        else:
            value = metric.metric_fn(chosen, true)
        found[name] = value if isinstance(value, tuple) else tf.metrics.mean(value)
    return found


def _rows(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        yield from core.rows(batch)


def _joined(batches: list[Any]) -> Any:
    if isinstance(batches[0], dict):
        return {key: np.concatenate([one[key] for one in batches]) for key in batches[0]}
    return np.concatenate(batches)


learn_runner = SimpleNamespace(run=experiment.run)
models = regression
utils = SimpleNamespace(
    input_fn_utils=SimpleNamespace(InputFnOps=InputFnOps),
    saved_model_export_utils=SimpleNamespace(make_export_strategy=make_export_strategy),
)
io = SimpleNamespace(numpy_input_fn=inputs.numpy_input_fn, pandas_input_fn=inputs.pandas_input_fn)

__all__ = [
    "Estimator",
    "Experiment",
    "ExportStrategy",
    "InputFnOps",
    "MetricSpec",
    "ModeKeys",
    "ModelFnOps",
    "RunConfig",
    "SKCompat",
    "ValidationMonitor",
    "io",
    "learn_runner",
    "make_export_strategy",
    "models",
    "monitors",
    "run",
    "utils",
]
run = experiment.run
