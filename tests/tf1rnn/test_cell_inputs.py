"""What cells take and refuse, as TensorFlow 1's cells do: sizes, states, inputs and errors."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import DTYPE, assert_close, evaluate, names_and_shapes, old_cells, random_array

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells


def sized(library):
    class Sized(library.RNNCell):
        state_size = (3, tf.TensorShape([]), {"a": tf.TensorShape([2, 4])})
        output_size = 3

    return library.MultiRNNCell([Sized(), library.BasicLSTMCell(5)])


def test_a_zero_state_has_the_shapes_of_tensorflow_1_for_every_kind_of_batch_size():
    def shapes(library):
        with tf.Graph().as_default():
            fed = tf.placeholder_with_default(np.zeros([7, 6], np.float32), [None, None])
            batches = [2, tf.Dimension(3), np.int64(4), tf.TensorShape([2]), tf.constant(5)]
            batches += [tf.shape(fed)[0], tf.shape(fed)[:1], tf.constant([2, 4]), tf.shape(fed)]
            states = [sized(library).zero_state(batch, tf.float64) for batch in batches]
            static = [x.shape.as_list() for state in states for x in tf.nest.flatten(state)]
            return static, [x.shape for x in evaluate(tf.nest.flatten(states))]

    (static, run), (old_static, old_run) = shapes(tf1rnn), shapes(old_cells())
    assert run == old_run
    assert static == old_static
    assert run[1] == (2,)  # a scalar of the state is one for each row
    with tf.Graph().as_default():
        cell = tf1rnn.GRUCell(3)
        for wrong in ({}, {"inputs": tf.zeros([2, 3]), "batch_size": 4}, {"batch_size": 4}):
            with pytest.raises(ValueError, match=r"batch_size|dtype"):
                cell.get_initial_state(**wrong)


@pytest.mark.parametrize("make", [np.array, lambda x: np.array(x).tolist()])
@pytest.mark.parametrize("name", ["BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell"])
def test_a_cell_called_by_hand_takes_arrays_and_lists(name, make):
    x, h = (random_array(part, [2, 3]).astype(np.float32) for part in "xh")
    with tf.Graph().as_default():
        results = []
        for convert in (make, tf.constant):
            inner = getattr(tf1rnn, name)(3, name="c", reuse=tf.AUTO_REUSE)
            cell = tf1rnn.ResidualWrapper(tf1rnn.DropoutWrapper(inner))
            state = (convert(h), convert(h)) if "LSTM" in name else convert(h)
            results.append(tf.nest.flatten(cell(convert(x), state)))
        arrays, tensors = evaluate(results)
    assert_close(arrays, tensors, rtol=1e-6)


def test_sizes_may_be_dimensions():
    with tf.Graph().as_default():
        units = tf.Dimension(3)
        cells = [tf1rnn.GRUCell(units), tf1rnn.LSTMCell(units, num_proj=tf.Dimension(2))]
        tf1rnn.dynamic_rnn(tf1rnn.MultiRNNCell(cells), tf.zeros([2, 4, 5]), dtype=tf.float32)
        assert [shape for _, shape in names_and_shapes()][-1] == (3, 2)
        with pytest.raises(TypeError):
            tf1rnn.GRUCell(2.5)


def test_shards_split_a_kernel_as_in_tensorflow_1():
    def run(library):
        with tf.Graph().as_default():
            options = {"num_proj": 4, "num_unit_shards": 2, "num_proj_shards": 3, "name": "c"}
            cell = library.LSTMCell(3, **options)
            x = tf.constant(random_array("x", [2, 5]))
            output, _ = cell(x, cell.zero_state(2, DTYPE))
            return names_and_shapes(), evaluate(output)

    (names, output), (old_names, old_output) = run(tf1rnn), run(old_cells())
    assert names == old_names
    assert_close(output, old_output)


def test_an_old_style_cell_reuses_its_variables_inside_of_ours():
    class OldStyle:
        state_size = output_size = 3

        def zero_state(self, batch_size, dtype):
            return tf.zeros([batch_size, 3], dtype)

        def __call__(self, inputs, state, scope=None):
            with tf.variable_scope(scope or type(self).__name__):
                weights = tf.get_variable("W", [3, 3], use_resource=True)
                return inputs @ weights, state

    def wraps(cell):
        return [cell, tf1rnn.DropoutWrapper(cell), tf1rnn.DeviceWrapper(cell, "/cpu:0")]

    with tf.Graph().as_default():
        for n, cell in enumerate(wraps(OldStyle())):
            stack = tf1rnn.MultiRNNCell([cell, tf1rnn.GRUCell(3), tf1rnn.ResidualWrapper(cell)])
            for m, one in enumerate([cell, stack]):
                with tf.variable_scope(f"s{n}{m}") as scope:
                    state = one.zero_state(2, tf.float32)
                    for t in range(3):
                        if t:
                            scope.reuse_variables()
                        _, state = one(tf.zeros([2, 3]), state)
        assert len(names_and_shapes()) == 3 * (1 + 2 + 4)


@pytest.mark.parametrize("stacked", [False, True])
def test_state_dropout_spares_c_of_tensorflows_own_state_tuple(stacked):
    theirs = old_cells()

    class Stranger(theirs.RNNCell):
        state_size = theirs.LSTMStateTuple(30, 30)
        output_size = 3

        def call(self, inputs, state):
            return inputs, theirs.LSTMStateTuple(*map(tf.ones_like, state))

    with tf.Graph().as_default():
        cell = tf1rnn.MultiRNNCell([Stranger(), Stranger()]) if stacked else Stranger()
        cell = tf1rnn.DropoutWrapper(cell, state_keep_prob=0.5, seed=1)
        _, state = cell(tf.ones([4, 3]), cell.zero_state(4, tf.float32))
        dropped = [set(np.unique(part)) for part in evaluate(tf.nest.flatten(state))]
    assert dropped == [{1.0}, {0.0, 2.0}] * (2 if stacked else 1)


def wrong_calls():
    """By name: inputs and state that a cell of 3 units refuses, and the words that say why."""
    x, h = tf.zeros([2, 3]), tf.zeros([2, 3])
    integer = "RNN cell only supports floating point inputs, but saw dtype: <dtype: 'int32'>"
    rank = "is incompatible with the layer: expected ndim=2, found ndim={}. Full shape received: "
    return {
        "int": (tf.zeros([2, 3], tf.int32), h, integer),
        "int_state": (x, tf.zeros([2, 3], tf.int32), integer),
        "sequence": (tf.zeros([2, 5, 3]), h, rank.format(3)),
        "vector": (tf.zeros([3]), h, rank.format(1)),
        "nest": ((x, x), h, "expects 1 input"),
        "unknown": (tf.placeholder(tf.float32, [2, None]), h, "Expected inputs.shape[-1] to be"),
    }


@pytest.mark.parametrize("name", ["BasicRNNCell", "GRUCell", "BasicLSTMCell", "LSTMCell"])
def test_wrong_inputs_are_refused_in_the_words_of_tensorflow_1(name):
    with tf.Graph().as_default():
        for kind, (inputs, state, words) in wrong_calls().items():
            for library in (tf1rnn, old_cells()):
                cell = getattr(library, name)(3)
                both = (state, state) if "LSTM" in name else state
                with pytest.raises(ValueError) as caught:
                    cell(inputs, both)
                assert words in str(caught.value), kind
        for library in (tf1rnn, old_cells()):
            with pytest.raises(ValueError, match="only supports floating point"):
                getattr(library, name)(3, dtype=tf.int32)


def test_wrong_states_and_cells_are_refused_in_the_words_of_tensorflow_1():
    with tf.Graph().as_default():
        for library in (tf1rnn, old_cells()):
            stack = library.MultiRNNCell([library.GRUCell(3)])
            with pytest.raises(ValueError, match="Expected state to be a tuple of length 1, but"):
                stack(tf.zeros([2, 3]), tf.zeros([2, 3]))
            with pytest.raises(TypeError, match=r"is not an RNNCell: .*is missing"):
                library.ResidualWrapper("cell")
        for wrong in (tf.zeros([2, 6]), (tf.zeros([2, 3]),)):
            with pytest.raises(ValueError, match="Expected state to be a tuple of length 2"):
                tf1rnn.LSTMCell(3)(tf.zeros([2, 3]), wrong)
