"""Decoders and helpers: the loop equals dynamic_rnn, and inference equals a loop in NumPy."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, names_and_shapes, random_array, random_weights

import tf1rnn
from tf1rnn.contrib import seq2seq

LENGTHS = [3, 4, 3, 1, 0]


class Projection:
    """An output layer of one's own: a product with a constant."""

    def __init__(self, kernel):
        self.kernel = kernel

    def __call__(self, inputs):
        return tf.tensordot(inputs, tf.constant(self.kernel, inputs.dtype), 1)

    def compute_output_shape(self, shape):
        return tf.TensorShape(shape)[:-1].concatenate(self.kernel.shape[1])


@pytest.mark.parametrize("time_major", [False, True])
def test_teacher_forcing_is_dynamic_rnn_in_values_and_gradients(graph, time_major):
    x = tf.constant(random_array("x", [5, 8, 3]))
    cell = tf1rnn.LSTMCell(4)
    state = cell.zero_state(5, tf.float64)
    inputs = tf.transpose(x, [1, 0, 2]) if time_major else x
    decoder = seq2seq.BasicDecoder(
        cell, seq2seq.TrainingHelper(inputs, LENGTHS, time_major=time_major), state
    )
    with tf.variable_scope("root") as scope:
        outputs, final, lengths = seq2seq.dynamic_decode(
            decoder, output_time_major=time_major, impute_finished=True, scope=scope
        )
    assert [name for name, _ in names_and_shapes()] == [
        "root/lstm_cell/kernel",
        "root/lstm_cell/bias",
    ]
    assert isinstance(outputs, seq2seq.BasicDecoderOutput)
    rnn_output = tf.transpose(outputs.rnn_output, [1, 0, 2]) if time_major else outputs.rnn_output
    assert rnn_output.shape.as_list() == [5, None, 4]
    with tf.variable_scope(scope, reuse=True):
        expected, expected_final = tf1rnn.dynamic_rnn(cell, x, LENGTHS, state, scope=scope)
    sides = [(rnn_output, final), (expected[:, :4], expected_final)]
    weights = tf.constant(random_array("w", [5, 4, 4]))
    grads = [
        tf.gradients(tf.reduce_sum(y * weights) + tf.reduce_sum(s.c * s.h), [x, *cell.weights])
        for y, s in sides
    ]
    ours, theirs, lengths, ids = evaluate(
        [(sides[0], grads[0]), (sides[1], grads[1]), lengths, outputs.sample_id]
    )
    assert_close(ours, theirs)
    assert lengths.tolist() == LENGTHS
    best = np.argmax(ours[0][0], -1)
    inside = np.arange(4) < np.array(LENGTHS)[:, None]
    assert np.array_equal(ids.T if time_major else ids, np.where(inside, best, 0))


def test_without_imputing_rows_go_on_and_the_loop_stops_where_it_must(graph):
    x = tf.constant(random_array("x", [2, 5, 3]))
    cell = tf1rnn.BasicRNNCell(4)
    helper = seq2seq.TrainingHelper(x, [5, 2])
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(2, tf.float64))
    steps = tf.placeholder_with_default(3, [])
    with tf.variable_scope("decoder") as scope:
        cut, final, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=steps, scope=scope)
    with tf.variable_scope(scope, reuse=True):
        none, _, none_lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=0, scope=scope)
        whole, last = tf1rnn.dynamic_rnn(cell, x[:, :3], dtype=tf.float64, scope=scope)
    values = evaluate([cut.rnn_output, final, lengths, none, none_lengths, whole, last])
    assert_close(values[:2], values[5:])
    assert values[2].tolist() == [3, 2]
    assert values[3].rnn_output.shape == (2, 0, 4)
    assert values[3].sample_id.shape == (2, 0)
    assert values[4].tolist() == [0, 0]


def greedy_paths(weights, kernel, table, start, end, num_steps):
    """Of a BasicRNNCell and a projection: ids and logits, step by step, and lengths."""
    w, b = weights["decoder/basic_rnn_cell/kernel"], weights["decoder/basic_rnn_cell/bias"]
    tokens, state = np.array(start), np.zeros([len(start), b.size])
    finished, lengths, ids, logits = np.zeros(len(start), bool), np.zeros(len(start), int), [], []
    for t in range(num_steps):
        if finished.all():
            break
        state = np.tanh(np.concatenate([table[tokens], state], 1) @ w + b)
        logits.append(state @ kernel)
        tokens = np.argmax(logits[-1], -1)
        ids.append(tokens)
        lengths[~finished] = t + 1
        finished |= tokens == end
    return np.stack(ids, 1), np.stack(logits, 1), lengths


@pytest.mark.parametrize("batch_known", [True, False])
def test_greedy_decoding_feeds_its_own_ids_until_all_rows_ended(graph, batch_known):
    start, end = [0, 1, 2, 3, 4, 0], 3
    table, kernel = random_array("table", [5, 3], 2.0), random_array("kernel", [4, 5], 2.0)
    tokens = tf.constant(start) if batch_known else tf.placeholder_with_default(start, [None])
    cell = tf1rnn.BasicRNNCell(4)
    helper = seq2seq.GreedyEmbeddingHelper(table, tokens, end)
    state = cell.zero_state(tf.size(tokens), tf.float64)
    decoder = seq2seq.BasicDecoder(cell, helper, state, output_layer=Projection(kernel))
    assert decoder.output_size == seq2seq.BasicDecoderOutput(5, tf.TensorShape([]))
    assert decoder.output_dtype == (tf.float64, tf.int32)
    outputs, _, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=9)
    rows = 6 if batch_known else None
    assert outputs.rnn_output.shape.as_list() == [rows, None, 5]
    assert outputs.sample_id.shape.as_list() == [rows, None]
    weights = random_weights(tf.global_variables())
    actual = evaluate([outputs.sample_id, outputs.rnn_output, lengths], weights)
    assert_close(actual, greedy_paths(weights, kernel, table, start, end, 9))


def test_sampled_ids_are_fed_and_follow_the_logits(graph):
    """The cell's outputs are its inputs: token 0 leads to 1, 1 to 1 or 2, 2 to the end."""
    table = np.log([[1e-30, 1, 1e-30, 1e-30], [1e-30, 0.5, 0.5, 1e-30], [1e-30, 1e-30, 1e-30, 1]])
    cell = tf1rnn.ResidualWrapper(
        tf1rnn.BasicRNNCell(4, activation=lambda x: 0 * x), residual_fn=lambda i, o: i + 0 * o
    )
    table = np.concatenate([table, table[:1]])
    helpers = [
        seq2seq.SampleEmbeddingHelper(table, [0] * 500, 3, temperature, seed=1)
        for temperature in (None, 1e-3)
    ]
    helpers.append(
        seq2seq.InferenceHelper(
            lambda logits: tf.argmax(logits, -1, output_type=tf.int32),
            sample_shape=[],
            sample_dtype=tf.int32,
            start_inputs=table[[0, 2]],
            end_fn=lambda ids: tf.equal(ids, 3),
            next_inputs_fn=lambda ids: tf.gather(table, ids),
        )
    )
    decoded = []
    for helper in helpers:
        state = cell.zero_state(helper.batch_size, tf.float64)
        decoder = seq2seq.BasicDecoder(cell, helper, state)
        with tf.variable_scope("decoder", reuse=tf.AUTO_REUSE) as scope:
            decoded.append(seq2seq.dynamic_decode(decoder, maximum_iterations=6, scope=scope)[::2])
    (free, lengths), (_, _), (inferred, inferred_lengths) = evaluate(decoded)
    ids = free.sample_id
    assert (ids[:, 0] == 1).all()
    assert 0.4 < (ids[:, 1] == 2).mean() < 0.6
    previous, following = ids[:, 1:-1][ids[:, 1:-1] == 2], ids[:, 2:][ids[:, 1:-1] == 2]
    assert previous.size
    assert (following == 3).all()
    ends = np.where((ids == 3).any(1), (ids == 3).argmax(1) + 1, 6)
    assert np.array_equal(lengths, ends)
    assert inferred.sample_id[1, 0] == 3
    assert inferred_lengths.tolist() == [6, 1]


def test_a_temperature_near_zero_takes_the_largest(graph):
    logits = tf.constant(random_array("logits", [200, 5]))
    cold, warm = (
        seq2seq.SampleEmbeddingHelper(np.eye(5), [0] * 200, 1, t).sample(0, logits, None)
        for t in (1e-4, None)
    )
    cold, warm, best = evaluate([cold, warm, tf.argmax(logits, -1)])
    assert np.array_equal(cold, best)
    assert not np.array_equal(warm, best)


def scheduled(probability, **options):
    x = random_array("x", [40, 3, 4])
    outputs = tf.constant(random_array("y", [40, 4]))
    helper = seq2seq.ScheduledOutputTrainingHelper(x, [3] * 40, probability, seed=1, **options)
    ids = helper.sample(0, outputs, None)
    return [ids, helper.initialize()[1], helper.next_inputs(0, outputs, None, ids)[1]]


@pytest.mark.parametrize("name", ["next_inputs_fn", "next_input_layer"])
def test_scheduled_outputs_replace_the_data_of_the_rows_drawn(graph, name):
    x, y = random_array("x", [40, 3, 4]), random_array("y", [40, 4])
    aux = random_array("aux", [40, 3, 2])
    plain, full, never, each = evaluate(
        [
            scheduled(0.5),
            scheduled(0.5, auxiliary_inputs=aux, **{name: lambda outputs: 3 * outputs}),
            scheduled(0.0),
            scheduled(tf.cast(tf.range(40) < 10, tf.float32)),
        ]
    )
    drawn = plain[0].astype(bool)
    assert 0 < drawn.sum() < 40
    assert_close(plain[1], x[:, 0])
    assert_close(plain[2], np.where(drawn[:, None], y, x[:, 1]))
    drawn = full[0].astype(bool)
    assert_close(full[1], np.concatenate([x[:, 0], aux[:, 0]], 1))
    mixed = np.where(drawn[:, None], 3 * y, x[:, 1])
    assert_close(full[2], np.concatenate([mixed, aux[:, 1]], 1))
    assert not never[0].any()
    assert_close(never[2], x[:, 1])
    assert each[0].tolist() == [1] * 10 + [0] * 30


def test_scheduled_embeddings_replace_the_data_of_the_rows_drawn(graph):
    x, table = random_array("x", [40, 3, 4]), random_array("table", [5, 4])
    logits = np.full([40, 5], -1e3)
    logits[:, 2] = 0
    helper = seq2seq.ScheduledEmbeddingTrainingHelper(
        x, [3] * 39 + [1], tf.constant(table), 0.5, seed=1, scheduling_seed=2
    )
    ids = helper.sample(0, tf.constant(logits), None)
    finished, inputs, _ = helper.next_inputs(tf.constant(0), None, None, ids)
    ids, finished, inputs = evaluate([ids, finished, inputs])
    assert set(ids) == {-1, 2}
    assert_close(inputs, np.where((ids == 2)[:, None], table[2], x[:, 1]))
    assert finished.tolist() == [False] * 39 + [True]


class Counter(seq2seq.Decoder):
    """Counts down from each row's number, and turns its outputs round at the end."""

    def __init__(self, numbers):
        self.numbers = tf.constant(numbers)

    batch_size = property(lambda self: tf.size(self.numbers))
    output_size = tf.TensorShape([])
    output_dtype = tf.int32

    def initialize(self, name=None):
        return tf.equal(self.numbers, 0), (), self.numbers

    def step(self, time, inputs, state, name=None):
        return state, state - 1, (), state <= 1

    def finalize(self, outputs, final_state, sequence_lengths):
        return tf.reverse(outputs, [0]), final_state


def test_a_decoder_of_ones_own_says_what_becomes_of_its_outputs(graph):
    outputs, state, lengths = seq2seq.dynamic_decode(Counter([3, 0, 1]), impute_finished=True)
    outputs, state, lengths = evaluate([outputs, state, lengths])
    assert outputs.tolist() == [[1, 2, 3], [0, 0, 0], [0, 0, 1]]
    assert state.tolist() == [0, 0, 0]
    assert lengths.tolist() == [3, 0, 1]


def test_a_subclass_says_the_size_of_its_outputs(graph):
    class Wide(seq2seq.BasicDecoder):
        def _rnn_output_size(self):
            return super()._rnn_output_size() + 4

    cell = tf1rnn.BasicRNNCell(3)
    helper = seq2seq.TrainingHelper(tf.zeros([2, 4, 5]), [4, 4])
    decoder = Wide(cell, helper, cell.zero_state(2, tf.float32))
    assert decoder.output_size.rnn_output == 7


def test_a_custom_helper_is_three_functions(graph):
    helper = seq2seq.CustomHelper(
        lambda: (tf.constant([False, False]), tf.ones([2, 3])),
        lambda time, outputs, state: tf.cast(outputs[:, :2] > 0, tf.int32),
        lambda time, outputs, state, sample_ids: (tf.fill([2], time >= 2), outputs, state),
        sample_ids_shape=[2],
    )
    with pytest.raises(ValueError, match="before initialize"):
        _ = helper.batch_size
    helper.initialize()
    cell = tf1rnn.BasicRNNCell(3)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(2, tf.float32))
    outputs, _, lengths = evaluate(seq2seq.dynamic_decode(decoder))
    assert np.array_equal(outputs.sample_id, outputs.rnn_output[:, :, :2] > 0)
    assert lengths.tolist() == [3, 3]


def test_what_does_not_fit_is_refused(graph):
    cell = tf1rnn.BasicRNNCell(3)
    state = cell.zero_state(2, tf.float32)
    helper = seq2seq.GreedyEmbeddingHelper(tf.ones([4, 3]), [0, 0], 1)
    for wrong in ({"cell": "cell"}, {"helper": cell}, {"output_layer": "layer"}):
        with pytest.raises(TypeError):
            seq2seq.BasicDecoder(**{"cell": cell, "helper": helper, "initial_state": state} | wrong)
    with pytest.raises(TypeError, match="type Decoder"):
        seq2seq.dynamic_decode(cell)
    decoder = seq2seq.BasicDecoder(cell, helper, state)
    with pytest.raises(ValueError, match="scalar"):
        seq2seq.dynamic_decode(decoder, maximum_iterations=[3])
    for start, end in ([[0]], 1), ([0], [1]):
        with pytest.raises(ValueError, match="must be a"):
            seq2seq.GreedyEmbeddingHelper(tf.ones([4, 3]), start, end)
    with pytest.raises(ValueError, match="vector"):
        seq2seq.TrainingHelper(tf.ones([2, 3, 4]), 3)
    with pytest.raises(ValueError, match="scalar or a vector"):
        seq2seq.ScheduledOutputTrainingHelper(tf.ones([2, 3, 4]), [3, 3], [[0.5]])
    with pytest.raises(TypeError, match="single Tensor"):
        helper.sample(0, (tf.ones([2, 4]),), None)


def test_teacher_forcing_needs_no_samples_and_takes_what_others_need():
    with tf.Graph().as_default():
        inputs = np.arange(12, dtype=np.float32).reshape([2, 3, 2])
        helper = seq2seq.TrainingHelper(tf.constant(inputs), [3, 1])
        outputs, state = tf.constant([[0.0, 1.0], [3.0, 2.0]]), tf.zeros([2, 4])
        ways = [
            helper.next_inputs(0, outputs, state),
            helper.next_inputs(0, outputs, state, "named"),
            helper.next_inputs(time=0, outputs=outputs, state=state, sample_ids=[1, 0], more=1),
        ]
        drawn = [helper.sample(0, outputs), helper.sample(time=0, outputs=outputs, state=state)]
        ways, drawn = evaluate((ways, drawn))
    for finished, following, _ in ways:
        assert finished.tolist() == [False, True]
        np.testing.assert_array_equal(following, inputs[:, 1])
    assert [ids.tolist() for ids in drawn] == [[1, 0]] * 2
