"""The arguments and members that TensorFlow 1's cells and unrollers have."""

import copy
import importlib
import inspect
import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import (
    FLOAT,
    Echo,
    assert_close,
    evaluate,
    names_and_shapes,
    old_cells,
    old_unrollers,
    open_session,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import tf1rnn
from tf1rnn.layer import snake_case

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells

CELLS = ["RNNCell", "BasicRNNCell", "BasicLSTMCell", "LSTMCell", "GRUCell", "MultiRNNCell"]
WRAPPERS = ["DropoutWrapper", "ResidualWrapper", "DeviceWrapper"]
UNROLLERS = [
    "dynamic_rnn",
    "static_rnn",
    "static_state_saving_rnn",
    "bidirectional_dynamic_rnn",
    "static_bidirectional_rnn",
    "raw_rnn",
]


def old_callable(name):
    if name in WRAPPERS:  # these hand their arguments on to a base class
        return getattr(old_cells(), name).__mro__[1].__init__
    if name in UNROLLERS:
        return getattr(old_unrollers(), name)
    return getattr(old_cells(), name).__init__


def positional(function):
    """The arguments that may be given by position, with their defaults."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.default) for p in parameters if p.kind in kinds and p.name != "self"]


@pytest.mark.parametrize("name", CELLS + WRAPPERS + UNROLLERS)
def test_every_argument_of_tensorflow_1_is_in_its_place_with_its_default(name):
    assert positional(getattr(tf1rnn, name)) == positional(old_callable(name))


@pytest.mark.parametrize("method", ["add_weight", "zero_state", "get_initial_state", "__call__"])
def test_every_argument_of_a_method_is_in_its_place(method):
    ours, theirs = (getattr(cell, method) for cell in (tf1rnn.RNNCell, old_cells().RNNCell))
    assert positional(ours) == positional(theirs)


def stack(library, *names, **options):
    return library.MultiRNNCell([getattr(library, name)(3, **options) for name in names])


def test_members_are_those_of_tensorflow_1():
    def members(library):
        with tf.Graph().as_default():
            cells = [library.BasicLSTMCell(3, name="mine"), library.GRUCell(3)]
            cells += [library.GRUCell(3, trainable=False), library.LSTMCell(3, dtype=tf.float64)]
            cells.append(stack(library, "GRUCell", "BasicRNNCell"))
            names = [(cell.name, cell.dtype, cell.trainable) for cell in cells]
            found = []
            for cell in cells:
                with pytest.raises(ValueError):
                    _ = cell.scope_name
                dtype = cell.dtype or tf.float32
                cell(tf.zeros([2, 4], dtype), cell.get_initial_state(tf.zeros([2, 4], dtype)))
                for kind in ("variables", "weights", "trainable_variables", "trainable_weights"):
                    found.append([v.op.name for v in getattr(cell, kind)])
                for kind in ("non_trainable_variables", "non_trainable_weights"):
                    found.append([v.op.name for v in getattr(cell, kind)])
                found += [cell.scope_name, cell.dtype, cell.count_params(), cell.losses]
                found += [cell.updates, cell.built]
            return names, found

    assert members(tf1rnn) == members(old_cells())


def test_weights_are_attributes_of_the_names_of_tensorflow_1():
    def attributes(library):
        with tf.Graph().as_default():
            cells = [library.BasicRNNCell(3), library.GRUCell(3), library.BasicLSTMCell(3)]
            cells.append(library.LSTMCell(3, use_peepholes=True, num_proj=2))
            for cell in cells:
                cell.build(tf.TensorShape([None, 4]))
            weights = {id(v): v.op.name for cell in cells for v in cell.weights}
            members = [vars(cell).items() for cell in cells]
            return [{k: weights[id(v)] for k, v in one if id(v) in weights} for one in members]

    assert attributes(tf1rnn) == attributes(old_cells())
    assert list(map(len, attributes(tf1rnn))) == [2, 4, 2, 6]


def test_variables_are_of_the_kind_that_the_process_makes():
    inputs = np.random.default_rng(1).normal(size=[2, 3, 4])
    weights = [np.full(shape, 0.25) for shape in ([7, 6], [6], [7, 3], [3])]

    def run(resources):
        (tf.enable_resource_variables if resources else tf.disable_resource_variables)()
        with tf.Graph().as_default(), open_session().as_default() as session:
            cell = tf1rnn.GRUCell(3)
            outputs, _ = tf1rnn.dynamic_rnn(cell, tf.constant(inputs, FLOAT), [3, 2], dtype=FLOAT)
            gradients = tf.gradients(outputs, cell.weights)
            with pytest.raises(ValueError, match="4 weights"):
                cell.set_weights(weights[1:])
            with pytest.raises(ValueError, match="incompatible"):
                cell.set_weights(weights[::-1])
            cell.set_weights(weights)
            assert_close(cell.get_weights(), weights)
            return {v.op.type for v in cell.weights}, session.run([outputs, gradients])

    before = tf.resource_variables_enabled()
    try:
        (ref, ref_values), (resource, resource_values) = run(False), run(True)
    finally:
        (tf.enable_resource_variables if before else tf.disable_resource_variables)()
    assert (ref, resource) == ({"VariableV2"}, {"VarHandleOp"})
    assert_close(ref_values, resource_values)
    with pytest.raises(ValueError, match="default session"):
        tf1rnn.GRUCell(3).get_weights()


def test_wrappers_tell_the_variables_of_their_cell():
    with tf.Graph().as_default() as graph:
        inner = tf1rnn.GRUCell(3)
        cell = tf1rnn.ResidualWrapper(tf1rnn.DropoutWrapper(tf1rnn.DeviceWrapper(inner, "/cpu:0")))
        assert cell.wrapped_cell.wrapped_cell.wrapped_cell is inner
        assert cell._cell is cell.cell
        assert (cell.variables, inner.graph) == ([], None)
        tf1rnn.dynamic_rnn(cell, tf.zeros([2, 5, 3]), dtype=tf.float32)
        assert [id(v) for v in cell.variables] == [id(v) for v in tf.global_variables()]
        assert inner.graph is graph
        with pytest.raises(TypeError):
            tf1rnn.GRUCell(3, no_such_option=1)


def with_a_build_of_its_own(base):
    """An LSTMCell whose `build` and `call` use what TensorFlow 1's constructor keeps."""

    class Own(base):
        def build(self, inputs_shape):
            rows = int(inputs_shape[-1]) + self.output_size
            parts = tf.fixed_size_partitioner(self._num_unit_shards)
            self._kernel = self.add_variable(
                "kernel",
                [rows, 4 * self._num_units],
                initializer=self._initializer,
                partitioner=parts,
            )
            self._proj_kernel = self.add_variable(
                "projection/kernel",
                [self._num_units, self._num_proj],
                initializer=self._initializer,
                partitioner=tf.fixed_size_partitioner(self._num_proj_shards),
            )
            self.built = True

        def call(self, inputs, state):
            gates = tf.concat([inputs, state.h], 1) @ tf.convert_to_tensor(self._kernel)
            i, j, f, o = tf.split(gates, 4, axis=1)
            c = tf.sigmoid(f + self._forget_bias) * state.c
            c = tf.clip_by_value(c + tf.sigmoid(i) * j, -self._cell_clip, self._cell_clip)
            h = (tf.sigmoid(o) * self._activation(c)) @ tf.convert_to_tensor(self._proj_kernel)
            return h, type(state)(c, h)

    return Own(
        4,
        initializer=tf.constant_initializer(0.25),
        num_proj=2,
        cell_clip=0.5,
        num_unit_shards=3,
        num_proj_shards=2,
    )


def test_a_build_of_a_subclass_finds_what_the_constructor_was_given():
    results = []
    for cells, unrollers in [(tf1rnn, tf1rnn), (old_cells(), old_unrollers())]:
        with tf.Graph().as_default():
            cell = with_a_build_of_its_own(cells.LSTMCell)
            inputs = tf.constant(np.linspace(-1, 1, 30).reshape([2, 5, 3]), FLOAT)
            outputs, state = unrollers.dynamic_rnn(cell, inputs, dtype=FLOAT)
            results.append((evaluate([outputs, *state]), names_and_shapes()))
    assert results[0][1] == results[1][1]
    for ours, theirs in zip(results[0][0], results[1][0], strict=True):
        assert_close(ours, theirs)


def test_a_cells_own_variables_are_listed_however_they_are_made():
    class Cell(tf1rnn.RNNCell):
        state_size = output_size = 3

        def build(self, inputs_shape):
            half = tf.fixed_size_partitioner(2)
            self.parts = self.add_weight("parts", [4, 3], partitioner=half)
            self.fixed = self.add_variable("fixed", [3], tf.float64, trainable=False)
            self.add_variable("lossy", [3], regularizer=tf.nn.l2_loss)
            super().build(inputs_shape)

        def call(self, inputs, state):
            got = tf.get_variable("got", [3], use_resource=True)
            return inputs + got + tf.reduce_sum(tf.convert_to_tensor(self.parts)), state

    with tf.Graph().as_default():
        cell = Cell()
        for _ in range(2):
            cell(tf.zeros([2, 3]), cell.zero_state(2, tf.float32))
        trained = ["parts/part_0", "parts/part_1", "lossy", "got"]
        assert [v.op.name for v in cell.trainable_weights] == [f"cell/{n}" for n in trained]
        assert [v.op.name for v in cell.non_trainable_weights] == ["cell/fixed"]
        assert cell.fixed.dtype.base_dtype == tf.float64
        assert cell.losses == tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
        assert len(cell.losses) == 1


def some_cells():
    start = tf.random_uniform_initializer(-0.1, 0.1, seed=1)
    lstm = tf1rnn.LSTMCell(3, True, 0.5, start, 2, 0.4, forget_bias=0.0, activation="relu")
    return {
        "rnn": tf1rnn.BasicRNNCell(3, activation="hard_sigmoid", fast=False),
        "gru": tf1rnn.GRUCell(3, bias_initializer="ones", trainable=False, dtype=tf.float64),
        "basic_lstm": tf1rnn.BasicLSTMCell(3, 0.5, False, name="mine", kernel_initializer=start),
        "lstm": lstm,
        "nested": tf1rnn.MultiRNNCell(
            [
                tf1rnn.DropoutWrapper(tf1rnn.GRUCell(4, matmul_dtype=tf.bfloat16), 0.5, seed=2),
                tf1rnn.ResidualWrapper(tf1rnn.DeviceWrapper(lstm, "/cpu:0")),
            ]
        ),
        "echo": tf1rnn.ResidualWrapper(Echo(3), residual_fn=max),
    }


@pytest.mark.parametrize("kind", some_cells())
def test_a_config_makes_the_same_cell_again(kind):
    cell = some_cells()[kind]
    if kind == "echo":
        with pytest.raises(ValueError, match="custom_objects"):
            type(cell).from_config(cell.get_config())
        config = {**cell.get_config(), "cell": Echo(3)}
    else:
        config = json.loads(json.dumps(cell.get_config()))
    again = type(cell).from_config(config)
    if kind != "echo":
        assert again.get_config() == cell.get_config()
    assert (again.state_size, again.output_size) == (cell.state_size, cell.output_size)
    assert again is not cell


@pytest.mark.parametrize("activation", ["linear", "relu", "elu", "selu", "softplus", "softsign"])
def test_activations_have_the_names_and_values_of_keras(activation):
    names = [activation, "sigmoid", "hard_sigmoid", "exponential", "swish", "softmax", "relu6"]
    known = importlib.import_module("tensorflow.python.keras.activations")
    with tf.Graph().as_default():
        x = tf.constant([[-4.0, -0.3, 0.0, 0.3, 4.0]], FLOAT)
        zero = tf.zeros_like(x)
        cells = [tf1rnn.BasicRNNCell(5, name, name=f"c{i}") for i, name in enumerate(names)]
        eye = {"kernel": np.concatenate([np.eye(5)] * 2), "bias": np.zeros(5)}
        ours = [cell(x, zero)[0] for cell in cells]
        theirs = [known.get(name)(x) for name in names]
        weights = {v.op.name: eye[v.op.name.split("/")[1]] for v in tf.global_variables()}
        assert_close(*evaluate([ours, theirs], weights))


def test_a_checkpoint_of_objects_holds_a_cells_variables(tmp_path):
    def saved_and_restored(save_from, restore_to):
        """Variables of two cells of equal make, after the one is restored from the other's."""
        values = []
        for cell_of in (save_from, restore_to):
            with tf.Graph().as_default(), open_session() as sess:
                cell = cell_of.ResidualWrapper(stack(cell_of, "GRUCell", "BasicLSTMCell"))
                cell(tf.zeros([2, 3], FLOAT), cell.zero_state(2, FLOAT))
                sess.run(tf.global_variables_initializer())
                checkpoint = tf.train.Checkpoint(cell=cell)
                if not values:
                    path = checkpoint.save(str(tmp_path / "it"), session=sess)
                else:
                    checkpoint.restore(path).assert_consumed().run_restore_ops(sess)
                values.append(sess.run({v.op.name: v.value() for v in tf.global_variables()}))
        return values

    for pair in [(tf1rnn, tf1rnn), (old_cells(), tf1rnn)]:
        first, second = saved_and_restored(*pair)
        first.pop("save_counter", None), second.pop("save_counter", None)
        assert len(first) == 6
        assert first.keys() == second.keys()
        assert_close([second[name] for name in first], list(first.values()))


NAMES = ["LSTM2Cell", "ConvLSTM2DCell", "_Mine", "HTTPCell", "GRUCell", "__X9", "aB", "A", "Ünder"]


@pytest.mark.parametrize("name", NAMES)
def test_scope_names_of_custom_cells_are_those_of_tensorflow_1(name):
    old = importlib.import_module("tensorflow.python.keras.engine.base_layer").to_snake_case
    assert snake_case(name) == old(name)


@settings(max_examples=25, deadline=None)
@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True))
def test_any_class_name_becomes_the_scope_of_tensorflow_1(name):
    old = importlib.import_module("tensorflow.python.keras.engine.base_layer").to_snake_case
    assert snake_case(name) == old(name)


def copies_of(cell):
    return copy.deepcopy(cell), copy.deepcopy([cell, cell])


def test_a_copy_shares_tensors_and_functions_and_has_variables_of_its_own():
    with tf.Graph().as_default():
        keep_prob = tf.Variable(0.5, trainable=False)
        fed = tf.placeholder_with_default(0.5, [])

        class User:
            tensor = fed

            def device(self, op):
                return "/cpu:0"

        user = User()
        variational = {"variational_recurrent": True, "dtype": tf.float32}
        lstm = tf1rnn.BasicLSTMCell(3, activation=lambda x: tf.tanh(x) * fed)
        cells = [
            tf1rnn.DropoutWrapper(lstm, fed, keep_prob, 0.9, step=tf.train.create_global_step()),
            tf1rnn.DropoutWrapper(tf1rnn.GRUCell(3), 1.0, keep_prob, **variational),
            tf1rnn.DeviceWrapper(tf1rnn.GRUCell(3), user.device),
        ]
        whole = tf1rnn.MultiRNNCell(cells)
        others = len(names_and_shapes())
        unbuilt, (twin, same) = copies_of(whole)
        assert twin is same
        x = tf.zeros([2, 3])
        for cell in (whole, unbuilt):
            cell(x, cell.zero_state(2, tf.float32))
        names = [name for name, _ in names_and_shapes()[others:]]
        assert len(names) == 20
        assert {name.split("/")[0] for name in names} == {"multi_rnn_cell", "multi_rnn_cell_1"}
        assert [v.op.name for v in unbuilt.variables] == names[10:]
        built, _ = copies_of(whole)
        built(x, built.zero_state(2, tf.float32))
        assert len(names_and_shapes()) == others + 20
        assert [id(v) for v in built.variables] == [id(v) for v in whole.variables]
        assert built.wrapped is not whole if hasattr(built, "wrapped") else built is not whole
        assert [type(one) for one in built._cells] == [type(one) for one in cells]
        assert all(a is not b for a, b in zip(built._cells, cells, strict=True))


def test_a_copy_keeps_a_step_that_was_replaced_in_the_object():
    with tf.Graph().as_default():
        cell = tf1rnn.GRUCell(3)
        cell.scale = 1.0
        cell.call = (lambda self, x, s: (x * self.scale, s)).__get__(cell)
        other = copy.deepcopy(cell)
        other.scale = 7.0
        x = tf.ones([1, 3])
        ours, theirs = evaluate([one(x, x)[0] for one in (cell, other)])
        assert (ours[0, 0], theirs[0, 0]) == (1.0, 7.0)
