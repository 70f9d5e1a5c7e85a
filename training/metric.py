"""The scores that are reported: of a training, its epochs and its runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A score: `of(mean)` of a model's score_sum over score_count."""

    name: str
    of: Callable[[float], float]
    lower_is_better: bool = True

    def better(self, score: float, than: float | None) -> bool:
        """Whether `score` is the better one; any number is better than none.

        Of equal accuracies the later one counts as better: they are steps of one example, and the
        network has learnt more.
        """
        if than is None:
            return not math.isnan(score)
        return score < than if self.lower_is_better else score >= than


def _perplexity(mean: float) -> float:
    return math.exp(mean) if mean < 700 else math.inf


PERPLEXITY = Metric("perplexity", _perplexity)
COST = Metric("cost", lambda mean: mean)
RMSE = Metric("rmse", math.sqrt)
ACCURACY = Metric("accuracy", lambda mean: mean, lower_is_better=False)

METRICS = {metric.name: metric for metric in (PERPLEXITY, COST, RMSE, ACCURACY)}
