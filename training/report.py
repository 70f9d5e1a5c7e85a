"""What a training says: on the screen, in metrics.jsonl, result.json and TensorBoard."""

from __future__ import annotations

import dataclasses
import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow.compat.v1 as tf

from training import processor
from training.data import Data
from training.events import Events
from training.numbers import plain
from training.problem import Config
from training.progress import NotFinite, Progress
from training.run import Run
from training.screen import Screen, duration

Record = dict[str, Any]  # a line of metrics.jsonl
FAR = 10  # times the perplexity of guessing: what a training is beyond that diverges


class Report:
    """Tells of one training whose config and data are these."""

    events: Events

    def __init__(self, config: Config, data: Data, run: Run, screen: Screen):
        self._config, self._data, self._run, self._screen = config, data, run, screen
        self._metric = config.metric
        self._rate = f"{data.unit}_per_second"

    @contextmanager
    def open_events(self, graph: tf.Graph, step: int) -> Iterator[None]:
        """TensorBoard's file of this process, which begins at a step, with graph and config."""
        with Events(self._run.path, graph, step) as self.events:
            self.events.hyperparameters(dataclasses.asdict(self._config))
            yield

    def begin(self, parameters: int, checkpoint_step: int | None) -> None:
        """Tells what is trained, on what data and machine, where, and from which step on."""
        units = " + ".join(map(str, self._config.layer_sizes))
        with tf.Session() as session:
            kinds = sorted({device.device_type for device in session.list_devices()})
        lines = [
            f"{self._data.name}: {self._data.facts}",
            self._data.note,
            *(f"warning: {line}" for line in self._data.warnings),
            f"{self._config.cell} of {units} units, {parameters:,} parameters, "
            f"on {' and '.join(kinds)}; the run lies in {self._run.path}",
            processor.advice(self._config) or "",
            f"going on from step {checkpoint_step:,}" if checkpoint_step is not None else "",
        ]
        for line in filter(None, lines):
            self._screen.say(line)

    def nothing_left(self, progress: Progress) -> None:
        """Tells that a resumed run was finished, and how it could train longer."""
        done = f"this run is finished: {progress.epoch} of {self._config.epochs} epochs"
        if progress.epoch < self._config.epochs:
            self._screen.say(f"{done}, since it was good enough or no longer got better")
        else:
            longer = f"{self._run.resume_command} --epochs {2 * progress.epoch}"
            self._screen.say(f"{done}; to train longer: {longer}")

    def stopped(self) -> None:
        """Tells how to go on after a signal."""
        self._screen.say(f"stopped and saved; go on with: {self._run.resume_command}")

    def not_finite(self, error: NotFinite, is_saved: bool) -> None:
        """Tells why the training ended, and how it could go on."""
        saved = f"what came before is saved: {self._run.resume_command} --on_nan halve_lr"
        self._screen.say(f"stopped: {error}; {saved if is_saved else 'nothing is saved yet'}")

    def show(self, progress: Progress) -> None:
        """Tells the screen the score of the epoch so far, and the speed; called at every step."""
        if progress.done:
            speed = progress.done * self._data.per_batch / progress.seconds
            value = self._metric.told(progress.total / progress.count)
            self._screen.step(
                progress.step,
                f"epoch {progress.epoch + 1}/{self._config.epochs}",
                f"{self._metric.name} {value}  {speed:,.0f} {self._data.unit}/s",
            )

    def record(self, progress: Progress, learning_rate: float, valid: float) -> Record:
        """The epoch that has just ended; `valid` is the mean that its validation score is of.

        Scores and costs are means over the good steps, seconds those of the steps alone.
        """
        train = progress.total / progress.count
        return {
            "epoch": progress.epoch + 1,
            "step": progress.step,
            "learning_rate": learning_rate,
            "train": self._metric.of(train),
            "valid": self._metric.of(valid),
            "cost": progress.cost / progress.done,
            "gradient_norm": progress.norm / progress.done,
            self._rate: progress.done * self._data.per_batch / progress.seconds,
            "seconds": progress.seconds,
            **self._metric.behind(train=train, valid=valid),
        }

    def tell_epoch(self, records: Sequence[Record], is_best: bool) -> None:
        """Puts the last of the epochs on the screen and all of them into metrics.jsonl."""
        record = records[-1]
        self._screen.say(
            f"epoch {record['epoch']:2d}  lr {record['learning_rate']:.4g}  "
            f"train {self._told(record, 'train')}  valid {self._told(record, 'valid')}  "
            f"{record[self._rate]:,.0f} {self._data.unit}/s  {duration(record['seconds'])}"
            + ("  best" if is_best else "")
        )
        if self._diverges(record["valid"]):
            self._screen.say(
                "warning: the training diverges: this is far worse than to guess; a lower "
                "--learning_rate or a --max_grad_norm may help"
            )
        self._run.write_metrics(records)

    def _told(self, record: Record, split: str) -> str:
        """A score of an epoch for a person, with the mean behind it where it is infinite."""
        mean = record.get(f"{split}_{self._metric.unit}")
        return f"{record[split]:.5g}" if mean is None else self._metric.told(mean)

    def _diverges(self, valid: float) -> bool:
        """Whether a validation score is no number, or far from what guessing gives."""
        words = len(self._data.vocabulary)  # the perplexity where all are equally likely
        return not math.isfinite(valid) or bool(words and valid > FAR * words)

    def write_epoch_events(self, record: Record, histograms: bytes) -> None:
        """Puts an epoch into TensorBoard: its figures, and the histograms of the weights."""
        name = self._metric.name
        self.events.scalars(
            record["step"],
            {
                f"{name}/train": record["train"],
                f"{name}/valid": record["valid"],
                "training/learning_rate": record["learning_rate"],
                "training/cost": record["cost"],
                "training/gradient_norm": record["gradient_norm"],
                f"training/{self._rate}": record[self._rate],
            },
        )
        self.events.summary(record["step"], histograms)
        self.events.flush()

    def write_result(
        self,
        progress: Progress,
        means: Mapping[str, float],
        parameters: int,
        figures: Mapping[str, Any],
    ) -> Record:
        """Writes result.json, tells and returns it.

        means: those of the `test` and `test_last` scores. figures: the problem's own.
        """
        records, best = progress.records, progress.best_record or {}
        behind = {name: best[name] for name in (f"valid_{self._metric.unit}",) if name in best}
        seconds = sum(record["seconds"] for record in records)
        result = {
            "metric": self._metric.name,
            "valid": progress.best_score,
            **{name: self._metric.of(mean) for name, mean in means.items()},
            "best_epoch": progress.best_epoch,
            "epochs": progress.epoch,
            "seconds": progress.elapsed,
            "parameters": parameters,
            "data": {"name": self._data.name, "sha256": self._data.sha256},
            self._rate: sum(r[self._rate] * r["seconds"] for r in records) / seconds,
            **behind,
            **self._metric.behind(**means),
            **figures,
        }
        self._run.write_text(self._run.result, json.dumps(plain(result), indent=2) + "\n")
        self.events.scalars(progress.step, {f"{self._metric.name}/test": result["test"]})
        self.events.finished()
        self._tell_result(result, figures)
        return result

    def _tell_result(self, result: Record, figures: Mapping[str, Any]) -> None:
        path, name = self._run.path, self._metric.name
        self._screen.say(
            f"test {name} {self._told(result, 'test')}, of the best epoch, {result['best_epoch']} "
            f"(last epoch: {self._told(result, 'test_last')})\n"
            + "".join(_in_words(figure, value) for figure, value in figures.items())
            + f"{path}: result.json, curves.png; see it with: "
            f"tensorboard --logdir {shlex.quote(str(path.parent))}"
        )


def _in_words(name: str, value: Any) -> str:
    """A figure of the result as a line, or a line for each where there are several."""
    values = value if isinstance(value, list) else [value]
    shown = [f"{one:.5g}" if isinstance(one, float) else str(one) for one in values]
    return "".join(f"{name.replace('_', ' ')}: {one}\n" for one in shown)
