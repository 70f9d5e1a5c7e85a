"""Decoders: what produces one output a step until all rows are finished, and the loop around it."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.helpers import Helper
from tf1rnn.loops import outer_gradient_overrides
from tf1rnn.nests import shape_of_size, shape_with_batch, where_rows
from tf1rnn.rnn_cell import assert_like_rnncell, time_step
from tf1rnn.types import Cell, Dimension, Nest, Scope, Sizes, Tensor


class Decoder:
    """The contract between a decoder and `dynamic_decode`; a decoder of one's own derives from it.

    Properties `batch_size` (a scalar int tensor), `output_size` and `output_dtype` (nests of one
    structure: shapes of a step's outputs without the batch, and their dtypes).
    """

    @property
    def batch_size(self) -> Tensor:
        """The batch size, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define batch_size")

    @property
    def output_size(self) -> Sizes:
        """Shapes of a step's outputs without the batch, a nest."""
        raise NotImplementedError(f"{type(self).__name__} must define output_size")

    @property
    def output_dtype(self) -> Nest:
        """Dtypes of a step's outputs, a nest like `output_size`."""
        raise NotImplementedError(f"{type(self).__name__} must define output_dtype")

    @property
    def tracks_own_finished(self) -> bool:
        """Whether a row may be unfinished again, as where beams trade places.

        Where it is False, `dynamic_decode` takes a row that was finished once for finished.
        """
        return False

    def initialize(self, name: str | None = None) -> tuple[Tensor, Nest, Nest]:
        """`(finished, first_inputs, initial_state)`, finished bool `[batch_size]`."""
        raise NotImplementedError(f"{type(self).__name__} must define initialize")

    def step(
        self, time: Tensor, inputs: Nest, state: Nest, name: str | None = None
    ) -> tuple[Nest, Nest, Nest, Tensor]:
        """One step of decoding.

        Args:
          time: int32 scalar, counted from 0.
          inputs, state: what `initialize` or the step before gave.
          name: name of the scope of the ops.

        Returns:
          `(outputs, next_state, next_inputs, finished)`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define step")

    def finalize(
        self, outputs: Nest, final_state: Nest, sequence_lengths: Tensor
    ) -> tuple[Nest, Nest]:
        """What becomes of the outputs `[num_steps, batch_size, ...]` and the state at the end.

        Without an own one (NotImplementedError) they stay as they are.
        """
        raise NotImplementedError(f"{type(self).__name__} has no finalize")


class BasicDecoderOutput(NamedTuple):
    """What `BasicDecoder` puts out: the cell's (or layer's) outputs, and the sampled ids."""

    rnn_output: Nest
    sample_id: Nest


class BasicDecoder(Decoder):
    """A cell whose next inputs a helper chooses.

        outputs, cell_state = cell(inputs, state)
        outputs = output_layer(outputs)
        sample_ids = helper.sample(time, outputs, cell_state)
        finished, inputs, state = helper.next_inputs(time, outputs, cell_state, sample_ids)

    Args:
      cell: an RNN cell.
      helper: a `Helper`.
      initial_state: the cell's state before the first step.
      output_layer: a layer of the cell's outputs, with `compute_output_shape`; or None.

    Raises:
      TypeError: one of them is none.
    """

    def __init__(
        self, cell: Cell, helper: Helper, initial_state: Nest, output_layer: Any = None
    ) -> None:
        assert_like_rnncell("cell", cell)
        if not isinstance(helper, Helper):
            raise TypeError(f"helper must be a Helper, received: {type(helper)}")
        check_output_layer(output_layer)
        self._cell = cell
        self._helper = helper
        self._initial_state = initial_state
        self._output_layer = output_layer

    @property
    def batch_size(self) -> Tensor:
        """The helper's batch size."""
        return self._helper.batch_size

    def _rnn_output_size(self) -> Sizes:
        """The size of the outputs without the batch; subclasses call and override it."""
        return layer_output_size(self._cell, self._output_layer)

    @property
    def output_size(self) -> BasicDecoderOutput:
        """Shapes of outputs and samples without the batch."""
        return BasicDecoderOutput(
            rnn_output=self._rnn_output_size(),
            sample_id=self._helper.sample_ids_shape,
        )

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        """Outputs are of the dtype of the state's first tensor; samples as the helper says."""
        dtype = tf.nest.flatten(self._initial_state)[0].dtype.base_dtype
        return BasicDecoderOutput(
            rnn_output=tf.nest.map_structure(lambda _: dtype, self._rnn_output_size()),
            sample_id=self._helper.sample_ids_dtype,
        )

    def initialize(self, name: str | None = None) -> tuple[Tensor, Nest, Nest]:
        """The helper's first inputs, and the initial state."""
        return (*self._helper.initialize(), self._initial_state)

    def step(
        self, time: Tensor, inputs: Nest, state: Nest, name: str | None = None
    ) -> tuple[BasicDecoderOutput, Nest, Nest, Tensor]:
        """One step of the cell, a sample, and the next inputs."""
        with tf.name_scope(name, "BasicDecoderStep"):
            return basic_step(self._cell, self._output_layer, self._helper, time, inputs, state)


def basic_step(
    cell: Cell, output_layer: Any, helper: Any, time: Tensor, inputs: Nest, state: Nest
) -> tuple[BasicDecoderOutput, Nest, Nest, Tensor]:
    """One step of a cell and what follows it; `helper` is a `Helper` or a `Sampler`."""
    outputs, cell_state = cell(inputs, state)
    if output_layer is not None:
        outputs = output_layer(outputs)
    sample_ids = helper.sample(time=time, outputs=outputs, state=cell_state)
    finished, next_inputs, next_state = helper.next_inputs(
        time=time, outputs=outputs, state=cell_state, sample_ids=sample_ids
    )
    return BasicDecoderOutput(outputs, sample_ids), next_state, next_inputs, finished


def check_output_layer(layer: Any) -> None:
    """Raises TypeError unless it is None or a layer that knows the shape of its outputs."""
    if layer is not None and not (callable(layer) and hasattr(layer, "compute_output_shape")):
        raise TypeError(f"output_layer must be a Layer, received: {type(layer)}")


def layer_output_size(cell: Cell, output_layer: Any) -> Sizes:
    """Size of a cell's outputs behind a layer, which may be None, without the batch."""
    size = cell.output_size
    if output_layer is None:
        return size

    def behind(one: Sizes) -> Sizes:
        shape = tf.TensorShape([None]).concatenate(shape_of_size(one))
        return tf.TensorShape(output_layer.compute_output_shape(shape))[1:]

    return tf.nest.map_structure(behind, size)


def dynamic_decode(
    decoder: Decoder,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: int | Tensor | None = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Scope = None,
    *,
    decoder_init_input: Nest = None,
    decoder_init_kwargs: dict[str, Any] | None = None,
) -> tuple[Nest, Nest, Tensor]:
    """Runs a decoder in a loop of the graph until all rows are finished.

        finished, inputs, state = decoder.initialize()
        while not all(finished):
            outputs[time], state, inputs, now_finished = decoder.step(time, inputs, state)
            sequence_lengths[not finished] = time + 1
            finished = finished or now_finished
        return decoder.finalize(outputs, state, sequence_lengths)

    Args:
      decoder: a `Decoder`.
      output_time_major: outputs are `[num_steps, batch_size, ...]`, which saves a transpose.
      impute_finished: finished rows put out zeros and keep their state.
      maximum_iterations: None, or the number of steps after which it ends anyway.
      parallel_iterations, swap_memory: as in `tf.while_loop`.
      scope: variable scope or its name, "decoder" by default.
      decoder_init_input, decoder_init_kwargs: what a `BaseDecoder` is initialized with, the second
        by name.

    Returns:
      `(final_outputs, final_state, final_sequence_lengths)`: what `decoder.finalize` gave, the
      outputs `[batch_size, num_steps, ...]`; and int32 `[batch_size]`.

    Raises:
      TypeError: `decoder` is no decoder.
      ValueError: `maximum_iterations` is no scalar, or a nest changes its structure.
    """
    if not isinstance(decoder, Decoder):
        raise TypeError(f"Expected decoder to be type Decoder, but saw: {type(decoder)}")
    with tf.variable_scope(scope, "decoder"):
        limit = _scalar(maximum_iterations)
        given = () if decoder_init_kwargs is None else (decoder_init_input,)
        finished, inputs, state = decoder.initialize(*given, **(decoder_init_kwargs or {}))
        finished = tf.convert_to_tensor(finished)
        step = _Step(decoder, impute_finished)
        _, arrays, state, _, _, lengths = tf.while_loop(
            lambda time, arrays, state, inputs, finished, lengths: tf.logical_not(
                tf.reduce_all(finished)
            ),
            step,
            (
                tf.constant(0, name="time"),
                step.empty_arrays(),
                state,
                inputs,
                finished,
                tf.zeros_like(finished, tf.int32),
            ),
            maximum_iterations=limit,
            parallel_iterations=parallel_iterations,
            swap_memory=swap_memory,
        )
        outputs = step.stacked(arrays)
        with contextlib.suppress(NotImplementedError):
            outputs, state = decoder.finalize(outputs, state, lengths)
        if not output_time_major:
            outputs = tf.nest.map_structure(_batch_major, outputs)
    return outputs, state, lengths


def _scalar(maximum_iterations: int | Tensor | None) -> Tensor | None:
    """As an int32 tensor, or None. Raises ValueError unless it is a scalar."""
    if maximum_iterations is None:
        return None
    limit = tf.convert_to_tensor(maximum_iterations, tf.int32, name="maximum_iterations")
    if limit.shape.rank != 0:
        raise ValueError("maximum_iterations must be a scalar")
    return limit


class _Step:
    """The body of `dynamic_decode`'s loop, and the arrays that it writes to."""

    def __init__(self, decoder: Decoder, impute_finished: bool) -> None:
        self._decoder = decoder
        self._impute_finished = impute_finished
        self._sizes = decoder.output_size
        self._dtypes = tf.nest.flatten(decoder.output_dtype)
        self._batch_size = tf.convert_to_tensor(decoder.batch_size, tf.int32, name="batch_size")
        self._shapes = [self._shape(size) for size in tf.nest.flatten(self._sizes)]

    def _shape(self, size: Sizes) -> tf.TensorShape:
        rows = tf.get_static_value(self._batch_size)
        return tf.TensorShape([rows]).concatenate(shape_of_size(size))

    def empty_arrays(self) -> list[tf.TensorArray]:
        """One array for each output."""
        return [
            tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=_declared(shape))
            for dtype, shape in zip(self._dtypes, self._shapes, strict=True)
        ]

    def __call__(
        self,
        time: Tensor,
        arrays: list[tf.TensorArray],
        state: Nest,
        inputs: Nest,
        finished: Tensor,
        lengths: Tensor,
    ) -> tuple[Any, ...]:
        with time_step(time), outer_gradient_overrides():
            outputs, next_state, next_inputs, now_finished = self._decoder.step(time, inputs, state)
        tf.nest.assert_same_structure(self._sizes, outputs)
        tf.nest.assert_same_structure((state, inputs), (next_state, next_inputs))
        flat = [tf.convert_to_tensor(x) for x in tf.nest.flatten(outputs)]
        self._shapes = [x.shape for x in flat]
        if self._impute_finished:
            dtypes = self._decoder.output_dtype
            zeros = _create_zero_outputs(self._sizes, dtypes, self._batch_size)
            flat = where_rows(finished, tf.nest.flatten(zeros), flat)
            next_state = where_rows(finished, state, next_state)
        if not self._decoder.tracks_own_finished:
            now_finished = tf.logical_or(now_finished, finished)
        return (
            time + 1,
            [array.write(time, x) for array, x in zip(arrays, flat, strict=True)],
            next_state,
            next_inputs,
            now_finished,
            tf.where(finished, lengths, tf.fill(tf.shape(lengths), time + 1)),
        )

    def stacked(self, arrays: list[tf.TensorArray]) -> Nest:
        """The outputs `[num_steps, batch_size, ...]`, nested as a step's."""
        outputs = [array.stack() for array in arrays]
        for x, shape in zip(outputs, self._shapes, strict=True):
            x.set_shape(tf.TensorShape([None]).concatenate(shape))
        return tf.nest.pack_sequence_as(self._sizes, outputs)


def _create_zero_outputs(size: Sizes, dtype: Nest, batch_size: Dimension) -> Nest:
    """Zeros of each part of an output, `[batch_size, *size]`; by its name in TensorFlow 1."""
    return tf.nest.map_structure(
        lambda one, dtype: tf.zeros(shape_with_batch(batch_size, one), dtype), size, dtype
    )


def _declared(shape: tf.TensorShape) -> tf.TensorShape | None:
    """The element shape of an output's array.

    TensorFlow 1 holds no output to the shape `[]` that most helpers declare of their samples. An
    array of today's control flow needs a shape, to be stacked where it is empty.
    """
    return None if shape.rank == 1 and not tf.control_flow_v2_enabled() else shape


def _batch_major(x: Tensor) -> Tensor:
    if isinstance(x, tf.TensorArray) or x.shape.rank is None or x.shape.rank < 2:
        return x
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])
