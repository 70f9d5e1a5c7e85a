"""`tf.contrib.tpu` on a machine without TPUs: an estimator that tells the functions batch sizes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator import config as core_config
from tf1rnn.contrib.estimator import inputs
from tf1rnn.contrib.estimator.estimator import Estimator
from tf1rnn.contrib.estimator.spec import EstimatorSpec, ModeKeys
from tf1rnn.contrib.training import HParams
from tf1rnn.types import Tensor

_BATCH_SIZE = "batch_size"
_RESERVED = (_BATCH_SIZE, "context")


class InputPipelineConfig(IntEnum):
    """Where input functions run on a cluster."""

    PER_SHARD_V1 = 1
    PER_HOST_V1 = 2
    PER_HOST_V2 = 3
    BROADCAST = 4
    SLICED = 5


class TPUConfig(NamedTuple):
    """Settings of TPUs, which are taken and not used."""

    iterations_per_loop: int = 2
    num_shards: int | None = None
    num_cores_per_replica: int | None = None
    per_host_input_for_training: bool | InputPipelineConfig = True
    tpu_job_name: str | None = None
    initial_infeed_sleep_secs: float | None = None
    input_partition_dims: Any = None
    eval_training_input_configuration: Any = InputPipelineConfig.PER_HOST_V1
    experimental_host_call_every_n_steps: int = 1


@dataclass
class RunConfig(core_config.RunConfig):
    """`tf.estimator.RunConfig`, to which settings of TPUs can be given."""

    tpu_config: TPUConfig | None = None
    evaluation_master: str | None = None
    master: str = ""
    cluster: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tpu_config = self.tpu_config or TPUConfig()


class _Spec(NamedTuple):
    mode: str
    predictions: Any
    loss: Tensor | None
    train_op: Any
    eval_metrics: Any
    export_outputs: dict[str, Any] | None
    scaffold_fn: Callable[[], Any] | None
    host_call: Any
    training_hooks: Sequence[Any] | None
    evaluation_hooks: Sequence[Any] | None
    prediction_hooks: Sequence[Any] | None


class TPUEstimatorSpec(_Spec):
    """What a model function has made.

    Args:
      mode: one of `tf.estimator.ModeKeys`.
      predictions: a tensor or a dict of tensors `[batch_size, ...]`; needed to predict.
      loss: a scalar; needed to train and to evaluate.
      train_op: takes one step; needed to train.
      eval_metrics: a function that makes metrics, and its arguments, a list or a dict of tensors.
      export_outputs: name of a signature to one of `tf.estimator.export`'s outputs.
      scaffold_fn: makes a `tf.train.Scaffold`.
      host_call: a function, and its arguments, whose ops run with each step.
      training_hooks: run hooks of training.
      evaluation_hooks: run hooks of evaluation.
      prediction_hooks: run hooks of prediction.

    Raises:
      ValueError: host_call or eval_metrics is no pair of a function and its arguments.
    """

    def __new__(
        cls,
        mode: str,
        predictions: Any = None,
        loss: Tensor | None = None,
        train_op: Any = None,
        eval_metrics: Any = None,
        export_outputs: dict[str, Any] | None = None,
        scaffold_fn: Callable[[], Any] | None = None,
        host_call: Any = None,
        training_hooks: Sequence[Any] | None = None,
        evaluation_hooks: Sequence[Any] | None = None,
        prediction_hooks: Sequence[Any] | None = None,
    ) -> TPUEstimatorSpec:
        """Checks what is given."""
        for name, call in (("eval_metrics", eval_metrics), ("host_call", host_call)):
            is_call = isinstance(call, (tuple, list)) and len(call) == 2 and callable(call[0])
            if call is not None and not is_call:
                raise ValueError(f"{name} must be a tuple of a function and its tensors")
        hooks = training_hooks, evaluation_hooks, prediction_hooks
        made = predictions, loss, train_op, eval_metrics, export_outputs, scaffold_fn, host_call
        return super().__new__(cls, mode, *made, *hooks)

    def as_estimator_spec(self) -> EstimatorSpec:
        """The same for `tf.estimator.Estimator`: metrics and the scaffold are made."""
        host = [_Beside(_called(self.host_call))] if self.host_call else []
        return EstimatorSpec(
            self.mode,
            self.predictions,
            self.loss,
            self.train_op,
            _called(self.eval_metrics) if self.eval_metrics else None,
            self.export_outputs,
            scaffold=self.scaffold_fn() if self.scaffold_fn else None,
            training_hooks=[*(self.training_hooks or ()), *host],
            evaluation_hooks=[*(self.evaluation_hooks or ()), *host],
            prediction_hooks=[*(self.prediction_hooks or ()), *host],
        )


def _called(call: tuple[Callable[..., Any], Any]) -> Any:
    function, tensors = call
    return function(**tensors) if isinstance(tensors, dict) else function(*tensors)


class _Beside(tf.train.SessionRunHook):
    """Runs ops with each step."""

    def __init__(self, ops: Any) -> None:
        self._ops = ops

    def before_run(self, run_context: Any) -> Any:
        """Asks for the ops."""
        return tf.train.SessionRunArgs(self._ops)


class TPUEstimator(Estimator):
    """An estimator whose functions are told the batch size, as `params["batch_size"]`.

    It runs where TensorFlow places the graph.

    Args:
      model_fn: as of `tf.estimator.Estimator`, with `params` among its arguments; gives a
        `TPUEstimatorSpec` or a `tf.estimator.EstimatorSpec`.
      model_dir: the folder of checkpoints and summaries.
      config: a `RunConfig` of this module.
      params: a dict or `HParams` of all else that is to be known.
      use_tpu: taken; there are none here.
      train_batch_size: rows a batch of training.
      eval_batch_size: rows a batch of evaluation.
      predict_batch_size: rows a batch of prediction.
      batch_axis, eval_on_tpu, export_to_tpu, export_to_cpu, embedding_config_spec,
        export_saved_model_api_version: taken and not used.
      warm_start_from: as of `tf.estimator.Estimator`.

    Raises:
      ValueError: config is another, or params has a reserved name; when called: model_fn or an
        input function does not take `params`.
    """

    def __init__(
        self,
        model_fn: Callable[..., Any],
        model_dir: str | None = None,
        config: RunConfig | None = None,
        params: Any = None,
        use_tpu: bool = True,
        train_batch_size: int | None = None,
        eval_batch_size: int | None = None,
        predict_batch_size: int | None = None,
        batch_axis: Any = None,
        eval_on_tpu: bool = True,
        export_to_tpu: bool = True,
        export_to_cpu: bool = True,
        warm_start_from: Any = None,
        embedding_config_spec: Any = None,
        export_saved_model_api_version: Any = None,
    ) -> None:
        if not isinstance(config, RunConfig):
            raise ValueError("`config` must be provided with type `tpu_config.RunConfig`")
        if params is not None and any(name in params for name in _RESERVED):
            raise ValueError(f"{list(_RESERVED)} are reserved keys but existed in params {params}.")
        if use_tpu:
            tf.logging.warning("There are no TPUs here: TensorFlow places the graph.")
        super().__init__(self._plain_model_fn, model_dir, config, params, warm_start_from)
        self._made_by = model_fn
        self._batch_sizes = {
            ModeKeys.TRAIN: train_batch_size,
            ModeKeys.EVAL: eval_batch_size,
            ModeKeys.PREDICT: predict_batch_size,
        }

    def _read(self, input_fn: Callable[..., Any], mode: str) -> tuple[Any, Any]:
        params = self._params_of(input_fn, "input_fn", mode)
        return inputs.read(input_fn, mode=mode, params=params, config=self._config)

    def _plain_model_fn(self, features: Any, labels: Any, mode: str, config: Any) -> EstimatorSpec:
        given = {"labels": labels, "mode": mode, "config": config}
        given["params"] = self._params_of(self._made_by, "model_fn", mode)
        spec = self._made_by(features=features, **inputs.accepted(self._made_by, given))
        return spec.as_estimator_spec() if isinstance(spec, TPUEstimatorSpec) else spec

    def _params_of(self, function: Callable[..., Any], what: str, mode: str) -> Any:
        """The params, with the batch size of a mode, for a function that must take them."""
        if not inputs.accepted(function, {"params": None}):
            raise ValueError(
                f"{what} ({function}) does not include params argument, required by TPUEstimator "
                "to pass batch size as params['batch_size']"
            )
        params, size = copy.deepcopy(self._params), self._batch_sizes[mode]
        if size is None:
            return params
        if isinstance(params, HParams):
            params.add_hparam(_BATCH_SIZE, size)
        else:
            params[_BATCH_SIZE] = size
        return params


CrossShardOptimizer = tf.tpu.CrossShardOptimizer
bfloat16_scope = tf.tpu.bfloat16_scope

__all__ = [
    "CrossShardOptimizer",
    "InputPipelineConfig",
    "RunConfig",
    "TPUConfig",
    "TPUEstimator",
    "TPUEstimatorSpec",
    "bfloat16_scope",
]
