"""Beam search against all sequences, and against a search in lists, on a tiny recurrent model."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session, random_array

from tf1rnn.beam_search import beam_search

CLASSES, UNITS, STEPS, END = 3, 4, 4, 2
# In float64, as the log probabilities are: sequences are ordered by their last digits.
WORDS, RECURRENT, OUTPUT, STATE = (
    random_array(name, shape, scale).astype(np.float64)
    for name, shape, scale in [
        ("words", [CLASSES, UNITS], 1.5),
        ("recurrent", [UNITS, UNITS], 1.0),
        ("output", [UNITS, CLASSES], 2.0),
        ("state", [2, UNITS], 1.0),
    ]
)
START = [0, 1]


def step(ids, state):
    (h,) = state
    h = tf.tanh(tf.matmul(h, RECURRENT) + tf.gather(WORDS, ids))
    return tf.matmul(h, OUTPUT), (h,)


def search(end, beam_width, **options):
    found = beam_search(step, (tf.constant(STATE),), START, end, beam_width, STEPS, **options)
    with open_session() as session:
        return session.run(found)


def log_prob_of(row, sequence):
    """Of a whole sequence in NumPy."""
    h, total = STATE[row], 0.0
    for before, word in itertools.pairwise([START[row], *sequence]):
        h = np.tanh(h @ RECURRENT + WORDS[before])
        logits = h @ OUTPUT
        total += logits[word] - np.log(np.exp(logits).sum())
    return total


def all_sequences(end):
    """Every sequence of STEPS words, or that ends before."""
    found = set()
    for words in itertools.product(range(CLASSES), repeat=STEPS):
        length = words.index(end) + 1 if end in words else STEPS
        found.add(words[:length])
    return found


def score(log_prob, length, weight):
    return log_prob / ((5 + length) / 6) ** weight


def sorted_by_score(row, sequences, weight):
    log_probs = {one: log_prob_of(row, one) for one in sequences}
    return sorted(sequences, key=lambda one: -score(log_probs[one], len(one), weight)), log_probs


def sequences_of(found, row):
    """The sequences that have a chance, without what stands behind their ends."""
    possible = np.isfinite(found.log_probs[row])
    return [
        tuple(ids[:length].tolist())
        for ids, length in zip(found.ids[row][possible], found.lengths[row][possible], strict=True)
    ]


@pytest.mark.parametrize("weight", [0.0, 1.5])
@pytest.mark.parametrize("end", [END, None])
def test_a_beam_as_wide_as_all_sequences_finds_them_all_in_their_order(graph, end, weight):
    found = search(end, 100, length_penalty_weight=weight)
    for row in range(2):
        expected, log_probs = sorted_by_score(row, all_sequences(end), weight)
        assert len(expected) == (31 if end else 81)
        assert sequences_of(found, row) == expected
        np.testing.assert_allclose(
            found.log_probs[row][: len(expected)], [log_probs[one] for one in expected], rtol=1e-9
        )
        assert np.all(found.log_probs[row][len(expected) :] == -np.inf)


def searched_in_lists(row, end, beam_width, weight):
    """What the docstring says, with whole sequences in place of states."""
    beams = [()]
    for _ in range(STEPS):
        following = []
        for beam in beams:
            ended = end is not None and beam[-1:] == (end,)
            following += [beam] if ended else [(*beam, word) for word in range(CLASSES)]
        beams = sorted_by_score(row, following, weight)[0][:beam_width]
    return beams


@pytest.mark.parametrize("end", [END, None])
@pytest.mark.parametrize("beam_width", [1, 2, 5])
def test_a_narrow_beam_keeps_the_best_of_each_step(graph, end, beam_width):
    found = search(end, beam_width, length_penalty_weight=0.7)
    for row in range(2):
        assert sequences_of(found, row) == searched_in_lists(row, end, beam_width, 0.7)


def test_behind_the_end_stand_ends_and_the_search_stops_when_all_have_ended(graph):
    def ending(ids, state):
        """END is certain, but after 0, and 0 is certain at first."""
        likely = tf.where(tf.equal(state, 0), tf.zeros_like(ids), tf.fill(tf.shape(ids), END))
        return 1e4 * tf.one_hot(likely, CLASSES, dtype=tf.bfloat16), state + 1

    found = beam_search(ending, tf.zeros([2], tf.int32), START, END, 1, 50)
    longer = search(END, 4)
    with open_session() as session:
        found = session.run(found)
    assert found.ids.tolist() == [[[0, END]]] * 2
    assert found.lengths.tolist() == [[2]] * 2
    assert found.log_probs.dtype == np.float64 and found.log_probs.tolist() == [[0.0]] * 2
    for ids, length in zip(longer.ids.reshape(-1, STEPS), longer.lengths.ravel(), strict=True):
        assert np.all(ids[length:] == END)


def test_a_beam_needs_a_width_and_steps(graph):
    for width, steps in ((0, 3), (3, 0)):
        with pytest.raises(ValueError, match=f"at least 1, not {width} and {steps}"):
            beam_search(step, (tf.constant(STATE),), START, END, width, steps)
