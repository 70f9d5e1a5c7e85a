"""The likeliest sequences of a model that is fed its own words: beam search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.types import Nest, Tensor

_NEVER = float("-inf")


class Beams(NamedTuple):
    """What `beam_search` finds, the best sequence of each row first.

    ids: int32 `[batch_size, beam_width, num_steps]`; behind a sequence's end stands `end`.
    lengths: int32 `[batch_size, beam_width]`, the end counted.
    log_probs: float64 `[batch_size, beam_width]`, in nats; -inf where there are fewer sequences
      than beams.
    """

    ids: Tensor
    lengths: Tensor
    log_probs: Tensor


def beam_search(
    step: Callable[[Tensor, Nest], tuple[Tensor, Nest]],
    initial_state: Nest,
    start: Tensor,
    end: int | None,
    beam_width: int,
    max_steps: int,
    length_penalty_weight: float = 0.0,
    name: str | None = None,
) -> Beams:
    """Keeps, at each step, the `beam_width` best continuations of all that it has kept.

        beams = [start]
        while some of the beams have not ended, and for at most max_steps steps:
            logits, state = step(last words of the beams, state)
            beams = the best of all beams that have ended, and of the others with one word more

    A beam of 1 takes the likeliest word at each step, and one as wide as there are sequences finds
    them all.

    Args:
      step: a function of ids, int32 `[batch_size * beam_width]`, and the state, that returns
        `(logits, state)`: logits of the next words `[batch_size * beam_width, num_classes]`, and
        a nest as the state before.
      initial_state: nest of `[batch_size, ...]`.
      start: int32 `[batch_size]`, the words that the sequences follow.
      end: the word that ends a sequence; None where all have `max_steps` words.
      beam_width: sequences of each row that are kept.
      max_steps: words of the longest sequence.
      length_penalty_weight: the best have the largest `log_prob / ((5 + length) / 6) ** weight`
        (Wu et al. 2016, arXiv 1609.08144, formula 14); 0, the largest probability.
      name: name of the scope of the ops.

    Returns:
      `Beams`, which has `ids`, `lengths` and `log_probs`.

    Raises:
      ValueError: `beam_width` or `max_steps` below 1.
    """
    if beam_width < 1 or max_steps < 1:
        raise ValueError(
            f"beam_width and max_steps must be at least 1, not {beam_width} and {max_steps}"
        )

    def turn(
        time: Tensor, words: Tensor, ended: Tensor, state: Nest, beams: Beams
    ) -> tuple[Any, ...]:
        logits, state = step(tf.reshape(words, [-1]), state)
        continued = _continuations(logits, ended, end)
        parents, words, beams = _best(beams, ended, *continued, length_penalty_weight)
        ended = tf.gather(ended, parents, batch_dims=1)
        ended = ended if end is None else tf.logical_or(ended, tf.equal(words, end))
        return time + 1, words, ended, _of_parents(state, parents), beams

    def go_on(time: Tensor, words: Tensor, ended: Tensor, state: Nest, beams: Beams) -> Tensor:
        open_ends = tf.logical_and(tf.logical_not(ended), beams.log_probs > _NEVER)
        return tf.logical_and(time < max_steps, tf.reduce_any(open_ends))

    with tf.name_scope(name, "beam_search"):
        start = tf.convert_to_tensor(start, tf.int32)
        words = tf.tile(start[:, None], [1, beam_width])
        state = tf.nest.map_structure(lambda x: tf.repeat(x, beam_width, axis=0), initial_state)
        values = (tf.constant(0), words, tf.zeros_like(words, tf.bool), state, _first(words))
        return tf.while_loop(go_on, turn, values, shape_invariants=_shapes(values))[-1]


def _first(words: Tensor) -> Beams:
    """Beams without words. All are one: but for the first of a row, they have no chance."""
    rows, beam_width = tf.unstack(tf.shape(words))
    ids = tf.zeros([rows, beam_width, 0], tf.int32)
    chances = tf.one_hot(tf.zeros([rows], tf.int32), beam_width, 0.0, _NEVER, dtype=tf.float64)
    return Beams(ids, tf.zeros_like(words), chances)


def _continuations(logits: Tensor, ended: Tensor, end: int | None) -> tuple[Tensor, Tensor]:
    """The likeliest next words of each beam, as many as there are beams.

    Args:
      logits: `[batch_size * beam_width, num_classes]`.
      ended: bool `[batch_size, beam_width]`; such a beam has one continuation, `end` for nothing.
      end: None where no beam ends.

    Returns:
      The words, int32, and their log probabilities, float64, `[batch_size, beam_width, n]`.
    """
    if logits.dtype.size < 4:
        logits = tf.cast(logits, tf.float32)
    rows, beam_width = tf.unstack(tf.shape(ended))
    count = tf.minimum(beam_width, tf.shape(logits)[1])
    values, words = tf.nn.top_k(logits, count)
    # In float64, or logits that differ could make log probabilities that do not.
    totals = tf.cast(tf.reduce_logsumexp(logits, axis=1, keepdims=True), tf.float64)
    shape = [rows, beam_width, count]
    words = tf.reshape(words, shape)
    log_probs = tf.reshape(tf.cast(values, tf.float64) - totals, shape)
    if end is None:
        return words, log_probs
    nothing = tf.one_hot(0, count, 0.0, _NEVER, dtype=tf.float64)
    ended = ended[:, :, None]
    return tf.where_v2(ended, end, words), tf.where_v2(ended, nothing, log_probs)


def _best(
    beams: Beams, ended: Tensor, words: Tensor, log_probs: Tensor, length_penalty_weight: float
) -> tuple[Tensor, Tensor, Beams]:
    """Of all beams' continuations `[batch_size, beam_width, n]` the best `beam_width` of each row.

    Returns:
      The beams that they continue and their words, int32 `[batch_size, beam_width]`, and the new
      beams.
    """
    rows, beam_width, count = tf.unstack(tf.shape(words))
    lengths = beams.lengths + tf.cast(tf.logical_not(ended), tf.int32)
    log_probs += beams.log_probs[:, :, None]
    penalties = ((5.0 + tf.cast(lengths, tf.float64)) / 6.0) ** length_penalty_weight
    flat = [rows, beam_width * count]
    places = tf.nn.top_k(tf.reshape(log_probs / penalties[:, :, None], flat), beam_width).indices
    parents = places // count
    words = tf.gather(tf.reshape(words, flat), places, batch_dims=1)
    ids = tf.concat([tf.gather(beams.ids, parents, batch_dims=1), words[:, :, None]], axis=2)
    log_probs = tf.gather(tf.reshape(log_probs, flat), places, batch_dims=1)
    return parents, words, Beams(ids, tf.gather(lengths, parents, batch_dims=1), log_probs)


def _of_parents(state: Nest, parents: Tensor) -> Nest:
    """The rows `[batch_size * beam_width, ...]` of the beams that were continued."""
    rows, beam_width = tf.unstack(tf.shape(parents))
    places = tf.reshape(parents + beam_width * tf.range(rows)[:, None], [-1])
    return tf.nest.map_structure(lambda x: tf.gather(x, places), state)


def _shapes(values: Nest) -> Nest:
    """The shapes of a loop's values, in which rows and steps are free."""
    *fixed, beams = tf.nest.map_structure(
        lambda x: tf.TensorShape([None] * min(x.shape.rank, 1)).concatenate(x.shape[1:]), values
    )
    return (*fixed, beams._replace(ids=tf.TensorShape([None, None, None])))
