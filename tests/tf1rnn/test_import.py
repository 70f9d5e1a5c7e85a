"""Importing the library leaves TensorFlow and the process as they were, and needs no more."""

from types import ModuleType

import processes

import tf1rnn

PROGRAM = """
import os
import sys
import tensorflow as tf2

tf = tf2.compat.v1

def switches():
    return {
        "eager execution": tf.executing_eagerly(),
        "v2 behavior": tf2.__internal__.tf2.enabled(),
        "v2 tensor shapes": type(tf.TensorShape([1])[0]),
        "tensor equality": tf.Tensor._USE_EQUALITY,
        "control flow v2": tf.control_flow_v2_enabled(),
        "resource variables": tf.resource_variables_enabled(),
        "default graph": tf.get_default_graph(),
        "seed": tf.get_default_graph().seed,
        "collections": tf.get_default_graph().get_all_collection_keys(),
        "log level": tf.get_logger().level,
        "environment": dict(os.environ),
    }

# TensorFlow imports them where it finds them. The library could not: this makes it an ImportError.
for name in ("matplotlib", "rich"):
    sys.modules[name] = None

before = switches()
import tf1rnn
after = switches()
assert before == after, (before, after)

# Graph mode inside the program, eager execution outside.
with tf.Graph().as_default(), tf.Session() as sess:
    outputs, _ = tf1rnn.dynamic_rnn(tf1rnn.GRUCell(3), tf.ones([2, 4, 5]), dtype=tf.float32)
    sess.run(tf.global_variables_initializer())
    assert sess.run(outputs).shape == (2, 4, 3)
assert switches() == before
assert float(tf2.constant(1.0) + 1.0) == 2.0
"""

TENSORFLOW_1_PROGRAM = """
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
import tf1rnn

x = tf.placeholder(tf.float32, [None, None, 5])
cell = tf1rnn.DropoutWrapper(tf1rnn.GRUCell(3), output_keep_prob=0.5)
outputs, state = tf1rnn.dynamic_rnn(cell, x, [4, 2], dtype=tf.float32)
whole, _ = tf1rnn.static_rnn(
    tf1rnn.MultiRNNCell([tf1rnn.BasicLSTMCell(3), tf1rnn.BasicRNNCell(3)]),
    tf.unstack(tf.ones([4, 2, 5])),
    dtype=tf.float32,
    scope="static",
)
loss = tf1rnn.softmax_loss(whole[-1], tf.ones([3, 7]), tf.zeros([7]), tf.constant([1, 2]))
gradients = tf.gradients([outputs, loss], tf.trainable_variables())
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    result, _ = sess.run([outputs, gradients], {x: [[[1.0] * 5] * 4] * 2})
    assert result.shape == (2, 4, 3)
    assert not result[1, 2:].any()
"""


def run(program):
    result = processes.run(["-c", program])
    assert result.returncode == 0, result.stderr


def test_importing_and_using_the_library_flips_no_switch():
    run(PROGRAM)


def test_the_library_serves_a_program_that_has_switched_tensorflow_2_off():
    run(TENSORFLOW_1_PROGRAM)


def test_the_function_raw_rnn_is_not_hidden_by_its_module():
    import tf1rnn.raw_rnn

    assert callable(tf1rnn.raw_rnn)


def test_all_lists_every_public_name():
    public = {name: value for name, value in vars(tf1rnn).items() if not name.startswith("_")}
    modules = {name for name, value in public.items() if isinstance(value, ModuleType)}
    assert set(tf1rnn.__all__) == set(public) - modules
    assert tf1rnn.__version__
