"""Layouts of the matrix products: all compute the same, and the choice is the processor's."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import FLOAT, assert_close, open_session

import tf1rnn
from tf1rnn.kernels import layout
from tf1rnn.kernels.layout import Layout

ZEN_3 = frozenset({"sse2", "avx", "avx2", "fma"})
ZEN_4 = ZEN_3 | {"avx512f", "avx512_bf16"}
SAPPHIRE_RAPIDS = ZEN_4 | {"amx_bf16", "amx_tile"}
ARM = frozenset({"asimd", "bf16"})
LAYOUTS = [Layout(*pair) for pair in itertools.product([False, True], repeat=2)]
CELLS = {
    "lstm": tf1rnn.BasicLSTMCell,
    "gru": tf1rnn.GRUCell,
    "rnn": tf1rnn.BasicRNNCell,
}
INPUTS = np.random.default_rng(0).normal(size=[4, 3, 5]).astype(FLOAT.as_numpy_dtype)  # [B, T, D]


def trained_step(make_cell, chosen, num_steps=3):
    """Loss and all gradients of two layers and a softmax, and the op types of the graph."""
    with tf.Graph().as_default() as graph, open_session() as session, layout.asked_for(chosen):
        tf.set_random_seed(1)
        x = tf.placeholder_with_default(INPUTS, [4, num_steps, 5])
        with tf.variable_scope(
            "m", initializer=tf.random_normal_initializer(stddev=0.3, seed=2), dtype=FLOAT
        ):
            cell = tf1rnn.MultiRNNCell([make_cell(6), make_cell(6)])
            outputs, _ = tf1rnn.dynamic_rnn(cell, x, [3, 1, 2, 3], dtype=FLOAT)
            w, b = tf.get_variable("w", [6, 7]), tf.get_variable("b", [7])
        rows = tf.reshape(outputs, [-1, 6])
        loss = tf.reduce_sum(tf1rnn.softmax_loss(rows, w, b, tf.range(12) % 7))
        gradients = tf.gradients(loss, [x, *tf.trainable_variables()])
        session.run(tf.global_variables_initializer())
        values = session.run([loss, *gradients])
    marks = [
        op.get_attr("transpose_a") or op.get_attr("transpose_b")
        for op in graph.get_operations()
        if op.type == "MatMul"
    ]
    return values, sum(marks), len(marks)


@pytest.mark.parametrize(
    ("cell", "num_steps"),
    [
        ("lstm", 3),
        ("gru", 3),
        *(pytest.param(*one, marks=pytest.mark.long) for one in (("rnn", 3), ("lstm", None))),
    ],
)
def test_all_layouts_give_the_same_values_and_gradients(cell, num_steps):
    (expected, marked, products), *others = [
        trained_step(CELLS[cell], chosen, num_steps) for chosen in LAYOUTS
    ]
    assert all(np.abs(one).max() > 1e-3 for one in expected)
    for values, _, _ in others:
        assert_close(values, expected)
    if num_steps:  # the layouts are what they say
        assert not marked and all(marks for _, marks, _ in others[1:])
        if cell != "rnn":  # which has one part
            assert others[0][2] < products


@pytest.mark.parametrize("units", [200, 650, 1500, None])
@pytest.mark.parametrize("flags", [ZEN_4, SAPPHIRE_RAPIDS, ARM, frozenset()])
def test_where_it_was_tuned_for_the_layout_is_copies_and_a_product_a_gate(flags, units):
    assert layout.choose(tf.float32, units, flags) == Layout(marked=False, whole=False)
    assert layout.choose(tf.bfloat16, units, flags) == Layout(marked=True, whole=False)


def test_float64_is_multiplied_as_ever():
    assert layout.choose(tf.float64, 650, ZEN_3) == Layout(marked=False, whole=False)


def test_without_avx_512_operands_are_marked_and_large_layers_have_whole_products():
    wholes = [layout.choose(tf.float32, units, ZEN_3) for units in (None, 200, 399, 400, 1500)]
    assert [one.whole for one in wholes] == [False, False, False, True, True]
    assert all(one.marked for one in wholes)
    assert layout.choose(tf.bfloat16, 650, ZEN_3) == Layout(marked=True, whole=False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("flags\t\t: fpu avx2 fma\nflags\t\t: fpu avx2 fma\n", "marked"),
        ("flags\t: fpu avx2 avx512f\n", "copied"),
        ("Features\t: fp asimd\n", "copied"),
        ("no line of flags", "copied"),
        (None, "copied"),
    ],
)
def test_the_processor_is_read_from_the_system(tmp_path, monkeypatch, text, name):
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(layout, "CPU", path)
    assert layout.name() == name
    assert layout.choose(tf.float32, 10).marked == (name == "marked")
