"""How far a training is: which epoch is the best, and how long none was better."""

import pytest

from training.metric import ACCURACY, PERPLEXITY
from training.progress import Progress


def after(metric, scores):
    """The progress after epochs of these validation scores, of ten steps each."""
    progress = Progress()
    for epoch, score in enumerate(scores, 1):
        progress.step = 10 * epoch
        progress.close_epoch({"epoch": epoch, "step": progress.step, "valid": score}, metric)
    return progress


@pytest.mark.parametrize(
    ("metric", "scores", "best", "since_better"),
    [
        (PERPLEXITY, [], None, 0),
        (PERPLEXITY, [9.0, 8.0, 8.5], 2, 1),
        (PERPLEXITY, [9.0, 8.0, 8.0], 2, 1),
        (ACCURACY, [0.5, 0.6, 0.55], 2, 1),
        (ACCURACY, [0.5, 0.6, 0.6, 0.6], 4, 2),  # the latest is kept, but it is no better
        (ACCURACY, [0.5, 0.6, 0.4, 0.6], 4, 2),
        (ACCURACY, [0.6, 0.6, 0.7], 3, 0),
    ],
)
def test_patience_counts_from_the_first_epoch_of_the_best_score(metric, scores, best, since_better):
    progress = after(metric, scores)
    assert progress.best_epoch == best
    assert progress.best_step == (best and 10 * best)
    assert progress.best_score == (best and scores[best - 1])
    assert progress.epochs_since_better == since_better
