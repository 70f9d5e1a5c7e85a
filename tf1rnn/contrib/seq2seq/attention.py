"""Attention mechanisms: how a query scores the entries of a memory, and with what weights it reads.

A mechanism is called with the query `[batch_size, depth]` and its state, and answers with the
weights of the memory's entries, the alignments `[batch_size, max_time]`, and its next state.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.dense import Dense
from tf1rnn.contrib.seq2seq.memory import _maybe_mask_score, _prepare_memory, size_of_axis
from tf1rnn.types import Dimension, DType, Nest, Tensor


class AttentionMechanism:
    """What `AttentionWrapper` takes; a mechanism of one's own derives from it, or from the next."""

    @property
    def alignments_size(self) -> Dimension:
        """How many entries the memory has: an int, or a scalar tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define alignments_size")

    @property
    def state_size(self) -> Dimension:
        """Size of the state without the batch."""
        raise NotImplementedError(f"{type(self).__name__} must define state_size")


class _BaseAttentionMechanism(AttentionMechanism):
    """A mechanism with a memory, layers for memory and query, and a mask.

    Args:
      query_layer: layer that makes the queries comparable with the keys, or None.
      memory: `[batch_size, max_time, ...]`, for example the outputs of an encoder.
      probability_fn: a function `(score, state)` to the alignments, all `[batch_size, max_time]`.
      memory_sequence_length: None or int `[batch_size]`. Past it the memory is zero, and the score
        `score_mask_value`.
      memory_layer: layer that makes the keys of the memory; None takes the memory itself.
      check_inner_dims_defined: whether to refuse a memory whose depth is not known.
      score_mask_value: minus infinity by default.
      custom_key_value_fn: a function `(keys, values)` to other keys and values.
      name: name of the scope of the ops.

    Raises:
      TypeError: a layer or `probability_fn` is no function.
      ValueError: the memory's depth is not known.
    """

    _num_units: int  # of a mechanism whose score is additive

    def __init__(
        self,
        query_layer: Callable[[Tensor], Tensor] | None,
        memory: Nest,
        probability_fn: Callable[[Tensor, Nest], Tensor],
        memory_sequence_length: Tensor | None = None,
        memory_layer: Callable[[Tensor], Tensor] | None = None,
        check_inner_dims_defined: bool = True,
        score_mask_value: float | None = None,
        custom_key_value_fn: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        name: str | None = None,
    ) -> None:
        for argument, layer in (("query_layer", query_layer), ("memory_layer", memory_layer)):
            if layer is not None and not callable(layer):
                raise TypeError(f"{argument} is not a Layer: {type(layer).__name__}")
        if not callable(probability_fn):
            raise TypeError(
                f"probability_fn must be callable, saw type: {type(probability_fn).__name__}"
            )
        self._query_layer = query_layer
        self._memory_layer = memory_layer
        with tf.name_scope(name, "BaseAttentionMechanismInit", tf.nest.flatten(memory)):
            self._values = _prepare_memory(
                memory,
                memory_sequence_length=memory_sequence_length,
                check_inner_dims_defined=check_inner_dims_defined,
            )
            self._keys = memory_layer(self._values) if memory_layer else self._values
            if custom_key_value_fn:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            self._batch_size = size_of_axis(self._keys, 0)
            self._alignments_size = size_of_axis(self._keys, 1)
        self.dtype = self._keys.dtype
        if score_mask_value is None:
            score_mask_value = self.dtype.as_numpy_dtype(-np.inf)
        self._probability_fn = lambda score, state: probability_fn(
            _maybe_mask_score(score, memory_sequence_length, score_mask_value), state
        )

    @property
    def memory_layer(self) -> Any:
        """The layer that makes the keys, or None."""
        return self._memory_layer

    @property
    def query_layer(self) -> Any:
        """The layer for queries, or None."""
        return self._query_layer

    @property
    def values(self) -> Tensor:
        """What is read: the memory `[batch_size, max_time, ...]`, zero past a row's length."""
        return self._values

    @property
    def keys(self) -> Tensor:
        """What a query is compared with, `[batch_size, max_time, num_units]`."""
        return self._keys

    @property
    def batch_size(self) -> Dimension:
        """The memory's batch size: an int, or a scalar tensor."""
        return self._batch_size

    @property
    def alignments_size(self) -> Dimension:
        """How many entries the memory has: an int, or a scalar tensor."""
        return self._alignments_size

    @property
    def state_size(self) -> Dimension:
        """Size of the state without the batch; the state is the last alignments."""
        return self._alignments_size

    def initial_alignments(self, batch_size: Dimension, dtype: DType) -> Tensor:
        """The alignments before the first step: zeros `[batch_size, alignments_size]`."""
        return tf.zeros(tf.stack([batch_size, self._alignments_size]), dtype)

    def initial_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        """The state before the first step: the initial alignments."""
        return self.initial_alignments(batch_size, dtype)

    def __call__(self, query: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """Weighs the memory for a query.

        Args:
          query: `[batch_size, depth]`, of the memory's dtype.
          state: the alignments of the step before, `[batch_size, alignments_size]`.

        Returns:
          `(alignments, next_state)`, both the alignments `[batch_size, alignments_size]`.
        """
        alignments = self._probability_fn(self._score(query), state)
        return alignments, alignments

    def _score(self, query: Tensor) -> Tensor:
        """`[batch_size, max_time]`, which a mechanism without a `__call__` of its own gives."""
        raise NotImplementedError

    def _additive_score(self, query: Tensor, normalize: bool) -> Tensor:
        """`_bahdanau_score` with variables of the scope around."""
        processed = self.query_layer(query) if self.query_layer else query
        weights = _additive_weights(self._num_units, processed.dtype, normalize)
        return _bahdanau_score(processed, self._keys, *weights)


def _additive_weights(
    units: int, dtype: DType, normalize: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """`attention_v` and, for the normalized score, `attention_g` and `attention_b`."""
    v = tf.get_variable("attention_v", [units], dtype=dtype)
    if not normalize:
        return v, None, None
    start = tf.constant_initializer(math.sqrt(1.0 / units))
    g = tf.get_variable("attention_g", [], dtype=dtype, initializer=start)
    zeros = tf.zeros_initializer()
    return v, g, tf.get_variable("attention_b", [units], dtype=dtype, initializer=zeros)


def _bahdanau_score(
    processed_query: Tensor,
    keys: Tensor,
    attention_v: Tensor | bool = False,
    attention_g: Tensor | None = None,
    attention_b: Tensor | None = None,
    *,
    normalize: bool | None = None,
) -> Tensor:
    """The additive score v · tanh(keys + query), or its normalized form.

    Bahdanau et al. 2015 (arXiv 1409.0473). The normalized form, after Salimans and Kingma 2016
    (arXiv 1602.07868), is g v / |v| · tanh(keys + query + b).

    Args:
      processed_query: `[batch_size, num_units]`.
      keys: `[batch_size, max_time, num_units]`.
      attention_v, attention_b: `[num_units]`. In place of attention_v a bool, as up to 1.13: then
        the weights are variables of the scope around, those of a normalized score if it is true.
      attention_g: scalar; with it, and `attention_b`, the score is normalized.
      normalize: the bool by its name up to 1.13.

    Returns:
      `[batch_size, max_time]`.
    """
    if isinstance(attention_v, bool):
        is_normalized = attention_v if normalize is None else normalize
        units = keys.shape.as_list()[-1]
        weights = _additive_weights(units, processed_query.dtype, is_normalized)
        attention_v, attention_g, attention_b = weights
    hidden = keys + tf.expand_dims(processed_query, 1)
    if attention_g is None or attention_b is None:
        return tf.reduce_sum(attention_v * tf.tanh(hidden), axis=2)
    direction = attention_g * attention_v * tf.math.rsqrt(tf.reduce_sum(tf.square(attention_v)))
    return tf.reduce_sum(direction * tf.tanh(hidden + attention_b), axis=2)


def _luong_score(query: Tensor, keys: Tensor, scale: Tensor | bool | None) -> Tensor:
    """The multiplicative score `scale · keys · query`; Luong et al. 2015 (arXiv 1508.04025).

    Args:
      query: `[batch_size, num_units]`.
      keys: `[batch_size, max_time, num_units]`.
      scale: a scalar, or None for 1; or, as up to 1.13, whether it is a variable of the scope
        around.

    Returns:
      `[batch_size, max_time]`.

    Raises:
      ValueError: query and keys have different or unknown depths.
    """
    depth, units = query.shape.as_list()[-1], keys.shape.as_list()[-1]
    if depth is None or depth != units:
        raise ValueError(
            f"Incompatible or unknown inner dimensions between query and keys. Query ({query}) "
            f"has units: {depth}. Keys ({keys}) have units: {units}. Perhaps you need to set "
            f"num_units to the keys' dimension ({units})?"
        )
    if isinstance(scale, bool):
        scale = _scale(query.dtype) if scale else None
    score = tf.squeeze(tf.matmul(tf.expand_dims(query, 1), keys, transpose_b=True), [1])
    return score if scale is None else scale * score


def _scale(dtype: DType) -> Tensor:
    """The variable `attention_g` of a scaled multiplicative score, 1 at the start."""
    return tf.get_variable("attention_g", [], dtype=dtype, initializer=tf.ones_initializer())


class LuongAttention(_BaseAttentionMechanism):
    """Multiplicative attention: softmax(keys · query); Luong et al. 2015 (arXiv 1508.04025).

    Variables: `memory_layer/kernel` `[memory_depth, num_units]`; scaled,
    `luong_attention/attention_g`.

    Args:
      num_units: depth of the keys, which must be that of the queries.
      memory: `[batch_size, max_time, memory_depth]`.
      memory_sequence_length: None or int `[batch_size]`, the number of entries of each row.
      scale: whether the score is multiplied by a trained scalar.
      probability_fn: a function of the scores `[batch_size, max_time]` to the alignments; by
        default `tf.nn.softmax`.
      score_mask_value: score of what lies past a row's length, minus infinity by default.
      dtype: dtype of the memory layer; by default that of the memory.
      custom_key_value_fn: a function `(keys, values)` to other keys and values.
      name: name of the scope of the ops.
    """

    def __init__(
        self,
        num_units: int,
        memory: Nest,
        memory_sequence_length: Tensor | None = None,
        scale: bool = False,
        probability_fn: Callable[[Tensor], Tensor] | None = None,
        score_mask_value: float | None = None,
        dtype: DType | None = None,
        custom_key_value_fn: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        name: str = "LuongAttention",
    ) -> None:
        self._scale = scale
        self._num_units, self._name = num_units, name
        super().__init__(
            memory_layer=Dense(num_units, "memory_layer", dtype),
            query_layer=None,
            memory=memory,
            probability_fn=_of_score(probability_fn),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )

    def _score(self, query: Tensor) -> Tensor:
        with tf.variable_scope(None, "luong_attention", [query]):
            return _luong_score(query, self._keys, _scale(query.dtype) if self._scale else None)


class BahdanauAttention(_BaseAttentionMechanism):
    """Additive attention: softmax(v · tanh(keys + query)).

    Bahdanau et al. 2015 (arXiv 1409.0473); with `normalize` after Salimans and Kingma 2016 (arXiv
    1602.07868). Variables: `memory_layer/kernel` `[memory_depth, num_units]`; in the scope of the
    call `bahdanau_attention/query_layer/kernel` `[query_depth, num_units]`, `attention_v`
    `[num_units]` and, normalized, `attention_g` and `attention_b`.

    Args:
      num_units: depth of the keys.
      memory: `[batch_size, max_time, memory_depth]`.
      memory_sequence_length: None or int `[batch_size]`, the number of entries of each row.
      normalize: whether v is normalized.
      probability_fn: a function of the scores `[batch_size, max_time]` to the alignments; by
        default `tf.nn.softmax`.
      score_mask_value: score of what lies past a row's length, minus infinity by default.
      dtype: dtype of the two layers; by default that of their inputs.
      custom_key_value_fn: a function `(keys, values)` to other keys and values.
      name: name of the scope of the ops.
    """

    def __init__(
        self,
        num_units: int,
        memory: Nest,
        memory_sequence_length: Tensor | None = None,
        normalize: bool = False,
        probability_fn: Callable[[Tensor], Tensor] | None = None,
        score_mask_value: float | None = None,
        dtype: DType | None = None,
        custom_key_value_fn: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
        name: str = "BahdanauAttention",
    ) -> None:
        self._normalize = normalize
        self._num_units, self._name = num_units, name
        super().__init__(
            memory_layer=Dense(num_units, "memory_layer", dtype),
            query_layer=Dense(num_units, "query_layer", dtype),
            memory=memory,
            probability_fn=_of_score(probability_fn),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )

    def _score(self, query: Tensor) -> Tensor:
        with tf.variable_scope(None, "bahdanau_attention", [query]):
            return self._additive_score(query, self._normalize)


def _of_score(
    probability_fn: Callable[[Tensor], Tensor] | None,
) -> Callable[[Tensor, Nest], Tensor]:
    """A function of the score as one of score and state; `tf.nn.softmax` for None.

    Raises TypeError where it is no function.
    """
    function = tf.nn.softmax if probability_fn is None else probability_fn
    if not callable(function):
        raise TypeError(f"probability_fn must be callable, saw type: {type(function).__name__}")
    return lambda score, _: function(score)


def hardmax(logits: Tensor, name: str | None = None) -> Tensor:
    """One where a row's largest number stands, else zero: `[..., depth]` of the same dtype."""
    with tf.name_scope(name, "Hardmax", [logits]):
        logits = tf.convert_to_tensor(logits, name="logits")
        depth = size_of_axis(logits, -1)
        return tf.one_hot(tf.argmax(logits, -1), depth, dtype=logits.dtype)


def _compute_attention(
    attention_mechanism: Any,
    cell_output: Tensor,
    attention_state: Nest,
    attention_layer: Callable[[Tensor], Tensor] | None,
) -> tuple[Tensor, Tensor, Nest]:
    """Reads a memory.

    Args:
      attention_mechanism: the mechanism; one that answers with the alignments alone, as before
        TensorFlow 1.5, has them as its state, too.
      cell_output: the query, `[batch_size, depth]`.
      attention_state: the mechanism's state.
      attention_layer: a layer of query and context, or None for the context itself.

    Returns:
      `(attention, alignments, next_attention_state)`.
    """
    answer = attention_mechanism(cell_output, attention_state)
    alignments, next_state = answer if isinstance(answer, tuple) else (answer, answer)
    weights = tf.expand_dims(alignments, 1)
    context = tf.squeeze(tf.matmul(weights, attention_mechanism.values), [1])
    if attention_layer is not None:
        context = attention_layer(tf.concat([cell_output, context], 1))
    return context, alignments, next_state
