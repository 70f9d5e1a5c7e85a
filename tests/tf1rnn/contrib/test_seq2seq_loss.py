"""The loss of sequences against NumPy, in all its reductions."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, random_array

from tf1rnn.contrib import seq2seq

LOGITS = random_array("logits", [2, 3, 4], 2.0)
TARGETS = np.array([[0, 3, 1], [2, 2, 0]])
WEIGHTS = np.array([[1.0, 0.5, 0.0], [2.0, 1.0, 0.0]])


def weighted_losses():
    logs = LOGITS - np.log(np.exp(LOGITS).sum(-1, keepdims=True))
    return -np.take_along_axis(logs, TARGETS[:, :, None], 2)[:, :, 0] * WEIGHTS


AXES = [axes for n in range(3) for axes in itertools.combinations((0, 1), n)]


@pytest.mark.parametrize("axes", AXES)
def test_averages_are_over_weights_and_sums_over_the_weights_that_count(graph, axes):
    loss, weights = weighted_losses(), WEIGHTS
    chosen = {"batch": 0 in axes, "timesteps": 1 in axes}
    averages = {f"average_across_{axis}": on for axis, on in chosen.items()}
    sums = {f"sum_over_{axis}": on for axis, on in chosen.items()}
    off = {f"average_across_{axis}": False for axis in chosen}
    none = {f"sum_over_{axis}": False for axis in chosen}
    given = [tf.constant(x) for x in (LOGITS, TARGETS, WEIGHTS)]
    values = evaluate(
        [
            seq2seq.sequence_loss(*given, **averages),
            seq2seq.sequence_loss(*given, **off, **sums),
            seq2seq.SequenceLoss(**off, **sums)(given[1], given[0], given[2]),
            seq2seq.SequenceLoss(**averages, **none)(given[1], given[0], given[2]),
        ]
    )
    average, count = loss.sum(axes), loss.sum(axes)
    if axes:
        average = average / (weights.sum(axes) + 1e-12)
        count = count / np.maximum(np.count_nonzero(weights, axes), 1)
    assert_close(values, [average, count, count, average])


def test_a_loss_object_sums_over_both_unless_it_is_told(graph):
    given = [tf.constant(x) for x in (TARGETS, LOGITS, WEIGHTS)]
    assert_close(evaluate(seq2seq.SequenceLoss()(*given)), weighted_losses().sum() / 4)
    halved = seq2seq.SequenceLoss(
        softmax_loss_function=lambda labels, logits: 0.5 * logits[:, 0], name="own"
    )(*given)
    assert halved.op.name.startswith("own/")
    assert_close(evaluate(halved), (0.5 * LOGITS[:, :, 0] * WEIGHTS).sum() / 4)
