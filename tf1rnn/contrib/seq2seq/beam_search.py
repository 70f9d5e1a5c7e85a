"""A decoder that keeps the best few of all paths: beam search."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.beam_step import (
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
    _beam_search_step,
    get_attention_probs,
)
from tf1rnn.contrib.seq2seq.beams import (
    _check_batch_beam,
    _check_ndims,
    gather_tree,
    gather_tree_from_array,
    merge_beams,
    split_beams,
)
from tf1rnn.contrib.seq2seq.decoder import Decoder, check_output_layer, layer_output_size
from tf1rnn.contrib.seq2seq.sampling import checked_tokens, embedding_function
from tf1rnn.rnn_cell import assert_like_rnncell
from tf1rnn.types import Cell, Nest, Tensor


class FinalBeamSearchDecoderOutput(NamedTuple):
    """What `dynamic_decode` answers for a `BeamSearchDecoder`.

    `predicted_ids` `[batch_size, num_steps, beam_width]`, the paths, the best beam first;
    `beam_search_decoder_output`, what the steps put out, not sorted by paths.
    """

    predicted_ids: Tensor
    beam_search_decoder_output: BeamSearchDecoderOutput


class BeamSearchDecoder(Decoder):
    """Keeps at each step the `beam_width` best continuations of all beams.

    How they are scored says `tf1rnn.contrib.seq2seq.beam_step`. For an `AttentionWrapper` the
    memory, its lengths and the initial state are to be tiled by `tile_batch`.

    Args:
      cell: an RNN cell.
      embedding: a function of ids to inputs, or what `tf.nn.embedding_lookup` takes.
      start_tokens: int32 `[batch_size]`.
      end_token: int32 scalar; a beam that ends with it is finished.
      initial_state: nest of `[batch_size * beam_width, ...]`.
      beam_width: number of beams.
      output_layer: a layer of the cell's outputs to logits, with `compute_output_shape`; or None.
      length_penalty_weight: of the length in the score; 0 leaves it out.
      coverage_penalty_weight: of the coverage in the score; 0 leaves it out.
      reorder_tensor_arrays: whether TensorArrays of the cell's state, such as the alignment
        history, come out stacked and sorted by paths: step t of a path has what was written at t
        in the place that the path took at the end of that step.

    Raises:
      TypeError: `cell` is no cell or `output_layer` no layer.
      ValueError: `start_tokens` is no vector or `end_token` no scalar.
    """

    def __init__(
        self,
        cell: Cell,
        embedding: Any,
        start_tokens: Tensor,
        end_token: int | Tensor,
        initial_state: Nest,
        beam_width: int,
        output_layer: Any = None,
        length_penalty_weight: float | Tensor = 0.0,
        coverage_penalty_weight: float | Tensor = 0.0,
        reorder_tensor_arrays: bool = True,
    ) -> None:
        assert_like_rnncell("cell", cell)
        check_output_layer(output_layer)
        self._cell = cell
        self._output_layer = output_layer
        self._reorder_tensor_arrays = reorder_tensor_arrays
        self._embedding_fn = embedding_function(embedding)
        start_tokens, self._end_token = checked_tokens(start_tokens, end_token)
        self._batch_size = tf.size(start_tokens)
        self._beam_width = beam_width
        self._length_penalty_weight = length_penalty_weight
        self._coverage_penalty_weight = coverage_penalty_weight
        tf.nest.assert_same_structure(initial_state, cell.state_size, check_types=False)
        self._start_tokens = tf.tile(tf.expand_dims(start_tokens, 1), [1, beam_width])
        self._initial_cell_state = self._by_part(self._maybe_split_batch_beams, initial_state)
        self._start_inputs = self._embedding_fn(self._start_tokens)
        self._finished = tf.one_hot(
            tf.zeros([self._batch_size], tf.int32),
            depth=beam_width,
            on_value=False,
            off_value=True,
            dtype=tf.bool,
        )

    # Class attributes and a property, so that a subclass works without calling this __init__.
    _coverage_penalty_weight: float | Tensor = 0.0
    _reorder_tensor_arrays = True

    @property
    def _rows(self) -> int | None:
        """The batch size, where it is known."""
        return self._start_tokens.shape.as_list()[0]

    @property
    def batch_size(self) -> Tensor:
        """The batch size, a scalar int tensor."""
        return self._batch_size

    @property
    def tracks_own_finished(self) -> bool:
        """True: a beam that goes on may take the place of one that was finished."""
        return True

    def _rnn_output_size(self) -> Any:
        """The size of the scores without batch and beams."""
        return layer_output_size(self._cell, self._output_layer)

    @property
    def output_size(self) -> BeamSearchDecoderOutput:
        """`[beam_width]` for each of the three."""
        return BeamSearchDecoderOutput(*[tf.TensorShape([self._beam_width])] * 3)

    @property
    def output_dtype(self) -> BeamSearchDecoderOutput:
        """Scores of the dtype of the state's first tensor, and int32."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype.base_dtype
        scores = tf.nest.map_structure(lambda _: dtype, self._rnn_output_size())
        return BeamSearchDecoderOutput(scores, tf.int32, tf.int32)

    def initialize(self, name: str | None = None) -> tuple[Tensor, Nest, BeamSearchDecoderState]:
        """The start tokens in all beams, of which all but the first have probability 0."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype.base_dtype
        log_probs = tf.one_hot(
            tf.zeros([self._batch_size], tf.int32),
            depth=self._beam_width,
            on_value=tf.constant(0.0, dtype),
            off_value=tf.constant(float("-inf"), dtype),
            dtype=dtype,
        )
        attention = get_attention_probs(self._initial_cell_state, self._coverage_penalty_weight)
        state = BeamSearchDecoderState(
            cell_state=self._initial_cell_state,
            log_probs=log_probs,
            finished=self._finished,
            lengths=tf.zeros([self._batch_size, self._beam_width], tf.int64),
            accumulated_attention_probs=() if attention is None else attention,
        )
        return self._finished, self._start_inputs, state

    def step(
        self, time: Tensor, inputs: Nest, state: BeamSearchDecoderState, name: str | None = None
    ) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState, Nest, Tensor]:
        """One step of the cell for all beams, and the choice of the best."""
        with tf.name_scope(name, "BeamSearchDecoderStep"):
            outputs, cell_state = self._cell(
                tf.nest.map_structure(lambda t: self._merge_batch_beams(t, t.shape[2:]), inputs),
                self._by_part(self._maybe_merge_batch_beams, state.cell_state),
            )
            outputs = tf.nest.map_structure(
                lambda t: self._split_batch_beams(t, t.shape[1:]), outputs
            )
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            output, next_state = _beam_search_step(
                time=time,
                logits=outputs,
                next_cell_state=self._by_part(self._maybe_split_batch_beams, cell_state),
                beam_state=state,
                batch_size=self._batch_size,
                beam_width=self._beam_width,
                end_token=self._end_token,
                length_penalty_weight=self._length_penalty_weight,
                coverage_penalty_weight=self._coverage_penalty_weight,
            )
            next_inputs = tf.cond(
                tf.reduce_all(next_state.finished),
                lambda: self._start_inputs,  # they do not matter any more
                lambda: self._embedding_fn(output.predicted_ids),
            )
        return output, next_state, next_inputs, next_state.finished

    def finalize(
        self,
        outputs: BeamSearchDecoderOutput,
        final_state: BeamSearchDecoderState,
        sequence_lengths: Tensor,
    ) -> tuple[FinalBeamSearchDecoderOutput, BeamSearchDecoderState]:
        """The paths, read backwards from where each ends.

        Args:
          outputs: what the steps put out, `[num_steps, batch_size, beam_width]`.
          final_state: the last state.
          sequence_lengths: those of `dynamic_decode`, which follow no path and do not count here.
        """
        longest = tf.cast(tf.reduce_max(final_state.lengths, axis=1), tf.int32)
        paths = gather_tree(outputs.predicted_ids, outputs.parent_ids, longest, self._end_token)
        if self._reorder_tensor_arrays:
            cell_state = tf.nest.map_structure(
                lambda t: self._maybe_sort_array_beams(t, outputs.parent_ids, final_state.lengths),
                final_state.cell_state,
            )
            final_state = final_state._replace(cell_state=cell_state)
        return FinalBeamSearchDecoderOutput(paths, outputs), final_state

    # Subclasses call and override what follows: names and arguments are TensorFlow's. Each s is
    # the shape of t without batch and beams.

    def _by_part(self, function: Callable[[Any, Any], Any], state: Nest) -> Nest:
        """The function of each part of a cell's state and its size."""
        return tf.nest.map_structure(function, state, self._cell.state_size, check_types=False)

    def _split_batch_beams(self, t: Tensor, s: Any = None) -> Tensor:
        _check_ndims(t)
        split = split_beams(t, self._batch_size, self._rows, self._beam_width)
        return _with_size(split, 2, s)

    def _merge_batch_beams(self, t: Tensor, s: Any = None) -> Tensor:
        _check_ndims(t)
        merged = merge_beams(t, self._batch_size, self._rows, self._beam_width)
        return _with_size(merged, 1, s)

    def _maybe_split_batch_beams(self, t: Any, s: Any = None) -> Any:
        """A part of the cell's state by beams; arrays and scalars have none."""
        if isinstance(t, tf.TensorArray):
            return t
        t = tf.convert_to_tensor(t)
        return self._split_batch_beams(t, s) if _check_ndims(t) else t

    def _maybe_merge_batch_beams(self, t: Any, s: Any = None) -> Any:
        if isinstance(t, tf.TensorArray) or not _check_ndims(t):
            return t
        return self._merge_batch_beams(t, s)

    def _maybe_sort_array_beams(self, t: Any, parent_ids: Tensor, lengths: Tensor) -> Any:
        """An array of the cell's state stacked and sorted by paths, or as it is."""
        if not isinstance(t, tf.TensorArray):
            return t
        shape = tf.TensorShape(t.element_shape)
        if not shape.rank:
            warnings.warn(
                f"the TensorArray {t} in the cell state cannot be sorted by the paths of the beam "
                f"search: its elements must have a known shape of at least one axis, not {shape}"
            )
            return t
        if not _may_be_beams(shape, self._rows, self._beam_width):
            return t
        steps = t.stack()
        with tf.control_dependencies(
            [_check_batch_beam(steps, self._batch_size, self._beam_width)]
        ):
            return gather_tree_from_array(steps, parent_ids, lengths)


def _with_size(t: Tensor, axes: int, s: Any) -> Tensor:
    """A tensor whose shape behind some axes is s, where that is known."""
    if s is not None:
        s = tf.get_static_value(s) if tf.is_tensor(s) else s
        t.set_shape(t.shape[:axes].concatenate(tf.TensorShape(s)))
    return t


def _may_be_beams(shape: tf.TensorShape, batch_size: int | None, beam_width: int) -> bool:
    """Whether an array's elements may be `[batch_size, beam_width, ...]`, or merged."""
    sizes = shape.as_list()
    if batch_size is None or sizes[0] is None:
        return True
    if sizes[0] == batch_size * beam_width:
        return True
    apart = sizes[0] == batch_size and len(sizes) > 1 and sizes[1] in (None, beam_width)
    if not apart:
        warnings.warn(
            f"a TensorArray in the cell state is not sorted by the paths of the beam search: its "
            f"elements {shape} are neither [{batch_size}, {beam_width}, ...] nor merged"
        )
    return apart
