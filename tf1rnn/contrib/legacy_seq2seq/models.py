"""Whole models: an encoder reads a list of inputs, and a decoder starts from its last state."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.legacy_seq2seq.decoders import (
    LoopFunction,
    Projection,
    check_projection,
    embedding_attention_decoder,
    embedding_rnn_decoder,
    fed_by_previous,
    rnn_decoder,
    size_of_embedding,
)
from tf1rnn.contrib.rnn.projections import EmbeddingWrapper, OutputProjectionWrapper
from tf1rnn.layer import Layer
from tf1rnn.rnn_cell import assert_like_rnncell
from tf1rnn.static import static_rnn
from tf1rnn.types import Cell, DType, Nest, Scope, Tensor

# What a layer has only once it has been called.
_OF_A_BUILT_LAYER = ("built", "_called", "_scope", "_graph", "_noted_variables", "_losses")


def basic_rnn_seq2seq(
    encoder_inputs: Sequence[Tensor],
    decoder_inputs: Sequence[Tensor],
    cell: Cell,
    dtype: DType = tf.float32,
    scope: Scope = None,
) -> tuple[list[Tensor], Nest]:
    """A cell reads, and another like it writes (Sutskever et al. 2014, arXiv 1409.3215).

    Args:
      encoder_inputs, decoder_inputs: lists of tensors `[batch_size, depth]`, one a step.
      cell: an RNN cell. The encoder's is a copy with variables of its own.
      dtype: dtype of the encoder's zero state.
      scope: variable scope or its name, "basic_rnn_seq2seq" by default.

    Returns:
      `(outputs, state)` as `rnn_decoder`.
    """
    with tf.variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = static_rnn(_copy_without_variables(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(
    encoder_inputs: Sequence[Tensor],
    decoder_inputs: Sequence[Tensor],
    cell: Cell,
    loop_function: LoopFunction | None = None,
    dtype: DType = tf.float32,
    scope: Scope = None,
) -> tuple[list[Tensor], Nest]:
    """`basic_rnn_seq2seq` with one cell, whose variables reading and writing share.

    Args:
      encoder_inputs, decoder_inputs, cell, dtype: as there.
      loop_function: as in `rnn_decoder`.
      scope: variable scope or its name in "combined_tied_rnn_seq2seq", "tied_rnn_seq2seq" by
        default.

    Returns:
      `(outputs, state)` as `rnn_decoder`.
    """
    with tf.variable_scope("combined_tied_rnn_seq2seq") as variables:
        scope = scope or "tied_rnn_seq2seq"
        _, state = static_rnn(cell, encoder_inputs, dtype=dtype, scope=scope)
        variables.reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function, scope)


def embedding_rnn_seq2seq(
    encoder_inputs: Sequence[Tensor],
    decoder_inputs: Sequence[Tensor],
    cell: Cell,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int | None = None,
    output_projection: Projection | None = None,
    feed_previous: bool | Tensor = False,
    dtype: DType | None = None,
    scope: Scope = None,
) -> tuple[list[Tensor], Nest]:
    """`basic_rnn_seq2seq` of symbols: both sides have embeddings of their own.

    Args:
      encoder_inputs, decoder_inputs: lists of int tensors `[batch_size]`, one a step.
      cell: an RNN cell. The encoder's is a copy with variables of its own.
      num_encoder_symbols, num_decoder_symbols: how many symbols each side has.
      embedding_size, output_projection, feed_previous: as in `embedding_rnn_decoder`; without
        output_projection the outputs are projected to num_decoder_symbols logits.
      dtype: dtype of states and variables, by default that of the scope.
      scope: variable scope or its name, "embedding_rnn_seq2seq" by default.

    Returns:
      `(outputs, state)`: list of tensors `[batch_size, num_decoder_symbols]`, with
      output_projection `[batch_size, output_size]`, and the final state.

    Raises:
      ValueError: output_projection has another shape.
    """
    embedding_size = size_of_embedding(embedding_size, cell)
    with tf.variable_scope(scope or "embedding_rnn_seq2seq", dtype=dtype) as variables:
        encoder = EmbeddingWrapper(
            _copy_without_variables(cell), num_encoder_symbols, embedding_size
        )
        _, state = static_rnn(encoder, encoder_inputs, dtype=variables.dtype)
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)
        return embedding_rnn_decoder(
            decoder_inputs,
            state,
            cell,
            num_decoder_symbols,
            embedding_size,
            output_projection,
            feed_previous,
            update_embedding_for_previous=isinstance(feed_previous, bool),
        )


def embedding_tied_rnn_seq2seq(
    encoder_inputs: Sequence[Tensor],
    decoder_inputs: Sequence[Tensor],
    cell: Cell,
    num_symbols: int,
    embedding_size: int | None = None,
    num_decoder_symbols: int | None = None,
    output_projection: Projection | None = None,
    feed_previous: bool | Tensor = False,
    dtype: DType | None = None,
    scope: Scope = None,
) -> tuple[list[Tensor], Nest]:
    """`tied_rnn_seq2seq` of symbols: both sides share cell and embeddings.

    Args:
      encoder_inputs, decoder_inputs, cell, embedding_size, output_projection, feed_previous,
        dtype: as in `embedding_rnn_seq2seq`.
      num_symbols: how many symbols there are.
      num_decoder_symbols: how many of them, the first, the decoder writes; by default all.
      scope: variable scope or its name, "embedding_tied_rnn_seq2seq" by default.

    Returns, Raises:
      As `embedding_rnn_seq2seq`.
    """
    embedding_size = size_of_embedding(embedding_size, cell)
    with tf.variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as variables:
        check_projection(output_projection, num_symbols, variables.dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        embedded_encoder_inputs, embedded_decoder_inputs = (
            [tf.nn.embedding_lookup(embedding, one) for one in symbols]
            for symbols in (encoder_inputs, decoder_inputs)
        )
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols or num_symbols)
        loop_function = fed_by_previous(
            feed_previous,
            embedded_decoder_inputs,
            embedding,
            output_projection,
            update_embedding=isinstance(feed_previous, bool),
        )
        return tied_rnn_seq2seq(
            embedded_encoder_inputs,
            embedded_decoder_inputs,
            cell,
            loop_function,
            variables.dtype,
        )


def embedding_attention_seq2seq(
    encoder_inputs: Sequence[Tensor],
    decoder_inputs: Sequence[Tensor],
    cell: Cell,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int | None = None,
    num_heads: int = 1,
    output_projection: Projection | None = None,
    feed_previous: bool | Tensor = False,
    dtype: DType | None = None,
    scope: Scope = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Nest]:
    """`embedding_rnn_seq2seq` whose decoder looks at the encoder's outputs.

    Vinyals et al. 2015 (arXiv 1412.7449); see `attention_decoder`.

    Args:
      encoder_inputs, decoder_inputs, cell, num_encoder_symbols, num_decoder_symbols,
        embedding_size, output_projection, feed_previous, dtype: as in `embedding_rnn_seq2seq`.
      num_heads, initial_state_attention: as in `attention_decoder`.
      scope: variable scope or its name, "embedding_attention_seq2seq" by default.

    Returns, Raises:
      As `embedding_rnn_seq2seq`.
    """
    embedding_size = size_of_embedding(embedding_size, cell)
    with tf.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as variables:
        encoder = EmbeddingWrapper(
            _copy_without_variables(cell), num_encoder_symbols, embedding_size
        )
        read, state = static_rnn(encoder, encoder_inputs, dtype=variables.dtype)
        output_size = None
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)
            output_size = num_decoder_symbols
        return embedding_attention_decoder(
            decoder_inputs,
            state,
            tf.stack(read, axis=1),
            cell,
            num_decoder_symbols,
            embedding_size,
            num_heads,
            output_size,
            output_projection,
            feed_previous,
            update_embedding_for_previous=isinstance(feed_previous, bool),
            initial_state_attention=initial_state_attention,
        )


def one2many_rnn_seq2seq(
    encoder_inputs: Sequence[Tensor],
    decoder_inputs_dict: dict[Any, Sequence[Tensor]],
    enc_cell: Cell,
    dec_cells_dict: dict[Any, Cell],
    num_encoder_symbols: int,
    num_decoder_symbols_dict: dict[Any, int],
    embedding_size: int,
    feed_previous: bool | Tensor = False,
    dtype: DType | None = None,
    scope: Scope = None,
) -> tuple[dict[Any, list[Tensor]], dict[Any, Nest]]:
    """One encoder, and several decoders that start from its state (Luong et al. 2015).

    Multi-task sequence to sequence learning, arXiv 1511.06114. The variables of a decoder lie in
    the scope `one2many_decoder_<name>`.

    Args:
      encoder_inputs, num_encoder_symbols, embedding_size, feed_previous, dtype: as in
        `embedding_rnn_seq2seq`.
      decoder_inputs_dict, dec_cells_dict, num_decoder_symbols_dict: for each decoder's name its
        inputs, a list of int tensors `[batch_size]`, its cell, and how many symbols it writes.
      enc_cell: the encoder's cell.
      scope: variable scope or its name, "one2many_rnn_seq2seq" by default.

    Returns:
      `(outputs, states)`: for each decoder's name what `embedding_rnn_seq2seq` returns.

    Raises:
      TypeError: one of the cells is no cell.
      ValueError: the dicts have other names.
    """
    assert_like_rnncell("enc_cell", enc_cell)
    if set(dec_cells_dict) != set(decoder_inputs_dict):
        raise ValueError("keys of dec_cells_dict != keys of decoder_inputs_dict")
    for name, cell in dec_cells_dict.items():
        assert_like_rnncell(f"dec_cells_dict[{name!r}]", cell)
    outputs, states = {}, {}
    with tf.variable_scope(scope or "one2many_rnn_seq2seq", dtype=dtype) as variables:
        encoder = EmbeddingWrapper(enc_cell, num_encoder_symbols, embedding_size)
        _, state = static_rnn(encoder, encoder_inputs, dtype=variables.dtype)
        for name, decoder_inputs in decoder_inputs_dict.items():
            num_symbols = num_decoder_symbols_dict[name]
            with tf.variable_scope(f"one2many_decoder_{name}"):
                outputs[name], states[name] = embedding_rnn_decoder(
                    decoder_inputs,
                    state,
                    OutputProjectionWrapper(dec_cells_dict[name], num_symbols),
                    num_symbols,
                    embedding_size,
                    feed_previous=feed_previous,
                )
    return outputs, states


def _copy_without_variables(cell: Cell) -> Cell:
    """A copy that makes variables where it is called, also of a cell that has been called.

    Scripts with buckets hand over one cell for all of them. In the second bucket the scopes are
    reused, and the encoder's copy has to find there the variables of the first one's.
    """
    copied_parts: dict[int, Any] = {}
    copied = copy.deepcopy(cell, copied_parts)
    for part in copied_parts.values():
        if isinstance(part, Layer):
            for name in _OF_A_BUILT_LAYER:
                part.__dict__.pop(name, None)
    return copied
