"""Attention against NumPy: values, gradients by differences, names, masks, checks."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, random_array, random_weights

import tf1rnn
from tf1rnn.contrib import seq2seq
from tf1rnn.contrib.seq2seq import _BaseAttentionMechanism

MEMORY, INPUTS = random_array("memory", [2, 3, 2]), random_array("inputs", [2, 2, 2])
LENGTHS = np.array([3, 2])
WRAPPER = "attention_wrapper"


def softmax(scores):
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def numpy_score(kind, w, query, keys):
    if kind.startswith("luong"):
        score = np.einsum("bd,btd->bt", query, keys)
        return score * w.get(f"{WRAPPER}/luong_attention/attention_g", 1.0)
    scope = f"{WRAPPER}/bahdanau_attention"
    hidden = keys + (query @ w[f"{scope}/query_layer/kernel"])[:, None]
    v = w[f"{scope}/attention_v"]
    if kind == "normalized":
        v = w[f"{scope}/attention_g"] * v / np.linalg.norm(v)
        hidden = hidden + w[f"{scope}/attention_b"]
    return np.tanh(hidden) @ v


def numpy_loss(kind, w):
    """The weighted sum of two steps' attention, and the last alignments."""
    inside = np.arange(3) < LENGTHS[:, None]
    values = w["memory"] * inside[:, :, None]
    keys = values @ w["memory_layer/kernel"]
    state, attention, loss = np.zeros([2, 3]), np.zeros([2, 2]), 0.0
    for t in range(2):
        x = np.concatenate([INPUTS[:, t], attention, state], 1)
        kernel, bias = (w[f"{WRAPPER}/basic_rnn_cell/{name}"] for name in ("kernel", "bias"))
        state = np.tanh(x @ kernel + bias)
        weights = softmax(np.where(inside, numpy_score(kind, w, state, keys), -np.inf))
        context = np.einsum("bt,btd->bd", weights, values)
        joined = np.concatenate([state, context], 1)
        attention = joined @ w[f"{WRAPPER}/attention_layer/kernel"]
        loss += (attention * random_array(f"weights {t}", [2, 2])).sum()
    return loss, weights


def differences(function, w, step=1e-6):
    """The gradient of a function of a dict of arrays."""
    gradients = {}
    for name, value in w.items():
        gradients[name] = np.zeros_like(value)
        for i in np.ndindex(*value.shape):
            sides = []
            for sign in (step, -step):
                moved = value.copy()
                moved[i] += sign
                sides.append(function({**w, name: moved}))
            gradients[name][i] = (sides[0] - sides[1]) / (2 * step)
    return gradients


KINDS = {
    "bahdanau": lambda memory: seq2seq.BahdanauAttention(2, memory, LENGTHS),
    "normalized": lambda memory: seq2seq.BahdanauAttention(2, memory, LENGTHS, normalize=True),
    "luong": lambda memory: seq2seq.LuongAttention(3, memory, LENGTHS),
    "luong scaled": lambda memory: seq2seq.LuongAttention(3, memory, LENGTHS, scale=True),
}
OWN = {
    "bahdanau": ["query_layer/kernel", "attention_v"],
    "normalized": ["query_layer/kernel", "attention_v", "attention_g", "attention_b"],
    "luong": [],
    "luong scaled": ["attention_g"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_two_steps_are_those_of_the_papers(graph, kind):
    memory = tf.placeholder_with_default(MEMORY, [None, None, 2])
    mechanism = KINDS[kind](memory)
    cell = seq2seq.AttentionWrapper(tf1rnn.BasicRNNCell(3), mechanism, attention_layer_size=4 / 2)
    state = cell.zero_state(tf.shape(memory)[0], tf.float64)
    loss = 0.0
    for t in range(2):
        output, state = cell(tf.constant(INPUTS[:, t]), state)
        loss += tf.reduce_sum(output * random_array(f"weights {t}", [2, 2]))
    variables = tf.trainable_variables()
    scope = "luong_attention" if kind.startswith("luong") else "bahdanau_attention"
    assert [v.op.name for v in variables] == [
        "memory_layer/kernel",
        f"{WRAPPER}/basic_rnn_cell/kernel",
        f"{WRAPPER}/basic_rnn_cell/bias",
        *[f"{WRAPPER}/{scope}/{name}" for name in OWN[kind]],
        f"{WRAPPER}/attention_layer/kernel",
    ]
    weights = random_weights(variables)
    fetched = [loss, state.alignments, state.time, tf.gradients(loss, [memory, *variables])]
    (value, alignments, time, gradients), read = evaluate([fetched, mechanism.values], weights)
    assert_close(read, MEMORY * [[[1]] * 3, [[1], [1], [0]]])
    parts = {"memory": MEMORY, **weights}
    assert_close([value, alignments], numpy_loss(kind, parts))
    assert time == 2
    expected = differences(lambda w: numpy_loss(kind, w)[0], parts)
    assert_close(gradients, list(expected.values()), rtol=1e-6, atol=1e-8)


def test_several_memories_are_read_side_by_side(graph):
    memories = [tf.constant(MEMORY), tf.constant(random_array("other", [2, 4, 5]))]
    mechanisms = [seq2seq.LuongAttention(3, one, name=f"m{i}") for i, one in enumerate(memories)]
    cell = seq2seq.AttentionWrapper(
        tf1rnn.BasicRNNCell(3), mechanisms, alignment_history=True, output_attention=False
    )
    state = cell.zero_state(2, tf.float64)
    tf.nest.assert_same_structure(cell.state_size, state)
    assert (cell.output_size, cell.state_size.attention) == (3, 7)
    for t in range(2):
        output, state = cell(tf.constant(INPUTS[:, t]), state)
    assert [v.op.name for v in tf.trainable_variables()][:2] == [
        "memory_layer/kernel",
        "memory_layer_1/kernel",
    ]
    assert output.shape.as_list() == [2, 3]
    history = [one.stack() for one in state.alignment_history]
    fetched = [memories, state.attention, state.alignments, history]
    memories, attention, alignments, history = evaluate(fetched)
    pairs = zip(alignments, memories, strict=True)
    read = [np.einsum("bt,btd->bd", weights, memory) for weights, memory in pairs]
    assert_close(attention, np.concatenate(read, 1))
    assert [one.shape for one in history] == [(2, 2, 3), (2, 2, 4)]
    assert_close([one[-1] for one in history], list(alignments))
    assert_close([one.sum(-1) for one in history], [np.ones([2, 2])] * 2)


def test_a_wrapped_cell_goes_along_dynamic_rnn_with_unknown_sizes(graph):
    memory = tf.placeholder_with_default(MEMORY, [None, None, 2])
    x = tf.placeholder_with_default(INPUTS, [None, None, 2])
    cell = seq2seq.AttentionWrapper(
        tf1rnn.LSTMCell(3), seq2seq.BahdanauAttention(2, memory), attention_layer_size=4
    )
    outputs, state = tf1rnn.dynamic_rnn(cell, x, dtype=tf.float64)
    assert outputs.shape.as_list() == [None, None, 4]
    by_hand = cell.zero_state(2, tf.float64)
    for t in range(2):
        output, by_hand = cell(x[:, t], by_hand)
    outputs, state, output, by_hand = evaluate([outputs, state, output, by_hand])
    assert_close(outputs[:, 1], output)
    assert_close(state, by_hand)


def test_own_functions_take_the_place_of_input_layer_and_attention(graph):
    class Doubled:
        def __call__(self, inputs):
            return 2 * inputs

        def compute_output_shape(self, shape):
            return tf.TensorShape(shape)

    def attend(mechanism, cell_output, attention_state, attention_layer):
        ones = tf.ones_like(attention_state)
        return attention_layer(tf.concat([cell_output, cell_output[:, :2]], 1)), ones, 3 * ones

    cell = seq2seq.AttentionWrapper(
        tf1rnn.BasicRNNCell(3),
        seq2seq.LuongAttention(3, MEMORY),
        cell_input_fn=lambda inputs, attention: inputs,
        attention_layer=Doubled(),
        attention_fn=attend,
        initial_cell_state=tf.constant(random_array("start", [2, 3])),
    )
    state = cell.zero_state(2, tf.float64)
    output, after = cell(tf.constant(INPUTS[:, 0]), state)
    start, output, after = evaluate([state.cell_state, output, after])
    assert_close(start, random_array("start", [2, 3]))
    assert_close(output, 2 * np.concatenate([after.cell_state, after.cell_state[:, :2]], 1))
    assert (after.alignments == 1).all()
    assert (after.attention_state == 3).all()


def test_a_mechanism_that_answers_with_the_alignments_alone(graph):
    class First(_BaseAttentionMechanism):
        def __init__(self, memory):
            super().__init__(
                query_layer=None,
                memory=memory,
                probability_fn=lambda score, _: tf.nn.softmax(score),
            )

        def __call__(self, query, previous_alignments):
            score = tf.one_hot([0, 0], 3, 1e3, dtype=tf.float64) + 0 * previous_alignments
            return self._probability_fn(score, previous_alignments)

    cell = seq2seq.AttentionWrapper(tf1rnn.BasicRNNCell(3), First(MEMORY))
    output, state = cell(tf.constant(INPUTS[:, 0]), cell.zero_state(2, tf.float64))
    output, read = evaluate([output, state.attention_state])
    assert_close(output, MEMORY[:, 0])
    assert read.tolist() == [[1, 0, 0]] * 2


def test_a_clone_keeps_the_shapes_and_refuses_others(graph):
    cell = seq2seq.AttentionWrapper(tf1rnn.BasicRNNCell(3), seq2seq.LuongAttention(3, MEMORY))
    state = cell.zero_state(2, tf.float64)
    start = tf.placeholder_with_default(np.ones([2, 3]), [None, None])
    cloned = state.clone(cell_state=start)
    assert cloned.cell_state.shape.as_list() == [2, 3]
    assert cloned.attention is state.attention
    with pytest.raises(ValueError, match="shape"):
        state.clone(cell_state=tf.ones([2, 4], tf.float64))
    assert (evaluate(cloned.cell_state) == 1).all()
    with pytest.raises(tf.errors.InvalidArgumentError):
        evaluate(cloned.cell_state, feed={start: np.ones([1, 3])})
    none = seq2seq.AttentionWrapperState(*[None] * 6)
    assert none.clone(time=1).time == 1


def test_another_batch_than_the_memorys_is_refused(graph):
    rows = tf.placeholder_with_default(2, [])
    cell = seq2seq.AttentionWrapper(tf1rnn.BasicRNNCell(3), seq2seq.LuongAttention(3, MEMORY))
    state = cell.zero_state(rows, tf.float64)
    evaluate(state.cell_state)
    with pytest.raises(tf.errors.InvalidArgumentError, match="tile_batch"):
        evaluate(state.cell_state, feed={rows: 4})
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="tile_batch"):
        cell.zero_state(4, tf.float64)
    lengths = tf.placeholder_with_default([3, 2], [2])
    mechanism = seq2seq.LuongAttention(3, MEMORY, lengths)
    alignments, _ = mechanism(tf.ones([2, 3], tf.float64), None)
    evaluate(alignments)
    with pytest.raises(tf.errors.InvalidArgumentError, match="greater than zero"):
        evaluate(alignments, feed={lengths: [3, 0]})


def test_what_does_not_fit_is_refused(graph):
    cell, mechanism = tf1rnn.BasicRNNCell(3), seq2seq.LuongAttention(3, MEMORY)
    for wrong in ({"cell": 1}, {"attention_mechanism": cell}, {"attention_mechanism": [cell]}):
        with pytest.raises(TypeError):
            seq2seq.AttentionWrapper(**{"cell": cell, "attention_mechanism": mechanism} | wrong)
    with pytest.raises(TypeError, match="cell_input_fn"):
        seq2seq.AttentionWrapper(cell, mechanism, cell_input_fn=1)
    with pytest.raises(ValueError, match="exactly one"):
        seq2seq.AttentionWrapper(cell, mechanism, [2, 3])
    with pytest.raises(ValueError, match="Only one"):
        seq2seq.AttentionWrapper(cell, mechanism, 2, attention_layer=2)
    wrapper = seq2seq.AttentionWrapper(cell, mechanism)
    with pytest.raises(TypeError, match="AttentionWrapperState"):
        wrapper(tf.constant(INPUTS[:, 0]), cell.zero_state(2, tf.float64))
    with pytest.raises(ValueError, match="num_units"):
        mechanism(tf.ones([2, 4], tf.float64), None)
    with pytest.raises(ValueError, match="inner dims"):
        seq2seq.LuongAttention(3, tf.placeholder(tf.float64, [2, 3, None]))
    with pytest.raises(TypeError, match="probability_fn"):
        seq2seq.LuongAttention(3, MEMORY, probability_fn="softmax")


def test_a_hardmax_is_one_where_the_largest_stands(graph):
    probs = seq2seq.LuongAttention(3, MEMORY, probability_fn=seq2seq.hardmax)
    hard = seq2seq.hardmax([[1.0, 3.0, 2.0], [5.0, 0.0, 0.0]])
    hard, read = evaluate([hard, probs(tf.ones([2, 3], tf.float64), None)[0]])
    assert hard.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert sorted(read[0]) == [0, 0, 1]


def test_a_mechanism_may_give_the_base_layers_and_a_probability_of_its_own():
    class Own(seq2seq.LuongAttention):
        def __init__(self, num_units, memory):
            super(seq2seq.LuongAttention, self).__init__(
                query_layer=None,
                memory_layer=lambda x: x[..., :num_units],
                memory=memory,
                probability_fn=lambda score, state: tf.nn.softmax(score) + state,
            )
            self._scale = False

    with tf.Graph().as_default():
        memory = np.arange(30, dtype=np.float32).reshape([2, 3, 5]) / 10
        query = np.ones([2, 4], np.float32)
        mechanism = Own(4, tf.constant(memory))
        alignments, _ = evaluate(mechanism(tf.constant(query), tf.ones([2, 3])))
    scores = np.exp(memory[..., :4].sum(2))
    np.testing.assert_allclose(alignments, scores / scores.sum(1, keepdims=True) + 1, rtol=1e-5)
