"""Importing the library leaves TensorFlow and the process as they were."""

import subprocess
import sys
from types import ModuleType

import tf1rnn

PROGRAM = """
import os
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


def test_importing_and_using_the_library_flips_no_switch():
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_all_lists_every_public_name():
    public = {name: value for name, value in vars(tf1rnn).items() if not name.startswith("_")}
    modules = {name for name, value in public.items() if isinstance(value, ModuleType)}
    assert set(tf1rnn.__all__) == set(public) - modules
    assert tf1rnn.__version__
