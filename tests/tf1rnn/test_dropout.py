"""Dropout: masks as a function of seed and steps, and what they fall on.

What is drawn without `step`, as TensorFlow 1 does, is tested in test_dropout_drawn.py.
"""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import DTYPE, FLOAT, Echo, assert_close, evaluate, open_session
from hypothesis import given, settings
from hypothesis import strategies as st

import tf1rnn


def masks(num_steps=6, batch=4, units=5, *, seed=1, graph_seed=2, step=3, fast=True, **options):
    """The outputs of a dropped cell that is fed with ones: `[num_steps, batch, units]`.

    `step` is the global step, None for masks that are drawn anew.
    """
    options = dict(options or {"output_keep_prob": 0.5})
    with tf.Graph().as_default():
        tf.set_random_seed(graph_seed)
        if step is not None:
            options["step"] = tf.train.create_global_step()
        cell = tf1rnn.DropoutWrapper(Echo(units, fast), seed=seed, **options)
        x = tf.ones([num_steps, batch, units], FLOAT)
        outputs, _ = tf1rnn.dynamic_rnn(cell, x, dtype=FLOAT, time_major=True)
        return evaluate(outputs, {"global_step": step})


def test_a_unit_is_kept_with_its_probability_and_scaled_by_its_inverse():
    dropped = masks(20, 50, 100, output_keep_prob=0.3)
    kept = dropped != 0
    assert_close(dropped[kept], 1 / 0.3)
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
        return tf.stack(tf1rnn.static_rnn(cell, tf.unstack(x), dtype=FLOAT)[0])

    def by_hand(cell, x):
        state = cell.zero_state(4, FLOAT)
        return tf.stack([cell(step, state)[0] for step in tf.unstack(x)])

    def by_hand_named(cell, x):
        outputs, state = [], cell.zero_state(4, FLOAT)
        for t in reversed(range(6)):
            with tf1rnn.time_step(t):
                outputs.append(cell(x[t], state)[0])
        return tf.stack(outputs[::-1])

    for loop in (static, by_hand, by_hand_named):
        with tf.Graph().as_default():
            tf.set_random_seed(2)
            step = tf.train.create_global_step()
            cell = tf1rnn.DropoutWrapper(Echo(5, False), output_keep_prob=0.5, seed=1, step=step)
            outputs = evaluate(loop(cell, tf.ones([6, 4, 5], FLOAT)), {"global_step": 3})
        assert np.array_equal(outputs, masks()), loop.__name__


@pytest.mark.parametrize("fast", [True, False])
def test_masks_depend_on_seeds_and_global_step_and_on_nothing_else(fast):
    assert np.array_equal(masks(fast=fast), masks(fast=fast))
    for change in ({"seed": 5}, {"graph_seed": 5}, {"step": 4}, {"seed": None}):
        assert not np.array_equal(masks(fast=fast), masks(fast=fast, **change)), change


def test_without_any_seed_every_graph_has_masks_of_its_own():
    def unseeded():
        with tf.Graph().as_default():
            step = tf.train.create_global_step()
            cell = tf1rnn.DropoutWrapper(Echo(20), output_keep_prob=0.5, step=step)
            output, _ = cell(tf.ones([5, 20], FLOAT), cell.zero_state(5, FLOAT))
            return evaluate(output, {"global_step": 0})

    assert not np.array_equal(unseeded(), unseeded())


def test_the_graphs_seed_alone_gives_each_layer_masks_of_its_own_in_any_unrolling():
    def layers(fast):
        with tf.Graph().as_default():
            tf.set_random_seed(7)
            options = {"output_keep_prob": 0.5, "step": tf.train.create_global_step()}
            cells = [tf1rnn.DropoutWrapper(Echo(9, fast), **options) for _ in range(2)]
            x = tf.ones([4, 3, 9], FLOAT)
            stack = tf1rnn.MultiRNNCell(cells)
            outputs, _ = tf1rnn.dynamic_rnn(stack, x, dtype=FLOAT)
            return evaluate(outputs, {"global_step": 0})

    assert np.array_equal(layers(True), layers(False))
    assert set(np.unique(layers(True))) == {0.0, 4.0}
    assert 0.1 < (layers(True) != 0).mean() < 0.4  # a quarter; a half if both masks were one


@pytest.mark.parametrize("fast", [True, False])
def test_without_a_step_every_run_has_new_masks(fast):
    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Echo(5, fast), output_keep_prob=0.5, seed=1)
        outputs, _ = tf1rnn.dynamic_rnn(cell, tf.ones([4, 6, 5], FLOAT), dtype=FLOAT)
        with open_session() as sess:
            first, second = sess.run(outputs), sess.run(outputs)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first[:, 0], first[:, 1])


def test_keep_prob_may_be_fed_and_one_keeps_all():
    with tf.Graph().as_default():
        keep_prob = tf.placeholder_with_default(1.0, [])
        cell = tf1rnn.DropoutWrapper(Echo(50), output_keep_prob=keep_prob, seed=1)
        outputs, _ = tf1rnn.dynamic_rnn(cell, tf.ones([4, 6, 50], FLOAT), dtype=FLOAT)
        assert evaluate(outputs).min() == 1.0
        assert set(np.unique(evaluate(outputs, feed={keep_prob: 0.25}))) == {0.0, 4.0}


def test_keep_prob_zero_drops_all_with_finite_gradients():
    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Echo(3), output_keep_prob=0.0)
        x = tf.ones([2, 3], FLOAT)
        output, _ = cell(x, cell.zero_state(2, FLOAT))
        for values in evaluate([output, *tf.gradients(output, x)]):
            assert not values.any()


def test_keep_prob_one_adds_no_op():
    def ops(wrap):
        with tf.Graph().as_default() as graph:
            cell = wrap(tf1rnn.GRUCell(3))
            tf1rnn.dynamic_rnn(cell, tf.ones([4, 6, 5], FLOAT), dtype=FLOAT)
            return [op.type for op in graph.get_operations()]

    assert ops(tf1rnn.DropoutWrapper) == ops(lambda cell: cell)
    one = tf.Graph()
    with one.as_default():
        wrapper = tf1rnn.DropoutWrapper(Echo(3), output_keep_prob=tf.constant(1.0))
        x = tf.ones([2, 3], FLOAT)
        before = len(one.get_operations())
        Echo(3)(x, x)
        cell_ops = len(one.get_operations()) - before
        wrapper(x, x)
        assert len(one.get_operations()) == before + 2 * cell_ops


def test_the_gradient_passes_where_the_output_does():
    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Echo(30), output_keep_prob=0.5, seed=3)
        x = tf.ones([6, 4, 30], DTYPE)
        outputs, _ = tf1rnn.dynamic_rnn(cell, x, dtype=DTYPE)
        output, gradient = evaluate([outputs, *tf.gradients(outputs, x)])
    assert_close(gradient, output)  # d(mask · 1) / d 1
    assert {0.0, 2.0} == set(np.unique(gradient))


@pytest.mark.parametrize("fast", [True, False])
def test_variational_dropout_has_one_mask_for_all_steps_and_rows(fast):
    options = {"variational_recurrent": True, "dtype": FLOAT, "output_keep_prob": 0.5}
    dropped = masks(6, 4, 40, fast=fast, **options)
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert np.array_equal(dropped, np.broadcast_to(dropped[:1, :1], dropped.shape))
    assert not np.array_equal(dropped, masks(6, 4, 40, fast=fast, step=4, **options))
    with tf.Graph().as_default():  # no step: one mask within a run all the same
        cell = tf1rnn.DropoutWrapper(Echo(40, fast), **options)
        dropped, _ = evaluate(tf1rnn.dynamic_rnn(cell, tf.ones([4, 6, 40], FLOAT), dtype=FLOAT))
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
        _, state = cell(tf.ones([4, 1], FLOAT), cell.zero_state(4, FLOAT))
        tf.nest.assert_same_structure(state, state_size)
        return [set(np.unique(x)) == {0.0, 2.0} for x in evaluate(tf.nest.flatten(state))]


def test_state_dropout_spares_c_of_an_lstm_and_what_the_visitor_says():
    pair = tf1rnn.LSTMStateTuple(30, 30)
    assert dropped_parts(30) == [True]
    assert dropped_parts(pair) == [False, True]
    assert dropped_parts((pair, {"b": pair, "a": 30})) == [False, True, True, False, True]
    visitor = {"dropout_state_filter_visitor": lambda part: not isinstance(part, dict)}
    assert dropped_parts((pair, {"a": 30}), **visitor) == [True, True, False]


def test_state_dropout_reaches_the_next_step_and_differs_from_step_to_step():
    class Keep(Echo):
        def call(self, inputs, state):
            return state, tf.ones_like(state)

    with tf.Graph().as_default():
        cell = tf1rnn.DropoutWrapper(Keep(40), state_keep_prob=0.5, seed=1)
        outputs, _ = tf1rnn.dynamic_rnn(cell, tf.ones([2, 3, 40], FLOAT), dtype=FLOAT)
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
        tf1rnn.DropoutWrapper(cell, input_keep_prob=0.5, variational_recurrent=True, dtype=FLOAT)
    with pytest.raises(TypeError, match="visitor"):
        tf1rnn.DropoutWrapper(cell, dropout_state_filter_visitor="all")
