"""bfloat16 operands: what stays float32, how near the results are, and what is said of it."""

import dataclasses

import corpora
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import problems
import tf1rnn
from model import CELLS, make_cell
from training import processor as precision
from training.session import open_session

X86 = "processor\t: 0\nflags\t\t: fpu avx512f {}\n\nprocessor\t: 1\nflags\t\t: fpu\n"


def run_cell(kind, dtype, fast, **options):
    """Outputs and all gradients of a cell along a sequence."""
    with tf.Graph().as_default():
        tf.set_random_seed(3)
        with tf.variable_scope("", initializer=tf.random_normal_initializer(stddev=0.3, seed=1)):
            cell = CELLS[kind](16, fast=fast, matmul_dtype=dtype, **options)
            inputs = tf.constant(np.random.default_rng(2).normal(size=[4, 6, 16]), tf.float32)
            outputs, _ = tf1rnn.dynamic_rnn(cell, inputs, dtype=tf.float32)
        variables = tf.trainable_variables()
        assert {tensor.dtype.base_dtype for tensor in (outputs, *variables)} == {tf.float32}
        gradients = tf.gradients(tf.reduce_sum(outputs**2), [inputs, *variables])
        with open_session() as sess:
            sess.run(tf.global_variables_initializer())
            return sess.run([outputs, *gradients])


def error(actual, expected):
    """The largest error of any array, relative to the array's largest number."""
    pairs = zip(actual, expected, strict=True)
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in pairs)


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_errs_by_bfloat16_alone_on_both_ways(kind):
    exact = run_cell(kind, None, fast=False)
    for fast in (True, False):
        assert 1e-4 < error(run_cell(kind, tf.bfloat16, fast), exact) < 0.04


def test_a_projection_is_multiplied_in_bfloat16_too():
    options = {"kind": "lstm_peephole", "fast": True, "num_proj": 8}
    exact = run_cell(dtype=None, **options)
    assert 1e-4 < error(run_cell(dtype=tf.bfloat16, **options), exact) < 0.04


@pytest.mark.parametrize("kind", CELLS)
def test_the_configs_precision_reaches_the_cells(kind):
    for name in ("float32", "bfloat16"):
        config = dataclasses.replace(problems.resolve("sine"), cell=kind, precision=name)
        with tf.Graph().as_default() as graph:
            cell = make_cell(config, 4, is_training=False)
            cell(tf.zeros([2, 3]), cell.zero_state(2, tf.float32))
        types = {op.inputs[0].dtype.name for op in graph.get_operations() if op.type == "MatMul"}
        assert types == {name}


@pytest.mark.long
def test_a_training_in_bfloat16_saves_float32_and_ends_near_float32s(tmp_path):
    scores = {}
    for name in ("float32", "bfloat16"):
        corpus = corpora.write_corpus(tmp_path / "corpus")
        config = corpora.tiny_config(corpus, precision=name)
        training = corpora.make_training(tmp_path / name, config)
        scores[name] = training.run_to_the_end()["test"]
        types = {v.dtype.base_dtype.name for v in training.graph.graph.get_collection("variables")}
        assert types <= {"float32", "int64"}
    assert scores["bfloat16"] != scores["float32"]
    assert scores["bfloat16"] == pytest.approx(scores["float32"], rel=0.02)


@pytest.mark.parametrize(
    ("cpuinfo", "chosen", "hidden_size", "said"),
    [
        (X86.format("avx512_bf16"), "float32", 200, "would train about"),
        (X86.format("amx_bf16"), "float32", 1500, "would train about"),
        ("Features : fp asimd bf16\n", "float32", 200, "would train about"),
        (X86.format("avx512_bf16"), "float32", 20, None),
        (X86.format("avx512_bf16"), "bfloat16", 200, None),
        (X86.format("avx2"), "bfloat16", 200, "will be slow"),
        (X86.format("avx2"), "float32", 200, None),
        ("Hardware : unknown\n", "bfloat16", 200, None),
        (None, "bfloat16", 200, None),
    ],
)
def test_advice_is_given_where_the_other_precision_is_faster(
    cpuinfo, chosen, hidden_size, said, tmp_path, monkeypatch
):
    monkeypatch.setattr(precision, "CPU", tmp_path / "cpuinfo")
    if cpuinfo is not None:
        precision.CPU.write_text(cpuinfo)
    config = dataclasses.replace(
        problems.resolve("small"), precision=chosen, hidden_size=hidden_size
    )
    line = precision.advice(config)
    assert line is None if said is None else said in line
