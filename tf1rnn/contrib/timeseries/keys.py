"""The names of features and of results."""

from __future__ import annotations


class _Times:
    TIMES = "times"


class _State:
    STATE_TUPLE = "start_tuple"


class TrainEvalFeatures(_Times):
    """What is trained and evaluated on: int64 times `[batch_size, num_steps]`, and values."""

    VALUES = "values"


class PredictionFeatures(_Times, _State):
    """What predictions begin with: times that are asked for, and a state."""


class FilteringResults(_Times, _State):
    """What an evaluation gives beside what the model does: its times and its final state."""


class PredictionResults(_Times):
    """What a prediction gives beside what the model does: the times that were asked for."""
