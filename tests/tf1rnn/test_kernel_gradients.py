"""The gradients of the kernels and of the loss, wherever a graph comes from and goes to."""

from pathlib import Path

import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from graphs import DTYPE, assert_near, open_session, random_array

from tf1rnn import kernels
from tf1rnn.kernels import loop, softmax

ROOT = Path(__file__).parents[2]
NUM_STEPS, BATCH_SIZE, UNITS = 2, 2, 3
X = random_array("x", [NUM_STEPS, BATCH_SIZE, UNITS])
OTHER = random_array("other", [NUM_STEPS, BATCH_SIZE, UNITS])
LENGTHS = [2, 1]
# Number of steps, None for the loop, and whether rows end early.
WALKS = [
    pytest.param(NUM_STEPS, False, marks=pytest.mark.long),
    (NUM_STEPS, True),
    (None, True),
]


def weight(name, shape):
    initializer = tf.constant_initializer(random_array(name, shape))
    return tf.get_variable(name, shape, DTYPE, initializer, use_resource=True)


def lstm_layer(x, lengths):
    """Outputs and the last c."""
    zero = tf.zeros([tf.shape(x)[1], UNITS], x.dtype)
    weights = weight("lstm", [2 * UNITS, 4 * UNITS]), weight("b", [4 * UNITS])
    return kernels.lstm_sequence(x, zero, zero, *weights, 1.0, lengths)[:2]


def all_layers(x, lengths):
    """An LSTM, a GRU and a plain layer on each other."""
    kernel, zero = [2 * UNITS, UNITS], tf.zeros([tf.shape(x)[1], UNITS], x.dtype)
    x, _ = lstm_layer(x, lengths)
    gates, candidate = weight("gates", [2 * UNITS, 2 * UNITS]), weight("candidate", kernel)
    x, _ = kernels.gru_sequence(x, zero, gates, None, candidate, weight("d", [UNITS]), lengths)
    return kernels.rnn_sequence(x, zero, weight("rnn", kernel), None, lengths)


def loss_of(x, lengths=None):
    """A loss of an LSTM, with a variable for each weight."""
    with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
        outputs, c = lstm_layer(x, lengths)
        rows = tf.reshape(outputs, [-1, UNITS])
        targets = tf.range(tf.shape(rows)[0]) % 5
        losses = softmax.softmax_loss(rows, weight("w", [UNITS, 5]), weight("v", [5]), targets)
        return tf.add(tf.reduce_sum(losses**2), tf.reduce_sum(c**2), name="loss")


def loss_of_all(x, lengths=None):
    """The same of all layers, and the other loss."""
    with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
        outputs, _ = all_layers(x, lengths)
        rows = tf.reshape(outputs, [-1, UNITS])
        losses = softmax.softmax_cross_entropy(tf.range(tf.shape(rows)[0]) % UNITS, rows)
        return tf.add(loss_of(outputs, lengths), tf.reduce_sum(losses**2), name="whole")


def sources(num_steps=NUM_STEPS):
    x = tf.placeholder(DTYPE, [num_steps, None, UNITS], name="x")
    return x, tf.placeholder(tf.int32, [None], name="lengths")


def run(fetches, feed=None):
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed)


def known(wanted, values, lengths=None, loss_of=loss_of_all):
    """The loss of values and its gradients to x or to the variables, by the graph itself."""
    with tf.Graph().as_default():
        x = tf.constant(values)
        loss = loss_of(x, lengths)
        targets = [x] if wanted == "x" else tf.trainable_variables()
        return run([loss, *tf.gradients(loss, targets)])


@pytest.mark.parametrize(("num_steps", "rows_end"), WALKS)
def test_a_copy_in_the_same_graph_has_a_gradient_of_its_own(num_steps, rows_end, monkeypatch):
    """With nothing fed, so that it cannot be the original's."""
    if num_steps is None and not tf.control_flow_v2_enabled():
        pytest.skip("TensorFlow 1 has no gradient of the loops of a GraphDef")
    monkeypatch.setattr(loop, "STEPS_OF_A_ROUND", 1)  # a smaller graph
    with tf.Graph().as_default() as graph:
        x, lengths = sources(num_steps)
        make = loss_of_all if num_steps else loss_of
        made = make(x, lengths if rows_end else None)
        other = tf.constant(OTHER)
        sources_of_copy = {"x:0": other, "lengths:0": tf.constant(LENGTHS)}
        (loss,) = tf.import_graph_def(
            graph.as_graph_def(), sources_of_copy, [made.name], name="copy"
        )
        actual = run([loss, *tf.gradients(loss, other)])
    assert_near(actual, known("x", OTHER, LENGTHS if rows_end else None, make))


READ = """
import sys
import numpy as np
import tensorflow.compat.v1 as tf
import tf1rnn
with tf.Graph().as_default(), tf.Session() as session:
    tf.train.import_meta_graph(sys.argv[1] + ".meta").restore(session, sys.argv[1])
    loss = tf.get_default_graph().get_tensor_by_name("net/whole:0")
    gradients = tf.gradients(loss, tf.trainable_variables())
    feed = {"x:0": np.load(sys.argv[1] + ".npy")}
    np.savez(sys.argv[1] + ".npz", *session.run([loss, *gradients], feed))
"""


def write_all(folder):
    """One graph as checkpoint and meta graph, as frozen graph and as saved model."""
    with tf.Graph().as_default() as graph, open_session() as session:
        x, _ = sources()
        loss = loss_of_all(x, None)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(folder / "model"))
        tf.saved_model.simple_save(session, str(folder / "saved"), {"x": x}, {"loss": loss})
        definition = graph.as_graph_def()
        return tf.graph_util.convert_variables_to_constants(session, definition, ["net/whole"])


def test_graphs_on_disk_keep_their_gradients(tmp_path):
    frozen = write_all(tmp_path)
    expected = known("x", X)
    with tf.Graph().as_default(), open_session() as session:
        x = tf.placeholder(DTYPE, [NUM_STEPS, None, UNITS])
        (loss,) = tf.import_graph_def(frozen, {"x:0": x}, ["net/whole:0"], name="frozen")
        actual = session.run([loss, *tf.gradients(loss, x)], {x: X})
    assert_near(actual, expected)
    with tf.Graph().as_default() as graph, open_session() as session:
        tf.saved_model.loader.load(session, ["serve"], str(tmp_path / "saved"))
        loss, x = (graph.get_tensor_by_name(name) for name in ("net/whole:0", "x:0"))
        actual = session.run([loss, *tf.gradients(loss, x)], {x: X})
    assert_near(actual, expected)
    np.save(tmp_path / "model.npy", X)
    processes.run(["-c", READ, tmp_path / "model"]).check_returncode()
    actual = list(np.load(tmp_path / "model.npz").values())
    assert_near(actual, known("variables", X))


def in_a_loop(x):
    def add(i, total):
        return i + 1, total + loss_of(x * tf.cast(i + 1, x.dtype))

    return tf.while_loop(lambda i, _: i < 2, add, (0, tf.zeros([], x.dtype)))[1]


def in_functions(x):
    function = tf.function(loss_of, autograph=False)
    return function(x) + function(2 * x)


def in_branches(x):
    there = tf.cond(tf.reduce_sum(x) > -1e4, lambda: loss_of(x), lambda: tf.reduce_sum(x))
    return there + tf.cond(tf.reduce_sum(x) > 1e4, lambda: tf.reduce_sum(x), lambda: loss_of(2 * x))


def test_a_gradient_is_the_same_wherever_the_layers_stand():
    with tf.Graph().as_default():
        x = tf.constant(X)
        places = [loss_of(x) + loss_of(2 * x)]
        places += [place(x) for place in (in_a_loop, in_functions, in_branches)]
        targets = [x, *tf.trainable_variables()]
        expected, *others = run([[loss, *tf.gradients(loss, targets)] for loss in places])
    for actual in others:
        assert_near(actual, expected)


def test_a_function_of_a_gradient_can_be_wrapped():
    if not tf.executing_eagerly():
        pytest.skip("the wrapped function is called eagerly here")

    wrapped = tf.wrap_function(
        lambda x: tf.gradients(loss_of(x), x), [tf.TensorSpec(X.shape, DTYPE)]
    )
    (actual,) = wrapped(tf.constant(X))
    with tf.Graph().as_default():
        x = tf.constant(X)
        expected = run(tf.gradients(loss_of(x), x))
    assert_near([actual.numpy()], expected)


def test_an_override_of_ones_own_stays():
    with tf.Graph().as_default() as graph, graph.gradient_override_map({"IdentityN": "Mine"}):
        loss_of(tf.constant(X))
        (mine,) = tf.raw_ops.IdentityN(input=[tf.zeros([])])
    assert mine.op.get_attr("_gradient_op_type") == b"Mine"


def derivatives(loss, x):
    """The first to the third, each of a function of the one before."""
    results = []
    for power in (2, 3, 2):
        (loss,) = tf.gradients(tf.reduce_sum(loss**power), x)
        results.append(loss)
    return results


def lstm(x, h, w):
    c, outputs = tf.zeros_like(h), []
    for step in tf.unstack(x):
        i, j, f, o = tf.split(tf.concat([step, h], 1) @ w, 4, 1)
        c = c * tf.sigmoid(f + 1) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * tf.tanh(c)
        outputs.append(h)
    return tf.stack(outputs)


@pytest.mark.long
def test_third_derivatives_are_those_of_the_formulas():
    with tf.Graph().as_default():
        x, h = tf.constant(X), tf.zeros([BATCH_SIZE, UNITS], DTYPE)
        u = tf.constant(random_array("u", [2 * UNITS, 4 * UNITS]))
        v = tf.constant(random_array("v", [UNITS, UNITS]))
        rows, targets = tf.reshape(x, [-1, UNITS]), [0, 1, 2, 2]
        bias = tf.zeros([UNITS], x.dtype)
        stock = tf.nn.sparse_softmax_cross_entropy_with_logits
        pairs = [
            (kernels.lstm_sequence(x, h, h, u, None)[0], lstm(x, h, u)),
            (
                softmax.softmax_loss(rows, v, bias, targets),
                stock(labels=targets, logits=rows @ v),
            ),
            (
                softmax.softmax_cross_entropy(targets, rows),
                stock(labels=targets, logits=rows),
            ),
        ]
        results = run([[derivatives(one, x) for one in pair] for pair in pairs])
    for actual, expected in results:
        assert_near(actual, expected)


def waited_for(op):
    """All operations that one waits for, itself too."""
    ops, seen = [op], {op}
    while ops:
        op = ops.pop()
        below = {*op.control_inputs, *(tensor.op for tensor in op.inputs)} - seen
        seen |= below
        ops += below
    return seen


def test_weights_wait_for_the_gradient_of_what_learns_below_alone():
    """Else a product for fed features would be made, which are often wide."""
    for with_variable in (False, True):
        with tf.Graph().as_default():
            x, _ = sources()
            inputs = x * weight("below", [UNITS]) if with_variable else x
            loss_of(inputs)
            kernel = tf.trainable_variables("net/lstm")
            d_inputs, d_kernel = tf.gradients(loss_of(inputs), [inputs, *kernel])
            assert (d_inputs.op in waited_for(d_kernel.op)) == with_variable
