"""A model's step as a function of a minibatch and a state, and whole splits walked by it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from training.data import Minibatch, Reader
from training.problem import Model
from training.progress import NotFinite

State = Any  # nest of NumPy arrays, in the structure of the model's initial_state


class Step:
    """`step(minibatch, initial_state) -> (values of the fetches, final_state)`.

    zero_state: the model's initial state as it is where nothing is fed.
    """

    def __init__(self, session: tf.Session, model: Model, fetches: Any):
        self._inputs = list(model.inputs)
        self.zero_state: State = ()
        if model.initial_state != ():
            self.zero_state = session.run(model.initial_state)
        self._feeds = [*model.inputs.values(), *tf.nest.flatten(model.initial_state)]
        self._call = session.make_callable([fetches, model.final_state], feed_list=self._feeds)

    def __call__(self, minibatch: Minibatch, initial_state: State) -> tuple[Any, State]:
        """One `session.run` of the fetches, the minibatch and the state fed.

        Raises:
            NotFinite: a number that the model checks is not; the step has changed nothing.
        """
        try:
            return self._call(*self._values(minibatch, initial_state))
        except tf.errors.InvalidArgumentError as error:
            if "Tensor had" not in error.message:
                raise
            raise NotFinite(error.message.splitlines()[0]) from None

    def feed_dict(self, minibatch: Minibatch, initial_state: State) -> dict[tf.Tensor, np.ndarray]:
        """What the step is fed, by placeholder: for a look at other tensors beside the step."""
        return dict(zip(self._feeds, self._values(minibatch, initial_state), strict=True))

    def walk(self, reader: Reader) -> Any:
        """Each minibatch of the reader's split and the values of its step, the state carried."""
        final_state = self.zero_state
        for minibatch in itertools.islice(reader.batches(), len(reader)):
            initial_state = self.zero_state if minibatch.fresh else final_state
            values, final_state = self(minibatch, initial_state)
            yield minibatch, values

    def _values(self, minibatch: Minibatch, initial_state: State) -> list[np.ndarray]:
        arrays = [minibatch.arrays[name] for name in self._inputs]
        return arrays + tf.nest.flatten(initial_state)


def predict(session: tf.Session, model: Model, reader: Reader) -> dict[str, np.ndarray]:
    """The arrays of the reader's whole split and the model's `predictions`, by name.

    The minibatches are put together along the first axis.
    """
    parts: dict[str, list[np.ndarray]] = {}
    for minibatch, predictions in Step(session, model, model.predictions).walk(reader):
        for name, array in {**minibatch.arrays, "predictions": predictions}.items():
            parts.setdefault(name, []).append(array)
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def mean_score(
    session: tf.Session,
    model: Model,
    reader: Reader,
    on_step: Callable[[], None] = lambda: None,
) -> float:
    """score_sum over score_count of one walk through the reader's whole split."""
    total = count = 0.0
    for _, sums in Step(session, model, (model.score_sum, model.score_count)).walk(reader):
        on_step()
        total += float(sums[0])
        count += float(sums[1])
    return total / count
