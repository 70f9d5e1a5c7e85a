"""`tf.contrib.learn.monitors`: what looks on while an estimator is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf


class BaseMonitor:
    """Is told of each step, counted from 1; a monitor of one's own derives from it."""

    _estimator: Any = None

    def set_estimator(self, estimator: Any) -> None:
        """Tells the estimator that is trained."""
        self._estimator = estimator

    def begin(self, max_steps: int | None = None) -> None:
        """Is called when the graph is made."""

    def end(self, session: tf.Session | None = None) -> None:
        """Is called after the last step."""

    def step_begin(self, step: int) -> Sequence[Any]:
        """Tensors, or their names, that are wanted of the step."""
        return []

    def step_end(self, step: int, output: Mapping[Any, Any]) -> bool:
        """Gets what was wanted; says whether it is to be stopped."""
        return False

    def post_step(self, step: int, session: tf.Session | None) -> None:
        """Is called after a step that `step_end` was told of."""


class EveryN(BaseMonitor):
    """Is told of the first steps, of each n-th one after the last it was told of, and of the last.

    A subclass gives `every_n_step_begin`, `every_n_step_end` or `every_n_post_step`, which are as
    the methods without `every_n`.
    """

    def __init__(self, every_n_steps: float = 100, first_n_steps: int = 1) -> None:
        self.every_n_steps, self._first_n_steps = every_n_steps, first_n_steps
        self._last_active_step = 0
        self._is_active = False

    def step_begin(self, step: int) -> Sequence[Any]:
        """What `every_n_step_begin` wants, of a step that counts."""
        due = step >= self.every_n_steps + self._last_active_step
        self._is_active = step <= self._first_n_steps or due
        return self.every_n_step_begin(step) if self._is_active else []

    def step_end(self, step: int, output: Mapping[Any, Any]) -> bool:
        """What `every_n_step_end` says, of a step that counts."""
        if not self._is_active:
            return False
        self._last_active_step = step
        return bool(self.every_n_step_end(step, output))

    def post_step(self, step: int, session: tf.Session | None) -> None:
        """Calls `every_n_post_step` after a step that counts."""
        if self._is_active:
            self.every_n_post_step(step, session)

    def every_n_step_begin(self, step: int) -> Sequence[Any]:
        """Tensors, or their names, that are wanted of the step."""
        return []

    def every_n_step_end(self, step: int, outputs: Mapping[Any, Any]) -> bool:
        """Gets what was wanted; says whether it is to be stopped."""
        return False

    def every_n_post_step(self, step: int, session: tf.Session | None) -> None:
        """Is called after the step."""


class PrintTensor(EveryN):
    """Logs tensors.

    Args:
      tensor_names: names, or a dict of what is shown for them.
      every_n: steps between two lines.
      first_n: how many steps at the beginning have lines.
    """

    def __init__(self, tensor_names: Any, every_n: int = 100, first_n: int = 1) -> None:
        super().__init__(every_n, first_n)
        named = tensor_names if isinstance(tensor_names, dict) else {n: n for n in tensor_names}
        self._names = named

    def every_n_step_begin(self, step: int) -> Sequence[Any]:
        """The names."""
        return list(self._names.values())

    def every_n_step_end(self, step: int, outputs: Mapping[Any, Any]) -> bool:
        """Logs them."""
        shown = [f"{key} = {outputs[name]}" for key, name in self._names.items()]
        tf.logging.info("Step %d: %s", step, ", ".join(shown))
        return False


class StopAtStep(BaseMonitor):
    """Stops after num_steps steps, or after the global step last_step.

    Raises:
      ValueError: not one of them is given.
    """

    def __init__(self, num_steps: int | None = None, last_step: int | None = None) -> None:
        if (num_steps is None) == (last_step is None):
            raise ValueError("Exactly one of num_steps and last_step must be specified.")
        self._num_steps, self._last_step = num_steps, last_step

    def step_begin(self, step: int) -> Sequence[Any]:
        """Notes where it has begun."""
        if self._last_step is None:
            self._last_step = step + int(self._num_steps or 0) - 1
        return []

    def step_end(self, step: int, output: Mapping[Any, Any]) -> bool:
        """Whether it is the last step."""
        return step >= int(self._last_step or 0)


class NanLoss(EveryN):
    """Stops, or raises `NanLossDuringTrainingError`, where a loss is no number."""

    def __init__(
        self, loss_tensor: Any, every_n_steps: int = 100, fail_on_nan_loss: bool = True
    ) -> None:
        super().__init__(every_n_steps)
        self._loss, self._fails = loss_tensor, fail_on_nan_loss

    def every_n_step_begin(self, step: int) -> Sequence[Any]:
        """The loss."""
        return [self._loss]

    def every_n_step_end(self, step: int, outputs: Mapping[Any, Any]) -> bool:
        """Looks at it."""
        if not np.isnan(outputs[self._loss]):
            return False
        if self._fails:
            raise tf.train.NanLossDuringTrainingError
        tf.logging.warning("Model diverged with loss = NaN.")
        return True


class ValidationMonitor(EveryN):
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
      check_interval_secs: seconds between two looks for a new checkpoint, at least; None for any.
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
        check_interval_secs: float | None = 5,
    ) -> None:
        super().__init__(every_n_steps, first_n_steps=-1)
        given = {"x": x, "y": y, "input_fn": input_fn, "batch_size": batch_size}
        given |= {"steps": eval_steps, "metrics": metrics, "name": name, "hooks": hooks}
        # An estimator of `tf.estimator` has not all of these arguments.
        self._given = {key: value for key, value in given.items() if value is not None}
        self.check_interval_secs = check_interval_secs
        self._rounds = early_stopping_rounds
        self._metric = early_stopping_metric
        self._sign = 1 if early_stopping_metric_minimize else -1
        self._checkpoint: str | None = None
        self._looked = -math.inf
        self.best_step: int | None = None
        self.best_value: float | None = None
        self.best_metrics: dict[str, Any] | None = None
        self.early_stopped = False

    def every_n_step_end(self, step: int, outputs: Mapping[Any, Any]) -> bool:
        """Evaluates a new checkpoint, and says whether it is to be stopped."""
        now = time.monotonic()
        if now - self._looked < (self.check_interval_secs or 0):
            return False
        self._looked = now
        checkpoint = self._estimator.latest_checkpoint()
        if checkpoint in (None, self._checkpoint):
            return False
        self._checkpoint = checkpoint
        self._validate(step)
        return self.early_stopped

    def _validate(self, step: int) -> None:
        found = self._estimator.evaluate(**self._given)
        shown = ", ".join(f"{key} = {value}" for key, value in sorted(found.items()))
        tf.logging.info("Validation (step %d): %s", step, shown)
        value = self._sign * found[self._metric]
        if self.best_value is None or value < self._sign * self.best_value:
            self.best_step, self.best_value, self.best_metrics = step, found[self._metric], found
        elif self._rounds is not None and step - int(self.best_step or 0) >= self._rounds:
            self.early_stopped = True


class _Telling(tf.train.SessionRunHook):
    """Tells a monitor of the steps."""

    def __init__(self, monitor: BaseMonitor) -> None:
        self._monitor = monitor
        self._step: int | None = None

    def begin(self) -> None:
        self._global_step = tf.train.get_global_step()
        self._monitor.begin(max_steps=None)

    def before_run(self, run_context: Any) -> Any:
        if self._step is None:
            self._step = int(run_context.session.run(self._global_step)) + 1
        graph = run_context.session.graph
        wanted = list(self._monitor.step_begin(self._step) or [])
        tensors = {one: graph.as_graph_element(_with_output(one)) for one in wanted}
        self._wanted = list(tensors)
        return tf.train.SessionRunArgs([self._global_step, list(tensors.values())])

    def after_run(self, run_context: Any, run_values: Any) -> None:
        global_step, values = run_values.results
        assert self._step is not None
        if self._monitor.step_end(self._step, dict(zip(self._wanted, values, strict=True))):
            run_context.request_stop()
        self._monitor.post_step(self._step, run_context.session)
        self._step = int(global_step) + 1

    def end(self, session: tf.Session) -> None:
        self._monitor.end(session)


def _with_output(name: Any) -> Any:
    """The name of an operation as that of its first output."""
    return f"{name}:0" if isinstance(name, str) and ":" not in name else name


def replace_monitors_with_hooks(monitors: Any, estimator: Any) -> list[Any]:
    """The run hooks of monitors, which may be run hooks themselves."""
    given = monitors if isinstance(monitors, (list, tuple)) else [monitors] if monitors else []
    hooks = []
    for one in given:
        if isinstance(one, BaseMonitor):
            one.set_estimator(estimator)
            one = _Telling(one)
        hooks.append(one)
    return hooks
