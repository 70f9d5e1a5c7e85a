"""`tf.contrib.crf`: linear-chain conditional random fields (Lafferty et al. 2001).

The score of tags y of a sequence of `length` steps is

    s(y) = sum over t < length of inputs[t, y_t]
           + sum over t < length - 1 of transition_params[y_t, y_t+1]

and its probability exp(s(y)) over the sum of exp(s) of all tag sequences. Sums over sequences go
along the steps (Rabiner 1989), in logarithms. Steps past a row's length count for nothing; a row
of length 0 has score 0 and log norm 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Tensor
from tf1rnn.unroll import dynamic_rnn

__all__ = [
    "CrfDecodeBackwardRnnCell",
    "CrfDecodeForwardRnnCell",
    "CrfForwardRnnCell",
    "crf_binary_score",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_norm",
    "crf_multitag_sequence_score",
    "crf_sequence_score",
    "crf_unary_score",
    "viterbi_decode",
]


def crf_sequence_score(
    inputs: Tensor, tag_indices: Tensor, sequence_lengths: Tensor, transition_params: Tensor
) -> Tensor:
    """The score s(y) of given tags, not normalized.

    Args:
      inputs: unary scores `[batch_size, num_steps, num_tags]`.
      tag_indices: int `[batch_size, num_steps]`; past a row's length they may be anything.
      sequence_lengths: int `[batch_size]`.
      transition_params: `[num_tags, num_tags]`, from the row's tag to the column's.

    Returns:
      `[batch_size]`.
    """
    unary = crf_unary_score(tag_indices, sequence_lengths, inputs)
    return unary + crf_binary_score(tag_indices, sequence_lengths, transition_params)


def crf_multitag_sequence_score(
    inputs: Tensor, tag_bitmap: Tensor, sequence_lengths: Tensor, transition_params: Tensor
) -> Tensor:
    """The logarithm of the sum of exp(s(y)) over all tags that a bitmap allows.

    Args:
      inputs, sequence_lengths, transition_params: as in `crf_sequence_score`.
      tag_bitmap: bool `[batch_size, num_steps, num_tags]`, true where a step may have a tag.

    Returns:
      `[batch_size]`.
    """
    inputs = tf.convert_to_tensor(inputs)
    forbidden = tf.fill(tf.shape(inputs), tf.cast(-np.inf, inputs.dtype))
    return crf_log_norm(
        tf.where(tag_bitmap, inputs, forbidden), sequence_lengths, transition_params
    )


def crf_log_norm(inputs: Tensor, sequence_lengths: Tensor, transition_params: Tensor) -> Tensor:
    """The logarithm of the sum of exp(s(y)) over all tags, by the forward algorithm.

    Args:
      inputs, sequence_lengths, transition_params: as in `crf_sequence_score`.

    Returns:
      `[batch_size]`.
    """
    inputs, lengths = map(tf.convert_to_tensor, (inputs, sequence_lengths))
    _, alphas = dynamic_rnn(
        CrfForwardRnnCell(transition_params),
        _later_steps(inputs),
        sequence_length=_later_lengths(lengths),
        initial_state=inputs[:, 0],
        dtype=inputs.dtype,
    )
    log_norm = tf.reduce_logsumexp(alphas, axis=1)
    return tf.where(lengths <= 0, tf.zeros_like(log_norm), log_norm)


def crf_log_likelihood(
    inputs: Tensor,
    tag_indices: Tensor,
    sequence_lengths: Tensor,
    transition_params: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The logarithm of the probability of given tags.

    Args:
      inputs, tag_indices, sequence_lengths: as in `crf_sequence_score`.
      transition_params: as there; None makes the variable `transitions` in the current scope.

    Returns:
      The log likelihood of each row, `[batch_size]`, in nats, and the transition scores.
    """
    inputs, tag_indices = map(tf.convert_to_tensor, (inputs, tag_indices))
    if transition_params is None:
        num_tags = tf.compat.dimension_value(inputs.shape[2])
        transition_params = tf.get_variable(
            "transitions", [num_tags, num_tags], dtype=inputs.dtype.base_dtype
        )
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def crf_unary_score(tag_indices: Tensor, sequence_lengths: Tensor, inputs: Tensor) -> Tensor:
    """The first sum of s(y): what the steps give for their tags.

    Args, Returns: as `crf_sequence_score`.
    """
    inputs, tags = map(tf.convert_to_tensor, (inputs, tag_indices))
    inside = _inside(sequence_lengths, tags)
    tags = tf.where(inside, tags, tf.zeros_like(tags))
    scores = tf.gather(inputs, tags, axis=2, batch_dims=2)
    return tf.reduce_sum(scores * tf.cast(inside, scores.dtype), axis=1)


def crf_binary_score(
    tag_indices: Tensor, sequence_lengths: Tensor, transition_params: Tensor
) -> Tensor:
    """The second sum of s(y): what the steps from tag to tag give.

    Args, Returns: as `crf_sequence_score`.
    """
    transitions, tags = map(tf.convert_to_tensor, (transition_params, tag_indices))
    inside = _inside(sequence_lengths, tags)
    tags = tf.where(inside, tags, tf.zeros_like(tags))
    pairs = tf.stack([tags[:, :-1], tags[:, 1:]], axis=2)
    scores = tf.gather_nd(transitions, pairs)
    return tf.reduce_sum(scores * tf.cast(inside[:, 1:], scores.dtype), axis=1)


def viterbi_decode(score: Any, transition_params: Any) -> tuple[list[Any], Any]:
    """The best tags of one sequence, in NumPy (Viterbi 1967).

    Args:
      score: array of unary scores `[num_steps, num_tags]`.
      transition_params: array `[num_tags, num_tags]`.

    Returns:
      `(tags, best)`: list of num_steps tags, and their score.
    """
    best = score[0]
    came_from = []
    for step in score[1:]:
        through = best[:, np.newaxis] + transition_params
        came_from.append(np.argmax(through, axis=0))
        best = step + np.max(through, axis=0)
    tags = [np.argmax(best)]
    for pointers in reversed(came_from):
        tags.append(pointers[tags[-1]])
    return tags[::-1], np.max(best)


def crf_decode(
    potentials: Tensor, transition_params: Tensor, sequence_length: Tensor
) -> tuple[Tensor, Tensor]:
    """The best tags of each row of a batch (Viterbi 1967).

    Args:
      potentials: unary scores `[batch_size, num_steps, num_tags]`.
      transition_params: `[num_tags, num_tags]`.
      sequence_length: int `[batch_size]`.

    Returns:
      `(tags, best)`: int32 `[batch_size, num_steps]`, zero past a row's length, and the tags'
      score `[batch_size]`. A row of length 0 has the best tag of its first step, and that score.
    """
    potentials, lengths = map(tf.convert_to_tensor, (potentials, sequence_length))
    later = _later_lengths(lengths)
    pointers, scores = dynamic_rnn(
        CrfDecodeForwardRnnCell(transition_params),
        _later_steps(potentials),
        sequence_length=later,
        initial_state=potentials[:, 0],
        dtype=tf.int32,
    )
    last_tag = tf.argmax(scores, axis=1, output_type=tf.int32)[:, tf.newaxis]
    tags, _ = dynamic_rnn(
        CrfDecodeBackwardRnnCell(tf.compat.dimension_value(potentials.shape[2])),
        tf.reverse_sequence(pointers, later, seq_axis=1, batch_axis=0),
        sequence_length=later,
        initial_state=last_tag,
        dtype=tf.int32,
    )
    tags = tf.concat([last_tag, tags[:, :-1, 0]], axis=1)
    tags = tf.reverse_sequence(tags, lengths, seq_axis=1, batch_axis=0)
    tags.set_shape(potentials.shape[:2])
    return tags, tf.reduce_max(scores, axis=1)


class _CrfCell(RNNCell):
    """A cell whose state has one number a tag, and which knows the transitions between tags."""

    def __init__(self, transition_params: Tensor) -> None:
        super().__init__()
        self._transition_params = tf.convert_to_tensor(transition_params)[tf.newaxis]
        self._num_tags = tf.compat.dimension_value(self._transition_params.shape[1])

    @property
    def state_size(self) -> int:
        """num_tags."""
        return self._num_tags

    @property
    def output_size(self) -> int:
        """num_tags."""
        return self._num_tags

    def _through(self, state: Tensor) -> Tensor:
        """The scores of going on from each tag (axis 1) to each next one (axis 2)."""
        return state[:, :, tf.newaxis] + self._transition_params


class CrfForwardRnnCell(_CrfCell):
    """A step of the forward algorithm.

    Its state and output is alpha `[batch_size, num_tags]`: for each tag, the logarithm of the sum
    of exp(score) over all tag sequences up to the step that end with it.

    Args:
      transition_params: `[num_tags, num_tags]`.
    """

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The step's unary scores `[batch_size, num_tags]` and alpha -> the next alpha, twice."""
        alphas = inputs + tf.reduce_logsumexp(self._through(state), axis=1)
        return alphas, alphas


class CrfDecodeForwardRnnCell(_CrfCell):
    """A step of Viterbi's algorithm.

    Its state is the best score `[batch_size, num_tags]` of the tag sequences up to the step that
    end with each tag; its output tells from which tag each of these came.

    Args:
      transition_params: `[num_tags, num_tags]`.
    """

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Unary scores and best scores -> tags int32 `[batch_size, num_tags]`, best scores."""
        through = self._through(state)
        came_from = tf.argmax(through, axis=1, output_type=tf.int32)
        return came_from, inputs + tf.reduce_max(through, axis=1)


class CrfDecodeBackwardRnnCell(RNNCell):
    """A step back along the best tags: its state and output is a tag, int32 `[batch_size, 1]`.

    Args:
      num_tags: how many tags there are.
    """

    def __init__(self, num_tags: int) -> None:
        super().__init__()
        self._num_tags = num_tags

    @property
    def state_size(self) -> int:
        """1."""
        return 1

    @property
    def output_size(self) -> int:
        """1."""
        return 1

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """What `CrfDecodeForwardRnnCell` put out, and a step's tag -> the tag before, twice."""
        tags = tf.gather(inputs, state, axis=1, batch_dims=1)
        return tags, tags


def _inside(sequence_lengths: Tensor, tags: Tensor) -> Tensor:
    """Bool `[batch_size, num_steps]`: which steps lie within their row's length."""
    return tf.sequence_mask(sequence_lengths, tf.shape(tags)[1])


def _later_lengths(lengths: Tensor) -> Tensor:
    """How many steps come after a row's first."""
    return tf.maximum(lengths - 1, 0)


def _later_steps(inputs: Tensor) -> Tensor:
    """The steps after the first, and one more, which lies within no row: there is always a step."""
    return tf.concat([inputs[:, 1:], tf.zeros_like(inputs[:, :1])], axis=1)


def _lengths_to_masks(lengths: Tensor, max_length: int | Tensor) -> Tensor:
    """The name up to 1.8 of a mask: float32 `[batch_size, max_length]`, 1 within each row."""
    return tf.sequence_mask(lengths, max_length, tf.float32)
