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


@pytest.mark.parametrize("name", ["BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell"])
@pytest.mark.parametrize("rows", [None, 4])
def test_a_build_of_ones_own_gets_the_shape_of_one_step(name, rows):
    shapes, made = [], []

    class Cell(getattr(tf1rnn, name)):
        def build(self, inputs_shape):
            shapes.append(inputs_shape.as_list())
            super().build(inputs_shape)

        def add_weight(self, name, *args, **options):
            made.append(name)
            return super().add_weight(name, *args, **options)

    for unroll in ("dynamic", "stack", "static"):
        with tf.Graph().as_default():
            x = tf.placeholder(tf.float32, [rows, 6, 5])
            cell = Cell(3)
            if unroll == "static":
                tf1rnn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)
            else:
                several = tf1rnn.MultiRNNCell([cell]) if unroll == "stack" else cell
                tf1rnn.dynamic_rnn(several, x, dtype=tf.float32)
            assert cell.weights[0].shape.as_list()[0] == 8
            assert made == [v.op.name.split("/cell/")[1] for v in cell.weights]
        made.clear()
    assert shapes == [[rows, 5]] * 3


def test_outputs_may_be_of_another_size_than_h():
    class Policy(tf1rnn.LSTMCell):
        @property
        def output_size(self):
            return self._output_size + 1

        def call(self, inputs, state):
            h, state = super().call(inputs, state)
            return tf.pad(h, [[0, 0], [0, 1]]), state

    with tf.Graph().as_default():
        outputs, state = tf1rnn.dynamic_rnn(Policy(3), tf.ones([2, 4, 5]), dtype=tf.float32)
    assert outputs.shape.as_list() == [2, 4, 4] and state.h.shape.as_list() == [2, 3]


def test_sizes_that_are_tensors_are_not_looked_at_where_a_state_is_given():
    class Cell(tf1rnn.RNNCell):
        output_size = 3

        @property
        def state_size(self):
            return tf.zeros([2, 3, 3]), tf.zeros([2, 3])

        def call(self, inputs, state):
            return inputs, (state[0] + 1.0, inputs)

    with tf.Graph().as_default():
        start = tf.zeros([2, 3, 3]), tf.zeros([2, 3])
        inputs = tf.ones([2, 4, 3])
        states = [
            tf1rnn.dynamic_rnn(Cell(), inputs, initial_state=start)[1],
            tf1rnn.static_rnn(Cell(), tf.unstack(inputs, axis=1), initial_state=start)[1],
        ]
        for counted, last in evaluate(states):
            np.testing.assert_array_equal(counted, np.full([2, 3, 3], 4.0))
            np.testing.assert_array_equal(last, np.ones([2, 3]))


@pytest.mark.parametrize("name", ["BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell"])
def test_a_subclass_may_take_sizes_for_a_size(name):
    class Cell(getattr(tf1rnn, name)):
        @property
        def state_size(self):
            return self._num_units[-1]

        output_size = state_size

        def build(self, inputs_shape):
            self.built = True

        def call(self, inputs, state):
            return state + 1.0, state + 1.0

    with tf.Graph().as_default():
        outputs, _ = tf1rnn.dynamic_rnn(Cell([4, 3]), tf.ones([2, 5, 6]), dtype=tf.float32)
        assert evaluate([outputs])[0][0, :, 0].tolist() == [1, 2, 3, 4, 5]
