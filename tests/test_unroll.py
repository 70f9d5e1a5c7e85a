"""Unrollers: against the old ones, the oracle and Keras; lengths, shapes, nests and errors."""

import keras
import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
from graphs import (
    assert_close,
    evaluate,
    names_and_shapes,
    old_cells,
    old_unrollers,
    random_array,
    random_weights,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells

CELLS = {
    "rnn": ("BasicRNNCell", {}),
    "gru": ("GRUCell", {}),
    "lstm": ("BasicLSTMCell", {}),
    "lstm_joined": ("BasicLSTMCell", {"state_is_tuple": False}),
    "lstm_everything": (
        "LSTMCell",
        {"use_peepholes": True, "cell_clip": 0.3, "num_proj": 2, "proj_clip": 0.2},
    ),
}


def make(library, kind, units=5, **more):
    class_name, arguments = CELLS[kind]
    return getattr(library, class_name)(units, **arguments, **more)


def results(outputs, state, inputs):
    """Names, and the values of outputs, state and the gradients of a loss on both."""
    flat = tf.nest.flatten((outputs, state))
    loss = tf.add_n([tf.reduce_sum(part**3) for part in flat])
    gradients = tf.gradients(loss, [inputs, *tf.trainable_variables()])
    return names_and_shapes(), evaluate([flat, gradients])


# The old unrollers.


@pytest.mark.parametrize(
    ("unroller", "kind"),
    [*(("dynamic_rnn", kind) for kind in CELLS), ("static_rnn", "gru"), ("static_rnn", "lstm")],
)
def test_unrolling_gives_what_tensorflow_1_gives(unroller, kind):
    def run(cells, unrollers):
        with tf.Graph().as_default():
            cell = make(cells, kind)
            x = tf.constant(random_array("x", [3, 3, 2]))
            inputs = tf.unstack(x, axis=1) if unroller == "static_rnn" else x
            unroll = getattr(unrollers, unroller)
            outputs, state = unroll(cell, inputs, dtype=tf.float64, sequence_length=[3, 2, 0])
            return results(outputs, state, x)

    ours, theirs = run(tf1rnn, tf1rnn), run(old_cells(), old_unrollers())
    assert ours[0] == theirs[0]
    assert_close(ours[1], theirs[1])


@pytest.mark.parametrize(
    ("unroller", "lengths"),
    [
        ("bidirectional_dynamic_rnn", [3, 2, 1]),
        ("bidirectional_dynamic_rnn", None),
        ("static_bidirectional_rnn", [3, 2, 1]),
        ("static_bidirectional_rnn", None),
    ],
)
def test_bidirectional_unrolling_gives_what_tensorflow_1_gives(unroller, lengths):
    def run(cells, unrollers):
        with tf.Graph().as_default():
            forward, backward = cells.GRUCell(3), cells.BasicLSTMCell(2)
            x = tf.constant(random_array("x", [3, 3, 2]))
            inputs = tf.unstack(x, axis=1) if unroller.startswith("static") else x
            unroll = getattr(unrollers, unroller)
            answer = unroll(forward, backward, inputs, dtype=tf.float64, sequence_length=lengths)
            return results(answer[0], answer[1:], x)

    ours, theirs = run(tf1rnn, tf1rnn), run(old_cells(), old_unrollers())
    assert ours[0] == theirs[0]
    assert ours[0][0][0] == "bidirectional_rnn/fw/gru_cell/gates/kernel"
    assert ours[0][-1][0] == "bidirectional_rnn/bw/basic_lstm_cell/bias"
    assert_close(ours[1], theirs[1])


def steered(unrollers, cell):
    """Rows that end at their lengths; emits twice the output and counts in the loop state."""
    x = tf.constant(random_array("x", [4, 3, 2]))
    inputs = tf.TensorArray(tf.float64, size=4, clear_after_read=False).unstack(x)
    lengths = tf.constant([4, 1, 2])

    def loop_fn(time, output, state, loop_state):
        if output is None:
            state, loop_state, emit = cell.zero_state(3, tf.float64), tf.constant(0), None
        else:
            emit, loop_state = output * 2, loop_state + 10
        return time >= lengths, inputs.read(tf.minimum(time, 3)), state, emit, loop_state

    emits, state, loop_state = unrollers.raw_rnn(cell, loop_fn)
    names, values = results(emits.stack(), state, x)
    return names, values, evaluate(loop_state)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_steered_loop_gives_what_tensorflow_1_gives(kind):
    with tf.Graph().as_default():
        ours = steered(tf1rnn, make(tf1rnn, kind))
    with tf.Graph().as_default():
        theirs = steered(old_unrollers(), make(old_cells(), kind))
    assert ours[0] == theirs[0]
    assert_close(ours[1:], theirs[1:])
    assert ours[2] == 40


# The oracle.


def oracle_of(kind, weights):
    if kind == "rnn":
        return reference.RNN(weights["kernel"], weights["bias"])
    if kind == "gru":
        names = "gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"
        return reference.GRU(*(weights[name] for name in names))
    return reference.LSTM(weights["kernel"], weights["bias"])


SIZES = st.integers(1, 3)


@settings(max_examples=3, deadline=None)
@given(batch=SIZES, num_steps=SIZES, depth=SIZES, units=SIZES, data=st.data())
@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_values_and_gradients_are_the_oracles(kind, fast, batch, num_steps, depth, units, data):
    lengths = data.draw(
        st.none() | st.lists(st.integers(0, num_steps), min_size=batch, max_size=batch)
    )
    x = random_array("x", [num_steps, batch, depth])
    with tf.Graph().as_default():
        cell = make(tf1rnn, kind, units, name="c", fast=fast)
        start = tuple(
            random_array(f"start{i}", [batch, n])
            for i, n in enumerate(tf.nest.flatten(cell.state_size))
        )
        parts = [tf.constant(part) for part in start]
        initial_state = tf.nest.pack_sequence_as(cell.state_size, parts)
        inputs = tf.constant(x)
        outputs, state = tf1rnn.dynamic_rnn(
            cell, inputs, lengths, initial_state=initial_state, time_major=True
        )
        state = tf.nest.flatten(state)
        loss = tf.reduce_sum(outputs * random_array("d_outputs", outputs.shape))
        loss += tf.add_n([tf.reduce_sum(part * random_array("d", part.shape)) for part in state])
        variables = tf.trainable_variables()
        wanted = [inputs, *parts, *variables]
        weights = {
            v.op.name.removeprefix("rnn/c/"): array
            for v, array in zip(variables, random_weights(variables).values(), strict=True)
        }
        actual = evaluate([outputs, *state, *tf.gradients(loss, wanted)])
        names = list(weights)
    oracle = oracle_of(kind, weights)
    expected, final, tape = reference.unroll(oracle, x, start, sequence_length=lengths)
    gradients = reference.unroll_backward(
        tape,
        random_array("d_outputs", expected.shape),
        [random_array("d", part.shape) for part in final],
    )
    of_weights = [gradients.weights[name.replace("/", "_")] for name in names]
    assert_close(
        actual, [expected, *final, gradients.inputs, *gradients.initial_state, *of_weights]
    )


# Keras.


def keras_weights(kind, layer, units):
    """Our weights out of a Keras layer's: kernels stacked, gates in our order."""
    kernel, recurrent, bias = (np.asarray(w, np.float64) for w in layer.get_weights())
    kernel = np.vstack([kernel, recurrent])
    if kind == "rnn":
        return {"kernel": kernel, "bias": bias}
    if kind == "lstm":  # Keras: i, f, j, o
        i, f, j, o = (np.arange(n * units, (n + 1) * units) for n in range(4))
        order = np.concatenate([i, j, f, o])
        return {"kernel": kernel[:, order], "bias": bias[order]}
    z, r, candidate = np.split(kernel, 3, axis=1)  # Keras: update, reset, candidate
    z_bias, r_bias, candidate_bias = np.split(bias, 3)
    return {
        "gates/kernel": np.hstack([r, z]),
        "gates/bias": np.concatenate([r_bias, z_bias]),
        "candidate/kernel": candidate,
        "candidate/bias": candidate_bias,
    }


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_the_return_switches_and_the_numbers_are_those_of_keras(kind):
    layer_class = {"rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}[kind]
    options = {"reset_after": False} if kind == "gru" else {}
    x = random_array("x", [3, 6, 2]).astype(np.float32)
    layer = getattr(keras.layers, layer_class)(
        4, return_sequences=True, return_state=True, bias_initializer="random_normal", **options
    )
    expected, *expected_state = (np.asarray(part) for part in layer(x))
    weights = keras_weights(kind, layer, 4)
    if kind == "lstm":
        expected_state.reverse()  # Keras: h before c
    with tf.Graph().as_default():
        # Keras puts the forget bias into the bias.
        cell = make(tf1rnn, kind, 4, name="c", **({"forget_bias": 0.0} if kind == "lstm" else {}))
        call = {"cell": cell, "inputs": tf.constant(x), "dtype": tf.float32}
        last = tf1rnn.rnn_layer(**call)
        every = tf1rnn.rnn_layer(**call, return_sequences=True)
        last_and_state = tf1rnn.rnn_layer(**call, return_state=True)
        every_and_state = tf1rnn.rnn_layer(**call, return_sequences=True, return_state=True)
        last, every, last_and_state, every_and_state = evaluate(
            [last, every, last_and_state, every_and_state],
            {f"rnn/c/{name}": array for name, array in weights.items()},
        )
    tolerance = {"rtol": 1e-4, "atol": 1e-6}
    assert_close(every, expected, **tolerance)
    assert_close(last, expected[:, -1], **tolerance)
    assert_close(last_and_state, [expected[:, -1], *expected_state], **tolerance)
    assert_close(every_and_state, [expected, *expected_state], **tolerance)
    h = tf.nest.flatten(last_and_state[1])[-1]
    assert np.array_equal(h, every[:, -1])


@pytest.mark.parametrize("time_major", [True, False])
def test_the_last_output_of_a_row_is_that_at_its_length(time_major):
    with tf.Graph().as_default():
        x = tf.constant(random_array("x", [3, 4, 2]))
        x = tf.transpose(x, [1, 0, 2]) if time_major else x
        last, state = tf1rnn.rnn_layer(
            tf1rnn.GRUCell(5),
            x,
            [4, 2, 0],
            dtype=tf.float64,
            time_major=time_major,
            return_state=True,
        )
        last, state = evaluate([last, state])
    assert last.shape == (3, 5)
    assert np.array_equal(last, state)
    assert last[:2].all()
    assert not last[2].any()


# Laws.


@settings(max_examples=3, deadline=None)
@given(batch=SIZES, num_steps=SIZES, fast=st.booleans(), data=st.data())
@pytest.mark.parametrize("kind", ["gru", "lstm_everything"])
def test_static_is_dynamic_and_rows_do_not_meet(kind, batch, num_steps, fast, data):
    lengths = data.draw(st.lists(st.integers(0, num_steps), min_size=batch, max_size=batch))
    x = random_array("x", [batch, num_steps, 3])
    with tf.Graph().as_default():
        cell = make(tf1rnn, kind, fast=fast)
        outputs, state = tf1rnn.dynamic_rnn(cell, x, lengths, dtype=tf.float64)
        steps = tf.unstack(tf.constant(x), axis=1)
        static, static_state = tf1rnn.static_rnn(
            cell, steps, dtype=tf.float64, sequence_length=lengths
        )
        row = data.draw(st.integers(0, batch - 1))
        alone = tf.constant(x[row : row + 1, : max(lengths[row], 1)])
        alone, alone_state = tf1rnn.dynamic_rnn(cell, alone, dtype=tf.float64)
        dynamic, static, alone = evaluate(
            [(outputs, state), (tf.stack(static, axis=1), static_state), (alone, alone_state)]
        )
    assert_close(dynamic, static)
    outputs, state = dynamic
    length = lengths[row]
    assert not outputs[row, length:].any()
    if length:
        assert_close(outputs[row, :length], alone[0][0])
        assert_close(
            [part[row] for part in tf.nest.flatten(state)],
            [part[0] for part in tf.nest.flatten(alone[1])],
        )
    else:
        assert not any(part[row].any() for part in tf.nest.flatten(state))


@pytest.mark.parametrize("fast", [True, False])
def test_a_carried_state_joins_two_halves_of_a_sequence(fast):
    with tf.Graph().as_default():
        cell = make(tf1rnn, "lstm", fast=fast)
        x = tf.constant(random_array("x", [3, 6, 2]))
        whole = tf1rnn.dynamic_rnn(cell, x, dtype=tf.float64)
        first, state = tf1rnn.dynamic_rnn(cell, x[:, :4], dtype=tf.float64)
        second, state = tf1rnn.dynamic_rnn(cell, x[:, 4:], initial_state=tuple(state))
        assert isinstance(state, tf1rnn.LSTMStateTuple)
        whole, halves = evaluate([whole, (tf.concat([first, second], axis=1), state)])
    assert_close(whole, halves)


@pytest.mark.parametrize("fast", [True, False])
def test_batch_and_time_may_be_unknown_until_they_are_fed(fast):
    with tf.Graph().as_default():
        cell = make(tf1rnn, "lstm", fast=fast)
        x = tf.placeholder(tf.float32, [None, None, 2])
        lengths = tf.placeholder(tf.int64, [None])
        outputs, state = tf1rnn.dynamic_rnn(cell, x, lengths, dtype=tf.float32)
        time_major, _ = tf1rnn.dynamic_rnn(
            cell, tf.transpose(x, [1, 0, 2]), lengths, dtype=tf.float32, time_major=True
        )
        assert outputs.shape.as_list() == time_major.shape.as_list() == [None, None, 5]
        assert state.c.shape.as_list() == [None, 5]
        for batch, num_steps in ((1, 1), (3, 7)):
            feed = {x: np.ones([batch, num_steps, 2]), lengths: [num_steps] * batch}
            values, transposed = evaluate([outputs, time_major], feed=feed)
            assert values.shape == (batch, num_steps, 5)
            assert_close(values, np.moveaxis(transposed, 1, 0), rtol=1e-5, atol=1e-6)
        with pytest.raises(tf.errors.InvalidArgumentError, match="sequence_length"):
            evaluate(outputs, feed={x: np.ones([3, 2, 2]), lengths: [2, 2]})


def test_static_shapes_pass_through():
    with tf.Graph().as_default():
        x = tf.zeros([3, 7, 2])
        for fast in (True, False):
            cell = make(tf1rnn, "lstm", fast=fast)
            outputs, state = tf1rnn.dynamic_rnn(
                cell, x, [1, 2, 3], dtype=tf.float32, scope=f"fast_{fast}"
            )
            assert outputs.shape.as_list() == [3, 7, 5]
            assert state.h.shape.as_list() == [3, 5]


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
        inputs = {"matrix": tf.constant(matrix), "scale": tf.constant(scale)}
        arguments = {"dtype": tf.float64, "sequence_length": [5, 3]}
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


def test_a_bidirectional_nest_comes_back_in_the_order_of_the_inputs():
    matrix, scale = random_array("matrix", [2, 5, 2, 3]), random_array("scale", [2, 5, 1])
    with tf.Graph().as_default():
        inputs = {"matrix": matrix, "scale": scale}
        (_, (_, doubles)), _ = tf1rnn.bidirectional_dynamic_rnn(
            Mixer(), Mixer(), inputs, dtype=tf.float64, sequence_length=[5, 3]
        )
        steps = [{key: tf.constant(x[:, t]) for key, x in inputs.items()} for t in range(5)]
        outputs, _, _ = tf1rnn.static_bidirectional_rnn(
            Mixer(), Mixer(), steps, dtype=tf.float64, sequence_length=[5, 3]
        )
        both = tf.stack([step[1] for step in outputs], axis=1)
        doubles, both = evaluate([doubles, both])
    expected = 2 * scale
    expected[1, 3:] = 0
    assert_close(doubles, expected)
    assert_close(both, np.concatenate([expected, expected], axis=2))


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


@pytest.mark.parametrize("unroller", ["dynamic", "dynamic_time_major", "static"])
def test_unrollers_take_the_cells_faster_way_with_the_variables_of_the_plain_one(unroller):
    def run(cell):
        with tf.Graph().as_default():
            x = tf.constant(random_array("x", [4, 3, 2]))
            arguments = {"dtype": tf.float64, "sequence_length": tf.constant([4, 4, 4], tf.int64)}
            if unroller == "static":
                outputs, state = tf1rnn.static_rnn(cell, tf.unstack(x), **arguments)
                outputs = tf.stack(outputs)
            elif unroller == "dynamic":
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


def test_cells_are_what_behaves_like_cells():
    class Duck:
        state_size = output_size = 2

        def zero_state(self, batch_size, dtype):
            return tf.zeros([batch_size, 2], dtype)

        def __call__(self, inputs, state, scope=None):
            return state + inputs, state + inputs

    with tf.Graph().as_default():
        x = random_array("x", [3, 4, 2])
        outputs, _ = tf1rnn.dynamic_rnn(tf1rnn.MultiRNNCell([Duck()]), x, dtype=tf.float64)
        assert_close(evaluate(outputs), np.cumsum(x, axis=1))


# Stores of states.


def test_a_saved_state_starts_the_next_run():
    class Store:
        def __init__(self, names):
            self.variables = {
                name: tf.get_variable(f"store_{name}", [3, 5], tf.float64, use_resource=True)
                for name in names
            }

        def state(self, name):
            return self.variables[name].read_value()

        def save_state(self, name, value):
            return self.variables[name].assign(value)

    x = random_array("x", [3, 6, 2])
    with tf.Graph().as_default():
        cell = make(tf1rnn, "lstm")
        part = tf.placeholder(tf.float64, [3, 3, 2])
        steps = tf.unstack(part, axis=1)
        outputs, _ = tf1rnn.static_state_saving_rnn(cell, steps, Store("ch"), ("c", "h"))
        whole, _ = tf1rnn.static_rnn(cell, tf.unstack(tf.constant(x), axis=1), dtype=tf.float64)
        weights = random_weights(tf.global_variables())
        with tf.Session() as sess:
            for variable in tf.global_variables():
                store = variable.op.name.startswith("store")
                variable.load(weights[variable.op.name] * (not store), sess)
            sess.run(outputs[-1], {part: x[:, :3]})
            second = sess.run(outputs, {part: x[:, 3:]})
            assert_close(second, sess.run(whole)[3:])
        for wrong in ("c", ("c",), ("c", "h", "c")):
            with pytest.raises(ValueError, match="state_name"):
                tf1rnn.static_state_saving_rnn(cell, steps, None, wrong)


# Names.


def test_scopes_are_named_as_in_tensorflow_1():
    with tf.Graph().as_default():
        x = tf.zeros([3, 4, 2])
        for reuse in (None, True):  # a model that trains and one that evaluates
            with tf.variable_scope("Model", reuse=reuse):
                stack = tf1rnn.MultiRNNCell([make(tf1rnn, "lstm"), make(tf1rnn, "gru")])
                tf1rnn.dynamic_rnn(stack, x, dtype=tf.float32)
        tf1rnn.static_rnn(make(tf1rnn, "rnn"), [x[0]], dtype=tf.float32, scope="mine")
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


@pytest.fixture
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.mark.parametrize("unroll", [tf1rnn.dynamic_rnn, tf1rnn.static_rnn])
def test_what_is_no_cell_is_refused(graph, unroll):
    for wrong in ("cell", tf1rnn.GRUCell, tf1rnn.RNNCell()):
        with pytest.raises(TypeError, match="cell"):
            unroll(wrong, [tf.zeros([1, 2])], dtype=tf.float32)


def test_a_state_or_a_dtype_is_needed(graph):
    with pytest.raises(ValueError, match="dtype"):
        tf1rnn.dynamic_rnn(tf1rnn.GRUCell(2), tf.zeros([1, 2, 3]))


def test_an_initial_state_must_have_the_cells_structure_and_the_batch_of_the_inputs(graph):
    cell, x = tf1rnn.BasicLSTMCell(2), tf.zeros([3, 4, 2])
    good, narrow = tf.zeros([3, 2]), tf.zeros([1, 2])
    for wrong in (good, (good,), (good, (good, good))):
        with pytest.raises(ValueError, match="nested"):
            tf1rnn.dynamic_rnn(cell, x, initial_state=wrong)
    with pytest.raises(ValueError, match="batch"):
        tf1rnn.dynamic_rnn(cell, x, initial_state=(good, narrow))


def test_sequence_lengths_must_be_one_for_each_row(graph):
    cell, x = tf1rnn.GRUCell(2), tf.zeros([3, 4, 2])
    for wrong in ([1, 2], [[1, 2, 3]], 2):
        with pytest.raises(ValueError, match="sequence_length"):
            tf1rnn.dynamic_rnn(cell, x, wrong, dtype=tf.float32)


def test_inputs_without_time_or_of_unknown_depth_are_refused(graph):
    for wrong in (tf.zeros([3]), tf.placeholder(tf.float32, [3, 4, None])):
        for fast in (True, False):
            with pytest.raises(ValueError):
                tf1rnn.dynamic_rnn(tf1rnn.GRUCell(2, fast=fast), wrong, dtype=tf.float32)


def test_inputs_of_different_batches_are_refused(graph):
    with pytest.raises(ValueError, match="batch"):
        tf1rnn.static_rnn(tf1rnn.GRUCell(2), [tf.zeros([3, 2]), tf.zeros([4, 2])], dtype=tf.float32)


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
        unroll(cell, tf.zeros([3, 4, 2]), dtype=tf.float32)
    with pytest.raises(ValueError, match="at least one"):
        unroll(cell, [], dtype=tf.float32)


def test_a_steered_loop_needs_a_function(graph):
    with pytest.raises(TypeError, match="loop_fn"):
        tf1rnn.raw_rnn(tf1rnn.GRUCell(2), "loop")
