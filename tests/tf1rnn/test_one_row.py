"""An LSTM along one row by one operation is the loop along it, up to second derivatives."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_near, open_session

from tf1rnn import kernels
from tf1rnn.kernels import one_row

DEPTH, UNITS = 3, 4


def walk(num_steps, rows=1, lengths=None, dtype="f4"):
    """What is computed, first and second derivatives, and whether one operation did it."""
    random = np.random.default_rng(0)

    def draw(*shape):
        return tf.constant(random.normal(size=shape).astype(dtype))

    with tf.Graph().as_default() as graph, open_session() as session:
        inputs = draw(num_steps, rows, DEPTH)
        inputs = tf.placeholder_with_default(inputs, [None, rows, DEPTH])
        parts = [inputs, draw(rows, UNITS), draw(rows, UNITS)]
        parts += [draw(DEPTH + UNITS, 4 * UNITS) / 2, draw(4 * UNITS)]
        results = kernels.lstm_sequence(*parts, 0.7, lengths)
        first = tf.gradients([part**2 for part in results], parts)
        second = tf.gradients(first[0] ** 2, parts[1:])
        is_one = "BlockLSTMV2" in {op.type for op in graph.get_operations()}
        return session.run([*results, *first, *second]), is_one


@pytest.mark.parametrize("num_steps", [1, 7])
def test_one_operation_is_the_loop(num_steps, monkeypatch):
    actual, is_one = walk(num_steps)
    assert is_one
    monkeypatch.setattr(one_row, "MOST_WEIGHTS", 4 * UNITS * (DEPTH + UNITS) - 1)
    expected, is_one = walk(num_steps)
    assert not is_one
    assert_near(actual, expected, 1e-5, least=0.1)


@pytest.mark.parametrize("other", [{"rows": 2}, {"lengths": [3]}, {"dtype": "f8"}])
def test_other_sequences_are_walked_in_the_loop(other):
    assert not walk(3, **other)[1]


def test_no_steps_leave_the_state_as_it_is():
    results, is_one = walk(0)
    assert is_one
    assert results[0].shape == (0, 1, UNITS)
    c, h = results[1:3]
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(c, random.normal(size=[1, UNITS]).astype("f4"))
    np.testing.assert_array_equal(h, random.normal(size=[1, UNITS]).astype("f4"))
