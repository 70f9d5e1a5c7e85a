"""`tf.contrib.learn.Experiment`: an estimator with its data, run by a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tf1rnn.contrib.estimator.config import RunConfig
from tf1rnn.contrib.estimator.monitors import hooks_of


class Experiment:
    """An estimator with what it is trained and evaluated on."""

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
        **settings: Any,
    ) -> None:
        self.estimator = estimator
        self._train = train_input_fn, train_steps, train_monitors
        self._eval = eval_input_fn, eval_steps, eval_hooks, eval_metrics

    def train(self) -> Any:
        """Trains up to the global step train_steps."""
        input_fn, max_steps, monitors = self._train
        hooks = hooks_of(monitors, self.estimator)
        return self.estimator.train(input_fn, hooks=hooks, max_steps=max_steps)

    def evaluate(self) -> dict[str, Any]:
        """Evaluates the latest checkpoint."""
        input_fn, steps, hooks, metrics = self._eval
        more = {"metrics": metrics} if metrics else {}
        return self.estimator.evaluate(input_fn=input_fn, steps=steps, hooks=hooks, **more)

    def train_and_evaluate(self) -> tuple[dict[str, Any], list[Any]]:
        """Trains, then evaluates."""
        self.train()
        return self.evaluate(), []


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
