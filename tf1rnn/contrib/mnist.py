"""Digits from the four MNIST files: `tensorflow.examples.tutorials.mnist.input_data`."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.types import DType

DEFAULT_SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"

_IMAGES_MAGIC, _LABELS_MAGIC = 2051, 2049


def dense_to_one_hot(labels_dense: np.ndarray, num_classes: int) -> np.ndarray:
    """Rows of zeros with a 1 at the label, float64 `[num_examples, num_classes]`."""
    return np.eye(num_classes)[np.ravel(labels_dense)]


def extract_images(f: IO[bytes]) -> np.ndarray:
    """The pictures of an open file.

    Args:
      f: a `.gz` file of images, opened for bytes.

    Returns:
      uint8 `[num_examples, rows, columns, 1]`.

    Raises:
      ValueError: it is no file of images.
    """
    return _images(gzip.GzipFile(fileobj=f), getattr(f, "name", ""))


def extract_labels(f: IO[bytes], one_hot: bool = False, num_classes: int = 10) -> np.ndarray:
    """The labels of an open file.

    Args:
      f: a `.gz` file of labels, opened for bytes.
      one_hot: whether they are rows of zeros and a 1.
      num_classes: how many labels there are.

    Returns:
      uint8 `[num_examples]`, or float64 `[num_examples, num_classes]`.

    Raises:
      ValueError: it is no file of labels.
    """
    labels = _labels(gzip.GzipFile(fileobj=f), getattr(f, "name", ""))
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


class DataSet:
    """Images and labels that are handed out in batches.

    Args:
      images: uint8 `[num_examples, rows, columns, 1]`.
      labels: `[num_examples]`, or `[num_examples, num_classes]`.
      fake_data: hand out made-up examples, without images and labels.
      one_hot: whether made-up labels are rows of zeros and a 1.
      dtype: tf.float32 scales images to 0 ... 1, tf.uint8 leaves them.
      reshape: make images rows `[num_examples, rows * columns]`.
      seed: of the order, for `next_batch`.

    Raises:
      TypeError: the dtype is none of these.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: DType = tf.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        dtype = tf.as_dtype(dtype).base_dtype
        if dtype not in (tf.uint8, tf.float32):
            raise TypeError(f"Invalid image dtype {dtype!r}, expected uint8 or float32")
        self._random = np.random if seed is None else np.random.RandomState(seed)
        self._fake = fake_data
        self._one_hot = one_hot
        if fake_data:
            self._num_examples = 10000
        else:
            assert images.shape[0] == labels.shape[0], (
                f"images.shape: {images.shape} labels.shape: {labels.shape}"
            )
            self._num_examples = images.shape[0]
            if reshape:
                assert images.shape[3] == 1
                images = images.reshape(images.shape[0], -1)
            if dtype == tf.float32:
                images = np.multiply(images.astype(np.float32), 1.0 / 255.0)
        self._images = images
        self._labels = labels
        self._epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def images(self) -> np.ndarray:
        """The images, in the order of the epoch."""
        return self._images

    @property
    def labels(self) -> np.ndarray:
        """The labels, in the order of the epoch."""
        return self._labels

    @property
    def num_examples(self) -> int:
        """How many there are."""
        return self._num_examples

    @property
    def epochs_completed(self) -> int:
        """How often `next_batch` has come to the end."""
        return self._epochs_completed

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[Any, Any]:
        """The next examples; over the end of an epoch, its rest and the start of the next.

        Args:
          batch_size: how many.
          fake_data: hand out made-up ones.
          shuffle: put each epoch in an order of its own.

        Returns:
          `(images, labels)` of `batch_size` examples.
        """
        if fake_data or self._fake:
            return self._made_up(batch_size)
        start = self._index_in_epoch
        if start == 0 and self._epochs_completed == 0 and shuffle:
            self._shuffle()
        if start + batch_size <= self._num_examples:
            self._index_in_epoch += batch_size
            chosen = slice(start, self._index_in_epoch)
            return self._images[chosen], self._labels[chosen]
        self._epochs_completed += 1
        rest = self._images[start:], self._labels[start:]
        if shuffle:
            self._shuffle()
        self._index_in_epoch = batch_size - (self._num_examples - start)
        first = self._images[: self._index_in_epoch], self._labels[: self._index_in_epoch]
        images, labels = (np.concatenate(pair) for pair in zip(rest, first, strict=True))
        return images, labels

    def _shuffle(self) -> None:
        order = np.arange(self._num_examples)
        self._random.shuffle(order)
        self._images, self._labels = self._images[order], self._labels[order]

    def _made_up(self, batch_size: int) -> tuple[list[Any], list[Any]]:
        label: Any = [1] + [0] * 9 if self._one_hot else 0
        return [[1] * 784 for _ in range(batch_size)], [label for _ in range(batch_size)]


class Datasets(NamedTuple):
    """The three parts of the digits."""

    train: DataSet
    validation: DataSet
    test: DataSet


def read_data_sets(
    train_dir: str,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: DType = tf.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str = DEFAULT_SOURCE_URL,
) -> Datasets:
    """Reads the digits from the four MNIST files in a folder.

    Args:
      train_dir: the folder; the files lie there as `.gz` or unpacked, and nothing is fetched.
      fake_data: make digits up, and read none.
      one_hot: labels are rows `[10]` of zeros and a 1, instead of numbers.
      dtype: tf.float32 for images from 0 to 1, or tf.uint8.
      reshape: images are rows `[784]`, instead of `[28, 28, 1]`.
      validation_size: how many of the first training examples are set apart.
      seed: of the order of the examples.
      source_url: where the files can be got, for the error's text.

    Returns:
      `(train, validation, test)`.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: a file is no such file, or `validation_size` is out of range.
    """
    options: dict[str, Any] = {"dtype": dtype, "reshape": reshape, "seed": seed}
    if fake_data:
        empty = np.zeros([0])
        made_up = (DataSet(empty, empty, True, one_hot, **options) for _ in range(3))
        return Datasets(*made_up)
    names = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    paths = _found(Path(train_dir), names, source_url or DEFAULT_SOURCE_URL)
    images, labels, test_images, test_labels = (_read(path) for path in paths)
    if not 0 <= validation_size <= len(images):
        raise ValueError(
            f"Validation size should be between 0 and {len(images)}. Received: {validation_size}."
        )
    if one_hot:
        labels, test_labels = dense_to_one_hot(labels, 10), dense_to_one_hot(test_labels, 10)
    return Datasets(
        DataSet(images[validation_size:], labels[validation_size:], **options),
        DataSet(images[:validation_size], labels[:validation_size], **options),
        DataSet(test_images, test_labels, **options),
    )


def load_mnist(train_dir: str = "MNIST-data") -> Datasets:
    """`read_data_sets` by the name that `tf.contrib.learn.datasets` has for it."""
    return read_data_sets(train_dir)


def _found(folder: Path, names: tuple[str, ...], source_url: str) -> list[Path]:
    """Where the files are, packed or not. Raises FileNotFoundError, which names the missing."""
    paths = [next((p for p in _places(folder, name) if p.is_file()), None) for name in names]
    missing = [name for name, path in zip(names, paths, strict=True) if path is None]
    if missing:
        raise FileNotFoundError(
            f"{folder} has no {', '.join(missing)}: they can be got from {source_url}"
        )
    return [path for path in paths if path]


def _places(folder: Path, name: str) -> tuple[Path, ...]:
    unpacked = name.removesuffix(".gz")
    return folder / name, folder / unpacked, folder / unpacked.replace("-idx", ".idx")


def _read(path: Path) -> np.ndarray:
    """The images or labels of a file, packed or not."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        read = _images if "images" in path.name else _labels
        return read(stream, str(path))


def _images(stream: Any, name: str) -> np.ndarray:
    count, rows, columns = _header(stream, _IMAGES_MAGIC, 3, f"MNIST image file: {name}")
    pixels = np.frombuffer(stream.read(count * rows * columns), np.uint8)
    return pixels.reshape(count, rows, columns, 1)


def _labels(stream: Any, name: str) -> np.ndarray:
    (count,) = _header(stream, _LABELS_MAGIC, 1, f"MNIST label file: {name}")
    return np.frombuffer(stream.read(count), np.uint8)


def _header(stream: Any, magic: int, axes: int, what: str) -> list[int]:
    """The sizes of the axes. Raises ValueError where the file begins otherwise."""
    head = stream.read(4 + 4 * axes)
    numbers = np.frombuffer(head, ">u4").tolist() if len(head) == 4 + 4 * axes else [0]
    if numbers[0] != magic:
        raise ValueError(f"Invalid magic number {numbers[0]} in {what}")
    return numbers[1:]
