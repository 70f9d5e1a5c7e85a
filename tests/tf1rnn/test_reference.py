"""The oracle's own proof: finite differences, answers known by hand, textbook values."""

from dataclasses import replace

import numpy as np
import pytest
import reference as ref
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ["rnn", "gru", "lstm", "lstm_peephole", "lstm_everything"]
SIZES = st.integers(1, 3)
SEEDS = st.integers(0, 2**32 - 1)

# Derandomized: a clip or a relu has a kink, which a finite difference may straddle.
few_examples = settings(max_examples=15, deadline=None, derandomize=True)


def random_cell(kind, rng, depth, units):
    if kind == "rnn":
        return ref.RNN(rng.normal(size=(depth + units, units)), rng.normal(size=units))
    if kind == "gru":
        return ref.GRU(
            rng.normal(size=(depth + units, 2 * units)),
            rng.normal(size=2 * units),
            rng.normal(size=(depth + units, units)),
            rng.normal(size=units),
        )
    output_size = 2 if kind == "lstm_everything" else units
    kernel = rng.normal(size=(depth + output_size, 4 * units))
    cell = ref.LSTM(kernel, rng.normal(size=4 * units), forget_bias=rng.normal())
    if kind == "lstm":
        return cell
    w_i, w_f, w_o = rng.normal(size=(3, units))
    cell = replace(cell, w_i=w_i, w_f=w_f, w_o=w_o)
    if kind == "lstm_peephole":
        return cell
    projection = rng.normal(size=(units, output_size))
    return replace(cell, projection=projection, cell_clip=0.5, proj_clip=0.3)


def random_state(cell, rng, batch_size):
    return tuple(rng.normal(size=part.shape) for part in ref.zero_state(cell, batch_size))


def random_mask(rng, shape, keep_prob=0.6):
    return (rng.random(shape) < keep_prob) / keep_prob


def numerical_gradient(loss, array, step=1e-6):
    """Central differences of loss() with respect to every entry of the array it reads."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + step
        above = loss()
        array[index] = value - step
        gradient[index] = (above - loss()) / (2 * step)
        array[index] = value
    return gradient


def assert_gradient(loss, array, gradient, name):
    expected = numerical_gradient(loss, array)
    assert gradient.shape == array.shape, name
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7, err_msg=name)


def assert_layer_gradients(loss, cell, state, gradients):
    for part, gradient in zip(state, gradients.initial_state, strict=True):
        assert_gradient(loss, part, gradient, "initial_state")
    for name, gradient in gradients.weights.items():
        array = getattr(cell, name)
        if isinstance(array, np.ndarray):
            assert_gradient(loss, array, gradient, name)


def weigh(values, weights):
    """A loss whose gradient with respect to the values is the weights."""
    return sum(np.sum(value * weight) for value, weight in zip(values, weights, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@few_examples
@given(SIZES, SIZES, SIZES, st.integers(1, 4), SEEDS, st.data())
def test_gradients_through_time_equal_finite_differences(
    kind, batch_size, depth, units, num_steps, seed, data
):
    rng = np.random.default_rng(seed)
    cell = random_cell(kind, rng, depth, units)
    inputs = rng.normal(size=(num_steps, batch_size, depth))
    state = random_state(cell, rng, batch_size)
    lengths = st.lists(st.integers(0, num_steps), min_size=batch_size, max_size=batch_size)
    sequence_length = data.draw(st.none() | lengths)

    def run():
        return ref.unroll(cell, inputs, state, sequence_length=sequence_length)

    outputs, _, tape = run()
    d_outputs = rng.normal(size=outputs.shape)
    d_final_state = random_state(cell, rng, batch_size)

    def loss():
        outputs, final_state, _ = run()
        return weigh([outputs, *final_state], [d_outputs, *d_final_state])

    gradients = ref.unroll_backward(tape, d_outputs, d_final_state)
    assert_gradient(loss, inputs, gradients.inputs, "inputs")
    assert_layer_gradients(loss, cell, state, gradients)


@pytest.mark.parametrize("activation", ["relu", "linear", "sigmoid"])
@pytest.mark.parametrize("kind", KINDS[:3])
def test_gradients_of_other_activations_equal_finite_differences(kind, activation):
    rng = np.random.default_rng(5)
    cell = replace(random_cell(kind, rng, 2, 3), activation=activation)
    inputs = rng.normal(size=(3, 2, 2))
    state = random_state(cell, rng, 2)
    outputs, final_state, tape = ref.unroll(cell, inputs, state)
    d_outputs = rng.normal(size=outputs.shape)
    no_gradient = (0.0,) * len(final_state)

    def loss():
        return weigh(ref.unroll(cell, inputs, state)[:1], [d_outputs])

    gradients = ref.unroll_backward(tape, d_outputs, no_gradient)
    assert_gradient(loss, inputs, gradients.inputs, "inputs")
    assert_layer_gradients(loss, cell, state, gradients)


@settings(few_examples, max_examples=10)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3), SIZES, st.integers(1, 3), SEEDS)
def test_gradients_of_a_stack_with_dropout_equal_finite_differences(
    kinds, batch_size, num_steps, seed
):
    rng = np.random.default_rng(seed)
    cells = [random_cell(kind, rng, 2, 2) for kind in kinds]
    states = [random_state(cell, rng, batch_size) for cell in cells]
    inputs = rng.normal(size=(num_steps, batch_size, 2))
    arguments = {
        "sequence_length": rng.integers(0, num_steps + 1, size=batch_size),
        "input_mask": random_mask(rng, inputs.shape),
        "output_masks": [random_mask(rng, inputs.shape) for _ in cells],
    }
    outputs, _, tapes = ref.unroll_stack(cells, inputs, states, **arguments)
    d_outputs = rng.normal(size=outputs.shape)
    d_finals = [random_state(cell, rng, batch_size) for cell in cells]

    def loss():
        outputs, finals, _ = ref.unroll_stack(cells, inputs, states, **arguments)
        flat = [part for final in finals for part in final]
        return weigh([outputs, *flat], [d_outputs, *(part for d in d_finals for part in d)])

    layers = ref.unroll_stack_backward(tapes, d_outputs, d_finals)
    assert_gradient(loss, inputs, layers[0].inputs, "inputs")
    for cell, state, gradients in zip(cells, states, layers, strict=True):
        assert_layer_gradients(loss, cell, state, gradients)


@pytest.mark.parametrize("kind", KINDS)
@few_examples
@given(st.integers(1, 4), st.integers(1, 4), SEEDS)
def test_a_padded_sequence_gives_what_it_gives_alone(kind, length, padding, seed):
    rng = np.random.default_rng(seed)
    cell = random_cell(kind, rng, 2, 3)
    inputs = rng.normal(size=(length + padding, 2, 2))
    state = random_state(cell, rng, 2)
    outputs, final_state, _ = ref.unroll(
        cell, inputs, state, sequence_length=[length, length + padding]
    )
    alone, alone_state, _ = ref.unroll(cell, inputs[:length, :1], tuple(s[:1] for s in state))
    np.testing.assert_allclose(outputs[:length, :1], alone, rtol=1e-12)
    np.testing.assert_array_equal(outputs[length:, 0], 0.0)
    for part, expected in zip(final_state, alone_state, strict=True):
        np.testing.assert_allclose(part[:1], expected, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@few_examples
@given(st.integers(1, 4), st.integers(1, 4), SEEDS)
def test_the_carried_state_joins_two_halves_of_a_sequence(kind, first, second, seed):
    rng = np.random.default_rng(seed)
    cell = random_cell(kind, rng, 2, 3)
    inputs = rng.normal(size=(first + second, 2, 2))
    whole, final_state, _ = ref.unroll(cell, inputs, ref.zero_state(cell, 2))
    early, state, _ = ref.unroll(cell, inputs[:first], ref.zero_state(cell, 2))
    late, state, _ = ref.unroll(cell, inputs[first:], state)
    np.testing.assert_allclose(whole, np.concatenate([early, late]), rtol=1e-12)
    for part, expected in zip(state, final_state, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12)


def test_rnn_known_by_hand():
    kernel = np.array([[0.5, 0.6], [0.1, 0.2], [0.3, 0.4]])
    cell = ref.RNN(kernel, np.array([0.1, -0.1]))
    states, _, _ = ref.unroll(cell, np.array([[[1.0]], [[2.0]]]), ref.zero_state(cell, 1))
    expected = [[0.53704957, 0.46211716], [0.85973818, 0.88366641]]
    np.testing.assert_allclose(states[:, 0], expected, atol=1e-8)
    outputs = states[:, 0] @ [[1.0], [2.0]] + 0.1
    np.testing.assert_allclose(outputs[:, 0], [1.56128388, 2.72707101], atol=1e-8)


def test_lstm_known_by_hand():
    # Columns are i, j, f, o; rows are the three inputs and the recurrent weight, which is 0.
    kernel = np.array([[0, 1, 0, 0], [100, 0, 100, 0], [0, 0, 0, 100], [0, 0, 0, 0]])
    cell = ref.LSTM(kernel, np.array([-10, 0, 10, -10]), forget_bias=0.0, activation="linear")
    inputs = np.array([[3, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]])
    outputs, _, _ = ref.unroll(cell, inputs[:, None], ref.zero_state(cell, 1))
    np.testing.assert_allclose(outputs[:, 0, 0], [0, 0, 0, 7, 0], atol=2e-3)


def test_forget_bias_is_added_before_the_forget_gate_alone():
    cell = ref.LSTM(np.zeros([2, 4]), np.zeros(4), forget_bias=2.0)
    _, (c, h), _ = cell.step(np.ones([1, 1]), (np.full([1, 1], 2.0), np.ones([1, 1])))
    assert c[0, 0] == pytest.approx(2 * 0.8807970779778823)
    assert h[0, 0] == pytest.approx(0.5 * np.tanh(2 * 0.8807970779778823))


@pytest.mark.parametrize(
    ("peepholes", "bias", "c_before", "c_after", "output"),
    [
        ({"w_i": 200.0}, [-100, 7, 100, 100], 0.0, 0.0, 0.0),  # the input gate sees c = 0: shut
        ({"w_i": 200.0}, [-100, 7, 100, 100], 1.0, 8.0, 8.0),  # and c = 1: open
        ({"w_f": -200.0}, [100, 7, 100, 100], 1.0, 7.0, 7.0),  # c = 1 makes the cell forget it
        ({"w_f": -200.0}, [100, 7, 100, 100], 0.25, 7.25, 7.25),
        ({"w_o": 200.0}, [100, 7, 100, -100], 0.0, 7.0, 7.0),  # the output gate sees the new c
        ({"w_o": 200.0}, [-100, 7, -100, -100], 1.0, 0.0, 0.0),
    ],
)
def test_peepholes_open_and_shut_the_gates(peepholes, bias, c_before, c_after, output):
    cell = ref.LSTM(np.zeros([2, 4]), np.array(bias), 0.0, activation="linear", **peepholes)
    state = (np.full([1, 1], c_before), np.zeros([1, 1]))
    h, (c, _), _ = cell.step(np.zeros([1, 1]), state)
    np.testing.assert_allclose([c[0, 0], h[0, 0]], [c_after, output], atol=1e-12)


@pytest.mark.parametrize(
    ("cell_clip", "proj_clip", "new_c", "output"),
    [
        (np.inf, np.inf, [6, -2], 2),
        (4.0, np.inf, [4, -2], 0),
        (1.5, np.inf, [1.5, -1.5], -1.5),
        (1.5, 1.0, [1.5, -1.5], -1),
    ],
)
def test_clips_and_projection_known_by_hand(cell_clip, proj_clip, new_c, output):
    # The gates are open, so each unit's cell becomes old + candidate: 1 + 5 and -1 - 1.
    cell = ref.LSTM(
        np.zeros([2, 8]),
        np.array([100, 100, 5, -1, 100, 100, 100, 100]),
        projection=np.array([[1.0], [2.0]]),
        cell_clip=cell_clip,
        proj_clip=proj_clip,
        activation="linear",
    )
    h, (c, h_again), _ = cell.step(np.zeros([1, 1]), (np.array([[1.0, -1.0]]), np.zeros([1, 1])))
    np.testing.assert_allclose(c, [new_c], atol=1e-12)
    np.testing.assert_allclose([h, h_again], [[[output]], [[output]]], atol=1e-12)


def test_gru_update_gate_keeps_the_state_and_reset_gate_acts_before_the_product():
    # Columns of gates: r of both units, then u of both.
    candidate_kernel = np.array([[10.0, 10.0], [1.0, 1.0], [1.0, 1.0]])
    h, x = np.array([[2.0, 3.0]]), np.ones([1, 1])
    for gates_bias, expected in [
        ([100, 100, 100, 100], [2, 3]),  # u = 1: kept
        ([100, 100, -100, -100], [15, 15]),  # u = 0, r = 1: 10 x + 2 + 3
        ([100, -100, -100, -100], [12, 12]),  # r hides the second unit from both candidates
        ([-100, -100, 100, -100], [2, 10]),
    ]:
        cell = ref.GRU(
            np.zeros([3, 4]), np.array(gates_bias), candidate_kernel, np.zeros(2), "linear"
        )
        np.testing.assert_allclose(cell.step(x, (h,))[0], [expected], atol=1e-12)


DROP_SECOND = np.array([2.0, 0.0, 2.0])[:, None, None]


@pytest.mark.parametrize(
    ("masks", "expected"),
    [
        ({}, [1, 3, 6]),
        ({"input_mask": DROP_SECOND}, [2, 4, 8]),
        ({"output_masks": [DROP_SECOND, None]}, [2, 2, 8]),
        ({"output_masks": [None, DROP_SECOND]}, [2, 0, 12]),
    ],
)
def test_dropout_of_a_layer_never_touches_its_state(masks, expected):
    # A linear RNN with unit weights is a running sum; two of them sum 1, 1, 1 to 1, 3, 6.
    running_sum = ref.RNN(np.ones([2, 1]), np.zeros(1), activation="linear")
    zeros = [ref.zero_state(running_sum, 1)] * 2
    outputs, _, _ = ref.unroll_stack([running_sum] * 2, np.ones([3, 1, 1]), zeros, **masks)
    np.testing.assert_array_equal(outputs[:, 0, 0], expected)


def test_arithmetic_is_float64_whatever_goes_in():
    rng = np.random.default_rng(0)
    cell = ref.RNN(rng.normal(size=(4, 2)).astype(np.float32), np.zeros(2, np.float32))
    inputs = rng.normal(size=(3, 1, 2)).astype(np.float32)
    outputs, _, tape = ref.unroll(cell, inputs, (np.zeros([1, 2], np.float32),))
    gradients = ref.unroll_backward(tape, outputs.astype(np.float32), (np.zeros([1, 2]),))
    arrays = [outputs, gradients.inputs, *gradients.initial_state, *gradients.weights.values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float64)}


def test_softmax_cross_entropy_textbook_values():
    losses, gradients = ref.softmax_cross_entropy(np.array([[1.0, 2.0, 3.0]] * 2), np.array([2, 0]))
    np.testing.assert_allclose(losses, [0.40760596, 2.40760596], atol=1e-8)
    softmax = np.array([0.09003057, 0.24472847, 0.66524096])
    np.testing.assert_allclose(gradients, [softmax - [0, 0, 1], softmax - [1, 0, 0]], atol=1e-8)
    huge, _ = ref.softmax_cross_entropy(np.array([[1e4, 1e4 + 1.0]]), np.array([0]))
    np.testing.assert_allclose(huge, [1.31326169], atol=1e-8)


@few_examples
@given(st.integers(1, 3), st.integers(1, 5), SEEDS)
def test_softmax_gradient_equals_finite_differences(batch_size, num_classes, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(batch_size, num_classes)) * 3
    labels = rng.integers(0, num_classes, size=batch_size)
    _, gradient = ref.softmax_cross_entropy(logits, labels)
    assert_gradient(
        lambda: ref.softmax_cross_entropy(logits, labels)[0].sum(), logits, gradient, "logits"
    )


def test_sequence_loss_and_perplexity_of_a_uniform_guess():
    logits = [np.zeros([2, 8])] * 3
    targets = [np.array([0, 7])] * 3
    weights = [np.array([1.0, 1.0]), np.array([1.0, 0.0]), np.array([2.0, 0.0])]
    log8 = 2.0794415416798357
    totals = ref.sequence_loss_by_example(logits, targets, weights, average_across_timesteps=False)
    np.testing.assert_allclose(totals, [4 * log8, log8])
    means = ref.sequence_loss_by_example(logits, targets, weights)
    np.testing.assert_allclose(means, [log8, log8])
    assert ref.perplexity([4 * log8, log8], [4, 1]) == pytest.approx(8.0)
    assert ref.perplexity([np.log(2.0) * 3, np.log(16.0)], [3, 1]) == pytest.approx(2**1.75)


def test_global_norm_clipping_scales_all_gradients_by_one_factor():
    gradients = [np.array([3.0, 0.0]), np.array([[4.0]])]
    clipped, norm = ref.clip_by_global_norm(gradients, 1.0)
    assert norm == 5.0
    np.testing.assert_allclose(clipped[0], [0.6, 0.0])
    np.testing.assert_allclose(clipped[1], [[0.8]])
    for same, gradient in zip(ref.clip_by_global_norm(gradients, 6.0)[0], gradients, strict=True):
        np.testing.assert_array_equal(same, gradient)


@pytest.mark.parametrize(
    ("step", "settings", "gradients", "expected"),
    [
        (ref.sgd, {}, [1.0, 2.0], [-0.1, -0.3]),
        (ref.momentum, {"momentum": 0.9}, [1.0, 1.0], [-0.1, -0.29]),  # sums 1, then 1.9
        (ref.adagrad, {}, [np.sqrt(0.15), 0.0], [-0.0774596669] * 2),  # root of 0.25
        (ref.rmsprop, {}, [1.0, 2.0], [-0.1, -0.2754116144]),  # roots of 1, 1.3
        (ref.rmsprop, {"momentum": 0.5}, [1.0, 1.0], [-0.1, -0.25]),
        (ref.adam, {}, [1.0, 1.0], [-0.1, -0.2]),
        # A gradient as small as epsilon tells where epsilon stands: 1 / (1 + sqrt(1000)).
        (ref.adam, {}, [1e-8], [-0.1 * 0.0306534300]),
    ],
)
def test_optimizer_steps_known_by_hand(step, settings, gradients, expected):
    variable, slots = np.zeros(1), None
    for gradient, value in zip(gradients, expected, strict=True):
        variable, slots = step(variable, np.array([gradient]), slots, 0.1, **settings)
        assert variable[0] == pytest.approx(value, rel=1e-6)
