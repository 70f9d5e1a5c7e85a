"""An LSTM along one row by one operation is the loop along it, up to second derivatives."""

import contextlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_near, open_session

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
            first = tf.gradients([part**2 for part in results], parts)
            results += [*first, *tf.gradients(first[0] ** 2, parts[1:])]
        is_one = "BlockLSTMV2" in {op.type for op in graph.get_operations()}

        def run(num_steps):
            return session.run(results, {inputs: draw([num_steps, rows, DEPTH])})

        yield run, is_one


def draw(shape):
    return np.random.default_rng(0).normal(size=shape)


def test_one_operation_is_the_loop(monkeypatch):
    with walk(order=2) as (run, is_one):
        assert is_one
        actual = [run(num_steps) for num_steps in (1, 7)]
    monkeypatch.setattr(one_row, "MOST_WEIGHTS", 4 * UNITS * (DEPTH + UNITS) - 1)
    with walk(order=2) as (run, is_one):
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
