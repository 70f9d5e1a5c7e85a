"""`tf.contrib.data`: what `tf.data.experimental` has today, and what it has not.

`Dataset` and the readers are those of TensorFlow 1.2 and 1.3, whose `map` took `num_threads` and
`output_buffer_size`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Dimension, Nest, Shape

Transformation = Callable[[tf.data.Dataset], tf.data.Dataset]


def __getattr__(name: str) -> Any:
    """A name of `tf.data.experimental`."""
    return getattr(tf.data.experimental, name)


def __dir__() -> list[str]:
    return sorted({*dir(tf.data.experimental), *globals()})


def batch_and_drop_remainder(batch_size: Dimension) -> Transformation:
    """Batches of `batch_size` elements; what is left in the end is dropped."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(
    batch_size: Dimension, padded_shapes: Nest, padding_values: Nest = None
) -> Transformation:
    """Padded batches of `batch_size` elements; what is left in the end is dropped."""
    return lambda dataset: dataset.padded_batch(
        batch_size, padded_shapes, padding_values, drop_remainder=True
    )


def sloppy_interleave(
    map_func: Callable[..., tf.data.Dataset], cycle_length: int, block_length: int = 1
) -> Transformation:
    """`parallel_interleave` in whatever order the elements are ready."""
    return tf.data.experimental.parallel_interleave(map_func, cycle_length, block_length, True)


def sliding_window_batch(
    window_size: int,
    stride: int | None = None,
    window_shift: int | None = None,
    window_stride: int = 1,
) -> Transformation:
    """Batches of `window_size` elements that overlap.

    Args:
      window_size: elements of a batch.
      stride: an older name of `window_shift`.
      window_shift: how far the next batch begins after this, 1 by default.
      window_stride: how far the elements of a batch are apart.

    Raises:
      ValueError: both `stride` and `window_shift` are given.
    """
    if stride is not None and window_shift is not None:
        raise ValueError("Cannot specify both `stride` and `window_shift`")

    def windows(dataset: tf.data.Dataset) -> tf.data.Dataset:
        opened = dataset.window(window_size, stride or window_shift or 1, window_stride, True)
        return opened.flat_map(lambda *parts: _zipped(parts).batch(window_size))

    return windows


def _zipped(parts: tuple[Any, ...]) -> tf.data.Dataset:
    return parts[0] if len(parts) == 1 else tf.data.Dataset.zip(parts)


def assert_element_shape(expected_shapes: Nest) -> Transformation:
    """Sets the shapes of the elements, which are checked where they are not known.

    Args:
      expected_shapes: a nest of shapes, like an element.

    Raises:
      ValueError: at the use of it, the shapes are known and differ.
    """

    def checked(x: Any, shape: Shape) -> Any:
        return tf.ensure_shape(x, shape)

    def check(*parts: Any) -> Any:
        element = parts[0] if len(parts) == 1 else parts
        return tf.nest.map_structure(checked, element, _as_shapes(expected_shapes, element))

    return lambda dataset: dataset.map(check)


def _as_shapes(shapes: Nest, element: Nest) -> Nest:
    """The shapes as a nest like the element, each a `tf.TensorShape`, which is no nest."""
    if not tf.nest.is_nested(element):
        return tf.TensorShape(shapes)
    flat = shapes.values() if isinstance(shapes, dict) else shapes
    parts = element.values() if isinstance(element, dict) else element
    made = [_as_shapes(s, part) for s, part in zip(flat, parts, strict=True)]
    return dict(zip(element, made, strict=True)) if isinstance(element, dict) else tuple(made)


class Dataset(tf.data.Dataset):
    """A data set with the methods of TensorFlow 1.2 and 1.3.

    Args:
      dataset: the data set that it has the elements of.
    """

    def __init__(self, dataset: tf.data.Dataset) -> None:
        self._dataset = dataset
        super().__init__()

    def _as_variant_tensor(self) -> tf.Tensor:
        return tf.data.experimental.to_variant(self._dataset)

    def _inputs(self) -> list[tf.data.Dataset]:
        return [self._dataset]

    @property
    def element_spec(self) -> Any:
        """The types of an element."""
        return self._dataset.element_spec

    def map(
        self,
        map_func: Callable[..., Any],
        num_threads: Dimension | None = None,
        output_buffer_size: Dimension | None = None,
        num_parallel_calls: Dimension | None = None,
        **options: Any,
    ) -> Dataset:
        """A function of each element.

        Args:
          map_func: the function.
          num_threads, num_parallel_calls: how many elements are worked on at a time.
          output_buffer_size: how many results may wait.
          **options: as in `tf.data.Dataset.map`.
        """
        # By its name: datasets of today have the number at the second place.
        parallel = num_parallel_calls if num_threads is None else num_threads
        mapped = self._dataset.map(map_func, num_parallel_calls=parallel, **options)
        return Dataset(mapped.prefetch(output_buffer_size) if output_buffer_size else mapped)

    def dense_to_sparse_batch(self, batch_size: Dimension, row_shape: Shape) -> Dataset:
        """Batches of elements of different lengths, as sparse tensors."""
        return self.apply(tf.data.experimental.dense_to_sparse_batch(batch_size, row_shape))

    def group_by_window(
        self,
        key_func: Callable[..., Any],
        reduce_func: Callable[..., tf.data.Dataset],
        window_size: Dimension | None = None,
        **options: Any,
    ) -> Dataset:
        """Groups elements by a key; each `window_size` of one are handed to `reduce_func`."""
        grouped = tf.data.experimental.group_by_window
        return self.apply(grouped(key_func, reduce_func, window_size, **options))


def _of_1_3(name: str) -> Callable[..., Dataset]:
    """A method of today's data sets that gives a `Dataset`."""
    method = getattr(tf.data.Dataset, name)

    def call(self: Dataset, *args: Any, **options: Any) -> Dataset:
        return Dataset(getattr(self._dataset, name)(*args, **options))

    call.__name__, call.__doc__ = name, method.__doc__
    return call


def _made(name: str) -> staticmethod:
    """A function of today's data sets that makes a `Dataset`."""
    function = getattr(tf.data.Dataset, name)

    def call(*args: Any, **options: Any) -> Dataset:
        return Dataset(function(*args, **options))

    call.__name__, call.__doc__ = name, function.__doc__
    return staticmethod(call)


for _name in (
    *("apply", "batch", "cache", "concatenate", "enumerate", "filter", "flat_map", "ignore_errors"),
    *("interleave", "padded_batch", "prefetch", "repeat", "shard", "shuffle", "skip", "take"),
    "unbatch",
):
    setattr(Dataset, _name, _of_1_3(_name))
for _name in (
    *("from_generator", "from_sparse_tensor_slices", "from_tensor_slices", "from_tensors"),
    *("list_files", "range", "zip"),
):
    setattr(Dataset, _name, _made(_name))


def TextLineDataset(*args: Any, **options: Any) -> Dataset:
    """`tf.data.TextLineDataset` as a `Dataset`: the lines of text files."""
    return Dataset(tf.data.TextLineDataset(*args, **options))


def TFRecordDataset(*args: Any, **options: Any) -> Dataset:
    """`tf.data.TFRecordDataset` as a `Dataset`: the records of TFRecord files."""
    return Dataset(tf.data.TFRecordDataset(*args, **options))


def FixedLengthRecordDataset(*args: Any, **options: Any) -> Dataset:
    """`tf.data.FixedLengthRecordDataset` as a `Dataset`: records of as many bytes each."""
    return Dataset(tf.data.FixedLengthRecordDataset(*args, **options))


class Iterator(tf.data.Iterator):
    """An iterator of TensorFlow 1.2, which could be made from a data set."""

    @staticmethod
    def from_dataset(dataset: tf.data.Dataset, shared_name: str | None = None) -> tf.data.Iterator:
        """The same as `tf.data.make_initializable_iterator`."""
        return tf.data.make_initializable_iterator(dataset, shared_name)
