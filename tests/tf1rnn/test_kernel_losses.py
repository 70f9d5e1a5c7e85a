"""What the fast losses take, beside the stock one: shapes, dtypes, where targets come from."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import DTYPE, assert_near, open_session

from tf1rnn.kernels import softmax

STOCK = tf.nn.sparse_softmax_cross_entropy_with_logits
ROWS, WORDS = 4, 3
random = np.random.default_rng(3)
OUTPUTS, WEIGHTS = (
    random.normal(size=size).astype(DTYPE.as_numpy_dtype) for size in ([ROWS, 2], [2, WORDS])
)


def both_losses(targets, outputs, weights):
    """Fast and stock: the loss with its gradients to outputs and weights."""
    bias = tf.zeros([WORDS], DTYPE)
    logits = outputs @ weights
    losses = [
        softmax.softmax_loss(outputs, weights, bias, targets),
        softmax.softmax_cross_entropy(targets, logits),
        STOCK(labels=tf.cast(targets, tf.int64), logits=logits),
    ]
    return [[loss, *tf.gradients(loss, [outputs, weights])] for loss in losses]


def test_targets_may_be_variables_or_the_models_own():
    with tf.Graph().as_default(), open_session() as session:
        outputs, weights = tf.constant(OUTPUTS), tf.Variable(WEIGHTS, use_resource=True)
        labels = np.array([0, 2, 1, 2])
        sources = [
            tf.Variable(labels, trainable=False, collections=[], use_resource=True),
            tf.Variable(labels, trainable=False, collections=[], use_resource=False),
            tf.argmax(outputs @ weights, 1),
            tf.constant(labels, tf.int32),
            tf.constant(labels, tf.uint8),
        ]
        results = [both_losses(targets, outputs, weights) for targets in sources]
        session.run([weights.initializer, *(v.initializer for v in sources[:2])])
        for *ours, stock in session.run(results):
            for one in ours:
                assert_near(one, stock)


@pytest.mark.parametrize("known", [True, False])
def test_logits_of_any_rank_have_the_stock_loss(known):
    shapes = [3], [2, 3], [2, 4, 3], [2, 2, 2, 3], [0, 3]
    with tf.Graph().as_default(), open_session() as session:
        results, feed = [], {}
        for shape in shapes:
            values = random.normal(size=shape)
            logits = tf.placeholder(DTYPE, shape if known else None)
            labels = tf.placeholder(tf.int32, shape[:-1] if known else None)
            feed |= {logits: values, labels: random.integers(0, 3, shape[:-1])}
            losses = [
                one(labels=labels, logits=logits) for one in (softmax.softmax_cross_entropy, STOCK)
            ]
            if known:
                assert losses[0].shape == losses[1].shape
            results.append([[loss, *tf.gradients(loss**2, logits)] for loss in losses])
        for actual, expected in session.run(results, feed):
            assert_near(actual, expected)


def test_what_does_not_fit_is_an_error_that_says_so():
    good = [np.zeros([4, 2]), np.zeros([2, 3]), np.zeros([3]), np.zeros([4], int)]
    bad = [np.zeros([4, 3]), np.zeros([3]), np.zeros([2]), np.zeros([4, 1], int)]
    with tf.Graph().as_default():
        for i, part in enumerate(bad):
            with pytest.raises(ValueError, match=r"expected outputs \[M, hidden_size\], softmax_w"):
                softmax.softmax_loss(*good[:i], part, *good[i + 1 :])
        for labels, logits in (([1], [[0.0, 1.0]] * 2), ([[1]], [[0.0]]), (1, 0.0)):
            with pytest.raises(ValueError, match=r"logits \[..., vocab_size\]"):
                softmax.softmax_cross_entropy(labels, logits)
        for loss in (
            lambda: softmax.softmax_cross_entropy([1.0], [[0.0, 1.0]]),
            lambda: softmax.softmax_loss(*good[:3], np.zeros([4])),
        ):
            with pytest.raises(TypeError, match="integers"):
                loss()


def test_one_label_for_several_fed_rows_is_an_error():
    with tf.Graph().as_default(), open_session() as session:
        labels, logits = tf.placeholder(tf.int32, [None]), tf.placeholder(DTYPE, [None, 3])
        loss = softmax.softmax_cross_entropy(labels, logits)
        for count in (1, 4):
            with pytest.raises(tf.errors.InvalidArgumentError):
                session.run(loss, {labels: [1] * count, logits: np.zeros([2, 3])})


def test_float16_is_exact():
    """To the rounding of float16, of which 16 units in the last place are one at the loss."""
    with tf.Graph().as_default(), open_session() as session:
        logits = np.array([[0, 16, 0], [0, 15, -3], [0, 9, 9], [20, 0, 1]], np.float16)
        targets, x = [0, 0, 1, 0], tf.constant(logits)
        losses = [
            softmax.softmax_cross_entropy(targets, x),
            softmax.softmax_loss(
                x, tf.eye(3, dtype=tf.float16), tf.zeros([3], tf.float16), targets
            ),
        ]
        results = session.run([[loss, *tf.gradients(loss, x)] for loss in losses])
    z = logits.astype(np.float64)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    for loss, gradient in results:
        assert loss.dtype == gradient.dtype == np.float16
        np.testing.assert_array_equal(loss, -np.log(p[range(4), targets]).astype(np.float16))
        np.testing.assert_allclose(gradient, p - np.eye(3)[targets], 2e-3, 1e-7)


@pytest.mark.parametrize("known", [True, False])
def test_more_logits_than_an_int32_counts_have_a_way_of_their_own(known, monkeypatch):
    results = []
    for most in (11, 12):  # of 4 rows of 3 words
        monkeypatch.setattr(softmax, "MOST_PLACES", most)
        with tf.Graph().as_default() as graph, open_session() as session:
            outputs = tf.placeholder_with_default(OUTPUTS, [ROWS if known else None, 2])
            losses = both_losses([0, 2, 1, 2], outputs, tf.constant(WEIGHTS))
            results.append(session.run(losses))
            if known:
                ops = {op.type for op in graph.get_operations()}
                assert ("InplaceUpdate" in ops) == (most == 12)
    for one in results:
        for ours in one[:2]:
            assert_near(ours, one[2])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("make", [tf.Session, open_session])
def test_what_else_is_computed_of_the_same_logits_stays_as_it_is(known, make):
    """TensorFlow computes equal operations once: the loss changes a softmax of its own in place."""
    with tf.Graph().as_default(), make() as session:
        rows = ROWS if known else None
        outputs, bias = tf.placeholder_with_default(OUTPUTS, [rows, 2]), tf.zeros([WORDS], DTYPE)
        targets = [tf.constant([0, 2, 1, 2]), tf.constant([1, 1, 0, 0])]
        logits = tf.nn.xw_plus_b(outputs, WEIGHTS, bias)
        flat = tf.reshape(logits, [-1, tf.shape(logits)[-1]])
        softmaxes = [tf.nn.softmax(logits), tf.nn.softmax(flat)]
        losses = [
            *(softmax.softmax_loss(outputs, WEIGHTS, bias, one) for one in targets),
            *(softmax.softmax_cross_entropy(one, logits) for one in targets),
        ]
        stock = [STOCK(labels=one, logits=logits) for one in targets] * 2
        pairs = [
            [[one, *tf.gradients(one, outputs)] for one in several] for several in (losses, stock)
        ]
        found = [session.run([softmaxes, *pairs]) for _ in range(20)]
    z = np.exp(OUTPUTS.astype(float) @ WEIGHTS)
    p = z / z.sum(1, keepdims=True)
    for softmaxes, ours, expected in found:
        assert_near(softmaxes, [p.astype(DTYPE.as_numpy_dtype)] * 2)
        for one, other in zip(ours, expected, strict=True):
            assert_near(one, other)
