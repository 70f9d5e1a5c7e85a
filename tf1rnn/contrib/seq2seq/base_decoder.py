"""Decoders that are called with their tensors, as the V2 classes of TensorFlow 1.14 and 1.15.

They were layers of Keras there; here they are plain objects, called in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.beam_search import BeamSearchDecoder, FinalBeamSearchDecoderOutput
from tf1rnn.contrib.seq2seq.beam_step import BeamSearchDecoderOutput, BeamSearchDecoderState
from tf1rnn.contrib.seq2seq.decoder import (
    BasicDecoderOutput,
    Decoder,
    basic_step,
    check_output_layer,
    dynamic_decode,
    layer_output_size,
)
from tf1rnn.contrib.seq2seq.samplers import Sampler
from tf1rnn.layer import snake_case
from tf1rnn.rnn_cell import assert_like_rnncell
from tf1rnn.types import Cell, DType, Nest, Sizes, Tensor


class BaseDecoder(Decoder):
    """A decoder that decodes when it is called.

    Args:
      output_time_major, impute_finished, maximum_iterations, parallel_iterations, swap_memory: as
        in `dynamic_decode`.
      name: name of the scope of the ops, that of the class by default.
      dtype: kept as `dtype`; the cell knows its own.
    """

    def __init__(
        self,
        output_time_major: bool = False,
        impute_finished: bool = False,
        maximum_iterations: int | Tensor | None = None,
        parallel_iterations: int = 32,
        swap_memory: bool = False,
        name: str | None = None,
        dtype: DType | None = None,
    ) -> None:
        self.output_time_major = output_time_major
        self.impute_finished = impute_finished
        self.maximum_iterations = maximum_iterations
        self.parallel_iterations = parallel_iterations
        self.swap_memory = swap_memory
        self.name = name or snake_case(type(self).__name__)
        self.dtype = dtype

    def __call__(
        self, inputs: Nest, initial_state: Nest = None, **kwargs: Any
    ) -> tuple[Nest, Nest, Tensor]:
        """Decodes; what `dynamic_decode` returns.

        Args:
          inputs, initial_state, **kwargs: what `initialize` takes.
        """
        with tf.name_scope(self.name):
            return dynamic_decode(
                self,
                output_time_major=self.output_time_major,
                impute_finished=self.impute_finished,
                maximum_iterations=self.maximum_iterations,
                parallel_iterations=self.parallel_iterations,
                swap_memory=self.swap_memory,
                decoder_init_input=inputs,
                decoder_init_kwargs={"initial_state": initial_state, **kwargs},
            )

    def initialize(  # type: ignore[override]
        self, inputs: Nest, initial_state: Nest = None, **kwargs: Any
    ) -> tuple[Tensor, Nest, Nest]:
        """`(finished, first_inputs, initial_state)`, finished bool `[batch_size]`."""
        raise NotImplementedError(f"{type(self).__name__} must define initialize")


class BasicDecoderV2(BaseDecoder):
    """A cell whose next inputs a sampler chooses; see `BasicDecoder`.

    It is called with the sampler's inputs, `initial_state`, and what else the sampler takes.

    Args:
      cell: an RNN cell.
      sampler: a `Sampler`.
      output_layer: a layer of the cell's outputs, with `compute_output_shape`; or None.
      **kwargs: as in `BaseDecoder`.

    Raises:
      TypeError: one of them is none.
    """

    def __init__(
        self, cell: Cell, sampler: Sampler, output_layer: Any = None, **kwargs: Any
    ) -> None:
        assert_like_rnncell("cell", cell)
        if not isinstance(sampler, Sampler):
            raise TypeError(f"sampler must be a Sampler, received: {sampler}")
        check_output_layer(output_layer)
        super().__init__(**kwargs)
        self.cell = cell
        self.sampler = sampler
        self.output_layer = output_layer
        self._state_dtype: DType | None = None

    @property
    def batch_size(self) -> Tensor:
        """The sampler's batch size."""
        return self.sampler.batch_size

    @property
    def output_size(self) -> BasicDecoderOutput:
        """Shapes of outputs and samples without the batch."""
        size = layer_output_size(self.cell, self.output_layer)
        return BasicDecoderOutput(size, self.sampler.sample_ids_shape)

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        """Outputs are of the dtype of the state's first tensor; samples as the sampler says."""
        size = layer_output_size(self.cell, self.output_layer)
        dtypes = tf.nest.map_structure(lambda _: self._state_dtype, size)
        return BasicDecoderOutput(dtypes, self.sampler.sample_ids_dtype)

    def initialize(  # type: ignore[override]
        self, inputs: Nest, initial_state: Nest = None, **kwargs: Any
    ) -> tuple[Tensor, Nest, Nest]:
        """The sampler's first inputs, and the initial state.

        Args:
          inputs, **kwargs: what the sampler's `initialize` takes.
          initial_state: the cell's state before the first step.
        """
        self._state_dtype = tf.nest.flatten(initial_state)[0].dtype.base_dtype
        return (*self.sampler.initialize(inputs, **kwargs), initial_state)

    def step(
        self, time: Tensor, inputs: Nest, state: Nest, name: str | None = None
    ) -> tuple[BasicDecoderOutput, Nest, Nest, Tensor]:
        """One step of the cell, a sample, and the next inputs."""
        return basic_step(self.cell, self.output_layer, self.sampler, time, inputs, state)


class BeamSearchDecoderV2(BaseDecoder):
    """Beam search; see `BeamSearchDecoder`.

    It is called with the embedding, `start_tokens`, `end_token` and `initial_state`.

    Args:
      cell, beam_width, output_layer, length_penalty_weight, coverage_penalty_weight,
      reorder_tensor_arrays: as in `BeamSearchDecoder`.
      embedding_fn: a function of ids to inputs; None takes the embedding of the call.
      **kwargs: as in `BaseDecoder`.

    Raises:
      TypeError: `cell` is no cell or `output_layer` no layer.
      ValueError: `embedding_fn` is no function.
    """

    _decoder: BeamSearchDecoder

    def __init__(
        self,
        cell: Cell,
        beam_width: int,
        embedding_fn: Callable[[Tensor], Tensor] | None = None,
        output_layer: Any = None,
        length_penalty_weight: float | Tensor = 0.0,
        coverage_penalty_weight: float | Tensor = 0.0,
        reorder_tensor_arrays: bool = True,
        **kwargs: Any,
    ) -> None:
        assert_like_rnncell("cell", cell)
        check_output_layer(output_layer)
        if embedding_fn is not None and not callable(embedding_fn):
            raise ValueError(f"embedding_fn is expected to be a callable, got {type(embedding_fn)}")
        super().__init__(**kwargs)
        self._cell = cell
        self._embedding_fn = embedding_fn
        self._options = {
            "beam_width": beam_width,
            "output_layer": output_layer,
            "length_penalty_weight": length_penalty_weight,
            "coverage_penalty_weight": coverage_penalty_weight,
            "reorder_tensor_arrays": reorder_tensor_arrays,
        }

    def __call__(  # type: ignore[override]
        self,
        embedding: Any,
        start_tokens: Tensor,
        end_token: int | Tensor,
        initial_state: Nest,
    ) -> tuple[Nest, Nest, Tensor]:
        """Decodes; what `dynamic_decode` returns.

        Args:
          embedding, start_tokens, end_token, initial_state: as in `initialize`.
        """
        return super().__call__(
            embedding, initial_state, start_tokens=start_tokens, end_token=end_token
        )

    def initialize(  # type: ignore[override]
        self,
        embedding: Any,
        start_tokens: Tensor,
        end_token: int | Tensor,
        initial_state: Nest,
    ) -> tuple[Tensor, Nest, BeamSearchDecoderState]:
        """The start tokens in all beams, of which all but the first have probability 0.

        Args:
          embedding: what `tf.nn.embedding_lookup` takes, or None beside `embedding_fn`.
          start_tokens: int32 `[batch_size]`.
          end_token: int32 scalar; a beam that ends with it is finished.
          initial_state: nest of `[batch_size * beam_width, ...]`.

        Raises:
          ValueError: not one of `embedding` and `embedding_fn`, `start_tokens` is no vector or
            `end_token` no scalar.
        """
        if (embedding is None) == (self._embedding_fn is None):
            raise ValueError("one of embedding and embedding_fn must be given, and not both")
        embedding = embedding if self._embedding_fn is None else self._embedding_fn
        self._decoder = BeamSearchDecoder(
            self._cell, embedding, start_tokens, end_token, initial_state, **self._options
        )
        return self._decoder.initialize()

    @property
    def batch_size(self) -> Tensor:
        """The batch size, a scalar int tensor."""
        return self._decoder.batch_size

    @property
    def output_size(self) -> Sizes:
        """`[beam_width]` for each of the three outputs."""
        return self._decoder.output_size

    @property
    def output_dtype(self) -> Nest:
        """Scores of the dtype of the state's first tensor, and int32."""
        return self._decoder.output_dtype

    @property
    def tracks_own_finished(self) -> bool:
        """True: a beam that goes on may take the place of one that was finished."""
        return True

    def step(
        self, time: Tensor, inputs: Nest, state: BeamSearchDecoderState, name: str | None = None
    ) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState, Nest, Tensor]:
        """One step of the cell for all beams, and the choice of the best."""
        return self._decoder.step(time, inputs, state, name)

    def finalize(
        self,
        outputs: BeamSearchDecoderOutput,
        final_state: BeamSearchDecoderState,
        sequence_lengths: Tensor,
    ) -> tuple[FinalBeamSearchDecoderOutput, BeamSearchDecoderState]:
        """The paths, read backwards from where each ends."""
        return self._decoder.finalize(outputs, final_state, sequence_lengths)
