"""Several language models as one: the mean of their probabilities, each adapting if wished."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from training.adaptation import WordOps, log_probs, walk
from training.adaptation_options import (
    CACHE_GRID,
    DYNAMIC_GRID,
    TEMPERATURE_GRID,
    Adaptation,
    Cache,
    Dynamic,
    Temperature,
)
from training.checkpoint import Checkpoint
from training.data import Reader
from training.errors import UserError
from training.run import Run


class Member(NamedTuple):
    """A language model of one row in its session.

    read: gives the minibatches of a stream of ids, int32 `[words]`, which are the segments that
        dynamic evaluation learns from.
    """

    session: tf.Session
    model: Any
    ops: WordOps
    read: Callable[[np.ndarray], Reader]


def require_one_vocabulary(runs: Sequence[Run]) -> list[str]:
    """The vocabulary of the runs, which are of texts. UserError where they have not one."""
    vocabularies = [run.read_vocabulary() for run in runs]
    first = vocabularies[0]
    for run, vocabulary in zip(runs, vocabularies, strict=True):
        if vocabulary is None or first is None:
            raise UserError(f"{run.path} has no vocabulary")
        if vocabulary != first:
            raise UserError(f"{run.path} has another vocabulary than {runs[0].path}")
    return first or []


def described(runs: Sequence[Run], checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    """What is written of the runs that are scored."""
    paths, names = [str(run.path) for run in runs], [one.path.name for one in checkpoints]
    if len(runs) == 1:
        return {"run": paths[0], "checkpoint": names[0]}
    return {"runs": paths, "checkpoints": names}


def log_mean(found: Sequence[np.ndarray]) -> np.ndarray:
    """The log of the mean of the probabilities whose logs are found, all of one shape."""
    with np.errstate(invalid="ignore"):  # NaN of weights that diverged
        return np.logaddexp.reduce(found) - math.log(len(found))


def mean_costs(
    members: Sequence[Member],
    ids: np.ndarray,
    dynamic: Dynamic | None,
    caches: Sequence[Cache | None],
    temperature: Temperature | None = None,
) -> list[float]:
    """The ensemble's mean cost of a word of the stream, in nats, for each of the caches.

    The ensemble is that of Zaremba et al. 2014 (arXiv 1409.2329).
    """
    found = []
    for session, model, ops, read in members:
        ops.set_temperature(session, temperature)
        segments = walk(session, model, ops, read(ids), dynamic)
        found.append(log_probs(segments, caches))
    return (-log_mean(found).mean(axis=1)).tolist()


def tune(
    members: Sequence[Member], ids: np.ndarray, adaptation: Adaptation
) -> tuple[float, Adaptation]:
    """The lowest mean cost on these words, and what adapts with the settings that give it.

    One after the other, each with what is found before: dynamic evaluation, temperature, cache.
    """
    mean, (dynamic, temperature, cache) = math.nan, adaptation
    if dynamic:
        means = [mean_costs(members, ids, one, [None])[0] for one in DYNAMIC_GRID]
        mean, dynamic = _best(means, DYNAMIC_GRID)
    if temperature:
        means = [mean_costs(members, ids, dynamic, [None], one)[0] for one in TEMPERATURE_GRID]
        mean, temperature = _best(means, TEMPERATURE_GRID)
    if cache:
        means = mean_costs(members, ids, dynamic, CACHE_GRID, temperature)
        mean, cache = _best(means, CACHE_GRID)
    return mean, Adaptation(dynamic, temperature, cache)


def _best(means: Sequence[float], grid: Sequence[Any]) -> tuple[float, Any]:
    """The lowest mean and its settings; NaN is higher than any other."""
    return min(zip(means, grid, strict=True), key=lambda one: (math.isnan(one[0]), one[0]))
