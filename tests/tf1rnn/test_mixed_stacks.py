"""Stacks in which some layers have a faster way and others have to be stepped."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, names_and_shapes, old_cells, random_array

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells

LAYERS = {
    "middle": lambda cells: [
        cells.BasicLSTMCell(2),
        cells.LSTMCell(2, use_peepholes=True),
        cells.GRUCell(2),
    ],
    "last": lambda cells: [cells.GRUCell(2), cells.LSTMCell(2, num_proj=1)],
    "first": lambda cells: [cells.LSTMCell(2, use_peepholes=True), cells.GRUCell(2)],
}


def network(cells, unroll, lengths, stacks):
    """Results and gradients of the stacks, and the names of their variables."""
    fetches = []
    inputs = tf.placeholder_with_default(random_array("x", [3, 3, 2]).astype("f8"), [3, None, 2])
    for name in stacks:
        with tf.variable_scope(name):
            cell = cells.MultiRNNCell(LAYERS[name](cells))
            outputs, state = unroll(cell, inputs, lengths, dtype=tf.float64)
        results = [outputs, *tf.nest.flatten(state)]
        squares = [part**2 for part in results]
        fetches.append([results, tf.gradients(squares, [inputs, *tf.trainable_variables(name)])])
    return evaluate(fetches), names_and_shapes()


@pytest.mark.parametrize(
    ("lengths", "stacks"),
    [
        (None, ["middle"]),
        ([1, 3, 2], ["last"]),
        pytest.param([1, 3, 2], [*LAYERS], marks=pytest.mark.long),
    ],
)
def test_a_stack_of_both_kinds_is_that_of_tensorflow_1(lengths, stacks):
    with tf.Graph().as_default():
        actual, names = network(tf1rnn, tf1rnn.dynamic_rnn, lengths, stacks)
    with tf.Graph().as_default():
        expected, expected_names = network(old_cells(), tf.nn.dynamic_rnn, lengths, stacks)
    assert names == expected_names
    assert_close(actual, expected)


def test_the_layers_around_a_stepped_one_go_their_faster_way(graph):
    ways = {}
    listen = lambda cell, way: ways.setdefault(type(cell).__name__, way)  # noqa: E731
    tf1rnn.faster.listeners.append(listen)
    try:
        cell = tf1rnn.MultiRNNCell(LAYERS["middle"](tf1rnn))
        tf1rnn.dynamic_rnn(cell, tf.constant(np.ones([1, 2, 2], "f4")), dtype=tf.float32)
    finally:
        tf1rnn.faster.listeners.remove(listen)
    assert ways.pop("LSTMCell") != "fast"
    assert set(ways.values()) == {"fast"}
    assert ways.keys() == {"BasicLSTMCell", "GRUCell", "MultiRNNCell"}
