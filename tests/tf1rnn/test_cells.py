"""Cells: formulas, variables, shapes, scopes and errors."""

import functools

import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
from graphs import (
    DTYPE,
    FLOAT,
    assert_close,
    evaluate,
    names_and_shapes,
    old_cells,
    open_session,
    random_array,
    random_weights,
)

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells
BATCH, DEPTH, UNITS = 3, 4, 5

# name: (class, arguments that both libraries take)
CELLS = {
    "rnn": ("BasicRNNCell", {}),
    "rnn_relu": ("BasicRNNCell", {"activation": tf.nn.relu}),
    "gru": ("GRUCell", {}),
    "gru_relu": ("GRUCell", {"activation": tf.nn.relu}),
    "gru_initializers": (
        "GRUCell",
        {"kernel_initializer": tf.ones_initializer(), "bias_initializer": tf.ones_initializer()},
    ),
    "basic_lstm": ("BasicLSTMCell", {}),
    "basic_lstm_joined": ("BasicLSTMCell", {"forget_bias": 0.0, "state_is_tuple": False}),
    "basic_lstm_sigmoid": ("BasicLSTMCell", {"activation": tf.sigmoid}),
    "lstm": ("LSTMCell", {"forget_bias": 2.0}),
    "lstm_peephole": ("LSTMCell", {"use_peepholes": True}),
    "lstm_clip": ("LSTMCell", {"cell_clip": 0.2}),
    "lstm_projection": ("LSTMCell", {"num_proj": 2, "proj_clip": 0.1}),
    "lstm_everything": (
        "LSTMCell",
        {
            "use_peepholes": True,
            "cell_clip": 0.3,
            "num_proj": 2,
            "proj_clip": 0.2,
            "state_is_tuple": False,
            "activation": tf.nn.relu,
        },
    ),
}


def make(library, kind, **more):
    class_name, arguments = CELLS[kind]
    return getattr(library, class_name)(UNITS, **arguments, **more)


def random_state(cell):
    sizes = tf.nest.flatten(cell.state_size)
    parts = [tf.constant(random_array(f"state{n}", [BATCH, n])) for n in sizes]
    return tf.nest.pack_sequence_as(cell.state_size, parts)


def two_steps(library, kind):
    """Names, and tensors: initial biases, outputs, state and gradients of two steps in a scope."""
    with tf.variable_scope(f"Model/{kind}"):
        cell = make(library, kind)
        x = tf.constant(random_array("x", [2, BATCH, DEPTH]))
        state = first = random_state(cell)
        for t in range(2):
            output, state = cell(x[t], state)
    state = tf.nest.flatten(state)
    loss = sum(tf.reduce_sum(part**2) for part in (output, *state))
    variables = tf.trainable_variables(f"Model/{kind}/")
    gradients = tf.gradients(loss, [x, *tf.nest.flatten(first), *variables])
    biases = [v.read_value() for v in variables if "bias" in v.op.name]
    names = [(v.op.name, tuple(v.shape.as_list())) for v in variables]
    return names, biases, [output, state, gradients]


@functools.cache
def two_steps_of_every_kind(library):
    """The same with arrays for tensors, by kind; all from one graph."""
    with tf.Graph().as_default(), open_session() as sess:
        every = {kind: two_steps(library, kind) for kind in CELLS}
        sess.run(tf.global_variables_initializer())
        biases = sess.run({kind: biases for kind, (_, biases, _) in every.items()})
        values = evaluate({kind: values for kind, (*_, values) in every.items()})
    return {kind: (every[kind][0], biases[kind], values[kind]) for kind in CELLS}


@pytest.mark.parametrize("kind", CELLS)
def test_names_initial_biases_values_and_gradients_are_those_of_tensorflow_1(kind):
    ours, theirs = (two_steps_of_every_kind(library)[kind] for library in (tf1rnn, old_cells()))
    assert ours[0] == theirs[0]
    assert ours[0]
    assert_close(ours[1:], theirs[1:])


def weights_of(kind):
    """Random weights, the cell's own variables by name without the scope."""
    with tf.Graph().as_default():
        cell = make(tf1rnn, kind, name="c", dtype=DTYPE)
        cell.build([None, DEPTH])
        weights = random_weights(tf.global_variables())
    return {name.removeprefix("c/"): array for name, array in weights.items()}


def reference_cell(kind, weights):
    if kind == "rnn":
        return reference.RNN(weights["kernel"], weights["bias"])
    if kind == "gru":
        names = "gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"
        return reference.GRU(*(weights[name] for name in names))
    if kind == "basic_lstm":
        return reference.LSTM(weights["kernel"], weights["bias"])
    return reference.LSTM(
        weights["kernel"],
        weights["bias"],
        w_i=weights["w_i_diag"],
        w_f=weights["w_f_diag"],
        w_o=weights["w_o_diag"],
        cell_clip=0.3,
        projection=weights["projection/kernel"],
        proj_clip=0.2,
        activation="relu",
    )


@pytest.mark.parametrize("kind", ["rnn", "gru", "basic_lstm", "lstm_everything"])
def test_a_step_is_the_formula_of_the_paper(kind):
    weights = weights_of(kind)
    oracle = reference_cell(kind, weights)
    x = random_array("x", [BATCH, DEPTH])
    parts = tuple(random_array(f"part{n}", [BATCH, n]) for n in oracle.state_size)
    expected_output, expected_state, _ = oracle.step(x, parts)
    with tf.Graph().as_default():
        cell = make(tf1rnn, kind, name="c")
        joined = not tf.nest.is_nested(cell.state_size)
        state = tf.constant(np.concatenate(parts, axis=1)) if joined else parts
        output, next_state = cell(tf.constant(x), state)
        fetches = [output, tf.concat(tf.nest.flatten(next_state), axis=1)]
        actual = evaluate(fetches, {f"c/{name}": array for name, array in weights.items()})
    assert_close(actual, [expected_output, np.concatenate(expected_state, axis=1)])


def test_plain_rnn_gives_the_answer_worked_out_by_hand():
    with tf.Graph().as_default():
        cell = tf1rnn.BasicRNNCell(2)
        output_weights, state = tf.constant([[1.0], [2.0]], FLOAT), tf.zeros([1, 2], FLOAT)
        states, outputs = [], []
        for x in (1.0, 2.0):
            output, state = cell(tf.constant([[x]], FLOAT), state)
            states.append(state)
            outputs.append(output @ output_weights + 0.1)
        kernel = [[0.5, 0.6], [0.1, 0.2], [0.3, 0.4]]  # the input's row above the state's
        weights = {"basic_rnn_cell/kernel": kernel, "basic_rnn_cell/bias": [0.1, -0.1]}
        states, outputs = evaluate([states, outputs], weights)
    expected = np.array([[0.53704957, 0.46211716], [0.85973818, 0.88366641]])
    assert_close(np.concatenate(states), expected, atol=1e-8)
    assert_close(np.concatenate(outputs), np.array([[1.56128388], [2.72707101]]), atol=1e-8)


def test_lstm_gives_the_answer_worked_out_by_hand():
    gates = {"i": [0, 100, 0, -10], "j": [1, 0, 0, 0], "f": [0, 100, 0, 10], "o": [0, 0, 100, -10]}
    columns = np.array([gates[gate] for gate in "ijfo"], np.float64).T
    kernel = np.vstack([columns[:3], np.zeros([1, 4])])  # no recurrent weights
    with tf.Graph().as_default():
        cell = tf1rnn.BasicLSTMCell(1, forget_bias=0.0, activation=tf.identity)
        state, outputs = cell.zero_state(1, DTYPE), []
        for x in ([3, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]):
            output, state = cell(tf.constant([x], DTYPE), state)
            outputs.append(output)
        weights = {"basic_lstm_cell/kernel": kernel, "basic_lstm_cell/bias": columns[3]}
        outputs = evaluate(outputs, weights)
    assert [round(float(output[0, 0])) for output in outputs] == [0, 0, 0, 7, 0]


def test_a_gate_of_128_units_on_28_inputs_has_156_by_128_weights():
    def gates_of(cell):
        with tf.Graph().as_default():
            cell.build([None, 28])
            kernels = [s for name, s in names_and_shapes() if name.endswith("kernel")]
            assert {rows for rows, _ in kernels} == {156}
            return sum(columns for _, columns in kernels) / 128

    assert gates_of(tf1rnn.BasicRNNCell(128)) == 1
    assert gates_of(tf1rnn.GRUCell(128)) == 3
    assert gates_of(tf1rnn.BasicLSTMCell(128)) == 4
    assert gates_of(tf1rnn.LSTMCell(128)) == 4


def test_variable_names_and_order_are_the_golden_ones():
    with tf.Graph().as_default():
        for cell in (
            tf1rnn.BasicRNNCell(2),
            tf1rnn.BasicLSTMCell(2),
            tf1rnn.GRUCell(2),
            tf1rnn.LSTMCell(2, use_peepholes=True, num_proj=3),
        ):
            cell(tf.zeros([1, 4]), cell.zero_state(1, tf.float32))
        assert names_and_shapes() == [
            ("basic_rnn_cell/kernel", (6, 2)),
            ("basic_rnn_cell/bias", (2,)),
            ("basic_lstm_cell/kernel", (6, 8)),
            ("basic_lstm_cell/bias", (8,)),
            ("gru_cell/gates/kernel", (6, 4)),
            ("gru_cell/gates/bias", (4,)),
            ("gru_cell/candidate/kernel", (6, 2)),
            ("gru_cell/candidate/bias", (2,)),
            ("lstm_cell/kernel", (7, 8)),
            ("lstm_cell/bias", (8,)),
            ("lstm_cell/w_f_diag", (2,)),
            ("lstm_cell/w_i_diag", (2,)),
            ("lstm_cell/w_o_diag", (2,)),
            ("lstm_cell/projection/kernel", (2, 3)),
        ]


def test_variables_are_of_the_inputs_dtype():
    with tf.Graph().as_default():
        cell = tf1rnn.GRUCell(2)
        cell(tf.zeros([1, 4], tf.float64), cell.zero_state(1, tf.float64))
        assert {v.dtype.base_dtype for v in tf.global_variables()} == {tf.float64}


@pytest.mark.parametrize("kind", ["rnn", "gru", "basic_lstm", "lstm_peephole"])
def test_a_cell_without_bias_is_a_cell_whose_bias_is_zero(kind):
    def output(use_bias):
        with tf.Graph().as_default():
            cell = make(tf1rnn, kind, use_bias=use_bias)
            result, _ = cell(tf.constant(random_array("x", [BATCH, DEPTH])), random_state(cell))
            weights = random_weights(tf.global_variables())
            biases = [name for name in weights if "bias" in name]
            assert bool(biases) == use_bias
            weights.update((name, np.zeros_like(weights[name])) for name in biases)
            return evaluate(result, weights)

    assert_close(output(False), output(True))


@pytest.mark.parametrize("kind", ["rnn", "gru", "basic_lstm"])
def test_kernel_initializer_initializes_every_kernel_and_no_bias(kind):
    with tf.Graph().as_default(), open_session() as sess:
        make(tf1rnn, kind, kernel_initializer=tf.constant_initializer(0.25)).build([None, DEPTH])
        sess.run(tf.global_variables_initializer())
        for variable in tf.global_variables():
            values = sess.run(variable)
            assert ((values == 0.25).all()) == variable.op.name.endswith("kernel")


def test_joined_state_carries_the_numbers_of_the_tuple():
    def run(state_is_tuple):
        with tf.Graph().as_default():
            cell = tf1rnn.BasicLSTMCell(UNITS, state_is_tuple=state_is_tuple)
            c, h = (tf.constant(random_array(part, [BATCH, UNITS])) for part in "ch")
            state = (c, h) if state_is_tuple else tf.concat([c, h], axis=1)
            output, state = cell(tf.constant(random_array("x", [BATCH, DEPTH])), state)
            return evaluate([output, tf.concat(tf.nest.flatten(state), axis=1)])

    assert_close(run(True), run(False))


@pytest.mark.parametrize("kind", CELLS)
def test_static_shapes_are_known_where_the_batch_is_not(kind):
    with tf.Graph().as_default():
        cell = make(tf1rnn, kind)
        x = tf.placeholder(tf.float32, [None, DEPTH])
        state = cell.zero_state(tf.shape(x)[0], tf.float32)
        output, next_state = cell(x, state)
        assert output.shape.as_list() == [None, cell.output_size]
        for part in (state, next_state):
            tf.nest.assert_same_structure(part, cell.state_size)
            sizes = tf.nest.map_structure(lambda tensor: tensor.shape[1], part)
            assert tf.nest.flatten(sizes) == tf.nest.flatten(cell.state_size)


def test_zero_state_has_the_structure_of_the_state_size():
    class Nested(tf1rnn.RNNCell):
        @property
        def state_size(self):
            return {"a": 2, "b": (tf.TensorShape([3, 4]), tf1rnn.LSTMStateTuple(5, 6))}

    with tf.Graph().as_default():
        state = Nested().zero_state(7, tf.float64)
        assert isinstance(state["b"][1], tf1rnn.LSTMStateTuple)
        parts = tf.nest.flatten(state)
        shapes = [part.shape.as_list() for part in parts]
        assert shapes == [[7, 2], [7, 3, 4], [7, 5], [7, 6]]
        assert {part.dtype for part in parts} == {tf.float64}
        assert not any(np.any(values) for values in evaluate(parts))


# Errors.


@pytest.mark.parametrize("kind", ["rnn", "gru", "basic_lstm", "lstm"])
def test_inputs_of_unknown_depth_are_refused(kind):
    with tf.Graph().as_default(), pytest.raises(ValueError, match=r"Expected inputs\.shape"):
        cell = make(tf1rnn, kind)
        cell(tf.placeholder(tf.float32, [3, None]), cell.zero_state(3, tf.float32))


def test_an_lstm_refuses_a_state_that_is_no_pair():
    with tf.Graph().as_default():
        x, state = tf.zeros([3, 4]), tf.zeros([3, 5])
        for wrong in (state, (state,), (state, state, state)):
            with pytest.raises(ValueError, match="pair"):
                tf1rnn.BasicLSTMCell(5)(x, wrong)


@pytest.mark.parametrize("kind", ["rnn", "gru", "basic_lstm_joined"])
def test_a_state_of_the_wrong_size_is_refused(kind):
    with tf.Graph().as_default(), pytest.raises(ValueError):
        make(tf1rnn, kind)(tf.zeros([3, 4]), tf.zeros([3, 11]))


def test_an_activation_may_be_named_and_must_exist():
    with tf.Graph().as_default():
        x, state = tf.ones([1, 2]), tf.zeros([1, 2])
        cells = [tf1rnn.BasicRNNCell(2, activation=a) for a in ("relu", tf.nn.relu)]
        outputs = evaluate(
            [cell(x, state)[0] for cell in cells],
            {
                name: [[1.0, -1.0]] * 4 if "kernel" in name else [0.0, 0.0]
                for name in (
                    f"basic_rnn_cell{i}/{v}" for i in ("", "_1") for v in ("kernel", "bias")
                )
            },
        )
    assert outputs[0].tolist() == [[2.0, 0.0]]
    assert_close(*outputs)
    with pytest.raises(ValueError, match="no_such"):
        tf1rnn.BasicRNNCell(2, activation="no_such")


def test_a_state_tuple_has_one_dtype():
    with tf.Graph().as_default():
        x, y = tf.zeros([1]), tf.zeros([1], tf.float64)
        assert tf1rnn.LSTMStateTuple(x, x).dtype == tf.float32
        with pytest.raises(TypeError):
            _ = tf1rnn.LSTMStateTuple(x, y).dtype


# The faster way.


@pytest.mark.parametrize("activation", [None, "tanh", tf.tanh, tf.nn.tanh, tf.math.tanh])
def test_a_cell_with_tanh_by_any_name_has_a_faster_way_unless_it_is_switched_off(activation):
    with tf.Graph().as_default():
        x = tf.zeros([1, 3, 4])
        for class_name in ("BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell"):
            for fast in (True, False):
                cell = getattr(tf1rnn, class_name)(5, activation=activation, fast=fast)
                state = cell.zero_state(3, tf.float32)
                assert (cell.sequence(x, state) is not None) == fast


@pytest.mark.parametrize(
    "kind",
    [
        "rnn_relu",
        "gru_relu",
        "basic_lstm_sigmoid",
        "lstm_peephole",
        "lstm_clip",
        "lstm_projection",
    ],
)
def test_a_cell_without_a_faster_way_says_so(kind):
    with tf.Graph().as_default():
        cell = make(tf1rnn, kind)
        assert cell.sequence(tf.zeros([2, 3, 4]), cell.zero_state(3, tf.float32)) is None
