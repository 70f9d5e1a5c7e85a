"""The PTB model's graph against the NumPy oracle, and the rules that its variables keep."""

import dataclasses

import numpy as np
import pytest
import reference as ref
import tensorflow.compat.v1 as tf

from config import PRESETS, PTBConfig
from model import CELLS
from problems import PROBLEMS
from training.graphs import build, build_evaluation, build_training
from training.session import open_session

CONFIG = PTBConfig(
    vocab_size=40, hidden_size=5, num_layers=2, num_steps=4, batch_size=3, max_grad_norm=0.3
)
NAMES = {
    "embedding": "Model/embedding",
    "kernel_0": "Model/rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel",
    "bias_0": "Model/rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias",
    "kernel_1": "Model/rnn/multi_rnn_cell/cell_1/basic_lstm_cell/kernel",
    "bias_1": "Model/rnn/multi_rnn_cell/cell_1/basic_lstm_cell/bias",
    "softmax_w": "Model/softmax/softmax_w",
    "softmax_b": "Model/softmax/softmax_b",
}


def oracle_step(values, words, targets, states, learning_rate):
    """Cost and variables after one step of SGD, by the formulas; all arrays are time-major.

    Without a softmax_w of their own the embedding is the softmax's weights.
    """
    softmax_w = values.get("softmax_w", values["embedding"].T)
    batch_size = words.shape[1]
    cells = [ref.LSTM(values[f"kernel_{i}"], values[f"bias_{i}"], forget_bias=0.0) for i in (0, 1)]
    inputs = values["embedding"][words]
    outputs, _, tapes = ref.unroll_stack(cells, inputs, states)
    rows = outputs.reshape(-1, outputs.shape[-1])
    logits = rows @ softmax_w + values["softmax_b"]
    losses, d_logits = ref.softmax_cross_entropy(logits, targets.reshape(-1))
    d_logits = d_logits / batch_size
    d_outputs = (d_logits @ softmax_w.T).reshape(outputs.shape)
    zeros = [(np.zeros((batch_size, 5)), np.zeros((batch_size, 5)))] * 2
    layers = ref.unroll_stack_backward(tapes, d_outputs, zeros)
    gradients = {"softmax_w": rows.T @ d_logits, "softmax_b": d_logits.sum(0)}
    for i, layer in enumerate(layers):
        gradients[f"kernel_{i}"] = layer.weights["kernel"]
        gradients[f"bias_{i}"] = layer.weights["bias"]
    gradients["embedding"] = np.zeros_like(values["embedding"])
    np.add.at(gradients["embedding"], words, layers[0].inputs)
    if "softmax_w" not in values:
        gradients["embedding"] += gradients.pop("softmax_w").T
    names = list(gradients)
    clipped, norm = ref.clip_by_global_norm([gradients[n] for n in names], CONFIG.max_grad_norm)
    after = {n: values[n] - learning_rate * g for n, g in zip(names, clipped, strict=True)}
    return losses.sum() / batch_size, norm, after


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])  # which are clipped in different ways
@pytest.mark.parametrize("tied", [False, True])
def test_one_training_step_is_that_of_the_formulas(tied, optimizer):
    """The first step of momentum is that of SGD."""
    config = dataclasses.replace(CONFIG, tie_embedding=tied, optimizer=optimizer)
    names = {short: name for short, name in NAMES.items() if not (tied and short == "softmax_w")}
    generator = np.random.default_rng(3)
    # No word occurs twice: the norm of repeated rows is taken row by row, as in TensorFlow 1.
    words = generator.permutation(40)[:12].reshape(4, 3)
    targets = generator.integers(0, 40, (4, 3))
    states = [tuple(generator.normal(size=(2, 3, 5)).astype(np.float32)) for _ in range(2)]
    with tf.Graph().as_default(), open_session() as session:
        model = build_training(PROBLEMS["ptb"], config)
        session.run(tf.global_variables_initializer())
        session.run(model.set_lr, {model.new_lr: 0.5})
        variables = {v.op.name: v for v in tf.trainable_variables()}
        assert set(variables) == set(names.values())
        before = session.run({short: variables[name] for short, name in names.items()})
        feed = {model.inputs["input_data"]: words.T, model.inputs["targets"]: targets.T}
        feed |= dict(zip(tf.nest.flatten(model.initial_state), np.concatenate(states), strict=True))
        cost, norm, _ = session.run([model.cost, model.gradient_norm, model.train_op], feed)
        after = session.run({short: variables[name] for short, name in names.items()})
    assert np.abs(np.concatenate([a.ravel() for a in before.values()])).max() <= 0.1
    expected_cost, expected_norm, expected = oracle_step(before, words, targets, states, 0.5)
    assert cost == pytest.approx(expected_cost, rel=1e-5)
    assert norm == pytest.approx(expected_norm, rel=1e-4)
    assert norm > CONFIG.max_grad_norm, "clipping must be at work here"
    for name in names:
        np.testing.assert_allclose(after[name], expected[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        ("small", 4_651_600),
        pytest.param("medium", 19_775_200, marks=pytest.mark.long),
        ("large", 66_022_000),
    ],
)
def test_presets_have_the_papers_number_of_parameters(preset, parameters):
    """Counted by hand: V·H + L·(2H·4H + 4H) + H·V + V."""
    config = PRESETS[preset].config
    with tf.Graph().as_default():
        build_training(PROBLEMS["ptb"], dataclasses.replace(config, num_steps=1, keep_prob=1.0))
        sizes = [v.shape.num_elements() for v in tf.trainable_variables()]
    assert sum(sizes) == parameters


def first_values(config):
    with tf.Graph().as_default(), open_session() as session:
        tf.set_random_seed(config.seed)
        build_training(PROBLEMS["ptb"], config)
        session.run(tf.global_variables_initializer())
        return session.run({v.op.name: v for v in tf.trainable_variables()})


def test_first_values_depend_on_seed_and_name_alone():
    values = first_values(CONFIG)
    in_another_graph = first_values(dataclasses.replace(CONFIG, num_steps=9, optimizer="adam"))
    with_another_seed = first_values(dataclasses.replace(CONFIG, seed=2))
    for name, value in values.items():
        np.testing.assert_array_equal(value, in_another_graph[name], err_msg=name)
        assert not np.array_equal(value, with_another_seed[name])
    assert not np.array_equal(values[NAMES["kernel_0"]], values[NAMES["kernel_1"]])


def test_evaluation_has_no_variable_of_its_own_and_no_dropout():
    config = dataclasses.replace(CONFIG, keep_prob=0.5)
    with tf.Graph().as_default(), open_session() as session:
        _, evaluated = build(PROBLEMS["ptb"], config)
        assert {v.op.name for v in tf.trainable_variables()} == set(NAMES.values())
        session.run(tf.global_variables_initializer())
        feed = {
            evaluated.inputs["input_data"]: [[1, 2, 3]],
            evaluated.inputs["targets"]: [[2, 3, 4]],
        }
        costs = {float(session.run(evaluated.cost, feed)) for _ in range(3)}
    assert len(costs) == 1


def test_dropout_acts_in_training():
    config = dataclasses.replace(CONFIG, keep_prob=0.5)
    with tf.Graph().as_default(), open_session() as session:
        model = build_training(PROBLEMS["ptb"], config)
        session.run(tf.global_variables_initializer())
        shape = [config.batch_size, config.num_steps]
        feed = dict.fromkeys(model.inputs.values(), np.ones(shape))
        first, again = session.run(model.cost, feed), session.run(model.cost, feed)
        session.run(model.train_op, feed)  # the learning rate is still 0: only the step moves on
        assert first == again != session.run(model.cost, feed)


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(cell, marks=[] if cell in ("lstm", "gru") else pytest.mark.long)
        for cell in CELLS
    ],
)
def test_every_kind_of_cell_trains(cell):
    config = dataclasses.replace(CONFIG, cell=cell, keep_prob=0.9)
    shape = [config.batch_size, config.num_steps]
    words = np.random.default_rng(0).integers(0, 40, shape)
    with tf.Graph().as_default(), open_session() as session:
        tf.set_random_seed(1)
        model = build_training(PROBLEMS["ptb"], config)
        session.run(tf.global_variables_initializer())
        session.run(model.set_lr, {model.new_lr: 1.0})
        feed = dict.fromkeys(model.inputs.values(), words)
        costs = [session.run([model.cost, model.train_op], feed)[0] for _ in range(60)]
    assert costs[-1] < 0.9 * costs[0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_probabilities_that_are_scored_sum_to_1(precision):
    """Those of a bfloat16 softmax do not: a perplexity would be too low."""
    config = PTBConfig(vocab_size=300, hidden_size=8, num_layers=1, precision=precision)
    with tf.Graph().as_default(), open_session() as session:
        tf.set_random_seed(0)
        with tf.variable_scope("", initializer=tf.random_normal_initializer(stddev=2.0)):
            model = build_evaluation(PROBLEMS["ptb"], config)
        log_probs = model.log_probs()
        session.run(tf.global_variables_initializer())
        # The same word over and over from zero: every row asks for another target after it.
        fed = {model.inputs["input_data"]: [[7]]}
        found = [
            session.run(log_probs, {**fed, model.inputs["targets"]: [[i]]}) for i in range(300)
        ]
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)
