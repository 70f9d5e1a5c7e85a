"""For the kernels, padding never counts, whatever it holds, and a loop does not walk it."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import DTYPE, assert_close, open_session

from tf1rnn import kernels
from tf1rnn.kernels import loop, walk

NUM_STEPS, BATCH_SIZE, UNITS = 5, 2, 3
WIDTHS = {"lstm": [4], "gru": [2, 1], "rnn": [1]}


def results_of(kind, inputs, state, lengths):
    """Outputs, final state, and the gradients of a function of them."""
    random = np.random.default_rng(1)
    shapes = [[UNITS * 2, UNITS * n] for n in WIDTHS[kind]]
    weights = [tf.constant(random.normal(size=shape), DTYPE) for shape in shapes]
    if kind == "lstm":
        results = kernels.lstm_sequence(inputs, state, state, *weights, None, 1.0, lengths)
    elif kind == "gru":
        gates, candidate = weights
        results = kernels.gru_sequence(inputs, state, gates, None, candidate, None, lengths)
    else:
        results = kernels.rnn_sequence(inputs, state, *weights, None, lengths)
    loss = tf.add_n([tf.reduce_sum(tf.exp(part)) for part in results])
    return [*results, *tf.gradients(loss, [inputs, state, *weights])]


@pytest.mark.parametrize("num_steps", [NUM_STEPS, None])
def test_what_padding_holds_changes_nothing(num_steps, monkeypatch):
    monkeypatch.setattr(loop, "STEPS_OF_A_ROUND", 1)  # a smaller graph
    x = np.random.default_rng(2).normal(size=[NUM_STEPS, BATCH_SIZE, UNITS])
    with tf.Graph().as_default(), open_session() as session:
        inputs = tf.placeholder(DTYPE, [num_steps, None, UNITS])
        lengths = tf.placeholder(tf.int32, [None])
        state = tf.ones([BATCH_SIZE, UNITS], DTYPE)
        results = [results_of(kind, inputs, state, lengths) for kind in WIDTHS]
        for ends in ([3, 3], [5, 2], [0, 0], [0, 4]):
            padding = np.arange(NUM_STEPS)[:, None] >= ends
            expected = session.run(results, {inputs: x, lengths: ends})
            for value in (np.nan, np.inf):
                padded = np.where(padding[:, :, None], value, x)
                actual = session.run(results, {inputs: padded, lengths: ends})
                for one, other in zip(*map(tf.nest.flatten, (actual, expected)), strict=True):
                    np.testing.assert_array_equal(one, other)
            for outputs, *_ in actual:
                assert outputs.shape == x.shape
                assert not outputs[padding].any() and outputs[~padding].all()


@pytest.mark.parametrize("num_steps", [60, None])
def test_a_loop_ends_with_the_longest_row(num_steps):
    """Counted by the steps that the cell's mathematics is asked for."""
    steps = []

    def counted(z, state):
        count = tf.py_func(lambda: steps.append(1) or np.float32(0), [], tf.float32)
        with tf.control_dependencies([count]):
            return (tf.identity(state[0]),), ()

    layer = walk.RNN._replace(step=counted)
    with tf.Graph().as_default(), open_session() as session:
        inputs = tf.placeholder_with_default(tf.ones([60, 2, 1], DTYPE), [num_steps, None, 1])
        lengths = tf.placeholder(tf.int32, [2])
        alive = walk.steps_alive(lengths, inputs)
        one = tf.ones([2, 1], DTYPE)
        outputs, _ = loop.looped(layer, inputs, (one,), [one], [one[0]], alive, DTYPE)
        assert outputs.shape.as_list() == [num_steps, 2, 1]
        for ends, count in (([7, 2], 7), ([0, 0], 1), ([60, 1], 60), ([99, 99], 60)):
            steps.clear()
            actual = session.run(outputs, {lengths: ends})
            assert len(steps) == count
            assert actual.sum() == np.minimum(ends, 60).sum()
            assert actual.shape == (60, 2, 1)


@pytest.mark.parametrize(
    ("num_steps", "batch_size", "cases"),
    [(0, 2, [("gru", None)]), (None, None, [("lstm", None), ("rnn", None), ("rnn", [0, 0])])],
)
def test_a_sequence_of_no_steps_has_gradients(num_steps, batch_size, cases, monkeypatch):
    monkeypatch.setattr(loop, "STEPS_OF_A_ROUND", 1)  # a smaller graph
    with tf.Graph().as_default(), open_session() as session:
        inputs = tf.placeholder(DTYPE, [num_steps, batch_size, UNITS])
        state = tf.placeholder(DTYPE, [batch_size, UNITS])
        results = [results_of(kind, inputs, state, lengths) for kind, lengths in cases]
        one = np.full([2, UNITS], 0.5)
        results = session.run(results, {inputs: np.zeros([0, 2, UNITS]), state: one})
    for (kind, _), (outputs, *rest) in zip(cases, results, strict=True):
        parts = 2 if kind == "lstm" else 1
        final, (d_inputs, d_state, *d_weights) = rest[:parts], rest[parts:]
        assert outputs.shape == d_inputs.shape == (0, 2, UNITS)
        np.testing.assert_array_equal(final, [one] * parts)
        assert_close(d_state, parts * np.exp(one))
        assert not any(d.any() for d in d_weights)
