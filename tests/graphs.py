"""What the tests of the library share: dtypes, random weights by name, a session, cells."""

import contextlib
import os
import zlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1rnn


def chosen(otherwise):
    """The dtype that TF1RNN_DTYPE asks for, which `make dtypes` sets; else that one."""
    return tf.as_dtype(os.environ.get("TF1RNN_DTYPE", otherwise))


# The dtype of tests that would hold in any, and that of those which leave it to TensorFlow.
DTYPE, FLOAT = chosen("float64"), chosen("float32")

# How far apart two ways to compute the same may come, in units of the dtype's epsilon: a number of
# `assert_close`, relative and absolute, and one of `assert_near` as a part of its array's largest.
# Rounding moves float16 by as many units as float32: of 2,400 random layers with up to 12 steps,
# all their gradients included, 99 of 100 came within 20 units of the oracle, and the farthest,
# whose gradients all but cancel out, within 49; second derivatives of the fixed networks came
# within 7. The gates, slopes and steps that were changed on purpose moved some number by more.
# Float64, whose rounding nothing else comes near to, is given more.
UNITS_CLOSE, UNITS_NEAR = 16, 64
CLOSE = {np.float64: 1e-10}
NEAR = {np.float64: 1e-12}
for _dtype in (np.float32, np.float16):
    CLOSE[_dtype], NEAR[_dtype] = (u * np.finfo(_dtype).eps for u in (UNITS_CLOSE, UNITS_NEAR))


def random_array(name, shape, scale=0.5):
    """Numbers that depend on name and shape alone: equal in any graph with the same names."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return random.normal(scale=scale, size=shape).astype(DTYPE.as_numpy_dtype)


def random_weights(variables):
    return {v.op.name: random_array(v.op.name, v.shape.as_list()) for v in variables}


def open_session():
    """A session that runs the graph as it is: to rewrite it takes longer than to run it."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.Session(config=config)


def load(session, arrays):
    """Sets variables to the arrays of a dict, all in one run."""
    feed = {
        v.initializer.inputs[1]: np.asarray(a, v.dtype.base_dtype.name) for v, a in arrays.items()
    }
    session.run([v.initializer for v in arrays], feed)


def evaluate(fetches, weights=None, feed=None):
    """Runs `fetches` with the graph's variables set to `weights`, by default random ones."""
    variables = tf.global_variables()
    weights = random_weights(variables) if weights is None else weights
    with open_session() as sess:
        load(sess, {variable: weights[variable.op.name] for variable in variables})
        return sess.run(fetches, feed)


def names_and_shapes():
    """Of all trainable variables, in the order of their making."""
    return [(v.op.name, tuple(v.shape.as_list())) for v in tf.trainable_variables()]


def assert_close(actual, expected, rtol=None, atol=None):
    """Compares nests of arrays of one structure; tolerances are by default those of the dtype."""
    flat, flat_expected = tf.nest.flatten(actual), tf.nest.flatten(expected)
    assert len(flat) == len(flat_expected)
    for a, b in zip(flat, flat_expected, strict=True):
        tolerance = CLOSE.get(np.asarray(a).dtype.type, CLOSE[np.float64])
        np.testing.assert_allclose(
            a,
            b,
            rtol=max(tolerance, 1e-9) if rtol is None else rtol,
            atol=tolerance if atol is None else atol,
        )


def assert_near(actual, expected, tolerance=None, least=0.01):
    """Each array's largest error, relative to its largest number, or to `least` if that is smaller.

    Small numbers are left of larger ones that cancelled out, with the rounding of those. The
    tolerance is by default that of the dtype.
    """
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        assert a.shape == b.shape
        allowed = NEAR[a.dtype.type] if tolerance is None else tolerance
        largest = np.abs(b).max(initial=least)
        assert np.abs(a - np.asarray(b, np.float64)).max(initial=0) <= allowed * largest


def old_cells():
    """The cells of TensorFlow 1, where this TensorFlow still has them."""
    return pytest.importorskip("tensorflow.python.ops.rnn_cell")


def old_unrollers():
    return pytest.importorskip("tensorflow.python.ops.rnn")


@contextlib.contextmanager
def control_flow(version):
    """TensorFlow 1's control flow, or 2's, for a while."""
    was = tf.control_flow_v2_enabled()
    (tf.enable_control_flow_v2 if version == 2 else tf.disable_control_flow_v2)()
    try:
        yield
    finally:
        (tf.enable_control_flow_v2 if was else tf.disable_control_flow_v2)()


class Echo(tf1rnn.RNNCell):
    """Puts out its inputs, counts its steps in the state, and knows a way through a sequence."""

    def __init__(self, units, fast=True):
        super().__init__()
        self.units = units
        self.fast = fast

    @property
    def state_size(self):
        return self.units

    @property
    def output_size(self):
        return self.units

    def call(self, inputs, state):
        return inputs + 0.0, state + 1.0

    def sequence(self, inputs, initial_state, sequence_length=None):
        if not self.fast:
            return None
        with self.cell_scope(inputs):
            num_steps = tf.shape(inputs)[0]
            lengths = tf.fill(tf.shape(inputs)[1:2], num_steps)
            if sequence_length is not None:
                lengths = tf.minimum(lengths, sequence_length)
            inside = tf.transpose(tf.sequence_mask(lengths, num_steps, inputs.dtype))
            state = initial_state + tf.cast(lengths, inputs.dtype)[:, None]
            return inputs * inside[:, :, None], state
