"""cuDNN's networks: against the NumPy oracle and the cells that take their weights."""

from dataclasses import dataclass

import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, load, open_session, random_array

import tf1rnn
from tf1rnn.contrib import cudnn_rnn

STEPS, BATCH, DEPTH, UNITS, LAYERS = 3, 3, 4, 2, 2
LENGTHS = [3, 2, 0]
X = random_array("x", [STEPS, BATCH, DEPTH])


@dataclass(frozen=True)
class CudnnGRU:
    """A GRU whose reset gate acts after the product, one step, from NVIDIA's formulas."""

    w: list[np.ndarray]
    r: list[np.ndarray]
    b_w: list[np.ndarray]
    b_r: list[np.ndarray]
    state_size = (UNITS,)

    def step(self, x, state):
        (h,) = state
        zs = [x @ w.T + b for w, b in zip(self.w, self.b_w, strict=True)]
        hs = [h @ r.T + b for r, b in zip(self.r, self.b_r, strict=True)]
        reset, update = (reference.sigmoid(z + p) for z, p in zip(zs[:2], hs[:2], strict=True))
        candidate = np.tanh(zs[2] + reset * hs[2])
        h = (1 - update) * candidate + update * h
        return h, (h,), None


def oracle_cell(mode, w, r, b_w, b_r):
    """The oracle's cell of one layer and direction, from cuDNN's matrices, gate by gate."""
    if mode == "gru":
        return CudnnGRU(w, r, b_w, b_r)
    order = (0, 2, 1, 3) if mode == "lstm" else (0,)  # cuDNN's gates are i, f, c, o
    rows = [np.concatenate([part[i].T for i in order], 1) for part in (w, r)]
    kernel = np.concatenate(rows)
    bias = np.concatenate([b_w[i] + b_r[i] for i in order])
    if mode == "lstm":
        return reference.LSTM(kernel, bias, forget_bias=0.0)
    return reference.RNN(kernel, bias, mode.removeprefix("rnn_"))


def oracle(mode, dirs, opaque, x, states, lengths):
    """Outputs and final states of a whole network; states are (h, c) or (h,) of all layers."""
    gates = {"lstm": 4, "gru": 3}.get(mode, 1)
    cells, position = [], 0
    sizes = [DEPTH] + [UNITS * dirs] * (LAYERS - 1)

    def take(*shape):
        nonlocal position
        position += int(np.prod(shape))
        return opaque[position - int(np.prod(shape)) : position].reshape(shape)

    matrices = [
        ([take(UNITS, size) for _ in range(gates)], [take(UNITS, UNITS) for _ in range(gates)])
        for size in sizes
        for _ in range(dirs)
    ]
    for w, r in matrices:
        cells.append(oracle_cell(mode, w, r, *([take(UNITS) for _ in w] for _ in range(2))))
    assert position == opaque.size
    finals = []
    for layer in range(LAYERS):
        outputs = []
        for way in range(dirs):
            n = layer * dirs + way
            state = [part[n] for part in states][:: -1 if mode == "lstm" else 1]
            turned = x if way == 0 else turn(x, lengths)
            y, final, _ = reference.unroll(cells[n], turned, state, sequence_length=lengths)
            outputs.append(y if way == 0 else turn(y, lengths))
            finals.append(final[:: -1 if mode == "lstm" else 1])
        x = np.concatenate(outputs, axis=2)
    return x, [np.stack(part) for part in zip(*finals, strict=True)]


def turn(x, lengths):
    lengths = [STEPS] * BATCH if lengths is None else lengths
    turned = x.copy()
    for row, length in enumerate(lengths):
        turned[:length, row] = x[:length, row][::-1]
    return turned


LAYER = {
    "lstm": cudnn_rnn.CudnnLSTM,
    "gru": cudnn_rnn.CudnnGRU,
    "rnn_tanh": cudnn_rnn.CudnnRNNTanh,
    "rnn_relu": cudnn_rnn.CudnnRNNRelu,
}
DIRECTIONS = {1: "unidirectional", 2: "bidirectional"}


def random_states(mode, dirs):
    parts = 2 if mode == "lstm" else 1
    return [random_array(f"state{i}", [LAYERS * dirs, BATCH, UNITS]) for i in range(parts)]


@pytest.mark.parametrize(
    ("mode", "dirs"),
    [
        ("lstm", 2),
        ("rnn_relu", 1),
        *(
            pytest.param(mode, dirs, marks=pytest.mark.long)
            for mode in LAYER
            for dirs in DIRECTIONS
            if (mode, dirs) not in (("lstm", 2), ("rnn_relu", 1))
        ),
    ],
)
def test_a_layer_is_the_oracles_network(graph, mode, dirs):
    """Batch-major, with a gradient along the weights, in rows of different lengths."""
    states = random_states(mode, dirs)
    layer = LAYER[mode](LAYERS, UNITS, direction=DIRECTIONS[dirs], dtype=tf.float64)
    by_row = [tf.constant(x.swapaxes(0, 1)) for x in (X, *states)]
    outputs, final = layer(by_row[0], tuple(by_row[1:]), LENGTHS, time_major=False)
    loss = tf.reduce_sum(outputs)
    (slope,) = tf.gradients(loss, [layer.kernel])
    params = random_array("params", layer.kernel.shape.as_list())
    with open_session() as session:
        load(session, {layer.kernel: params})
        outputs, final, slope = session.run([outputs, final, slope])
        losses = []
        for way in (1, -1):
            load(session, {layer.kernel: params + way * 1e-6 * params})
            losses.append(session.run(loss))
    wanted, wanted_final = oracle(mode, dirs, params, X, states, LENGTHS)
    assert_close(outputs.swapaxes(0, 1), wanted)
    assert_close([part.swapaxes(0, 1) for part in final], wanted_final)
    assert_close((slope * params).sum(), (losses[0] - losses[1]) / 2e-6, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("mode", ["lstm", "gru"])
def test_sizes_may_be_unknown(graph, mode):
    """Those of steps and batch, and that of the inputs once the layer is built."""
    states = random_states(mode, 1)
    layer = LAYER[mode](LAYERS, UNITS, dtype=tf.float64)
    x = tf.placeholder(tf.float64, [None, None, DEPTH])
    outputs, final = layer(x, tuple(map(tf.constant, states)))
    without_state, _ = layer(tf.placeholder_with_default(x, [None, None, None]))
    assert outputs.shape.as_list()[2] == UNITS
    assert without_state.shape.as_list() == [None, None, UNITS]
    params = random_array("params", layer.kernel.shape.as_list())
    outputs, final, without_state = evaluate(
        [outputs, final, without_state], {layer.kernel.op.name: params}, {x: X}
    )
    wanted, wanted_final = oracle(mode, 1, params, X, states, None)
    assert_close([outputs, *final], [wanted, *wanted_final])
    zeros = [np.zeros_like(part) for part in states]
    assert_close(without_state, oracle(mode, 1, params, X, zeros, None)[0])


def test_all_weights_are_one_variable(graph):
    with tf.variable_scope("main"):
        layer = cudnn_rnn.CudnnLSTM(LAYERS, UNITS, name="awesome")
        with pytest.raises(RuntimeError, match="before input shape is known"):
            layer.canonical_weight_shapes  # noqa: B018
        with pytest.raises(ValueError, match="unknown since layer has not been built"):
            layer.input_size  # noqa: B018
        outputs, _ = layer(tf.constant(X, tf.float32))
        again, _ = layer(tf.constant(X, tf.float32))
    with tf.variable_scope("main", reuse=True):
        other = cudnn_rnn.CudnnLSTM(LAYERS, UNITS, name="awesome")
        reused, _ = other(tf.constant(X, tf.float32))
    (variable,) = tf.trainable_variables()
    assert variable is layer.kernel
    assert variable.op.name == "main/awesome/opaque_kernel"
    assert len(tf.get_collection(tf.GraphKeys.SAVEABLE_OBJECTS)) == 1
    assert other.saveable is None
    with pytest.raises(RuntimeError, match="saveable already created"):
        layer._create_saveable()
    assert layer.canonical_weight_shapes[:8] == [(UNITS, DEPTH)] * 4 + [(UNITS, UNITS)] * 4
    assert layer.canonical_bias_shapes == [[UNITS]] * 8 * LAYERS
    assert layer.state_shape(3) == ([2, 3, UNITS], [2, 3, UNITS])
    assert (layer.num_dirs, layer.rnn_mode, layer.input_size) == (1, "lstm", DEPTH)
    outputs, again, reused = evaluate([outputs, again, reused])
    assert (outputs == again).all()
    assert (outputs == reused).all()


def test_initializers_are_asked_for_each_matrix(graph):
    shapes = []

    def ones(shape, dtype=None, partition_info=None):
        shapes.append(tuple(shape))
        return tf.ones(shape, dtype)

    layer = cudnn_rnn.CudnnGRU(1, UNITS, kernel_initializer=ones, name="gru")
    layer.build([None, None, DEPTH])
    assert shapes == layer.canonical_weight_shapes
    with open_session() as session:
        session.run(layer.kernel.initializer)
        values = session.run(layer.kernel)
    count = sum(np.prod(shape) for shape in shapes)
    assert (values[:count] == 1).all()
    assert not values[count:].any()


COMPATIBLE = {
    "lstm": cudnn_rnn.CudnnCompatibleLSTMCell,
    "gru": cudnn_rnn.CudnnCompatibleGRUCell,
    "rnn_relu": lambda units: tf1rnn.BasicRNNCell(units, tf.nn.relu),
}


@pytest.mark.parametrize(
    ("mode", "dirs"), [("lstm", 1), ("gru", 2), pytest.param("rnn_relu", 1, marks=pytest.mark.long)]
)
def test_compatible_cells_and_layers_load_each_other(tmp_path, mode, dirs):
    """A network is saved, loaded by cells, saved by them, and loaded by a network."""
    x = X.astype(np.float32)
    path, back = str(tmp_path / "network"), str(tmp_path / "cells")
    with tf.Graph().as_default(), open_session() as session:
        layer = LAYER[mode](LAYERS, UNITS, direction=DIRECTIONS[dirs])
        layer.build([None, None, DEPTH])
        outputs, _ = layer(tf.constant(x))
        session.run(layer.kernel.assign(random_array("saved", layer.kernel.shape.as_list())))
        wanted = session.run(outputs)
        tf.train.Saver().save(session, path)
    with tf.Graph().as_default(), open_session() as session:
        cells = [[COMPATIBLE[mode](UNITS) for _ in range(LAYERS)] for _ in range(dirs)]
        outputs = run_cells(cells, tf.constant(x))
        tf.train.Saver().restore(session, path)
        assert_close(session.run(outputs), wanted, rtol=1e-5, atol=1e-6)
        tf.train.Saver().save(session, back)
    with tf.Graph().as_default(), open_session() as session:
        layer = LAYER[mode](LAYERS, UNITS, direction=DIRECTIONS[dirs])
        layer.build([None, None, DEPTH])
        outputs, _ = layer(tf.constant(x))
        tf.train.Saver([layer.saveable]).restore(session, back)
        assert_close(session.run(outputs), wanted, rtol=1e-5, atol=1e-6)


def run_cells(cells, inputs):
    """A stack in one or two directions, in the scopes where a user has them."""
    if len(cells) == 1:
        stack = tf1rnn.MultiRNNCell(cells[0])
        return tf1rnn.dynamic_rnn(stack, inputs, dtype=tf.float32, time_major=True)[0]
    with tf.variable_scope("stack_bidirectional_rnn"):
        for n, (fw, bw) in enumerate(zip(*cells, strict=True)):
            with tf.variable_scope(f"cell_{n}"):
                outputs, _ = tf1rnn.bidirectional_dynamic_rnn(
                    fw, bw, inputs, dtype=tf.float32, time_major=True
                )
            inputs = tf.concat(outputs, axis=2)
    return inputs


@pytest.mark.parametrize(("mode", "layers"), [("gru", 1), ("rnn_relu", 2)])
def test_checkpoints_of_objects_hold_a_layer_as_cells(graph, tmp_path, mode, layers):
    """A single one is a cell, or a stack of one."""
    layer, fresh = LAYER[mode](layers, UNITS), LAYER[mode](layers, UNITS)
    layer.build([None, None, DEPTH])
    stack = tf1rnn.MultiRNNCell([COMPATIBLE[mode](UNITS) for _ in range(layers)])
    stack(tf.zeros([1, DEPTH]), stack.zero_state(1, tf.float32))
    parts = [stack, stack._cells[0]] if layers == 1 else [stack]
    of_stack = [v for rank in (2, 1) for v in stack.weights if v.shape.rank == rank]

    def held(layer):
        kernels, biases = layer.saveable.format_converter.opaque_to_tf_canonical(layer.kernel)
        return [*kernels, *biases]

    of_layer = held(layer)
    with open_session() as session, session.as_default():
        load(session, {layer.kernel: random_array("object", layer.kernel.shape.as_list())})
        wanted = session.run(of_layer)
        saved = tf.train.Checkpoint(net=layer).save(str(tmp_path / "layer"))
        for part in parts:
            tf.train.Checkpoint(net=part).restore(saved).run_restore_ops()
            assert_close(session.run(of_stack), wanted)
            back = tf.train.Checkpoint(net=part).save(str(tmp_path / "cells"))
            session.run([layer.kernel.initializer, *(v.initializer for v in of_stack)])
            tf.train.Checkpoint(net=layer).restore(back).run_restore_ops()
            assert_close(session.run(of_layer), wanted)
        status = tf.train.Checkpoint(net=fresh).restore(back)  # before it has a variable
        fresh.build([None, None, DEPTH])
        status.run_restore_ops()
        assert_close(session.run(held(fresh)), wanted)


@pytest.mark.parametrize("mode", LAYER)
def test_converters_undo_each_other(graph, mode):
    """But for the biases of a sum, of which half goes to either side."""
    layer = LAYER[mode](LAYERS, UNITS, direction="bidirectional")
    layer.build([None, None, DEPTH])
    converter = layer.saveable.format_converter
    params = tf.constant(random_array("params", layer.kernel.shape.as_list()))
    kernels, biases = converter.opaque_to_tf_canonical(params)
    again = converter.tf_canonical_to_opaque([*kernels, *biases])
    first, second = (converter._opaque_to_cu_canonical(one) for one in (params, again))
    sums, sums_again = (converter.opaque_to_tf_canonical(one)[1] for one in (params, again))
    first, second, sums, sums_again = evaluate([first, second, sums, sums_again])
    assert_close(first[0], second[0])
    assert_close(sums, sums_again)
    gates = {"lstm": 4, "gru": 3}.get(mode, 1)
    both = [
        [x[i] + x[gates + i] for i in range(gates)] for x in (first[1], second[1])
    ]  # of the first layer, forwards
    if mode == "gru":
        assert_close([x[2] for x in first[1:]], [x[2] for x in second[1:]])
    assert_close(*both)


def test_the_op_of_old_takes_its_weights(graph):
    """`CudnnLSTM` with an input size: what it was up to TensorFlow 1.3."""
    model = cudnn_rnn.CudnnLSTM(num_layers=LAYERS, num_units=UNITS, input_size=DEPTH)
    size = tf.get_static_value(model.params_size())
    params = tf.get_variable(
        "lstm_params",
        initializer=tf.random_uniform([model.params_size()], -1.0, 1.0, seed=1),
        validate_shape=False,
    )
    states = [tf.constant(x, tf.float32) for x in random_states("lstm", 1)]
    x = tf.constant(X, tf.float32)
    outputs, h, c = model(x, *states, params, False)
    canonical = model.params_to_canonical(params)
    back = model.canonical_to_params(*canonical)
    function = cudnn_rnn.cudnn_lstm(x, *states, params, is_training=True)
    with open_session() as session:
        session.run(params.initializer)
        values, back, op, function = session.run([params, back, (outputs, h, c), function])
    assert values.shape == (size,)
    assert (values == back).all()
    wanted, finals = oracle("lstm", 1, values, X, random_states("lstm", 1), None)
    for got in (op, function):
        assert_close(list(got), [wanted, *finals], rtol=1e-4, atol=1e-5)
    saveable = cudnn_rnn.RNNParamsSaveable(
        model, model.params_to_canonical, model.canonical_to_params, [params], "Model/RNN"
    )
    names = {spec.name for spec in saveable.specs}
    assert "Model/RNN/rnn/multi_rnn_cell/cell_1/cudnn_compatible_lstm_cell/bias" in names
    assert isinstance(cudnn_rnn.CudnnGRU(1, 2, 3), type(cudnn_rnn.CudnnGRU(1, 2, input_size=3)))


def test_dropout_lies_between_layers_in_training(graph):
    x = tf.constant(X, tf.float32)
    layer = cudnn_rnn.CudnnRNNTanh(LAYERS, 50, dropout=0.5, seed=3)
    trained, tested = layer(x)[0], layer(x, training=False)[0]
    everything = cudnn_rnn.CudnnRNNTanh(LAYERS, 50, dropout=1.0, name="all")
    dropped = everything(x)[0]
    single = cudnn_rnn.CudnnRNNTanh(1, 50, dropout=0.9, name="single")
    one, same = single(x)[0], single(x, training=False)[0]
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        first, second, plain, plain_again = (
            session.run(y) for y in (trained, trained, tested, tested)
        )
        assert (first != second).any()
        assert (first != plain).any()
        assert (plain == plain_again).all()
        assert session.run(dropped)[0].std() == 0  # the second layer sees zeros alone
        one, same = session.run([one, same])
        assert (one == same).all()


def test_what_is_wrong_is_said(graph):
    with pytest.raises(ValueError, match="Invalid direction"):
        cudnn_rnn.CudnnLSTM(1, 2, direction="sideways")
    with pytest.raises(ValueError, match="Invalid input_mode"):
        cudnn_rnn.CudnnLSTM(1, 2, input_mode="none")
    with pytest.raises(ValueError, match="Only support float16"):
        cudnn_rnn.CudnnLSTM(1, 2, dtype=tf.int32)
    layer = cudnn_rnn.CudnnLSTM(1, 2)
    with pytest.raises(ValueError, match="with 3 dims, got 2"):
        layer.build([None, 3])
    with pytest.raises(ValueError, match="should be defined"):
        layer.build([None, None, None])
    with pytest.raises(TypeError, match="expecting tuple"):
        layer(tf.constant(X, tf.float32), [tf.zeros([1, BATCH, 2])] * 2)
    with pytest.raises(NotImplementedError, match="leaves out the weights"):
        cudnn_rnn.CudnnLSTM(1, 2, "skip_input").build([None, None, 2])


def test_a_scope_that_may_reuse_has_the_readable_weights_saved_once(graph):
    for _ in range(2):
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            cudnn_rnn.CudnnLSTM(1, 2)(tf.ones([3, 1, 2]))
    saveables = tf.get_collection(tf.GraphKeys.SAVEABLE_OBJECTS)
    assert len(tf.trainable_variables()) == 1 and saveables
