"""`tf.contrib.feature_column`: sequences as an input layer, against sums by hand."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import feature_column as columns

IDS = [[2, 0], [1]]
SPEEDS = [[1.0, 2.0], [3.0]]


def ragged(rows):
    """A sparse tensor `[batch_size, num_steps]` of rows of unequal length."""
    places = [(i, t) for i, row in enumerate(rows) for t in range(len(row))]
    values = [value for row in rows for value in row]
    return tf.SparseTensor(places, tf.constant(values), [2, max(map(len, rows))])


@pytest.fixture
def graph():
    with tf.Graph().as_default():
        yield


def ids():
    return columns.sequence_categorical_column_with_identity("ids", 3)


def test_columns_stand_side_by_side_in_the_order_of_their_names(graph):
    features = {"ids": ragged(IDS), "speed": ragged(SPEEDS)}
    inputs, lengths = columns.sequence_input_layer(
        features,
        [columns.sequence_numeric_column("speed"), tf.feature_column.embedding_column(ids(), 4)],
        weight_collections=["mine"],
    )
    assert inputs.shape.as_list() == [2, 2, 5]
    (vectors,) = tf.trainable_variables()
    assert vectors.op.name == "sequence_input_layer/ids_embedding/embedding_weights"
    assert tf.get_collection("mine") == tf.global_variables() == [vectors]
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        inputs, lengths, vectors = session.run([inputs, lengths, vectors])
    assert lengths.tolist() == [2, 1]
    for row, (words, speeds) in enumerate(zip(IDS, SPEEDS, strict=True)):
        there = np.hstack([vectors[words], np.transpose([speeds])])
        np.testing.assert_array_equal(inputs[row], [*there, *np.zeros([2 - len(words), 5])])


def test_indicators_and_variables_that_are_not_trained(graph):
    hot, _ = columns.sequence_input_layer(
        {"ids": ragged(IDS)}, [tf.feature_column.indicator_column(ids())]
    )
    columns.sequence_input_layer(
        {"ids": ragged(IDS)}, [tf.feature_column.embedding_column(ids(), 2)], trainable=False
    )
    assert len(tf.global_variables()) == 1
    assert not tf.trainable_variables()
    with open_session() as session:
        hot = session.run(hot)
    assert hot.tolist() == [[[0, 0, 1], [1, 0, 0]], [[0, 1, 0], [0, 0, 0]]]


@pytest.mark.parametrize("kind", ["list", "file"])
def test_words_of_a_vocabulary_are_looked_up(graph, kind, tmp_path):
    (tmp_path / "words").write_text("a\nb\nc\n")
    make = getattr(columns, f"sequence_categorical_column_with_vocabulary_{kind}")
    words = make("words", ["a", "b", "c"] if kind == "list" else str(tmp_path / "words"))
    features = {"words": ragged([["c", "a"], ["b"]])}
    found = columns.sequence_input_layer(features, [tf.feature_column.indicator_column(words)])
    with open_session() as session:
        session.run(tf.tables_initializer())
        inputs, lengths = session.run(found)
    np.testing.assert_array_equal(inputs, [np.eye(3)[[2, 0]], [[0, 1, 0], [0, 0, 0]]])
    assert lengths.tolist() == [2, 1]


def test_lengths_must_agree(graph):
    features = {"ids": ragged(IDS), "speed": ragged([[1.0], [3.0, 4.0]])}
    both = [
        columns.sequence_numeric_column("speed"),
        tf.feature_column.indicator_column(ids()),
    ]
    _, lengths = columns.sequence_input_layer(features, both)
    with open_session() as session, pytest.raises(tf.errors.InvalidArgumentError):
        session.run(lengths)


def test_other_columns_and_the_same_twice_are_refused(graph):
    features = {"ids": ragged(IDS)}
    with pytest.raises(ValueError, match="must be of type _SequenceDenseColumn"):
        columns.sequence_input_layer(features, [ids()])
    hot = tf.feature_column.indicator_column(ids())
    with pytest.raises(ValueError, match="Duplicate feature column name"):
        columns.sequence_input_layer(features, [hot, hot])


def test_both_paths_have_all_names():
    paths = (
        "contrib.feature_column",
        "contrib.feature_column.python.feature_column.sequence_feature_column",
    )
    kinds = ["hash_bucket", "identity", "vocabulary_file", "vocabulary_list"]
    names = [f"sequence_categorical_column_with_{kind}" for kind in kinds]
    for path in paths:
        for name in [*names, "sequence_numeric_column", "sequence_input_layer"]:
            assert callable(module_at(path).served(name))
