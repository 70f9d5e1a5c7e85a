"""How far a training is, and what it was made with: the content of a checkpoint."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.command import UserError
from training.metric import Metric
from training.numbers import restored
from training.problem import Config


class NotFinite(Exception):
    """A cost, gradient or weight is NaN or infinite; the message says where."""


@dataclass
class Progress:
    """How far a training is: all that a checkpoint holds beside variables and state.

    step: minibatches consumed. total, count, cost, norm: sums of this epoch's score_sum,
    score_count, cost and gradient_norm, over `done` good steps that took `seconds`. lr_scale:
    what bad numbers left of the learning rate. elapsed: seconds of all processes so far.
    records: one mapping a finished epoch, the lines of metrics.jsonl.
    """

    step: int = 0
    total: float = 0.0
    count: float = 0.0
    cost: float = 0.0
    norm: float = 0.0
    seconds: float = 0.0
    done: int = 0
    lr_scale: float = 1.0
    elapsed: float = 0.0
    best_epoch: int | None = None
    best_step: int | None = None
    best_score: float | None = None
    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """The epoch under way, from 0."""
        return len(self.records)

    @property
    def epoch_start(self) -> int:
        """The step that the epoch under way began at."""
        return self.records[-1]["step"] if self.records else 0

    @property
    def best_record(self) -> dict[str, Any] | None:
        """The record of the best epoch so far."""
        return self.records[self.best_epoch - 1] if self.best_epoch else None

    @property
    def epochs_since_better(self) -> int:
        """Finished epochs after the first one that reached the best score."""
        best = self.best_record
        reached = [r["epoch"] for r in self.records if best and _standing(r) == _standing(best)]
        return self.epoch - (reached[0] if reached else 0)

    def add(self, sums: Mapping[str, Any]) -> None:
        """Counts a good step: `total`, `count`, `cost` and `norm` of its minibatch."""
        self.total += float(sums["total"])
        self.count += float(sums["count"])
        self.cost += float(sums["cost"])
        self.norm += float(sums["norm"])
        self.done += 1

    def close_epoch(self, record: dict[str, Any], metric: Metric) -> bool:
        """Keeps a finished epoch's record and sets the sums to zero; whether it is the best."""
        is_best = _is_better(record, self.best_record, metric)
        self.records.append(record)
        if is_best:
            self.best_score, self.best_step = record["valid"], self.step
            self.best_epoch = self.epoch
        self.total = self.count = self.cost = self.norm = self.seconds = 0.0
        self.done = 0
        return is_best

    @classmethod
    def from_dict(cls, stored: dict[str, Any], origin: Path) -> Progress:
        """What `dataclasses.asdict` gave, of which nothing is believed. UserError if it is not."""
        example = dataclasses.asdict(cls(best_epoch=1, best_step=1, best_score=1.0))
        stored = restored(stored)
        values: dict[str, Any] = {name: stored.get(name) for name in example}
        if "cost" not in stored:  # which earlier versions did not keep
            values["cost"] = math.nan if values["done"] else 0.0
        for name, value in values.items():
            unknown = value is None and name.startswith("best_")
            if not unknown and type(value) is not type(example[name]):
                raise UserError(
                    f"{origin} holds no progress of a training: {name} is {value!r:.40}"
                )
        progress = cls(**values)
        if flaw := progress._flaw():
            raise UserError(f"{origin} holds no progress of a training: {flaw}")
        for record in progress.records:
            record.setdefault("cost", math.nan)
        return progress

    def _flaw(self) -> str:
        """What shows that no training has come to this; empty where nothing does."""
        for number, record in enumerate(self.records, 1):
            if not isinstance(record, dict) or not record.keys() >= _RECORD:
                return f"record {number} lacks figures"
            if not all(map(_is_number, record.values())) or not record["seconds"] > 0:
                return f"record {number} is not of numbers"
            if record["epoch"] != number or type(record["step"]) is not int:
                return f"record {number} is of another epoch"
        sums = (self.total, self.count, self.norm, self.seconds, self.elapsed)
        if not all(map(math.isfinite, sums)) or not 0 <= self.lr_scale <= 1:
            return "a sum is not finite"
        made = self.step - self.epoch_start
        if not 0 <= self.done <= made < 1 << 53 or (made and not self.seconds > 0):
            return "the steps cannot be"
        if self.done and not self.count > 0:
            return "nothing was counted"
        best = (self.best_epoch, self.best_step, self.best_score)
        found = [(r["epoch"], r["step"], r["valid"]) for r in self.records]
        return "" if best == (None, None, None) or best in found else "the best epoch is no record"


# The figures of an epoch that every training has.
_RECORD = {"epoch", "step", "learning_rate", "train", "valid", "gradient_norm", "seconds"}


def _standing(record: Mapping[str, Any]) -> tuple[float, float]:
    """The score, and where that is infinite the mean behind it."""
    return record["valid"], record.get("valid_nats", math.inf)


def _is_better(record: Mapping[str, Any], best: Mapping[str, Any] | None, metric: Metric) -> bool:
    if best is not None and record["valid"] == best["valid"] == math.inf:
        return _standing(record) < _standing(best)
    return metric.better(record["valid"], None if best is None else best["valid"])


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 1 << 53)


# What a resumed run may change: where the data lie, whose hash is compared, and when it ends.
_FREE = {"data_path", "epochs"}


def made_with(config: Config, vocabulary: Sequence[str]) -> dict[str, Any]:
    """What a checkpoint says of its making, beside the hash of the data."""
    free = _FREE if config.decay == "epochs" else _FREE - {"epochs"}
    fields = dataclasses.asdict(config).items()
    return {
        "config": {name: value for name, value in fields if name not in free},
        "vocabulary": hashlib.sha256("\n".join(vocabulary).encode()).hexdigest(),
    }


def difference(then: Any, now: dict[str, Any], before: Mapping[str, Any]) -> str:
    """In what `then`, from a checkpoint, differs from `now`: "data", "config (hidden_size)".

    before: what the fields mean that an earlier version did not have.
    """
    then = then if isinstance(then, dict) else {}
    config = then.get("config")
    config = config if isinstance(config, dict) else {}
    meant = {**before, **config}
    fields = [name for name, value in now["config"].items() if meant.get(name) != value]
    if fields and config:
        return f"config ({', '.join(fields)})"
    others = [name for name, value in now.items() if name != "config" and then.get(name) != value]
    return " and ".join(["config"] * bool(fields) + others)
