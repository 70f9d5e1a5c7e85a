"""What a model function returns, and how much is to be trained and evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor


class ModeKeys:
    """What a model function is called for."""

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "infer"


class _Spec(NamedTuple):
    mode: str
    predictions: Any
    loss: Tensor | None
    train_op: tf.Operation | Tensor | None
    eval_metric_ops: dict[str, tuple[Tensor, Any]]
    export_outputs: dict[str, Any] | None
    training_chief_hooks: tuple[Any, ...]
    training_hooks: tuple[Any, ...]
    scaffold: Any
    evaluation_hooks: tuple[Any, ...]
    prediction_hooks: tuple[Any, ...]


_NEEDED = {
    ModeKeys.TRAIN: ("loss", "train_op"),
    ModeKeys.EVAL: ("loss",),
    ModeKeys.PREDICT: ("predictions",),
}


class EstimatorSpec(_Spec):
    """What a model function has made.

    Args:
      mode: one of `ModeKeys`.
      predictions: a tensor or a dict of tensors `[batch_size, ...]`; needed to predict.
      loss: a scalar, or of shape `[1]`; needed to train and to evaluate.
      train_op: takes one step; needed to train.
      eval_metric_ops: name to (value, update), as `tf.metrics` makes them.
      export_outputs: name of a signature to one of `export`'s outputs.
      training_chief_hooks: run hooks of training.
      training_hooks: run hooks of training.
      scaffold: a `tf.train.Scaffold`.
      evaluation_hooks: run hooks of evaluation.
      prediction_hooks: run hooks of prediction.

    Raises:
      ValueError: something is missing that the mode needs, or the loss is no scalar.
      TypeError: a metric is no pair.
    """

    def __new__(
        cls,
        mode: str,
        predictions: Any = None,
        loss: Tensor | None = None,
        train_op: tf.Operation | Tensor | None = None,
        eval_metric_ops: dict[str, tuple[Tensor, Any]] | None = None,
        export_outputs: dict[str, Any] | None = None,
        training_chief_hooks: Sequence[Any] | None = None,
        training_hooks: Sequence[Any] | None = None,
        scaffold: Any = None,
        evaluation_hooks: Sequence[Any] | None = None,
        prediction_hooks: Sequence[Any] | None = None,
    ) -> EstimatorSpec:
        """Checks and completes what is given."""
        given = {"loss": loss, "train_op": train_op, "predictions": predictions}
        for name in _NEEDED[mode]:
            if given[name] is None:
                raise ValueError(f"Missing {name}.")
        for name, metric in (eval_metric_ops or {}).items():
            if not isinstance(metric, (tuple, list)) or len(metric) != 2:
                raise TypeError(f"eval_metric_ops[{name!r}] must be (metric_tensor, update_op)")
        return super().__new__(
            cls,
            mode,
            {} if predictions is None else predictions,
            _scalar(loss),
            train_op,
            dict(eval_metric_ops or {}),
            export_outputs,
            tuple(training_chief_hooks or ()),
            tuple(training_hooks or ()),
            scaffold or tf.train.Scaffold(),
            tuple(evaluation_hooks or ()),
            tuple(prediction_hooks or ()),
        )


def _scalar(loss: Tensor | None) -> Tensor | None:
    if loss is None:
        return None
    loss = tf.convert_to_tensor(loss)
    if loss.shape.num_elements() not in (None, 1):
        raise ValueError(f"Loss must be scalar, given: {loss}")
    return loss if loss.shape.rank == 0 else tf.reshape(loss, [])


class TrainSpec(NamedTuple):
    """What `train_and_evaluate` trains on, and up to which global step."""

    input_fn: Callable[..., Any]
    max_steps: int | None = None
    hooks: Sequence[Any] = ()
    saving_listeners: Sequence[Any] = ()


class EvalSpec(NamedTuple):
    """What `train_and_evaluate` evaluates on, how many batches of it, and how often at most."""

    input_fn: Callable[..., Any]
    steps: int | None = 100
    name: str | None = None
    hooks: Sequence[Any] = ()
    exporters: Any = None
    start_delay_secs: float = 120
    throttle_secs: float = 600


class WarmStartSettings(NamedTuple):
    """Which variables begin with the values of which checkpoint."""

    ckpt_to_initialize_from: str
    vars_to_warm_start: Any = ".*"
    var_name_to_vocab_info: dict[str, Any] | None = None
    var_name_to_prev_var_name: dict[str, str] | None = None
