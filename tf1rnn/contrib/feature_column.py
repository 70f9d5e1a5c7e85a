"""`tf.contrib.feature_column`: the input layer of sequences, and the columns it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.feature_column import feature_column_v2

from tf1rnn.types import DType, Initializer, Shape, Tensor

_OF_TODAY = (
    "sequence_categorical_column_with_hash_bucket",
    "sequence_categorical_column_with_identity",
    "sequence_categorical_column_with_vocabulary_file",
    "sequence_categorical_column_with_vocabulary_list",
    "sequence_numeric_column",
)


def __getattr__(name: str) -> Any:
    """The columns of sequences are those of `tf.feature_column`."""
    if name in _OF_TODAY:
        return getattr(tf.feature_column, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_OF_TODAY})


def sequence_input_layer(
    features: Mapping[str, Any],
    feature_columns: Iterable[Any],
    weight_collections: Iterable[str] | None = None,
    trainable: bool = True,
) -> tuple[Tensor, Tensor]:
    """All columns of a sequence side by side, in the order of their names.

    Args:
      features: name to sparse tensor `[batch_size, num_steps, ...]`.
      feature_columns: `sequence_numeric_column`s, and `embedding_column`s or `indicator_column`s
        of a `sequence_categorical_column_with_...`.
      weight_collections: of variables, beside that of global ones.
      trainable: whether vectors of ids are trained.

    Returns:
      The input, float32 `[batch_size, num_steps, size]`, and the lengths, int64 `[batch_size]`.

    Raises:
      ValueError: a column is not one of a sequence, or one stands there twice.
      InvalidArgumentError: when run, where features have unequal lengths.
    """
    columns = sorted(feature_columns, key=lambda column: column.name)
    for column in columns:
        if not isinstance(column, feature_column_v2.SequenceDenseColumn):
            raise ValueError(
                "All feature_columns must be of type _SequenceDenseColumn: wrap a "
                "sequence_categorical_column with an embedding_column or indicator_column. "
                f"Given (type {type(column)}): {column}"
            )
    if len({column.name for column in columns}) < len(columns):
        raise ValueError(f"Duplicate feature column name found: {[c.name for c in columns]}")
    read = feature_column_v2.FeatureTransformationCache(features)
    variables = _Variables(tuple(weight_collections or ()), trainable)
    parts, lengths = [], []
    with tf.variable_scope(None, "sequence_input_layer", list(features.values())):
        for column in columns:
            with tf.variable_scope(None, column.name):
                column.create_state(variables)
                dense, length = column.get_sequence_dense_tensor(read, variables)
                parts.append(_flat(dense, column.variable_shape.num_elements()))
                lengths.append(length)
        return tf.concat(parts, -1), _the_same(lengths)


class _Variables(feature_column_v2.StateManager):
    """Makes the variables of columns, and knows them and their tables."""

    def __init__(self, collections: tuple[str, ...], trainable: bool):
        self._collections = [*collections, tf.GraphKeys.GLOBAL_VARIABLES]
        self._trainable = trainable
        self._made: dict[Any, Any] = {}
        self._resources: dict[Any, Any] = {}

    def create_variable(
        self,
        feature_column: Any,
        name: str,
        shape: Shape,
        dtype: DType | None = None,
        trainable: bool = True,
        use_resource: bool = True,
        initializer: Initializer | None = None,
    ) -> Any:
        variable = self._made[feature_column, name] = tf.get_variable(
            name,
            shape,
            dtype or tf.float32,
            initializer,
            trainable=self._trainable and trainable,
            collections=self._collections,
        )
        return variable

    def get_variable(self, feature_column: Any, name: str) -> Any:
        return self._made[feature_column, name]

    def add_resource(self, feature_column: Any, resource_name: str, resource: Any) -> None:
        self._resources[feature_column, resource_name] = resource

    def has_resource(self, feature_column: Any, resource_name: str) -> bool:
        return (feature_column, resource_name) in self._resources

    def get_resource(self, feature_column: Any, resource_name: str) -> Any:
        return self._resources[feature_column, resource_name]


def _flat(dense: Tensor, size: int) -> Tensor:
    """`[batch_size, num_steps, ...]` as `[batch_size, num_steps, size]`."""
    rows, steps = tf.unstack(tf.shape(dense)[:2])
    return tf.reshape(dense, [rows, steps, size])


def _the_same(lengths: list[Tensor]) -> Tensor:
    """The lengths of all columns, which are checked when run."""
    with tf.control_dependencies([tf.assert_equal(lengths[0], other) for other in lengths[1:]]):
        return tf.identity(lengths[0])
