"""The digits: files as they are published, read from a folder, and handed out in batches."""

import gzip
import io

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1rnn.contrib import mnist

NUM_TRAIN, NUM_TEST = 12, 5
LABELS = np.arange(NUM_TRAIN) % 10


def digits(count):
    """Pictures that tell their number in each pixel."""
    return np.tile(np.arange(count, dtype=np.uint8)[:, None, None], [1, 28, 28])


def packed(array, magic):
    header = np.array([magic, *array.shape], ">u4").tobytes()
    return gzip.compress(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def folder(tmp_path):
    for name, array, magic in (
        (mnist.TRAIN_IMAGES, digits(NUM_TRAIN), 2051),
        (mnist.TRAIN_LABELS, LABELS, 2049),
        (mnist.TEST_IMAGES, digits(NUM_TEST), 2051),
        (mnist.TEST_LABELS, LABELS[:NUM_TEST], 2049),
    ):
        (tmp_path / name).write_bytes(packed(array, magic))
    return tmp_path


def test_the_parts_are_scaled_rows_and_numbers(folder):
    data = mnist.read_data_sets(str(folder), validation_size=4)
    assert [part.num_examples for part in data] == [8, 4, 5]
    assert data.train.images.shape == (8, 784) and data.train.images.dtype == np.float32
    np.testing.assert_allclose(data.train.images[:, 0], np.arange(4, 12) / 255, rtol=1e-6)
    assert data.validation.labels.tolist() == [0, 1, 2, 3]
    assert data.test.labels.dtype == np.uint8


def test_rows_of_ones_and_pictures_as_they_are(folder):
    data = mnist.read_data_sets(
        folder, one_hot=True, dtype=tf.uint8, reshape=False, validation_size=0
    )
    assert data.train.images.shape == (12, 28, 28, 1) and data.train.images.dtype == np.uint8
    assert data.train.images[11].max() == 11
    assert np.array_equal(data.train.labels, np.eye(10)[LABELS])


def test_unpacked_files_do_as_well(folder):
    for path in list(folder.iterdir()):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert mnist.read_data_sets(folder, validation_size=2).test.num_examples == NUM_TEST


def test_missing_files_are_named_with_where_to_get_them(folder):
    (folder / mnist.TEST_LABELS).unlink()
    with pytest.raises(FileNotFoundError) as error:
        mnist.read_data_sets(folder)
    assert mnist.TEST_LABELS in str(error.value) and mnist.DEFAULT_SOURCE_URL in str(error.value)
    assert mnist.TRAIN_LABELS not in str(error.value) and "\n" not in str(error.value)


def test_other_files_and_sizes_are_refused(folder):
    with pytest.raises(ValueError, match="Validation size should be between 0 and 12"):
        mnist.read_data_sets(folder, validation_size=13)
    (folder / mnist.TEST_LABELS).write_bytes(packed(LABELS, 2051))
    with pytest.raises(ValueError, match="Invalid magic number 2051 in MNIST label file"):
        mnist.read_data_sets(folder, validation_size=0)
    with pytest.raises(ValueError, match="Invalid magic number"):
        mnist.extract_images(io.BytesIO(gzip.compress(b"")))
    with pytest.raises(TypeError, match="expected uint8 or float32"):
        mnist.DataSet(digits(2), LABELS[:2], dtype=tf.int32)


def test_open_files_are_read(folder):
    with (folder / mnist.TEST_IMAGES).open("rb") as f:
        assert mnist.extract_images(f).shape == (NUM_TEST, 28, 28, 1)
    with (folder / mnist.TEST_LABELS).open("rb") as f:
        assert mnist.extract_labels(f, one_hot=True).argmax(1).tolist() == [0, 1, 2, 3, 4]


def test_a_batch_over_the_end_joins_the_rest_and_a_new_start():
    data = mnist.DataSet(digits(5)[..., None], np.arange(5))
    batches = [data.next_batch(2, shuffle=False) for _ in range(4)]
    assert [labels.tolist() for _, labels in batches] == [[0, 1], [2, 3], [4, 0], [1, 2]]
    assert data.epochs_completed == 1
    for images, labels in batches:
        np.testing.assert_allclose(images[:, 0] * 255, labels, rtol=1e-6)


def test_every_epoch_has_all_examples_in_an_order_of_its_own():
    data, same = (mnist.DataSet(digits(6)[..., None], np.arange(6), seed=3) for _ in range(2))
    epochs = [np.concatenate([data.next_batch(3)[1] for _ in range(2)]) for _ in range(3)]
    assert all(sorted(epoch) == list(range(6)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert same.next_batch(3)[1].tolist() == epochs[0][:3].tolist()
    again = mnist.DataSet(digits(6)[..., None], np.arange(6), seed=3)
    images, labels = again.next_batch(6)
    np.testing.assert_allclose(images[:, 5] * 255, labels, rtol=1e-6)


def test_made_up_digits_need_no_files():
    data = mnist.read_data_sets("nowhere", fake_data=True, one_hot=True)
    images, labels = data.train.next_batch(3)
    assert np.shape(images) == (3, 784) and np.shape(labels) == (3, 10)
    assert data.test.num_examples == 10000
