"""Classes that are drawn: how often each comes, from which, and what a seed decides."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session
from scipy import stats

from tf1rnn.sampling import sample

LOGITS = np.array([0.5, -1.0, 2.0, 1.0, -3.0, 0.0, 1.5])
DRAWS = 20_000
SURE = 1e-4  # a chance that is too small to have come about
OPTIONS = [
    {},
    {"temperature": 0.5},
    {"temperature": 3.0, "top_k": 4},
    {"top_p": 0.8},
    {"top_p": 0.8, "top_k": 3},
    {"temperature": 2.0, "top_p": 0.6},
    {"top_k": 100},
]


def run(*fetches):
    with open_session() as session:
        return session.run(fetches)


def expected(logits, temperature=1.0, top_k=None, top_p=1.0):
    """The probabilities that are asked for, with all classes sorted."""
    scaled = logits / temperature
    probabilities = np.exp(scaled) / np.exp(scaled).sum()
    order = np.argsort(-probabilities, kind="stable")
    kept = probabilities[order]
    kept[top_k or len(kept) :] = 0
    kept /= kept.sum()
    kept[np.cumsum(kept) - kept >= top_p] = 0
    result = np.zeros_like(probabilities)
    result[order] = kept / kept.sum()
    return result


def assert_drawn_by(drawn, probabilities):
    counts = np.bincount(drawn, minlength=len(probabilities))
    possible = probabilities > 0
    assert counts[~possible].sum() == 0
    assert possible.sum() > 1
    chance = stats.chisquare(counts[possible], len(drawn) * probabilities[possible]).pvalue
    assert chance > SURE


def test_classes_come_as_often_as_they_are_likely(graph):
    rows = tf.constant(np.tile(LOGITS, (DRAWS, 1)), tf.float32)
    for options, drawn in zip(
        OPTIONS, run(*[sample(rows, seed=(1, 2), **options) for options in OPTIONS]), strict=True
    ):
        assert drawn.dtype == np.int32 and drawn.shape == (DRAWS,)
        assert_drawn_by(drawn, expected(LOGITS, **options))


@pytest.mark.parametrize("num_classes", [2, 150])
def test_wherever_a_class_stands_it_comes_as_often(graph, num_classes):
    """In all blocks of a row, also where the last one is not full."""
    logits = np.random.default_rng(1).normal(size=num_classes)
    drawn = sample(tf.constant(np.tile(logits, (DRAWS, 1))), seed=(3, 4))
    assert_drawn_by(*run(drawn), expected(logits))


def test_a_nucleus_has_the_likeliest_that_are_needed_and_their_equals(graph):
    """Of rows that are all unlike; what is drawn often enough is all that can be drawn."""
    probabilities = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.4, 0.1, 0.4], [0.25] * 4])
    rows = tf.constant(np.log(probabilities).repeat(400, axis=0), tf.float32)
    near = [sample(rows, top_p=top_p, seed=(1, 1)) for top_p in (0.39, 0.41, 0.71)]
    sets = [[set(part) for part in np.split(np.asarray(drawn), 3)] for drawn in run(*near)]
    assert [found[0] for found in sets] == [{0}, {0, 1}, {0, 1, 2}]
    assert [found[1] for found in sets] == [{1, 3}] * 3
    assert [found[2] for found in sets] == [{0, 1, 2, 3}] * 3


def test_the_likeliest_is_taken_and_of_equals_the_first(graph):
    rows = tf.constant([[0.0, 2.0, 2.0], [3.0, -1.0, 3.0]])
    greedy, one = sample(rows, temperature=0), sample(rows, top_k=1)
    two = sample(tf.constant([[1.0, 0.0, 0.0, 0.0]] * 200), temperature=9.0, top_k=2, seed=(1, 2))
    greedy, one, two = run(greedy, one, two)
    assert greedy.tolist() == one.tolist() == [1, 0]
    assert set(two) == {0, 1}


def test_equal_seeds_draw_equally_and_a_row_does_not_depend_on_those_below(graph):
    rows = tf.constant(np.tile(LOGITS, (50, 1)))
    drawn = [sample(rows, seed=seed) for seed in ((1, 2), tf.constant([1, 2]), (2, 2), (1, 3))]
    first, same, *others = run(*drawn, sample(rows[:7], seed=(1, 2)))
    assert first.tolist() == same.tolist()
    assert first[:7].tolist() == others[-1].tolist()
    assert first.tolist() not in (others[0].tolist(), others[1].tolist())


def test_without_a_pair_of_seeds_every_run_draws_anew(graph):
    drawn = sample(tf.zeros([40, 9]), seed=5)
    with open_session() as session:
        first, second = session.run(drawn), session.run(drawn)
    assert first.tolist() != second.tolist()
    assert first.tolist() == run(drawn)[0].tolist(), "but a new session draws the same again"


def test_other_dtypes_and_what_is_impossible(graph):
    never = float("-inf")
    drawn = [
        sample(tf.constant([[never, 0.0, never, 1.0]] * 100, dtype), seed=(1, 2), top_p=top_p)
        for dtype in (tf.bfloat16, tf.float16, tf.float32, tf.float64)
        for top_p in (0.99, 1.0)
    ]
    for found in run(*drawn):
        assert set(found) == {1, 3}
        assert found.tolist() == run(drawn[-1])[0].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature must be a number from 0, not -0.1"),
        ({"temperature": float("inf")}, "temperature must be a number from 0, not inf"),
        ({"temperature": float("nan")}, "temperature must be a number from 0, not nan"),
        ({"top_k": 0}, "top_k must be at least 1, not 0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, not 0.0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, not 1.1"),
        ({"logits": np.zeros(3)}, r"logits must be \[batch_size, num_classes\]"),
    ],
)
def test_what_is_out_of_range_is_named(graph, options, message):
    with pytest.raises(ValueError, match=message):
        sample(**{"logits": tf.zeros([2, 3]), **options})
