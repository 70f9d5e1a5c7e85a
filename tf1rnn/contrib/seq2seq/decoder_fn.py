"""Decoders of TensorFlow 1.0: a loop around a cell that a function steers.

A decoder function is called as `(time, cell_state, cell_input, cell_output, context_state)`, first
before the first step with None for state and output, then after each step. It answers with
`(done, next_cell_state, next_cell_input, emit_output, next_context_state)`; None for `done` says
that a row is done past its length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.decoder import _batch_major
from tf1rnn.contrib.seq2seq.memory import size_of_axis
from tf1rnn.raw_rnn import raw_rnn
from tf1rnn.types import Cell, DType, Nest, Scope, Tensor

DecoderFn = Callable[..., tuple[Any, Nest, Nest, Nest, Nest]]


def dynamic_rnn_decoder(
    cell: Cell,
    decoder_fn: DecoderFn,
    inputs: Tensor | None = None,
    sequence_length: Tensor | None = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Scope = None,
    name: str | None = None,
) -> tuple[Tensor, Nest, Nest]:
    """Runs a cell along inputs, or along what a decoder function makes of its outputs.

    Args:
      cell: an RNN cell.
      decoder_fn: a decoder function.
      inputs: `[batch_size, num_steps, depth]` in training; None where the function makes them.
      sequence_length: int `[batch_size]` in training; by default all steps.
      parallel_iterations, swap_memory, scope: as in `raw_rnn`.
      time_major: inputs and outputs are `[num_steps, batch_size, ...]`.
      name: name of the scope of the ops.

    Returns:
      `(outputs, final_state, final_context_state)`, outputs `[batch_size, num_steps, ...]`.

    Raises:
      ValueError: inputs of less than three axes, or of unknown depth.
    """
    with tf.name_scope(name, "dynamic_rnn_decoder"):
        read = None
        if inputs is not None:
            inputs = tf.convert_to_tensor(inputs)
            if (inputs.shape.rank or 3) < 3:
                raise ValueError("Inputs must have at least three dimensions")
            if inputs.shape.as_list()[-1] is None:
                raise ValueError("Inputs must not be `None` in the feature (3'rd) dimension")
            inputs = inputs if time_major else _batch_major(inputs)  # the swap is its own inverse
            read = _reader(inputs)
            if sequence_length is None:
                sequence_length = tf.fill(tf.shape(inputs)[1:2], tf.shape(inputs)[0])

        def loop_fn(time: Tensor, output: Nest, state: Nest, context: Nest) -> tuple[Any, ...]:
            cell_input = read(time) if read else None
            done, state, cell_input, emit, context = decoder_fn(
                time, state, cell_input, output, context
            )
            done = time >= sequence_length if done is None else done
            return done, cell_input, state, emit, context

        arrays, state, context = raw_rnn(cell, loop_fn, parallel_iterations, swap_memory, scope)
        outputs = arrays.stack()
        return outputs if time_major else _batch_major(outputs), state, context


def _reader(inputs: Tensor) -> Callable[[Tensor], Tensor]:
    """A function of the time to the inputs of that step, zeros past the last one."""
    steps = tf.concat([inputs, tf.zeros_like(inputs[:1])], 0)

    def read(time: Tensor) -> Tensor:
        return tf.gather(steps, tf.minimum(time, tf.shape(steps)[0] - 1))

    return read


def simple_decoder_fn_train(encoder_state: Nest, name: str | None = None) -> DecoderFn:
    """A decoder function that starts from the encoder's state and feeds the inputs.

    Args:
      encoder_state: the cell's state before the first step.
      name: name of the scope of the ops; there are none.
    """

    def decoder_fn(
        time: Tensor, cell_state: Nest, cell_input: Nest, cell_output: Nest, context_state: Nest
    ) -> tuple[Any, ...]:
        state = encoder_state if cell_state is None else cell_state
        return None, state, cell_input, cell_output, context_state

    return decoder_fn


def attention_decoder_fn_train(
    encoder_state: Nest,
    attention_keys: Tensor,
    attention_values: Tensor,
    attention_score_fn: Callable[..., Tensor],
    attention_construct_fn: Callable[..., Tensor],
    name: str | None = None,
) -> DecoderFn:
    """As `simple_decoder_fn_train`, with attention appended to the inputs and in the outputs.

    Args:
      encoder_state: the cell's state before the first step.
      attention_keys, attention_values, attention_score_fn, attention_construct_fn: what
        `prepare_attention` gave; the score is called by `attention_construct_fn`.
      name: name of the scope of the ops.
    """

    def decoder_fn(
        time: Tensor, cell_state: Nest, cell_input: Tensor, cell_output: Tensor, context: Nest
    ) -> tuple[Any, ...]:
        with tf.name_scope(name, "attention_decoder_fn_train"):
            if cell_state is None:
                cell_state, attention = encoder_state, _no_attention(encoder_state)
            else:
                attention = attention_construct_fn(cell_output, attention_keys, attention_values)
                cell_output = attention
            return None, cell_state, tf.concat([cell_input, attention], 1), cell_output, context

    return decoder_fn


def simple_decoder_fn_inference(
    output_fn: Callable[[Tensor], Tensor] | None,
    encoder_state: Nest,
    embeddings: Tensor,
    start_of_sequence_id: int | Tensor,
    end_of_sequence_id: int | Tensor,
    maximum_length: int | Tensor,
    num_decoder_symbols: int,
    dtype: DType = tf.int32,
    name: str | None = None,
) -> DecoderFn:
    """A decoder function that feeds the embeddings of the largest outputs' ids.

    Args:
      output_fn: a function of the cell's outputs to logits, or None for the outputs themselves.
      encoder_state: the cell's state before the first step.
      embeddings: `[num_decoder_symbols, depth]`.
      start_of_sequence_id, end_of_sequence_id: the first id, and that with which a row is done.
      maximum_length: the step after which all rows are done.
      num_decoder_symbols: depth of the logits.
      dtype: of ids.
      name: name of the scope of the ops.
    """
    ids = _Ids(embeddings, start_of_sequence_id, end_of_sequence_id, maximum_length, dtype)
    project = output_fn or tf.identity

    def decoder_fn(
        time: Tensor, cell_state: Nest, cell_input: None, cell_output: Tensor, context_state: Nest
    ) -> tuple[Any, ...]:
        with tf.name_scope(name, "simple_decoder_fn_inference"):
            _check_no_input(cell_input)
            if cell_output is None:
                done, inputs = ids.first(encoder_state)
                logits = tf.zeros([num_decoder_symbols], inputs.dtype)
                return done, encoder_state, inputs, logits, context_state
            logits = project(cell_output)
            done, inputs = ids.next(time, logits)
            return done, cell_state, inputs, logits, context_state

    return decoder_fn


def attention_decoder_fn_inference(
    output_fn: Callable[[Tensor], Tensor] | None,
    encoder_state: Nest,
    attention_keys: Tensor,
    attention_values: Tensor,
    attention_score_fn: Callable[..., Tensor],
    attention_construct_fn: Callable[..., Tensor],
    embeddings: Tensor,
    start_of_sequence_id: int | Tensor,
    end_of_sequence_id: int | Tensor,
    maximum_length: int | Tensor,
    num_decoder_symbols: int,
    dtype: DType = tf.int32,
    name: str | None = None,
) -> DecoderFn:
    """As `simple_decoder_fn_inference`, with attention as in `attention_decoder_fn_train`."""
    ids = _Ids(embeddings, start_of_sequence_id, end_of_sequence_id, maximum_length, dtype)
    project = output_fn or tf.identity

    def decoder_fn(
        time: Tensor, cell_state: Nest, cell_input: None, cell_output: Tensor, context_state: Nest
    ) -> tuple[Any, ...]:
        with tf.name_scope(name, "attention_decoder_fn_inference"):
            _check_no_input(cell_input)
            if cell_output is None:
                cell_state, attention = encoder_state, _no_attention(encoder_state)
                done, inputs = ids.first(encoder_state)
                logits = tf.zeros([num_decoder_symbols], inputs.dtype)
            else:
                attention = attention_construct_fn(cell_output, attention_keys, attention_values)
                logits = project(attention)
                done, inputs = ids.next(time, logits)
            return done, cell_state, tf.concat([inputs, attention], 1), logits, context_state

    return decoder_fn


class _Ids:
    """The ids that are fed in inference, and when a row is done."""

    def __init__(
        self,
        embeddings: Tensor,
        start: int | Tensor,
        end: int | Tensor,
        maximum_length: int | Tensor,
        dtype: DType,
    ) -> None:
        self._embeddings = embeddings
        self._start, self._end, self._maximum_length = start, end, maximum_length
        self._dtype = dtype

    def first(self, encoder_state: Nest) -> tuple[Tensor, Tensor]:
        """No row done, and the embeddings of the start's id."""
        rows = [size_of_axis(tf.nest.flatten(encoder_state)[0], 0)]
        ids = tf.fill(rows, tf.cast(self._start, self._dtype))
        return tf.zeros(rows, tf.bool), tf.gather(self._embeddings, ids)

    def next(self, time: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Which rows are done, and the embeddings of the largest logits' ids."""
        ids = tf.cast(tf.argmax(logits, 1), self._dtype)
        over = time > tf.cast(self._maximum_length, time.dtype)
        done = tf.logical_or(tf.equal(ids, tf.cast(self._end, self._dtype)), over)
        return done, tf.gather(self._embeddings, ids)


def _check_no_input(cell_input: Any) -> None:
    if cell_input is not None:
        raise ValueError(f"Expected cell_input to be None, but saw: {cell_input}")


def _no_attention(encoder_state: Nest) -> Tensor:
    """Zeros like the top layer's output, in a state of one or more layers."""
    layered = isinstance(encoder_state, tuple) and not hasattr(encoder_state, "h")
    top = encoder_state[-1] if layered else encoder_state
    return tf.zeros_like(getattr(top, "h", top))


def prepare_attention(
    attention_states: Tensor, attention_option: str, num_units: int, reuse: Any = False
) -> tuple[Tensor, Tensor, Callable[..., Tensor], Callable[..., Tensor]]:
    """Keys, values and functions for `attention_decoder_fn_train`.

    Variables: `attention_keys/weights`, `attention_construct/weights`, and for "bahdanau"
    `attention_score/attnW` and `attention_score/attnV`.

    Args:
      attention_states: what is attended to, `[batch_size, max_time, num_units]`.
      attention_option: "luong" (keys · query) or "bahdanau" (v · tanh(keys + W query)).
      num_units: size of the cell's output and of the attention.
      reuse: whether the variables exist already.

    Returns:
      `(keys, values, score_fn, construct_fn)`: `score_fn(query, keys, values)` reads the values,
      `[batch_size, num_units]`; `construct_fn` makes the attention of query and what was read.

    Raises:
      ValueError: there is no such option.
    """
    if attention_option not in ("luong", "bahdanau"):
        raise ValueError(f"Unknown attention option {attention_option}!")
    depth = attention_states.shape.as_list()[-1]
    kernel = _weights("attention_keys", [depth, num_units], attention_states.dtype, reuse)
    keys = tf.tensordot(attention_states, kernel, 1)
    score_fn = _score_fn(attention_option, num_units, attention_states.dtype, reuse)
    with tf.variable_scope("attention_construct", reuse=reuse) as scope:
        pass

    def construct_fn(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        joined = tf.concat([query, score_fn(query, keys, values)], 1)
        shape = [joined.shape.as_list()[1], num_units]
        return tf.matmul(joined, _weights(scope, shape, joined.dtype, tf.AUTO_REUSE))

    return keys, attention_states, score_fn, construct_fn


def _weights(scope: Scope, shape: list[int], dtype: DType, reuse: Any) -> Tensor:
    with tf.variable_scope(scope, reuse=reuse):
        start = tf.glorot_uniform_initializer()
        return tf.get_variable("weights", shape, dtype, start)


def _score_fn(option: str, num_units: int, dtype: DType, reuse: Any) -> Callable[..., Tensor]:
    """The function that reads the values by the scores of the keys."""
    if option == "bahdanau":
        with tf.variable_scope("attention_score", reuse=reuse):
            w = tf.get_variable("attnW", [num_units, num_units], dtype)
            v = tf.get_variable("attnV", [num_units], dtype)

    def score_fn(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        if option == "bahdanau":
            hidden = tf.tanh(keys + tf.expand_dims(tf.matmul(query, w), 1))
            scores = tf.reduce_sum(v * hidden, 2)
        else:
            scores = tf.reduce_sum(keys * tf.expand_dims(query, 1), 2)
        return tf.reduce_sum(tf.expand_dims(tf.nn.softmax(scores), 2) * values, 1)

    return score_fn
