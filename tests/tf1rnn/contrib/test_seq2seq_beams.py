"""Beam search against the search through all paths, and paths against loops in Python."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, random_array

import tf1rnn
from tf1rnn.contrib import seq2seq

VOCABULARY, END, STEPS = 3, 2, 3
# By row, step and the token before.
LOGITS = random_array("logits", [2, STEPS, VOCABULARY, VOCABULARY], 1.5)
ATTENTION = np.random.default_rng(1).dirichlet(np.ones(4), VOCABULARY) * [1, 1, 1, 0]


class Table(tf1rnn.RNNCell):
    """Knows each row's logits at each step after each token, and looks where the token says."""

    def __init__(self, beam_width, attentional=False):
        super().__init__()
        self.table = tf.constant(np.repeat(LOGITS, beam_width, 0))
        self.attentional = attentional

    output_size = VOCABULARY

    @property
    def state_size(self):
        if not self.attentional:
            return 1
        return seq2seq.AttentionWrapperState(1, 1, tf.TensorShape([]), 4)

    def zero_state(self, batch_size, dtype):
        first = tf.zeros([batch_size, 1], dtype)
        if not self.attentional:
            return first
        alignments = tf.zeros([batch_size, 4], dtype)
        return seq2seq.AttentionWrapperState(first, first, tf.constant(0), alignments)

    def call(self, inputs, state):
        steps = state.cell_state if self.attentional else state
        now = tf.one_hot(tf.cast(steps[:, 0], tf.int32), STEPS, dtype=tf.float64)
        logits = tf.einsum("bt,bv,btvw->bw", now, inputs, self.table)
        if self.attentional:
            return logits, state._replace(cell_state=steps + 1, alignments=inputs @ ATTENTION)
        return logits, steps + 1


def beam_search(beam_width, attentional=False, make=seq2seq.BeamSearchDecoder, **options):
    cell = Table(beam_width, attentional)
    decoder = make(
        cell,
        np.eye(VOCABULARY),
        tf.zeros([2], tf.int32),
        END,
        cell.zero_state(2 * beam_width, tf.float64),
        beam_width,
        **options,
    )
    return seq2seq.dynamic_decode(decoder, maximum_iterations=STEPS)


def all_paths(row, length_weight=0.0, coverage_weight=0.0):
    """Score, log probability and path of all paths, the best first."""
    logs = LOGITS[row] - np.log(np.exp(LOGITS[row]).sum(-1, keepdims=True))
    found = {}
    for path in itertools.product(range(VOCABULARY), repeat=STEPS):
        if END in path:
            ended = path.index(END)
            path = path[:ended] + (END,) * (STEPS - ended)
        length = path.index(END) + 1 if END in path else STEPS
        before = (0, *path)[:length]
        log_prob = sum(logs[t, before[t], path[t]] for t in range(length))
        # The end token counts from the step after it on, and so does the coverage.
        done = length < STEPS
        counted = length if done or END not in path else length - 1
        seen = sum(ATTENTION[token] for token in before)
        coverage = np.log(np.minimum(seen[seen > 0], 1)).sum() if done else 0.0
        score = log_prob / ((5 + counted) / 6) ** length_weight + coverage_weight * coverage
        found[path] = (score, log_prob, path)
    return sorted(found.values(), reverse=True)


WIDE = 15  # as many as there are paths: nothing is dropped on the way


@pytest.mark.parametrize(
    ("length_weight", "coverage_weight"), [(0.0, 0.0), (0.9, 0.0), (0.0, 0.4), (1.5, 0.3)]
)
def test_a_wide_beam_finds_what_the_search_of_all_paths_finds(
    graph, length_weight, coverage_weight
):
    outputs, state, _ = beam_search(
        WIDE,
        attentional=coverage_weight > 0,
        length_penalty_weight=length_weight,
        coverage_penalty_weight=coverage_weight,
    )
    ids, scores = outputs.predicted_ids, outputs.beam_search_decoder_output.scores
    assert ids.shape.as_list() == [2, None, WIDE]
    assert scores.shape.as_list() == [2, None, WIDE]
    ids, scores, log_probs, lengths = evaluate([ids, scores, state.log_probs, state.lengths])
    for row in range(2):
        expected = all_paths(row, length_weight, coverage_weight)
        assert len(expected) == WIDE
        assert [tuple(path) for path in ids[row].T] == [path for _, _, path in expected]
        assert_close(scores[row, -1], np.array([score for score, _, _ in expected]), rtol=1e-6)
        assert_close(log_probs[row], np.array([log_prob for _, log_prob, _ in expected]))
        ends = [path.index(END) + 1 if END in path else STEPS for _, _, path in expected]
        assert lengths[row].tolist() == ends


def test_a_beam_of_one_is_greedy_and_ends_when_all_beams_have(graph):
    outputs, _, lengths = beam_search(1)
    greedy = seq2seq.BasicDecoder(
        Table(1),
        seq2seq.GreedyEmbeddingHelper(np.eye(VOCABULARY), [0, 0], END),
        tf.zeros([2, 1], tf.float64),
    )
    best, _, best_lengths = seq2seq.dynamic_decode(greedy, maximum_iterations=STEPS)
    ids, lengths, best, best_lengths = evaluate(
        [outputs.predicted_ids, lengths, best.sample_id, best_lengths]
    )
    inside = np.arange(best.shape[1]) < best_lengths[:, None]
    assert np.array_equal(ids[:, :, 0][inside], best[inside])
    assert lengths[:, 0].tolist() == best_lengths.tolist()


class Logits:
    def __call__(self, x):
        return tf.tensordot(x, tf.constant(random_array("kernel", [3, 6], 4.0)), 1)

    def compute_output_shape(self, shape):
        return tf.TensorShape(shape)[:-1].concatenate(6)


class Asked(seq2seq.BeamSearchDecoder):
    """Notes with which sizes the methods are called that programs override."""

    def __init__(self, *arguments, **options):
        self.sizes = {}
        super().__init__(*arguments, **options)

    def _rnn_output_size(self):
        self.sizes.setdefault("output", []).append(None)
        return super()._rnn_output_size()

    def _split_batch_beams(self, t, s=None):
        self.sizes.setdefault("split", []).append(s)
        return super()._split_batch_beams(t, s)

    def _merge_batch_beams(self, t, s=None):
        self.sizes.setdefault("merge", []).append(s)
        return super()._merge_batch_beams(t, s)

    def _maybe_split_batch_beams(self, t, s):
        self.sizes.setdefault("split state", []).append(s)
        return super()._maybe_split_batch_beams(t, s)

    def _maybe_merge_batch_beams(self, t, s):
        self.sizes.setdefault("merge state", []).append(s)
        return super()._maybe_merge_batch_beams(t, s)

    def _maybe_sort_array_beams(self, t, parent_ids, sequence_length):
        self.sizes.setdefault("sort", []).append(None)
        return super()._maybe_sort_array_beams(t, parent_ids, sequence_length)


def test_methods_that_a_program_overrides_are_asked_with_the_sizes_of_a_beam(graph):
    made = []

    def make(*arguments, **options):
        made.append(Asked(*arguments, **options))
        return made[0]

    outputs, _, _ = beam_search(2, make=make)
    expected, _, _ = beam_search(2)
    assert_close(*evaluate([outputs.predicted_ids, expected.predicted_ids]))
    sizes = {
        name: {None if s is None else tuple(tf.TensorShape(s).as_list()) for s in found}
        for name, found in made[0].sizes.items()
    }
    inputs, state = (VOCABULARY,), (1,)
    assert sizes == {
        "output": {None},
        "split": {inputs, state},
        "merge": {inputs, state},
        "split state": {state},
        "merge state": {state},
        "sort": {None},
    }


def test_the_alignment_history_is_stacked_and_sorted_as_the_paths(graph):
    width = 4
    memory = seq2seq.tile_batch(tf.constant(random_array("memory", [2, 5, 3])), width)
    cell = seq2seq.AttentionWrapper(
        tf1rnn.GRUCell(3), seq2seq.LuongAttention(3, memory), alignment_history=True
    )
    embedding = tf.constant(random_array("embedding", [6, 3], 3.0))

    def decoded(reorder):
        decoder = seq2seq.BeamSearchDecoder(
            cell,
            embedding,
            [0, 1],
            5,
            cell.zero_state(2 * width, tf.float64),
            width,
            output_layer=Logits(),
            coverage_penalty_weight=0.1,
            reorder_tensor_arrays=reorder,
        )
        with tf.variable_scope("decoder", reuse=tf.AUTO_REUSE) as scope:
            return seq2seq.dynamic_decode(decoder, maximum_iterations=6, scope=scope)

    outputs, state, _ = decoded(True)
    raw = decoded(False)[1].cell_state.alignment_history
    parents = tf.transpose(outputs.beam_search_decoder_output.parent_ids, [1, 0, 2])
    history, raw, parents, lengths = evaluate(
        [state.cell_state.alignment_history, raw.stack(), parents, state.lengths]
    )
    shape = [6, 2, width, 5]
    expected = sorted_by_paths(raw.reshape(shape), parents, lengths)
    assert_close(history.reshape(shape), expected)
    assert np.abs(expected - raw.reshape(shape)).max() > 0.01


def sorted_by_paths(kept, parents, lengths):
    """Each entry from where the path that ends in its beam was; past its length as it is."""
    result = kept.copy()
    for row, beam in np.ndindex(*lengths.shape):
        at = beam
        for t in range(lengths[row].max() - 1, -1, -1):
            if t < lengths[row, beam]:
                result[t, row, beam] = kept[t, row, at]
            at = parents[t, row, at]
    return result


def path_by_path(step_ids, parents, lengths, end):
    """`gather_tree` as a loop over all beams."""
    result = np.full_like(step_ids, end)
    for row, beam in np.ndindex(*step_ids.shape[1:]):
        at, last = beam, min(lengths[row], len(step_ids)) - 1
        for t in range(last, -1, -1):
            result[t, row, beam] = step_ids[t, row, at]
            at = parents[t, row, at]
        ends = np.flatnonzero(result[: last + 1, row, beam] == end)
        if ends.size:
            result[ends[0] :, row, beam] = end
    return result


def test_paths_are_read_backwards_and_cut_behind_their_end(graph):
    random = np.random.default_rng(2)
    ids, parents = (random.integers(0, 6, [7, 9, 6]).astype(np.int32) for _ in range(2))
    lengths = np.array([0, 1, 2, 4, 6, 7, 8, 9, 0])
    shape = tf.placeholder_with_default(ids, [None, None, None])
    for given in (ids, shape):
        tree = seq2seq.gather_tree(given, parents, max_sequence_lengths=lengths, end_token=5)
        assert np.array_equal(evaluate(tree), path_by_path(ids, parents, lengths, 5))
    assert tree.shape.as_list() == [None, 9, 6]
    empty = seq2seq.gather_tree(ids[:0], parents[:0], lengths, 5)
    assert evaluate(empty).shape == (0, 9, 6)


def test_a_parent_that_is_no_beam_is_named(graph):
    ids = np.arange(12, dtype=np.int32).reshape([4, 1, 3])
    parents = np.array([[9, 9, 9], [0, -1, 1], [2, 1, 2], [-1, 7, -1]], np.int32)[:, None]
    tree = seq2seq.gather_tree(ids, parents, [3], 10)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"parent id -1 at \(batch, time, beam\) == \(0, 0, 1\)",
    ):
        evaluate(tree)


@pytest.mark.parametrize("merged", [True, False])
def test_what_was_kept_of_each_step_is_sorted_within_each_path(graph, merged):
    random = np.random.default_rng(3)
    kept, parents = random.normal(size=[5, 3, 4, 2]), random.integers(0, 4, [5, 3, 4])
    lengths = random.integers(1, 6, [3, 4])
    expected = sorted_by_paths(kept, parents, lengths)
    shape = [5, 12, 2] if merged else [5, 3, 4, 2]
    result = seq2seq.gather_tree_from_array(kept.reshape(shape), parents, lengths)
    assert_close(evaluate(result), expected.reshape(shape))


def test_tiled_rows_lie_beside_each_other(graph):
    x = tf.placeholder_with_default(np.arange(6.0).reshape([3, 2]), [None, 2])
    tiled = seq2seq.tile_batch((x, tf1rnn.LSTMStateTuple(np.array([1, 2, 3]), x)), 2)
    assert tiled[0].shape.as_list() == [None, 2]
    assert tiled[1].c.shape.as_list() == [6]
    first, state = evaluate(tiled)
    assert first[:, 0].tolist() == [0, 0, 2, 2, 4, 4]
    assert state.c.tolist() == [1, 1, 2, 2, 3, 3]
    with pytest.raises(ValueError, match="rank"):
        seq2seq.tile_batch(tf.placeholder(tf.float32), 2)


def test_what_a_copied_decoder_gathers_is_picked_in_each_row(graph):
    """By TensorFlow 1's helper: of beams' states, and of the scores of all beams and words."""
    states, scores = random_array("states", [2, 3, 5]), random_array("scores", [2, 3, 7])
    words = np.array([[20, 0, 9], [3, 3, 13]])
    beams = np.array([[2, 0, 0], [1, 2, 1]])
    picked = [
        seq2seq._tensor_gather_helper(tf.constant(beams), tf.constant(states), 2, 3, [6, -1]),
        seq2seq._tensor_gather_helper(tf.constant(words), tf.constant(scores), 2, 21, [-1]),
        seq2seq._maybe_tensor_gather_helper(beams, tf.constant(states), 2, 3, [6, 5]),
        seq2seq._maybe_tensor_gather_helper(beams, tf.constant(4.0), 2, 3, [6, -1]),
    ]
    assert [x.shape.as_list() for x in picked] == [[2, 3, 5], [2, 3], [2, 3, 5], []]
    array = tf.TensorArray(tf.float32, 2)
    assert seq2seq._maybe_tensor_gather_helper(beams, array, 2, 3, [6, -1]) is array
    of_states, of_scores, of_states_again, scalar = evaluate(picked)
    for row in range(2):
        assert_close(of_states[row], states[row][beams[row]])
        assert_close(of_scores[row], scores[row].ravel()[words[row]])
    assert_close(of_states_again, of_states)
    assert scalar == 4.0


def test_what_does_not_fit_is_refused(graph):
    cell = Table(2)
    given = {
        "cell": cell,
        "embedding": np.eye(3),
        "start_tokens": [0, 0],
        "end_token": END,
        "initial_state": cell.zero_state(4, tf.float64),
        "beam_width": 2,
    }
    for wrong in ({"start_tokens": 0}, {"end_token": [END]}):
        with pytest.raises(ValueError, match="must be a"):
            seq2seq.BeamSearchDecoder(**given | wrong)
    for wrong in ({"cell": 1}, {"output_layer": 1}):
        with pytest.raises(TypeError):
            seq2seq.BeamSearchDecoder(**given | wrong)
    decoder = seq2seq.BeamSearchDecoder(**given, coverage_penalty_weight=0.5)
    with pytest.raises(ValueError, match="attentional"):
        seq2seq.dynamic_decode(decoder)
