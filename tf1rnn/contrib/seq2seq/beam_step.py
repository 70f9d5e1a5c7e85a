"""One step of beam search, and by what score beams are chosen; Wu et al. 2016 (arXiv 1609.08144).

    score = log P(path) / ((5 + length) / 6)^length_penalty_weight
            + coverage_penalty_weight * sum over the memory of log min(1, attention in all steps)

The coverage counts for finished paths only, from the step after their end token on, and for no
entry that was never attended to, such as those past a memory's length. The length counts the end
token from the step after it on, too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.attention_wrapper import AttentionWrapperState
from tf1rnn.contrib.seq2seq.beams import _check_ndims, rows_of_beams
from tf1rnn.contrib.seq2seq.memory import size_of_axis
from tf1rnn.types import Dimension, Nest, Tensor


class BeamSearchDecoderState(NamedTuple):
    """The state of a `BeamSearchDecoder`.

    `cell_state` is a nest of `[batch_size, beam_width, ...]`; `log_probs`, `finished` (bool) and
    `lengths` (int64, with the end token) are `[batch_size, beam_width]`, and
    `accumulated_attention_probs` `[batch_size, beam_width, max_time]`, or `()` without coverage.
    """

    cell_state: Nest
    log_probs: Tensor
    finished: Tensor
    lengths: Tensor
    accumulated_attention_probs: Nest = ()


class BeamSearchDecoderOutput(NamedTuple):
    """What a step puts out, each `[batch_size, beam_width]`.

    `scores` of the beams, `predicted_ids` (int32), and `parent_ids` (int32), the beam of the step
    before that each goes on with.
    """

    scores: Tensor
    predicted_ids: Tensor
    parent_ids: Tensor


def _beam_search_step(
    time: Tensor,
    logits: Tensor,
    next_cell_state: Nest,
    beam_state: BeamSearchDecoderState,
    batch_size: Dimension,
    beam_width: int,
    end_token: int | Tensor,
    length_penalty_weight: float | Tensor,
    coverage_penalty_weight: float | Tensor = 0.0,
) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState]:
    """Goes on with the `beam_width` best of all beams and ids.

    Args:
      time: the step, which changes nothing: at the first one all beams but one have probability 0.
      logits: `[batch_size, beam_width, vocab_size]`.
      next_cell_state: the cell's state, of the beams as they were.
      beam_state: the state before the step.
      batch_size: as the logits tell it, too.
      beam_width, end_token: of the decoder.
      length_penalty_weight, coverage_penalty_weight: as in `BeamSearchDecoder`.

    Returns:
      `(output, next_state)`.
    """
    going_on = tf.logical_not(beam_state.finished)
    step_log_probs = _mask_probs(tf.nn.log_softmax(logits), end_token, beam_state.finished)
    log_probs = tf.expand_dims(beam_state.log_probs, 2) + step_log_probs
    vocab_size = size_of_axis(logits, -1)
    no_end = tf.one_hot(end_token, vocab_size, on_value=0, off_value=1, dtype=tf.int64)
    added = tf.cast(going_on, tf.int64)
    lengths = tf.cast(beam_state.lengths, tf.int64)
    attention = _accumulated_attention(next_cell_state, beam_state, coverage_penalty_weight)
    scores = _get_scores(
        log_probs,
        tf.expand_dims(lengths, 2) + tf.expand_dims(added, 2) * no_end,
        length_penalty_weight,
        coverage_penalty_weight,
        beam_state.finished,
        attention,
    )
    best, places = tf.math.top_k(_joined_beams(scores), k=beam_width)
    word_ids = tf.mod(places, vocab_size, name="next_beam_word_ids")
    parents = tf.identity(places // vocab_size, name="next_beam_parent_ids")
    ended = tf.logical_or(
        rows_of_beams(beam_state.finished, parents),
        tf.equal(word_ids, end_token),
        name="next_beam_finished",
    )
    next_state = BeamSearchDecoderState(
        cell_state=tf.nest.map_structure(
            lambda x: x if _has_no_beams(x) else rows_of_beams(x, parents), next_cell_state
        ),
        log_probs=rows_of_beams(_joined_beams(log_probs), places),
        finished=ended,
        lengths=rows_of_beams(lengths + added, parents),
        accumulated_attention_probs=() if attention is None else rows_of_beams(attention, parents),
    )
    return BeamSearchDecoderOutput(best, word_ids, parents), next_state


def _joined_beams(x: Tensor) -> Tensor:
    """`[batch_size, beam_width, vocab_size]` -> `[batch_size, beam_width * vocab_size]`."""
    joined = tf.reshape(x, [size_of_axis(x, 0), -1])
    joined.set_shape([x.shape.as_list()[0], None])
    return joined


def _has_no_beams(x: Any) -> bool:
    """Whether a part of the cell's state is no `[batch_size, beam_width, ...]`."""
    return isinstance(x, tf.TensorArray) or _check_ndims(x) < 2


def _mask_probs(probs: Tensor, eos_token: int | Tensor, finished: Tensor) -> Tensor:
    """Log probabilities with which a finished beam goes on with the end token alone.

    Args:
      probs: `[batch_size, beam_width, vocab_size]`.
      eos_token: the end token.
      finished: bool `[batch_size, beam_width]`.
    """
    only_end = tf.one_hot(
        eos_token,
        size_of_axis(probs, 2),
        on_value=tf.zeros([], probs.dtype),
        off_value=probs.dtype.min,
        dtype=probs.dtype,
    )
    mask = tf.logical_and(tf.expand_dims(finished, 2), tf.fill(tf.shape(probs), True))
    return tf.where(mask, tf.broadcast_to(only_end, tf.shape(probs)), probs)


def get_attention_probs(
    next_cell_state: Nest, coverage_penalty_weight: float | Tensor
) -> Tensor | None:
    """The alignments of a cell's state, averaged over mechanisms and layers.

    Args:
      next_cell_state: an `AttentionWrapperState`, or a tuple with some, `[batch_size, beam_width,
        ...]`.
      coverage_penalty_weight: of the coverage.

    Returns:
      `[batch_size, beam_width, max_time]`, or None where the weight is 0.

    Raises:
      ValueError: there are none, and the weight is not 0.
    """
    if not tf.is_tensor(coverage_penalty_weight) and coverage_penalty_weight == 0.0:
        return None
    if isinstance(next_cell_state, AttentionWrapperState):
        states: list[Any] = [next_cell_state]
    else:
        parts = next_cell_state if isinstance(next_cell_state, tuple) else ()
        states = [one for one in parts if isinstance(one, AttentionWrapperState)]
    if not states:
        raise ValueError("coverage_penalty_weight must be 0.0 if no cell is attentional.")
    return _mean([attention_probs_from_attn_state(state) for state in states])


def attention_probs_from_attn_state(attention_state: AttentionWrapperState) -> Tensor:
    """The alignments of one state, averaged over the mechanisms."""
    alignments = attention_state.alignments
    return _mean(alignments) if isinstance(alignments, tuple) else alignments


def _mean(tensors: Any) -> Tensor:
    return tensors[0] if len(tensors) == 1 else tf.reduce_mean(tf.stack(tensors, -1), -1)


def _accumulated_attention(
    next_cell_state: Nest, beam_state: BeamSearchDecoderState, coverage_penalty_weight: Any
) -> Tensor | None:
    """The attention of all steps in which a beam was not finished; None without coverage."""
    probs = get_attention_probs(next_cell_state, coverage_penalty_weight)
    if probs is None:
        return None
    going_on = tf.cast(tf.logical_not(beam_state.finished), probs.dtype)
    return beam_state.accumulated_attention_probs + probs * tf.expand_dims(going_on, 2)


def _get_scores(
    log_probs: Tensor,
    sequence_lengths: Tensor,
    length_penalty_weight: float | Tensor,
    coverage_penalty_weight: float | Tensor = 0.0,  # which 1.10 knew nothing of
    finished: Tensor | None = None,
    accumulated_attention_probs: Tensor | None = None,
) -> Tensor:
    """The score of each beam with each id.

    Args:
      log_probs, sequence_lengths: `[batch_size, beam_width, vocab_size]`.
      length_penalty_weight, coverage_penalty_weight: scalars.
      finished: bool `[batch_size, beam_width]`, or None where there is no coverage.
      accumulated_attention_probs: `[batch_size, beam_width, max_time]`, or None.

    Returns:
      `[batch_size, beam_width, vocab_size]`.

    Raises:
      ValueError: a weight is no scalar, or there is no attention to go with it.
    """
    penalty = _length_penalty(sequence_lengths, length_penalty_weight)
    scores = log_probs / tf.cast(penalty, log_probs.dtype)
    weight = tf.convert_to_tensor(coverage_penalty_weight, name="coverage_penalty_weight")
    if weight.shape.rank != 0:
        raise ValueError(
            f"coverage_penalty_weight should be a scalar, but saw shape: {weight.shape}"
        )
    if tf.get_static_value(weight) == 0.0:
        return scores
    if accumulated_attention_probs is None or finished is None:
        raise ValueError(
            "accumulated_attention_probs can be None only if coverage penalty is disabled."
        )
    seen = accumulated_attention_probs
    seen = tf.where(tf.equal(seen, 0.0), tf.ones_like(seen), tf.minimum(seen, 1.0))
    coverage = tf.reduce_sum(tf.log(seen), 2) * tf.cast(finished, seen.dtype)
    return scores + tf.cast(tf.expand_dims(coverage, 2), scores.dtype) * tf.cast(
        weight, scores.dtype
    )


def _length_penalty(sequence_lengths: Tensor, penalty_factor: float | Tensor) -> Any:
    """((5 + length) / 6)^penalty_factor; 1.0 where the factor is known to be 0."""
    factor = tf.convert_to_tensor(penalty_factor, name="penalty_factor")
    factor.set_shape(())
    if tf.get_static_value(factor) == 0:
        return 1.0
    return ((5.0 + tf.cast(sequence_lengths, factor.dtype)) / 6.0) ** factor
