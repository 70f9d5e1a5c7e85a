"""`tf.contrib.learn.Experiment`: an estimator with its data, run by a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tf1rnn.contrib.estimator.config import RunConfig
from tf1rnn.contrib.estimator.monitors import ValidationMonitor, replace_monitors_with_hooks
from tf1rnn.contrib.estimator.strategies import ExportStrategy


class Experiment:
    """An estimator with what it is trained and evaluated on.

    Args:
      estimator: of `tf.estimator` or `tf.contrib.learn`.
      train_input_fn, eval_input_fn: give features and labels.
      eval_metrics: as `metrics` of `tf.contrib.learn.Estimator.evaluate`.
      train_steps: the global step at which training ends; None for the end of the input.
      eval_steps: the number of batches of an evaluation; None for all.
      train_monitors: monitors and run hooks of the training.
      eval_hooks: run hooks of the evaluation.
      min_eval_frequency: steps between two evaluations while `train_and_evaluate` trains; there is
        one only where a new checkpoint is. None for 1, and 0 for none.
      export_strategies: an `ExportStrategy`, or several, for the end of `train_and_evaluate`.
      check_interval_secs: seconds between two looks for a new checkpoint, at least.
      settings: what only an experiment of several machines would make use of.
    """

    def __init__(
        self,
        estimator: Any,
        train_input_fn: Callable[..., Any],
        eval_input_fn: Callable[..., Any],
        eval_metrics: dict[Any, Any] | None = None,
        train_steps: int | None = None,
        eval_steps: int | None = 100,
        train_monitors: Sequence[Any] | None = None,
        eval_hooks: Sequence[Any] | None = None,
        *,
        min_eval_frequency: int | None = None,
        export_strategies: Any = None,
        check_interval_secs: float = 5,
        **settings: Any,
    ) -> None:
        self.estimator = estimator
        self._train = train_input_fn, train_steps, train_monitors
        self._eval = eval_input_fn, eval_steps, eval_hooks, eval_metrics
        self._every = 1 if min_eval_frequency is None else min_eval_frequency
        several = isinstance(export_strategies, list | tuple | set)
        several = several and not isinstance(export_strategies, ExportStrategy)
        self._strategies = export_strategies if several else [export_strategies]
        self._check_interval_secs = check_interval_secs

    def train(self) -> Any:
        """Trains up to the global step train_steps."""
        return self._trained([])

    def _trained(self, more: list[ValidationMonitor]) -> Any:
        input_fn, max_steps, monitors = self._train
        hooks = replace_monitors_with_hooks([*(monitors or ()), *more], self.estimator)
        return self.estimator.train(input_fn, hooks=hooks, max_steps=max_steps)

    def evaluate(self) -> dict[str, Any]:
        """Evaluates the latest checkpoint."""
        input_fn, steps, hooks, metrics = self._eval
        more = {"metrics": metrics} if metrics else {}
        return self.estimator.evaluate(input_fn=input_fn, steps=steps, hooks=hooks, **more)

    def train_and_evaluate(self) -> tuple[dict[str, Any], list[Any]]:
        """Trains, evaluates meanwhile and once more in the end, and exports.

        Returns:
          What the last evaluation has found, and what the export strategies have given.
        """
        input_fn, steps, hooks, metrics = self._eval
        monitor = ValidationMonitor(
            input_fn=input_fn,
            eval_steps=steps,
            every_n_steps=self._every,
            metrics=metrics,
            hooks=hooks,
            check_interval_secs=self._check_interval_secs,
        )
        self._trained([monitor] if self._every else [])
        found = self.evaluate()
        folder = Path(self.estimator.model_dir) / "export"
        strategies = [one for one in self._strategies if one]
        return found, [one.export(self.estimator, str(folder / one.name)) for one in strategies]


def run(
    experiment_fn: Callable[..., Experiment],
    output_dir: str | None = None,
    schedule: str | None = None,
    run_config: RunConfig | None = None,
    hparams: Any = None,
) -> Any:
    """`learn_runner.run`: makes an experiment and calls the method that schedule names."""
    if run_config is not None:
        experiment = experiment_fn(run_config=run_config, hparams=hparams)
    else:
        experiment = experiment_fn(output_dir)
    return getattr(experiment, schedule or "train_and_evaluate")()
