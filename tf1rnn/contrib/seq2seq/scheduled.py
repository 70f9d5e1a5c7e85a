"""Scheduled sampling: data with some inputs replaced by the decoder's own; Bengio et al. 2015.

(arXiv 1506.03099.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.helpers import TrainingHelper
from tf1rnn.contrib.seq2seq.sampling import (
    bernoulli_sample,
    categorical_sample,
    checked_tensor,
    embedding_function,
)
from tf1rnn.types import Nest, Tensor


def checked_probability(sampling_probability: float | Tensor) -> Tensor:
    """As a tensor. Raises ValueError unless it is a scalar or a vector."""
    probability = tf.convert_to_tensor(sampling_probability, name="sampling_probability")
    if probability.shape.rank not in (0, 1):
        raise ValueError(
            "sampling_probability must be either a scalar or a vector. "
            f"saw shape: {probability.shape}"
        )
    return probability


def _chosen_rows(probability: Tensor, batch_size: Tensor, seed: int | None) -> Tensor:
    """Bool `[batch_size]`, each True with its probability."""
    rows = tf.broadcast_to(probability, tf.stack([batch_size]))
    return bernoulli_sample(rows, dtype=tf.bool, seed=seed)


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Feeds data, and in rows drawn at each step the embedding of an id sampled from the outputs.

    The samples are -1 in the rows that get data.

    Args:
      inputs: `[batch_size, num_steps, depth]`.
      sequence_length: int `[batch_size]`.
      embedding: a function of ids to inputs, or what `tf.nn.embedding_lookup` takes.
      sampling_probability: scalar or `[batch_size]`, with which a row gets a sample.
      time_major: the inputs are `[num_steps, batch_size, depth]`.
      seed: of the samples.
      scheduling_seed: of the choice of rows.
      name: name of the scope of the ops.

    Raises:
      ValueError: `sampling_probability` has another rank.
    """

    def __init__(
        self,
        inputs: Tensor,
        sequence_length: Tensor,
        embedding: Any,
        sampling_probability: float | Tensor,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(inputs, sequence_length, time_major, name)
        self._embedding_fn = embedding_function(embedding)
        self._sampling_probability = checked_probability(sampling_probability)
        self._seed = seed
        self._scheduling_seed = scheduling_seed

    def sample(  # type: ignore[override]
        self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None
    ) -> Tensor:
        """Ids drawn by the softmax of the outputs, and -1 in the other rows."""
        with tf.name_scope(name, "ScheduledEmbeddingTrainingHelperSample"):
            ids = categorical_sample(checked_tensor(outputs), seed=self._seed)
            chosen = _chosen_rows(
                self._sampling_probability, self._batch_size, self._scheduling_seed
            )
            return tf.where(chosen, ids, tf.fill(tf.shape(ids), -1))

    def next_inputs(  # type: ignore[override]
        self,
        time: Tensor,
        outputs: Nest,
        state: Nest,
        sample_ids: Tensor,
        name: str | None = None,
    ) -> tuple[Tensor, Nest, Nest]:
        """Data of step `time + 1`, or the embeddings of the samples."""
        with tf.name_scope(name, "ScheduledEmbeddingTrainingHelperNextInputs"):
            finished, inputs, state = super().next_inputs(time, outputs, state)
            sampled = self._embedding_fn(tf.maximum(sample_ids, 0))
            mixed = tf.where(sample_ids > -1, sampled, inputs)
            mixed.set_shape(inputs.shape)
            return finished, mixed, state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """Feeds data, and in rows drawn at each step the decoder's outputs.

    The samples are 1 in the rows that get outputs, else 0.

    Args:
      inputs: `[batch_size, num_steps, depth]`.
      sequence_length: int `[batch_size]`.
      sampling_probability: scalar or `[batch_size]`, with which a row gets outputs.
      time_major: the inputs are `[num_steps, batch_size, depth]`.
      seed: of the choice of rows.
      next_inputs_fn: a function of outputs `[batch_size, output_size]` to inputs
        `[batch_size, depth]`; None takes the outputs themselves. Before TensorFlow 1.4 its name was
        `next_input_layer`, and so it is taken, too.
      auxiliary_inputs: `[batch_size, num_steps, depth_2]`, which are appended to inputs and
        outputs alike; or None.
      name: name of the scope of the ops.

    Raises:
      ValueError: `sampling_probability` has another rank.
    """

    def __init__(
        self,
        inputs: Tensor,
        sequence_length: Tensor,
        sampling_probability: float | Tensor,
        time_major: bool = False,
        seed: int | None = None,
        next_inputs_fn: Callable[[Tensor], Tensor] | None = None,
        auxiliary_inputs: Tensor | None = None,
        name: str | None = None,
        next_input_layer: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._sampling_probability = checked_probability(sampling_probability)
        self._seed = seed
        self._next_inputs_fn = next_inputs_fn or next_input_layer
        self._own_depth = tf.convert_to_tensor(inputs).shape.as_list()[-1]
        self._auxiliary = auxiliary_inputs is not None
        if self._auxiliary:
            inputs = tf.concat([inputs, auxiliary_inputs], -1)
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(  # type: ignore[override]
        self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None
    ) -> Tensor:
        """Ones in the rows that get outputs, int32 `[batch_size]`."""
        with tf.name_scope(name, "ScheduledOutputTrainingHelperSample"):
            chosen = _chosen_rows(self._sampling_probability, self._batch_size, self._seed)
            return tf.cast(chosen, tf.int32)

    def next_inputs(  # type: ignore[override]
        self,
        time: Tensor,
        outputs: Nest,
        state: Nest,
        sample_ids: Tensor,
        name: str | None = None,
    ) -> tuple[Tensor, Nest, Nest]:
        """Data of step `time + 1`, or outputs, each with its auxiliary inputs."""
        with tf.name_scope(name, "ScheduledOutputTrainingHelperNextInputs"):
            finished, inputs, state = super().next_inputs(time, outputs, state)
            sampled = outputs if self._next_inputs_fn is None else self._next_inputs_fn(outputs)
            if self._auxiliary:
                sampled = tf.concat([sampled, inputs[:, self._own_depth :]], -1)
            mixed = tf.where(tf.cast(sample_ids, tf.bool), sampled, inputs)
            mixed.set_shape(inputs.shape)
            return finished, mixed, state
