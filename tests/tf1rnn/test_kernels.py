"""The fast kernels against the NumPy oracle, in values and in every gradient."""

import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
from graphs import DTYPE, FLOAT, assert_near, open_session
from hypothesis import given, settings
from hypothesis import strategies as st

from tf1rnn import kernels
from tf1rnn.kernels import loop, softmax

SEEDS = st.integers(0, 99)

# Of each kind of layer: the oracle's cell, the widths of its kernels in units, its parts of state.
LAYERS = {
    "lstm": (reference.LSTM, [4], 2),
    "gru": (reference.GRU, [2, 1], 1),
    "rnn": (reference.RNN, [1], 1),
}


def make_case(kind, num_steps, batch_size, depth, units, lengths, seed):
    """Random weights, inputs, state and gradients from above, exact in FLOAT."""
    _, widths, num_parts = LAYERS[kind]
    random = np.random.default_rng(seed)

    def draw(*shape, scale=0.7):
        return random.normal(scale=scale, size=shape).astype(FLOAT.as_numpy_dtype)

    # Larger ones make a network chaotic: it would enlarge the last bit at every step.
    scale = 0.7 / np.sqrt(depth + units)
    weights = []
    for w in widths:
        weights += [draw(depth + units, w * units, scale=scale), draw(w * units)]
    return {
        "kind": kind,
        "inputs": draw(num_steps, batch_size, depth),
        "state": [draw(batch_size, units) for _ in range(num_parts)],
        "weights": weights,
        "d_outputs": draw(num_steps, batch_size, units),
        "d_state": [draw(batch_size, units) for _ in range(num_parts)],
        "sequence_length": lengths,
    }


def expected_of(case):
    """Outputs, final state, and gradients of inputs, state and weights."""
    cell = LAYERS[case["kind"]][0](*case["weights"])
    outputs, state, tape = reference.unroll(
        cell, case["inputs"], case["state"], sequence_length=case["sequence_length"]
    )
    gradients = reference.unroll_backward(tape, case["d_outputs"], case["d_state"])
    names = list(gradients.weights)[: len(case["weights"])]
    weights = [gradients.weights[name] for name in names]
    return [outputs, *state, gradients.inputs, *gradients.initial_state, *weights]


def layer_of(kind, inputs, state, weights, sequence_length, dtype=None):
    """Outputs and the parts of the final state."""
    if kind == "lstm":
        return kernels.lstm_sequence(inputs, *state, *weights, 1.0, sequence_length, dtype)
    if kind == "gru":
        return kernels.gru_sequence(inputs, *state, *weights, sequence_length, dtype)
    return kernels.rnn_sequence(inputs, *state, *weights, sequence_length, dtype)


NAMES = "inputs", "state", "weights", "d_outputs", "d_state"


def layer_and_gradients(kind, inputs, state, weights, d_outputs, d_state, lengths, dtype=None):
    """Outputs, the parts of the final state, and all gradients."""
    outputs, *final = layer_of(kind, inputs, state, weights, lengths, dtype)
    above = [d_outputs, *d_state]
    gradients = tf.gradients([outputs, *final], [inputs, *state, *weights], above)
    return [outputs, *final, *gradients]


def actual_of(case, num_steps_known=True, dtype=FLOAT.as_numpy_dtype, matmul_dtype=None):
    """The same by the kernels."""
    with tf.Graph().as_default(), open_session() as sess:
        inputs, *others = tf.nest.map_structure(
            lambda x: tf.constant(x.astype(dtype)), [case[name] for name in NAMES]
        )
        if not num_steps_known:
            inputs = tf.placeholder_with_default(inputs, [None, *inputs.shape[1:]])
        lengths = case["sequence_length"]
        return sess.run(layer_and_gradients(case["kind"], inputs, *others, lengths, matmul_dtype))


class FedLayer:
    """A layer in one graph, fed with one case after the other."""

    def __init__(self, kind, num_steps, depth, units, rows_end):
        _, widths, num_parts = LAYERS[kind]
        self.parts = [
            tf.placeholder(FLOAT, [num_steps, None, depth]),
            [tf.placeholder(FLOAT, [None, units]) for _ in range(num_parts)],
            [
                tf.placeholder(FLOAT, shape)
                for w in widths
                for shape in ([depth + units, w * units], [w * units])
            ],
            tf.placeholder(FLOAT, [num_steps, None, units]),
            [tf.placeholder(FLOAT, [None, units]) for _ in range(num_parts)],
        ]
        self.lengths = tf.placeholder(tf.int32, [None]) if rows_end else None
        self.results = layer_and_gradients(kind, *self.parts, self.lengths)

    def run(self, session, case):
        arrays = tf.nest.flatten([case[name] for name in NAMES])
        feed = dict(zip(tf.nest.flatten(self.parts), arrays, strict=True))
        if self.lengths is not None:
            feed[self.lengths] = case["sequence_length"]
        return session.run(self.results, feed)


# Kind, number of steps (None where it is fed), whether rows end early. What a loop does where no
# row ends early, or in bfloat16, is the same for each kind.
FED_LAYERS = [
    (kind, *how) for kind in LAYERS for how in [(1, False), (3, True), (4, False), (None, True)]
]


LOOPED_LAYERS = [("gru", None, False), ("lstm", 5, False)]


@pytest.mark.parametrize(("kind", "num_steps", "rows_end"), [*FED_LAYERS, *LOOPED_LAYERS])
def test_values_and_all_gradients_are_the_oracles(kind, num_steps, rows_end, monkeypatch):
    for name in ("MAX_UNROLLED_STEPS", "MAX_UNROLLED_STEPS_OF_SMALL_LAYERS"):
        monkeypatch.setattr(kernels, name, 4)
    monkeypatch.setattr(loop, "STEPS_OF_A_ROUND", 2)  # a smaller graph, and both of its loops run
    depth, units = (2, 3) if rows_end else (3, 1)
    with tf.Graph().as_default(), open_session() as session:
        layer = FedLayer(kind, num_steps, depth, units, rows_end)

        @settings(max_examples=8, deadline=None)
        @given(st.integers(1, 12), st.lists(st.integers(0, 12), min_size=1, max_size=4), SEEDS)
        def compare(drawn_steps, lengths, seed):
            steps = num_steps or drawn_steps
            lengths = np.minimum(lengths, steps)
            case = make_case(
                kind, steps, len(lengths), depth, units, lengths if rows_end else None, seed
            )
            assert_near(layer.run(session, case), expected_of(case), least=0.1)

        compare()


@pytest.mark.parametrize("kind", LAYERS)
def test_float64_is_computed_in_float64(kind):
    case = make_case(kind, 5, 3, 2, 4, [5, 0, 3], seed=1)
    assert_near(actual_of(case, dtype=np.float64), expected_of(case))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_sequence_too_long_to_unroll_is_walked_in_a_loop(kind, monkeypatch):
    monkeypatch.setattr(kernels, "MAX_UNROLLED_STEPS", 4)
    monkeypatch.setattr(kernels, "MAX_UNROLLED_STEPS_OF_SMALL_LAYERS", 3)
    monkeypatch.setattr(kernels, "SMALL_LAYER", 3)
    for num_steps, units, is_looped in ((3, 2, False), (4, 2, True), (4, 3, False), (5, 3, True)):
        case = make_case(kind, num_steps, 2, 2, units, None, seed=2)
        with tf.Graph().as_default() as graph, open_session() as session:
            inputs, state, weights = tf.nest.map_structure(
                tf.constant, [case["inputs"], case["state"], case["weights"]]
            )
            results = layer_of(kind, inputs, state, weights, None)
            loops = {"While", "StatelessWhile", "LoopCond"} & {
                op.type for op in graph.get_operations()
            }
            assert bool(loops) == is_looped
            assert_near(session.run(list(results)), expected_of(case)[: len(results)])


@pytest.mark.parametrize(
    ("kind", "num_steps_known"), [*((kind, True) for kind in LAYERS), ("gru", False)]
)
def test_bfloat16_products_err_by_bfloat16_alone(kind, num_steps_known, monkeypatch):
    monkeypatch.setattr(loop, "STEPS_OF_A_ROUND", 2)  # of the four steps
    case = make_case(kind, 4, 8, 16, 16, None, seed=3)
    actual = actual_of(case, num_steps_known, np.float32, tf.bfloat16)
    expected = expected_of(case)
    assert all(array.dtype == np.float32 for array in actual)
    assert_near(actual, expected, 0.04)
    with pytest.raises(AssertionError):
        assert_near(actual, expected, 1e-4)  # or bfloat16 was not used


@pytest.mark.parametrize("kind", LAYERS)
def test_no_bias_is_a_bias_of_zero(kind):
    case = make_case(kind, 3, 2, 2, 3, None, seed=4)
    case["weights"][1::2] = [np.zeros_like(bias) for bias in case["weights"][1::2]]
    with tf.Graph().as_default():
        weights = [w if i % 2 == 0 else None for i, w in enumerate(case["weights"])]
        results = layer_of(kind, tf.constant(case["inputs"]), case["state"], weights, None)
        with open_session() as sess:
            assert_near(sess.run(list(results)), expected_of(case)[: len(results)])


@pytest.mark.parametrize("kind", LAYERS)
def test_the_gradient_of_the_gradient_is_right_too(kind):
    """Against a difference quotient of the first gradient."""
    case = make_case(kind, 3, 2, 2, 3, None, seed=5)
    direction = np.random.default_rng(6).normal(size=case["inputs"].shape)
    with tf.Graph().as_default():
        inputs = tf.placeholder(tf.float64, case["inputs"].shape)
        state, weights = tf.nest.map_structure(
            lambda x: tf.constant(x, tf.float64), [case["state"], case["weights"]]
        )
        outputs, *_ = layer_of(kind, inputs, state, weights, None)
        (gradient,) = tf.gradients(tf.reduce_sum(outputs**2), inputs)
        (product,) = tf.gradients(tf.reduce_sum(gradient * direction), inputs)
        with open_session() as sess:
            at = {inputs: case["inputs"]}
            ahead, behind = (
                sess.run(gradient, {inputs: case["inputs"] + e * direction}) for e in (1e-5, -1e-5)
            )
            assert_near([sess.run(product, at)], [(ahead - behind) / 2e-5], 1e-7)


def loss_of(outputs, softmax_w, softmax_b, targets, d_loss, rows_known=True, dtype=None):
    """The loss and its gradients to outputs, weights and bias."""
    with tf.Graph().as_default():
        outputs, softmax_w, softmax_b, d_loss = map(
            tf.constant, (outputs, softmax_w, softmax_b, d_loss)
        )
        if not rows_known:
            outputs = tf.placeholder_with_default(outputs, [None, outputs.shape[1]])
        loss = softmax.softmax_loss(outputs, softmax_w, softmax_b, targets, dtype)
        gradients = tf.gradients(loss, [outputs, softmax_w, softmax_b], d_loss)
        with open_session() as sess:
            return sess.run([loss, *gradients])


def expected_loss(outputs, softmax_w, softmax_b, targets, d_loss):
    outputs, softmax_w, d_loss = (x.astype(np.float64) for x in (outputs, softmax_w, d_loss))
    loss, d_logits = reference.softmax_cross_entropy(outputs @ softmax_w + softmax_b, targets)
    d_logits *= d_loss[:, None]
    return [loss, d_logits @ softmax_w.T, outputs.T @ d_logits, d_logits.sum(axis=0)]


def loss_case(seed, rows, hidden_size, vocab_size, dtype=FLOAT.as_numpy_dtype):
    random = np.random.default_rng(seed)
    shapes = [rows, hidden_size], [hidden_size, vocab_size], [vocab_size], [rows]
    outputs, softmax_w, softmax_b, d_loss = (random.normal(size=s).astype(dtype) for s in shapes)
    return outputs, softmax_w, softmax_b, random.integers(0, vocab_size, rows), d_loss


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.integers(1, 6), st.integers(1, 5), st.integers(1, 9), st.booleans())
def test_softmax_loss_and_its_gradients_are_the_oracles(seed, rows, hidden, vocab, rows_known):
    case = loss_case(seed, rows, hidden, vocab)
    assert_near(loss_of(*case, rows_known), expected_loss(*case))


def test_softmax_loss_over_a_large_vocabulary_is_the_oracles():
    case = loss_case(11, 20, 16, 5000)
    assert_near(loss_of(*case), expected_loss(*case))


def test_softmax_loss_is_exact_for_logits_ten_thousand_apart():
    outputs, softmax_w, _, _, d_loss = loss_case(7, 6, 3, 5, np.float32)
    targets = np.array([0, 1, 2, 3, 4, 0])
    softmax_b = np.array([1e4, -1e4, 0.0, 9999.0, 1e4], np.float32)
    # Whole numbers, so that not even the sums are rounded.
    case = np.round(3 * outputs), np.round(3 * softmax_w), softmax_b, targets, d_loss
    assert_near(loss_of(*case), expected_loss(*case), 1e-6)


def test_softmax_loss_in_bfloat16_errs_by_bfloat16_alone():
    case = loss_case(8, 64, 32, 200, np.float32)
    actual, expected = loss_of(*case, dtype=tf.bfloat16), expected_loss(*case)
    assert_near(actual, expected, 0.03)
    # Rounding errs to both sides: over many rows the mean loss is nearer.
    assert abs(actual[0].mean() / expected[0].mean() - 1) < 0.005


@pytest.mark.parametrize("target", [-1, 5])
def test_a_target_outside_the_vocabulary_is_an_error(target):
    outputs, softmax_w, softmax_b, _, d_loss = loss_case(9, 2, 3, 5)
    with pytest.raises(tf.errors.InvalidArgumentError):
        loss_of(outputs, softmax_w, softmax_b, np.array([1, target]), d_loss)


def test_softmax_cross_entropy_of_given_logits_is_the_oracles():
    logits, _, _, labels, d_loss = loss_case(10, 5, 7, 7)
    expected, expected_gradient = reference.softmax_cross_entropy(logits, labels)
    with tf.Graph().as_default(), open_session() as sess:
        x = tf.constant(logits)
        loss = softmax.softmax_cross_entropy(labels=tf.constant(labels, tf.int32), logits=x)
        actual = sess.run([loss, *tf.gradients(loss, x, tf.constant(d_loss))])
    assert_near(actual, [expected, expected_gradient * d_loss[:, None]])


@pytest.mark.parametrize("fed", [False, True])
def test_losses_of_the_same_logits_do_not_disturb_each_other(fed):
    """In a session that rewrites the graph: it makes one op of equal ones."""
    logits, _, _, labels, d_loss = loss_case(12, 5, 7, 7)
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.constant(logits)
        if fed:
            x = tf.placeholder_with_default(x, x.shape)
        actual, expected = [], []
        for targets in (labels, (labels + 1) % 7, labels):
            loss = softmax.softmax_cross_entropy(labels=tf.constant(targets), logits=x)
            actual += [loss, *tf.gradients(loss, x, tf.constant(d_loss))]
            loss, gradient = reference.softmax_cross_entropy(logits, targets)
            expected += [loss, gradient * d_loss[:, None]]
        actual.append(tf.nn.softmax(x))
        expected.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
        for _ in range(20):
            assert_near(sess.run(actual), expected)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_softmax_loss_is_precise_where_the_target_is_all_but_sure(dtype):
    outputs, softmax_w = np.eye(4, dtype=np.float32), 16 * np.eye(4, dtype=np.float32)
    case = outputs, softmax_w, np.zeros(4, np.float32), np.arange(4), np.ones(4, np.float32)
    actual, expected = loss_of(*case, dtype=dtype), expected_loss(*case)
    assert expected[0].max() < 1e-6  # a few units in the last place of p, in float32
    for one, other in zip(actual[:3], expected, strict=False):  # the bias's errors cancel
        np.testing.assert_allclose(one, other, 1e-5 if dtype == tf.float32 else 0.02)


def test_softmax_loss_of_words_beyond_the_reach_of_bfloat16():
    outputs, softmax_w = np.eye(3, dtype=np.float32), 512 * np.eye(3, dtype=np.float32)
    case = outputs, softmax_w, np.zeros(3, np.float32), np.array([1, 2, 2]), np.ones(3, np.float32)
    assert_near(loss_of(*case, dtype=tf.bfloat16), expected_loss(*case), 1e-5)


def test_second_derivatives_of_the_loss_are_those_of_the_stock_loss():
    logits, _, _, labels, _ = loss_case(13, 5, 7, 7, DTYPE.as_numpy_dtype)
    direction = np.random.default_rng(14).normal(size=[5, 7]).astype(DTYPE.as_numpy_dtype)
    with tf.Graph().as_default(), open_session() as sess:
        x, y = tf.constant(logits), tf.constant(labels)
        products = []
        for loss_of_logits in (
            softmax.softmax_cross_entropy,
            tf.nn.sparse_softmax_cross_entropy_with_logits,
        ):
            loss = loss_of_logits(labels=y, logits=x)
            (gradient,) = tf.gradients(tf.reduce_sum(loss**2), x)
            products += tf.gradients(tf.reduce_sum(gradient * direction), x)
        actual, expected = sess.run(products)
    assert_near([actual], [expected])
