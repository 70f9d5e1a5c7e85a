"""What subclasses of TensorFlow 1's classes call, override and read, as its own cells have it."""

import importlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import evaluate, open_session

from tf1rnn.contrib import cudnn_rnn, rnn, seq2seq
from tf1rnn.contrib.rnn.linear import _Linear

X = np.random.default_rng(0).normal(size=[2, 5, 3]).astype(np.float32)


@pytest.fixture(params=["ours", "TensorFlow's"])
def cells(request):
    """The module of cells that a subclass is made of."""
    if request.param == "ours":
        return rnn
    return importlib.import_module("tensorflow.python.keras.layers.legacy_rnn.rnn_cell_impl")


def names():
    return [v.op.name for v in tf.trainable_variables()]


def run(fetches):
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches)


@pytest.mark.filterwarnings("ignore")
def test_a_step_with_an_argument_scope_gets_that_of_the_cell(graph, cells):
    class Mine(cells.RNNCell):
        state_size = output_size = 3

        def call(self, inputs, state, scope=None):
            with tf.variable_scope(scope or "another"):
                return tf.matmul(inputs, tf.get_variable("w", [3, 3])) + state, state

    cell, x, state = Mine(), tf.constant(X[:, 0]), tf.zeros([2, 3])
    for _ in range(2):
        cell(x, state)
    cell(x, state, scope="elsewhere")
    assert names() == ["mine/w"]


@pytest.mark.filterwarnings("ignore")
def test_a_step_takes_further_arguments(graph, cells):
    class Mine(cells.BasicLSTMCell):
        seen = ()

        def call(self, inputs, state, training=False):
            self.seen = (*self.seen, training)
            return super().call(inputs, state)

    cell = Mine(4)
    state = cell.zero_state(2, tf.float32)
    cell(tf.constant(X[:, 0]), state)
    cell(tf.constant(X[:, 0]), state, training=True)
    assert cell.seen == (False, True)


@pytest.mark.filterwarnings("ignore")
def test_losses_updates_and_variables_are_added(graph, cells):
    class Mine(cells.BasicRNNCell):
        def build(self, inputs_shape):
            self.mine = self.add_weight("mine", [2], initializer="ones")
            super().build(inputs_shape)

        def call(self, inputs, state):
            self.add_loss(tf.reduce_sum(self._kernel))
            self.add_update(tf.no_op("moved"))
            return super().call(inputs, state)

    cell = Mine(4)
    other = tf.Variable(1.0, name="other")
    cell._trainable_weights.append(other)
    output, _ = cell.apply(tf.constant(X[:, 0]), tf.zeros([2, 4]))
    assert output.shape.as_list() == [2, 4]
    assert tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES) == cell.losses
    assert [op.name for op in tf.get_collection(tf.GraphKeys.UPDATE_OPS)] == [
        op.name for op in cell.updates
    ]
    assert len(cell.losses) == len(cell.updates) == 1
    assert any(other is one for one in cell.trainable_weights)
    assert len(cell.trainable_weights) == 4
    loss, kernel, mine = run([cell.losses[0], cell._kernel, cell.mine])
    np.testing.assert_allclose(loss, kernel.sum(), rtol=1e-4)
    assert mine.tolist() == [1, 1]


@pytest.mark.filterwarnings("ignore")
def test_variables_go_through_the_getter(graph, cells):
    class Mine(cells.RNNCell):
        state_size = output_size = 3
        seen = ()

        def _rnn_get_variable(self, getter, *args, **kwargs):
            self.seen = (*self.seen, args[0] if args else kwargs["name"])
            return super()._rnn_get_variable(getter, *args, **kwargs)

        def call(self, inputs, state):
            with tf.variable_scope("inner", custom_getter=super()._rnn_get_variable):
                return inputs @ tf.get_variable("w", [3, 3]), state

    cell = Mine()
    cell(tf.constant(X[:, 0]), tf.zeros([2, 3]))
    assert [name.rpartition("/")[2] for name in cell.seen] == ["w"]
    assert len(cell.trainable_weights) == 1


@pytest.mark.parametrize("state_is_tuple", [True, False])
def test_the_size_of_outputs_may_be_written_anew(graph, cells, state_is_tuple):
    class Mine(cells.LSTMCell):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self._output_size = 8

        def call(self, inputs, state):
            output, state = super().call(inputs, state)
            return tf.concat([output, output], 1), state

    cell = Mine(4, state_is_tuple=state_is_tuple)
    outputs, state = rnn.dynamic_rnn(cell, tf.constant(X), dtype=tf.float32)
    assert outputs.shape.as_list() == [2, 5, 8]
    sizes = [part.shape.as_list()[1] for part in tf.nest.flatten(state)]
    assert sizes == ([4, 4] if state_is_tuple else [8])


def test_steps_copied_out_of_older_versions_find_what_they_read(graph):
    class Mine(rnn.BasicLSTMCell):
        def build(self, inputs_shape):
            self.built = True

        def call(self, inputs, state):
            c, h = state
            if self._linear is None:
                self._linear = _Linear([inputs, h], 4 * self._num_units, True)
            i, j, f, o = tf.split(self._linear([inputs, h]), 4, 1)
            c = c * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * self._activation(j)
            h = self._activation(c) * tf.sigmoid(o)
            return h, rnn.LSTMStateTuple(c, h)

    x, state = tf.constant(X[:, 0]), rnn.LSTMStateTuple(tf.ones([2, 4]), tf.ones([2, 4]))
    with tf.variable_scope("same"):
        mine, _ = Mine(4, name="cell")(x, state)
    with tf.variable_scope("same", reuse=True):
        plain, _ = rnn.BasicLSTMCell(4, name="cell")(x, state)
    np.testing.assert_allclose(*run([mine, plain]), rtol=1e-5)
    for cell, attributes in (
        (rnn.BasicRNNCell(3), ["_linear"]),
        (rnn.GRUCell(3), ["_gate_linear", "_candidate_linear"]),
        (rnn.LSTMCell(3), ["_linear1", "_linear2"]),
    ):
        assert all(getattr(cell, name) is None for name in attributes)


def test_attention_to_past_outputs_is_overridden(graph):
    class Mine(rnn.AttentionCellWrapper):
        def _attention(self, query, attn_states):
            _, states = super()._attention(query, attn_states)
            return tf.fill([2, 3], tf.reduce_sum(query)), states

    cell = Mine(rnn.GRUCell(3), 4)
    state = cell.zero_state(2, tf.float32)
    for step in range(2):
        output, state = cell(tf.constant(X[:, step]), state)
    gru, attention, window, output = run([*state, output])
    np.testing.assert_allclose(attention, np.full([2, 3], gru.sum()), rtol=1e-5)
    assert window.shape == (2, 12) and not window[:, :6].any()
    np.testing.assert_allclose(window[:, 9:], output)


@pytest.mark.parametrize("layer_norm", [True, False])
def test_norms_are_overridden(graph, layer_norm):
    class Mine(rnn.LayerNormBasicLSTMCell):
        seen = ()

        def _norm(self, inp, scope, dtype):
            self.seen = (*self.seen, (scope, dtype))
            return inp * self._norm_gain + self._norm_shift

    cell = Mine(3, layer_norm=layer_norm, norm_gain=0.5, norm_shift=0.25)
    cell(tf.constant(X[:, 0]), cell.zero_state(2, tf.float32))
    scopes = ("input", "transform", "forget", "output", "state") if layer_norm else ()
    assert cell.seen == tuple((scope, tf.float32) for scope in scopes)


@pytest.mark.parametrize("flag", [False, True])
@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_scores_make_their_weights_where_they_are_told_so(graph, kind, flag):
    memory, query = tf.constant(X), tf.constant(X[:, 1])
    if kind == "additive":
        mechanism = seq2seq.BahdanauAttention(3, memory, normalize=flag)
    else:
        mechanism = seq2seq.LuongAttention(3, memory, scale=flag)
    expected = mechanism._score(query)
    made = set(names())
    with tf.variable_scope(
        f"{'bahdanau' if kind == 'additive' else 'luong'}_attention", reuse=True
    ):
        if kind == "additive":
            query = mechanism.query_layer(query)
            found = [seq2seq._bahdanau_score(query, mechanism.keys, flag)]
            found += [seq2seq._bahdanau_score(query, mechanism.keys, normalize=flag)]
        else:
            found = [seq2seq._luong_score(query, mechanism.keys, flag)]
    assert set(names()) == made
    expected, *found = evaluate([expected, *found])
    assert expected.any()
    for value in found:
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_wrappers_have_their_cell_under_both_names(graph):
    class Mine(rnn.ResidualWrapper):
        def __init__(self, cell):
            self._cell = cell
            self._residual_fn = None

    inner = rnn.GRUCell(3)
    cell = Mine(inner)
    assert cell.cell is inner and cell.state_size == 3
    cell(tf.constant(X[:, 0]), cell.zero_state(2, tf.float32))
    cell._cell = other = rnn.BasicRNNCell(3)
    assert cell.cell is other and cell.wrapped_cell is other


def test_a_beam_search_without_its_constructor(graph):
    class Mine(seq2seq.BeamSearchDecoder):
        def __init__(self, whole):
            kept = "_cell _output_layer _embedding_fn _batch_size _start_tokens _end_token"
            kept += (
                " _beam_width _initial_cell_state _length_penalty_weight _start_inputs _finished"
            )
            for name in kept.split():
                setattr(self, name, getattr(whole, name))

    cell = rnn.GRUCell(6)
    state = tf.zeros([4, 6])
    whole = seq2seq.BeamSearchDecoder(
        cell, tf.constant(np.eye(6, dtype=np.float32)), tf.zeros([2], tf.int32), 1, state, 2
    )
    paths = [
        seq2seq.dynamic_decode(decoder, maximum_iterations=4)[0].predicted_ids
        for decoder in (whole, Mine(whole))
    ]
    np.testing.assert_array_equal(*run(paths))
    split = whole._split_batch_beams(tf.placeholder(tf.float32, [None, None]), 7)
    assert split.shape.as_list() == [2, 2, 7]
    merged = whole._merge_batch_beams(tf.placeholder(tf.float32, [None, 2, None]), [7])
    assert merged.shape.as_list()[1:] == [7]


def test_a_cudnn_layer_with_a_constructor_and_a_call_of_ones_own(graph):
    class Mine(cudnn_rnn.CudnnLSTM):
        def __init__(self, layers, units, batch_size):
            super().__init__(layers, units)
            self.batch_size = batch_size

        def call(self, inputs, **more):
            outputs, state = super().call(inputs, **more)
            return outputs * 2, state

    layer = Mine(1, 4, 2)
    doubled, _ = layer(tf.constant(X), training=False)
    outputs, _ = cudnn_rnn.CudnnLSTM.call(layer, tf.constant(X), training=False)
    doubled, outputs = run([doubled, outputs])
    assert layer.batch_size == 2 and outputs.any()
    np.testing.assert_allclose(doubled, 2 * outputs, rtol=1e-5)


@pytest.mark.parametrize("base", ["BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell"])
def test_a_step_may_make_the_variables_that_build_made_later(graph, base):
    cell_class = getattr(rnn, base)

    class Mine(cell_class):
        def call(self, inputs, state):
            h = tf.nest.flatten(state)[-1]
            output = rnn._linear([inputs, h], 4, True)
            return output, tf.nest.map_structure(lambda x: x + output, state)

    class Other(cell_class):
        def call(self, inputs, state):
            output, state = super().call(inputs, state)
            return output * 2, state

    rnn.dynamic_rnn(Mine(4), tf.constant(X), dtype=tf.float32)
    assert names() == ["rnn/mine/kernel", "rnn/mine/bias"]
    other = Other(4)
    other(tf.constant(X[:, 0]), other.zero_state(2, tf.float32))
    with tf.variable_scope("plain"):
        plain = cell_class(4, name="other")
        plain.build(tf.TensorShape([None, 3]))
    made = [f"plain/{v.op.name}" for v in other.weights]
    assert made == [v.op.name for v in plain.weights]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = other.nothing


def test_dropout_with_noise_that_a_subclass_has_drawn(graph):
    class Mine(rnn.DropoutWrapper):
        def __init__(self, cell, noise):
            self._cell = cell
            self._input_keep_prob = self._state_keep_prob = 1.0
            self._output_keep_prob = 0.5
            self._dropout_state_filter = lambda _: False
            self._variational_recurrent, self._seed = True, None
            self._recurrent_output_noise = noise

    noise = tf.constant([[0.2, 0.5, 0.9]])
    cell = rnn.GRUCell(3)
    state = tf.zeros([2, 3])
    outputs, _ = Mine(cell, noise)(tf.constant(X[:, 0]), state)
    plain, _ = cell(tf.constant(X[:, 0]), state)
    outputs, plain = run([outputs, plain])
    np.testing.assert_allclose(outputs, plain * [0, 2, 2], rtol=1e-5)


@pytest.mark.parametrize("lengths", [None, [4, 3]])
def test_alignments_as_outputs_over_a_memory_of_any_length(graph, lengths):
    class Pointer(seq2seq.AttentionWrapper):
        @property
        def output_size(self):
            return self.state_size.alignments

        def call(self, inputs, state):
            _, state = super().call(inputs, state)
            return state.alignments, state

    memory = tf.placeholder(tf.float32, [None, None, 4])
    cell = Pointer(rnn.GRUCell(3), seq2seq.BahdanauAttention(3, memory))
    zero = cell.zero_state(tf.shape(memory)[0], tf.float32)
    outputs, _ = rnn.dynamic_rnn(cell, tf.constant(X), lengths, zero, tf.float32)
    helper = seq2seq.TrainingHelper(tf.constant(X), [5, 3])
    decoder = seq2seq.BasicDecoder(cell, helper, zero)
    decoded, *_ = seq2seq.dynamic_decode(decoder, impute_finished=True)
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        found = session.run([outputs, decoded.rnn_output], {memory: np.ones([2, 6, 4])})
    assert found[0].shape == (2, 5, 6) and found[1].shape == (2, 5, 6)
    sums = [np.ones([2, 5]), np.array([[1] * 5, [1] * 3 + [0] * 2])]
    if lengths:
        sums[0] = np.arange(5) < np.array(lengths)[:, None]
    for alignments, total in zip(found, sums, strict=True):
        np.testing.assert_allclose(alignments.sum(2), total, rtol=1e-5)


def test_an_output_size_that_is_a_tensor(graph):
    class Mine(seq2seq.BasicDecoder):
        @property
        def output_size(self):
            size = tf.constant(3) + 2
            return seq2seq.BasicDecoderOutput(size, self._helper.sample_ids_shape)

        def step(self, time, inputs, state, name=None):
            output, *more = super().step(time, inputs, state, name)
            wider = tf.concat([output.rnn_output, tf.ones([2, 2])], 1)
            return (output._replace(rnn_output=wider), *more)

    helper = seq2seq.TrainingHelper(tf.constant(X), [5, 3])
    decoder = Mine(rnn.GRUCell(3), helper, tf.zeros([2, 3]))
    decoded, *_ = seq2seq.dynamic_decode(decoder, impute_finished=True)
    output = run(decoded.rnn_output)
    assert output.shape == (2, 5, 5)
    assert output[0, :, 3:].all() and not output[1, 3:].any()
