"""Samplers: helpers that get their tensors when decoding starts, from `BasicDecoderV2`.

What a helper takes at its construction, a sampler takes in `initialize`; the rest is the same.
TensorFlow 1.14 and 1.15 had them in `tf.contrib.seq2seq.python.ops.sampler`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.helpers import (
    CustomHelper,
    GreedyEmbeddingHelper,
    Helper,
    InferenceHelper,
    Sampled,
    SampleEmbeddingHelper,
    TrainingHelper,
)
from tf1rnn.contrib.seq2seq.scheduled import (
    ScheduledEmbeddingTrainingHelper,
    ScheduledOutputTrainingHelper,
    checked_probability,
)
from tf1rnn.types import DType, Nest, Shape, Tensor


class Sampler(Sampled):
    """The contract between a sampler and `BasicDecoderV2`; one of one's own derives from it.

    `initialize` takes the tensors, and as many more arguments as the sampler needs.
    """

    def initialize(self, inputs: Nest, **kwargs: Any) -> tuple[Tensor, Nest]:
        """`(finished, first_inputs)`: bool `[batch_size]`, and a nest of `[batch_size, ...]`."""
        raise NotImplementedError("initialize has not been implemented")

    def sample(self, time: Tensor, outputs: Nest, state: Nest) -> Tensor:
        """The samples `[batch_size, *sample_ids_shape]` for a step's outputs."""
        raise NotImplementedError("sample has not been implemented")

    def next_inputs(
        self, time: Tensor, outputs: Nest, state: Nest, sample_ids: Tensor
    ) -> tuple[Tensor, Nest, Nest]:
        """`(finished, next_inputs, next_state)` after step `time`."""
        raise NotImplementedError("next_inputs has not been implemented")


class _HelperSampler(Sampler):
    """A sampler that makes a helper of what `initialize` is given, and goes on as that."""

    _helper: Helper | None = None
    _sample_shape = tf.TensorShape([])
    _sample_dtype = tf.int32

    @property
    def batch_size(self) -> Tensor:
        """The batch size. Raises ValueError before `initialize`, which tells it."""
        return self._started().batch_size

    @property
    def sample_ids_shape(self) -> Shape:
        """Shape of the samples without the batch."""
        return self._sample_shape

    @property
    def sample_ids_dtype(self) -> DType:
        """Dtype of the samples."""
        return self._sample_dtype

    def sample(self, time: Tensor, outputs: Nest, state: Nest) -> Tensor:
        """The samples for a step's outputs."""
        return self._started().sample(time=time, outputs=outputs, state=state)

    def next_inputs(
        self, time: Tensor, outputs: Nest, state: Nest, sample_ids: Tensor
    ) -> tuple[Tensor, Nest, Nest]:
        """`(finished, next_inputs, next_state)` after step `time`."""
        return self._started().next_inputs(
            time=time, outputs=outputs, state=state, sample_ids=sample_ids
        )

    def _start(self, helper: Helper) -> tuple[Tensor, Nest]:
        self._helper = helper
        return helper.initialize()

    def _started(self) -> Helper:
        if self._helper is None:
            raise ValueError("batch_size accessed before initialize was called")
        return self._helper

    def _embedding(self, given: Any, embedding: Any) -> Any:
        """The function given to the sampler, or else the embedding given to `initialize`."""
        if given is None and embedding is None:
            raise ValueError(f"embedding is required for {type(self).__name__}")
        return embedding if given is None else given


def _checked_function(embedding_fn: Any) -> Any:
    """A function or None. Raises ValueError for what is neither."""
    if embedding_fn is not None and not callable(embedding_fn):
        raise ValueError(f"embedding_fn is expected to be callable, got {type(embedding_fn)}")
    return embedding_fn


class CustomSampler(_HelperSampler):
    """A sampler made of three functions.

    Args:
      initialize_fn: a function of what `initialize` is given to `(finished, first_inputs)`.
      sample_fn, next_inputs_fn, sample_ids_shape, sample_ids_dtype: as in `CustomHelper`.
    """

    def __init__(
        self,
        initialize_fn: Callable[..., tuple[Tensor, Nest]],
        sample_fn: Callable[..., Tensor],
        next_inputs_fn: Callable[..., tuple[Tensor, Nest, Nest]],
        sample_ids_shape: Shape | None = None,
        sample_ids_dtype: DType | None = None,
    ) -> None:
        self._initialize_fn = initialize_fn
        self._functions = (sample_fn, next_inputs_fn)
        self._sample_shape = tf.TensorShape(sample_ids_shape or [])
        self._sample_dtype = sample_ids_dtype or tf.int32

    def initialize(self, inputs: Nest, **kwargs: Any) -> tuple[Tensor, Nest]:
        """What `initialize_fn` gives."""
        started = self._initialize_fn(inputs, **kwargs)
        return self._start(CustomHelper(lambda: started, *self._functions))


class TrainingSampler(_HelperSampler):
    """Feeds data, whatever the decoder puts out: teacher forcing.

    Args:
      time_major: the inputs are `[num_steps, batch_size, ...]`.
    """

    def __init__(self, time_major: bool = False) -> None:
        self.time_major = time_major

    def initialize(
        self, inputs: Nest, sequence_length: Tensor | None = None, **kwargs: Any
    ) -> tuple[Tensor, Nest]:
        """The first inputs; rows of length 0 are finished.

        Args:
          inputs: `[batch_size, num_steps, ...]`, or a nest of such tensors.
          sequence_length: int `[batch_size]`.
          **kwargs: what a sampler with scheduled sampling takes.

        Raises:
          ValueError: there is no `sequence_length`, or it is no vector.
        """
        if sequence_length is None:
            raise ValueError(f"sequence_length is required for {type(self).__name__}")
        return self._start(self._make_helper(inputs, sequence_length, **kwargs))

    def _make_helper(self, inputs: Nest, sequence_length: Tensor) -> Helper:
        return TrainingHelper(inputs, sequence_length, self.time_major)


class ScheduledEmbeddingTrainingSampler(TrainingSampler):
    """Feeds data, and in rows drawn at each step the embedding of an id sampled from the outputs.

    `initialize` takes inputs, `sequence_length` and, without `embedding_fn`, an `embedding` for
    `tf.nn.embedding_lookup`. The samples are -1 in the rows that get data.

    Args:
      sampling_probability: scalar or `[batch_size]`, with which a row gets a sample.
      embedding_fn: a function of ids to inputs, or None.
      time_major: the inputs are `[num_steps, batch_size, depth]`.
      seed: of the samples.
      scheduling_seed: of the choice of rows.

    Raises:
      ValueError: `sampling_probability` has another rank, or `embedding_fn` is no function.
    """

    def __init__(
        self,
        sampling_probability: float | Tensor,
        embedding_fn: Callable[[Tensor], Tensor] | None = None,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
    ) -> None:
        super().__init__(time_major)
        self.embedding_fn = _checked_function(embedding_fn)
        self.sampling_probability = checked_probability(sampling_probability)
        self.seed = seed
        self.scheduling_seed = scheduling_seed

    def _make_helper(self, inputs: Nest, sequence_length: Tensor, embedding: Any = None) -> Helper:
        return ScheduledEmbeddingTrainingHelper(
            inputs,
            sequence_length,
            self._embedding(self.embedding_fn, embedding),
            self.sampling_probability,
            time_major=self.time_major,
            seed=self.seed,
            scheduling_seed=self.scheduling_seed,
        )


class ScheduledOutputTrainingSampler(TrainingSampler):
    """Feeds data, and in rows drawn at each step the decoder's outputs.

    `initialize` takes inputs, `sequence_length` and, if need be, `auxiliary_inputs`, which are
    appended to inputs and outputs alike. The samples are 1 in the rows that get outputs, else 0.

    Args:
      sampling_probability: scalar or `[batch_size]`, with which a row gets outputs.
      time_major: the inputs are `[num_steps, batch_size, depth]`.
      seed: of the choice of rows.
      next_inputs_fn: a function of outputs to inputs; None takes the outputs themselves.

    Raises:
      ValueError: `sampling_probability` has another rank.
    """

    def __init__(
        self,
        sampling_probability: float | Tensor,
        time_major: bool = False,
        seed: int | None = None,
        next_inputs_fn: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(time_major)
        self.sampling_probability = checked_probability(sampling_probability)
        self.seed = seed
        self.next_inputs_fn = next_inputs_fn

    def _make_helper(
        self, inputs: Nest, sequence_length: Tensor, auxiliary_inputs: Tensor | None = None
    ) -> Helper:
        return ScheduledOutputTrainingHelper(
            inputs,
            sequence_length,
            self.sampling_probability,
            time_major=self.time_major,
            seed=self.seed,
            next_inputs_fn=self.next_inputs_fn,
            auxiliary_inputs=auxiliary_inputs,
        )


class GreedyEmbeddingSampler(_HelperSampler):
    """Feeds the embeddings of the largest outputs' ids.

    Args:
      embedding_fn: a function of ids to inputs; None takes what `initialize` is given.

    Raises:
      ValueError: `embedding_fn` is no function.
    """

    def __init__(self, embedding_fn: Callable[[Tensor], Tensor] | None = None) -> None:
        self.embedding_fn = _checked_function(embedding_fn)

    def initialize(  # type: ignore[override]
        self,
        embedding: Any,
        start_tokens: Tensor | None = None,
        end_token: int | Tensor | None = None,
    ) -> tuple[Tensor, Nest]:
        """The embeddings of the start tokens; no row is finished.

        Args:
          embedding: what `tf.nn.embedding_lookup` takes; without meaning beside `embedding_fn`.
          start_tokens: int32 `[batch_size]`, the ids of the first step.
          end_token: int32 scalar; a row that samples it is finished.

        Raises:
          ValueError: `start_tokens` is no vector or `end_token` no scalar.
        """
        embedding = self._embedding(self.embedding_fn, embedding)
        return self._start(self._make_helper(embedding, start_tokens, end_token))

    def _make_helper(self, embedding: Any, start_tokens: Tensor, end_token: Any) -> Helper:
        return GreedyEmbeddingHelper(embedding, start_tokens, end_token)


class SampleEmbeddingSampler(GreedyEmbeddingSampler):
    """Feeds the embeddings of ids that are drawn by the softmax of the outputs.

    Args:
      embedding_fn: as in `GreedyEmbeddingSampler`.
      softmax_temperature: None, or a scalar by which the outputs are divided.
      seed: of the draws.
    """

    def __init__(
        self,
        embedding_fn: Callable[[Tensor], Tensor] | None = None,
        softmax_temperature: float | Tensor | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding_fn)
        self.softmax_temperature = softmax_temperature
        self.seed = seed

    def _make_helper(self, embedding: Any, start_tokens: Tensor, end_token: Any) -> Helper:
        return SampleEmbeddingHelper(
            embedding, start_tokens, end_token, self.softmax_temperature, self.seed
        )


class InferenceSampler(_HelperSampler):
    """Feeds what functions make of the decoder's own outputs; `initialize` takes the first inputs.

    Args:
      sample_fn, sample_shape, sample_dtype, end_fn, next_inputs_fn: as in `InferenceHelper`.
    """

    def __init__(
        self,
        sample_fn: Callable[[Nest], Tensor],
        sample_shape: Shape,
        sample_dtype: DType,
        end_fn: Callable[[Tensor], Tensor],
        next_inputs_fn: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.sample_fn = sample_fn
        self._sample_shape = tf.TensorShape(sample_shape)
        self._sample_dtype = sample_dtype
        self.end_fn = end_fn
        self.next_inputs_fn = next_inputs_fn

    def initialize(  # type: ignore[override]
        self, start_inputs: Tensor
    ) -> tuple[Tensor, Nest]:
        """The start inputs `[batch_size, ...]`; no row is finished."""
        return self._start(
            InferenceHelper(
                self.sample_fn,
                self._sample_shape,
                self._sample_dtype,
                start_inputs,
                self.end_fn,
                self.next_inputs_fn,
            )
        )
