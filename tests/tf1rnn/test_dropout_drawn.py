"""Dropout as TensorFlow 1 draws it: new masks in every step, turn, call and run."""

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf
from graphs import (
    FLOAT,
    Echo,
    assert_close,
    control_flow,
    evaluate,
    load,
    old_cells,
    open_session,
    random_weights,
)

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells


def wrapped(units=20, **options):
    return tf1rnn.DropoutWrapper(Echo(units), output_keep_prob=0.5, **options)


def in_a_while_loop(cell, x):
    def body(t, state, written):
        output, state = cell(x[t], state)
        return t + 1, state, written.write(t, output)

    start = (0, cell.zero_state(4, FLOAT), tf.TensorArray(FLOAT, 3))
    return tf.while_loop(lambda t, *_: t < 3, body, start)[2].stack()


def in_map_fn(cell, x):
    return tf.map_fn(lambda row: cell(row, cell.zero_state(4, FLOAT))[0], x)


def in_scan(cell, x):
    start = (x[0], cell.zero_state(4, FLOAT))
    return tf.scan(lambda before, row: cell(row, before[1]), x, start)[0]


def in_a_branch_of_a_loop(cell, x):
    return tf.map_fn(
        lambda row: tf.cond(
            tf.reduce_sum(row) > 0, lambda: cell(row, tf.zeros([4, 20], FLOAT))[0], lambda: row
        ),
        x,
    )


def a_sequence_in_map_fn(cell, x):
    return tf.map_fn(lambda row: tf1rnn.dynamic_rnn(cell, row[None], dtype=FLOAT)[0][0], x)


def a_plain_sequence_in_map_fn(cell, x):
    cell = tf1rnn.ResidualWrapper(cell, residual_fn=lambda inputs, outputs: outputs)
    return a_sequence_in_map_fn(cell, x)  # a residual_fn has the unrollers step


LOOPS = [in_a_while_loop, in_map_fn, in_scan, in_a_branch_of_a_loop]
LOOPS += [a_sequence_in_map_fn, a_plain_sequence_in_map_fn]


@pytest.mark.parametrize(
    ("version", "loops"),
    [
        (2, [in_a_while_loop, a_sequence_in_map_fn]),
        *(pytest.param(version, LOOPS, marks=pytest.mark.long) for version in (1, 2)),
    ],
)
def test_every_turn_of_a_loop_of_ones_own_has_masks_of_its_own(version, loops):
    with control_flow(version), tf.Graph().as_default():
        x = tf.ones([3, 4, 20], FLOAT)
        for outputs in evaluate([loop(wrapped(seed=1), x) for loop in loops]):
            assert set(np.unique(outputs)) == {0.0, 2.0}
            assert not any(np.array_equal(outputs[t], outputs[u]) for t, u in [(0, 1), (1, 2)])


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("loop", LOOPS)
def test_masks_of_a_step_are_refused_where_a_loop_would_repeat_them(loop, version):
    with control_flow(version), tf.Graph().as_default():
        cell = wrapped(step=tf.train.create_global_step())
        with pytest.raises(ValueError, match=r"tf1rnn\.time_step.*leave `step` out"):
            loop(cell, tf.ones([3, 4, 20], FLOAT))
        # A step that is named outside of the loop is one for all turns, too.
        with tf1rnn.time_step(2), pytest.raises(ValueError, match="time_step"):
            loop(cell, tf.ones([3, 4, 20], FLOAT))


@pytest.mark.parametrize("version", [1, 2])
def test_masks_of_a_step_are_those_of_the_unrollers_where_a_loop_names_its_steps(version):
    def named(cell, x):
        def body(t, written):
            with tf1rnn.time_step(t):
                output = tf.cond(t < 9, lambda: cell(x[t], x[t])[0], lambda: x[t])
            return t + 1, written.write(t, output)

        start = (0, tf.TensorArray(FLOAT, 3))
        return tf.while_loop(lambda t, _: t < 3, body, start)[1].stack()

    with control_flow(version), tf.Graph().as_default():
        step, x = tf.train.create_global_step(), tf.ones([3, 4, 20], FLOAT)
        cells = [wrapped(step=step, seed=1) for _ in range(3)]
        outputs, _ = tf1rnn.dynamic_rnn(cells[0], x, dtype=FLOAT, time_major=True)
        plain = tf1rnn.DropoutWrapper(Echo(20, fast=False), 1.0, 0.5, seed=1, step=step)
        looped, _ = tf1rnn.dynamic_rnn(plain, x, dtype=FLOAT, time_major=True)
        variational = tf1rnn.DropoutWrapper(
            Echo(20), 1.0, 0.5, variational_recurrent=True, dtype=FLOAT, step=step
        )
        fetches = [outputs, looped, named(cells[1], x), in_a_while_loop(variational, x)]
        *same, one = evaluate(fetches, {"global_step": 3})
    assert np.array_equal(same[0], same[1])
    assert np.array_equal(same[0], same[2])
    assert not np.array_equal(same[0][0], same[0][1])
    assert np.array_equal(one, np.broadcast_to(one[:1, :1], one.shape))  # one mask by its nature


@pytest.mark.parametrize("fast", [True, False])
def test_sequences_runs_and_accumulated_gradients_have_masks_of_their_own(fast):
    with tf.Graph().as_default():
        tf.train.create_global_step()
        cell = tf1rnn.DropoutWrapper(Echo(20, fast), output_keep_prob=0.5)
        x = tf.ones([4, 6, 20], FLOAT)
        outputs = [tf1rnn.dynamic_rnn(cell, x, dtype=FLOAT)[0] for _ in range(2)]
        gradient = tf.gradients(outputs[0], x)
        with open_session() as sess:
            sess.run(tf.global_variables_initializer())
            (first, second), (again, _), (one,), (two,) = (
                sess.run(fetch) for fetch in (outputs, outputs, gradient, gradient)
            )
    for a, b in ((first, second), (first, again), (one, two), (first[:, 0], first[:, 1])):
        assert abs(((a != 0) == (b != 0)).mean() - 0.5) < 0.2


def test_a_wrapped_function_draws_new_masks_in_every_call():
    function = tf.wrap_function(
        lambda x: tf1rnn.dynamic_rnn(wrapped(seed=1), x, dtype=FLOAT)[0],
        [tf2.TensorSpec([4, 6, 20], FLOAT)],
    )
    x = np.ones([4, 6, 20], FLOAT.as_numpy_dtype)
    assert not np.array_equal(function(x).numpy(), function(x).numpy())


# Numbers that any dtype has exactly: TensorFlow 1's wrapper rounds them to float32.
OPTIONS = {
    "input": {"input_keep_prob": 0.75},
    "output": {"output_keep_prob": 0.625},
    "state": {"state_keep_prob": 0.5},
    "all": {"input_keep_prob": 0.75, "output_keep_prob": 0.625, "state_keep_prob": 0.5},
}
VARIATIONAL = {"variational_recurrent": True, "dtype": FLOAT, "input_size": 4}


def three_runs(library, options):
    """Output and state of two steps, in three runs."""
    with tf.Graph().as_default():
        tf.set_random_seed(7)
        layers = [library.BasicLSTMCell(6), library.GRUCell(5)]
        cell = library.DropoutWrapper(library.MultiRNNCell(layers), **{"seed": 3, **options})
        x = tf.ones([3, 4], FLOAT)
        state = cell.zero_state(3, FLOAT)
        for _ in range(2):
            output, state = cell(x, state)
        with open_session() as sess:
            weights = random_weights(tf.global_variables())
            load(sess, {v: weights[v.op.name] for v in tf.global_variables()})
            return [sess.run([output, *tf.nest.flatten(state)]) for _ in range(3)]


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("use", OPTIONS)
def test_masks_of_a_seed_are_those_of_tensorflow_1(use, variational):
    options = {**OPTIONS[use], **(VARIATIONAL if variational else {})}
    ours, theirs = (three_runs(library, options) for library in (tf1rnn, old_cells()))
    assert_close(ours, theirs)
    assert any(not np.array_equal(ours[0][0], run[0]) for run in ours[1:])


def test_a_global_step_of_ones_own_is_left_alone():
    with tf.Graph().as_default():
        tf.Variable(0, name="global_step", trainable=False)
        output, _ = wrapped()(tf.ones([3, 20], FLOAT), tf.zeros([3, 20], FLOAT))
        assert set(np.unique(evaluate(output, {"global_step": 0}))) == {0.0, 2.0}
    with pytest.raises(TypeError, match="step must be an integer"):
        wrapped(step=0.5)


def test_a_keep_prob_without_a_shape_leaves_the_shapes_known():
    with tf.Graph().as_default():
        keep_prob = tf.placeholder(FLOAT)
        step = tf.train.create_global_step()
        for options in ({}, {"step": step}, VARIATIONAL, {**VARIATIONAL, "step": step}):
            for fast in (True, False):
                gru = tf1rnn.GRUCell(4, fast=fast)
                cell = tf1rnn.DropoutWrapper(gru, keep_prob, keep_prob, keep_prob, **options)
                x = tf.placeholder(FLOAT, [3, 5, 4])
                scope = f"scope{len(tf.global_variables())}"
                outputs, state = tf1rnn.dynamic_rnn(cell, x, dtype=FLOAT, scope=scope)
                stepped = cell(x[:, 0], state)
                cell = tf1rnn.DropoutWrapper(gru, keep_prob, keep_prob, **options)
                sequence, _ = tf1rnn.dynamic_rnn(cell, x, dtype=FLOAT)
                assert outputs.shape == sequence.shape == [3, 5, 4]
                assert {tuple(part.shape) for part in (state, *stepped)} == {(3, 4)}
