"""The decoders of TensorFlow 1.0 and the attention wrapper of 1.1."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, random_array, random_weights

import tf1rnn
from tf1rnn.contrib import seq2seq

STATE, EMBEDDINGS = random_array("state", [2, 3]), random_array("embeddings", [4, 3], 2.0)
KERNEL = random_array("kernel", [3, 4], 2.0)


def project(x):
    return tf.tensordot(x, tf.constant(KERNEL), 1)


@pytest.mark.parametrize("time_major", [False, True])
def test_a_simple_decoder_in_training_is_dynamic_rnn(graph, time_major):
    x = random_array("x", [2, 5, 3])
    cell = tf1rnn.GRUCell(3)
    with tf.variable_scope("decoder") as scope:
        outputs, state, context = seq2seq.dynamic_rnn_decoder(
            cell,
            seq2seq.simple_decoder_fn_train(tf.constant(STATE)),
            inputs=np.swapaxes(x, 0, 1) if time_major else x,
            sequence_length=[5, 3],
            time_major=time_major,
            scope=scope,
        )
    assert context is None
    with tf.variable_scope(scope, reuse=True):
        expected = tf1rnn.dynamic_rnn(cell, x, [5, 3], tf.constant(STATE), scope=scope)
    outputs, state, expected = evaluate([outputs, state, expected])
    assert_close([np.swapaxes(outputs, 0, 1) if time_major else outputs, state], list(expected))


def attended(kind, w, query, memory):
    keys = memory @ w["attention_keys/weights"]
    if kind == "bahdanau":
        hidden = np.tanh(keys + (query @ w["attention_score/attnW"])[:, None])
        scores = hidden @ w["attention_score/attnV"]
    else:
        scores = np.einsum("bd,btd->bt", query, keys)
    weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    context = np.einsum("bt,btd->bd", weights, memory)
    return np.concatenate([query, context], 1) @ w["attention_construct/weights"]


@pytest.mark.parametrize("kind", ["luong", "bahdanau"])
def test_attention_is_read_after_each_step_in_training_and_inference(graph, kind):
    memory, x = random_array("memory", [2, 4, 3]), random_array("x", [2, 2, 3])
    cell, state = tf1rnn.BasicRNNCell(3), tf.constant(STATE)
    given = seq2seq.prepare_attention(tf.constant(memory), kind, 3)
    with tf.variable_scope("decoder") as scope:
        train = seq2seq.attention_decoder_fn_train(state, *given)
        outputs, _, _ = seq2seq.dynamic_rnn_decoder(cell, train, tf.constant(x), scope=scope)
        scope.reuse_variables()
        infer = seq2seq.attention_decoder_fn_inference(
            project, state, *given, EMBEDDINGS, 0, 9, 2, 4
        )
        logits, _, _ = seq2seq.dynamic_rnn_decoder(cell, infer, scope=scope)
    weights = random_weights(tf.global_variables())
    outputs, logits = evaluate([outputs, logits], weights)
    w, b = (weights[f"decoder/basic_rnn_cell/{name}"] for name in ("kernel", "bias"))

    def step(inputs, attention, state):
        return np.tanh(np.concatenate([inputs, attention, state], 1) @ w + b)

    state, attention = STATE, np.zeros([2, 3])
    for t in range(2):
        state = step(x[:, t], attention, state)
        attention = attended(kind, weights, state, memory)
        assert_close(outputs[:, t], attention)
    state, attention, ids = STATE, np.zeros([2, 3]), [0, 0]
    assert logits.shape == (2, 3, 4)  # done once the time is past the maximum
    for t in range(3):
        state = step(EMBEDDINGS[ids], attention, state)
        attention = attended(kind, weights, state, memory)
        assert_close(logits[:, t], attention @ KERNEL)
        ids = logits[:, t].argmax(1)


def test_inference_ends_where_all_rows_have_met_the_end(graph):
    """The cell puts out its inputs: each id leads to the next."""
    cell = tf1rnn.BasicRNNCell(4, activation=lambda x: 0 * x)
    cell = tf1rnn.ResidualWrapper(cell)
    following = np.roll(np.eye(4), 1, axis=1)
    decoder_fn = seq2seq.simple_decoder_fn_inference(
        None, tf.zeros([2, 4], tf.float64), following, 0, 2, 9, 4
    )
    outputs, _, _ = seq2seq.dynamic_rnn_decoder(cell, decoder_fn)
    assert evaluate(outputs).argmax(-1).tolist() == [[1, 2]] * 2
    with pytest.raises(ValueError, match="cell_input"):
        decoder_fn(0, None, tf.zeros([2, 4]), None, None)
    with pytest.raises(ValueError, match="three dimensions"):
        seq2seq.dynamic_rnn_decoder(cell, decoder_fn, inputs=tf.zeros([2, 4]))
    with pytest.raises(ValueError, match="Unknown attention option"):
        seq2seq.prepare_attention(tf.zeros([2, 3, 4]), "general", 4)


def test_the_wrapper_with_two_fields_computes_what_its_successor_does(graph):
    memory, x = tf.constant(random_array("memory", [2, 4, 3])), random_array("x", [2, 5, 3])
    mechanism = seq2seq.BahdanauAttention(3, memory, [4, 2])
    final = []
    for wrapper in (seq2seq.DynamicAttentionWrapper, seq2seq.AttentionWrapper):
        with tf.variable_scope("root", reuse=tf.AUTO_REUSE):
            cell = wrapper(tf1rnn.GRUCell(3), mechanism, 4, name="attention_wrapper")
            outputs, state = tf1rnn.dynamic_rnn(cell, tf.constant(x), dtype=tf.float64)
            final.append([outputs, state.cell_state, state.attention])
    state = seq2seq.DynamicAttentionWrapperState(tf.zeros([2, 3]), tf.zeros([2, 4]))
    hard = seq2seq.DynamicAttentionWrapper(
        tf1rnn.GRUCell(3), seq2seq.LuongAttention(3, memory), 4, probability_fn=seq2seq.hardmax
    )
    tf.nest.assert_same_structure(hard.state_size, state)
    alignments, _ = hard._attention_mechanisms[0](tf.ones([2, 3], tf.float64), None)
    (old, new), alignments = evaluate([final, alignments])
    assert_close(old, new)
    assert (np.sort(alignments, 1) == [0, 0, 0, 1]).all()
