"""Hooks that end a training by what its evaluations have found: `tf.contrib.estimator`."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tensorflow.compat.v1 as tf

_Better = Callable[[float, float], bool]


def make_early_stopping_hook(
    estimator: Any,
    should_stop_fn: Callable[[], bool],
    run_every_secs: float | None = 60,
    run_every_steps: int | None = None,
) -> Any:
    """A hook for `Estimator.train` that ends it when a function says so.

    Args:
      estimator: the one that is trained.
      should_stop_fn: takes nothing and says whether to end.
      run_every_secs: seconds between two questions; None where steps are given.
      run_every_steps: steps between two questions.

    Raises:
      ValueError: both or none of the last two are given.
    """
    timer = tf.train.SecondOrStepTimer(run_every_secs, run_every_steps)
    return _Stopping(should_stop_fn, timer)


class _Stopping(tf.train.SessionRunHook):
    def __init__(self, should_stop_fn: Callable[[], bool], timer: Any) -> None:
        self._should_stop, self._timer = should_stop_fn, timer

    def begin(self) -> None:
        self._timer.reset()
        self._step = tf.train.get_global_step()

    def before_run(self, run_context: Any) -> Any:
        return tf.train.SessionRunArgs(self._step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        step = int(run_values.results)
        if self._timer.should_trigger_for_step(step):
            self._timer.update_last_triggered_step(step)
            if self._should_stop():
                tf.logging.info("Requesting early stopping at global step %d", step)
                run_context.request_stop()


def read_eval_metrics(eval_dir: str) -> OrderedDict[int, dict[str, float]]:
    """The metrics that evaluations have written into a folder, by global step, in its order."""
    found: dict[int, dict[str, float]] = {}
    for path in sorted(Path(eval_dir).glob("*tfevents*")):
        for event in tf.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(event.step, {})[value.tag] = value.simple_value
    return OrderedDict(sorted(found.items()))


def stop_if_higher_hook(
    estimator: Any,
    metric_name: str,
    threshold: float,
    eval_dir: str | None = None,
    min_steps: int = 0,
    run_every_secs: float | None = 60,
    run_every_steps: int | None = None,
) -> Any:
    """Ends the training when a metric of an evaluation is above a threshold.

    Args:
      estimator, run_every_secs, run_every_steps: as in `make_early_stopping_hook`.
      metric_name: the name of the metric.
      threshold: what it must pass.
      eval_dir: the folder of the evaluations' summaries; by default the estimator's.
      min_steps: evaluations of earlier global steps do not count.
    """

    def passed() -> bool:
        values = _values(estimator, eval_dir, metric_name, min_steps)
        return any(value > threshold for _, value in values)

    return make_early_stopping_hook(estimator, passed, run_every_secs, run_every_steps)


def stop_if_lower_hook(
    estimator: Any,
    metric_name: str,
    threshold: float,
    eval_dir: str | None = None,
    min_steps: int = 0,
    run_every_secs: float | None = 60,
    run_every_steps: int | None = None,
) -> Any:
    """Ends the training when a metric is below a threshold; as `stop_if_higher_hook`."""

    def passed() -> bool:
        values = _values(estimator, eval_dir, metric_name, min_steps)
        return any(value < threshold for _, value in values)

    return make_early_stopping_hook(estimator, passed, run_every_secs, run_every_steps)


def stop_if_no_increase_hook(
    estimator: Any,
    metric_name: str,
    max_steps_without_increase: int,
    eval_dir: str | None = None,
    min_steps: int = 0,
    run_every_secs: float | None = 60,
    run_every_steps: int | None = None,
) -> Any:
    """Ends the training when a metric has not risen above its best for so many steps.

    Args:
      estimator, metric_name, eval_dir, min_steps, run_every_secs, run_every_steps: as in
        `stop_if_higher_hook`.
      max_steps_without_increase: global steps between the best evaluation and a later one.
    """

    def waited() -> bool:
        values = _values(estimator, eval_dir, metric_name, min_steps)
        return _has_waited(values, operator.gt, max_steps_without_increase)

    return make_early_stopping_hook(estimator, waited, run_every_secs, run_every_steps)


def stop_if_no_decrease_hook(
    estimator: Any,
    metric_name: str,
    max_steps_without_decrease: int,
    eval_dir: str | None = None,
    min_steps: int = 0,
    run_every_secs: float | None = 60,
    run_every_steps: int | None = None,
) -> Any:
    """Ends the training when a metric has not fallen for so long; see the hook above."""

    def waited() -> bool:
        values = _values(estimator, eval_dir, metric_name, min_steps)
        return _has_waited(values, operator.lt, max_steps_without_decrease)

    return make_early_stopping_hook(estimator, waited, run_every_secs, run_every_steps)


def _values(
    estimator: Any, eval_dir: str | None, metric_name: str, min_steps: int
) -> Iterator[tuple[int, float]]:
    """Global steps and what the metric was there."""
    for step, metrics in read_eval_metrics(eval_dir or estimator.eval_dir()).items():
        if step >= min_steps:
            yield step, metrics[metric_name]


def _has_waited(values: Iterator[tuple[int, float]], is_better: _Better, most: int) -> bool:
    best: tuple[int, float] | None = None
    for step, value in values:
        if best is None or is_better(value, best[1]):
            best = step, value
        if step - best[0] >= most:
            return True
    return False


experimental = SimpleNamespace(  # as `tf.estimator` calls them
    make_early_stopping_hook=make_early_stopping_hook,
    stop_if_higher_hook=stop_if_higher_hook,
    stop_if_lower_hook=stop_if_lower_hook,
    stop_if_no_decrease_hook=stop_if_no_decrease_hook,
    stop_if_no_increase_hook=stop_if_no_increase_hook,
)
