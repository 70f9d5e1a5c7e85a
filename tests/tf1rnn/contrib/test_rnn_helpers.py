"""What contrib.rnn has beside cells: names, linear maps, shapes, errors, starts of variables."""

import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import evaluate, open_session

import tf1rnn
from tf1rnn.contrib import rnn

# tf.contrib.rnn of TensorFlow 1.15.
NAMES = {
    "AttentionCellWrapper",
    "BasicLSTMCell",
    "BasicRNNCell",
    "BidirectionalGridLSTMCell",
    "CompiledWrapper",
    "Conv1DLSTMCell",
    "Conv2DLSTMCell",
    "Conv3DLSTMCell",
    "ConvLSTMCell",
    "CoupledInputForgetGateLSTMCell",
    "DeviceWrapper",
    "DropoutWrapper",
    "EmbeddingWrapper",
    "FusedRNNCell",
    "FusedRNNCellAdaptor",
    "GLSTMCell",
    "GRUBlockCell",
    "GRUBlockCellV2",
    "GRUCell",
    "GridLSTMCell",
    "HighwayWrapper",
    "IndRNNCell",
    "IndyGRUCell",
    "IndyLSTMCell",
    "InputProjectionWrapper",
    "IntersectionRNNCell",
    "LSTMBlockCell",
    "LSTMBlockFusedCell",
    "LSTMBlockWrapper",
    "LSTMCell",
    "LSTMStateTuple",
    "LayerNormBasicLSTMCell",
    "LayerRNNCell",
    "MultiRNNCell",
    "NASCell",
    "OutputProjectionWrapper",
    "PhasedLSTMCell",
    "RNNCell",
    "ResidualWrapper",
    "SRUCell",
    "TimeFreqLSTMCell",
    "TimeReversedFusedRNN",
    "UGRNNCell",
    "best_effort_input_batch_size",
    "stack_bidirectional_dynamic_rnn",
    "stack_bidirectional_rnn",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
    "transpose_batch_time",
}
# Of the modules below it, which scripts imported.
PRIVATE = {
    "CFNCell",
    "LayerNormLSTMCell",
    "MinimalRNNCell",
    "WeightNormLSTMCell",
    "_BIAS_VARIABLE_NAME",
    "_LayerRNNCell",
    "_Linear",
    "_WEIGHTS_VARIABLE_NAME",
    "_concat",
    "_like_rnncell",
    "_linear",
    "_state_size_with_prefix",
    "_zero_state_tensors",
    "assert_like_rnncell",
}


def test_all_names_are_there():
    assert not (NAMES | PRIVATE) - set(rnn.__all__)
    assert not [name for name in rnn.__all__ if not hasattr(rnn, name)]


def test_a_linear_map_makes_its_variables_once_in_the_scope(graph):
    x, y = tf.constant([[1.0, 2.0]]), tf.constant([[3.0]])
    with tf.variable_scope("scope", initializer=tf.ones_initializer()):
        linear = rnn._Linear([x, y], 2, True, bias_initializer=tf.constant_initializer(0.5))
        with pytest.raises(ValueError, match="already exists"):
            rnn._linear(x, 2, False)
    names = [(v.op.name, v.shape.as_list()) for v in tf.trainable_variables()]
    assert names == [("scope/kernel", [3, 2]), ("scope/bias", [2])]
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(linear([x, y])).tolist() == [[6.5, 6.5]]


@pytest.mark.parametrize(
    ("arguments", "options", "scope"),
    [
        ((0.25, "here"), {}, "here"),
        ((), {"bias_start": 0.25, "scope": "here"}, "here"),
        ((tf.constant_initializer(0.25), tf.ones_initializer()), {}, "around"),
        ((), {"bias_initializer": tf.constant_initializer(0.25)}, "around"),
    ],
)
def test_linear_takes_the_arguments_of_all_versions(graph, arguments, options, scope):
    x = tf.constant([[1.0, 2.0]])
    with tf.variable_scope("around", initializer=tf.ones_initializer()):
        made = rnn._linear([x], 2, True, *arguments, **options)
    prefix = "around/" if scope == "around" else "around/here/"
    assert [v.op.name for v in tf.trainable_variables()] == [f"{prefix}kernel", f"{prefix}bias"]
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(made).tolist() == [[3.25, 3.25]]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (None, "must be specified"),
        ([], "must be specified"),
        (tf.TensorShape([2, 3, 4]), "2D arguments"),
        (tf.TensorShape([2, None]), r"shape\[1\]"),
    ],
)
def test_linear_wants_matrices_of_known_depth(graph, args, words):
    if isinstance(args, tf.TensorShape):
        args = tf.placeholder(tf.float32, args)
    with pytest.raises(ValueError, match=words):
        rnn._linear(args, 2, True)


def test_shapes_and_batch_sizes(graph):
    x = tf.placeholder(tf.float32, [2, None, 3])
    y = tf.placeholder(tf.float32, [None, 5])
    assert rnn.transpose_batch_time(x).shape.as_list() == [None, 2, 3]
    assert rnn.transpose_batch_time(tf.placeholder(tf.float32)).shape.rank is None
    with pytest.raises(ValueError, match="rank at least 2"):
        rnn.transpose_batch_time(tf.zeros([3]))
    assert rnn.best_effort_input_batch_size([x, tf.zeros([2, 4, 1])]) == 4
    dynamic = rnn.best_effort_input_batch_size([x])
    sizes = (2, rnn.LSTMStateTuple(3, tf.TensorShape([4, 5])))
    zeros = rnn._zero_state_tensors(sizes, tf.shape(y)[0], tf.float64)
    assert [z.shape.as_list() for z in tf.nest.flatten(zeros)] == [
        [None, 2],
        [None, 3],
        [None, 4, 5],
    ]
    assert rnn._concat(2, tf.TensorShape([3, None]), static=True) == [2, 3, None]
    assert rnn._concat(tf.shape(y)[0], 3, static=True) == [None, 3]
    with pytest.raises(ValueError, match="prefix must be fully defined"):
        rnn._concat(tf.TensorShape([None]), 3)
    assert rnn._state_size_with_prefix(sizes, [7]) == (
        [7, 2],
        rnn.LSTMStateTuple([7, 3], [7, 4, 5]),
    )
    feed = {x: np.zeros([2, 6, 3]), y: np.zeros([8, 5])}
    rows, shape, *made = evaluate([dynamic, rnn._concat(tf.shape(y), 3), zeros[0]], feed=feed)
    assert rows == 6 and shape.tolist() == [8, 5, 3] and made[0].shape == (8, 2)


def test_cells_are_told_from_what_is_none(graph):
    assert rnn._like_rnncell(rnn.UGRNNCell(2)) and not rnn._like_rnncell(rnn.UGRNNCell)
    for wrapped in (
        lambda cell: rnn.AttentionCellWrapper(cell, 2),
        lambda cell: rnn.EmbeddingWrapper(cell, 2, 2),
        lambda cell: rnn.InputProjectionWrapper(cell, 2),
        lambda cell: rnn.OutputProjectionWrapper(cell, 2),
        rnn.HighwayWrapper,
        rnn.CompiledWrapper,
    ):
        with pytest.raises(TypeError, match=rnn.ASSERT_LIKE_RNNCELL_ERROR_REGEXP):
            wrapped(None)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rnn.GRUBlockCell(), "Exactly one of num_units or cell_size"),
        (lambda: rnn.GRUBlockCellV2(2, 2), "Exactly one of num_units or cell_size"),
        (lambda: rnn.EmbeddingWrapper(rnn.GRUCell(2), 0, 2), "must be > 0"),
        (lambda: rnn.OutputProjectionWrapper(rnn.GRUCell(2), 0), "output_size must be > 0"),
        (lambda: rnn.AttentionCellWrapper(rnn.GRUCell(2), 0), "greater than zero, got 0"),
        (
            lambda: rnn.AttentionCellWrapper(rnn.BasicLSTMCell(2), 2, state_is_tuple=False),
            "state_is_tuple is not set",
        ),
        (lambda: rnn.GridLSTMCell(2), "Must specify num_frequency_blocks"),
        (lambda: rnn.GLSTMCell(5, number_of_groups=2), "num_units must be divisible"),
        (lambda: rnn.GLSTMCell(4, num_proj=3, number_of_groups=2), "num_proj must be divisible"),
        (
            lambda: rnn.Conv2DLSTMCell(input_shape=[2, 2], output_channels=1, kernel_shape=[3]),
            "conv",
        ),
    ],
)
def test_mistakes_are_told_when_a_cell_is_made(graph, make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_mistakes_are_told_when_a_cell_is_called(graph):
    x, state = tf.zeros([2, 3]), tf.zeros([2, 4])
    with pytest.raises(ValueError, match="num_in_proj should be set to num_units"):
        rnn.IntersectionRNNCell(4)(x, state)
    cell = rnn.GridLSTMCell(2, feature_size=2, frequency_skip=1, num_frequency_blocks=[3])
    with pytest.raises(ValueError, match="requires 3 but gets 2"):
        cell(x, cell.zero_state(2, tf.float32))
    with pytest.raises(ValueError, match="Too many shards"):
        rnn.CoupledInputForgetGateLSTMCell(2, num_unit_shards=9)(x, (x[:, :2], x[:, :2]))


def test_variables_start_as_in_tensorflow_1(graph):
    x = tf.ones([2, 3])
    with tf.variable_scope("all", initializer=tf.constant_initializer(0.5)):
        for cell in (
            rnn.LayerNormBasicLSTMCell(3, norm_gain=2.0, norm_shift=0.1),
            rnn.IndRNNCell(3),
            rnn.GRUBlockCell(3),
            rnn.UGRNNCell(3, initializer=tf.constant_initializer(7.0)),
            rnn.HighwayWrapper(rnn.BasicRNNCell(3), False, carry_bias_init=-2.0),
            rnn.MinimalRNNCell(3),
        ):
            cell(x, cell.zero_state(2, tf.float32))
    phased = rnn.PhasedLSTMCell(300, period_init_min=2.0, period_init_max=8.0)
    phased((x[:, :1], x), phased.zero_state(2, tf.float32))
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        start = {v.op.name.removeprefix("all/"): session.run(v) for v in tf.global_variables()}
    assert (start["layer_norm_basic_lstm_cell/input/gamma"] == 2.0).all()
    assert np.allclose(start["layer_norm_basic_lstm_cell/state/beta"], 0.1)
    assert np.abs(start["ind_rnn_cell/kernel_u"] - 0.5).max() > 0.01
    assert (start["gru_cell/b_ru"] == 1.0).all() and not start["gru_cell/b_c"].any()
    assert (start["ugrnn_cell/kernel"] == 7.0).all() and not start["ugrnn_cell/bias"].any()
    assert (start["carry_b"] == -2.0).all() and (start["transform_b"] == 2.0).all()
    assert (start["minimal_rnn_cell/bias"] == 1.0).all()
    period, phase = (start[f"phased_lstm_cell/{name}"] for name in ("period", "phase"))
    assert 2.0 <= period.min() < 2.4 and 6.5 < period.max() <= 8.0
    # Uniform in its logarithm: half of the periods lie below the geometric mean.
    assert 110 < (period < 4.0).sum() < 190
    assert (phase >= 0).all() and (phase < period).all() and phase.max() > 4.0


def test_dropout_of_the_cell_input_keeps_the_memory(graph):
    """Where the cell input is dropped, c' is what the forget gate leaves of c."""
    x = tf.ones([1, 400])
    with tf.variable_scope("all", initializer=tf.ones_initializer()):
        cell = rnn.LayerNormBasicLSTMCell(400, layer_norm=False, dropout_keep_prob=0.25)
        _, (c, _) = cell(x, rnn.LSTMStateTuple(x, x))
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        c = session.run(c)
    values, counts = np.unique(np.round(c, 4), return_counts=True)
    assert values.tolist() == [1.0, 5.0]  # 1 + tanh(801) / 0.25
    assert 60 < counts[1] < 140


def test_a_function_is_a_cell():
    def counter(inputs, state, units, scope=None):
        if state is None:
            return tf.zeros([0, 2]), tf.zeros([0, units])
        with tf.variable_scope(scope):
            return inputs * tf.get_variable("scale", []), state + 1

    with tf.Graph().as_default():
        cell = rnn._SlimRNNCell(functools.partial(counter, units=3))
        assert (cell.output_size, cell.state_size) == (2, 3)
        outputs, state = rnn.dynamic_rnn(cell, tf.ones([4, 5, 2]), dtype=tf.float32)
        assert [v.op.name for v in tf.global_variables()] == ["rnn/counter/scale"]
        outputs, state = evaluate([outputs, state], {"rnn/counter/scale": 0.5})
        unknown = tf.zeros([0, 2]), tf.placeholder(tf.float32, [0, None])
        with pytest.raises(ValueError, match="invalid shape"):
            rnn._SlimRNNCell(functools.partial(lambda inputs, state: unknown))
    np.testing.assert_array_equal(outputs, np.full([4, 5, 2], 0.5))
    np.testing.assert_array_equal(state, np.full([4, 3], 5.0))
    with pytest.raises(TypeError, match="needs to be callable"):
        rnn._SlimRNNCell("counter")


def test_a_cell_of_ones_own_may_derive_from_the_layer_cell():
    class Cell(rnn.LayerRNNCell):
        state_size = output_size = 3

        def __init__(self, reuse=None, **options):
            super().__init__(_reuse=reuse, **options)

        def build(self, shape):
            self.kernel = self.add_variable("kernel", [int(shape[1]) + 3, 3])
            self.built = True

        def call(self, inputs, state):
            state = tf.matmul(tf.concat([inputs, state], 1), self.kernel)
            return state, state

    class Wrapper(rnn.LayerRNNCell):
        state_size = output_size = 3

        def __init__(self, cell):
            super().__init__()
            self.cell = cell

        def call(self, inputs, state):
            return self.cell(inputs, state)

    with tf.Graph().as_default():
        for cell in (Cell(name="mine"), Wrapper(Cell())):
            outputs, _ = tf1rnn.dynamic_rnn(cell, tf.ones([2, 4, 5]), dtype=tf.float32)
            assert outputs.shape.as_list() == [2, 4, 3]
        names = [v.op.name for v in tf.trainable_variables()]
    assert names == ["rnn/mine/kernel", "rnn/wrapper/cell/kernel"]
    for name in (
        "BasicRNNCell",
        "GRUCell",
        "BasicLSTMCell",
        "LSTMCell",
        "LSTMBlockCell",
        "NASCell",
    ):
        assert issubclass(getattr(rnn, name), rnn.LayerRNNCell), name


def test_parts_of_a_layer_norm_cell_may_be_changed():
    class Given(rnn.LayerNormBasicLSTMCell):
        def _linear(self, args):
            assert args.shape.as_list() == [2, 8]
            return tf.ones([2, 20])

    class Plain(rnn.LayerNormBasicLSTMCell):
        def _norm(self, inp, scope, dtype=tf.float32):
            normed.append(scope)
            return inp

    class GRU(rnn.LayerNormBasicLSTMCell):
        state_size = 5

        def __call__(self, inputs, state, scope=None):
            with tf.variable_scope(scope or "gru"):
                state = self._norm(inputs[:, :1] + state, "update")
            return state, state

    normed, inputs = [], tf.ones
    with tf.Graph().as_default():
        for cell in (Given(5, layer_norm=False), Plain(5), GRU(5)):
            outputs, _ = tf1rnn.static_rnn(cell, [inputs([2, 3])], dtype=tf.float32)
            assert outputs[0].shape.as_list() == [2, 5]
        names = [v.op.name for v in tf.global_variables()]
    assert normed == ["input", "transform", "forget", "output", "state"]
    assert names == ["rnn/plain/kernel", "rnn/gru/update/gamma", "rnn/gru/update/beta"]


@pytest.mark.parametrize("name", ["BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell"])
def test_a_subclass_may_skip_the_constructor_of_its_cell(name):
    base = getattr(rnn, name)

    class Skipping(base):
        def __init__(self, size, reuse=None):
            super(base, self).__init__(_reuse=reuse, name="mine")
            self._num_units, self._activation, self._state_is_tuple = size, tf.tanh, True

    class SkippingStack(rnn.MultiRNNCell):
        def __init__(self, cells):
            super(rnn.MultiRNNCell, self).__init__(name="stack")
            self._cells, self._state_is_tuple = cells, True

    def made(*cells):
        with tf.Graph().as_default():
            tf.set_random_seed(1)
            inputs = tf.constant(np.random.default_rng(0).normal(size=[2, 4, 5]))
            outputs = []
            for cell in cells:
                outputs.append(tf1rnn.dynamic_rnn(cell, inputs, dtype=tf.float64)[0])
            return [v.op.name for v in tf.global_variables()], evaluate(outputs)

    names, (outputs,) = made(Skipping(3))
    expected_names, (expected,) = made(base(3, name="mine"))
    assert names == expected_names
    np.testing.assert_allclose(outputs, expected, rtol=1e-12)
    assert made(SkippingStack([Skipping(3)]))[0][0].startswith("rnn/stack/")


def test_dtypes_of_inputs_are_checked():
    for check in (rnn._check_supported_dtypes, lambda d: rnn._check_rnn_cell_input_dtypes([d])):
        with tf.Graph().as_default():
            whole = tf.zeros([2], tf.int32)
            part = tf.zeros([2])
        is_dtype = check is rnn._check_supported_dtypes
        check(part.dtype if is_dtype else part)
        with pytest.raises(ValueError, match="floating point"):
            check(whole.dtype if is_dtype else whole)
