"""`tf.contrib.data`: the transformations, and data sets with the methods of TensorFlow 1.3."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.contrib import data


def elements(dataset):
    element = tf.data.make_one_shot_iterator(dataset).get_next()
    found = []
    with open_session() as session, pytest.raises(tf.errors.OutOfRangeError):
        while True:
            found.append(session.run(element))
    return found


def numbers(dataset):
    return [x.tolist() for x in elements(dataset)]


def test_what_is_left_in_the_end_is_dropped(graph):
    seven = tf.data.Dataset.range(7)
    batches = seven.apply(data.batch_and_drop_remainder(3))
    assert tf.data.get_output_shapes(batches).as_list() == [3]
    assert numbers(batches) == [[0, 1, 2], [3, 4, 5]]
    rows = seven.map(lambda n: tf.fill([n], n))
    padded = rows.apply(data.padded_batch_and_drop_remainder(3, [None]))
    assert numbers(padded)[0] == [[0, 0], [1, 0], [2, 2]] and len(numbers(padded)) == 2


def test_windows_slide_over_the_elements(graph):
    seven = tf.data.Dataset.range(7)
    assert numbers(seven.apply(data.sliding_window_batch(3, stride=2))) == [
        [0, 1, 2],
        [2, 3, 4],
        [4, 5, 6],
    ]
    apart = data.sliding_window_batch(2, window_shift=3, window_stride=2)
    assert numbers(seven.apply(apart)) == [[0, 2], [3, 5]]
    pairs = tf.data.Dataset.zip((seven, seven)).apply(data.sliding_window_batch(6))
    assert [len(pair) for pair in elements(pairs)] == [2, 2]
    with pytest.raises(ValueError, match="both"):
        data.sliding_window_batch(2, stride=1, window_shift=1)


def test_shapes_of_elements_are_set_and_checked(graph):
    rows = data.Dataset.from_generator(lambda: [[1, 2], [3]], tf.int32)
    checked = rows.apply(data.assert_element_shape([2]))
    assert tf.data.get_output_shapes(checked).as_list() == [2]
    pairs = tf.data.Dataset.range(2).map(lambda n: {"a": n, "b": (n, [n, n])})
    pairs = pairs.apply(data.assert_element_shape({"a": [], "b": ([], [2])}))
    assert elements(pairs)[1]["b"][1].tolist() == [1, 1]
    element = tf.data.make_one_shot_iterator(checked).get_next()
    with open_session() as session:
        assert session.run(element).tolist() == [1, 2]
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(element)


def test_a_data_set_of_1_3_maps_with_threads_and_a_buffer(graph):
    dataset = data.Dataset.from_tensor_slices(np.arange(6))
    dataset = dataset.map(lambda n: n * n, num_threads=2, output_buffer_size=4)
    dataset = dataset.filter(lambda n: n > 1).repeat(2).batch(3)
    assert isinstance(dataset, data.Dataset)
    assert numbers(dataset) == [[4, 9, 16], [25, 4, 9], [16, 25]]
    assert numbers(data.Dataset.range(3).map(lambda n: -n, 2)) == [0, -1, -2]


def test_a_data_set_of_1_3_has_what_became_transformations(graph):
    ten = data.Dataset.range(10)
    grouped = ten.group_by_window(lambda n: n % 2, lambda key, group: group.batch(3), 3)
    assert numbers(grouped) == [[0, 2, 4], [1, 3, 5], [6, 8], [7, 9]]
    assert numbers(ten.batch(4).unbatch().skip(7)) == [7, 8, 9]
    rows = data.Dataset.range(1, 3).map(lambda n: tf.fill([n], n))
    (sparse,) = elements(rows.dense_to_sparse_batch(2, [3]))
    assert sparse.values.tolist() == [1, 2, 2] and sparse.dense_shape.tolist() == [2, 3]
    zipped = data.Dataset.zip((ten, ten.map(lambda n: n + 1))).padded_batch(6, ([], []))
    assert [len(first) for first, _ in elements(zipped)] == [6, 4]


def test_files_are_read_line_by_line(graph, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a b\nc\n")
    lines = data.TextLineDataset(str(path)).map(lambda line: tf.strings.length(line), num_threads=1)
    assert numbers(lines) == [3, 1]


def test_an_iterator_is_made_from_a_data_set(graph):
    iterator = data.Iterator.from_dataset(data.Dataset.range(5, 9))
    element = iterator.get_next()
    with open_session() as session:
        session.run(iterator.initializer)
        assert [session.run(element) for _ in range(4)] == [5, 6, 7, 8]


def test_the_other_names_are_those_of_today(graph):
    doubled = tf.data.Dataset.range(5).apply(data.map_and_batch(lambda n: 2 * n, 2))
    assert numbers(doubled) == [[0, 2], [4, 6], [8]]
    assert len(elements(tf.data.Dataset.range(4).apply(data.shuffle_and_repeat(4, 3)))) == 12
    for name in ("group_by_window", "bucket_by_sequence_length", "ignore_errors", "unbatch"):
        assert getattr(data, name) is getattr(tf.data.experimental, name)
    with pytest.raises(AttributeError):
        _ = data.shuffle_and_retreat
