"""The loop: epochs of minibatches, the state carried, everything saved so that it can go on."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from album import Album
from command import UserError
from config import Config
from flow_log import FlowLog
from problems import Outcome, Problem, build, require_memory
from progress import Progress, difference, made_with
from reader import Data, Minibatch
from runs import Run
from tf1rnn.runtime.checkpoint import Checkpoint, CheckpointError
from tf1rnn.runtime.events import Events
from tf1rnn.runtime.screen import Screen, duration
from tf1rnn.runtime.session import open_session
from tf1rnn.runtime.signals import Stopped, StopSignals
from tf1rnn.runtime.window import Window
from walk import Stepper, predict, score


@dataclass(frozen=True)
class Options:
    """How a training is run, beside what is trained."""

    checkpoint_minutes: float = 10.0
    checkpoint_steps: int = 0
    on_nan: str = "stop"
    log_gradient_flow: bool = False


class NotFinite(Exception):
    """A cost or gradient is NaN or infinite; the message says where."""


class Training:
    """One training: its graph, its run's folder, and how far it has come."""

    def __init__(
        self,
        problem: Problem,
        config: Config,
        data: Data,
        run: Run,
        screen: Screen,
        options: Options,
        window: Window | None = None,
    ):
        self.problem, self.config, self.data = problem, config, data
        self.folder, self.screen, self.options = run, screen, options
        self.checkpoints = run.open_checkpoints(warn=lambda line: screen.say(f"warning: {line}"))
        self.progress = Progress()
        self.window = window
        self.album = Album(problem, config, run, screen, window)
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(config.seed)
            self.model, self.evaluated = build(problem, config)
            variables = tf.trainable_variables()
            self.parameters = sum(v.shape.num_elements() for v in variables)
            with tf.name_scope("weights"):
                histograms = [tf.summary.histogram(v.op.name, v) for v in variables]
                self.histograms = tf.summary.merge(histograms)
            self.flow_log = FlowLog(self.model) if options.log_gradient_flow else None
            self.not_finite = {v.op.name: _has_not_finite(v) for v in variables}
            self.saver = tf.train.Saver(max_to_keep=None, save_relative_paths=True)
            self.initialize = tf.global_variables_initializer()
        self.graph.finalize()
        require_memory(self.config, self.graph, self.model)

    def run(self, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
        """Trains to the end, from the start or from a checkpoint, and returns the result.

        Raises:
            Stopped: a signal came; the training is saved.
            NotFinite: the numbers went wrong; the last checkpoint is from before.
            CheckpointError: the checkpoint does not fit the config, or none can be written.
        """
        started = time.monotonic()
        with open_session(self.graph) as self.session, StopSignals() as self.signals:
            self.session.run(self.initialize)
            fetches = {
                "total": self.model.score_sum,
                "count": self.model.score_count,
                "cost": self.model.cost,
                "norm": self.model.gradient_norm,
                "train": self.model.train_op,
            }
            self.step = Stepper(self.session, self.model, fetches)
            self.rate: float | None = None  # that the session's learning rate is set to
            if checkpoint is not None:
                self._restore(checkpoint)
            self.elapsed_before = self.progress.elapsed - started
            with Events(self.folder.path, self.graph, self.progress.step) as self.events:
                self.events.hyperparameters(dataclasses.asdict(self.config))
                if self.progress.records and self.progress.step == self.progress.epoch_start:
                    self._write_events(self.progress.records[-1])
                try:
                    self._train()
                except Stopped:
                    self._save()
                    self.album.draw(self.progress)
                    raise
                return self._finish()

    def describe(self) -> str:
        """What is trained, on what, in one line."""
        config, parameters = self.config, f"{self.parameters:,} parameters"
        units = " + ".join(map(str, config.layer_sizes))
        with tf.Session() as session:
            kinds = sorted({device.device_type for device in session.list_devices()})
        return f"{config.cell} of {units} units, {parameters}, on {' and '.join(kinds)}"

    def conclude(self, result: dict[str, Any]) -> str:
        """The result, in a few lines."""
        name = result["metric"]
        last = f" (last epoch: {result['test_last']:.5g})"
        figures = "".join(_in_words(name, value) for name, value in self.figures.items())
        return (
            f"test {name} {result['test']:.5g}, of the best epoch, {result['best_epoch']}{last}\n"
            f"{figures}"
            f"{self.folder.path}: result.json, curves.png; see it with: "
            f"tensorboard --logdir {self.folder.path.parent}"
        )

    # ------------------------------------------------------------------ epochs and steps

    def _train(self) -> None:
        in_epoch = len(self.data.train)
        minibatches = self.data.train.batches(self.progress.step)
        with self.screen.bar(in_epoch * self.config.epochs, self.progress.step):
            while not self._is_over():
                self._train_epoch(minibatches, until=in_epoch * (self.progress.epoch + 1))
                self._close_epoch()

    def _is_over(self) -> bool:
        progress, patience = self.progress, self.config.patience
        since_best = progress.epoch - (progress.best_epoch or 0)
        best = progress.best_score
        return (
            progress.epoch >= self.config.epochs
            or bool(patience and since_best >= patience)
            or (best is not None and self.config.is_enough(best))
        )

    def _train_epoch(self, minibatches: Iterator[Minibatch], until: int) -> None:
        """Runs the steps that are left of the epoch, saving where it is time."""
        progress = self.progress
        saved = time.monotonic()
        while progress.step < until:
            minibatch = next(minibatches)
            if self.flow_log and progress.step == until - len(self.data.train):
                values = self.session.run(self.flow_log.norms, self.step.feed_dict(minibatch))
                self.flow_log.write(self.events, progress.step, values)
            self._set_learning_rate()
            self._train_step(minibatch)
            self._show()
            self.signals.check()
            minutes = (time.monotonic() - saved) / 60
            every = self.options.checkpoint_steps
            due = minutes >= self.options.checkpoint_minutes
            if due or (every and progress.step % every == 0 and progress.step < until):
                self._save()
                saved = time.monotonic()

    def _train_step(self, minibatch: Minibatch) -> None:
        progress, before = self.progress, time.perf_counter()
        try:
            values = self.step(minibatch)
        except tf.errors.InvalidArgumentError as error:
            if "Tensor had" not in error.message:
                raise
            self._not_finite(minibatch)
        else:
            progress.total += float(values["total"])
            progress.count += float(values["count"])
            progress.cost += float(values["cost"])
            progress.norm += float(values["norm"])
            progress.done += 1
        progress.step += 1
        progress.seconds += time.perf_counter() - before

    def _not_finite(self, minibatch: Minibatch) -> None:
        """The step changed nothing: go on without it where that is wished."""
        where = self._find_not_finite(minibatch)
        if self.options.on_nan == "stop":
            raise NotFinite(f"step {self.progress.step + 1}: {where}")
        self.screen.say(f"warning: step {self.progress.step + 1} left out: {where}")
        if self.options.on_nan == "halve_lr":
            self.progress.lr_scale /= 2

    def _find_not_finite(self, minibatch: Minibatch) -> str:
        tensors = {"cost": self.model.cost, **self.model.gradients}
        values = self.session.run(tensors, self.step.feed_dict(minibatch))
        bad = [
            name
            for name, value in values.items()
            if not np.isfinite(getattr(value, "values", value)).all()
        ]
        return f"{' and '.join(bad[:3]) or 'the norm of all gradients'} is not finite"

    def _set_learning_rate(self) -> None:
        epochs = self.progress.step / len(self.data.train)
        rate = self.config.learning_rate_at(epochs) * self.progress.lr_scale
        if rate != self.rate:
            self.session.run(self.model.set_lr, {self.model.new_lr: rate})
            self.rate = rate

    def _show(self) -> None:
        progress = self.progress
        if progress.done:
            speed = progress.done * self.data.per_batch / progress.seconds
            value = self.problem.metric.of(progress.total / progress.count)
            status = f"{self.problem.metric.name} {value:.5g}  {speed:,.0f} {self.data.unit}/s"
            epoch = f"epoch {progress.epoch + 1}/{self.config.epochs}"
            self.screen.step(progress.step, epoch, status)
        self.album.refresh()

    def _close_epoch(self) -> None:
        """Validates, keeps the best, saves, and tells."""
        progress, metric = self.progress, self.problem.metric
        valid = self._score(self.data.valid)
        record = {
            "epoch": progress.epoch + 1,
            "step": progress.step,
            "learning_rate": float(self.session.run(self.model.lr)),
            "train": metric.of(progress.total / progress.count) if progress.count else math.nan,
            "valid": valid,
            "cost": progress.cost / max(progress.done, 1),
            "gradient_norm": progress.norm / max(progress.done, 1),
            f"{self.data.unit}_per_second": progress.done * self.data.per_batch / progress.seconds,
            "seconds": progress.seconds,
        }
        progress.records.append(record)
        is_best = metric.better(valid, progress.best_score)
        if is_best:
            progress.best_score, progress.best_step = valid, progress.step
            progress.best_epoch = progress.epoch
        progress.start_epoch()
        self.album.look("validation", lambda: self._predict(self.data.valid), progress)
        self.album.keep_frame(progress.epoch)
        self._save()
        self._tell(record, is_best)

    def _score(self, reader: Any) -> float:
        metric, check = self.problem.metric, self.signals.check
        return score(self.session, self.evaluated, reader, metric, on_step=check)

    def _predict(self, reader: Any) -> dict[str, np.ndarray]:
        return predict(self.session, self.evaluated, reader)

    def _tell(self, record: dict[str, Any], is_best: bool) -> None:
        """Puts a finished epoch on the screen, into the files and into TensorBoard."""
        unit = self.data.unit
        speed = record[f"{unit}_per_second"]
        self.screen.say(
            f"epoch {record['epoch']:2d}  lr {record['learning_rate']:.4g}  "
            f"train {record['train']:.5g}  valid {record['valid']:.5g}  "
            f"{speed:,.0f} {unit}/s  {duration(record['seconds'])}" + ("  best" if is_best else "")
        )
        self.folder.write_metrics(self.progress.records)
        self.album.draw(self.progress, now=False)
        self._write_events(record)

    def _write_events(self, record: dict[str, Any]) -> None:
        """Puts the epoch that has just ended into TensorBoard."""
        name, rate = self.problem.metric.name, f"{self.data.unit}_per_second"
        self.events.scalars(
            record["step"],
            {
                f"{name}/train": record["train"],
                f"{name}/valid": record["valid"],
                "training/learning_rate": record["learning_rate"],
                "training/cost": record["cost"],
                "training/gradient_norm": record["gradient_norm"],
                f"training/{rate}": record[rate],
            },
        )
        self.events.summary(record["step"], self.session.run(self.histograms))
        self.events.flush()

    # ------------------------------------------------------------------ saving and the end

    def _save(self) -> None:
        """Saves where the training is. NotFinite, and nothing saved, where a weight went wrong."""
        progress = self.progress
        bad = [name for name, flag in self.session.run(self.not_finite).items() if flag]
        if bad:
            raise NotFinite(f"step {progress.step}: {' and '.join(bad[:3])} is not finite")
        progress.elapsed = self.elapsed_before + time.monotonic()
        arrays = {f"state_{i}": a for i, a in enumerate(tf.nest.flatten(self.step.state))}
        arrays |= self.album.arrays()
        content = {**dataclasses.asdict(progress), "made_with": self._made_with()}
        self.checkpoints.save(self.session, self.saver, progress.step, content, arrays)
        self.checkpoints.prune(progress.best_step)

    def _made_with(self) -> dict[str, Any]:
        made = made_with(self.config, self.data.vocabulary)
        return {**made, "data": self.data.sha256, "tensorflow": tf.__version__}

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Puts everything back to where the checkpoint was made."""
        if other := difference(checkpoint.progress.get("made_with"), self._made_with()):
            raise UserError(f"{checkpoint.path} was made with another {other}")
        self.progress = Progress.from_dict(checkpoint.progress, checkpoint.path)
        self._check_progress(checkpoint.path)
        zero = tf.nest.flatten(self.step.state)
        state = [checkpoint.arrays.get(f"state_{i}") for i in range(len(zero))]
        for saved, wanted in zip(state, zero, strict=True):
            if saved is None or (saved.shape, saved.dtype) != (wanted.shape, wanted.dtype):
                raise UserError(f"{checkpoint.path} holds a state of another shape")
        checkpoint.restore(self.session, self.saver)
        self.step.state = tf.nest.pack_sequence_as(self.step.state, state)
        self.album.restore(checkpoint.arrays)
        self.folder.write_metrics(self.progress.records)
        self.album.draw(self.progress)

    def _check_progress(self, origin: Path) -> None:
        """Raises UserError or CheckpointError where the progress restored leads to no end."""
        progress, in_epoch = self.progress, len(self.data.train)
        start, rate = in_epoch * progress.epoch, f"{self.data.unit}_per_second"
        if progress.epoch_start != start or not start <= progress.step <= start + in_epoch:
            raise UserError(f"{origin} is of a training with other epochs")
        if not all(rate in record for record in progress.records):
            raise UserError(f"{origin} holds a record without {rate}")
        best = progress.best_step
        if best is not None and self.checkpoints.has(best):
            try:
                self.checkpoints.at(best)
            except CheckpointError as error:  # said now, and not after the last epoch
                hint = "the best so far; without it, a later epoch must be better: remove it to try"
                raise UserError(f"{error} ({hint})") from None

    def _finish(self) -> dict[str, Any]:
        """Scores the last and the best checkpoint on the test split, and writes the result."""
        progress, metric = self.progress, self.problem.metric
        self.checkpoints.prune(progress.best_step)  # a kill may have come before it
        self.album.look("validation", lambda: self._predict(self.data.valid), progress)
        self.album.write_movie()
        test_last = test = self._score(self.data.test)
        if progress.best_step is not None and progress.best_step != progress.step:
            self.checkpoints.at(progress.best_step).restore(self.session, self.saver)
            test = self._score(self.data.test)
        self.album.look("test", lambda: self._predict(self.data.test), progress)
        self.album.draw(progress)
        outcome = Outcome(self.config, self.data, progress.records, self._predict)
        self.figures = self.problem.figures(outcome)
        records = progress.records
        seconds = sum(record["seconds"] for record in records)
        rate = f"{self.data.unit}_per_second"
        result = {
            "metric": metric.name,
            "valid": progress.best_score,
            "test": test,
            "test_last": test_last,
            "best_epoch": progress.best_epoch,
            "epochs": progress.epoch,
            "seconds": self.elapsed_before + time.monotonic(),
            "parameters": self.parameters,
            "data": {"name": self.data.name, "sha256": self.data.sha256},
            rate: sum(record[rate] * record["seconds"] for record in records) / seconds,
            **self.figures,
        }
        self.folder.write_text(self.folder.result, json.dumps(result, indent=2) + "\n")
        self.events.scalars(progress.step, {f"{metric.name}/test": test})
        self.events.finished()
        return result


def _in_words(name: str, value: Any) -> str:
    """A figure of the result as a line, or a line for each where there are several."""
    values = value if isinstance(value, list) else [value]
    shown = [f"{one:.5g}" if isinstance(one, float) else str(one) for one in values]
    return "".join(f"{name.replace('_', ' ')}: {one}\n" for one in shown)


def _has_not_finite(variable: tf.Variable) -> tf.Tensor:
    return tf.logical_not(tf.reduce_all(tf.math.is_finite(variable)))
