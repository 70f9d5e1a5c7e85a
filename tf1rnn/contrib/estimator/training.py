"""Training and evaluation by turns."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator.estimator import Estimator
from tf1rnn.contrib.estimator.spec import EvalSpec, TrainSpec


class _Evaluating(tf.train.CheckpointSaverListener):
    """Evaluates after a checkpoint, where enough time has passed, and after the last one."""

    def __init__(self, estimator: Estimator, spec: EvalSpec, max_steps: int | None) -> None:
        self.max_steps = max_steps or math.inf
        self.estimator = estimator
        self.spec = spec
        exporters = spec.exporters or []
        self.exporters = exporters if isinstance(exporters, list | tuple) else [exporters]
        self.exported: list[Any] = []
        self.last = time.time()
        self.evaluated: tuple[str | None, dict[str, Any] | None] = (None, None)
        self.is_first = True

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Evaluates the checkpoint, but not the one of the beginning."""
        is_last = global_step_value >= self.max_steps  # of which `end` takes care
        if not self.is_first and not is_last and time.time() - self.last >= self.spec.throttle_secs:
            self.evaluate()
        self.is_first = False

    def end(self, session: Any, global_step_value: int) -> None:
        """Evaluates the last checkpoint."""
        self.evaluate(is_last=True)

    def evaluate(self, is_last: bool = False) -> None:
        """Evaluates the latest checkpoint, unless that is done, and asks the exporters."""
        path, spec = self.estimator.latest_checkpoint(), self.spec
        if path != self.evaluated[0]:
            found = self.estimator.evaluate(spec.input_fn, spec.steps, spec.hooks, name=spec.name)
            self.evaluated = path, found
            self.last = time.time()
        elif not is_last:
            return
        folder = Path(self.estimator.model_dir) / "export"
        self.exported = [
            one.export(
                estimator=self.estimator,
                export_path=str(folder / one.name),
                checkpoint_path=path,
                eval_result=self.evaluated[1],
                is_the_final_export=is_last,
            )
            for one in self.exporters
        ]


def train_and_evaluate(
    estimator: Estimator, train_spec: TrainSpec, eval_spec: EvalSpec
) -> tuple[dict[str, Any] | None, list[Any]]:
    """Trains up to the global step of the one specification, and evaluates by the other.

    Evaluations follow the checkpoints, at least `throttle_secs` apart, and the end of the training.

    Args:
      estimator: an `Estimator`.
      train_spec: a `TrainSpec`.
      eval_spec: an `EvalSpec`; its exporters are asked after each evaluation.

    Returns:
      What the last evaluation has found, None where nothing was trained; and what the exporters
      have given then.
    """
    listener = _Evaluating(estimator, eval_spec, train_spec.max_steps)
    estimator.train(
        train_spec.input_fn,
        hooks=train_spec.hooks,
        max_steps=train_spec.max_steps,
        saving_listeners=[*(train_spec.saving_listeners or ()), listener],
    )
    return listener.evaluated[1], listener.exported
