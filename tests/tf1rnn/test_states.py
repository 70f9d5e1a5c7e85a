"""States of every kind: scalars, arrays, shapes that are told late, cells of others."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import DTYPE, FLOAT, Echo, assert_close, evaluate, old_unrollers, random_array

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old unrollers


class Clock(tf1rnn.RNNCell):
    """Sums its inputs and counts its steps in a scalar."""

    state_size = (2, tf.TensorShape([]))
    output_size = 2

    def zero_state(self, batch_size, dtype):
        return tf.zeros([batch_size, 2], dtype), tf.zeros([], dtype)

    def call(self, inputs, state):
        return inputs + state[1], (state[0] + inputs, state[1] + 1)


class Historian(Clock):
    """Writes all its inputs down in an array, as attention writes down its alignments."""

    def zero_state(self, batch_size, dtype):
        history = tf.TensorArray(dtype, 0, dynamic_size=True, clear_after_read=False)
        return tf.zeros([batch_size, 2], dtype), history

    def call(self, inputs, state):
        total, history = state
        return total, (total + inputs, history.write(history.size(), inputs))


def unrolled(unrollers, static, cell, lengths, given):
    x = random_array("x", [2, 4, 2])
    if lengths:  # padding of zeros: a history keeps what the cell saw of it
        x *= np.less.outer(np.arange(4), lengths).T[:, :, None]
    x = tf.constant(x)
    start = {"initial_state": cell.zero_state(2, DTYPE)} if given else {"dtype": DTYPE}
    if static:
        outputs, state = unrollers.static_rnn(
            cell, tf.unstack(x, axis=1), sequence_length=lengths, **start
        )
        outputs = tf.stack(outputs, axis=1)
    else:
        outputs, state = unrollers.dynamic_rnn(cell, x, sequence_length=lengths, **start)
    total, last = state
    return outputs, total, last.stack() if isinstance(last, tf.TensorArray) else last


@pytest.mark.parametrize("kind", [Clock, Historian])
def test_what_has_no_rows_goes_through_a_state_as_in_tensorflow_1(graph, kind):
    cell, ours, theirs = kind(), [], []
    for static in (False, True):
        for lengths in (None, [3, 1]):
            for given in (False, True):
                ours.append(unrolled(tf1rnn, static, cell, lengths, given))
                if given:  # the old unrollers are slow to build
                    theirs += 2 * [unrolled(old_unrollers(), static, cell, lengths, given)]
    ours, theirs = evaluate([ours, theirs])
    assert_close(ours, theirs)
    steps = {4, 3} if kind is Clock else {(4, 2, 2), (3, 2, 2)}
    assert {int(last) if kind is Clock else last.shape for _, _, last in ours} == steps


def test_a_steered_loop_carries_an_array_in_its_state(graph):
    cell, x = Historian(), tf.constant(random_array("x", [2, 2]))

    def loop_fn(time, output, state, loop_state):
        state = cell.zero_state(2, DTYPE) if state is None else state
        emit = tf.zeros([2], DTYPE) if output is None else output
        return time >= tf.constant([3, 1]), x, state, emit, None

    _, (_, history), _ = tf1rnn.raw_rnn(cell, loop_fn)
    history, x = evaluate([history.stack(), x])
    assert_close(history, np.stack([x] * 3))


def test_a_steered_loop_may_tell_the_shape_of_what_it_emits_when_it_runs(graph):
    cell = Echo(2)
    like = tf.placeholder(DTYPE, None)
    emitted = tf.placeholder(DTYPE, None)

    def loop_fn(time, output, state, loop_state):
        state = cell.zero_state(2, FLOAT) if state is None else state
        emit = like if output is None else emitted
        return time >= tf.constant([3, 1]), tf.ones([2, 2], FLOAT), state, emit, None

    emits, _, _ = tf1rnn.raw_rnn(cell, loop_fn)
    array = random_array("emit", [2, 3, 1])
    values = evaluate(emits.stack(), feed={like: np.zeros([3, 1]), emitted: array})
    assert_close(values[0], array)
    assert not values[1:, 1].any()


CELLS = {
    "lstm": lambda: tf1rnn.BasicLSTMCell(3, fast=False),
    "stack": lambda: tf1rnn.MultiRNNCell([tf1rnn.GRUCell(3), tf1rnn.LSTMCell(3, num_proj=2)]),
}


@pytest.mark.parametrize("kind", CELLS)
def test_a_shape_that_one_of_inputs_and_state_tells_is_known_of_both(graph, kind):
    cell, x = CELLS[kind](), random_array("x", [1, 4, 2])
    known = cell.zero_state(1, DTYPE)
    fed = tf.nest.map_structure(lambda _: tf.placeholder(DTYPE, [None, None]), known)
    unknown = tf.placeholder(DTYPE, [None, None, 2])
    results = []
    for inputs, start in ((unknown, known), (tf.constant(x), fed), (unknown, fed)):
        outputs, state = tf1rnn.dynamic_rnn(cell, inputs, initial_state=start)
        rows = None if inputs is unknown and start is fed else 1
        assert outputs.shape.as_list()[0] == rows
        sizes = tf.nest.flatten(cell.state_size)
        shapes = [part.shape.as_list() for part in tf.nest.flatten(state)]
        assert shapes == [[rows, size] for size in sizes]
        results.append([outputs, *tf.nest.flatten(state)])
    steps = [tf.placeholder_with_default(x[:, t], [None, 2]) for t in range(4)]
    outputs, state = tf1rnn.static_rnn(cell, steps, known)
    results.append([tf.stack(outputs, 1), *tf.nest.flatten(state)])
    feed = {unknown: x}
    for part, size in zip(tf.nest.flatten(fed), tf.nest.flatten(cell.state_size), strict=True):
        assert part.shape.as_list() == [None, None]  # the caller's own tensor stays as it is
        feed[part] = np.zeros([1, size])
    first, *others = evaluate(results, feed=feed)
    for other in others:
        assert_close(other, first)


@pytest.mark.parametrize("num_steps", [0, None])
def test_a_sequence_without_steps_leaves_the_state(graph, num_steps):
    inputs = tf.placeholder(DTYPE, [3, num_steps, 2])
    start = tf.constant(random_array("start", [3, 3]))
    cell, results = tf1rnn.GRUCell(3, fast=False), []
    for lengths in (None, [0, 0, 0]):
        outputs, state = tf1rnn.dynamic_rnn(cell, inputs, lengths, start)
        results.append([outputs, state, *tf.gradients([outputs, state], start)])
    results, expected = evaluate([results, start], feed={inputs: np.zeros([3, 0, 2])})
    for outputs, state, d_start in results:
        assert outputs.shape == (3, 0, 3)
        assert_close(state, expected)
        assert_close(d_start, np.ones([3, 3]))


class Foreign:
    """A cell as Keras has them: no `zero_state`, states in a list."""

    output_size = 2

    @property
    def state_size(self):
        return [2, 2]

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        return [tf.ones([batch_size, 2], dtype), tf.zeros([batch_size, 2], dtype)]

    def __call__(self, inputs, states):
        total = states[0] + inputs
        return total, [total, states[1] + 1]


def test_cells_of_others_start_from_their_own_initial_state(graph):
    x = random_array("x", [3, 4, 2])
    fed, start = tf.placeholder_with_default(x, [None, None, 2]), {"dtype": DTYPE}
    steps = tf.unstack(tf.constant(x), axis=1)
    (both, _) = tf1rnn.bidirectional_dynamic_rnn(Foreign(), Foreign(), fed, **start)
    forward, _, _ = tf1rnn.static_bidirectional_rnn(Foreign(), Foreign(), steps, **start)
    flow = tf1rnn.gradient_flow(Foreign(), tf.constant(x), tf.reduce_sum)
    outputs = [
        tf1rnn.dynamic_rnn(Foreign(), fed, **start)[0],
        both[0],
        tf.stack(tf1rnn.static_rnn(Foreign(), steps, **start)[0], 1),
        tf.stack(forward, 1)[:, :, :2],
    ]
    outputs, flow = evaluate([outputs, flow[0]])
    for values in outputs:
        assert_close(values, 1 + np.cumsum(x, axis=1))
    assert_close(flow, np.sqrt(6) * np.array([4, 4, 3, 2, 1]))
