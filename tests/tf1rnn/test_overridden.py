"""A step that someone has overridden is never skipped, nor a gradient that the graph overrides."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import (
    DTYPE,
    FLOAT,
    assert_close,
    evaluate,
    old_cells,
    old_unrollers,
    random_array,
)

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells


def sevens(base, method, *arguments):
    """A cell of a subclass of `base` whose `method`, its step, answers 7 everywhere."""

    def step(self, *arguments, **more):
        output, state = getattr(base, method)(self, *arguments, **more)
        return output * 0 + 7, state

    return type("Sevens", (base,), {method: step})(*arguments)


def replaced():
    """A cell whose step is replaced in the object."""
    cell = tf1rnn.GRUCell(2)
    call = cell.call
    cell.call = lambda inputs, state: (call(inputs, state)[0] * 0 + 7, state)
    return cell


class Proxy:
    """Stands for a cell in all but its step."""

    def __init__(self, cell):
        self._inner = cell

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def __call__(self, inputs, state, scope=None):
        output, state = self._inner(inputs, state)
        return output * 0 + 7, state


class Mixin:
    """Changes the step of whatever cell stands behind it."""

    def call(self, inputs, state):
        output, state = super().call(inputs, state)
        return output * 0 + 7, state


class Mixed(Mixin, tf1rnn.BasicLSTMCell):
    """Gets its step from one base and its faster way from the other."""


def gru():
    return tf1rnn.GRUCell(2)


CHANGED = {
    "basic_rnn": lambda: sevens(tf1rnn.BasicRNNCell, "call", 2),
    "basic_lstm": lambda: sevens(tf1rnn.BasicLSTMCell, "call", 2),
    "lstm": lambda: sevens(tf1rnn.LSTMCell, "__call__", 2),
    "gru": lambda: sevens(tf1rnn.GRUCell, "call", 2),
    "gru_from_outside": lambda: sevens(tf1rnn.GRUCell, "__call__", 2),
    "mixed": lambda: Mixed(2),
    "stack": lambda: sevens(tf1rnn.MultiRNNCell, "__call__", [gru(), gru()]),
    "stack_from_inside": lambda: sevens(tf1rnn.MultiRNNCell, "call", [gru(), gru()]),
    "dropout": lambda: sevens(tf1rnn.DropoutWrapper, "__call__", gru()),
    "residual": lambda: sevens(tf1rnn.ResidualWrapper, "__call__", gru()),
    "device": lambda: sevens(tf1rnn.DeviceWrapper, "__call__", gru(), "/cpu:0"),
    "object": replaced,
    "proxy": lambda: Proxy(gru()),
}
AROUND = {
    "stack": lambda cell: tf1rnn.MultiRNNCell([gru(), cell]),
    "dropout": lambda cell: tf1rnn.DropoutWrapper(cell),
    "device": lambda cell: tf1rnn.DeviceWrapper(cell, "/cpu:0"),
}


def test_an_overridden_step_is_asked_alone_and_inside_of_other_cells(graph):
    made = {name: make() for name, make in CHANGED.items()}
    for around, wrap in AROUND.items():
        made |= {f"{name}_in_{around}": wrap(CHANGED[name]()) for name in ("gru", "proxy")}
    outputs = {
        name: tf1rnn.dynamic_rnn(cell, tf.ones([1, 2, 2], FLOAT), dtype=FLOAT, scope=name)[0]
        for name, cell in made.items()
    }
    for name, values in evaluate(outputs).items():
        assert np.all(values == 7), name


def test_bidirectional_and_layer_unrollers_ask_it_too(graph):
    cell, x = (
        CHANGED["gru"](),
        tf.placeholder_with_default(tf.ones([1, 2, 2], FLOAT), [None, None, 2]),
    )
    both, _ = tf1rnn.bidirectional_dynamic_rnn(cell, CHANGED["lstm"](), x, dtype=FLOAT)
    layer = tf1rnn.rnn_layer(CHANGED["stack"](), x, [2], dtype=FLOAT)
    for values in evaluate([*both, layer]):
        assert np.all(values == 7)


def test_what_is_no_step_may_be_overridden_without_a_loop(graph):
    class Mine(tf1rnn.GRUCell):
        def __init__(self, units, label):
            super().__init__(units)
            self.label = label

        def zero_state(self, batch_size, dtype):
            return super().zero_state(batch_size, dtype) + 1

        def describe(self):
            return self.label

    tf1rnn.dynamic_rnn(Mine(2, "mine"), tf.ones([1, 2, 2], FLOAT), dtype=FLOAT)
    assert not {"While", "StatelessWhile", "Enter"} & {op.type for op in graph.get_operations()}


# Overridden gradients.


@tf.RegisterGradient("tf1rnn.tests.Halved")
def _halved(op, d_y):
    return d_y * 0.5


def gradients(cell, unrollers, unroller, overridden):
    """Of a loss on the outputs, with those of some operations of the cell halved."""
    x = tf.constant(random_array("x", [2, 3, 2]))
    overrides = dict.fromkeys(overridden, "tf1rnn.tests.Halved")
    with tf.get_default_graph().gradient_override_map(overrides), tf.variable_scope("a"):
        if unroller == "static_rnn":
            outputs, _ = unrollers.static_rnn(cell, tf.unstack(x, axis=1), dtype=DTYPE)
            outputs = tf.stack(outputs, axis=1)
        else:
            outputs, _ = unrollers.dynamic_rnn(cell, x, dtype=DTYPE)
    loss = tf.reduce_sum(outputs**2)
    return evaluate(tf.gradients(loss, [x, *tf.trainable_variables()]))


@pytest.mark.parametrize("kind", ["BasicRNNCell", "GRUCell", "BasicLSTMCell"])
def test_overridden_gradients_are_honoured(kind):
    """As in TensorFlow 1's static unroller; its loop, in function graphs, does not hear of them."""
    overridden = ["Tanh", "Sigmoid"]
    with tf.Graph().as_default():
        expected = gradients(
            getattr(old_cells(), kind)(3), old_unrollers(), "static_rnn", overridden
        )
    for unroller in ("dynamic_rnn", "static_rnn"):
        with tf.Graph().as_default():
            cell = getattr(tf1rnn, kind)(3)
            assert_close(gradients(cell, tf1rnn, unroller, overridden), expected)
    with tf.Graph().as_default():
        untouched = gradients(getattr(tf1rnn, kind)(3), tf1rnn, "dynamic_rnn", [])
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(untouched, expected, strict=True))
