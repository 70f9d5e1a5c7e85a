"""One table of cells, unrollers and lengths: fast is plain is TensorFlow 1, in all that is kept."""

import functools
import os
from pathlib import Path

import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from graphs import (
    DTYPE,
    assert_close,
    load,
    names_and_shapes,
    old_cells,
    old_unrollers,
    open_session,
    random_array,
    random_weights,
)

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells

CELLS = {
    "rnn": lambda cells, **more: cells.BasicRNNCell(2, **more),
    "gru": lambda cells, **more: cells.GRUCell(2, **more),
    "lstm": lambda cells, **more: cells.BasicLSTMCell(2, **more),
    "stack": lambda cells, **more: cells.MultiRNNCell(
        [cells.ResidualWrapper(cells.GRUCell(2, **more)), cells.LSTMCell(2, **more)]
    ),
}


def dynamic(unrollers, cells, inputs, lengths):
    outputs, state = unrollers.dynamic_rnn(cells(), inputs, lengths, dtype=inputs.dtype)
    return [outputs, *tf.nest.flatten(state)]


def of_unknown_steps(unrollers, cells, inputs, lengths):
    if unrollers is tf1rnn:
        inputs = tf.placeholder_with_default(inputs, [None, None, 2])
    return dynamic(unrollers, cells, inputs, lengths)


def bidirectional(unrollers, cells, inputs, lengths):
    outputs, state = unrollers.bidirectional_dynamic_rnn(
        cells(), cells(), inputs, lengths, dtype=inputs.dtype
    )
    return tf.nest.flatten([outputs, state])


# Of each: the cells, and those whose second derivatives are compared, too.
WHOLE = {
    dynamic: (["rnn", "gru", "lstm", "stack"], ["gru", "lstm"]),
    of_unknown_steps: (["lstm"], []),
    bidirectional: (["gru"], []),
}
WHERE_ROWS_END = {dynamic: (["gru", "stack"], []), of_unknown_steps: (["lstm"], [])}


def network(unroll, kind, cells, unrollers, lengths, second, dtype, **more):
    """Results, first and second derivatives of one entry of the table, and its variables."""
    inputs = tf.constant(random_array("x", [2, 2, 2]), dtype)
    before = len(tf.trainable_variables())
    results = unroll(unrollers, lambda: CELLS[kind](cells, **more), inputs, lengths)
    wanted = [inputs, *tf.trainable_variables()[before:]]
    first = tf.gradients([part**2 for part in results], wanted)
    every = [*results, *first]
    if second:
        every += tf.gradients([d**2 for d in first], wanted)
    return every, names_and_shapes()[before:]


def table(entries, cells, unrollers, lengths, dtype=DTYPE, **more):
    """All entries in one graph: the values, and the names of all variables."""
    made, names = {}, {}
    with tf.Graph().as_default(), open_session() as session:
        for unroll, (kinds, twice) in entries.items():
            for kind in kinds:
                entry = f"{unroll.__name__}_{kind}"
                with tf.variable_scope(entry):
                    made[entry], names[entry] = network(
                        unroll, kind, cells, unrollers, lengths, kind in twice, dtype, **more
                    )
        load(session, {v: random_weights([v])[v.op.name] for v in tf.global_variables()})
        return session.run(made), names


def test_fast_is_tensorflow_1_up_to_second_derivatives():
    expected, expected_names = table(WHOLE, old_cells(), as_chains(old_unrollers()), None)
    values, names = table(WHOLE, tf1rnn, tf1rnn, None)
    assert names == expected_names
    assert_close(values, expected)


def test_fast_is_plain_is_tensorflow_1_where_rows_end():
    expected, expected_names = old_table_where_rows_end()
    for fast in (True, False):
        values, names = table(WHERE_ROWS_END, tf1rnn, tf1rnn, [1, 2], fast=fast)
        assert names == expected_names
        assert_close(values, expected)


def test_the_table_holds_in_float16():
    """A part of what `make dtypes` runs, held against numbers that are not rounded to float16."""
    expected, _ = old_table_where_rows_end()
    values, _ = table(WHERE_ROWS_END, tf1rnn, tf1rnn, [1, 2], tf.float16)
    assert_close(values, expected)


@functools.cache
def old_table_where_rows_end():
    """That of TensorFlow 1."""
    return table(WHERE_ROWS_END, old_cells(), as_chains(old_unrollers()), [1, 2])


def as_chains(unrollers):
    """The old unrollers, the dynamic ones written out: loops of theirs are slow to make."""

    class Chains:
        static_rnn = staticmethod(unrollers.static_rnn)

        @staticmethod
        def dynamic_rnn(cell, inputs, lengths, dtype):
            outputs, state = unrollers.static_rnn(
                cell, tf.unstack(inputs, axis=1), None, dtype, lengths
            )
            return tf.stack(outputs, 1), state

        @staticmethod
        def bidirectional_dynamic_rnn(forward, backward, inputs, lengths, dtype):
            outputs, *state = unrollers.static_bidirectional_rnn(
                forward, backward, tf.unstack(inputs, axis=1), None, None, dtype, lengths
            )
            return tf.split(tf.stack(outputs, 1), 2, axis=2), state

    return Chains


def fed(tensor):
    """The placeholders that a tensor cannot be computed without."""
    seen, todo = set(), [tensor.op]
    while todo:
        op = todo.pop()
        if op not in seen:
            seen.add(op)
            todo += [x.op for x in op.inputs] + list(op.control_inputs)
    return {op.name for op in seen if op.type == "Placeholder"}


def test_the_fast_way_needs_nothing_fed_that_the_plain_way_does_not(graph):
    needed = []
    for fast in (True, False):
        inputs = tf.placeholder(tf.float32, [None, None, 2], name=f"x_{fast}")
        lengths = tf.placeholder(tf.int32, [None], name=f"lengths_{fast}")
        start = tf.placeholder(tf.float32, [None, 2], name=f"start_{fast}")
        cell = tf1rnn.GRUCell(2, fast=fast, name=f"cell_{fast}")
        outputs, state = tf1rnn.dynamic_rnn(cell, inputs, lengths, start)
        kernel = tf.trainable_variables(f".*cell_{fast}/gates/kernel")[0]
        gradients = tf.gradients(outputs, [inputs, start, kernel])
        needed.append(
            [
                {name.removesuffix(f"_{fast}") for name in fed(tensor)}
                for tensor in (outputs, state, *gradients)
            ]
        )
    for fast, plain in zip(*needed, strict=True):
        assert fast <= plain


def test_the_ways_agree_in_bfloat16(graph):
    x = tf.constant(random_array("x", [2, 2, 2]), tf.bfloat16)
    ways = []
    for fast in (True, False):
        cell = tf1rnn.BasicLSTMCell(2, fast=fast, name="cell", reuse=tf.AUTO_REUSE)
        outputs, state = tf1rnn.dynamic_rnn(cell, x, [1, 2], dtype=x.dtype)
        assert outputs.dtype == state.c.dtype == x.dtype
        ways.append([outputs, *state, *tf.gradients(outputs, [x, *tf.trainable_variables()])])
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        fast, plain = session.run(tf.nest.map_structure(lambda y: tf.cast(y, tf.float32), ways))
    for a, b in zip(fast, plain, strict=True):
        np.testing.assert_allclose(a, b, atol=0.02)


def test_the_library_keeps_its_word_with_the_behaviour_of_tensorflow_1():
    """A part of what `make v1` runs: variables, loops and shapes as TensorFlow 1 has them."""
    here = Path(__file__).parent
    part = [str(here / "test_states.py"), "-k", "without_steps or others"]
    ran = processes.run(
        ["-m", "pytest", "-p", "no:cacheprovider", *part],
        env={**os.environ, "TF1RNN_BEHAVIOUR": "v1"},
        cwd=here.parents[1],
    )
    assert ran.returncode == 0, ran.stdout
