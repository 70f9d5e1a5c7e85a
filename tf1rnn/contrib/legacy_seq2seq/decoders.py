"""Decoders: a state, and the inputs or its own outputs, become a list with one output a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.rnn.linear import _linear
from tf1rnn.types import Cell, DType, Nest, Scope, Tensor

LoopFunction = Callable[[Tensor, int], Tensor]
Projection = tuple[Tensor, Tensor]  # W [output_size, num_symbols] and b [num_symbols]


def rnn_decoder(
    decoder_inputs: Sequence[Tensor],
    initial_state: Nest,
    cell: Cell,
    loop_function: LoopFunction | None = None,
    scope: Scope = None,
) -> tuple[list[Tensor], Nest]:
    """Runs a cell along a list of inputs, or along what a function makes of its own outputs.

    Args:
      decoder_inputs: list of num_steps tensors `[batch_size, depth]`.
      initial_state: as in `cell.zero_state`.
      cell: an RNN cell.
      loop_function: a function of the last output `[batch_size, output_size]` and the number of
        the step to the step's input `[batch_size, depth]`; only the first of decoder_inputs is
        taken then. It may be used for decoding, and in training for scheduled sampling (Bengio et
        al. 2015, arXiv 1506.03099).
      scope: variable scope or its name, "rnn_decoder" by default.

    Returns:
      `(outputs, state)`: list of num_steps outputs `[batch_size, output_size]`, the final state.
    """
    with tf.variable_scope(scope or "rnn_decoder") as variables:
        state = initial_state
        outputs: list[Tensor] = []
        for step, inputs in enumerate(decoder_inputs):
            if step > 0:
                inputs = _next_inputs(loop_function, outputs[-1], step, inputs)
                variables.reuse_variables()
            output, state = cell(inputs, state)
            outputs.append(output)
    return outputs, state


def embedding_rnn_decoder(
    decoder_inputs: Sequence[Tensor],
    initial_state: Nest,
    cell: Cell,
    num_symbols: int,
    embedding_size: int | None = None,
    output_projection: Projection | None = None,
    feed_previous: bool | Tensor = False,
    update_embedding_for_previous: bool = True,
    scope: Scope = None,
) -> tuple[list[Tensor], Nest]:
    """`rnn_decoder` of symbols, whose embeddings are the variable `embedding`.

    Args:
      decoder_inputs: list of num_steps int tensors `[batch_size]`.
      initial_state, cell: as in `rnn_decoder`.
      num_symbols: how many symbols there are.
      embedding_size: size of their embeddings; by default, as before 0.8, that of the cell.
      output_projection: weights `[output_size, num_symbols]` and biases `[num_symbols]` that make
        logits of an output, or None where the outputs are logits. The outputs are not projected.
      feed_previous: True, or a bool scalar that is true when run, decodes greedily: each input
        after the first is the symbol with the largest logit of the last output.
      update_embedding_for_previous: False keeps gradients from the embeddings of symbols that were
        fed so.
      scope: variable scope or its name, "embedding_rnn_decoder" by default.

    Returns:
      As `rnn_decoder`.

    Raises:
      ValueError: output_projection has another shape.
    """
    with tf.variable_scope(scope or "embedding_rnn_decoder") as variables:
        check_projection(output_projection, num_symbols, variables.dtype)
        embedding, inputs = _embedded(decoder_inputs, num_symbols, embedding_size, cell)
        loop_function = fed_by_previous(
            feed_previous, inputs, embedding, output_projection, update_embedding_for_previous
        )
        return rnn_decoder(inputs, initial_state, cell, loop_function)


def attention_decoder(
    decoder_inputs: Sequence[Tensor],
    initial_state: Nest,
    attention_states: Tensor,
    cell: Cell,
    output_size: int | None = None,
    num_heads: int = 1,
    loop_function: LoopFunction | None = None,
    dtype: DType | None = None,
    scope: Scope = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Nest]:
    """A decoder that looks, with one or several heads, at the states of an encoder.

    Vinyals et al. 2015 (arXiv 1412.7449). With the states h and what the heads read last, `reads`:

        output, state = cell([inputs, reads] W_x + b_x, state)
        scores = sum(v * tanh(h W_h + state W_q + b_q))     for each head
        reads  = sum(softmax(scores) * h)                   for each head
        output = [output, reads] W_o + b_o

    Variables: `AttnW_n` `[1, 1, attention_size, attention_size]`, `AttnV_n` `[attention_size]` and
    `Attention_n/kernel`, `Attention_n/bias` of head n; `kernel`, `bias` of the cell's inputs;
    `AttnOutputProjection/kernel`, `AttnOutputProjection/bias`; and the cell's.

    Args:
      decoder_inputs, initial_state, cell, loop_function: as in `rnn_decoder`.
      attention_states: h, `[batch_size, attention_length, attention_size]`.
      output_size: size of the outputs, by default the cell's.
      num_heads: how many heads there are.
      dtype: dtype of the variables, by default that of the scope.
      scope: variable scope or its name, "attention_decoder" by default.
      initial_state_attention: the first reads are those of the initial state instead of zeros, as
        is wanted when decoding is taken up again.

    Returns:
      `(outputs, state)`: list of num_steps outputs `[batch_size, output_size]`, the final state.

    Raises:
      ValueError: no inputs, no heads, or a last dimension that is not known.
    """
    if not decoder_inputs:
        raise ValueError("Must provide at least 1 input to attention decoder.")
    if num_heads < 1:
        raise ValueError("With less than 1 heads, use a non-attention decoder.")
    if tf.compat.dimension_value(attention_states.shape[2]) is None:
        raise ValueError(
            f"Shape[2] of attention_states must be known: {attention_states.get_shape()}"
        )
    output_size = cell.output_size if output_size is None else output_size
    with tf.variable_scope(scope or "attention_decoder", dtype=dtype) as variables:
        attention = _Attention(attention_states, num_heads)
        state = initial_state
        outputs: list[Tensor] = []
        rows = tf.shape(decoder_inputs[0])[0]
        reads = attention.read(state) if initial_state_attention else attention.zeros(rows)
        for step, inputs in enumerate(decoder_inputs):
            if step > 0:
                inputs = _next_inputs(loop_function, outputs[-1], step, inputs)
                variables.reuse_variables()
            output, state = cell(_merged(inputs, reads), state)
            reuse = True if initial_state_attention else None
            with tf.variable_scope(tf.get_variable_scope(), reuse=reuse):
                reads = attention.read(state)
            with tf.variable_scope("AttnOutputProjection"):
                outputs.append(_linear([output, *reads], output_size, True))
    return outputs, state


def embedding_attention_decoder(
    decoder_inputs: Sequence[Tensor],
    initial_state: Nest,
    attention_states: Tensor,
    cell: Cell,
    num_symbols: int,
    embedding_size: int | None = None,
    num_heads: int = 1,
    output_size: int | None = None,
    output_projection: Projection | None = None,
    feed_previous: bool | Tensor = False,
    update_embedding_for_previous: bool = True,
    dtype: DType | None = None,
    scope: Scope = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Nest]:
    """`attention_decoder` of symbols, whose embeddings are the variable `embedding`.

    Args:
      decoder_inputs: list of num_steps int tensors `[batch_size]`.
      initial_state, attention_states, cell, num_heads, output_size, dtype,
        initial_state_attention: as in `attention_decoder`.
      num_symbols, embedding_size, output_projection, feed_previous,
        update_embedding_for_previous: as in `embedding_rnn_decoder`.
      scope: variable scope or its name, "embedding_attention_decoder" by default.

    Returns:
      As `attention_decoder`.

    Raises:
      ValueError: as `attention_decoder`, or output_projection has another shape.
    """
    output_size = cell.output_size if output_size is None else output_size
    with tf.variable_scope(scope or "embedding_attention_decoder", dtype=dtype) as variables:
        check_projection(output_projection, num_symbols, variables.dtype)
        embedding, inputs = _embedded(decoder_inputs, num_symbols, embedding_size, cell)
        return attention_decoder(
            inputs,
            initial_state,
            attention_states,
            cell,
            output_size=output_size,
            num_heads=num_heads,
            loop_function=fed_by_previous(
                feed_previous, inputs, embedding, output_projection, update_embedding_for_previous
            ),
            initial_state_attention=initial_state_attention,
        )


class _Attention:
    """Heads that read the states of an encoder; see `attention_decoder`."""

    def __init__(self, states: Tensor, num_heads: int) -> None:
        self._states = states  # [batch_size, length, size]
        self._size = tf.compat.dimension_value(states.shape[2])
        self._features = []  # of each head, what its scores take from the states
        self._weights = []
        for head in range(num_heads):
            kernel = tf.get_variable(f"AttnW_{head}", [1, 1, self._size, self._size])
            kernel = tf.reshape(kernel, [self._size, self._size])
            self._features.append(tf.einsum("bls,st->blt", states, kernel))
            self._weights.append(tf.get_variable(f"AttnV_{head}", [self._size]))

    def read(self, query: Nest) -> list[Tensor]:
        """What each head reads for a state of the decoder: `[batch_size, size]`."""
        parts = tf.nest.flatten(query)
        query = tf.concat(parts, axis=1) if len(parts) > 1 else parts[0]
        reads = []
        for head, (features, weights) in enumerate(zip(self._features, self._weights, strict=True)):
            with tf.variable_scope(f"Attention_{head}"):
                asked = _linear(query, self._size, True)[:, tf.newaxis]
                scores = tf.reduce_sum(weights * tf.tanh(features + asked), axis=2)
                shares = tf.nn.softmax(scores)[:, :, tf.newaxis]
                reads.append(tf.reduce_sum(shares * self._states, axis=1))
        return reads

    def zeros(self, batch_size: Tensor) -> list[Tensor]:
        """What the heads have read before the first step."""
        zeros = tf.zeros([batch_size, self._size], self._states.dtype)
        zeros.set_shape([None, self._size])
        return [zeros] * len(self._weights)


def _merged(inputs: Tensor, reads: list[Tensor]) -> Tensor:
    """Inputs and reads as inputs of the old size; raises ValueError where it is not known."""
    size = tf.compat.dimension_value(inputs.shape.with_rank(2)[1])
    if size is None:
        raise ValueError(f"Could not infer input size from input: {inputs.name}")
    return _linear([inputs, *reads], size, True)


def _next_inputs(
    loop_function: LoopFunction | None, output: Tensor, step: int, inputs: Tensor
) -> Tensor:
    if loop_function is None:
        return inputs
    with tf.variable_scope("loop_function", reuse=True):
        return loop_function(output, step)


def _embedded(
    symbols: Sequence[Tensor], num_symbols: int, embedding_size: int | None, cell: Cell
) -> tuple[tf.Variable, list[Tensor]]:
    """The variable of the embeddings, and those of the symbols."""
    size = size_of_embedding(embedding_size, cell)
    embedding = tf.get_variable("embedding", [num_symbols, size])
    return embedding, [tf.nn.embedding_lookup(embedding, one) for one in symbols]


def size_of_embedding(embedding_size: int | None, cell: Cell) -> int:
    """The size that was given, or what it was before it could be: that of the cell."""
    return cell.output_size if embedding_size is None else embedding_size


def fed_by_previous(
    feed_previous: bool | Tensor,
    inputs: Sequence[Tensor],
    embedding: Tensor,
    output_projection: Projection | None,
    update_embedding: bool,
) -> LoopFunction | None:
    """The loop function of greedy decoding, or None where the inputs are taken as they are.

    A tensor in place of a bool chooses when run, so that the work of greedy decoding is not done
    in training.
    """
    if isinstance(feed_previous, bool) and not feed_previous:
        return None
    greedy = _extract_argmax_and_embed(embedding, output_projection, update_embedding)
    if isinstance(feed_previous, bool):
        return greedy
    chosen = tf.convert_to_tensor(feed_previous)
    return lambda output, step: tf.cond(
        chosen, lambda: greedy(output, step), lambda: tf.identity(inputs[step])
    )


def _extract_argmax_and_embed(
    embedding: Tensor,
    output_projection: Projection | None = None,
    update_embedding: bool = True,
) -> LoopFunction:
    """A loop function that gives the embedding of the symbol with the largest logit.

    Args:
      embedding: `[num_symbols, embedding_size]`.
      output_projection, update_embedding: as in `embedding_rnn_decoder`, where the latter is
        called update_embedding_for_previous.

    Returns:
      A function of an output and a step, for `rnn_decoder`.
    """

    def loop_function(output: Tensor, _: Any) -> Tensor:
        if output_projection is not None:
            output = tf.nn.xw_plus_b(output, *output_projection)
        embedded = tf.nn.embedding_lookup(embedding, tf.argmax(output, axis=1))
        return embedded if update_embedding else tf.stop_gradient(embedded)

    return loop_function


def check_projection(projection: Projection | None, num_symbols: int, dtype: DType) -> None:
    """Raises ValueError unless the projection, if there is one, makes logits of the symbols."""
    if projection is not None:
        weights, biases = (tf.convert_to_tensor(part, dtype=dtype) for part in projection)
        weights.get_shape().assert_is_compatible_with([None, num_symbols])
        biases.get_shape().assert_is_compatible_with([num_symbols])
