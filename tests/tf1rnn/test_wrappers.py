"""Stacks of layers, residual connections and devices."""

import pytest
import tensorflow.compat.v1 as tf
from graphs import (
    DTYPE,
    FLOAT,
    Echo,
    assert_close,
    evaluate,
    names_and_shapes,
    old_cells,
    random_array,
)

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells


# Stacks.


def test_a_stack_has_the_golden_names_and_the_values_of_tensorflow_1():
    def run(library):
        with tf.Graph().as_default(), tf.variable_scope("Model"):
            cells = [library.BasicLSTMCell(3), library.GRUCell(4), library.BasicRNNCell(2)]
            stack = library.MultiRNNCell([library.DropoutWrapper(cell) for cell in cells])
            x = tf.constant(random_array("x", [2, 5]))
            output, state = stack(x, stack.zero_state(2, DTYPE))
            output, state = stack(x, state)
            return names_and_shapes(), evaluate([output, tf.nest.flatten(state)])

    names, values = run(tf1rnn)
    assert [name for name, _ in names] == [
        "Model/multi_rnn_cell/cell_0/basic_lstm_cell/kernel",
        "Model/multi_rnn_cell/cell_0/basic_lstm_cell/bias",
        "Model/multi_rnn_cell/cell_1/gru_cell/gates/kernel",
        "Model/multi_rnn_cell/cell_1/gru_cell/gates/bias",
        "Model/multi_rnn_cell/cell_1/gru_cell/candidate/kernel",
        "Model/multi_rnn_cell/cell_1/gru_cell/candidate/bias",
        "Model/multi_rnn_cell/cell_2/basic_rnn_cell/kernel",
        "Model/multi_rnn_cell/cell_2/basic_rnn_cell/bias",
    ]
    old_names, old_values = run(old_cells())
    assert names == old_names
    assert_close(values, old_values)


@pytest.mark.parametrize("fast", [True, False])
def test_joined_states_of_a_stack_carry_the_numbers_of_the_tuple(fast):
    def run(state_is_tuple):
        with tf.Graph().as_default():
            cells = [Echo(3, fast), tf1rnn.GRUCell(4), Echo(4, fast)]
            stack = tf1rnn.MultiRNNCell(cells, state_is_tuple=state_is_tuple)
            x = tf.constant(random_array("x", [2, 6, 3]))
            outputs, state = tf1rnn.dynamic_rnn(stack, x, dtype=DTYPE)
            return evaluate([outputs, tf.concat(tf.nest.flatten(state), axis=1)])

    joined = run(False)
    assert joined[1].shape == (2, 11)
    assert_close(joined, run(True))


def test_a_stack_goes_layer_after_layer_where_every_layer_knows_how():
    def run(fast):
        with tf.Graph().as_default() as graph:
            stack = tf1rnn.MultiRNNCell([Echo(3), Echo(3, fast), Echo(3)])
            x = tf.constant(random_array("x", [2, 6, 3]))
            outputs, state = tf1rnn.dynamic_rnn(stack, x, [4, 6], dtype=DTYPE)
            loops = {"While", "StatelessWhile"} & {op.type for op in graph.get_operations()}
            return evaluate([outputs, state]), bool(loops)

    (fast, fast_loops), (plain, plain_loops) = run(True), run(False)
    assert (fast_loops, plain_loops) == (False, True)
    assert_close(fast, plain)


def test_a_stack_needs_cells():
    cell = tf1rnn.GRUCell(2)
    with pytest.raises(ValueError, match="at least one"):
        tf1rnn.MultiRNNCell([])
    for wrong in (cell, iter([cell]), [cell, "cell"], [cell, tf1rnn.GRUCell]):
        with pytest.raises(TypeError):
            tf1rnn.MultiRNNCell(wrong)
    with pytest.raises(ValueError, match="state_is_tuple"):
        tf1rnn.MultiRNNCell([cell, tf1rnn.LSTMCell(2)], state_is_tuple=False)
    with pytest.warns(UserWarning, match="share weights"):
        tf1rnn.MultiRNNCell([cell, cell])


def test_a_stack_refuses_a_state_of_another_length():
    with tf.Graph().as_default():
        stack = tf1rnn.MultiRNNCell([tf1rnn.GRUCell(2), tf1rnn.GRUCell(2)])
        for wrong in (tf.zeros([1, 2], FLOAT), (tf.zeros([1, 2], FLOAT),)):
            with pytest.raises(ValueError, match="tuple of length 2"):
                stack(tf.zeros([1, 2], FLOAT), wrong)


# Residual connections and devices.


@pytest.mark.parametrize("fast", [True, False])
def test_a_residual_is_added_within_the_length_of_each_row(fast):
    with tf.Graph().as_default():
        x = random_array("x", [2, 4, 3])
        cell = tf1rnn.ResidualWrapper(Echo(3, fast))
        outputs, state = evaluate(tf1rnn.dynamic_rnn(cell, x, [4, 1], dtype=DTYPE))
    expected = 2 * x
    expected[1, 1:] = 0
    assert_close(outputs, expected)
    assert state.tolist() == [[4.0] * 3, [1.0] * 3]


def test_a_residual_function_replaces_the_sum():
    with tf.Graph().as_default():
        x = random_array("x", [2, 4, 3])
        cell = tf1rnn.ResidualWrapper(Echo(3), residual_fn=lambda i, o: i - 3 * o)
        outputs, _ = evaluate(tf1rnn.dynamic_rnn(cell, x, dtype=DTYPE))
    assert_close(outputs, -2 * x)


def test_a_residual_needs_inputs_and_outputs_of_one_shape():
    with tf.Graph().as_default(), pytest.raises(ValueError, match="equal shapes"):
        cell = tf1rnn.ResidualWrapper(tf1rnn.GRUCell(3))
        cell(tf.zeros([2, 1], FLOAT), cell.zero_state(2, FLOAT))


@pytest.mark.parametrize("fast", [True, False])
def test_a_device_holds_the_cells_ops_and_nothing_else(fast):
    with tf.Graph().as_default() as graph:
        cell = tf1rnn.DeviceWrapper(Echo(3, fast), "/cpu:7")
        x = tf.zeros([4, 2, 3], FLOAT)
        assert "CPU:7" in cell.zero_state(2, FLOAT).device
        if fast:
            tf1rnn.dynamic_rnn(cell, x, dtype=FLOAT)
        else:
            cell(x[0], cell.zero_state(2, FLOAT))
        devices = {op.type: op.device for op in graph.get_operations()}
    assert "CPU:7" in devices["Cast" if fast else "AddV2"]
    assert devices["Transpose" if fast else "StridedSlice"] == ""


@pytest.mark.parametrize("wrapper", ["DropoutWrapper", "ResidualWrapper", "DeviceWrapper"])
def test_a_wrapper_has_the_cells_sizes_and_names_and_wraps_cells_only(wrapper):
    def wrap(cell):
        extra = ["/cpu:0"] if wrapper == "DeviceWrapper" else []
        return getattr(tf1rnn, wrapper)(cell, *extra)

    with tf.Graph().as_default():
        cell = tf1rnn.BasicLSTMCell(3)
        wrapped = wrap(cell)
        assert (wrapped.state_size, wrapped.output_size) == (cell.state_size, 3)
        wrapped(tf.zeros([2, 3], FLOAT), wrapped.zero_state(2, FLOAT))
        names = [name for name, _ in names_and_shapes()]
        assert names == ["basic_lstm_cell/kernel", "basic_lstm_cell/bias"]
    for wrong in ("cell", tf1rnn.LSTMStateTuple(1, 2), tf1rnn.RNNCell()):
        with pytest.raises(TypeError, match="cell"):
            wrap(wrong)
