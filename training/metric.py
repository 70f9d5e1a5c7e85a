"""The scores that are reported: of a training, its epochs and its runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A score: `of(mean)` of a model's score_sum over score_count.

    unit: of the mean, where it can be finite and the score is not.
    """

    name: str
    of: Callable[[float], float]
    lower_is_better: bool = True
    unit: str = ""

    def behind(self, **means: float) -> dict[str, float]:
        """The means of the scores that are not finite: `{"valid_nats": 31016.2}`."""
        return {
            f"{name}_{self.unit}": mean
            for name, mean in means.items()
            if self.unit and math.isfinite(mean) and not math.isfinite(self.of(mean))
        }

    def told(self, mean: float) -> str:
        """The score for a person: `106.43`, or `inf (31016 nats)`."""
        behind = "".join(f" ({value:.5g} {self.unit})" for value in self.behind(_=mean).values())
        return f"{self.of(mean):.5g}{behind}"

    def better(self, score: float, than: float | None) -> bool:
        """Whether `score` is the better one; any number is better than none.

        Of equal accuracies the later one counts as better: they are steps of one example, and the
        network has learnt more.
        """
        if than is None:
            return not math.isnan(score)
        return score < than if self.lower_is_better else score >= than


def _perplexity(mean: float) -> float:
    return math.inf if mean >= 700 else math.exp(mean)


PERPLEXITY = Metric("perplexity", _perplexity, unit="nats")
COST = Metric("cost", lambda mean: mean)
RMSE = Metric("rmse", math.sqrt)
ACCURACY = Metric("accuracy", lambda mean: mean, lower_is_better=False)

METRICS = {metric.name: metric for metric in (PERPLEXITY, COST, RMSE, ACCURACY)}
