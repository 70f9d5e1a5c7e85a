"""The tables of `tf.contrib.lookup`, on those that TensorFlow has today."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import DType, Tensor

HasherSpec = namedtuple("HasherSpec", ["hasher", "key"])
FastHashSpec = HasherSpec("fasthash", None)

KeyValueTensorInitializer = tf.lookup.KeyValueTensorInitializer
TextFileIndex = tf.lookup.TextFileIndex
TextFileInitializer = tf.lookup.TextFileInitializer


class StrongHashSpec(HasherSpec):
    """A hash function that a key of two ints decides.

    Args:
      key: list or tuple of two integers.

    Raises:
      ValueError: it has another size.
      TypeError: its parts are no integers.
    """

    __slots__ = ()

    def __new__(cls, key: Any) -> StrongHashSpec:
        """Checks the key."""
        if len(key) != 2:
            raise ValueError(f"key must have size 2, got {len(key)}.")
        if not all(isinstance(part, int) for part in key):
            raise TypeError(f"Invalid key {key}. Must be unsigned integer values.")
        return super().__new__(cls, "stronghash", key)


class TextFileStringTableInitializer(tf.lookup.TextFileInitializer):
    """Fills a table from ids to words with the lines of a file.

    Args:
      filename: of a text file with a word a line.
      key_column_index, value_column_index: a column, or `TextFileIndex`; by default an id is the
        number of its line.
      vocab_size: how many lines it has, if known.
      delimiter: between columns.
      name: name of the ops.
    """

    def __init__(
        self,
        filename: str | Tensor,
        key_column_index: int = TextFileIndex.LINE_NUMBER,
        value_column_index: int = TextFileIndex.WHOLE_LINE,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str = "text_file_string_table_init",
    ) -> None:
        columns = (tf.int64, key_column_index, tf.string, value_column_index)
        super().__init__(filename, *columns, vocab_size=vocab_size, delimiter=delimiter, name=name)


class TextFileIdTableInitializer(tf.lookup.TextFileInitializer):
    """Fills a table from words to ids with the lines of a file.

    Args:
      filename: of a text file with a word a line.
      key_column_index, value_column_index: a column, or `TextFileIndex`; by default an id is the
        number of its line.
      vocab_size: how many lines it has, if known.
      delimiter: between columns.
      name: name of the ops.
      key_dtype: tf.string or tf.int64.
    """

    def __init__(
        self,
        filename: str | Tensor,
        key_column_index: int = TextFileIndex.WHOLE_LINE,
        value_column_index: int = TextFileIndex.LINE_NUMBER,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str = "text_file_id_table_init",
        key_dtype: DType = tf.string,
    ) -> None:
        columns = (key_dtype, key_column_index, tf.int64, value_column_index)
        super().__init__(filename, *columns, vocab_size=vocab_size, delimiter=delimiter, name=name)


class HashTable(tf.lookup.StaticHashTable):
    """A table that an initializer fills once.

    Args:
      initializer: what fills it, such as `KeyValueTensorInitializer(keys, values)`.
      default_value: for keys that it has not.
      shared_name: not used.
      name: name of the ops.
    """

    def __init__(
        self,
        initializer: Any,
        default_value: Any,
        shared_name: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(initializer, default_value, name=name)

    @property
    def init(self) -> tf.Operation:
        """The op that fills the table; `tf.tables_initializer()` runs it, too."""
        return self.initializer


class MutableHashTable(tf.lookup.experimental.MutableHashTable):
    """A table that is filled by `insert`.

    Args:
      key_dtype, value_dtype: of keys and values.
      default_value: for keys that it has not.
      shared_name: not used.
      name: name of the ops.
      checkpoint: whether a `tf.train.Saver` saves its contents.
    """

    def __init__(
        self,
        key_dtype: DType,
        value_dtype: DType,
        default_value: Any,
        shared_name: str | None = None,
        name: str = "MutableHashTable",
        checkpoint: bool = True,
    ) -> None:
        super().__init__(key_dtype, value_dtype, default_value, name=name, checkpoint=checkpoint)


class MutableDenseHashTable(tf.lookup.experimental.DenseHashTable):
    """A faster table that is filled by `insert`, with two keys set aside.

    Args:
      key_dtype, value_dtype: of keys and values.
      default_value: for keys that it has not.
      empty_key, deleted_key: keys that are never used.
      initial_num_buckets: how large it is at first, a power of 2.
      shared_name: not used.
      name: name of the ops.
      checkpoint: whether a `tf.train.Saver` saves its contents.
    """

    def __init__(
        self,
        key_dtype: DType,
        value_dtype: DType,
        default_value: Any,
        empty_key: Any,
        deleted_key: Any,
        initial_num_buckets: int | None = None,
        shared_name: str | None = None,
        name: str = "MutableDenseHashTable",
        checkpoint: bool = True,
    ) -> None:
        super().__init__(
            key_dtype,
            value_dtype,
            default_value,
            empty_key,
            deleted_key,
            initial_num_buckets=initial_num_buckets,
            name=name,
            checkpoint=checkpoint,
        )


class IdTableWithHashBuckets:
    """A table from words to ids that gives words that it has not an id by their hash.

    Args:
      table: a table to int64 ids from 0 on, with the default value -1; or None for hashes alone.
      num_oov_buckets: the number of the ids that come after those of the table.
      hasher_spec: `FastHashSpec` or a `StrongHashSpec`.
      name: name of the ops.
      key_dtype: of the keys, tf.string or an integer; by default the table's, or tf.string.

    Raises:
      TypeError: a dtype or the hash function is none of these.
      ValueError: there are neither a table nor buckets.
    """

    def __init__(
        self,
        table: Any,
        num_oov_buckets: int,
        hasher_spec: HasherSpec = FastHashSpec,
        name: str | None = None,
        key_dtype: DType | None = None,
    ) -> None:
        if table is None and num_oov_buckets <= 0:
            raise ValueError("oov_buckets must be > 0 if no table is supplied.")
        key_dtype = tf.as_dtype(key_dtype or (table.key_dtype if table else tf.string))
        if key_dtype != tf.string and not key_dtype.is_integer:
            raise TypeError(f"Invalid key_dtype, expected integer or string, got {key_dtype}.")
        if table is not None and (table.key_dtype == tf.string) != (key_dtype == tf.string):
            raise TypeError(f"Invalid key_dtype: the table's keys are {table.key_dtype}.")
        if table is not None and table.value_dtype != tf.int64:
            raise TypeError(f"Invalid value_dtype, expected int64, got {table.value_dtype}.")
        if not isinstance(hasher_spec, HasherSpec):
            raise TypeError(f"hasher_spec must be of type HasherSpec, got {hasher_spec}")
        self._table = table
        self._num_oov_buckets = num_oov_buckets
        self._hasher_spec = hasher_spec
        table_name = table and table.name  # None in eager mode
        self._name = (name or table_name or "hash_bucket").split("/")[-1]
        self.key_dtype = key_dtype
        self.value_dtype = tf.int64

    @property
    def name(self) -> str:
        """Name of the table."""
        return self._name

    @property
    def resource_handle(self) -> Tensor | None:
        """The handle of the table inside."""
        return self._table.resource_handle if self._table else None

    @property
    def initializer(self) -> tf.Operation:
        """The op that fills the table."""
        return self._table.initializer if self._table else tf.no_op()

    init = initializer

    def size(self, name: str | None = None) -> Tensor:
        """The number of ids, those of buckets, too; an int64 scalar."""
        with tf.name_scope(name, f"{self.name}_Size"):
            known = self._table.size() if self._table else tf.constant(0, tf.int64)
            return known + self._num_oov_buckets

    def lookup(self, keys: Tensor | tf.SparseTensor, name: str | None = None) -> Any:
        """The int64 ids of keys, dense or sparse as they are.

        Raises:
          TypeError: the keys are of another dtype.
          ValueError: there is no such hash function.
        """
        if keys.dtype.base_dtype != self.key_dtype:
            raise TypeError(f"Signature mismatch. Keys must be {self.key_dtype}, got {keys.dtype}.")
        if isinstance(keys, tf.SparseTensor):
            return keys.with_values(self.lookup(keys.values, name))
        with tf.name_scope(name, f"{self.name}_Lookup"):
            if self._table is None:
                return self._buckets(keys)
            ids = self._table.lookup(tf.cast(keys, self._table.key_dtype))
            if not self._num_oov_buckets:
                return ids
            buckets = self._buckets(keys) + self._table.size()
            return tf.where(tf.not_equal(ids, self._table.default_value), ids, buckets)

    def _buckets(self, keys: Tensor) -> Tensor:
        """The buckets of keys, from 0 on."""
        texts = keys if self.key_dtype == tf.string else tf.as_string(keys)
        hasher, key = self._hasher_spec
        sizes: dict[str, Any] = {"num_buckets": self._num_oov_buckets, "name": "hash_bucket"}
        if hasher == "fasthash":
            return tf.strings.to_hash_bucket_fast(texts, **sizes)
        if hasher == "legacy":
            return tf.strings.to_hash_bucket(texts, **sizes)
        if hasher == "stronghash":
            return tf.strings.to_hash_bucket_strong(texts, key=list(key), **sizes)
        raise ValueError(f"Unknown hasher {hasher}")
