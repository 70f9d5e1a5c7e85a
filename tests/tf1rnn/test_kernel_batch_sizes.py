"""Batch sizes that inputs and state do not both know."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import DTYPE, assert_near, open_session

from tf1rnn import kernels
from tf1rnn.kernels import loop

UNITS = 3


def fast(kind, x, state):
    w = tf.constant(np.linspace(-1, 1, 24 * UNITS).reshape(6, 4 * UNITS), DTYPE)
    if kind == "lstm":
        return kernels.lstm_sequence(x, state, state, w, None)
    if kind == "gru":
        return kernels.gru_sequence(x, state, w[:, : 2 * UNITS], None, w[:, :UNITS], None)
    return kernels.rnn_sequence(x, state, w[:, :UNITS], None)


@pytest.mark.parametrize(("of_inputs", "of_state"), [(None, 1), (2, None)])
@pytest.mark.parametrize(("num_steps", "kinds"), [(2, ["gru", "rnn"]), (None, ["lstm"])])
def test_the_batch_size_is_known_if_one_of_both_knows_it(
    num_steps, kinds, of_inputs, of_state, monkeypatch
):
    monkeypatch.setattr(loop, "STEPS_OF_A_ROUND", 1)  # a smaller graph
    rows = of_inputs or of_state
    with tf.Graph().as_default(), open_session() as session:
        sources = (
            tf.placeholder(DTYPE, [num_steps, of_inputs, UNITS]),
            tf.placeholder(DTYPE, [of_state, UNITS]),
        )
        known = (
            tf.ensure_shape(sources[0], [2, rows, UNITS]),
            tf.ensure_shape(sources[1], [rows, UNITS]),
        )
        results, expected = [], []
        for kind in kinds:
            for (x, state), collected in ((sources, results), (known, expected)):
                outputs, *final = fast(kind, x, state)
                collected += [outputs, *tf.gradients([outputs**2, *final], [x, state])]
                assert outputs.shape.as_list()[1] == final[-1].shape.as_list()[0] == rows
        feed = {sources[0]: np.ones([2, rows, UNITS]), sources[1]: np.ones([rows, UNITS])}
        assert_near(*session.run([results, expected], feed))
        feed = {sources[0]: np.ones([2, 3, UNITS]), sources[1]: np.ones([1, UNITS])}
        if of_state:
            with pytest.raises(tf.errors.InvalidArgumentError):
                session.run(results, feed)


def test_a_single_row_is_walked_as_one_among_others(monkeypatch):
    """Its products take their pre-activations for biases."""
    monkeypatch.setattr(loop, "STEPS_OF_A_ROUND", 1)  # a smaller graph
    with tf.Graph().as_default(), open_session() as session:
        x = tf.constant(np.sin(np.arange(4 * UNITS)).reshape(4, 1, UNITS), DTYPE)
        state = tf.constant(np.cos(np.arange(UNITS))[None], DTYPE)
        results = []
        for size in (1, None):
            rows = tf.placeholder_with_default(x, [None, size, UNITS])
            start = tf.placeholder_with_default(state, [size, UNITS])
            for kind in ("lstm", "gru", "rnn"):
                outputs, *final = fast(kind, rows, start)
                results += [outputs, *tf.gradients([outputs**2, *final], [rows, start])]
        alone, among_others = np.split(np.array(session.run(results), object), 2)
        assert_near(alone, among_others)
