"""What docs/ says is proved: the tests that it names exist, and those that are only for it."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_close, evaluate, random_array, random_weights

import tf1rnn
from config import PTBConfig
from problems import PROBLEMS
from training.graphs import build

ROOT = Path(__file__).resolve().parents[1]
NAMED = {
    (document.name, *match)
    for document in ROOT.glob("docs/*.md")
    for match in re.findall(r"(tests/(?:\w+/)?test_\w+\.py)::(\w+)", document.read_text())
}


def test_the_lstm_is_explained_with_tests():
    assert len([name for name, *_ in NAMED if name == "lstm.md"]) > 20


def test_every_promise_of_reliability_has_a_test():
    assert len([name for name, *_ in NAMED if name == "RELIABILITY.md"]) > 15


@pytest.mark.parametrize(("document", "file", "name"), sorted(NAMED))
def test_a_test_that_a_document_names_exists(document, file, name):
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("fast", [True, False])
def test_forget_bias_is_the_third_quarter_of_the_bias(fast):
    def run(forget_bias, moved):
        with tf.Graph().as_default():
            cell = tf1rnn.BasicLSTMCell(4, forget_bias, fast=fast)
            x = tf.constant(random_array("x", [3, 5, 2]))
            results = tf1rnn.dynamic_rnn(cell, x, dtype=tf.float64)
            weights = random_weights(tf.global_variables())
            weights["rnn/basic_lstm_cell/bias"][8:12] += moved
            return evaluate(results, weights)

    assert_close(run(1.5, 0.0), run(0.0, 1.5))
    assert not np.allclose(run(1.5, 0.0)[0], run(0.0, 0.0)[0])


@pytest.mark.parametrize("fast", [True, False])
def test_dropout_on_outputs_leaves_the_state_alone(fast):
    def run(keep_prob):
        with tf.Graph().as_default():
            lstm = tf1rnn.BasicLSTMCell(4, fast=fast)
            cell = tf1rnn.DropoutWrapper(lstm, output_keep_prob=keep_prob, seed=1)
            x = tf.constant(random_array("x", [3, 5, 2]))
            return evaluate(tf1rnn.dynamic_rnn(cell, x, dtype=tf.float64))

    (outputs, state), (dropped, state_with_dropout) = run(1.0), run(0.5)
    assert_close(state_with_dropout, state)
    masks = dropped / outputs
    assert_close(masks[masks != 0], np.full(np.count_nonzero(masks), 2.0))
    assert 0 < np.count_nonzero(masks) < masks.size


@pytest.mark.parametrize("num_layers", [1, 3])
def test_the_language_model_has_a_dropout_more_than_layers(num_layers):
    """Each draws the random numbers of all its masks by one op; evaluation draws none."""
    config = PTBConfig(
        vocab_size=9, hidden_size=4, num_steps=5, keep_prob=0.5, num_layers=num_layers
    )
    with tf.Graph().as_default() as graph:
        build(PROBLEMS["ptb"], config)
        random_ops = [op.name for op in graph.get_operations() if "Random" in op.type]
        drawing = [name for name in random_ops if "Initializer" not in name]
    assert len(drawing) == num_layers + 1
    assert all(name.startswith("Train/") for name in drawing)
    assert len([name for name in drawing if "input_dropout" in name]) == 1
