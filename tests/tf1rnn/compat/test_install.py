"""Importing switches nothing; `install` and `uninstall` undo each other; who asks is told apart."""

import textwrap

import processes
import pytest

HEAD = """
import sys, time, warnings
import tensorflow as tf2

v1 = tf2.compat.v1

def switches():
    return {
        "eager": v1.executing_eagerly(),
        "version 2": tf2.__internal__.tf2.enabled(),
        "shapes": type(v1.TensorShape([1])[0]),
        "equality": v1.Tensor._USE_EQUALITY,
        "control flow": v1.control_flow_v2_enabled(),
        "resources": v1.resource_variables_enabled(),
        "dataset": v1.data.Dataset,
        "dimension": v1.Dimension.__init__,
        "sum of shapes": v1.TensorShape.__add__,
        "read ahead": tf2.data.Dataset._apply_debug_options,
        "log level": v1.get_logger().level,
        "module": sys.modules["tensorflow"],
        "rnn": sys.modules.get("tensorflow.python.ops.rnn"),
        "served": [n for n in sys.modules if n.startswith("tensorflow.contrib")],
    }

def computes():
    return float(tf2.constant(1.0) + 1.0) == 2.0
"""

UNDONE = """
before = switches()
import tf1rnn.compat as compat
assert switches() == before

for again in range(2):
    compat.install()
    compat.install()
    import tensorflow as tf
    from tensorflow.contrib import rnn
    import tensorflow.contrib.legacy_seq2seq as seq2seq
    from tensorflow.python.ops import rnn_cell
    from tensorflow.contrib.rnn.python.ops import core_rnn_cell
    assert tf.__version__.startswith("1.15")
    assert tf.nn.rnn_cell.BasicLSTMCell is rnn.BasicLSTMCell is rnn_cell.BasicLSTMCell
    assert core_rnn_cell.BasicLSTMCell is rnn.BasicLSTMCell
    assert tf.nn.dynamic_rnn is __import__("tf1rnn").dynamic_rnn
    assert not tf.executing_eagerly()
    x = tf.placeholder(tf.float32, [None, 3, 2])
    assert x.get_shape()[1].value == 3
    assert tf.TensorShape([8 / 2, None, 3]).as_list() == [4, None, 3]
    assert rnn.BasicLSTMCell(8 / 2).output_size == rnn.LSTMCell(9, num_proj=8 / 2).output_size == 4
    for size in (4.5, None):
        try:
            rnn.GRUCell(size)
        except TypeError:
            pass
        else:
            raise AssertionError(f"{size} units")
    outputs, _ = tf.nn.dynamic_rnn(rnn.BasicLSTMCell(4), x, dtype=tf.float32)
    assert tf.is_tensor(tf.TensorShape([3]) + tf.constant(2))
    with tf.Session() as session:
        session.run(tf.initialize_all_variables())
        assert session.run(outputs, {x: [[[1.0] * 2] * 3]}).shape == (1, 3, 4)
        # A generator goes on from what the last run answered.
        last = [0]
        made = tf.data.Dataset.from_generator(lambda: iter(lambda: last[0], None), tf.int32)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if again:
                numbers = made.make_initializable_iterator()
            else:
                numbers = made.make_one_shot_iterator()
        following = numbers.get_next() + 1
        if again:
            session.run(numbers.initializer)
        for count in range(1, 9):
            last[0] = session.run(following)
            assert last[0] == count, "the data set ran ahead"
            time.sleep(0.01)  # in which it could
    compat.uninstall()
    compat.uninstall()
    assert switches() == before, (switches(), before)
    assert computes()
    assert not hasattr(tf2, "contrib")
"""

ONE_LINE = """
before = switches()
import tf1rnn.compat as tf
from tensorflow.contrib import seq2seq
assert switches() == {**before, "served": switches()["served"]}
cell = tf.contrib.rnn.MultiRNNCell([tf.nn.rnn_cell.GRUCell(3)])
assert not tf.executing_eagerly()
assert sys.modules["tensorflow"] is tf2  # other modules of the program see what they saw
tf.uninstall()
assert computes() and not hasattr(tf2, "contrib")
"""

SINGLE_SWITCHES = """
v1.disable_tensor_equality()
v1.disable_control_flow_v2()
before = switches()
from tf1rnn import compat
compat.install()
compat.uninstall()
assert switches() == before
"""

VERSION_1 = """
v1.disable_v2_behavior()
kept = v1.constant(1.0)
before = switches()
from tf1rnn import compat
compat.install()
import tensorflow as tf
assert tf.contrib.rnn.GRUCell(2)
compat.uninstall()
assert switches() == before and v1.get_default_graph() is kept.graph
"""

LIBRARIES = """
import types
from tf1rnn import compat
compat.install()
LIBRARY = "import tensorflow as tf; from tensorflow.compat import v1; version = tf.__version__"
keras = types.ModuleType("keras.backend")
exec(LIBRARY, vars(keras))
assert keras.version == tf2.__version__
assert keras.v1.placeholder is v1.placeholder
assert keras.tf.function is tf2.function  # a name that TensorFlow 1 has not by that meaning
program = types.ModuleType("program")
exec(LIBRARY, vars(program))
assert program.version.startswith("1.15") and program.v1 is program.tf
exec("has = hasattr(tf, 'contrib')", vars(keras))
assert not keras.has
exec("has = hasattr(tf, 'contrib')", vars(program))
assert program.has
"""


@pytest.mark.parametrize(
    "program",
    [
        UNDONE,
        LIBRARIES,
        ONE_LINE,
        SINGLE_SWITCHES,
        VERSION_1,
    ],
    ids=range(5),
)
def test_a_process_is_switched_and_switched_back(program):
    result = processes.run(["-c", textwrap.dedent(HEAD + program)])
    assert result.returncode == 0, result.stderr[-3000:]
