"""Walks a model through minibatches: the state is carried, the score is summed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from model import Model
from problems import Metric
from reader import Minibatch, Reader


class Stepper:
    """Runs a model's minibatches in order, each fed the final state of the one before.

    state: nest of NumPy arrays; the state that the next minibatch starts from.
    """

    def __init__(self, session: tf.Session, model: Model, fetches: Any):
        self._inputs = list(model.inputs)
        self._zero = session.run(model.initial_state) if model.initial_state != () else ()
        self.state = self._zero
        self._feeds = [*model.inputs.values(), *tf.nest.flatten(model.initial_state)]
        self._call = session.make_callable([fetches, model.final_state], feed_list=self._feeds)

    def __call__(self, minibatch: Minibatch) -> Any:
        """The fetched values of one step; the state goes on unless the step fails."""
        values, self.state = self._call(*self.feed(minibatch))
        return values

    def feed(self, minibatch: Minibatch) -> list[np.ndarray]:
        """What the step is fed: the inputs, then the state's parts."""
        state = self._zero if minibatch.fresh else self.state
        arrays = [minibatch.arrays[name] for name in self._inputs]
        return arrays + tf.nest.flatten(state)

    def feed_dict(self, minibatch: Minibatch) -> dict[tf.Tensor, np.ndarray]:
        """What the step is fed, by placeholder: for a look at other tensors beside the step."""
        return dict(zip(self._feeds, self.feed(minibatch), strict=True))


def predict(session: tf.Session, model: Model, reader: Reader) -> dict[str, np.ndarray]:
    """The arrays of the reader's whole split and the model's `predictions`, by name.

    The minibatches are put together along the first axis.
    """
    step = Stepper(session, model, model.predictions)
    parts: dict[str, list[np.ndarray]] = {}
    for minibatch in itertools.islice(reader.batches(), len(reader)):
        for name, array in {**minibatch.arrays, "predictions": step(minibatch)}.items():
            parts.setdefault(name, []).append(array)
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def score(
    session: tf.Session,
    model: Model,
    reader: Reader,
    metric: Metric,
    on_step: Callable[[], None] = lambda: None,
) -> float:
    """The metric over one walk through the reader's whole split."""
    step = Stepper(session, model, (model.score_sum, model.score_count))
    total = count = 0.0
    for minibatch in itertools.islice(reader.batches(), len(reader)):
        on_step()
        one_sum, one_count = step(minibatch)
        total += float(one_sum)
        count += float(one_count)
    return metric.of(total / count)
