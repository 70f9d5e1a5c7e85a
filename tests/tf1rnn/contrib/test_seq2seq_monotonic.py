"""Monotonic attention against the enumeration of all ways to go along the memory."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, open_session, random_array, random_weights

from tf1rnn.contrib import seq2seq

RANDOM = np.random.default_rng(5)


def enumerated(p, previous):
    """The alignments of a row: all starts, and all choices of the entries from there on."""
    result = np.zeros_like(p)
    for start, choices in itertools.product(
        range(len(p)), itertools.product([0, 1], repeat=len(p))
    ):
        probability = previous[start] * np.prod(np.where(choices, p, 1 - p))
        chosen = [j for j in range(start, len(p)) if choices[j]]
        if chosen:
            result[chosen[0]] += probability
    return result


@pytest.mark.parametrize("mode", ["recursive", "parallel"])
def test_the_alignments_are_the_probabilities_of_all_ways(graph, mode):
    p = RANDOM.uniform(0.05, 0.9, [3, 5])
    previous = RANDOM.dirichlet(np.ones(5), 3)
    alignments = evaluate(seq2seq.monotonic_attention(p, previous, mode))
    expected = [enumerated(*row) for row in zip(p, previous, strict=True)]
    assert_close(alignments, np.array(expected))


def test_recursive_and_parallel_have_one_gradient(graph):
    p, previous = (
        tf.constant(x) for x in (RANDOM.uniform(0.1, 0.9, [2, 4]), RANDOM.dirichlet(np.ones(4), 2))
    )
    weights = random_array("weights", [2, 4])
    modes = [
        tf.gradients(seq2seq.monotonic_attention(p, previous, mode) * weights, [p, previous])
        for mode in ("recursive", "parallel")
    ]
    recursive, parallel = evaluate(modes)
    assert_close(recursive, parallel)


def test_hard_attention_takes_the_first_chosen_from_the_last_one_on(graph):
    p = np.array([[1, 0, 0, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0]], float)
    previous = np.eye(5)[[1, 2, 2]]
    hard = evaluate(seq2seq.monotonic_attention(p, previous, "hard"))
    assert hard.tolist() == [[0, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0]]
    with pytest.raises(ValueError, match="mode"):
        seq2seq.monotonic_attention(p, previous, "soft")


@pytest.mark.parametrize("options", [{}, {"exclusive": True}, {"reverse": True}])
def test_the_safe_product_is_the_product_with_a_finite_gradient(graph, options):
    x = tf.constant(RANDOM.uniform(0.1, 1, [3, 4]))
    zero = tf.constant([[0.5, 0.0, 0.5]])
    products = [f(x, axis=1, **options) for f in (seq2seq.safe_cumprod, tf.math.cumprod)]
    safe, plain, gradient = evaluate(
        [*products, tf.gradients(seq2seq.safe_cumprod(zero, axis=1, **options), zero)]
    )
    assert_close(safe, plain)
    assert np.isfinite(gradient).all()


MECHANISMS = {
    "bahdanau": (seq2seq.BahdanauMonotonicAttention, {"normalize": True}),
    "luong": (seq2seq.LuongMonotonicAttention, {"scale": True}),
}


@pytest.mark.parametrize("kind", MECHANISMS)
def test_a_mechanism_starts_at_the_first_entry_and_adds_a_bias(graph, kind):
    make, options = MECHANISMS[kind]
    memory = random_array("memory", [2, 4, 3])
    mechanism = make(3, memory, [4, 3], score_bias_init=-1.5, **options)
    plain = {"bahdanau": seq2seq.BahdanauAttention, "luong": seq2seq.LuongAttention}[kind]
    soft = plain(3, memory, [4, 3], probability_fn=lambda score: score, **options)
    query, start = (
        tf.constant(random_array("query", [2, 3])),
        mechanism.initial_state(2, tf.float64),
    )
    alignments, state = mechanism(query, start)
    score, _ = soft(query, start)
    names = [v.op.name for v in tf.trainable_variables()]
    own = f"{kind}_monotonic_attention/attention_score_bias"
    assert own in names
    weights = random_weights(tf.trainable_variables())
    for name in names:  # the other mechanism's variables have the same numbers
        if name != own:
            twin = name.replace("_monotonic", "").replace("memory_layer_1", "memory_layer")
            weights[name] = random_array(twin, weights[name].shape)
    weights[own] = np.array(-1.5)
    start, alignments, state, score = evaluate([start, alignments, state, score], weights)
    assert start.tolist() == [[1, 0, 0, 0]] * 2
    p = 1 / (1 + np.exp(1.5 - score))
    assert_close(alignments, np.array([enumerated(*row) for row in zip(p, start, strict=True)]))
    assert_close(state, alignments)
    assert alignments[1, 3] == 0
    bias = next(v for v in tf.trainable_variables() if v.op.name == own)
    with open_session() as sess:
        sess.run(bias.initializer)
        assert sess.run(bias) == -1.5


def test_noise_moves_the_score_and_hard_mode_gives_zeros_and_ones(graph):
    memory, query = random_array("memory", [20, 6, 3]), tf.constant(random_array("query", [20, 3]))
    drawn, hard = (
        seq2seq.LuongMonotonicAttention(3, memory, **options)
        for options in ({"sigmoid_noise": 2.0, "sigmoid_noise_seed": 3}, {"mode": "hard"})
    )
    start = drawn.initial_state(20, tf.float64)
    with tf.variable_scope("calls"):
        runs = [drawn(query, start)[0], drawn(query, start)[0], hard(query, start)[0]]
    first, second, hard = evaluate(runs)
    assert np.abs(first - second).max() > 0.05
    assert set(np.unique(hard)) == {0, 1}
    assert (hard.sum(1) <= 1).all()
