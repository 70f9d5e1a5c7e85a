"""`tf.contrib.layers`, served by tf-slim, and what it lacks: encoders of word ids, feature columns.

A name that does not stand here is looked up in tf-slim when it is asked for: the layers
(`fully_connected`, `conv2d`, `batch_norm` ...), initializers, regularizers, summaries and
`optimize_loss`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib import sparse_ops
from tf1rnn.contrib.feature_columns import (
    embedding_column,
    input_from_feature_columns,
    one_hot_column,
    real_valued_column,
    sequence_input_from_feature_columns,
    sparse_column_with_hash_bucket,
    sparse_column_with_integerized_feature,
)
from tf1rnn.contrib.slim import names_of, slim_module
from tf1rnn.contrib.sparse_ops import dense_to_sparse_tensor
from tf1rnn.types import Initializer, Reuse, Scope, Tensor

__all__ = [
    "bow_encoder",
    "dense_to_sparse_tensor",
    "embed_sequence",
    "embedding_column",
    "embedding_lookup_unique",
    "input_from_feature_columns",
    "one_hot_column",
    "real_valued_column",
    "safe_embedding_lookup_sparse",
    "sequence_input_from_feature_columns",
    "sparse_column_with_hash_bucket",
    "sparse_column_with_integerized_feature",
    "sparse_ops",
]


__getattr__ = names_of(
    "tf.contrib.layers",
    "tf_slim.layers",
    "tf_slim.layers.layers",
    "tf_slim.layers.utils",
    "tf_slim.layers.optimizers",
)


def __dir__() -> list[str]:
    layers = slim_module("tf_slim.layers", "tf.contrib.layers")
    return sorted({name for name in dir(layers) if not name.startswith("_")}.union(__all__))


safe_embedding_lookup_sparse = tf.nn.safe_embedding_lookup_sparse


def embedding_lookup_unique(
    params: Any, ids: Tensor, partition_strategy: str = "mod", name: str | None = None
) -> Tensor:
    """`tf.nn.embedding_lookup` that reads each row once, however often its id stands in `ids`.

    Args:
      params: a variable `[vocab_size, embed_dim]`, or a list of its partitions.
      ids: int tensor of any shape.
      partition_strategy: how ids are spread over partitions, "mod" or "div".
      name: name of the scope of the ops.

    Returns:
      `ids.shape + [embed_dim]`.
    """
    with tf.name_scope(name, "EmbeddingLookupUnique", [params, ids]):
        ids = tf.convert_to_tensor(ids)
        unique, index = tf.unique(tf.reshape(ids, [-1]))
        rows = tf.nn.embedding_lookup(params, unique, partition_strategy=partition_strategy)
        flat = tf.gather(rows, index)
        found = tf.reshape(flat, tf.concat([tf.shape(ids), tf.shape(flat)[1:]], 0))
        found.set_shape(ids.shape.concatenate(flat.shape[1:]))
        return found


def bow_encoder(
    ids: Tensor | tf.SparseTensor,
    vocab_size: int,
    embed_dim: int,
    sparse_lookup: bool = True,
    initializer: Initializer | None = None,
    regularizer: Callable[[Tensor], Tensor] | None = None,
    trainable: bool = True,
    scope: Scope = None,
    reuse: Reuse = None,
) -> Tensor:
    """The average of a document's word vectors: a bag of words.

    Args:
      ids: int `[batch_size, num_words]`, dense or sparse.
      vocab_size, embed_dim: shape of the variable `embeddings`.
      sparse_lookup: leave out ids 0, which pad a document; one without words has the vector of 0.
      initializer, regularizer, trainable: of `embeddings`.
      scope: name or scope of the variable, "bow_encoder" by default.
      reuse: True to use a variable that exists already.

    Returns:
      `[batch_size, embed_dim]`.

    Raises:
      ValueError: a size is missing.
      TypeError: ids are sparse, and the lookup is not.
    """
    if not vocab_size or not embed_dim:
        raise ValueError("Must specify vocab size and embedding dimension")
    with tf.variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        embeddings = _embeddings([vocab_size, embed_dim], initializer, regularizer, trainable)
        sparse = isinstance(ids, tf.SparseTensor)
        if not sparse_lookup:
            if sparse:
                raise TypeError(f"ids are expected to be dense Tensor, got: {ids}")
            return tf.reduce_mean(tf.nn.embedding_lookup(embeddings, ids), axis=1)
        if not sparse:
            ids = dense_to_sparse_tensor(ids)
        return safe_embedding_lookup_sparse([embeddings], ids, combiner="mean", default_id=0)


def embed_sequence(
    ids: Tensor,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Initializer | None = None,
    regularizer: Callable[[Tensor], Tensor] | None = None,
    trainable: bool = True,
    scope: Scope = None,
    reuse: Reuse = None,
) -> Tensor:
    """The word vectors of sequences.

    Args:
      ids: int `[batch_size, num_steps]`.
      vocab_size, embed_dim: shape of the variable `embeddings`; may be missing with `reuse`.
      unique: read the vector of each word once.
      initializer, regularizer, trainable: of `embeddings`.
      scope: name or scope of the variable, "EmbedSequence" by default.
      reuse: True to use a variable that exists already.

    Returns:
      `[batch_size, num_steps, embed_dim]`.

    Raises:
      ValueError: a size is missing, and the variable is new.
    """
    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError(
            "Must specify vocab size and embedding dimension when not reusing. "
            f"Got vocab_size={vocab_size} and embed_dim={embed_dim}"
        )
    with tf.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = None if vocab_size is None or embed_dim is None else [vocab_size, embed_dim]
        embeddings = _embeddings(shape, initializer, regularizer, trainable)
        lookup = embedding_lookup_unique if unique else tf.nn.embedding_lookup
        return lookup(embeddings, ids)


def _embeddings(
    shape: list[int] | None,
    initializer: Initializer | None,
    regularizer: Callable[[Tensor], Tensor] | None,
    trainable: bool,
) -> tf.Variable:
    """The variable of word vectors, a model variable."""
    return tf.get_variable(
        "embeddings",
        shape,
        initializer=initializer,
        regularizer=regularizer,
        trainable=trainable,
        collections=[tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES],
    )
