"""An LSTM along one row by one operation is the loop along it, up to second derivatives."""

import contextlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_near, open_session

import tf1rnn
from tf1rnn import kernels
from tf1rnn.kernels import one_row

DEPTH, UNITS = 3, 4


@contextlib.contextmanager
def walk(rows=1, lengths=None, dtype="float32", order=0):
    """What runs it along so many steps, with derivatives; and whether one operation does."""
    with tf.Graph().as_default() as graph, open_session() as session:
        inputs = tf.placeholder(dtype, [None, rows, DEPTH])
        parts = [inputs]
        for shape in ([rows, UNITS], [rows, UNITS], [DEPTH + UNITS, 4 * UNITS], [4 * UNITS]):
            parts.append(tf.constant(draw(shape).astype(dtype) / 2))
        results = [*kernels.lstm_sequence(*parts, 0.7, lengths)]
        if order:
            results += tf.gradients([part**2 for part in results], parts)
        if order == 2:
            results += tf.gradients(results[3] ** 2, parts[1:])
        is_one = "BlockLSTMV2" in {op.type for op in graph.get_operations()}

        def run(num_steps):
            return session.run(results, {inputs: draw([num_steps, rows, DEPTH])})

        yield run, is_one


def draw(shape):
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.long)])
def test_one_operation_is_the_loop(order, monkeypatch):
    with walk(order=order) as (run, is_one):
        assert is_one
        actual = [run(num_steps) for num_steps in (1, 7)]
    monkeypatch.setattr(one_row, "MOST_WEIGHTS", 4 * UNITS * (DEPTH + UNITS) - 1)
    with walk(order=order) as (run, is_one):
        assert not is_one
        expected = [run(num_steps) for num_steps in (1, 7)]
    for one, other in zip(actual, expected, strict=True):
        assert_near(one, other, 1e-5, least=0.1)


@pytest.mark.parametrize("other", [{"rows": 2}, {"lengths": [3]}, {"dtype": "float64"}])
def test_other_sequences_are_walked_in_the_loop(other):
    with walk(**other) as (_, is_one):
        assert not is_one


def test_no_steps_leave_the_state_as_it_is():
    with walk() as (run, is_one):
        assert is_one
        outputs, c, h = run(0)
    assert outputs.shape == (0, 1, UNITS)
    for part in (c, h):
        np.testing.assert_array_equal(part, draw([1, UNITS]).astype("float32") / 2)


STACKS = {
    "lstm": lambda: [tf1rnn.BasicLSTMCell(UNITS), tf1rnn.LSTMCell(2)],
    "others": lambda: [tf1rnn.GRUCell(UNITS), tf1rnn.BasicRNNCell(UNITS)],
}


@pytest.mark.parametrize("kind", ["lstm", pytest.param("others", marks=pytest.mark.long)])
def test_layers_side_by_side_are_layers_one_after_the_other(kind):
    """A long row is cut in time; the layers of a stack alone are not."""
    with tf.Graph().as_default(), open_session() as session:
        inputs = tf.placeholder(tf.float32, [None, 1, DEPTH])
        cells = STACKS[kind]()
        stack = tf1rnn.MultiRNNCell(cells)
        start = tf.nest.map_structure(
            lambda size: tf.constant(draw([1, size]).astype("float32")), stack.state_size
        )
        outputs, state = tf1rnn.dynamic_rnn(stack, inputs, initial_state=start, time_major=True)
        alone, states = inputs, []
        for i, cell in enumerate(cells):
            with tf.variable_scope(f"rnn/multi_rnn_cell/cell_{i}", reuse=True):
                alone, last = tf1rnn.dynamic_rnn(
                    cell, alone, initial_state=start[i], time_major=True
                )
            states.append(last)
        results = []
        for values in ([outputs, state], [alone, tuple(states)]):
            values = tf.nest.flatten(values)
            if kind == "lstm":  # for the others it is a matter of more of the same loops
                values += tf.gradients([part**2 for part in values], [inputs, *stack.variables])
            results.append(values)
        session.run(tf.global_variables_initializer())
        for num_steps in (0, 1, 2, 3, 20):
            ours, expected = session.run(results, {inputs: draw([num_steps, 1, DEPTH])})
            assert ours[0].shape == (num_steps, 1, expected[0].shape[-1])
            assert_near(ours, expected, 1e-5, least=0.1)


@pytest.mark.parametrize(
    ("num_steps", "rows", "lengths", "wrap", "times"),
    [
        (None, 1, None, None, 3),
        (100, 1, None, None, 3),
        (99, 1, None, None, 1),
        (None, 2, None, None, 1),
        (None, 1, [5], None, 1),
        # Its masks are those of the places in the whole sequence.
        (None, 1, None, lambda cell: tf1rnn.DropoutWrapper(cell, 0.5), 1),
        # One that is stepped may have no gradient along a piece without steps.
        (None, 1, None, lambda cell: tf1rnn.LSTMCell(UNITS, use_peepholes=True), 1),
    ],
)
def test_a_long_row_alone_is_cut(num_steps, rows, lengths, wrap, times, monkeypatch):
    heard = []
    monkeypatch.setattr(tf1rnn.faster, "listeners", [lambda cell, way: heard.append(cell)])
    with tf.Graph().as_default():
        inputs = tf.placeholder(tf.float32, [num_steps, rows, DEPTH])
        cells = [tf1rnn.GRUCell(UNITS), tf1rnn.GRUCell(UNITS)]
        top = wrap(cells[1]) if wrap else cells[1]
        stack = tf1rnn.MultiRNNCell([cells[0], top])
        tf1rnn.dynamic_rnn(stack, inputs, lengths, dtype=tf.float32, time_major=True)
    assert heard.count(cells[0]) == times
    assert heard.count(cells[1] if wrap is None else top) == times
