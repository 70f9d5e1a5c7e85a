"""Conditional random fields: against all tag sequences, one by one, in NumPy."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, random_array

from tf1rnn.contrib import crf

STEPS, TAGS = 4, 3
LENGTHS = [4, 1, 3, 0, 2]
UNARY = random_array("unary", [len(LENGTHS), STEPS, TAGS], scale=2.0)
TRANSITIONS = random_array("transitions", [TAGS, TAGS], scale=2.0)
LABELS = np.abs(random_array("labels", [len(LENGTHS), STEPS], 100.0)).astype(int) % TAGS
ALLOWED = random_array("allowed", [len(LENGTHS), STEPS, TAGS]) > 0
ALLOWED[:, :, 0] |= ~ALLOWED.any(axis=2)  # a step without any tag has no sequence


def score(row, tags):
    """s(y) of the first tags of a row, and its gradients to unary scores and transitions."""
    d_unary, d_transitions = np.zeros([STEPS, TAGS]), np.zeros([TAGS, TAGS])
    for t, tag in enumerate(tags):
        d_unary[t, tag] += 1
    for pair in itertools.pairwise(tags):
        d_transitions[pair] += 1
    total = (d_unary * UNARY[row]).sum() + (d_transitions * TRANSITIONS).sum()
    return total, d_unary, d_transitions


def all_scores(row, allowed=None):
    """Of every tag sequence of the row's length (that the bitmap allows)."""
    sequences = itertools.product(range(TAGS), repeat=LENGTHS[row])
    return [
        (tags, *score(row, tags))
        for tags in sequences
        if allowed is None or all(allowed[row, t, tag] for t, tag in enumerate(tags))
    ]


def log_sum(row, allowed=None):
    """The log of the sum of exp(s), and its gradients; 0 for a row of length 0."""
    _, totals, d_unary, d_transitions = zip(*all_scores(row, allowed), strict=True)
    norm = np.logaddexp.reduce(totals)
    shares = np.exp(np.array(totals) - norm)
    return norm, np.tensordot(shares, d_unary, 1), np.tensordot(shares, d_transitions, 1)


def expected(function):
    """A value and gradients for all rows: values, d sum / d unary, d sum / d transitions."""
    values, d_unary, d_transitions = zip(*map(function, range(len(LENGTHS))), strict=True)
    return np.array(values), np.array(d_unary), np.sum(d_transitions, axis=0)


@pytest.fixture(scope="module")
def results():
    """Everything of one graph: by name the values and the gradients of their sum."""
    dtypes = tf.float64, tf.int32, tf.int64, tf.bool
    shapes = [None, None, TAGS], [None, None], [None], [None, None, TAGS]
    with tf.Graph().as_default():
        fed = [tf.placeholder(*one) for one in zip(dtypes, shapes, strict=True)]
        known = [tf.constant(one) for one in (UNARY, LABELS, LENGTHS, ALLOWED)]
        fetches = {}
        for way, (unary, labels, lengths, allowed) in {"known": known, "unknown": fed}.items():
            transitions = tf.constant(TRANSITIONS)
            made = {
                "log_norm": crf.crf_log_norm(unary, lengths, transitions),
                "multitag": crf.crf_multitag_sequence_score(unary, allowed, lengths, transitions),
                "score": crf.crf_sequence_score(unary, labels, lengths, transitions),
                "unary": crf.crf_unary_score(labels, lengths, unary),
                "binary": crf.crf_binary_score(labels, lengths, transitions),
            }
            likelihood, same = crf.crf_log_likelihood(unary, labels, lengths, transitions)
            assert same is transitions
            made["likelihood"] = likelihood
            for name, values in made.items():
                if way == "known" and name != "likelihood":
                    continue
                slopes = tf.gradients(values, [unary, transitions])
                fetches[way, name] = [values, *(x for x in slopes if x is not None)]
            fetches[way, "decode"] = crf.crf_decode(unary, transitions, lengths)
            assert fetches[way, "decode"][0].dtype == tf.int32
        arrays = UNARY, np.where(LABELS_INSIDE, LABELS, -1), LENGTHS, ALLOWED
        return evaluate(fetches, feed=dict(zip(fed, arrays, strict=True)))


LABELS_INSIDE = np.arange(STEPS) < np.array(LENGTHS)[:, None]
both = pytest.mark.parametrize("way", ["known", "unknown"])


def test_the_log_norm_is_the_sum_over_all_sequences(results):
    assert_close(results["unknown", "log_norm"], list(expected(log_sum)))


def test_a_bitmap_leaves_out_sequences(results):
    assert_close(results["unknown", "multitag"], list(expected(lambda row: log_sum(row, ALLOWED))))


def test_the_score_is_that_of_the_tags_up_to_the_length(results, way="unknown"):
    """Whatever the tags past it are: in the fed ones they are -1."""
    wanted = expected(lambda row: score(row, LABELS[row, : LENGTHS[row]]))
    assert_close(results[way, "score"], list(wanted))
    assert_close(results[way, "unary"][0] + results[way, "binary"][0], wanted[0])
    assert_close(results[way, "unary"][1:], [wanted[1]])
    assert_close(results[way, "binary"][1:], [wanted[2]])


@both
def test_the_likelihood_is_score_minus_norm(results, way):
    def function(row):
        pairs = zip(score(row, LABELS[row, : LENGTHS[row]]), log_sum(row), strict=True)
        return tuple(a - b for a, b in pairs)

    assert_close(results[way, "likelihood"], list(expected(function)))


@both
def test_the_best_sequence_is_found(results, way):
    tags, best = results[way, "decode"]
    assert tags.shape == (len(LENGTHS), STEPS)
    for row, length in enumerate(LENGTHS):
        if length == 0:
            assert tags[row, 0] == np.argmax(UNARY[row, 0])
            continue
        wanted = max(all_scores(row), key=lambda one: one[1])
        assert tuple(tags[row, :length]) == wanted[0]
        assert not tags[row, length:].any()
        assert_close(best[row], wanted[1])
        in_numpy, score_in_numpy = crf.viterbi_decode(UNARY[row, :length], TRANSITIONS)
        assert isinstance(in_numpy, list)
        assert tuple(in_numpy) == wanted[0]
        assert_close(score_in_numpy, wanted[1])


@pytest.mark.parametrize("steps", [1, None])
def test_a_single_step_needs_no_transitions(graph, steps):
    unary = tf.placeholder(tf.float32, [None, steps, TAGS])
    lengths = tf.placeholder(tf.int32, [None])
    labels = tf.placeholder(tf.int64, [None, steps])
    likelihood, transitions = crf.crf_log_likelihood(unary, labels, lengths)
    assert transitions.op.name == "transitions"
    assert transitions.shape.as_list() == [TAGS, TAGS]
    decoded = crf.crf_decode(unary, transitions, lengths)
    x = np.array([[[1.0, 2.0, 3.0]], [[4.0, 1.0, 1.0]]])
    feed = {unary: x, lengths: [1, 0], labels: [[1], [2]]}
    likelihood, (tags, best) = evaluate([likelihood, decoded], feed=feed)
    wanted = np.array([2.0 - np.log(np.exp(x[0, 0]).sum()), 0.0])
    assert_close(likelihood, wanted, rtol=1e-5, atol=1e-6)
    assert tags.tolist() == [[2], [0]]
    assert best.tolist() == [3.0, 4.0]


def test_the_cells_are_cells(graph):
    cell = crf.CrfForwardRnnCell(tf.constant(TRANSITIONS))
    assert (cell.state_size, cell.output_size) == (TAGS, TAGS)
    backward = crf.CrfDecodeBackwardRnnCell(TAGS)
    assert (backward.state_size, backward.output_size) == (1, 1)
    came_from = tf.constant([[0, 2, 1]])
    forward = crf.CrfDecodeForwardRnnCell(tf.constant(TRANSITIONS))
    alphas, pair, tags = evaluate(
        [
            cell(UNARY[:1, 1], UNARY[:1, 0])[0],
            forward(UNARY[:1, 1], UNARY[:1, 0]),
            backward(came_from, tf.constant([[1]]))[0],
        ]
    )
    through = UNARY[0, 0][:, None] + TRANSITIONS
    assert_close(alphas[0], UNARY[0, 1] + np.logaddexp.reduce(through, axis=0))
    assert pair[0][0].tolist() == through.argmax(axis=0).tolist()
    assert_close(pair[1][0], UNARY[0, 1] + through.max(axis=0))
    assert tags.tolist() == [[2]]
