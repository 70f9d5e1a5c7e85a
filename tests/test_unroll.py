"""Unrollers against the old ones, the oracle and Keras, and the laws that they keep."""

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
