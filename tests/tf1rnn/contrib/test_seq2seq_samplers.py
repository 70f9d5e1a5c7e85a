"""Samplers and the decoders that are called: they equal helpers and `dynamic_decode`."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, names_and_shapes, random_array

import tf1rnn
from tf1rnn.contrib import seq2seq

LENGTHS = [3, 1, 0]
TABLE = random_array("table", [5, 4], 2.0)
START, END = [0, 1, 2], 3


def called(cell, sampler, inputs, state, given, **options):
    """What a decoder with a sampler gives for `inputs` and the arguments `given`."""
    decoder = seq2seq.BasicDecoderV2(cell, sampler, **options)
    with tf.variable_scope("", reuse=tf.AUTO_REUSE):
        return decoder(inputs, initial_state=state, **given)


def decoded(cell, helper, state, **options):
    decoder = seq2seq.BasicDecoder(cell, helper, state)
    with tf.variable_scope("decoder", reuse=tf.AUTO_REUSE) as scope:
        return seq2seq.dynamic_decode(decoder, scope=scope, **options)


@pytest.mark.parametrize("time_major", [False, True])
def test_a_training_sampler_is_a_training_helper_with_its_data_at_the_call(graph, time_major):
    x = random_array("x", [4, 3, 4] if time_major else [3, 4, 4])
    cell = tf1rnn.BasicRNNCell(5)
    state = cell.zero_state(3, tf.float64)
    options = {"output_time_major": time_major, "impute_finished": True, "maximum_iterations": 2}
    sampler = seq2seq.TrainingSampler(time_major)
    ours = called(cell, sampler, tf.constant(x), state, {"sequence_length": LENGTHS}, **options)
    helper = seq2seq.TrainingHelper(x, LENGTHS, time_major)
    ours, theirs = evaluate([ours, decoded(cell, helper, state, **options)])
    assert_close(ours, theirs)
    assert ours[2].tolist() == [2, 1, 0]
    assert names_and_shapes()[0][0] == "decoder/basic_rnn_cell/kernel"


def test_embeddings_are_those_of_the_call_or_of_the_function(graph):
    cell = tf1rnn.BasicRNNCell(5)
    state = cell.zero_state(3, tf.float64)
    tokens = {"start_tokens": START, "end_token": END}

    def own(ids):
        return tf.gather(TABLE, ids)

    samplers = [
        (seq2seq.GreedyEmbeddingSampler(), TABLE),
        (seq2seq.GreedyEmbeddingSampler(own), None),
        (seq2seq.SampleEmbeddingSampler(softmax_temperature=1e-9, seed=1), TABLE),
    ]
    sides = [
        called(cell, one, table, state, tokens, maximum_iterations=6) for one, table in samplers
    ]
    greedy = seq2seq.GreedyEmbeddingHelper(TABLE, START, END)
    sides.append(decoded(cell, greedy, state, maximum_iterations=6))
    *ours, expected = evaluate(sides)
    for side in ours:
        assert_close(side, expected)
    assert len(np.unique(expected[0].sample_id)) > 1


def step(sampler, outputs, *arguments, **given):
    """First inputs, and the samples and inputs after step 0."""
    _, first = sampler.initialize(*arguments, **given)
    ids = sampler.sample(0, outputs, None)
    return [first, ids, sampler.next_inputs(0, outputs, None, ids)[1]]


def test_scheduled_samplers_replace_the_data_of_the_rows_drawn(graph):
    x, y = random_array("x", [3, 2, 4]), random_array("y", [3, 4])
    aux = random_array("aux", [3, 2, 2])
    logits = tf.constant(np.array([[0, 0, 1e9, 0, 0]] * 3))
    some = tf.constant([1.0, 0.0, 1.0])
    data = {"sequence_length": [2, 2, 2]}
    outputs = seq2seq.ScheduledOutputTrainingSampler(some, next_inputs_fn=lambda y: 3 * y)
    embeddings = seq2seq.ScheduledEmbeddingTrainingSampler(some)
    of_function = seq2seq.ScheduledEmbeddingTrainingSampler(
        some, lambda ids: 2 * tf.gather(TABLE, ids), time_major=True
    )
    (first, drawn, fed), embedded, by_function = evaluate(
        [
            step(outputs, tf.constant(y), x, auxiliary_inputs=aux, **data),
            step(embeddings, logits, x, embedding=TABLE, **data),
            step(of_function, logits, np.swapaxes(x, 0, 1), **data),
        ]
    )
    assert drawn.tolist() == [1, 0, 1]
    assert_close(first, np.concatenate([x[:, 0], aux[:, 0]], 1))
    mixed = np.where([[True], [False], [True]], 3 * y, x[:, 1])
    assert_close(fed, np.concatenate([mixed, aux[:, 1]], 1))
    for scale, side in ((1, embedded), (2, by_function)):
        assert side[1].tolist() == [2, -1, 2]
        assert_close(side[2], np.stack([scale * TABLE[2], x[1, 1], scale * TABLE[2]]))


def test_custom_and_inference_samplers_are_made_of_functions(graph):
    cell = tf1rnn.ResidualWrapper(tf1rnn.BasicRNNCell(2, activation=lambda x: 0 * x))
    start = tf.constant([[1.0, 4.0], [2.0, 2.0]])
    state = cell.zero_state(2, tf.float32)
    inference = seq2seq.InferenceSampler(
        lambda outputs: outputs - 1, [2], tf.float32, lambda ids: ids[:, 0] <= 0
    )
    custom = seq2seq.CustomSampler(
        lambda inputs, scale: (tf.equal(inputs[:, 0], 1), scale * inputs),
        lambda time, outputs, state: outputs[:, 0],
        lambda time, outputs, state, sample_ids: (sample_ids > 11, outputs + 1, state),
        sample_ids_dtype=tf.float32,
    )
    assert inference.sample_ids_shape.as_list() == [2]
    (down, _, steps), (up, _, lengths) = evaluate(
        [
            called(cell, inference, start, state, {}),
            called(cell, custom, start, state, {"scale": 5.0}),
        ]
    )
    assert down.sample_id[1].tolist() == [[1, 1], [0, 0]]
    assert steps.tolist() == [1, 2]
    assert up.sample_id[1].tolist() == [10, 11, 12]
    assert lengths.tolist() == [0, 3]


def test_beam_search_is_called_with_what_it_starts_from(graph):
    cell = tf1rnn.BasicRNNCell(5)
    state = seq2seq.tile_batch(tf.constant(random_array("state", [3, 5])), 2)
    options = {"length_penalty_weight": 0.7}
    decoder = seq2seq.BeamSearchDecoder(cell, TABLE, START, END, state, 2, **options)
    expected = seq2seq.dynamic_decode(decoder, maximum_iterations=3)
    decoder = seq2seq.BeamSearchDecoderV2(
        cell, 2, lambda ids: tf.gather(TABLE, ids), maximum_iterations=3, **options
    )
    with tf.variable_scope("", reuse=True):
        assert_close(*evaluate([decoder(None, START, END, state), expected]))


def test_what_is_missing_is_named(graph):
    cell = tf1rnn.BasicRNNCell(4)
    sampler = seq2seq.TrainingSampler()
    with pytest.raises(ValueError, match="before initialize"):
        _ = sampler.batch_size
    with pytest.raises(ValueError, match="sequence_length is required"):
        sampler.initialize(tf.ones([2, 3, 4]))
    scheduled = seq2seq.ScheduledEmbeddingTrainingSampler(0.5)
    with pytest.raises(ValueError, match="embedding is required"):
        scheduled.initialize(tf.ones([2, 3, 4]), sequence_length=[3, 3])
    with pytest.raises(ValueError, match="callable"):
        seq2seq.GreedyEmbeddingSampler(TABLE)
    with pytest.raises(ValueError, match="scalar or a vector"):
        seq2seq.ScheduledOutputTrainingSampler([[0.5]])
    with pytest.raises(TypeError, match="must be a Sampler"):
        seq2seq.BasicDecoderV2(cell, cell)
    for beams, embedding in (
        (seq2seq.BeamSearchDecoderV2(cell, 2), None),
        (seq2seq.BeamSearchDecoderV2(cell, 2, tf.identity), TABLE),
    ):
        with pytest.raises(ValueError, match="one of embedding and embedding_fn"):
            beams(embedding, START, END, tf.zeros([6, 4]))
