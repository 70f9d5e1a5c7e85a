"""Helpers: what a decoder takes for its next inputs, from data or from its own outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.sampling import (
    bernoulli_sample,
    categorical_sample,
    checked_tensor,
    checked_tokens,
    embedding_function,
)
from tf1rnn.types import DType, Nest, Shape, Tensor

__all__ = [
    "CustomHelper",
    "GreedyEmbeddingHelper",
    "Helper",
    "InferenceHelper",
    "SampleEmbeddingHelper",
    "TrainingHelper",
    "bernoulli_sample",
    "categorical_sample",
]


class Sampled:
    """What a decoder is told of samples, by a `Helper` or a `Sampler`."""

    @property
    def batch_size(self) -> Tensor:
        """The batch size, a scalar int tensor."""
        raise NotImplementedError("batch_size has not been implemented")

    @property
    def sample_ids_shape(self) -> Shape:
        """Shape of the samples without the batch."""
        raise NotImplementedError("sample_ids_shape has not been implemented")

    @property
    def sample_ids_dtype(self) -> DType:
        """Dtype of the samples."""
        raise NotImplementedError("sample_ids_dtype has not been implemented")


class Helper(Sampled):
    """The contract between a helper and `BasicDecoder`; a helper of one's own derives from it."""

    def initialize(self, name: str | None = None) -> tuple[Tensor, Nest]:
        """`(finished, first_inputs)`: bool `[batch_size]`, and a nest of `[batch_size, ...]`."""
        raise NotImplementedError("initialize has not been implemented")

    def sample(self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None) -> Tensor:
        """The samples `[batch_size, *sample_ids_shape]` for a step's outputs."""
        raise NotImplementedError("sample has not been implemented")

    def next_inputs(
        self,
        time: Tensor,
        outputs: Nest,
        state: Nest,
        sample_ids: Tensor,
        name: str | None = None,
    ) -> tuple[Tensor, Nest, Nest]:
        """`(finished, next_inputs, next_state)` after step `time`."""
        raise NotImplementedError("next_inputs has not been implemented")


class CustomHelper(Helper):
    """A helper made of three functions.

    Args:
      initialize_fn: as `Helper.initialize`, without arguments.
      sample_fn: a function `(time=, outputs=, state=)`, as `Helper.sample`.
      next_inputs_fn: a function `(time=, outputs=, state=, sample_ids=)`, as
        `Helper.next_inputs`.
      sample_ids_shape: shape of the samples without the batch, `[]` by default.
      sample_ids_dtype: dtype of the samples, `tf.int32` by default.
    """

    def __init__(
        self,
        initialize_fn: Callable[[], tuple[Tensor, Nest]],
        sample_fn: Callable[..., Tensor],
        next_inputs_fn: Callable[..., tuple[Tensor, Nest, Nest]],
        sample_ids_shape: Shape | None = None,
        sample_ids_dtype: DType | None = None,
    ) -> None:
        self._initialize_fn = initialize_fn
        self._sample_fn = sample_fn
        self._next_inputs_fn = next_inputs_fn
        self._batch_size: Tensor | None = None
        self._sample_ids_shape = tf.TensorShape(sample_ids_shape or [])
        self._sample_ids_dtype = sample_ids_dtype or tf.int32

    @property
    def batch_size(self) -> Tensor:
        """The batch size. Raises ValueError before `initialize`, which tells it."""
        if self._batch_size is None:
            raise ValueError("batch_size accessed before initialize was called")
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Shape:
        """Shape of the samples without the batch."""
        return self._sample_ids_shape

    @property
    def sample_ids_dtype(self) -> DType:
        """Dtype of the samples."""
        return self._sample_ids_dtype

    def initialize(self, name: str | None = None) -> tuple[Tensor, Nest]:
        """What `initialize_fn` gives."""
        with tf.name_scope(name, "CustomHelperInitialize"):
            finished, inputs = self._initialize_fn()
            if self._batch_size is None:
                self._batch_size = tf.size(finished)
        return finished, inputs

    def sample(self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None) -> Tensor:
        """What `sample_fn` gives."""
        with tf.name_scope(name, "CustomHelperSample"):
            return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(
        self,
        time: Tensor,
        outputs: Nest,
        state: Nest,
        sample_ids: Tensor,
        name: str | None = None,
    ) -> tuple[Tensor, Nest, Nest]:
        """What `next_inputs_fn` gives."""
        with tf.name_scope(name, "CustomHelperNextInputs"):
            return self._next_inputs_fn(
                time=time, outputs=outputs, state=state, sample_ids=sample_ids
            )


class IdsHelper(Helper):
    """A helper whose samples are one int32 a row, by default the largest output's."""

    _batch_size: Tensor

    @property
    def batch_size(self) -> Tensor:
        """The batch size, a scalar int tensor."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Shape:
        """`[]`: one id a row."""
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> DType:
        """`tf.int32`."""
        return tf.int32

    def sample(self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None) -> Tensor:
        """The ids of the largest outputs, int32 `[batch_size]`."""
        with tf.name_scope(name, f"{type(self).__name__}Sample"):
            return tf.argmax(outputs, axis=-1, output_type=tf.int32)


class TrainingHelper(IdsHelper):
    """Feeds data, whatever the decoder puts out: teacher forcing.

    Args:
      inputs: `[batch_size, num_steps, ...]`, or a nest of such tensors.
      sequence_length: int `[batch_size]`; a row is finished past it.
      time_major: the inputs are `[num_steps, batch_size, ...]`.
      name: name of the scope of the ops.

    Raises:
      ValueError: `sequence_length` is no vector.
    """

    def __init__(
        self,
        inputs: Nest,
        sequence_length: Tensor,
        time_major: bool = False,
        name: str | None = None,
    ) -> None:
        with tf.name_scope(name, type(self).__name__):
            self._sequence_length = tf.convert_to_tensor(sequence_length, name="sequence_length")
            if self._sequence_length.shape.rank != 1:
                raise ValueError(
                    "Expected sequence_length to be a vector, but received shape: "
                    f"{self._sequence_length.shape}"
                )
            inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
            self._inputs = inputs
            if not time_major:
                inputs = tf.nest.map_structure(_time_major, inputs)
            self._input_tas = tf.nest.map_structure(_unstack_ta, inputs)
            self._zero_inputs = tf.nest.map_structure(lambda x: tf.zeros_like(x[0]), inputs)
            self._batch_size = tf.size(self._sequence_length)

    @property
    def inputs(self) -> Nest:
        """The inputs that were given."""
        return self._inputs

    @property
    def sequence_length(self) -> Tensor:
        """The lengths that were given."""
        return self._sequence_length

    def initialize(self, name: str | None = None) -> tuple[Tensor, Nest]:
        """The first inputs; rows of length 0 are finished."""
        with tf.name_scope(name, "TrainingHelperInitialize"):
            return self._finished_and_inputs(tf.constant(0))

    def sample(  # type: ignore[override]
        self, time: Tensor, outputs: Nest, name: str | None = None, **unused: Any
    ) -> Tensor:
        """The ids of the largest outputs, int32 `[batch_size]`."""
        return super().sample(time, outputs, None, name)

    def next_inputs(  # type: ignore[override]
        self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None, **unused: Any
    ) -> tuple[Tensor, Nest, Nest]:
        """The inputs of step `time + 1`; zeros where all rows are finished."""
        with tf.name_scope(name, "TrainingHelperNextInputs"):
            return (*self._finished_and_inputs(time + 1), state)

    def _finished_and_inputs(self, time: Tensor) -> tuple[Tensor, Nest]:
        finished = tf.cast(time, self._sequence_length.dtype) >= self._sequence_length
        inputs = tf.cond(
            tf.reduce_all(finished),
            lambda: self._zero_inputs,
            lambda: tf.nest.map_structure(lambda array: array.read(time), self._input_tas),
        )
        tf.nest.map_structure(lambda x, zero: x.set_shape(zero.shape), inputs, self._zero_inputs)
        return finished, inputs


def _time_major(x: Tensor) -> Tensor:
    if x.shape.rank is None:
        raise ValueError("inputs must have a known rank, [batch_size, num_steps, ...]")
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])


def _unstack_ta(x: Tensor) -> tf.TensorArray:
    array = tf.TensorArray(
        x.dtype, size=tf.shape(x)[0], element_shape=x.shape[1:], clear_after_read=False
    )
    return array.unstack(x)


class GreedyEmbeddingHelper(IdsHelper):
    """Feeds the embeddings of the largest outputs' ids.

    Args:
      embedding: a function of ids to inputs, or what `tf.nn.embedding_lookup` takes.
      start_tokens: int32 `[batch_size]`, the ids of the first step.
      end_token: int32 scalar; a row that samples it is finished.

    Raises:
      ValueError: `start_tokens` is no vector or `end_token` no scalar.
    """

    def __init__(self, embedding: Any, start_tokens: Tensor, end_token: int | Tensor) -> None:
        self._embedding_fn = embedding_function(embedding)
        self._start_tokens, self._end_token = checked_tokens(start_tokens, end_token)
        self._batch_size = tf.size(self._start_tokens)
        self._start_inputs = self._embedding_fn(self._start_tokens)

    def initialize(self, name: str | None = None) -> tuple[Tensor, Nest]:
        """The embeddings of the start tokens; no row is finished."""
        return tf.fill([self._batch_size], False), self._start_inputs

    def sample(self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None) -> Tensor:
        """The ids of the largest outputs. Raises TypeError for a nest of outputs."""
        return super().sample(time, checked_tensor(outputs), state, name)

    def next_inputs(
        self,
        time: Tensor,
        outputs: Nest,
        state: Nest,
        sample_ids: Tensor,
        name: str | None = None,
    ) -> tuple[Tensor, Nest, Nest]:
        """The embeddings of the samples; rows that sampled the end token are finished."""
        finished = tf.equal(sample_ids, self._end_token)
        inputs = tf.cond(
            tf.reduce_all(finished),
            lambda: self._start_inputs,  # they do not matter any more
            lambda: self._embedding_fn(sample_ids),
        )
        return finished, inputs, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """Feeds the embeddings of ids that are drawn by the softmax of the outputs.

    Args:
      embedding, start_tokens, end_token: as in `GreedyEmbeddingHelper`.
      softmax_temperature: None, or a scalar by which the outputs are divided.
      seed: of the draws.
    """

    def __init__(
        self,
        embedding: Any,
        start_tokens: Tensor,
        end_token: int | Tensor,
        softmax_temperature: float | Tensor | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding, start_tokens, end_token)
        self._softmax_temperature = softmax_temperature
        self._seed = seed

    def sample(self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None) -> Tensor:
        """Ids drawn, int32 `[batch_size]`. Raises TypeError for a nest of outputs."""
        logits = checked_tensor(outputs)
        if self._softmax_temperature is not None:
            logits /= self._softmax_temperature
        return categorical_sample(logits, seed=self._seed)


class InferenceHelper(Helper):
    """Feeds what functions make of the decoder's own outputs.

    Args:
      sample_fn: a function of outputs to samples.
      sample_shape: shape of the samples without the batch.
      sample_dtype: dtype of the samples.
      start_inputs: `[batch_size, ...]`, the first inputs.
      end_fn: a function of samples to bool `[batch_size]`, whether a row is finished.
      next_inputs_fn: a function of samples to inputs; None feeds the samples themselves.
    """

    def __init__(
        self,
        sample_fn: Callable[[Nest], Tensor],
        sample_shape: Shape,
        sample_dtype: DType,
        start_inputs: Tensor,
        end_fn: Callable[[Tensor], Tensor],
        next_inputs_fn: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._sample_fn = sample_fn
        self._end_fn = end_fn
        self._sample_shape = tf.TensorShape(sample_shape)
        self._sample_dtype = sample_dtype
        self._next_inputs_fn = next_inputs_fn
        self._start_inputs = tf.convert_to_tensor(start_inputs, name="start_inputs")
        self._batch_size = tf.shape(self._start_inputs)[0]

    @property
    def batch_size(self) -> Tensor:
        """The batch size, a scalar int tensor."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Shape:
        """Shape of the samples without the batch."""
        return self._sample_shape

    @property
    def sample_ids_dtype(self) -> DType:
        """Dtype of the samples."""
        return self._sample_dtype

    def initialize(self, name: str | None = None) -> tuple[Tensor, Nest]:
        """The start inputs; no row is finished."""
        return tf.fill([self._batch_size], False), self._start_inputs

    def sample(self, time: Tensor, outputs: Nest, state: Nest, name: str | None = None) -> Tensor:
        """What `sample_fn` makes of the outputs."""
        return self._sample_fn(outputs)

    def next_inputs(
        self,
        time: Tensor,
        outputs: Nest,
        state: Nest,
        sample_ids: Tensor,
        name: str | None = None,
    ) -> tuple[Tensor, Nest, Nest]:
        """What `next_inputs_fn` and `end_fn` make of the samples."""
        inputs = sample_ids if self._next_inputs_fn is None else self._next_inputs_fn(sample_ids)
        return self._end_fn(sample_ids), inputs, state
