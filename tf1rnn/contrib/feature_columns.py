"""`tf.contrib.layers`' feature columns: which features a model reads, and how they become numbers.

Columns of real numbers, and words or ids as one-hot vectors or as trained ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.sparse_ops import dense_to_sparse_tensor
from tf1rnn.types import DType, Initializer, Scope, Tensor

Features = Mapping[str, Any]  # of each name a tensor, or a sparse one of words and ids


@dataclass(frozen=True)
class FeatureColumn:
    """What columns have in common: a name, and a key that says where they stand in the input."""

    @property
    def name(self) -> str:
        """The name of the feature, with what is made of it."""
        raise NotImplementedError

    @property
    def key(self) -> tuple[str, ...]:
        """What columns are sorted by: TensorFlow 1's order, which the rows of kernels have."""
        return type(self).__name__, self.name

    def input_layer(self, features: Features, rank: int, weights: Weights) -> Tensor:
        """The column's part of the input, `[batch_size, ..., size]` of that rank."""
        raise ValueError(f"{self.name} is sparse: use embedding_column or one_hot_column of it")


@dataclass(frozen=True)
class Weights:
    """How variables of columns are made."""

    collections: tuple[str, ...] = ()
    trainable: bool = True


@dataclass(frozen=True)
class RealValuedColumn(FeatureColumn):
    """See `real_valued_column`."""

    column_name: str
    dimension: int = 1
    default_value: tuple[float, ...] | None = None
    dtype: DType = tf.float32
    normalizer: Callable[[Tensor], Tensor] | None = None

    @property
    def name(self) -> str:
        """The name of the feature."""
        return self.column_name

    def input_layer(self, features: Features, rank: int, weights: Weights) -> Tensor:
        """The numbers, float32; what lies within is flattened, and one dimension may be missing."""
        values = tf.convert_to_tensor(_feature(features, self.name))
        values = self.normalizer(values) if self.normalizer else values
        return _reshaped(tf.cast(values, tf.float32), rank, self.name)


@dataclass(frozen=True)
class SparseColumn(FeatureColumn):
    """Words or numbers that are ids, or are made such."""

    column_name: str
    bucket_size: int
    combiner: str
    dtype: DType

    def __post_init__(self) -> None:
        """Raises ValueError where the dtype or the number of buckets cannot be."""
        if self.dtype != tf.string and not self.dtype.is_integer:
            raise ValueError(f"dtype must be string or integer, got {self.dtype}")
        if self.bucket_size < 1:
            raise ValueError(f"bucket_size must be at least 1, got {self.bucket_size}")

    @property
    def name(self) -> str:
        """The name of the feature."""
        return self.column_name

    def ids(self, features: Features, rank: int) -> tf.SparseTensor:
        """The ids, int64 of that rank; "" and -1 of a dense feature are left out."""
        values = _feature(features, self.name)
        if not isinstance(values, tf.SparseTensor):
            values = _reshaped(tf.convert_to_tensor(values), 2, self.name)
            values = dense_to_sparse_tensor(values, "" if values.dtype == tf.string else -1)
        ids = tf.cast(self._ids_of(values.values), tf.int64)
        sparse = tf.SparseTensor(values.indices, ids, values.dense_shape)
        return tf.sparse.reshape(sparse, _flat_shape(values.dense_shape, rank))

    def _ids_of(self, values: Tensor) -> Tensor:
        raise NotImplementedError


class SparseColumnIntegerized(SparseColumn):
    """See `sparse_column_with_integerized_feature`."""

    def _ids_of(self, values: Tensor) -> Tensor:
        return tf.floormod(values, self.bucket_size)


class SparseColumnHashed(SparseColumn):
    """See `sparse_column_with_hash_bucket`."""

    def _ids_of(self, values: Tensor) -> Tensor:
        words = values if values.dtype == tf.string else tf.strings.as_string(values)
        return tf.strings.to_hash_bucket_fast(words, self.bucket_size)


@dataclass(frozen=True)
class OneHotColumn(FeatureColumn):
    """See `one_hot_column`."""

    sparse_id_column: SparseColumn

    @property
    def name(self) -> str:
        """The name of the feature and `_one_hot`."""
        return f"{self.sparse_id_column.name}_one_hot"

    @property
    def key(self) -> tuple[str, ...]:
        """By the kind of ids, then by name."""
        return type(self).__name__, *self.sparse_id_column.key

    def input_layer(self, features: Features, rank: int, weights: Weights) -> Tensor:
        """How often each id stands there, float32 `[batch_size, ..., bucket_size]`."""
        ids = tf.sparse.to_dense(self.sparse_id_column.ids(features, rank), default_value=-1)
        hot = tf.one_hot(ids, self.sparse_id_column.bucket_size)
        return tf.reduce_sum(hot, axis=rank - 1)


@dataclass(frozen=True)
class EmbeddingColumn(FeatureColumn):
    """See `embedding_column`."""

    sparse_id_column: SparseColumn
    dimension: int
    combiner: str = "mean"
    initializer: Initializer | None = None
    ckpt_to_load_from: str | None = None
    tensor_name_in_ckpt: str | None = None
    max_norm: float | None = None
    trainable: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError where a checkpoint lacks its tensor's name, or the reverse."""
        if (self.ckpt_to_load_from is None) != (self.tensor_name_in_ckpt is None):
            raise ValueError("ckpt_to_load_from and tensor_name_in_ckpt need one another")

    @property
    def name(self) -> str:
        """The name of the feature and `_embedding`."""
        return f"{self.sparse_id_column.name}_embedding"

    @property
    def key(self) -> tuple[str, ...]:
        """By the kind of ids, then by name."""
        return type(self).__name__, *self.sparse_id_column.key

    def input_layer(self, features: Features, rank: int, weights: Weights) -> Tensor:
        """The mean of the ids' vectors, float32 `[batch_size, ..., dimension]`; 0 without ids."""
        size = self.sparse_id_column.bucket_size
        with tf.variable_scope(None, self.name):
            variable = tf.get_variable(
                "weights",
                [size, self.dimension],
                initializer=self.initializer or tf.truncated_normal_initializer(0, size**-0.5),
                trainable=weights.trainable and self.trainable,
                collections=[
                    *weights.collections,
                    tf.GraphKeys.GLOBAL_VARIABLES,
                    tf.GraphKeys.MODEL_VARIABLES,
                ],
            )
            if self.ckpt_to_load_from:
                names = {self.tensor_name_in_ckpt: variable}
                tf.train.init_from_checkpoint(self.ckpt_to_load_from, names)
            ids = self.sparse_id_column.ids(features, rank)
            found = tf.nn.safe_embedding_lookup_sparse(
                [variable], ids, combiner=self.combiner, max_norm=self.max_norm
            )
        found.set_shape([None] * (rank - 1) + [self.dimension])
        return found


def _feature(features: Features, name: str) -> Any:
    if name not in features:
        raise ValueError(f"Feature {name!r} is not among the features: {sorted(features)}")
    return features[name]


def _flat_shape(shape: Tensor, rank: int) -> Tensor:
    """A shape of that rank: what lies within is one dimension, of 1 where there is nothing."""
    return tf.concat([shape[: rank - 1], [tf.reduce_prod(shape[rank - 1 :])]], 0)


def _reshaped(values: Tensor, rank: int, name: str) -> Tensor:
    """A dense tensor as one of that rank; its last size is known where it can be."""
    given = values.shape.rank
    if given is None or given < rank - 1:
        raise ValueError(
            f"Error while processing column {name}. Rank of input Tensor ({given}) should be "
            f"{rank}: sequences are [batch_size, num_steps, size], other features "
            "[batch_size, size]"
        )
    if given == rank:
        return values
    flat = tf.reshape(values, _flat_shape(tf.shape(values), rank))
    flat.set_shape(values.shape[: rank - 1].concatenate(values.shape[rank - 1 :].num_elements()))
    return flat


def real_valued_column(
    column_name: str,
    dimension: int = 1,
    default_value: Any = None,
    dtype: DType = tf.float32,
    normalizer: Callable[[Tensor], Tensor] | None = None,
) -> RealValuedColumn:
    """Numbers: `[batch_size, dimension]`, or `[batch_size, num_steps, dimension]` of sequences.

    Args:
      column_name: the name of the feature.
      dimension: how many there are; what the feature has counts.
      default_value: of features that are missing in an Example: a number, or one for each.
      dtype: of the numbers in an Example; the model gets float32.
      normalizer: a function of the feature to what the model gets.

    Raises:
      TypeError: dimension is no integer.
      ValueError: it is not positive, dtype is no number's, or default_value is of another length.
    """
    if not isinstance(dimension, int):
        raise TypeError(f"dimension must be an integer, got {dimension} for {column_name!r}")
    if dimension < 1:
        raise ValueError(f"dimension must be greater than 0, got {dimension} for {column_name!r}")
    if not (dtype.is_integer or dtype.is_floating):
        raise ValueError(f"dtype must be convertible to float, got {dtype} for {column_name!r}")
    if default_value is not None:
        listed = isinstance(default_value, (list, tuple))
        default_value = tuple(default_value) if listed else (default_value,) * dimension
        if len(default_value) != dimension:
            raise ValueError(f"default_value must have {dimension} values for {column_name!r}")
    return RealValuedColumn(column_name, dimension, default_value, dtype, normalizer)


def sparse_column_with_integerized_feature(
    column_name: str, bucket_size: int, combiner: str = "sum", dtype: DType = tf.int64
) -> SparseColumn:
    """Ids: an int tensor `[batch_size, num_steps]`, dense, with -1 where none is, or sparse.

    Args:
      column_name: the name of the feature.
      bucket_size: how many ids there are; of others the remainder is taken.
      combiner: taken and not used: `embedding_column` has its own.
      dtype: an integer type.

    Raises:
      ValueError: dtype is no integer type, or bucket_size is not positive.
    """
    if not dtype.is_integer:
        raise ValueError(f"dtype must be an integer, got {dtype} for {column_name!r}")
    return SparseColumnIntegerized(column_name, bucket_size, combiner, dtype)


def sparse_column_with_hash_bucket(
    column_name: str, hash_bucket_size: int, combiner: str = "sum", dtype: DType = tf.string
) -> SparseColumn:
    """Words or integers, whose hash is their id; dense with "" or -1 where none is, or sparse.

    Args:
      column_name: the name of the feature.
      hash_bucket_size: how many ids there are.
      combiner: taken and not used: `embedding_column` has its own.
      dtype: `tf.string` or an integer type.

    Raises:
      ValueError: dtype is neither, or hash_bucket_size is not positive.
    """
    return SparseColumnHashed(column_name, hash_bucket_size, combiner, dtype)


def one_hot_column(sparse_id_column: SparseColumn) -> OneHotColumn:
    """Ids as vectors with a 1 where the id is, `[batch_size, (num_steps,) bucket_size]`."""
    return OneHotColumn(sparse_id_column)


def embedding_column(
    sparse_id_column: SparseColumn,
    dimension: int,
    combiner: str = "mean",
    initializer: Initializer | None = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> EmbeddingColumn:
    """Ids as trained vectors, `[batch_size, (num_steps,) dimension]`.

    Args:
      sparse_id_column: the column of ids.
      dimension: size of a vector.
      combiner: "mean", "sqrtn" or "sum", of several ids in one place.
      initializer: of the variable `weights` `[bucket_size, dimension]`; by default a normal
        distribution of deviation 1 / sqrt(bucket_size), cut at two deviations.
      ckpt_to_load_from, tensor_name_in_ckpt: where the vectors begin.
      max_norm: the greatest length of a vector.
      trainable: whether the vectors are trained.

    Raises:
      ValueError: of ckpt_to_load_from and tensor_name_in_ckpt only one is given.
    """
    return EmbeddingColumn(
        sparse_id_column,
        dimension,
        combiner,
        initializer,
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )


def input_from_feature_columns(
    columns_to_tensors: Features,
    feature_columns: Iterable[FeatureColumn],
    weight_collections: Iterable[str] | None = None,
    trainable: bool = True,
    scope: Scope = None,
    cols_to_outs: dict[FeatureColumn, Tensor] | None = None,
) -> Tensor:
    """The first layer of a network: all columns side by side, in TensorFlow 1's order.

    Args:
      columns_to_tensors: name to feature, `[batch_size, ...]`.
      feature_columns: the columns.
      weight_collections: of variables, beside those of global and of model variables.
      trainable: whether vectors of ids are trained.
      scope: name or scope of variables, "input_from_feature_columns" by default.
      cols_to_outs: gets each column's part.

    Returns:
      float32 `[batch_size, size]`.

    Raises:
      ValueError: a feature is missing or of too low a rank, or a column is of another kind.
    """
    weights = Weights(tuple(weight_collections or ()), trainable)
    with tf.variable_scope(scope, "input_from_feature_columns"):
        parts = _parts(columns_to_tensors, feature_columns, 2, weights)
        if cols_to_outs is not None:
            cols_to_outs.update(parts)
        return tf.concat(list(parts.values()), 1)


def sequence_input_from_feature_columns(
    columns_to_tensors: Features,
    feature_columns: Iterable[FeatureColumn],
    weight_collections: Iterable[str] | None = None,
    trainable: bool = True,
    scope: Scope = None,
) -> Tensor:
    """`input_from_feature_columns` of sequences: `[batch_size, num_steps, size]`."""
    weights = Weights(tuple(weight_collections or ()), trainable)
    with tf.variable_scope(scope, "sequence_input_from_feature_columns"):
        parts = _parts(columns_to_tensors, feature_columns, 3, weights)
        return tf.concat(list(parts.values()), 2)


def _parts(
    features: Features, columns: Iterable[FeatureColumn], rank: int, weights: Weights
) -> dict[FeatureColumn, Tensor]:
    columns = list(columns)
    for column in columns:
        if not isinstance(column, FeatureColumn):
            raise ValueError(f"FeatureColumn type {type(column).__name__} is not supported here")
    in_order = sorted(dict.fromkeys(columns), key=lambda column: column.key)
    return {column: column.input_layer(features, rank, weights) for column in in_order}
