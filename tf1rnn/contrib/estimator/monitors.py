"""What looks on while an estimator of `tf.contrib.learn` is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf


def hooks_of(monitors: Sequence[Any] | None, estimator: Any) -> list[Any]:
    """The run hooks of monitors, which may be run hooks themselves."""
    given = monitors or ()
    return [one.as_hook(estimator) if hasattr(one, "as_hook") else one for one in given]


class ValidationMonitor:
    """Evaluates while it is trained, and stops where that gets no better.

    Args:
      x: the features.
      y: the labels.
      input_fn: gives features and labels, in place of x and y.
      batch_size: rows a batch.
      eval_steps: the number of batches.
      every_n_steps: steps between two evaluations; there is one only where a new checkpoint is.
      metrics: as in `Estimator.evaluate`.
      hooks: run hooks of the evaluation.
      early_stopping_rounds: the number of steps without a better value after which it is stopped.
      early_stopping_metric: the name of that value.
      early_stopping_metric_minimize: whether less is better.
      name: of the evaluation.
      check_interval_secs: seconds between two looks for a new checkpoint, at least.
    """

    def __init__(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        batch_size: int | None = None,
        eval_steps: int | None = None,
        every_n_steps: float = 100,
        metrics: dict[Any, Any] | None = None,
        hooks: Sequence[Any] | None = None,
        early_stopping_rounds: int | None = None,
        early_stopping_metric: str = "loss",
        early_stopping_metric_minimize: bool = True,
        name: str | None = None,
        check_interval_secs: float = 5,
    ) -> None:
        given = {"x": x, "y": y, "input_fn": input_fn, "batch_size": batch_size}
        given |= {"steps": eval_steps, "metrics": metrics, "name": name, "hooks": hooks}
        # An estimator of `tf.estimator` has not all of these arguments.
        self._given = {key: value for key, value in given.items() if value is not None}
        self.check_interval_secs = check_interval_secs
        self.every_n_steps = every_n_steps
        self._rounds = early_stopping_rounds
        self._metric = early_stopping_metric
        self._sign = 1 if early_stopping_metric_minimize else -1
        self.best_step: int | None = None
        self.best_value: float | None = None
        self.early_stopped = False

    def as_hook(self, estimator: Any) -> Any:
        """The run hook for the training of an estimator."""
        return _Validating(self, estimator)

    def validate(self, estimator: Any, step: int) -> None:
        """Evaluates, and says whether it is to be stopped by `early_stopped`."""
        found = estimator.evaluate(**self._given)
        shown = ", ".join(f"{key} = {value}" for key, value in sorted(found.items()))
        tf.logging.info("Validation (step %d): %s", step, shown)
        value = self._sign * found[self._metric]
        if self.best_value is None or value < self._sign * self.best_value:
            self.best_step, self.best_value = step, found[self._metric]
        elif self._rounds is not None and step - int(self.best_step or 0) >= self._rounds:
            self.early_stopped = True


class _Validating(tf.train.SessionRunHook):
    def __init__(self, monitor: ValidationMonitor, estimator: Any) -> None:
        self.monitor = monitor
        self.estimator = estimator
        self.checkpoint: str | None = None
        self.last = 0
        self.looked = -math.inf

    def begin(self) -> None:
        self.step = tf.train.get_global_step()

    def before_run(self, run_context: Any) -> Any:
        return tf.train.SessionRunArgs(self.step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        step, now = int(run_values.results), time.monotonic()
        if step - self.last < self.monitor.every_n_steps:
            return
        if now - self.looked < self.monitor.check_interval_secs:
            return
        self.looked = now
        checkpoint = self.estimator.latest_checkpoint()
        if checkpoint == self.checkpoint:
            return
        self.last, self.checkpoint = step, checkpoint
        self.monitor.validate(self.estimator, step)
        if self.monitor.early_stopped:
            run_context.request_stop()
