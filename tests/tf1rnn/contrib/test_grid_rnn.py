"""`tf.contrib.grid_rnn`: steps along several dimensions, against the paper's formulas in NumPy."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

import tf1rnn
from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import grid_rnn as grid

SIZE, UNITS, STEPS = 3, 2, 4


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(values, scope, forget_bias):
    def step(x, c, h):
        joined = np.concatenate([x, h], 1) @ values[f"{scope}/kernel"] + values[f"{scope}/bias"]
        i, j, f, o = np.split(joined, 4, 1)
        c = sigmoid(f + forget_bias) * c + sigmoid(i) * np.tanh(j)
        return c, sigmoid(o) * np.tanh(c)

    return step


def rnn(values, scope, _):
    def step(x, c, h):
        joined = np.concatenate([x, h], 1)
        return None, np.tanh(joined @ values[f"{scope}/kernel"] + values[f"{scope}/bias"])

    return step


def walked(values, inputs, num_dims, kind, relu=False, tied=False, bias=1.0):
    """The outputs of dimension 0, which gets the inputs and has the priority."""
    step, name = kind

    def along(d, others, c, h):
        if d == 0 and relu:
            folder = "non_recurrent" + ("" if tied else "/cell_0") + "/fully_connected"
            joined = np.concatenate([others, h], 1)
            layer = joined @ values[f"{folder}/weights"] + values[f"{folder}/biases"]
            return None, np.maximum(layer, 0)
        scope = f"recurrent/{name}" if tied else f"recurrent/cell_{d}/{name}"
        return step(values, scope, bias)(others, c, h)

    rows = len(inputs)
    c = [np.zeros([rows, UNITS])] * num_dims
    h = [np.zeros([rows, UNITS])] * num_dims
    outputs = []
    for x in inputs.transpose(1, 0, 2):
        h[0] = x @ values["project_m_0"]
        if "project_c_0" in values:
            c[0] = x @ values["project_c_0"]
        others = np.concatenate(h[:-1], 1) if num_dims > 1 else np.zeros([rows, 0])
        found = {d: along(d, others, c[d], h[-1]) for d in range(1, num_dims)}
        for d, (new_c, new_h) in found.items():
            c[d], h[d] = new_c, new_h
        others = np.concatenate(h[:-1], 1) if num_dims > 1 else np.zeros([rows, 0])
        c[0], h[0] = along(0, others, c[0], h[-1])
        outputs.append(h[0])
    return np.stack(outputs, 1)


LSTM, BASIC_LSTM = (lstm, "lstm_cell"), (lstm, "basic_lstm_cell")
CASES = {
    "1_basic_rnn": (lambda **o: grid.Grid1BasicRNNCell(UNITS, **o), 1, (rnn, "basic_rnn_cell"), {}),
    "2_basic_rnn": (lambda **o: grid.Grid2BasicRNNCell(UNITS, **o), 2, (rnn, "basic_rnn_cell"), {}),
    "1_basic_lstm": (
        lambda **o: grid.Grid1BasicLSTMCell(UNITS, forget_bias=2.0, **o), 1, BASIC_LSTM, {"bias": 2}
    ),
    "2_basic_lstm": (lambda **o: grid.Grid2BasicLSTMCell(UNITS, **o), 2, BASIC_LSTM, {}),
    "1_lstm": (lambda **o: grid.Grid1LSTMCell(UNITS, **o), 1, LSTM, {}),
    "2_lstm": (lambda **o: grid.Grid2LSTMCell(UNITS, forget_bias=0.0, **o), 2, LSTM, {"bias": 0}),
    "2_lstm_tied": (
        lambda **o: grid.Grid2LSTMCell(UNITS, tied=True, **o), 2, LSTM, {"tied": True}
    ),
    "2_lstm_relu": (
        lambda **o: grid.Grid2LSTMCell(UNITS, non_recurrent_fn=tf.nn.relu, **o),
        2, LSTM, {"relu": True},
    ),
    "3_lstm_relu_tied": (
        lambda **o: grid.Grid3LSTMCell(UNITS, tied=True, non_recurrent_fn=tf.nn.relu, **o),
        3, LSTM, {"relu": True, "tied": True},
    ),
    "3_lstm": (lambda **o: grid.Grid3LSTMCell(UNITS, **o), 3, LSTM, {}),
}  # fmt: skip


@pytest.mark.parametrize("unroll", ["dynamic", "static", "joined"])
@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_the_formulas(name, unroll):
    make, num_dims, kind, options = CASES[name]
    inputs = np.random.default_rng(0).normal(size=[2, STEPS, SIZE])
    with tf.Graph().as_default(), open_session() as session:
        tf.set_random_seed(1)
        x = tf.constant(inputs)
        with tf.variable_scope("net", initializer=tf.random_uniform_initializer(-1, 1, seed=3)):
            if unroll == "joined":
                cell = make(state_is_tuple=False, output_is_tuple=False)
                outputs, state = tf1rnn.dynamic_rnn(cell, x, dtype=tf.float64, scope="rnn")
                assert state.shape.as_list() == [2, cell.state_size]
            elif unroll == "dynamic":
                (outputs,), _ = tf1rnn.dynamic_rnn(make(), x, dtype=tf.float64, scope="rnn")
            else:
                steps = tf.unstack(x, axis=1)
                found = tf1rnn.static_rnn(make(), steps, dtype=tf.float64, scope="rnn")[0]
                outputs = tf.stack([step for (step,) in found], 1)
        assert outputs.shape.as_list() == [2, STEPS, UNITS]
        session.run(tf.global_variables_initializer())
        variables = {v.op.name: v for v in tf.global_variables()}
        (top,) = {one.split("/")[2] for one in variables}
        assert top.startswith("Grid") and top.endswith("Cell")
        short = {n.removeprefix(f"net/rnn/{top}/"): v for n, v in variables.items()}
        values, outputs = session.run((short, outputs))
    expected = walked(values, inputs, num_dims, kind, **options)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6, atol=1e-9)


def test_inputs_and_outputs_of_two_dimensions():
    with tf.Graph().as_default():
        cell = grid.GridRNNCell(UNITS, 2, input_dims=[0, 1], output_dims=[1, 0], priority_dims=1)
        assert cell.output_size == (UNITS, UNITS)
        outputs, state = tf1rnn.dynamic_rnn(cell, tf.ones([2, 3, 6]), dtype=tf.float32)
        assert [x.shape.as_list() for x in outputs] == [[2, 3, UNITS]] * 2
        assert len(state) == 2 and state[0].c.shape.as_list() == [2, UNITS]
        names = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    assert names["rnn/GridRNNCell/project_c_1"] == [3, UNITS]
    assert names["rnn/GridRNNCell/recurrent/cell_1/lstm_cell/kernel"] == [2 * UNITS, 4 * UNITS]


def test_it_is_found_where_it_stood():
    for path in ("contrib.grid_rnn", "contrib.grid_rnn.python.ops.grid_rnn_cell"):
        assert module_at(path).served("Grid2LSTMCell") is grid.Grid2LSTMCell


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_dims": 0}, ValueError, "dims must be >= 1"),
        ({"num_dims": 2, "input_dims": 2}, ValueError, r"Invalid dims: \[2\]. Must be in \[0, 2\)"),
        ({"cell_fn": lambda n: n}, TypeError, "must return an RNNCell"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        grid.GridRNNCell(UNITS, **options)
