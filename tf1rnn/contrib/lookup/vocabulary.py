"""Tables between words and ids, from a list or file of the words."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.lookup.tables import (
    FastHashSpec,
    HasherSpec,
    HashTable,
    IdTableWithHashBuckets,
    KeyValueTensorInitializer,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileStringTableInitializer,
)
from tf1rnn.types import DType, Tensor


def index_table_from_file(
    vocabulary_file: str | Tensor | None = None,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    hasher_spec: HasherSpec = FastHashSpec,
    key_dtype: DType = tf.string,
    name: str | None = None,
    key_column_index: int = TextFileIndex.WHOLE_LINE,
    value_column_index: int = TextFileIndex.LINE_NUMBER,
    delimiter: str = "\t",
) -> Any:
    """A table from the words of a file, one a line, to the numbers of their lines, from 0 on.

    Args:
      vocabulary_file: name of the file.
      num_oov_buckets: ids for other words, given by their hash, after those of the file.
      vocab_size: how many lines count; all by default.
      default_value: the id of other words, without such buckets.
      hasher_spec: the hash function.
      key_dtype: dtype of the words, which may be integers.
      name: name of the ops.
      key_column_index, value_column_index, delimiter: as in `TextFileInitializer`.

    Returns:
      A table, with `lookup(tensor)` and `init`.

    Raises:
      ValueError: an argument is missing or out of its range.
      TypeError: `key_dtype` is neither string nor integer.
    """
    if vocabulary_file is None or (isinstance(vocabulary_file, str) and not vocabulary_file):
        raise ValueError("vocabulary_file must be specified and must not be empty.")
    _check_buckets(num_oov_buckets)
    if vocab_size is not None and vocab_size < 1:
        raise ValueError(
            "vocab_file_size must be greater than 0, "
            f"got {vocab_size} for vocabulary file {vocabulary_file}"
        )
    key_dtype = _checked_key_dtype(key_dtype)
    with tf.name_scope(name, "string_to_index"):
        stored = tf.int64 if key_dtype.is_integer else key_dtype
        initializer = TextFileIdTableInitializer(
            vocabulary_file,
            key_column_index,
            value_column_index,
            vocab_size,
            delimiter,
            key_dtype=stored,
        )
        table = HashTable(initializer, default_value, name="hash_table")
        return _with_buckets(table, num_oov_buckets, hasher_spec, key_dtype)


def index_table_from_tensor(
    mapping: Any = None,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: HasherSpec = FastHashSpec,
    dtype: DType = tf.string,
    name: str | None = None,
    vocabulary_list: Any = None,
) -> Any:
    """A table from the words of a vector to their places in it, from 0 on.

    Args:
      mapping: words or integers `[vocab_size]`, each once.
      num_oov_buckets: ids for other words, given by their hash, after those of the vector.
      default_value: the id of other words, without such buckets.
      hasher_spec: the hash function.
      dtype: dtype of the words.
      name: name of the ops.
      vocabulary_list: another name of `mapping`.

    Returns:
      A table, with `lookup(tensor)` and `init`.

    Raises:
      ValueError: an argument is missing or out of its range.
      TypeError: the words are neither strings nor integers.
    """
    mapping = vocabulary_list if mapping is None else mapping
    if mapping is None:
        raise ValueError("mapping must be specified.")
    _check_buckets(num_oov_buckets)
    dtype = _checked_key_dtype(dtype)
    with tf.name_scope(name, "string_to_index"):
        keys = tf.convert_to_tensor(mapping)
        if keys.dtype.is_integer != dtype.is_integer:
            raise ValueError(f"Expected {dtype}, got {keys.dtype}.")
        if not dtype.is_integer and keys.dtype.base_dtype != dtype:
            raise ValueError(f"Expected {dtype}, got {keys.dtype}.")
        keys = tf.cast(keys, tf.int64) if keys.dtype.is_integer else keys
        ids = tf.range(tf.size(keys, out_type=tf.int64))
        initializer = KeyValueTensorInitializer(keys, ids, keys.dtype, tf.int64, name="table_init")
        table = HashTable(initializer, default_value, name="hash_table")
        return _with_buckets(table, num_oov_buckets, hasher_spec, dtype)


def index_to_string_table_from_file(
    vocabulary_file: str | Tensor,
    vocab_size: int | None = None,
    default_value: str = "UNK",
    name: str | None = None,
    key_column_index: int = TextFileIndex.LINE_NUMBER,
    value_column_index: int = TextFileIndex.WHOLE_LINE,
    delimiter: str = "\t",
) -> HashTable:
    """A table from the numbers of a file's lines, from 0 on, to the words in them.

    Args:
      vocabulary_file: name of the file.
      vocab_size: how many lines count; all by default.
      default_value: the word of other ids.
      name: name of the ops.
      key_column_index, value_column_index, delimiter: as in `TextFileInitializer`.

    Returns:
      A table, with `lookup(int64 tensor)` and `init`.

    Raises:
      ValueError: an argument is missing or out of its range.
    """
    if vocabulary_file is None or (isinstance(vocabulary_file, str) and not vocabulary_file):
        raise ValueError("vocabulary_file must be specified and must not be empty.")
    if vocab_size is not None and vocab_size < 1:
        raise ValueError(f"vocab_size must be greater than 0, got {vocab_size}.")
    with tf.name_scope(name, "index_to_string"):
        initializer = TextFileStringTableInitializer(
            vocabulary_file, key_column_index, value_column_index, vocab_size, delimiter
        )
        return HashTable(initializer, default_value, name="hash_table")


def index_to_string_table_from_tensor(
    mapping: Any = None,
    default_value: str = "UNK",
    name: str | None = None,
    vocabulary_list: Any = None,
) -> HashTable:
    """A table from places in a vector, from 0 on, to the words there.

    Args:
      mapping: words `[vocab_size]`.
      default_value: the word of other ids.
      name: name of the ops.
      vocabulary_list: another name of `mapping`.

    Returns:
      A table, with `lookup(int64 tensor)` and `init`.

    Raises:
      ValueError: the words are missing.
    """
    mapping = vocabulary_list if mapping is None else mapping
    if mapping is None:
        raise ValueError("mapping must be specified.")
    with tf.name_scope(name, "index_to_string"):
        words = tf.convert_to_tensor(mapping, tf.string)
        ids = tf.range(tf.size(words, out_type=tf.int64))
        initializer = KeyValueTensorInitializer(ids, words, tf.int64, tf.string, name="table_init")
        return HashTable(initializer, default_value, name="hash_table")


def string_to_index(
    tensor: Any, mapping: Any, default_value: int = -1, name: str | None = None
) -> Any:
    """The int64 ids of words by `index_table_from_tensor(mapping, ...)`."""
    table = index_table_from_tensor(mapping, default_value=default_value, name=name)
    return table.lookup(tf.convert_to_tensor(tensor))


def index_to_string(
    tensor: Any, mapping: Any, default_value: str = "UNK", name: str | None = None
) -> Any:
    """The words of int64 ids by `index_to_string_table_from_tensor(mapping, ...)`."""
    table = index_to_string_table_from_tensor(mapping, default_value, name)
    return table.lookup(tf.convert_to_tensor(tensor))


def string_to_index_table_from_file(
    vocabulary_file: str | Tensor | None = None,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    hasher_spec: HasherSpec = FastHashSpec,
    name: str | None = None,
) -> Any:
    """The older name of `index_table_from_file`."""
    given = (vocabulary_file, num_oov_buckets, vocab_size, default_value, hasher_spec)
    return index_table_from_file(*given, name=name)


def string_to_index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: HasherSpec = FastHashSpec,
    name: str | None = None,
) -> Any:
    """The older name of `index_table_from_tensor`."""
    return index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, name=name)


def _check_buckets(num_oov_buckets: int) -> None:
    if num_oov_buckets < 0:
        raise ValueError(f"num_oov_buckets must be >= 0, got {num_oov_buckets}.")


def _checked_key_dtype(dtype: DType) -> DType:
    dtype = tf.as_dtype(dtype)
    if dtype != tf.string and not dtype.is_integer:
        raise TypeError("Only integer and string keys are supported.")
    return dtype


def _with_buckets(table: HashTable, num_oov_buckets: int, spec: HasherSpec, dtype: DType) -> Any:
    """The table with ids for other words after its own; or as it is, where its keys fit."""
    if not num_oov_buckets and table.key_dtype == dtype:
        return table
    return IdTableWithHashBuckets(table, num_oov_buckets, spec, key_dtype=dtype)
