"""What every reader gives: minibatches of three splits, and what is said of them.

A reader is an endless, deterministic walk over a data set: `batches(start)` yields minibatch
number `start`, `start + 1`, ... of the whole training, so the number of steps made is all that a
resumed run needs to know of its place in the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from training.command import UserError

PIECE = 500  # steps that an evaluation walks at once: so many logits fit a cache


class DataError(UserError):
    """Data that cannot be used; one line says which and why."""


class Minibatch(NamedTuple):
    """What one step is fed.

    arrays: the model's inputs by name.
    fresh: the state starts from zero here; else it is the final state of the minibatch before.
    """

    arrays: dict[str, np.ndarray]
    fresh: bool


class Reader(Protocol):
    """Minibatches of one split; `len()` is their number in one epoch."""

    def __len__(self) -> int:
        """Minibatches in one epoch."""
        ...

    def batches(self, start: int = 0) -> Iterator[Minibatch]:
        """Minibatches number `start`, `start + 1`, ... without an end."""
        ...


@dataclass(frozen=True)
class Data:
    """The three splits of a data set, and what is said of them.

    name: where they come from. sha256: hash of all that the readers draw on.
    facts: one line for the screen. unit: what a step's speed is counted in, with `per_batch` of
    them in a training minibatch. vocabulary: the words in the order of their ids, for texts.
    note: what else a person should know, or nothing. warnings: a line for each flaw. floor: the
    lowest validation score that any model can be expected to reach, where that is known.
    """

    name: str
    sha256: str
    facts: str
    train: Reader
    valid: Reader
    test: Reader
    unit: str
    per_batch: int
    vocabulary: Sequence[str] = field(default=(), repr=False)
    note: str = ""
    warnings: Sequence[str] = ()
    floor: float | None = None


def hash_text(text: str) -> str:
    """SHA-256, in hex: of the numbers a curve is computed from, as its last digits may vary."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_arrays(*arrays: np.ndarray) -> str:
    """SHA-256, in hex, of the arrays' contents one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
