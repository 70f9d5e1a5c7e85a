"""Stacks of layers, residual connections, devices, and dropout as a function of the steps."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, names_and_shapes, old_cells, random_array
from hypothesis import given, settings
from hypothesis import strategies as st

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells


class Echo(tf1rnn.RNNCell):
    """Puts out its inputs, counts its steps in the state, and knows a way through a sequence."""

    def __init__(self, units, fast=True):
        super().__init__()
        self.units = units
        self.fast = fast

    @property
    def state_size(self):
        return self.units

    @property
    def output_size(self):
        return self.units

    def call(self, inputs, state):
        return inputs + 0.0, state + 1.0

    def sequence(self, inputs, initial_state, sequence_length=None):
        if not self.fast:
            return None
        with self.cell_scope(inputs):
            num_steps = tf.shape(inputs)[0]
            lengths = tf.fill(tf.shape(inputs)[1:2], num_steps)
            if sequence_length is not None:
                lengths = tf.minimum(lengths, sequence_length)
            inside = tf.transpose(tf.sequence_mask(lengths, num_steps, inputs.dtype))
            state = initial_state + tf.cast(lengths, inputs.dtype)[:, None]
            return inputs * inside[:, :, None], state


def masks(num_steps=6, batch=4, units=5, *, seed=1, graph_seed=2, step=3, fast=True, **options):
    """The outputs of a dropped cell that is fed with ones: `[num_steps, batch, units]`.

    `step` is the global step, None for a graph without one.
    """
    options = options or {"output_keep_prob": 0.5}
    with tf.Graph().as_default():
        tf.set_random_seed(graph_seed)
        if step is not None:
            tf.train.create_global_step()
        cell = tf1rnn.DropoutWrapper(Echo(units, fast), seed=seed, **options)
        x = tf.ones([num_steps, batch, units])
        outputs, _ = tf1rnn.dynamic_rnn(cell, x, dtype=tf.float32, time_major=True)
        return evaluate(outputs, {"global_step": step})


# Stacks.


def test_a_stack_has_the_golden_names_and_the_values_of_tensorflow_1():
    def run(library):
        with tf.Graph().as_default(), tf.variable_scope("Model"):
            cells = [library.BasicLSTMCell(3), library.GRUCell(4), library.BasicRNNCell(2)]
            stack = library.MultiRNNCell([library.DropoutWrapper(cell) for cell in cells])
            x = tf.constant(random_array("x", [2, 5]))
            output, state = stack(x, stack.zero_state(2, tf.float64))
            output, state = stack(x, state)
            return names_and_shapes(), evaluate([output, tf.nest.flatten(state)])

    names, values = run(tf1rnn)
    assert [name for name, _ in names] == [
        "Model/multi_rnn_cell/cell_0/basic_lstm_cell/kernel",
        "Model/multi_rnn_cell/cell_0/basic_lstm_cell/bias",
        "Model/multi_rnn_cell/cell_1/gru_cell/gates/kernel",
        "Model/multi_rnn_cell/cell_1/gru_cell/gates/bias",
        "Model/multi_rnn_cell/cell_1/gru_cell/candidate/kernel",
        "Model/multi_rnn_cell/cell_1/gru_cell/candidate/bias",
        "Model/multi_rnn_cell/cell_2/basic_rnn_cell/kernel",
        "Model/multi_rnn_cell/cell_2/basic_rnn_cell/bias",
    ]
    old_names, old_values = run(old_cells())
    assert names == old_names
    assert_close(values, old_values)


@pytest.mark.parametrize("fast", [True, False])
def test_joined_states_of_a_stack_carry_the_numbers_of_the_tuple(fast):
    def run(state_is_tuple):
        with tf.Graph().as_default():
            cells = [Echo(3, fast), tf1rnn.GRUCell(4), Echo(4, fast)]
            stack = tf1rnn.MultiRNNCell(cells, state_is_tuple=state_is_tuple)
            x = tf.constant(random_array("x", [2, 6, 3]))
            outputs, state = tf1rnn.dynamic_rnn(stack, x, dtype=tf.float64)
            return evaluate([outputs, tf.concat(tf.nest.flatten(state), axis=1)])

    joined = run(False)
    assert joined[1].shape == (2, 11)
    assert_close(joined, run(True))


def test_a_stack_goes_layer_after_layer_where_every_layer_knows_how():
    def run(fast):
        with tf.Graph().as_default() as graph:
            stack = tf1rnn.MultiRNNCell([Echo(3), Echo(3, fast), Echo(3)])
            x = tf.constant(random_array("x", [2, 6, 3]))
            outputs, state = tf1rnn.dynamic_rnn(stack, x, [4, 6], dtype=tf.float64)
            loops = {"While", "StatelessWhile"} & {op.type for op in graph.get_operations()}
            return evaluate([outputs, state]), bool(loops)

    (fast, fast_loops), (plain, plain_loops) = run(True), run(False)
    assert (fast_loops, plain_loops) == (False, True)
    assert_close(fast, plain)


def test_a_stack_needs_cells():
    cell = tf1rnn.GRUCell(2)
    with pytest.raises(ValueError, match="at least one"):
        tf1rnn.MultiRNNCell([])
    for wrong in (cell, iter([cell]), [cell, "cell"], [cell, tf1rnn.GRUCell]):
        with pytest.raises(TypeError):
            tf1rnn.MultiRNNCell(wrong)
    with pytest.raises(ValueError, match="state_is_tuple"):
        tf1rnn.MultiRNNCell([cell, tf1rnn.LSTMCell(2)], state_is_tuple=False)
    with pytest.warns(UserWarning, match="share weights"):
        tf1rnn.MultiRNNCell([cell, cell])


def test_a_stack_refuses_a_state_of_another_length():
    with tf.Graph().as_default():
        stack = tf1rnn.MultiRNNCell([tf1rnn.GRUCell(2), tf1rnn.GRUCell(2)])
        for wrong in (tf.zeros([1, 2]), (tf.zeros([1, 2]),)):
            with pytest.raises(ValueError, match="tuple of 2"):
                stack(tf.zeros([1, 2]), wrong)


# Residual connections and devices.


@pytest.mark.parametrize("fast", [True, False])
def test_a_residual_is_added_within_the_length_of_each_row(fast):
    with tf.Graph().as_default():
        x = random_array("x", [2, 4, 3])
        cell = tf1rnn.ResidualWrapper(Echo(3, fast))
        outputs, state = evaluate(tf1rnn.dynamic_rnn(cell, x, [4, 1], dtype=tf.float64))
    expected = 2 * x
    expected[1, 1:] = 0
    assert_close(outputs, expected)
    assert state.tolist() == [[4.0] * 3, [1.0] * 3]


def test_a_residual_function_replaces_the_sum():
    with tf.Graph().as_default():
        x = random_array("x", [2, 4, 3])
        cell = tf1rnn.ResidualWrapper(Echo(3), residual_fn=lambda i, o: i - 3 * o)
        outputs, _ = evaluate(tf1rnn.dynamic_rnn(cell, x, dtype=tf.float64))
    assert_close(outputs, -2 * x)


def test_a_residual_needs_inputs_and_outputs_of_one_shape():
    with tf.Graph().as_default(), pytest.raises(ValueError, match="equal shapes"):
        cell = tf1rnn.ResidualWrapper(tf1rnn.GRUCell(3))
        cell(tf.zeros([2, 1]), cell.zero_state(2, tf.float32))


@pytest.mark.parametrize("fast", [True, False])
def test_a_device_holds_the_cells_ops_and_nothing_else(fast):
    with tf.Graph().as_default() as graph:
        cell = tf1rnn.DeviceWrapper(Echo(3, fast), "/cpu:7")
        x = tf.zeros([4, 2, 3])
        if fast:
            tf1rnn.dynamic_rnn(cell, x, dtype=tf.float32)
        else:
            cell(x[0], cell.zero_state(2, tf.float32))
        devices = {op.type: op.device for op in graph.get_operations()}
    assert "CPU:7" in devices["Cast" if fast else "AddV2"]
    assert devices["Transpose" if fast else "StridedSlice"] == ""


@pytest.mark.parametrize("wrapper", ["DropoutWrapper", "ResidualWrapper", "DeviceWrapper"])
def test_a_wrapper_has_the_cells_sizes_and_names_and_wraps_cells_only(wrapper):
    def wrap(cell):
        extra = ["/cpu:0"] if wrapper == "DeviceWrapper" else []
        return getattr(tf1rnn, wrapper)(cell, *extra)

    with tf.Graph().as_default():
        cell = tf1rnn.BasicLSTMCell(3)
        wrapped = wrap(cell)
        assert (wrapped.state_size, wrapped.output_size) == (cell.state_size, 3)
        wrapped(tf.zeros([2, 3]), wrapped.zero_state(2, tf.float32))
        names = [name for name, _ in names_and_shapes()]
        assert names == ["basic_lstm_cell/kernel", "basic_lstm_cell/bias"]
    for wrong in ("cell", tf1rnn.LSTMStateTuple(1, 2), tf1rnn.RNNCell()):
        with pytest.raises(TypeError, match="cell"):
            wrap(wrong)


# Dropout.


def test_a_unit_is_kept_with_its_probability_and_scaled_by_its_inverse():
    dropped = masks(20, 50, 100, output_keep_prob=0.3)
    kept = dropped != 0
    np.testing.assert_allclose(dropped[kept], 1 / 0.3, rtol=1e-6)
    # 100,000 units: four standard deviations of their mean are 0.006.
    assert abs(kept.mean() - 0.3) < 0.006


def test_masks_of_steps_rows_and_uses_are_independent():
    dropped = masks(20, 50, 101, input_keep_prob=0.5, output_keep_prob=0.5) != 0
    assert abs(dropped.mean() - 0.25) < 0.006  # the input's mask and the output's: 1/2 · 1/2
    kept = masks(20, 50, 101) != 0
    flat = kept.ravel()
    for lag in (1, 4, 101, 50 * 101, 50 * 101 + 1, 50 * 101 - 1):
        agreement = (flat[lag:] == flat[:-lag]).mean()
        assert abs(agreement - 0.5) < 0.008


@settings(max_examples=8, deadline=None)
@given(
    num_steps=st.integers(1, 5),
    batch=st.integers(1, 4),
    units=st.integers(1, 6),
    step=st.integers(0, 2**40),
    seed=st.integers(0, 2**31 - 1),
)
def test_masks_of_a_whole_sequence_are_those_of_its_steps(num_steps, batch, units, step, seed):
    options = {"input_keep_prob": 0.7, "output_keep_prob": 0.6}
    sizes = (num_steps, batch, units)
    whole = masks(*sizes, step=step, seed=seed, **options)
    looped = masks(*sizes, step=step, seed=seed, fast=False, **options)
    assert np.array_equal(whole, looped)


def test_static_hand_written_and_dynamic_loops_draw_one_set_of_masks():
    def static(cell, x):
        return tf.stack(tf1rnn.static_rnn(cell, tf.unstack(x), dtype=tf.float32)[0])

    def by_hand(cell, x):
        state = cell.zero_state(4, tf.float32)
        return tf.stack([cell(step, state)[0] for step in tf.unstack(x)])

    def by_hand_named(cell, x):
        outputs, state = [], cell.zero_state(4, tf.float32)
        for t in reversed(range(6)):
            with tf1rnn.time_step(t):
                outputs.append(cell(x[t], state)[0])
        return tf.stack(outputs[::-1])

    for loop in (static, by_hand, by_hand_named):
        with tf.Graph().as_default():
            tf.set_random_seed(2)
            tf.train.create_global_step()
            cell = tf1rnn.DropoutWrapper(Echo(5, fast=False), output_keep_prob=0.5, seed=1)
            outputs = evaluate(loop(cell, tf.ones([6, 4, 5])), {"global_step": 3})
        assert np.array_equal(outputs, masks()), loop.__name__


@pytest.mark.parametrize("fast", [True, False])
def test_masks_depend_on_seeds_and_global_step_and_on_nothing_else(fast):
    assert np.array_equal(masks(fast=fast), masks(fast=fast))
    for change in ({"seed": 5}, {"graph_seed": 5}, {"step": 4}, {"seed": None}):
        assert not np.array_equal(masks(fast=fast), masks(fast=fast, **change)), change


def test_without_any_seed_every_graph_has_masks_of_its_own():
    def unseeded():
        with tf.Graph().as_default():
            tf.train.create_global_step()
            cell = tf1rnn.DropoutWrapper(Echo(20), output_keep_prob=0.5)
            output, _ = cell(tf.ones([5, 20]), cell.zero_state(5, tf.float32))
            return evaluate(output, {"global_step": 0})

    assert not np.array_equal(unseeded(), unseeded())


def test_the_graphs_seed_alone_gives_each_layer_masks_of_its_own_in_any_unrolling():
    def layers(fast):
        with tf.Graph().as_default():
            tf.set_random_seed(7)
            tf.train.create_global_step()
            cells = [tf1rnn.DropoutWrapper(Echo(9, fast), output_keep_prob=0.5) for _ in range(2)]
            x = tf.ones([4, 3, 9])
            stack = tf1rnn.MultiRNNCell(cells)
            outputs, _ = tf1rnn.dynamic_rnn(stack, x, dtype=tf.float32)
            return evaluate(outputs, {"global_step": 0})

    assert np.array_equal(layers(True), layers(False))
    assert set(np.unique(layers(True))) == {0.0, 4.0}
    assert 0.1 < (layers(True) != 0).mean() < 0.4  # a quarter; a half if both masks were one


@pytest.mark.parametrize("fast", [True, False])
def test_a_graph_without_a_global_step_gets_new_masks_in_every_run(fast):
    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Echo(5, fast), output_keep_prob=0.5, seed=1)
        outputs, _ = tf1rnn.dynamic_rnn(cell, tf.ones([4, 6, 5]), dtype=tf.float32)
        with tf.Session() as sess:
            first, second = sess.run(outputs), sess.run(outputs)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first[:, 0], first[:, 1])


def test_keep_prob_may_be_fed_and_one_keeps_all():
    with tf.Graph().as_default():
        keep_prob = tf.placeholder_with_default(1.0, [])
        cell = tf1rnn.DropoutWrapper(Echo(50), output_keep_prob=keep_prob, seed=1)
        outputs, _ = tf1rnn.dynamic_rnn(cell, tf.ones([4, 6, 50]), dtype=tf.float32)
        assert evaluate(outputs).min() == 1.0
        assert set(np.unique(evaluate(outputs, feed={keep_prob: 0.25}))) == {0.0, 4.0}


def test_keep_prob_zero_drops_all_with_finite_gradients():
    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Echo(3), output_keep_prob=0.0)
        x = tf.ones([2, 3])
        output, _ = cell(x, cell.zero_state(2, tf.float32))
        for values in evaluate([output, *tf.gradients(output, x)]):
            assert not values.any()


def test_keep_prob_one_adds_no_op():
    def ops(wrap):
        with tf.Graph().as_default() as graph:
            cell = wrap(tf1rnn.GRUCell(3))
            tf1rnn.dynamic_rnn(cell, tf.ones([4, 6, 5]), dtype=tf.float32)
            return [op.name for op in graph.get_operations()]

    assert ops(tf1rnn.DropoutWrapper) == ops(lambda cell: cell)
    one = tf.Graph()
    with one.as_default():
        wrapper = tf1rnn.DropoutWrapper(Echo(3), output_keep_prob=tf.constant(1.0))
        x = tf.ones([2, 3])
        before = len(one.get_operations())
        Echo(3)(x, x)
        cell_ops = len(one.get_operations()) - before
        wrapper(x, x)
        assert len(one.get_operations()) == before + 2 * cell_ops


def test_the_gradient_passes_where_the_output_does():
    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Echo(30), output_keep_prob=0.5, seed=3)
        x = tf.ones([6, 4, 30], tf.float64)
        outputs, _ = tf1rnn.dynamic_rnn(cell, x, dtype=tf.float64)
        output, gradient = evaluate([outputs, *tf.gradients(outputs, x)])
    assert_close(gradient, output)  # d(mask · 1) / d 1
    assert {0.0, 2.0} == set(np.unique(gradient))


@pytest.mark.parametrize("fast", [True, False])
def test_variational_dropout_has_one_mask_for_all_steps_and_rows(fast):
    options = {"variational_recurrent": True, "dtype": tf.float32, "output_keep_prob": 0.5}
    dropped = masks(6, 4, 40, fast=fast, **options)
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert np.array_equal(dropped, np.broadcast_to(dropped[:1, :1], dropped.shape))
    assert not np.array_equal(dropped, masks(6, 4, 40, fast=fast, step=4, **options))
    with tf.Graph().as_default():  # no global step: one mask within a run all the same
        cell = tf1rnn.DropoutWrapper(Echo(40, fast), **options)
        dropped, _ = evaluate(tf1rnn.dynamic_rnn(cell, tf.ones([4, 6, 40]), dtype=tf.float32))
    assert np.array_equal(dropped, np.broadcast_to(dropped[:1, :1], dropped.shape))


class Pair(tf1rnn.RNNCell):
    """Puts every part of its state to one."""

    def __init__(self, state_size):
        super().__init__()
        self._sizes = state_size

    @property
    def state_size(self):
        return self._sizes

    @property
    def output_size(self):
        return 1

    def call(self, inputs, state):
        return inputs[:, :1], tf.nest.map_structure(tf.ones_like, state)


def dropped_parts(state_size, **options):
    """For each tensor of the state, whether dropout of the state reaches it."""
    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Pair(state_size), state_keep_prob=0.5, seed=1, **options)
        _, state = cell(tf.ones([4, 1]), cell.zero_state(4, tf.float32))
        tf.nest.assert_same_structure(state, state_size)
        return [set(np.unique(x)) == {0.0, 2.0} for x in evaluate(tf.nest.flatten(state))]


def test_state_dropout_spares_c_of_an_lstm_and_what_the_visitor_says():
    pair = tf1rnn.LSTMStateTuple(30, 30)
    assert dropped_parts(30) == [True]
    assert dropped_parts(pair) == [False, True]
    assert dropped_parts((pair, {"a": 30, "b": pair})) == [False, True, True, False, True]
    visitor = {"dropout_state_filter_visitor": lambda part: not isinstance(part, dict)}
    assert dropped_parts((pair, {"a": 30}), **visitor) == [True, True, False]


def test_state_dropout_reaches_the_next_step_and_differs_from_step_to_step():
    class Keep(Echo):
        def call(self, inputs, state):
            return state, tf.ones_like(state)

    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Keep(40), state_keep_prob=0.5, seed=1)
        outputs, _ = tf1rnn.dynamic_rnn(cell, tf.ones([2, 3, 40]), dtype=tf.float32)
        _, second, third = np.moveaxis(evaluate(outputs), 1, 0)
    assert set(np.unique(second)) == set(np.unique(third)) == {0.0, 2.0}
    assert not np.array_equal(second, third)


def test_dropout_refuses_what_it_can_not_do():
    cell = Echo(3)
    for wrong in (-0.1, 1.1, float("nan")):
        for name in ("input_keep_prob", "output_keep_prob", "state_keep_prob"):
            with pytest.raises(ValueError, match=name):
                tf1rnn.DropoutWrapper(cell, **{name: wrong})
    with tf.Graph().as_default(), pytest.raises(ValueError, match="output_keep_prob"):
        tf1rnn.DropoutWrapper(cell, output_keep_prob=tf.constant(1.5))
    with pytest.raises(ValueError, match="dtype"):
        tf1rnn.DropoutWrapper(cell, output_keep_prob=0.5, variational_recurrent=True)
    with pytest.raises(ValueError, match="input_size"):
        tf1rnn.DropoutWrapper(
            cell, input_keep_prob=0.5, variational_recurrent=True, dtype=tf.float32
        )
    with pytest.raises(TypeError, match="visitor"):
        tf1rnn.DropoutWrapper(cell, dropout_state_filter_visitor="all")
