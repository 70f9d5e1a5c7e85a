"""The sequence-to-sequence models of lists: against NumPy, and the names of their variables."""

import itertools

import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, names_and_shapes, random_array, random_weights

import tf1rnn
from tf1rnn.contrib import legacy_seq2seq as seq2seq

BATCH, UNITS, SIZE = 3, 4, 5
ENCODER_SYMBOLS, SYMBOLS = 6, 7


def symbols(name, steps, count):
    return np.abs(random_array(name, [steps, BATCH], 100.0)).astype(int) % count


READ, WRITTEN = symbols("read", 3, ENCODER_SYMBOLS), symbols("written", 4, SYMBOLS)


def fed_lists():
    """Placeholders of an unknown batch for READ and WRITTEN, and their feed."""
    lists = [[tf.placeholder(tf.int32, [None]) for _ in array] for array in (READ, WRITTEN)]
    flat = zip(itertools.chain(*lists), itertools.chain(READ, WRITTEN), strict=True)
    return *lists, dict(flat)


def gru(weights, scope):
    return reference.GRU(*(weights[f"{scope}/gru_cell/{part}"] for part in GRU_PARTS))


GRU_PARTS = "gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"


def greedy(logits, embedding):
    return embedding[np.argmax(logits, axis=1)]


class Model:
    """`embedding_attention_seq2seq` or `embedding_rnn_seq2seq` of a GRU, in NumPy."""

    def __init__(self, weights, root, attention):
        self.w = {name: np.asarray(a) for name, a in weights.items()}
        self.root = root
        self.decoder = f"{root}/embedding_{'attention' if attention else 'rnn'}_decoder"
        self.attention = attention

    def linear(self, scope, *parts):
        return np.concatenate(parts, 1) @ self.w[f"{scope}/kernel"] + self.w[f"{scope}/bias"]

    def read(self):
        cell = gru(self.w, f"{self.root}/rnn/embedding_wrapper")
        x = self.w[f"{self.root}/rnn/embedding_wrapper/embedding"][READ]
        outputs, (h,), _ = reference.unroll(cell, x, reference.zero_state(cell, BATCH))
        return outputs, h

    def look(self, scope, states, h, heads):
        reads = []
        for n in range(heads):
            features = states @ self.w[f"{scope}/AttnW_{n}"][0, 0]
            asked = self.linear(f"{scope}/Attention_{n}", h)
            scores = (np.tanh(features + asked) * self.w[f"{scope}/AttnV_{n}"]).sum(2)
            shares = np.exp(scores) / np.exp(scores).sum(0)
            reads.append((shares[:, :, None] * states).sum(0))
        return reads

    def write(self, feed_previous, projection=None, heads=1, look_first=False):
        states, h = self.read()
        kind = "attention_decoder" if self.attention else "rnn_decoder"
        scope = f"{self.decoder}/{kind}"
        wrapper = scope if projection else f"{scope}/output_projection_wrapper"
        cell = gru(self.w, wrapper)
        embedding = self.w[f"{self.decoder}/embedding"]
        outputs, reads = [], [np.zeros([BATCH, UNITS])] * heads
        if look_first:
            reads = self.look(scope, states, h, heads)
        for t, given in enumerate(WRITTEN):
            x = embedding[given]
            if t and feed_previous:
                logits = outputs[-1]
                if projection:
                    logits = logits @ projection[0] + projection[1]
                x = greedy(logits, embedding)
            if self.attention:
                x = self.linear(scope, x, *reads)
            y, (h,), _ = cell.step(x, (h,))
            y = y if projection else self.linear(wrapper, y)
            if self.attention:
                reads = self.look(scope, states, h, heads)
                y = self.linear(f"{scope}/AttnOutputProjection", y, *reads)
            outputs.append(y)
        return np.stack(outputs), h


def build(function, feed_previous, **options):
    read, written, feed = fed_lists()
    outputs, state = function(
        read,
        written,
        tf1rnn.GRUCell(UNITS),
        ENCODER_SYMBOLS,
        SYMBOLS,
        SIZE,
        feed_previous=feed_previous,
        dtype=tf.float64,
        **options,
    )
    return outputs, state, feed


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("projected", [False, True])
def test_models_of_symbols_are_those_of_numpy(graph, attention, projected):
    """With the inputs given, with the outputs fed back, and with either chosen when run."""
    function = seq2seq.embedding_rnn_seq2seq
    options = {}
    if attention:
        function = seq2seq.embedding_attention_seq2seq
        options = {"num_heads": 2, "initial_state_attention": projected}
    projection = None
    if projected:
        with tf.variable_scope("projection", dtype=tf.float64):
            projection = tf.get_variable("w", [UNITS, SYMBOLS]), tf.get_variable("b", [SYMBOLS])
    chosen = tf.placeholder(tf.bool, [])
    fetches, feeds = {}, {}
    for way in (False, True, chosen):
        with tf.variable_scope("model", reuse=tf.AUTO_REUSE):
            made = build(function, way, output_projection=projection, **options)
            fetches[way], feed = made[:2], made[2]
            feeds.update(feed)
    weights = random_weights(tf.global_variables())
    model = Model(weights, f"model/{function.__name__}", attention)
    known = {"heads": 2, "look_first": projected} if attention else {}
    if projected:
        known["projection"] = weights["projection/w"], weights["projection/b"]
    for way in (False, True):
        got = evaluate([fetches[way], fetches[chosen]], weights, {**feeds, chosen: way})
        wanted_outputs, wanted_state = model.write(way, **known)
        for outputs, state in got:
            assert_close(np.stack(outputs), wanted_outputs)
            assert_close(state, wanted_state)


def test_the_gradient_of_a_fed_symbol_reaches_its_embedding_if_it_may(graph):
    inputs = [tf.constant([0, 0])] * 2
    norms = []
    for update in (True, False):
        with tf.variable_scope(f"update_{update}"):
            cell = tf1rnn.BasicLSTMCell(3)
            state = cell.zero_state(2, tf.float32)
            outputs, _ = seq2seq.embedding_rnn_decoder(
                inputs, state, cell, 3, 3, None, True, update_embedding_for_previous=update
            )
        embedding = next(v for v in tf.trainable_variables(f"update_{update}"))
        (slope,) = tf.gradients(outputs[-1], [embedding])
        norms.append(tf.norm(tf.convert_to_tensor(slope)[1:]))
    assert embedding.op.name == "update_False/embedding_rnn_decoder/embedding"
    weights = {v.op.name: np.ones(v.shape.as_list()) for v in tf.trainable_variables()}
    for update in (True, False):  # the first output has its largest number at 1 or 2
        weights[f"update_{update}/embedding_rnn_decoder/embedding"] = np.eye(3)
        kernel = f"update_{update}/embedding_rnn_decoder/rnn_decoder/basic_lstm_cell/kernel"
        weights[kernel] = random_array("kernel", [6, 12]) + np.tile([0.0, 2.0, 1.0], 4)
    with_update, without = evaluate(norms, weights)
    assert with_update > 0 == without


NAMES = {
    "basic": [("basic_rnn_seq2seq/rnn/gru_cell", 3), ("basic_rnn_seq2seq/rnn_decoder/gru_cell", 3)],
    "tied": [("combined_tied_rnn_seq2seq/tied_rnn_seq2seq/gru_cell", 3)],
}


@pytest.mark.parametrize("kind", NAMES)
def test_models_of_vectors_are_those_of_numpy(graph, kind):
    read, written = (random_array(name, [steps, BATCH, 3]) for name, steps in (("r", 2), ("w", 4)))
    function = {"basic": seq2seq.basic_rnn_seq2seq, "tied": seq2seq.tied_rnn_seq2seq}[kind]
    lists = ([tf.constant(x) for x in part] for part in (read, written))
    outputs, state = function(*lists, tf1rnn.GRUCell(UNITS), dtype=tf.float64)
    scopes = [scope for scope, _ in NAMES[kind]]
    names = [f"{scope}/{part}" for scope in scopes for part in GRU_PARTS]
    assert [name for name, _ in names_and_shapes()] == names
    weights = random_weights(tf.trainable_variables())
    encoder, decoder = (
        gru(weights, scope.removesuffix("/gru_cell")) for scope in (scopes[0], scopes[-1])
    )
    _, h, _ = reference.unroll(encoder, read, reference.zero_state(encoder, BATCH))
    wanted, h, _ = reference.unroll(decoder, written, h)
    outputs, state = evaluate([outputs, state], weights)
    assert_close(np.stack(outputs), wanted)
    assert_close(state, h[0])


def test_a_loop_function_makes_the_inputs_from_the_outputs(graph):
    steps = []

    def loop_function(output, step):
        steps.append(step)
        return 2.0 * output

    cell = tf1rnn.GRUCell(UNITS)
    inputs = [tf.ones([BATCH, UNITS])] * 3
    outputs, _ = seq2seq.rnn_decoder(
        inputs, cell.zero_state(BATCH, tf.float32), cell, loop_function
    )
    state, x = tf.zeros([BATCH, UNITS]), inputs[0]
    wanted = []
    for _ in range(3):
        y, state = cell(x, state)
        wanted.append(y)
        x = 2.0 * y
    assert_close(*evaluate([outputs, wanted]), rtol=1e-6)
    assert steps == [1, 2]


def test_tied_models_share_cell_and_embeddings(graph):
    read, written, feed = fed_lists()
    sizes = {"num_symbols": SYMBOLS, "embedding_size": SIZE, "num_decoder_symbols": SYMBOLS - 1}
    outputs, state = seq2seq.embedding_tied_rnn_seq2seq(
        read, written, tf1rnn.BasicLSTMCell(UNITS), feed_previous=tf.constant(True), **sizes
    )
    root = "embedding_tied_rnn_seq2seq"
    cell = f"{root}/combined_tied_rnn_seq2seq/tied_rnn_seq2seq/output_projection_wrapper"
    assert names_and_shapes() == [
        (f"{root}/embedding", (SYMBOLS, SIZE)),
        (f"{cell}/basic_lstm_cell/kernel", (SIZE + UNITS, 4 * UNITS)),
        (f"{cell}/basic_lstm_cell/bias", (4 * UNITS,)),
        (f"{cell}/kernel", (UNITS, SYMBOLS - 1)),
        (f"{cell}/bias", (SYMBOLS - 1,)),
    ]
    assert isinstance(state, tf1rnn.LSTMStateTuple)
    with tf.variable_scope("", reuse=True):
        same, _ = seq2seq.embedding_tied_rnn_seq2seq(
            read, written, tf1rnn.BasicLSTMCell(UNITS), feed_previous=True, **sizes
        )
    outputs, same = evaluate([outputs, same], feed=feed)
    assert outputs[0].shape == (BATCH, SYMBOLS - 1)
    assert_close(outputs, same, rtol=1e-6)


def test_one_encoder_has_many_decoders(graph):
    read, written, feed = fed_lists()
    cells = {name: tf1rnn.GRUCell(UNITS) for name in ("a", "b")}
    counts = {"a": SYMBOLS, "b": 9}
    inputs = {"a": written, "b": written[:2]}
    outputs, states = seq2seq.one2many_rnn_seq2seq(
        read, inputs, tf1rnn.GRUCell(UNITS), cells, ENCODER_SYMBOLS, counts, SIZE
    )
    wanted = "one2many_rnn_seq2seq/one2many_decoder_b/embedding_rnn_decoder/embedding"
    assert (wanted, (9, SIZE)) in names_and_shapes()
    outputs, states = evaluate([outputs, states], feed=feed)
    assert [len(outputs[name]) for name in "ab"] == [4, 2]
    assert outputs["b"][0].shape == (BATCH, 9)
    assert states["a"].shape == (BATCH, UNITS)
    with pytest.raises(ValueError, match="keys of dec_cells_dict"):
        seq2seq.one2many_rnn_seq2seq(read, inputs, cells["a"], {}, 6, counts, SIZE)
    with pytest.raises(TypeError, match="enc_cell"):
        seq2seq.one2many_rnn_seq2seq(read, inputs, None, cells, 6, counts, SIZE)


@pytest.mark.parametrize("one_cell", [True, pytest.param(False, marks=pytest.mark.long)])
def test_buckets_share_all_variables(graph, one_cell):
    """Also where a script makes its cell once for all of them: the encoder's stays its own."""
    read, written, feed = fed_lists()
    weights = [tf.ones([BATCH])] * 3
    shared = tf1rnn.MultiRNNCell([tf1rnn.GRUCell(UNITS)])
    made = []

    def model(encoder_inputs, decoder_inputs):
        cell = shared if one_cell else tf1rnn.MultiRNNCell([tf1rnn.GRUCell(UNITS)])
        result = seq2seq.embedding_attention_seq2seq(
            encoder_inputs, decoder_inputs, cell, ENCODER_SYMBOLS, SYMBOLS, SIZE
        )
        made.append([v.op.name for v in tf.global_variables()])
        return result

    buckets = [(2, 2), (3, 3)]
    outputs, losses = seq2seq.model_with_buckets(
        read, written, written[1:], weights, buckets, model, per_example_loss=True
    )
    assert made[0] == made[1]
    assert not tf.get_variable_scope().reuse
    assert [len(one) for one in outputs] == [2, 3]
    assert losses[0].shape.as_list() == [BATCH]
    variables = tf.global_variables()
    slopes = [tf.gradients(loss, variables) for loss in losses]
    assert all(slope is not None for of_loss in slopes for slope in of_loss)
    assert len({name for name in made[0] if name.endswith("gru_cell/gates/kernel")}) == 2
    values = evaluate(losses, feed=feed)
    assert all(np.isfinite(of_rows).all() for of_rows in values)
    with pytest.raises(ValueError, match="Length of encoder_inputs"):
        seq2seq.model_with_buckets(read[:2], written, written, weights, buckets, model)
    with pytest.raises(ValueError, match="Length of targets"):
        seq2seq.model_with_buckets(read, written, written[:2], weights, buckets, model)


def test_losses_are_the_oracles_in_all_ways_of_calling(graph):
    logits = random_array("logits", [2, BATCH, SYMBOLS], scale=3.0)
    labels = WRITTEN[:2]
    weights = np.abs(random_array("weights", [2, BATCH]))
    lists = [[tf.constant(step) for step in part] for part in (logits, labels, weights)]
    calls = []

    def of_0_12(logits, symbols):
        calls.append("0.12")
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=symbols, logits=logits)

    def of_1_0(labels, inputs):
        calls.append("1.0")
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=inputs)

    def of_1_1(logits, labels):
        calls.append("1.1")
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)

    rows = [
        seq2seq.sequence_loss_by_example(*lists),
        seq2seq.sequence_loss_by_example(*lists, SYMBOLS),
        *(seq2seq.sequence_loss_by_example(*lists, True, f) for f in (of_0_12, of_1_0, of_1_1)),
    ]
    assert calls == ["0.12", "0.12", "1.0", "1.0", "1.1", "1.1"]
    totals = [
        seq2seq.sequence_loss(*lists, average_across_timesteps=steps, average_across_batch=batch)
        for steps, batch in itertools.product([True, False], repeat=2)
    ]
    old = seq2seq.sequence_loss(*lists, SYMBOLS, False, False)
    rows, totals, old = evaluate([rows, totals, old])
    averaged, summed = (
        reference.sequence_loss_by_example(logits, labels, weights, average)
        for average in (True, False)
    )
    for row in rows:
        assert_close(row, averaged)
    wanted = [averaged.mean(), averaged.sum(), summed.mean(), summed.sum()]
    assert_close(totals, wanted)
    assert_close(old, wanted[3])


def test_a_scalar_is_a_batch_of_one_in_targets(graph):
    logits, weights = [tf.constant([[1.0, 2.0]])], [tf.constant([1.0])]
    loss = seq2seq.sequence_loss_by_example(logits, [tf.constant(1)], weights)
    assert_close(evaluate(loss), np.array([np.log(1 + np.exp(-1.0))]), rtol=1e-6)


def test_what_is_wrong_is_said(graph):
    cell = tf1rnn.GRUCell(UNITS)
    state, states = tf.zeros([BATCH, UNITS]), tf.zeros([BATCH, 2, UNITS])
    inputs = [tf.zeros([BATCH, 3])]
    with pytest.raises(ValueError, match="at least 1 input"):
        seq2seq.attention_decoder([], state, states, cell)
    with pytest.raises(ValueError, match="less than 1 heads"):
        seq2seq.attention_decoder(inputs, state, states, cell, num_heads=0)
    unknown = tf.placeholder(tf.float32, [None, None, None])
    with pytest.raises(ValueError, match="must be known"):
        seq2seq.attention_decoder(inputs, state, unknown, cell)
    with pytest.raises(ValueError, match="Could not infer input size"):
        seq2seq.attention_decoder([unknown[:, 0]], state, states, cell)
    wrong = tf.zeros([UNITS, 9]), tf.zeros([9])
    with pytest.raises(ValueError, match="incompatible"):
        seq2seq.embedding_rnn_decoder([tf.constant([1])], state, cell, 8, 3, wrong)


def test_without_an_embedding_size_it_is_the_cells(graph):
    """As before 0.8, when the size was not an argument."""
    read, written, _ = fed_lists()
    seq2seq.embedding_attention_seq2seq(
        read, written, tf1rnn.GRUCell(UNITS), ENCODER_SYMBOLS, SYMBOLS, feed_previous=False
    )
    name, shape = names_and_shapes()[0]
    assert name == "embedding_attention_seq2seq/rnn/embedding_wrapper/embedding"
    assert shape == (ENCODER_SYMBOLS, UNITS)
