"""With which state the windows of a batch begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator.spec import ModeKeys
from tf1rnn.contrib.timeseries.keys import PredictionFeatures, TrainEvalFeatures
from tf1rnn.contrib.timeseries.model import ModelOutputs
from tf1rnn.types import Nest, Tensor


class PassthroughStateManager:
    """Windows begin with the model's start state, or with one among the features."""

    def initialize_graph(self, model: Any, input_statistics: Any = None) -> None:
        """Makes what is needed in the default graph."""
        self._input_statistics = input_statistics

    def define_loss(self, model: Any, features: Mapping[str, Any], mode: str) -> ModelOutputs:
        """The model's loss of a batch, and what it gives with it."""
        return model.get_batch_loss(features, mode, self._start(model, features))

    def _start(self, model: Any, features: Mapping[str, Any]) -> Nest:
        if PredictionFeatures.STATE_TUPLE in features:
            return features[PredictionFeatures.STATE_TUPLE]
        rows = tf.shape(features[TrainEvalFeatures.TIMES])[0]
        return replicate_state(model.get_start_state(), rows)


class ChainingStateManager(PassthroughStateManager):
    """In training, windows begin with the state that an earlier step had found for their start.

    States are kept for each `state_saving_interval`th time. A window whose start is none of them,
    counted from the start of the series, begins with that of the last one before it.

    Args:
      state_saving_interval: how many times lie between two that states are kept of.
      checkpoint_state: taken and not used: states are kept as long as the session.
    """

    def __init__(self, state_saving_interval: int = 20, checkpoint_state: bool = False) -> None:
        self._interval = state_saving_interval

    def initialize_graph(self, model: Any, input_statistics: Any = None) -> None:
        """Makes the tables of states."""
        super().initialize_graph(model, input_statistics)
        self._tables = tf.nest.map_structure(
            lambda x: tf.lookup.experimental.MutableHashTable(tf.int64, x.dtype, x),
            tf.nest.map_structure(tf.convert_to_tensor, model.get_start_state()),
        )

    def define_loss(self, model: Any, features: Mapping[str, Any], mode: str) -> ModelOutputs:
        """The model's loss, from a state that is kept while training."""
        if mode != ModeKeys.TRAIN:
            return super().define_loss(model, features, mode)
        times = tf.cast(features[TrainEvalFeatures.TIMES], tf.int64)
        chunks = self._chunk(times[:, 0])
        start = tf.nest.map_structure(lambda table: table.lookup(chunks), self._tables)
        loss, states, outputs = model.per_step_batch_loss(features, mode, start)
        with tf.control_dependencies([self._kept(times, states)]):
            loss = tf.identity(loss)
        last = tf.nest.map_structure(lambda x: x[:, -1], states)
        return ModelOutputs(loss, last, outputs, features[TrainEvalFeatures.TIMES])

    def _chunk(self, times: Tensor) -> Tensor:
        return (times - self._input_statistics.start_time) // self._interval

    def _kept(self, times: Tensor, states: Nest) -> tf.Operation:
        """Keeps the states after which a chunk begins."""
        chosen = tf.where(self._chunk(times + 1) > self._chunk(times))
        chunks = self._chunk(tf.gather_nd(times, chosen) + 1)
        flat = zip(tf.nest.flatten(self._tables), tf.nest.flatten(states), strict=True)
        return tf.group(*[table.insert(chunks, tf.gather_nd(x, chosen)) for table, x in flat])


def replicate_state(start_state: Nest, batch_size: Tensor) -> Nest:
    """A state for each row of a batch."""

    def rows(part: Any) -> Tensor:
        part = tf.convert_to_tensor(part)
        ones = tf.ones([tf.rank(part)], tf.int32)
        return tf.tile(part[tf.newaxis], tf.concat([[batch_size], ones], 0))

    return tf.nest.map_structure(rows, start_state)
