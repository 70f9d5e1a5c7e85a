"""Monotonic attention, which never looks back: Raffel et al. 2017 (arXiv 1704.00784).

At each step the memory's entries are inspected from left to right, from the one that was attended
to in the step before; entry j is chosen with probability p_j, and the first that is chosen is
attended to. The alignments are the probabilities of that.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.attention import _BaseAttentionMechanism, _luong_score, _scale
from tf1rnn.contrib.seq2seq.dense import Dense
from tf1rnn.types import Dimension, DType, Nest, Tensor


def safe_cumprod(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The cumulative product as exp(cumsum(log(x))), x clipped to [tiny, 1].

    Its gradient is finite where that of `tf.math.cumprod` is 0 / 0.

    Args:
      x: any shape.
      *args: as `tf.math.cumsum` takes them.
      **kwargs: the same by name; `name` is that of the scope.
    """
    with tf.name_scope(kwargs.pop("name", None), "SafeCumprod", [x]):
        x = tf.convert_to_tensor(x, name="x")
        tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
        logs = tf.log(tf.clip_by_value(x, tiny, 1))
        return tf.exp(tf.cumsum(logs, *args, **kwargs))


def monotonic_attention(p_choose_i: Tensor, previous_attention: Tensor, mode: str) -> Tensor:
    """The alignments of monotonic attention, from those of the step before.

        q_j = (1 - p_{j-1}) q_{j-1} + previous_j
        alignment_j = p_j q_j

    Args:
      p_choose_i: `[batch_size, max_time]`, with what probability each entry is chosen.
      previous_attention: `[batch_size, max_time]`, the alignments of the step before.
      mode: "recursive" goes along the entries, which is exact and slow; "parallel" computes the
        same by cumulative sums and products, less exact where a product of (1 - p) is near 0;
        "hard" expects p and the previous alignments to be 0 or 1, and so are the alignments.

    Returns:
      `[batch_size, max_time]`.

    Raises:
      ValueError: there is no such mode.
    """
    p = tf.convert_to_tensor(p_choose_i, name="p_choose_i")
    previous = tf.convert_to_tensor(previous_attention, name="previous_attention")
    if mode == "recursive":
        return p * _inspected(p, previous)
    if mode == "parallel":
        passed = safe_cumprod(1 - p, axis=1, exclusive=True)
        return p * passed * tf.cumsum(previous / tf.clip_by_value(passed, 1e-10, 1.0), axis=1)
    if mode == "hard":
        allowed = p * tf.cumsum(previous, axis=1)
        return allowed * tf.math.cumprod(1 - allowed, axis=1, exclusive=True)
    raise ValueError("mode must be 'recursive', 'parallel', or 'hard'.")


def _inspected(p: Tensor, previous: Tensor) -> Tensor:
    """q, the probability that an entry is inspected, `[batch_size, max_time]`."""
    passed = tf.pad(1 - p[:, :-1], [[0, 0], [1, 0]])
    rows = tf.zeros_like(p[:, 0])
    q = tf.scan(
        lambda q, step: step[0] * q + step[1],
        (tf.transpose(passed), tf.transpose(previous)),
        initializer=rows,
    )
    q = tf.transpose(q)
    q.set_shape(p.shape)
    return q


def _monotonic_probability_fn(
    score: Tensor,
    previous_alignments: Tensor,
    sigmoid_noise: float,
    mode: str,
    seed: int | None = None,
) -> Tensor:
    """The alignments for scores, all `[batch_size, max_time]`.

    Args:
      score: of the memory's entries; its sigmoid is p.
      previous_alignments: those of the step before.
      sigmoid_noise: standard deviation of noise added to the score, which drives p to 0 or 1 in
        training.
      mode: as in `monotonic_attention`; "hard" takes p = 1 where the score is positive.
      seed: of the noise.
    """
    if sigmoid_noise > 0:
        score += sigmoid_noise * tf.random_normal(tf.shape(score), dtype=score.dtype, seed=seed)
    p = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
    return monotonic_attention(p, previous_alignments, mode)


class _BaseMonotonicAttentionMechanism(_BaseAttentionMechanism):
    """A mechanism that starts at the memory's first entry."""

    def initial_alignments(self, batch_size: Dimension, dtype: DType) -> Tensor:
        """One for the first entry, zeros for the others: `[batch_size, alignments_size]`."""
        first = tf.zeros(tf.stack([batch_size]), tf.int32)
        return tf.one_hot(first, self._alignments_size, dtype=dtype)


def _score_bias(start: float, dtype: DType) -> Tensor:
    initializer = tf.constant_initializer(start)
    return tf.get_variable("attention_score_bias", [], dtype=dtype, initializer=initializer)


class BahdanauMonotonicAttention(_BaseMonotonicAttentionMechanism):
    """Monotonic attention with the additive score.

    Variables as `BahdanauAttention`, in the scope `bahdanau_monotonic_attention`, and
    `attention_score_bias`.

    Args:
      num_units, memory, memory_sequence_length, normalize: as in `BahdanauAttention`.
      score_mask_value: score of what lies past a row's length, minus infinity by default.
      sigmoid_noise: standard deviation of noise added to the score.
      sigmoid_noise_seed: its seed.
      score_bias_init: start of the bias of the score; negative for a long memory.
      mode: "recursive", "parallel" or "hard"; see `monotonic_attention`.
      dtype: dtype of the two layers; by default that of their inputs.
      name: name of the scope of the ops.
    """

    def __init__(
        self,
        num_units: int,
        memory: Nest,
        memory_sequence_length: Tensor | None = None,
        normalize: bool = False,
        score_mask_value: float | None = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: DType | None = None,
        name: str = "BahdanauMonotonicAttention",
    ) -> None:
        self._normalize = normalize
        self._score_bias_init = score_bias_init
        self._num_units, self._name = num_units, name
        super().__init__(
            memory_layer=Dense(num_units, "memory_layer", dtype),
            query_layer=Dense(num_units, "query_layer", dtype),
            memory=memory,
            probability_fn=functools.partial(
                _monotonic_probability_fn,
                sigmoid_noise=sigmoid_noise,
                mode=mode,
                seed=sigmoid_noise_seed,
            ),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            name=name,
        )

    def _score(self, query: Tensor) -> Tensor:
        with tf.variable_scope(None, "bahdanau_monotonic_attention", [query]):
            score = self._additive_score(query, self._normalize)
            return score + _score_bias(self._score_bias_init, score.dtype)


class LuongMonotonicAttention(_BaseMonotonicAttentionMechanism):
    """Monotonic attention with the multiplicative score.

    Variables as `LuongAttention`, in the scope `luong_monotonic_attention`, and
    `attention_score_bias`.

    Args:
      num_units, memory, memory_sequence_length, scale: as in `LuongAttention`.
      score_mask_value, sigmoid_noise, sigmoid_noise_seed, score_bias_init, mode: as in
        `BahdanauMonotonicAttention`.
      dtype: dtype of the memory layer; by default that of the memory.
      name: name of the scope of the ops.
    """

    def __init__(
        self,
        num_units: int,
        memory: Nest,
        memory_sequence_length: Tensor | None = None,
        scale: bool = False,
        score_mask_value: float | None = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: DType | None = None,
        name: str = "LuongMonotonicAttention",
    ) -> None:
        self._scale = scale
        self._score_bias_init = score_bias_init
        self._num_units, self._name = num_units, name
        super().__init__(
            memory_layer=Dense(num_units, "memory_layer", dtype),
            query_layer=None,
            memory=memory,
            probability_fn=functools.partial(
                _monotonic_probability_fn,
                sigmoid_noise=sigmoid_noise,
                mode=mode,
                seed=sigmoid_noise_seed,
            ),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            name=name,
        )

    def _score(self, query: Tensor) -> Tensor:
        with tf.variable_scope(None, "luong_monotonic_attention", [query]):
            score = _luong_score(query, self._keys, _scale(query.dtype) if self._scale else None)
            return score + _score_bias(self._score_bias_init, score.dtype)
