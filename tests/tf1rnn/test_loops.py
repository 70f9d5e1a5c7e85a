"""Loops of the graph: their options, and what a steered one keeps of each row."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import FLOAT, Echo, control_flow, evaluate

import tf1rnn


def run_loop(loop, cell, x, **options):
    """The cell in one of the loops that take options; returns what to derive."""
    if loop == "dynamic_rnn":
        return tf1rnn.dynamic_rnn(cell, x, dtype=FLOAT, **options)[0]
    if loop == "bidirectional_dynamic_rnn":
        both, _ = tf1rnn.bidirectional_dynamic_rnn(cell, cell, x, dtype=FLOAT, **options)
        return list(both)

    def loop_fn(time, output, state, loop_state):
        state = cell.zero_state(3, FLOAT) if state is None else state
        return time >= tf.fill([3], 4), x[:, 0], state, output, None

    return tf1rnn.raw_rnn(cell, loop_fn, **options)[1]


@pytest.fixture
def old_control_flow():
    """Loops as TensorFlow 1 makes them, which alone know `swap_memory`."""
    with control_flow(1):
        yield


LOOPS = ["dynamic_rnn", "bidirectional_dynamic_rnn", "raw_rnn"]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("options", "expected"), [({}, 32), ({"parallel_iterations": 3}, 3)])
def test_a_loop_has_its_parallel_iterations(graph, loop, options, expected):
    run_loop(loop, tf1rnn.GRUCell(2, fast=False), tf.zeros([3, 4, 2], FLOAT), **options)
    loops = [op for op in graph.get_operations() if op.type in ("While", "StatelessWhile")]
    assert {op.get_attr("parallel_iterations") for op in loops} == {expected}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("swap_memory", [False, True])
def test_a_loop_swaps_what_its_gradient_needs_when_told_to(
    old_control_flow, graph, loop, swap_memory
):
    cell = tf1rnn.GRUCell(2, fast=False)
    results = run_loop(loop, cell, tf.zeros([3, 4, 2], FLOAT), swap_memory=swap_memory)
    tf.gradients(results, tf.trainable_variables())
    stacks = [op for op in graph.get_operations() if op.type == "StackPushV2"]
    assert {op.get_attr("swap_memory") for op in stacks} == {swap_memory}


@pytest.mark.parametrize("options", [{}, {"parallel_iterations": 3, "swap_memory": True}])
def test_the_loops_of_a_faster_way_have_the_options_too(old_control_flow, graph, options):
    inputs = tf.placeholder(FLOAT, [3, None, 2])
    results = run_loop("dynamic_rnn", tf1rnn.GRUCell(2), inputs, **options)
    tf.gradients(results, tf.trainable_variables())
    operations = graph.get_operations()
    entered = {op.get_attr("parallel_iterations") for op in operations if op.type == "Enter"}
    assert entered == {options.get("parallel_iterations", 10)}
    assert not [op for op in operations if op.type == "StackPushV2"]  # a row a step is kept, once


def steered_counter(first_loop_state, next_loop_state):
    """A loop whose second row takes back that it has finished, and which emits a nest."""
    finished = tf.constant([[x == "x" for x in t] for t in ("...", ".x.", "..x", "x..", "xxx")])
    cell = Echo(2)

    def loop_fn(time, output, state, loop_state):
        loop_state = first_loop_state if output is None else next_loop_state(loop_state)
        emit = {"time": tf.constant(0), "pair": tf.zeros([2, 1], tf.float64)}
        if output is not None:
            emit = {"time": tf.fill([3], time), "pair": tf.ones([3, 2, 1], tf.float64)}
        state = cell.zero_state(3, FLOAT) if state is None else state
        return finished[time], tf.ones([3, 2], FLOAT), state, emit, loop_state

    emits, state, loop_state = tf1rnn.raw_rnn(cell, loop_fn)
    return tf.nest.map_structure(lambda array: array.stack(), emits), state, loop_state


def test_a_finished_row_of_a_steered_loop_stays_finished_and_emits_nothing_more(graph):
    emits, state, loop_state = steered_counter(None, lambda loop_state: loop_state)
    assert loop_state is None
    emits, state = evaluate([emits, state])
    assert emits["time"].tolist() == [[1, 1, 1], [2, 0, 2], [3, 0, 0]]
    assert emits["pair"].dtype == np.float64
    assert emits["pair"][..., 0].tolist() == [
        [[1, 1], [1, 1], [1, 1]],
        [[1, 1], [0, 0], [1, 1]],
        [[1, 1], [0, 0], [0, 0]],
    ]
    assert state.tolist() == [[3, 3], [1, 1], [2, 2]]


def test_no_next_loop_state_leaves_the_last_one(graph):
    assert evaluate(steered_counter(tf.constant(7), lambda loop_state: None)[2]) == 7
    assert evaluate(steered_counter(tf.constant(7), lambda loop_state: loop_state + 1)[2]) == 10
