"""Sequence losses: against the oracle, and the laws of their averages."""

import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
from graphs import FLOAT, assert_close, evaluate, random_array
from hypothesis import given, settings
from hypothesis import strategies as st

import tf1rnn

SIZES = st.integers(1, 4)


def random_batch(num_steps, batch, num_classes):
    """logits, targets and weights, time-major; some weights are 0."""
    logits = random_array("logits", [num_steps, batch, num_classes], scale=3.0)
    targets = np.abs(random_array("targets", [num_steps, batch], 100.0)).astype(int) % num_classes
    weights = np.maximum(random_array("weights", [num_steps, batch]), 0.0)
    return logits, targets, weights


@settings(max_examples=10, deadline=None)
@given(num_steps=SIZES, batch=SIZES, num_classes=SIZES, average=st.booleans())
def test_loss_by_example_is_the_oracles(num_steps, batch, num_classes, average):
    logits, targets, weights = random_batch(num_steps, batch, num_classes)
    with tf.Graph().as_default():
        lists = [[tf.constant(step) for step in part] for part in (logits, targets, weights)]
        loss = tf1rnn.sequence_loss_by_example(*lists, average_across_timesteps=average)
        gradients = tf.gradients(loss, lists[0])
        loss, gradients = evaluate([loss, gradients])
    expected = reference.sequence_loss_by_example(logits, targets, weights, average)
    assert_close(loss, expected)
    _, slopes = reference.softmax_cross_entropy(logits, targets)
    divisor = weights.sum(axis=0, dtype=float) + 1e-12 if average else np.ones(batch)
    assert_close(np.stack(gradients), slopes * (weights / divisor)[:, :, None])


@settings(max_examples=10, deadline=None)
@given(num_steps=SIZES, batch=SIZES, num_classes=SIZES, steps=st.booleans(), rows=st.booleans())
def test_loss_of_tensors_is_the_oracles(num_steps, batch, num_classes, steps, rows):
    logits, targets, weights = random_batch(num_steps, batch, num_classes)
    weights[0, 0] = 1.0
    with tf.Graph().as_default():
        batch_major = (np.moveaxis(part, 1, 0) for part in (logits, targets, weights))
        loss = tf1rnn.sequence_loss(
            *batch_major, average_across_timesteps=steps, average_across_batch=rows
        )
        loss = evaluate(loss)
    losses, _ = reference.softmax_cross_entropy(logits, targets)
    if not (steps or rows):
        expected = (losses * weights).T
    else:
        axes = {(True, True): (0, 1), (True, False): 0, (False, True): 1}[steps, rows]
        expected = (losses * weights).sum(axis=axes)
        expected /= weights.sum(axis=axes, dtype=float) + 1e-12
    assert_close(loss, expected)


def test_the_loss_of_many_classes_is_the_faster_one_and_the_oracles():
    logits, targets, weights = random_batch(1, 3, 1000)
    losses, slopes = reference.softmax_cross_entropy(logits[0], targets[0])
    with tf.Graph().as_default() as graph:
        step = [tf.constant(part[0]) for part in (logits, targets, weights)]
        z = step[0]
        as_rows = [z[:, None], step[1][:, None], step[2][:, None]]
        by_example = tf1rnn.sequence_loss_by_example(*([one] for one in step), False)
        of_tensors = tf1rnn.sequence_loss(*as_rows, False, False)
        results = [by_example, of_tensors[:, 0]]
        types = {op.type for op in graph.get_operations()}
        gradients = [tf.gradients(result, z)[0] for result in results]
        for loss, gradient in evaluate(list(zip(results, gradients, strict=True))):
            assert_close(loss, losses * weights[0])
            assert_close(gradient, slopes * weights[0][:, None])
    assert "SparseSoftmaxCrossEntropyWithLogits" not in types


def test_the_shape_of_the_logits_may_be_unknown(graph):
    logits, targets, weights = (part[0] for part in random_batch(1, 3, 2))
    z = tf.placeholder(tf.float64)
    loss = tf1rnn.sequence_loss_by_example(
        [z], [tf.constant(targets)], [tf.constant(weights, tf.float64)], False
    )
    losses, _ = reference.softmax_cross_entropy(logits, targets)
    assert_close(evaluate(loss, feed={z: logits}), losses * weights)


@pytest.mark.parametrize(("steps", "rows"), [(True, True), (True, False), (False, True)])
def test_a_sum_is_divided_by_the_number_of_weights_that_are_not_zero(steps, rows):
    """So tf.contrib.seq2seq had it in the last release of TensorFlow 1."""
    logits, targets, weights = random_batch(3, 4, 5)
    weights[:, 0] = 0.0
    with tf.Graph().as_default():
        batch_major = [np.moveaxis(part, 1, 0) for part in (logits, targets, weights)]
        # Positions are TensorFlow 1's: both averages, both sums, the loss function.
        stock = tf.nn.sparse_softmax_cross_entropy_with_logits
        loss = tf1rnn.sequence_loss(*batch_major, False, False, steps, rows, stock)
        loss = evaluate(loss)
        for average, sums in ([(True, False), (False, True)], [(False, True), (True, False)]):
            with pytest.raises(ValueError, match="cannot be set to True at same time"):
                tf1rnn.sequence_loss(*batch_major, *average, *sums)
    losses, _ = reference.softmax_cross_entropy(logits, targets)
    axes = {(True, True): (0, 1), (True, False): 0, (False, True): 1}[steps, rows]
    count = np.count_nonzero(weights, axis=axes)
    assert_close(loss, (losses * weights).sum(axis=axes) / np.maximum(count, 1))


def test_the_perplexity_of_a_uniform_guess_is_the_number_of_words():
    with tf.Graph().as_default():
        loss = tf1rnn.sequence_loss_by_example(
            [tf.zeros([3, 50], FLOAT)] * 4, [tf.constant([0, 7, 49])] * 4, [tf.ones([3], FLOAT)] * 4
        )
        assert_close(np.exp(evaluate(loss)), 50.0)


def test_rows_without_weight_lose_nothing_and_are_finite():
    zeros = tf1rnn.sequence_loss_by_example, tf1rnn.sequence_loss
    with tf.Graph().as_default():
        by_example, whole = zeros
        weightless = tf.zeros([2], FLOAT)
        loss = by_example([tf.ones([2, 3], FLOAT)], [tf.constant([0, 1])], [weightless])
        total = whole(tf.ones([2, 1, 3], FLOAT), tf.constant([[0], [1]]), weightless[:, None])
        for values in evaluate([loss, total]):
            assert not np.any(values)


def test_a_loss_function_of_ones_own_takes_the_place_of_the_softmax():
    def squared(labels, logits):
        return tf.square(logits[:, 0] - tf.cast(labels, logits.dtype))

    with tf.Graph().as_default():
        logits, targets = tf.constant([[[5.0], [2.0]]], FLOAT), tf.constant([[2, 2]])
        weights = tf.constant([[1.0, 3.0]], FLOAT)
        tensor = tf1rnn.sequence_loss(logits, targets, weights, softmax_loss_function=squared)
        lists = ([part[:, 0], part[:, 1]] for part in (logits, targets, weights))
        listed = tf1rnn.sequence_loss_by_example(*lists, softmax_loss_function=squared)
        tensor, listed = evaluate([tensor, listed])
    assert tensor == pytest.approx(9 / 4)
    assert listed.tolist() == pytest.approx([9 / 4])


def test_parts_that_do_not_fit_are_refused():
    with tf.Graph().as_default():
        logits, targets, weights = (
            tf.zeros([2, 3], FLOAT),
            tf.zeros([2], tf.int32),
            tf.ones([2], FLOAT),
        )
        for lists in (
            ([logits] * 2, [targets], [weights]),
            ([logits], [targets] * 2, [weights]),
            ([logits], [targets], [weights] * 2),
        ):
            with pytest.raises(ValueError, match="one length"):
                tf1rnn.sequence_loss_by_example(*lists)
        good = tf.zeros([2, 4, 3], FLOAT), tf.zeros([2, 4], tf.int32), tf.ones([2, 4], FLOAT)
        for i, part in enumerate(good):
            wrong = [*good[:i], part[..., None], *good[i + 1 :]]
            with pytest.raises(ValueError, match="expected"):
                tf1rnn.sequence_loss(*wrong)
