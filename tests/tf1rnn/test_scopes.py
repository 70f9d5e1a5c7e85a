"""The scopes and the reuse of a cell's variables."""

import pytest
import tensorflow.compat.v1 as tf
from graphs import FLOAT, assert_close, evaluate

import tf1rnn


def call(cell, scope=None):
    return cell(tf.ones([1, 2], FLOAT), cell.zero_state(1, FLOAT), scope)[0]


def variable_names():
    return [v.op.name for v in tf.global_variables()]


def test_two_cells_in_one_scope_have_variables_of_their_own():
    with tf.Graph().as_default():
        for _ in range(2):
            call(tf1rnn.BasicRNNCell(2, use_bias=False))
        assert variable_names() == ["basic_rnn_cell/kernel", "basic_rnn_cell_1/kernel"]


def test_a_second_call_reuses_the_variables_in_any_scope():
    with tf.Graph().as_default():
        cell = tf1rnn.BasicRNNCell(2)
        first = call(cell)
        with tf.variable_scope("elsewhere"):
            second = call(cell)
        assert variable_names() == ["basic_rnn_cell/kernel", "basic_rnn_cell/bias"]
        assert_close(*evaluate([first, second]))


def test_reusing_the_outer_scope_shares_the_variables_of_a_second_model():
    with tf.Graph().as_default():
        outputs = []
        for reuse in (None, True):
            with tf.variable_scope("Model", reuse=reuse):
                outputs.append(call(tf1rnn.BasicLSTMCell(2)))
        names = variable_names()
        assert names == ["Model/basic_lstm_cell/kernel", "Model/basic_lstm_cell/bias"]
        assert_close(*evaluate(outputs))


def test_reuse_of_a_cell_takes_variables_that_exist():
    with tf.Graph().as_default():
        call(tf1rnn.BasicRNNCell(2, reuse=tf.AUTO_REUSE, use_bias=False))
        call(tf1rnn.BasicRNNCell(2, reuse=True, use_bias=False))
        assert variable_names() == ["basic_rnn_cell/kernel"]
        with pytest.raises(ValueError, match="does not exist"):
            call(tf1rnn.BasicRNNCell(2, reuse=True, name="nowhere"))


def test_name_or_scope_name_the_variables():
    with tf.Graph().as_default():
        call(tf1rnn.BasicRNNCell(2, name="mine", use_bias=False))
        call(tf1rnn.BasicRNNCell(2, use_bias=False), scope="given")
        call(tf1rnn.BasicRNNCell(2, reuse=tf.AUTO_REUSE, use_bias=False), scope="again")
        assert variable_names() == ["mine/kernel", "given/kernel", "again/kernel"]


@pytest.mark.parametrize("name", ["BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell"])
def test_a_scope_given_to_a_cell_is_opened_where_it_is_made(name):
    with tf.Graph().as_default():
        with tf.variable_scope("outer") as outer:
            cell = getattr(tf1rnn, name)(2, _scope="mine")
            other = getattr(tf1rnn, name)(2, _scope=outer)
        with tf.variable_scope("elsewhere"):
            cell(tf.ones([1, 2]), cell.zero_state(1, tf.float32))
            other(tf.ones([1, 2]), other.zero_state(1, tf.float32))
        parts = [w.op.name.removeprefix("outer/mine/") for w in cell.weights]
        assert variable_names() == [f"outer/{way}{part}" for way in ("mine/", "") for part in parts]


def test_build_makes_the_variables_once_in_the_cells_scope():
    with tf.Graph().as_default():
        cell = tf1rnn.BasicRNNCell(2, use_bias=False)
        with tf.variable_scope("here"):
            cell.build([None, 2])
        cell.build([None, 2])
        call(cell)
        assert variable_names() == ["here/basic_rnn_cell/kernel"]


def test_a_cell_that_gets_its_variables_in_call_finds_them_again():
    class HTTPCell(tf1rnn.RNNCell):
        state_size = output_size = 2

        def __init__(self):
            """Does not call the base class."""

        def call(self, inputs, state):
            weight = tf.get_variable("weight", [], inputs.dtype, use_resource=True)
            return inputs * weight, state

    with tf.Graph().as_default():
        cell = HTTPCell()
        assert_close(*evaluate([call(cell), call(cell)]))
        assert variable_names() == ["http_cell/weight"]
