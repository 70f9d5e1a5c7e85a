"""Training and evaluation by turns."""

from __future__ import annotations

import time
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator.estimator import Estimator
from tf1rnn.contrib.estimator.spec import EvalSpec, TrainSpec


class _Evaluating(tf.train.CheckpointSaverListener):
    """Evaluates after a checkpoint, where enough time has passed, and after the last one."""

    def __init__(self, estimator: Estimator, spec: EvalSpec) -> None:
        self.estimator = estimator
        self.spec = spec
        self.last = time.time()
        self.evaluated: tuple[str | None, dict[str, Any] | None] = (None, None)
        self.is_first = True

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Evaluates the checkpoint, but not the one of the beginning."""
        if not self.is_first and time.time() - self.last >= self.spec.throttle_secs:
            self.evaluate()
        self.is_first = False

    def end(self, session: Any, global_step_value: int) -> None:
        """Evaluates the last checkpoint."""
        self.evaluate()

    def evaluate(self) -> None:
        """Evaluates the latest checkpoint, unless that is done."""
        path = self.estimator.latest_checkpoint()
        if path != self.evaluated[0]:
            spec = self.spec
            found = self.estimator.evaluate(spec.input_fn, spec.steps, spec.hooks, name=spec.name)
            self.evaluated = path, found
            self.last = time.time()


def train_and_evaluate(
    estimator: Estimator, train_spec: TrainSpec, eval_spec: EvalSpec
) -> tuple[dict[str, Any] | None, list[Any]]:
    """Trains up to the global step of the one specification, and evaluates by the other.

    Evaluations follow the checkpoints, at least `throttle_secs` apart, and the end of the training.

    Args:
      estimator: an `Estimator`.
      train_spec: a `TrainSpec`.
      eval_spec: an `EvalSpec`; its exporters are asked once, at the end.

    Returns:
      What the last evaluation has found, None where nothing was trained; and what the exporters
      have given.
    """
    listener = _Evaluating(estimator, eval_spec)
    estimator.train(
        train_spec.input_fn,
        hooks=train_spec.hooks,
        max_steps=train_spec.max_steps,
        saving_listeners=[*(train_spec.saving_listeners or ()), listener],
    )
    path, found = listener.evaluated
    if found is None:
        return None, []
    exporters = eval_spec.exporters or []
    exporters = exporters if isinstance(exporters, (list, tuple)) else [exporters]
    return found, [one.export(estimator, path, found) for one in exporters]
