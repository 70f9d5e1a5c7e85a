"""What the epochs of train.py are made of: one training, its session, and how far it has come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from training.checkpoint import Checkpoint
from training.config_files import to_json
from training.data import Data, Minibatch, Reader
from training.flow_log import write_gradient_flow
from training.graphs import TrainingGraph
from training.pictures.album import Album
from training.pictures.window import Window
from training.problem import Config, Outcome, Problem
from training.progress import NotFinite, Progress
from training.report import Report
from training.run import Run
from training.saving import Saving
from training.screen import Screen
from training.session import open_session
from training.signals import Stopped, StopSignals
from training.step import State, Step, mean_score, predict


@dataclass(frozen=True)
class Options:
    """How a training is run, beside what is trained."""

    checkpoint_minutes: float = 10.0
    checkpoint_steps: int = 0
    on_nan: str = "stop"


class Training:
    """One training: its graph, its run's folder, and how far it has come.

    While its session is open: step, the callable that train.py takes the minibatches through;
    zero_state, the state that a text begins with, and final_state, the one that the last step
    left, nests of NumPy arrays.
    """

    session: tf.Session
    signals: StopSignals
    step: Step
    zero_state: State
    final_state: State

    def __init__(
        self,
        problem: Problem,
        config: Config,
        data: Data,
        graph: TrainingGraph,
        run: Run,
        screen: Screen,
        options: Options,
        window: Window | None = None,
    ):
        self.config, self.data, self.graph, self.run = config, data, graph, run
        self.screen, self.options, self.window = screen, options, window
        self.problem = problem
        self.model = graph.model
        self.progress = Progress()
        self.checkpoints = run.open_checkpoints(warn=lambda line: screen.say(f"warning: {line}"))
        self.report = Report(config, data, run, screen)
        self.album = Album(problem, config, run, screen, window, data.floor)
        self._saving = Saving(graph, config, data, self.checkpoints)

    @contextmanager
    def open_session(self, checkpoint: Checkpoint | None) -> Iterator[None]:
        """The session that trains, from the start or from a checkpoint, until the context ends.

        A wish to stop is granted when everything is saved: `Stopped` leaves the context then.
        """
        started = time.monotonic()
        with open_session(self.graph.graph) as self.session, StopSignals() as self.signals:
            self.session.run(self.graph.initialize)
            self.step = Step(self.session, self.model, self._fetches())
            self.zero_state = self.final_state = self.step.zero_state
            self._rate: float | None = None  # that the session's learning rate is set to
            if checkpoint is not None:
                self._restore(checkpoint)
            self.run.write_config(to_json(self.config))  # which a resumed run may change
            self._elapsed_before = self.progress.elapsed - started
            self._walk = self.data.train.batches(self.progress.step)
            bar = self.screen.bar(len(self.data.train) * self.config.epochs, self.progress.step)
            with self.report.open_events(self.graph.graph, self.progress.step), bar:
                if self.progress.records and self.progress.step == self.progress.epoch_start:
                    self.write_epoch_events()  # a kill may have come before it
                try:
                    yield
                except Stopped:
                    self.save()
                    self.album.draw(self.progress)
                    raise
                finally:
                    del self._walk  # which may hold a session of its own

    def _fetches(self) -> dict[str, Any]:
        model = self.model
        return {
            "total": model.score_sum,
            "count": model.score_count,
            "cost": model.cost,
            "norm": model.gradient_norm,
            "train": model.train_op,
        }

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.progress, self.final_state = self._saving.restore(
            self.session, checkpoint, self.zero_state
        )
        if line := self._saving.made_elsewhere(checkpoint):
            self.screen.say(line)
        self.album.restore(checkpoint.arrays)
        self.run.write_metrics(self.progress.records)
        self.album.draw(self.progress)
        if self.is_over():
            self.report.nothing_left(self.progress)

    # -------------------------------------------------------------------- within an epoch

    def is_over(self) -> bool:
        """Whether the epochs are done, no longer get better, or the score is good enough."""
        progress, patience = self.progress, self.config.patience
        best = progress.best_score
        return (
            progress.epoch >= self.config.epochs
            or bool(patience and progress.epochs_since_better >= patience)
            or (best is not None and self.config.is_enough(best))
        )

    def minibatches(self) -> Iterator[Minibatch]:
        """Those that are left of the epoch; before its first, the gradient flow is logged."""
        in_epoch = len(self.data.train)
        first, until = in_epoch * self.progress.epoch, in_epoch * (self.progress.epoch + 1)
        self._saved = time.monotonic()
        if self.progress.step == until:
            return
        for minibatch in self._walk:
            if self.graph.gradient_flow is not None and self.progress.step == first:
                self._log_gradient_flow(minibatch)
            yield minibatch
            if self.progress.step == until:
                return

    def _log_gradient_flow(self, minibatch: Minibatch) -> None:
        initial_state = self.zero_state if minibatch.fresh else self.final_state
        feed = self.step.feed_dict(minibatch, initial_state)
        norms = self.session.run(self.graph.gradient_flow, feed)
        with self.album.drawing():
            write_gradient_flow(self.report.events, self.progress.step, norms)

    def set_learning_rate(self) -> None:
        """Sets it to what the schedule has for the step that comes."""
        epochs = self.progress.step / len(self.data.train)
        rate = self.config.learning_rate_at(epochs) * self.progress.lr_scale
        if rate != self._rate:
            self.session.run(self.model.set_lr, {self.model.new_lr: rate})
            self._rate = rate

    def leave_out(self, minibatch: Minibatch, initial_state: State) -> None:
        """Goes on without a step that was not finite, and so changed nothing, if that is wished.

        Raises:
            NotFinite: it is not.
        """
        number = self.progress.step + 1
        where = self._find_not_finite(self.step.feed_dict(minibatch, initial_state))
        if self.options.on_nan == "stop":
            raise NotFinite(f"step {number}: {where}")
        self.screen.say(f"warning: step {number} left out: {where}")
        if self.options.on_nan == "halve_lr":
            self.progress.lr_scale /= 2

    def _find_not_finite(self, feed: dict[tf.Tensor, np.ndarray]) -> str:
        values = self.session.run({"cost": self.model.cost, **self.model.gradients}, feed)
        bad = [
            name
            for name, value in values.items()
            if not np.isfinite(getattr(value, "values", value)).all()
        ]
        return f"{' and '.join(bad[:3]) or 'the norm of all gradients'} is not finite"

    def save_if_due(self) -> None:
        """Saves within an epoch, as often as asked for. Raises Stopped where that was wished."""
        self.signals.check()
        step, options = self.progress.step, self.options
        minutes, every = (time.monotonic() - self._saved) / 60, options.checkpoint_steps
        within = step % len(self.data.train) > 0  # at an epoch's end it is saved anyway
        if minutes >= options.checkpoint_minutes or (every and within and step % every == 0):
            self.save()
            self._saved = time.monotonic()

    # -------------------------------------------------------------------- after an epoch

    def score(self, reader: Reader) -> float:
        """The mean over a whole split that is the metric's, by the graph that is evaluated."""
        return mean_score(self.session, self.graph.evaluated, reader, self.signals.check)

    def look(self, split: str, reader: Reader) -> None:
        """Shows the problem's picture what the model makes of a split."""
        self.album.look(split, lambda: self.predict(reader), self.progress)

    def predict(self, reader: Reader) -> dict[str, np.ndarray]:
        """The arrays of a whole split and the model's `predictions`."""
        return predict(self.session, self.graph.evaluated, reader)

    def save(self) -> None:
        """Saves where the training is. NotFinite, and nothing saved, where a weight went wrong."""
        self.progress.elapsed = self._elapsed_before + time.monotonic()
        frames = self.album.arrays()
        self._saving.save(self.session, self.progress, self.final_state, frames)

    def restore_best(self) -> bool:
        """Gives the variables the values of the best epoch; False where they have them."""
        return self._saving.restore_best(self.session, self.progress)

    def record(self, valid: float) -> dict[str, Any]:
        """The line of metrics.jsonl of the epoch that has just ended.

        Raises:
            NotFinite: not one of its steps could be taken.
        """
        if not self.progress.done:
            raise NotFinite(f"epoch {self.progress.epoch + 1}: every step was left out")
        rate = float(self.session.run(self.model.lr))
        return self.report.record(self.progress, rate, valid)

    def write_epoch_events(self) -> None:
        """Puts the epoch that has ended last into TensorBoard."""
        histograms = self.session.run(self.graph.histograms)
        self.report.write_epoch_events(self.progress.records[-1], histograms)

    def write_result(self, **means: float) -> dict[str, Any]:
        """Writes result.json, with the means' scores and the problem's figures; returns it."""
        self.progress.elapsed = self._elapsed_before + time.monotonic()
        outcome = Outcome(self.config, self.data, self.progress.records, self.predict)
        figures = self.problem.figures(outcome)
        return self.report.write_result(self.progress, means, self.graph.parameters, figures)
