"""Padding never counts, whatever stands in it, and no loop walks past the longest row."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import (
    DTYPE,
    FLOAT,
    assert_close,
    evaluate,
    load,
    open_session,
    random_array,
    random_weights,
)

import tf1rnn

CELLS = {
    "gru": lambda: tf1rnn.GRUCell(2, fast=False),
    "lstm": lambda: tf1rnn.LSTMCell(2, use_peepholes=True),
    "stack": lambda: tf1rnn.MultiRNNCell([tf1rnn.BasicRNNCell(2, "relu"), tf1rnn.GRUCell(2)]),
}


def unrolled(unroller, make, x, lengths):
    """Outputs and state of a cell along a batch-major sequence, each way that steps."""
    arguments = {"dtype": DTYPE, "sequence_length": lengths}
    if unroller == "static":
        return tf1rnn.static_rnn(make(), tf.unstack(x, 4, axis=1), **arguments)
    if unroller == "bidirectional":
        return tf1rnn.bidirectional_dynamic_rnn(make(), make(), x, **arguments)
    return tf1rnn.dynamic_rnn(make(), x, **arguments)


@pytest.mark.parametrize("unroller", ["dynamic", "static", "bidirectional"])
def test_no_number_comes_out_of_the_padding(unroller):
    x = random_array("x", [2, 4, 3])
    with tf.Graph().as_default(), open_session() as session:
        inputs = tf.placeholder(DTYPE, [None, 4 if unroller == "static" else None, 3])
        lengths = tf.placeholder(tf.int32, [None])
        results = {}
        for kind in ["stack"] if unroller == "bidirectional" else CELLS:
            make = CELLS[kind]
            with tf.variable_scope(kind):
                flat = tf.nest.flatten(unrolled(unroller, make, inputs, lengths))
            wanted = [inputs, *tf.trainable_variables(kind)]
            results[kind] = flat + tf.gradients([part**2 for part in flat], wanted)
        load(session, {v: random_weights([v])[v.op.name] for v in tf.global_variables()})
        for longest in ([3, 3], [4, 2], [1, 0]):
            padded, clean = x.copy(), x.copy()
            for row, length in enumerate(longest):
                padded[row, length:] = (np.nan, np.inf, -np.inf)
                clean[row, length:] = 0
            actual = session.run(results, {inputs: padded, lengths: longest})
            expected = session.run(results, {inputs: clean, lengths: longest})
            assert all(np.isfinite(part).all() for part in tf.nest.flatten(actual))
            assert_close(actual, expected)


class Watched(tf1rnn.RNNCell):
    """Counts its steps, for all rows at once."""

    state_size = tf.TensorShape([])
    output_size = 2

    def zero_state(self, batch_size, dtype):
        return tf.zeros([], dtype)

    def call(self, inputs, state):
        return inputs + 1, state + 1


@pytest.mark.parametrize("longest", [0, 2, 5])
def test_a_loop_stops_at_the_longest_row(longest):
    with tf.Graph().as_default(), open_session() as session:
        lengths = tf.placeholder(tf.int64, [None])
        outputs, steps = tf1rnn.dynamic_rnn(
            Watched(), tf.ones([3, 5, 2], FLOAT), lengths, dtype=FLOAT
        )
        assert outputs.shape.as_list() == [3, 5, 2]
        values, count = session.run([outputs, steps], {lengths: [longest, 0, longest]})
    assert count == max(longest, 1)  # one step tells the shapes
    assert np.all(values[:, longest:] == 0)
    assert np.all(values[[0, 2], :longest] == 2)


@pytest.mark.parametrize(
    ("kind", "num_steps", "batch_size"),
    [
        *((kind, None, 1) for kind in ("BasicRNNCell", "GRUCell", "BasicLSTMCell", "stack", "own")),
        ("stack", None, 2),
        ("stack", None, None),
        ("stack", 3, 1),
    ],
)
def test_lengths_that_do_not_tell_how_many_there_are(kind, num_steps, batch_size):
    """As in a graph that predicts row by row: the loop holds a state to its shape."""

    class Own(tf1rnn.GRUCell):
        def call(self, inputs, state):
            return super().call(inputs, state)

    def cell():
        if kind == "stack":
            return tf1rnn.MultiRNNCell([tf1rnn.BasicLSTMCell(4), tf1rnn.GRUCell(3)])
        return Own(3) if kind == "own" else getattr(tf1rnn, kind)(3)

    rows = batch_size or 2
    x = np.sin(np.arange(rows * 6)).reshape(rows, 3, 2)
    lengths = np.arange(rows) % 3 + 1
    results = []
    for told in (False, True):
        with tf.Graph().as_default():
            inputs = tf.placeholder(DTYPE, [batch_size, num_steps, 2])
            given = tf.constant(lengths) if told else tf.placeholder(tf.int64, [None])
            outputs, state = tf1rnn.dynamic_rnn(cell(), inputs, given, dtype=DTYPE)
            slopes = tf.gradients([outputs**2, *tf.nest.flatten(state)], inputs)
            feed = {inputs: x} if told else {inputs: x, given: lengths}
            results.append(evaluate([outputs, state, slopes], feed=feed))
    assert_close(*results)
