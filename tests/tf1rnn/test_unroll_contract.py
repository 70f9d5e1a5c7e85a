"""What unrollers take, offer and refuse: nests, a cell's faster way, stores, scopes, errors."""

import collections

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import (
    DTYPE,
    FLOAT,
    Echo,
    assert_close,
    evaluate,
    load,
    names_and_shapes,
    open_session,
    random_array,
    random_weights,
)

import tf1rnn


class Mixer(tf1rnn.RNNCell):
    """Inputs, outputs and states that are nests, one of them a matrix, one an int."""

    @property
    def state_size(self):
        return {"sum": tf.TensorShape([2, 3]), "steps": (1,)}

    @property
    def output_size(self):
        return (tf.TensorShape([2, 3]), 1)

    def zero_state(self, batch_size, dtype):
        return {
            "sum": tf.zeros([batch_size, 2, 3], dtype),
            "steps": (tf.zeros([batch_size, 1], tf.int64),),
        }

    def call(self, inputs, state):
        matrix, scale = inputs["matrix"], inputs["scale"]
        total = state["sum"] + matrix * scale[:, :, None]
        return (total, 2 * scale), {"sum": total, "steps": (state["steps"][0] + 1,)}


@pytest.mark.parametrize("unroller", ["dynamic", "static"])
def test_inputs_outputs_and_states_may_be_any_nest(unroller):
    matrix, scale = random_array("matrix", [2, 5, 2, 3]), random_array("scale", [2, 5, 1])
    with tf.Graph().as_default():
        # In another order than that of the keys, which nests are walked in.
        inputs = {"scale": tf.constant(scale), "matrix": tf.constant(matrix)}
        arguments = {"dtype": DTYPE, "sequence_length": [5, 3]}
        if unroller == "dynamic":
            (totals, doubles), state = tf1rnn.dynamic_rnn(Mixer(), inputs, **arguments)
        else:
            steps = [{key: x[:, t] for key, x in inputs.items()} for t in range(5)]
            outputs, state = tf1rnn.static_rnn(Mixer(), steps, **arguments)
            totals, doubles = (tf.stack(parts, axis=1) for parts in zip(*outputs, strict=True))
        totals, doubles, state = evaluate([totals, doubles, state])
    expected = np.cumsum(matrix * scale[..., None], axis=1)
    expected[1, 3:] = 0
    assert_close(totals, expected)
    assert_close(doubles[0], 2 * scale[0])
    assert not doubles[1, 3:].any()
    assert state["steps"][0].tolist() == [[5], [3]]
    assert_close(state["sum"], np.stack([expected[0, 4], expected[1, 2]]))


@pytest.mark.parametrize("unroll", [tf1rnn.dynamic_rnn, tf1rnn.static_rnn])
@pytest.mark.parametrize("lengths", [None, [4, 2]])
@pytest.mark.parametrize("given", [True, False])
def test_a_state_keeps_names_that_its_sizes_have_not(graph, unroll, lengths, given):
    State = collections.namedtuple("State", "inner count")

    class Named(tf1rnn.RNNCell):
        state_size, output_size = ((2, 1), 1), 1

        def zero_state(self, batch_size, dtype):
            return State((tf.ones([batch_size, 2], dtype), tf.zeros([batch_size, 1], dtype)), start)

        def call(self, inputs, state):
            return state.count, State(state.inner, state.count + inputs)

    start = tf.zeros([2, 1], DTYPE)
    x = [tf.ones([2, 1], DTYPE)] * 4
    inputs = x if unroll is tf1rnn.static_rnn else tf.stack(x, axis=1)
    begins = {"initial_state": Named().zero_state(2, DTYPE)} if given else {"dtype": DTYPE}
    _, state = unroll(Named(), inputs, sequence_length=lengths, **begins)
    assert isinstance(state, State)
    assert evaluate(state).count.tolist() == [[4], [4 if lengths is None else 2]]


def test_a_bidirectional_nest_comes_back_in_the_order_of_the_inputs():
    matrix, scale = random_array("matrix", [2, 5, 2, 3]), random_array("scale", [2, 5, 1])
    with tf.Graph().as_default():
        inputs = {"scale": scale, "matrix": matrix}
        (_, (_, doubles)), _ = tf1rnn.bidirectional_dynamic_rnn(
            Mixer(), Mixer(), inputs, dtype=DTYPE, sequence_length=[5, 3]
        )
        steps = [{key: tf.constant(x[:, t]) for key, x in inputs.items()} for t in range(5)]
        outputs, _, _ = tf1rnn.static_bidirectional_rnn(
            Mixer(), Mixer(), steps, dtype=DTYPE, sequence_length=[5, 3]
        )
        both = tf.stack([step[1] for step in outputs], axis=1)
        doubles, both = evaluate([doubles, both])
    expected = 2 * scale
    expected[1, 3:] = 0
    assert_close(doubles, expected)
    assert_close(both, np.concatenate([expected, expected], axis=2))


@pytest.mark.parametrize("unroll", [tf1rnn.dynamic_rnn, tf1rnn.static_rnn])
def test_a_scalar_in_a_state_counts_on_where_rows_have_ended(unroll):
    class Clock(Echo):
        @property
        def state_size(self):
            return (2, tf.TensorShape([]))

        def zero_state(self, batch_size, dtype):
            return tf.zeros([batch_size, 2], dtype), tf.constant(0)

        def call(self, inputs, state):
            return inputs, (state[0] + 1.0, state[1] + 1)

    with tf.Graph().as_default():
        x = tf.ones([2, 4, 2], FLOAT)
        inputs = x if unroll is tf1rnn.dynamic_rnn else tf.unstack(x, axis=1)
        cell = Clock(2, fast=False)
        _, state = unroll(cell, inputs, dtype=FLOAT, sequence_length=[3, 1])
        of_rows, of_all = evaluate(state)
    assert of_rows.tolist() == [[3.0, 3.0], [1.0, 1.0]]
    assert of_all == 3  # up to the longest row, as in TensorFlow 1


# The faster way of a cell.


class Summer(tf1rnn.RNNCell):
    """A weighted running sum, with a faster way that answers negative numbers to tell."""

    asked = 0

    @property
    def state_size(self):
        return 2

    @property
    def output_size(self):
        return 2

    def build(self, inputs_shape):
        self.weight = self.add_variable("weight", [inputs_shape[-1]])
        self.built = True

    def call(self, inputs, state):
        total = state + inputs * self.weight
        return total, total

    def sequence(self, inputs, initial_state, sequence_length=None):
        self.asked += 1
        assert sequence_length.dtype == tf.int32
        with self.cell_scope(inputs):
            totals = initial_state + tf.cumsum(inputs * self.weight)
        return -totals, -totals[-1]


@pytest.mark.parametrize("unroller", ["dynamic", "dynamic_time_major"])
def test_dynamic_unrollers_take_the_cells_faster_way_with_the_variables_of_the_plain_one(unroller):
    def run(cell):
        with tf.Graph().as_default():
            x = tf.constant(random_array("x", [4, 3, 2]))
            arguments = {"dtype": DTYPE, "sequence_length": tf.constant([4, 4, 4], tf.int64)}
            if unroller == "dynamic":
                x = tf.transpose(x, [1, 0, 2])
                outputs, state = tf1rnn.dynamic_rnn(cell, x, **arguments)
                outputs = tf.transpose(outputs, [1, 0, 2])
            else:
                outputs, state = tf1rnn.dynamic_rnn(cell, x, time_major=True, **arguments)
            return names_and_shapes(), evaluate([outputs, state])

    class Plain(Summer):
        def sequence(self, inputs, initial_state, sequence_length=None):
            return None

    summer = Summer(name="s")
    names, (outputs, state) = run(summer)
    assert summer.asked == 1
    plain_names, (plain_outputs, plain_state) = run(Plain(name="s"))
    assert names == plain_names == [("rnn/s/weight", (2,))]
    assert_close([outputs, state], [-plain_outputs, -plain_state])


def test_nested_inputs_never_go_the_faster_way():
    class Fast(Mixer):
        def sequence(self, inputs, initial_state, sequence_length=None):
            raise AssertionError("the faster way takes one tensor")

    with tf.Graph().as_default():
        inputs = {"matrix": tf.zeros([2, 5, 2, 3], FLOAT), "scale": tf.zeros([2, 5, 1], FLOAT)}
        tf1rnn.dynamic_rnn(Fast(), inputs, dtype=FLOAT)


def test_cells_are_what_behaves_like_cells():
    class Duck:
        state_size = output_size = 2

        def zero_state(self, batch_size, dtype):
            return tf.zeros([batch_size, 2], dtype)

        def __call__(self, inputs, state, scope=None):
            return state + inputs, state + inputs

    with tf.Graph().as_default():
        x = random_array("x", [3, 4, 2])
        outputs, _ = tf1rnn.dynamic_rnn(tf1rnn.MultiRNNCell([Duck()]), x, dtype=DTYPE)
        assert_close(evaluate(outputs), np.cumsum(x, axis=1))


# Stores of states.


def test_a_saved_state_starts_the_next_run():
    class Store:
        def __init__(self, names):
            self.variables = {
                name: tf.get_variable(f"store_{name}", [3, 5], DTYPE, use_resource=True)
                for name in names
            }

        def state(self, name):
            return self.variables[name].read_value()

        def save_state(self, name, value):
            return self.variables[name].assign(value)

    x = random_array("x", [3, 4, 2])
    with tf.Graph().as_default():
        cell = tf1rnn.BasicLSTMCell(5)
        part = tf.placeholder(DTYPE, [3, 2, 2])
        steps = tf.unstack(part, axis=1)
        outputs, _ = tf1rnn.static_state_saving_rnn(cell, steps, Store("ch"), ("c", "h"))
        whole, _ = tf1rnn.static_rnn(cell, tf.unstack(tf.constant(x), axis=1), dtype=DTYPE)
        weights = random_weights(tf.global_variables())
        with open_session() as sess:
            variables = {v.op.name: v for v in tf.global_variables()}
            load(sess, {v: weights[n] * (not n.startswith("store")) for n, v in variables.items()})
            sess.run(outputs[-1], {part: x[:, :2]})
            second = sess.run(outputs, {part: x[:, 2:]})
            assert_close(second, sess.run(whole)[2:])
        for wrong in ("c", ("c",), ("c", "h", "c")):
            with pytest.raises(ValueError, match="state_name"):
                tf1rnn.static_state_saving_rnn(cell, steps, None, wrong)


# Names.


@pytest.mark.parametrize(
    ("cells", "parts"),
    [("rnn", 1), ("gru", 1), ("lstm", 2), ("stack", 4)],
)
@pytest.mark.parametrize("time_major", [False, True])
def test_results_have_the_names_that_a_loop_of_tensorflow_1_gave_them(
    graph, cells, parts, time_major
):
    # Seen in programs that fetch rnn/while/Exit_3:0 and Exit_4:0, an LSTM's c and h, from a file.
    lstm = tf1rnn.BasicLSTMCell
    cell = {
        "rnn": tf1rnn.BasicRNNCell(3),
        "gru": tf1rnn.GRUCell(3),
        "lstm": lstm(3),
        "stack": tf1rnn.MultiRNNCell([lstm(3), lstm(3)]),
    }[cells]
    inputs = tf.zeros([2, 4, 3], DTYPE)
    outputs, state = tf1rnn.dynamic_rnn(cell, inputs, dtype=DTYPE, time_major=time_major)
    names = [part.op.name for part in tf.nest.flatten(state)]
    assert names == [f"rnn/while/Exit_{i}" for i in range(3, 3 + parts)]
    stacked = "rnn/TensorArrayStack/TensorArrayGatherV3"
    assert outputs.op.name == (stacked if time_major else "rnn/transpose_1")
    assert stacked in {op.name for op in graph.get_operations()}


def test_scopes_are_named_as_in_tensorflow_1():
    with tf.Graph().as_default():
        x = tf.zeros([3, 1, 2], FLOAT)
        for reuse in (None, True):  # a model that trains and one that evaluates
            with tf.variable_scope("Model", reuse=reuse):
                stack = tf1rnn.MultiRNNCell([tf1rnn.BasicLSTMCell(5), tf1rnn.GRUCell(5)])
                tf1rnn.dynamic_rnn(stack, x, dtype=FLOAT)
        tf1rnn.static_rnn(tf1rnn.BasicRNNCell(5), [x[0]], dtype=FLOAT, scope="mine")
        assert [name for name, _ in names_and_shapes()] == [
            "Model/rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel",
            "Model/rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias",
            "Model/rnn/multi_rnn_cell/cell_1/gru_cell/gates/kernel",
            "Model/rnn/multi_rnn_cell/cell_1/gru_cell/gates/bias",
            "Model/rnn/multi_rnn_cell/cell_1/gru_cell/candidate/kernel",
            "Model/rnn/multi_rnn_cell/cell_1/gru_cell/candidate/bias",
            "mine/basic_rnn_cell/kernel",
            "mine/basic_rnn_cell/bias",
        ]


# Errors.


@pytest.mark.parametrize("unroll", [tf1rnn.dynamic_rnn, tf1rnn.static_rnn])
def test_what_is_no_cell_is_refused(graph, unroll):
    for wrong in ("cell", tf1rnn.GRUCell, tf1rnn.RNNCell()):
        with pytest.raises(TypeError, match="cell"):
            unroll(wrong, [tf.zeros([1, 2], FLOAT)], dtype=FLOAT)


def test_a_state_or_a_dtype_is_needed(graph):
    with pytest.raises(ValueError, match="dtype"):
        tf1rnn.dynamic_rnn(tf1rnn.GRUCell(2), tf.zeros([1, 2, 3], FLOAT))


def test_an_initial_state_must_have_the_cells_structure_and_the_batch_of_the_inputs(graph):
    cell, x = tf1rnn.BasicLSTMCell(2), tf.zeros([3, 4, 2], FLOAT)
    good, narrow = tf.zeros([3, 2], FLOAT), tf.zeros([1, 2], FLOAT)
    for wrong in (good, (good,), (good, (good, good))):
        with pytest.raises(ValueError, match="nested"):
            tf1rnn.dynamic_rnn(cell, x, initial_state=wrong)
    with pytest.raises(ValueError, match="batch"):
        tf1rnn.dynamic_rnn(cell, x, initial_state=(good, narrow))


def test_a_state_of_several_dtypes_needs_one_for_the_outputs(graph):
    inputs = {"matrix": tf.zeros([2, 5, 2, 3], FLOAT), "scale": tf.zeros([2, 5, 1], FLOAT)}
    state = Mixer().zero_state(2, FLOAT)
    with pytest.raises(ValueError, match="give a dtype"):
        tf1rnn.dynamic_rnn(Mixer(), inputs, initial_state=state)
    outputs, _ = tf1rnn.dynamic_rnn(Mixer(), inputs, initial_state=state, dtype=FLOAT)
    assert outputs[0].dtype == FLOAT


@pytest.mark.parametrize("part", ["output", "state"])
def test_what_a_cell_answers_must_be_nested_like_its_sizes(graph, part):
    class Wrong(Echo):
        def call(self, inputs, state):
            return ((inputs,), state) if part == "output" else (inputs, (state,))

    cell = Wrong(2, fast=False)
    with pytest.raises(ValueError, match="structure"):
        tf1rnn.dynamic_rnn(cell, tf.zeros([3, 1, 2], FLOAT), dtype=FLOAT)
    with pytest.raises(ValueError, match="structure"):
        tf1rnn.static_rnn(cell, [tf.zeros([3, 2], FLOAT)], dtype=FLOAT, sequence_length=[1] * 3)


def test_a_static_loop_without_lengths_takes_what_a_cell_answers(graph):
    """As TensorFlow 1's: cells that answer with all parts of a distribution rest on it."""

    class Parts(Echo):
        def call(self, inputs, state):
            total = tf.nest.flatten(state)[0] + inputs
            return (total, {"twice": 2 * total}), [total]

    steps = [tf.fill([3, 2], tf.constant(x, FLOAT)) for x in (1, 10)]
    outputs, state = tf1rnn.static_rnn(Parts(2, fast=False), steps, dtype=FLOAT)
    (_, (total, rest)), (last,) = evaluate([outputs, state])
    for found, expected in ((total, 11), (rest["twice"], 22), (last, 11)):
        np.testing.assert_array_equal(found, np.full([3, 2], expected))


def test_sequence_lengths_must_be_one_for_each_row(graph):
    cell, x = tf1rnn.GRUCell(2), tf.zeros([3, 4, 2], FLOAT)
    for wrong in ([1, 2], [[1, 2, 3]], 2):
        with pytest.raises(ValueError, match="sequence_length"):
            tf1rnn.dynamic_rnn(cell, x, wrong, dtype=FLOAT)


def test_inputs_without_time_or_of_unknown_depth_are_refused(graph):
    for wrong in (tf.zeros([3], FLOAT), tf.placeholder(FLOAT, [3, 4, None])):
        for fast in (True, False):
            with pytest.raises(ValueError):
                tf1rnn.dynamic_rnn(tf1rnn.GRUCell(2, fast=fast), wrong, dtype=FLOAT)


def test_inputs_of_different_batches_are_refused(graph):
    with pytest.raises(ValueError, match="batch"):
        tf1rnn.static_rnn(
            tf1rnn.GRUCell(2), [tf.zeros([3, 2], FLOAT), tf.zeros([4, 2], FLOAT)], dtype=FLOAT
        )


@pytest.mark.parametrize(
    "unroll",
    [
        tf1rnn.static_rnn,
        lambda cell, x, dtype: tf1rnn.static_bidirectional_rnn(cell, cell, x, dtype=dtype),
    ],
)
def test_a_static_loop_needs_a_list_with_steps(graph, unroll):
    cell = tf1rnn.GRUCell(2)
    with pytest.raises(TypeError, match="list"):
        unroll(cell, tf.zeros([3, 4, 2], FLOAT), dtype=FLOAT)
    with pytest.raises(ValueError, match="at least one"):
        unroll(cell, [], dtype=FLOAT)


def test_a_steered_loop_needs_a_function(graph):
    with pytest.raises(TypeError, match="loop_fn"):
        tf1rnn.raw_rnn(tf1rnn.GRUCell(2), "loop")
