"""How far a training is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command import UserError


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

    def start_epoch(self) -> None:
        """Sets the epoch's sums to zero."""
        self.total = self.count = self.cost = self.norm = self.seconds = 0.0
        self.done = 0

    @classmethod
    def from_dict(cls, stored: dict[str, Any], origin: Path) -> Progress:
        """What `dataclasses.asdict` gave, of which nothing is believed. UserError if it is not."""
        example = dataclasses.asdict(cls(best_epoch=1, best_step=1, best_score=1.0))
        values: dict[str, Any] = {name: stored.get(name) for name in example}
        for name, value in values.items():
            unknown = value is None and name.startswith("best_")
            if not unknown and type(value) is not type(example[name]):
                raise UserError(
                    f"{origin} holds no progress of a training: {name} is {value!r:.40}"
                )
        for record in values["records"]:
            if not isinstance(record, dict) or not all(map(_is_number, record.values())):
                raise UserError(f"{origin} holds a record that is not of numbers")
        return cls(**values)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
