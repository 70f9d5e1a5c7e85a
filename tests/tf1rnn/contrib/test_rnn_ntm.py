"""The neural Turing machine beside its formula in NumPy, and as a cell among cells."""

import functools

import cell_formulas as formulas
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, load, open_session, random_array, random_weights
from reference import sigmoid

from tf1rnn.contrib import rnn

STEPS, BATCH, DEPTH, UNITS = 2, 2, 3, 4
PLACES, WIDTH, READ, WRITE, RANGE = 6, 2, 1, 2, 2
LENGTHS = np.array([2, 1])


def make_cell(**options):
    return rnn.NTMCell(
        rnn.BasicLSTMCell(UNITS), PLACES, WIDTH, READ, WRITE, shift_range=RANGE, **options
    )


def softmax(z):
    z = np.exp(z - z.max(-1, keepdims=True))
    return z / z.sum(-1, keepdims=True)


def softplus(z):
    return np.log1p(np.exp(z))


def moved(head, memory, before):
    """One head of one row, with the loops of the paper's sums written out."""
    k, (beta, g), s, (gamma,) = np.split(head, [WIDTH, WIDTH + 2, len(head) - 1])
    k, g, s = np.tanh(k), sigmoid(g), softmax(s)
    cosines = [k @ m / (np.sqrt(k @ k) * np.sqrt(m @ m) + 1e-8) for m in memory]
    w = g * softmax(softplus(beta) * np.array(cosines)) + (1 - g) * before
    convolved = np.zeros(PLACES)
    for place in range(PLACES):
        for shift in range(-RANGE, RANGE + 1):
            convolved[(place + shift) % PLACES] += w[place] * s[shift % len(s)]
    sharp = convolved ** (1 + softplus(gamma))
    return sharp / sharp.sum()


def starting(w):
    """Readings, weights and memory at time 0, of all rows."""
    readings = [np.tanh(w[f"initial_read_vector_{n}"]) for n in range(READ)]
    weights = [softmax(w[f"initial_address_weights_{n}"]) for n in range(READ + WRITE)]
    return [
        *(np.repeat(array, BATCH, axis=0) for array in readings + weights),
        np.repeat(w["memory"][None], BATCH, axis=0),
    ]


def machine(w, x, state, clip=20.0):
    """A step after the first; the flat state is c, h, readings, weights and the memory."""
    c, h, *readings, memory = state
    readings, before = readings[:READ], readings[READ:]
    controller = formulas.inside(w, "basic_lstm_cell/")
    output, (c, h) = formulas.lstm(controller, formulas.join(x, *readings), [c, h])
    z = np.clip(output @ w["parameters_kernel"] + w["parameters_bias"], -clip, clip)
    size = WIDTH + 2 * RANGE + 4
    heads = np.split(z[:, : size * len(before)], len(before), axis=1)
    changes = np.split(z[:, size * len(before) :], 2 * WRITE, axis=1)
    weights = [
        np.stack([moved(*row) for row in zip(head, memory, b, strict=True)])
        for head, b in zip(heads, before, strict=True)
    ]
    readings = [np.stack(list(map(np.dot, a, memory))) for a in weights[:READ]]
    for n, a in enumerate(weights[READ:]):
        erase, add = sigmoid(changes[2 * n]), np.tanh(changes[2 * n + 1])
        memory = memory * (1 - a[:, :, None] * erase[:, None]) + a[:, :, None] * add[:, None]
    output = formulas.join(output, *readings) @ w["output_kernel"] + w["output_bias"]
    return np.clip(output, -clip, clip), [c, h, *readings, *weights, memory]


def walked(w, sequence):
    zeros = np.zeros([BATCH, UNITS])
    outputs, state = [], [zeros, zeros, *starting(w)]
    for x in sequence:
        output, state = machine(w, x, state)
        outputs.append(output)
    return outputs, state


@functools.cache
def computed():
    """Weights by name, inputs, and outputs, final state and gradients; of one run."""
    inputs = random_array("sequence", [STEPS, BATCH, DEPTH])
    with tf.Graph().as_default(), open_session() as session:
        cell = make_cell(dtype=tf.float64)
        state = cell.zero_state(BATCH, tf.float64)
        outputs = []
        for x in inputs:
            output, state = cell(x, state)
            outputs.append(output)
        variables = tf.trainable_variables()
        flat = tf.nest.flatten(state)
        loss = tf.add_n([tf.reduce_sum(tensor**2) for tensor in [*outputs, *flat[:-1]]])
        slopes = tf.gradients(loss, variables)
        weights = random_weights(variables)
        load(session, {v: weights[v.op.name] for v in variables})
        run = session.run([outputs, flat, slopes])
        assert len(cell.trainable_weights) == len(variables)
    return {name.split("/", 1)[1]: w for name, w in weights.items()}, inputs, *run


def test_steps_are_those_of_the_formula():
    weights, inputs, outputs, state, _ = computed()
    expected, final = walked(weights, inputs)
    assert_close([outputs, *state], [expected, *final, STEPS])


def test_gradients_are_the_slopes_of_the_formula():
    weights, inputs, _, _, slopes = computed()
    assert len(slopes) == len(weights)
    for (name, array), slope in zip(weights.items(), slopes, strict=True):
        direction = random_array(f"direction {name}", array.shape)

        def loss(distance, name=name, array=array, direction=direction):
            outputs, state = walked({**weights, name: array + distance * direction}, inputs)
            return sum((part**2).sum() for part in [*outputs, *state])

        wanted = (loss(1e-6) - loss(-1e-6)) / 2e-6
        assert np.sum(slope * direction) == pytest.approx(wanted, rel=1e-5, abs=1e-6), name


def test_variables_have_the_names_and_starts_of_tensorflow_1(graph):
    cell = rnn.NTMCell(rnn.GRUCell(4), 5, 3, 1, 1, name="machine")
    assert cell.output_size is None
    output, _ = cell(tf.zeros([2, 6]), cell.zero_state(2, tf.float32))
    assert output.shape.as_list() == [2, 6] and cell.output_size == 6
    variables = {v.op.name.split("/", 1)[1]: v for v in tf.global_variables("machine/")}
    inner = [name for name in variables if name.startswith("gru_cell/")]
    assert {name: v.shape.as_list() for name, v in variables.items() if name not in inner} == {
        "parameters_kernel": [4, 24],
        "parameters_bias": [24],
        "output_kernel": [7, 6],
        "output_bias": [6],
        "initial_read_vector_0": [1, 3],
        "initial_address_weights_0": [1, 5],
        "initial_address_weights_1": [1, 5],
        "memory": [5, 3],
    }
    assert len(inner) == 4
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        start = session.run(variables)
    assert np.all(start["memory"] == np.float32(1e-6)) and not start["output_bias"].any()
    assert 0 < np.abs(start["parameters_kernel"]).max() < 1  # within two deviations of 1 / 2
    assert 0 < np.abs(start["initial_read_vector_0"]).max() <= np.sqrt(6 / 4)


def test_a_sequence_of_unknown_sizes_is_walked_by_the_unroller(graph):
    """Past a row's length the outputs are zero and the row's state stays."""
    weights, inputs, *_ = computed()
    unknown = tf.placeholder(tf.float64, [None, None, DEPTH])
    cell = make_cell(dtype=tf.float64, output_dim=DEPTH)
    outputs, state = rnn.dynamic_rnn(cell, unknown, LENGTHS, dtype=tf.float64, time_major=True)
    assert isinstance(state, rnn.NTMControllerState)
    named = {v.op.name: weights[v.op.name.split("/", 2)[2]] for v in tf.global_variables()}
    outputs, memory = evaluate([outputs, state.M], named, {unknown: inputs})
    expected, _ = walked(weights, inputs)
    inside = (np.arange(STEPS)[:, None] < LENGTHS)[:, :, None]
    assert_close(outputs, np.where(inside, expected, 0.0))
    after_one = walked(weights, inputs[:1])[1][-1]
    after_all = walked(weights, inputs)[1][-1]
    assert_close(memory, np.stack([after_all[0], after_one[1]]))


def test_what_is_large_is_clipped(graph):
    weights, inputs, *_ = computed()
    cell = make_cell(dtype=tf.float64, clip_value=0.05)
    output, _ = cell(inputs[0], cell.zero_state(BATCH, tf.float64))
    named = {v.op.name: weights[v.op.name.split("/", 1)[1]] for v in tf.global_variables()}
    zeros = np.zeros([BATCH, UNITS])
    expected, _ = machine(weights, inputs[0], [zeros, zeros, *starting(weights)], clip=0.05)
    assert_close(evaluate(output, named), expected)


def test_a_controller_is_a_cell_whose_weights_are_those_of_the_machine_too(graph):
    with pytest.raises(TypeError, match="NTM RNN controller cell"):
        rnn.NTMCell(None, 5, 4, 1, 1)
    controller = rnn.GRUCell(4)
    controller.build(tf.TensorShape([2, 9]))
    cell = rnn.NTMCell(controller, 5, 4, 1, 1)
    assert cell.weights == controller.weights and len(cell.weights) == 4
