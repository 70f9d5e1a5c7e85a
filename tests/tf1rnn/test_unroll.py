"""Unrollers against the old ones, the oracle and Keras, and the laws that they keep."""

import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
from graphs import (
    DTYPE,
    FLOAT,
    assert_close,
    evaluate,
    load,
    names_and_shapes,
    old_cells,
    old_unrollers,
    open_session,
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


def results(outputs, state, inputs, with_gradients=True):
    """Names, and the values of outputs, state and the gradients of a loss on both."""
    flat = tf.nest.flatten((outputs, state))
    loss = tf.add_n([tf.reduce_sum(part**3) for part in flat])
    wanted = [inputs, *tf.trainable_variables()]
    gradients = tf.gradients(loss, wanted) if with_gradients else []
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
            outputs, state = unroll(cell, inputs, dtype=DTYPE, sequence_length=[3, 2, 0])
            # The gradients of the others are held against the oracle.
            return results(outputs, state, x, kind == "lstm_everything")

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
            start = {"dtype": DTYPE}
            if lengths:
                h, *c_and_h = (tf.constant(random_array(f"state{n}", [3, n])) for n in (3, 2, 2))
                start = {"initial_state_fw": h, "initial_state_bw": cells.LSTMStateTuple(*c_and_h)}
            answer = unroll(forward, backward, inputs, sequence_length=lengths, **start)
            return results(answer[0], answer[1:], x, with_gradients=False)

    ours, theirs = run(tf1rnn, tf1rnn), run(old_cells(), old_unrollers())
    assert ours[0] == theirs[0]
    assert ours[0][0][0] == "bidirectional_rnn/fw/gru_cell/gates/kernel"
    assert ours[0][-1][0] == "bidirectional_rnn/bw/basic_lstm_cell/bias"
    assert_close(ours[1], theirs[1])


def steered(unrollers, cell, with_gradients):
    """Rows that end at their lengths; emits twice the output and counts in the loop state."""
    x = tf.constant(random_array("x", [4, 3, 2]))
    inputs = tf.TensorArray(DTYPE, size=4, clear_after_read=False).unstack(x)
    lengths = tf.constant([4, 1, 2])

    def loop_fn(time, output, state, loop_state):
        if output is None:
            state, loop_state, emit = cell.zero_state(3, DTYPE), tf.constant(0), None
        else:
            emit, loop_state = output * 2, loop_state + 10
        return time >= lengths, inputs.read(tf.minimum(time, 3)), state, emit, loop_state

    emits, state, loop_state = unrollers.raw_rnn(cell, loop_fn)
    names, values = results(emits.stack(), state, x, with_gradients)
    return names, values, evaluate(loop_state)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_steered_loop_gives_what_tensorflow_1_gives(kind):
    with tf.Graph().as_default():
        ours = steered(tf1rnn, make(tf1rnn, kind), kind == "lstm")
    with tf.Graph().as_default():
        theirs = steered(old_unrollers(), make(old_cells(), kind), kind == "lstm")
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


class FedUnrolling:
    """A cell in one graph, unrolled over whatever it is fed with."""

    def __init__(self, kind, fast, num_steps, depth, units):
        self.cell = make(tf1rnn, kind, units, name="c", fast=fast)
        self.sizes = tf.nest.flatten(self.cell.state_size)
        self.inputs = tf.placeholder(DTYPE, [num_steps, None, depth])
        self.lengths = tf.placeholder(tf.int32, [None])
        self.start = [tf.placeholder(DTYPE, [None, n]) for n in self.sizes]
        outputs, state = tf1rnn.dynamic_rnn(
            self.cell,
            self.inputs,
            self.lengths,
            initial_state=tf.nest.pack_sequence_as(self.cell.state_size, self.start),
            time_major=True,
        )
        results = [outputs, *tf.nest.flatten(state)]
        self.above = [tf.placeholder(DTYPE, x.shape) for x in results]
        variables = tf.trainable_variables()
        self.weights = {
            v.op.name.removeprefix("rnn/c/"): array
            for v, array in zip(variables, random_weights(variables).values(), strict=True)
        }
        wanted = [self.inputs, *self.start, *variables]
        self.results = results + tf.gradients(results, wanted, self.above)

    def arrays(self, num_steps, batch):
        """Random inputs, initial state, and gradients of outputs and final state."""
        shapes = [[num_steps, batch, self.inputs.shape[-1]], *([batch, n] for n in self.sizes)]
        above = [[num_steps, batch, self.sizes[-1]], *shapes[1:]]
        x, *start = (random_array(f"{i}", shape) for i, shape in enumerate(shapes))
        return x, start, [random_array(f"d{i}", shape) for i, shape in enumerate(above)]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_values_and_gradients_are_the_oracles(kind, fast):
    with tf.Graph().as_default(), open_session() as session:
        known_steps = 3 if fast else None
        unrolling = FedUnrolling(kind, fast, known_steps, depth=2, units=3)
        load(session, {v: random_weights([v])[v.op.name] for v in tf.trainable_variables()})
        oracle = oracle_of(kind, unrolling.weights)
        names = [name.replace("/", "_") for name in unrolling.weights]

        @settings(max_examples=5, deadline=None)
        @given(st.integers(1, 5), st.lists(st.integers(0, 5), min_size=1, max_size=4))
        def compare(num_steps, lengths):
            num_steps = known_steps or num_steps
            lengths = np.minimum(lengths, num_steps)
            x, start, above = unrolling.arrays(num_steps, len(lengths))
            keys = [unrolling.inputs, *unrolling.start, *unrolling.above, unrolling.lengths]
            feed = dict(zip(keys, [x, *start, *above, lengths], strict=True))
            actual = session.run(unrolling.results, feed)
            outputs, state, tape = reference.unroll(oracle, x, start, sequence_length=lengths)
            gradients = reference.unroll_backward(tape, above[0], above[1:])
            of_weights = [gradients.weights[name] for name in names]
            of_inputs = [gradients.inputs, *gradients.initial_state]
            assert_close(actual, [outputs, *state, *of_inputs, *of_weights])

        compare()


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
    import keras

    layer_class = {"rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}[kind]
    options = {"reset_after": False} if kind == "gru" else {}
    x = random_array("x", [3, 3, 2]).astype(FLOAT.as_numpy_dtype)
    layer = getattr(keras.layers, layer_class)(
        4,
        return_sequences=True,
        return_state=True,
        bias_initializer="random_normal",
        dtype=FLOAT.name,
        **options,
    )
    expected, *expected_state = (np.asarray(part) for part in layer(x))
    weights = keras_weights(kind, layer, 4)
    if kind == "lstm":
        expected_state.reverse()  # Keras: h before c
    with tf.Graph().as_default():
        # Keras puts the forget bias into the bias.
        cell = make(tf1rnn, kind, 4, name="c", **({"forget_bias": 0.0} if kind == "lstm" else {}))
        call = {"cell": cell, "inputs": tf.constant(x), "dtype": FLOAT}
        last = tf1rnn.rnn_layer(**call)
        every = tf1rnn.rnn_layer(**call, return_sequences=True)
        last_and_state = tf1rnn.rnn_layer(**call, return_state=True)
        every_and_state = tf1rnn.rnn_layer(**call, return_sequences=True, return_state=True)
        last, every, last_and_state, every_and_state = evaluate(
            [last, every, last_and_state, every_and_state],
            {f"rnn/c/{name}": array for name, array in weights.items()},
        )
    assert_close(every, expected)
    assert_close(last, expected[:, -1])
    assert_close(last_and_state, [expected[:, -1], *expected_state])
    assert_close(every_and_state, [expected, *expected_state])
    h = tf.nest.flatten(last_and_state[1])[-1]
    assert np.array_equal(h, every[:, -1])


@pytest.mark.parametrize("time_major", [True, False])
def test_the_last_output_of_a_row_is_that_at_its_length(time_major):
    with tf.Graph().as_default():
        x = tf.constant(random_array("x", [3, 4, 2]))
        x = tf.transpose(x, [1, 0, 2]) if time_major else x
        start = random_array("start", [3, 5])
        last, state = tf1rnn.rnn_layer(
            tf1rnn.GRUCell(5),
            x,
            [4, 2, 0],
            initial_state=start,
            time_major=time_major,
            return_state=True,
        )
        last, state = evaluate([last, state])
    assert last.shape == (3, 5)
    assert np.array_equal(last[:2], state[:2])
    assert np.array_equal(state[2], start[2])
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
        outputs, state = tf1rnn.dynamic_rnn(cell, x, lengths, dtype=DTYPE)
        steps = tf.unstack(tf.constant(x), axis=1)
        static, static_state = tf1rnn.static_rnn(cell, steps, dtype=DTYPE, sequence_length=lengths)
        row = data.draw(st.integers(0, batch - 1))
        alone = tf.constant(x[row : row + 1, : max(lengths[row], 1)])
        alone, alone_state = tf1rnn.dynamic_rnn(cell, alone, dtype=DTYPE)
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
        x = tf.constant(random_array("x", [3, 3, 2]))
        whole = tf1rnn.dynamic_rnn(cell, x, dtype=DTYPE)
        first, state = tf1rnn.dynamic_rnn(cell, x[:, :2], dtype=DTYPE)
        second, state = tf1rnn.dynamic_rnn(cell, x[:, 2:], initial_state=tuple(state))
        assert isinstance(state, tf1rnn.LSTMStateTuple)
        whole, halves = evaluate([whole, (tf.concat([first, second], axis=1), state)])
    assert_close(whole, halves)


@pytest.mark.parametrize("fast", [True, False])
def test_batch_and_time_may_be_unknown_until_they_are_fed(fast):
    with tf.Graph().as_default():
        cell = make(tf1rnn, "lstm", fast=fast)
        x = tf.placeholder(FLOAT, [None, None, 2])
        lengths = tf.placeholder(tf.int64, [None])
        outputs, state = tf1rnn.dynamic_rnn(cell, x, lengths, dtype=FLOAT)
        time_major, _ = tf1rnn.dynamic_rnn(
            cell, tf.transpose(x, [1, 0, 2]), lengths, dtype=FLOAT, time_major=True
        )
        assert outputs.shape.as_list() == time_major.shape.as_list() == [None, None, 5]
        assert state.c.shape.as_list() == [None, 5]
        for batch, num_steps in ((1, 1), (3, 7)):
            feed = {x: np.ones([batch, num_steps, 2]), lengths: [num_steps] * batch}
            values, transposed = evaluate([outputs, time_major], feed=feed)
            assert values.shape == (batch, num_steps, 5)
            assert_close(values, np.moveaxis(transposed, 1, 0))
        with pytest.raises(tf.errors.InvalidArgumentError, match="sequence_length"):
            evaluate(outputs, feed={x: np.ones([3, 2, 2]), lengths: [2, 2]})


def test_static_shapes_pass_through():
    with tf.Graph().as_default():
        x = tf.zeros([3, 2, 2], FLOAT)
        for fast in (True, False):
            cell = make(tf1rnn, "lstm", fast=fast)
            outputs, state = tf1rnn.dynamic_rnn(
                cell, x, [1, 2, 0], dtype=FLOAT, scope=f"fast_{fast}"
            )
            assert outputs.shape.as_list() == [3, 2, 5]
            assert state.h.shape.as_list() == [3, 5]
