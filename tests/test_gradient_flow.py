"""Gradients back through time: against the oracle and by hand; the command; a training's log."""

import dataclasses
import json

import corpora
import numpy as np
import pytest
import reference as ref
import tensorflow.compat.v1 as tf
from graphs import (
    assert_close,
    evaluate,
    names_and_shapes,
    open_session,
    random_array,
    random_weights,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import gradient_flow
import problems
import tf1rnn
from config import PTBConfig
from model import Model
from problems import PROBLEMS
from training.command import UserError
from training.graphs import build, build_gradient_flow
from training.pictures import flow

BATCH, STEPS, DEPTH, UNITS = 3, 5, 2, 4
CELLS = {
    "rnn": lambda: tf1rnn.BasicRNNCell(UNITS),
    "gru": lambda: tf1rnn.GRUCell(UNITS),
    "lstm": lambda: tf1rnn.BasicLSTMCell(UNITS, forget_bias=2.0),
    "lstm_peephole": lambda: tf1rnn.LSTMCell(UNITS, use_peepholes=True),
}


def oracle_of(kind, weights):
    """The oracle's cell with the weights of a cell, given by their names."""
    weights = {name.split("_cell/")[-1]: value for name, value in weights.items()}
    if kind == "rnn":
        return ref.RNN(weights["kernel"], weights["bias"])
    if kind == "gru":
        names = "gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"
        return ref.GRU(*(weights[name] for name in names))
    if kind == "lstm":
        return ref.LSTM(weights["kernel"], weights["bias"], forget_bias=2.0)
    peepholes = {f"w_{gate}": weights[f"w_{gate}_diag"] for gate in "ifo"}
    return ref.LSTM(weights["kernel"], weights["bias"], **peepholes)


def oracle_flow(tapes, d_outputs):
    """For each layer, the lowest first, its parts' norms of the gradient at t = 0, ..., T."""
    flows = []
    for tape in reversed(tapes):
        d_state = tuple(np.zeros([len(d_outputs[0]), size]) for size in tape.cell.state_size)
        gradients, d_inputs = [], []
        for saved, d_output in zip(reversed(tape.saved), reversed(d_outputs), strict=True):
            d_h = d_state[-1] + d_output
            gradients.append((d_h,))
            if len(d_state) == 2:  # h follows from c: h = o tanh(c), and o may see c
                o, c, w_o = saved[5], saved[7], tape.cell.w_o
                slope = o * (1 - np.tanh(c) ** 2) + np.tanh(c) * o * (1 - o) * w_o
                gradients[-1] = (d_state[0] + d_h * slope, d_h)
            d_x, d_state, _ = tape.cell.step_backward(saved, d_output, d_state)
            d_inputs.append(d_x)
        gradients.append(d_state)
        d_outputs = d_inputs[::-1]
        parts = zip(*reversed(gradients), strict=True)
        flows.append([np.array([np.linalg.norm(x) for x in part]) for part in parts])
    return flows[::-1]


# ------------------------------------------------------------------------------ the library


@pytest.mark.parametrize(
    ("kind", "time_major"), [*((kind, True) for kind in CELLS), ("lstm", False)]
)
def test_norms_are_those_of_backpropagation_through_time(kind, time_major):
    x = random_array("x", [STEPS, BATCH, DEPTH])
    d_outputs = random_array("d", [STEPS, BATCH, UNITS])
    given, heard = (x, d_outputs) if time_major else (x.swapaxes(0, 1), d_outputs.swapaxes(0, 1))
    with tf.Graph().as_default():
        cell = CELLS[kind]()
        sizes = tf.nest.flatten(cell.state_size)
        state = [random_array(f"state {i}", [BATCH, size]) for i, size in enumerate(sizes)]
        norms = tf1rnn.gradient_flow(
            cell,
            tf.constant(given),
            lambda outputs: tf.reduce_sum(outputs * heard),
            initial_state=tf.nest.pack_sequence_as(cell.state_size, list(map(tf.constant, state))),
            time_major=time_major,
        )
        tf.nest.assert_same_structure(norms, cell.state_size)
        weights = random_weights(tf.global_variables())
        found = evaluate(norms, weights)
    _, _, tape = ref.unroll(oracle_of(kind, weights), x, tuple(state))
    assert_close(tf.nest.flatten(found), oracle_flow([tape], d_outputs)[0])


@pytest.mark.parametrize("forget_bias", [0.0, 5.0])
def test_without_weights_the_gradient_of_c_shrinks_by_the_forget_gate_at_each_step(forget_bias):
    """c' = f c, h' = tanh(c') / 2; at c = 0 the slope of h is 1/2, and nothing comes from h."""
    with tf.Graph().as_default():
        cell = tf1rnn.BasicLSTMCell(
            1, forget_bias, kernel_initializer=tf.zeros_initializer(), dtype=tf.float64
        )
        norms = tf1rnn.gradient_flow(
            cell, tf.ones([1, 200, 1], tf.float64), lambda outputs: outputs[0, -1, 0]
        )
        with open_session() as session:
            session.run(tf.global_variables_initializer())
            c, h = session.run(norms)
    forget = 1 / (1 + np.exp(-forget_bias))
    np.testing.assert_allclose(c[::-1], 0.5 * forget ** np.arange(201), rtol=1e-9)
    np.testing.assert_array_equal(h, [0] * 200 + [1])


def test_the_branch_draws_the_masks_and_uses_the_variables_of_the_fast_way():
    """So at the initial state it finds the gradient that training finds there."""
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        layers = [
            tf1rnn.DropoutWrapper(tf1rnn.BasicLSTMCell(UNITS), 0.5, 0.5, seed=n, step=step)
            for n in (1, 2)
        ]
        cell = tf1rnn.MultiRNNCell(layers)
        x = tf.constant(random_array("x", [STEPS, BATCH, UNITS]))
        state = cell.zero_state(BATCH, tf.float64)
        outputs, _ = tf1rnn.dynamic_rnn(cell, x, initial_state=state, time_major=True)
        assert not any("While" in op.type for op in tf.get_default_graph().get_operations())
        gradients = tf.gradients(tf.reduce_sum(outputs[-1] ** 2), tf.nest.flatten(state))
        before = names_and_shapes()
        norms = tf1rnn.gradient_flow(
            cell, x, lambda outputs: tf.reduce_sum(outputs[-1] ** 2), state, time_major=True
        )
        assert names_and_shapes() == before
        weights = random_weights(tf.trainable_variables())
        weights["global_step"] = 7
        gradients, norms = evaluate([gradients, tf.nest.flatten(norms)], weights)
    expected = [np.linalg.norm(gradient) for gradient in gradients]
    assert_close([norm[0] for norm in norms], expected)
    assert min(expected) > 0


def test_batch_and_time_may_be_unknown_until_they_are_fed():
    x = random_array("x", [BATCH, STEPS, DEPTH])
    found = []
    for shape in (x.shape, [None, None, DEPTH]):
        with tf.Graph().as_default():
            inputs = tf.placeholder(tf.float64, shape)
            norms = tf1rnn.gradient_flow(
                tf1rnn.GRUCell(UNITS), inputs, lambda outputs: tf.reduce_sum(outputs[:, -1])
            )
            found.append(evaluate(norms, feed={inputs: x}))
    assert found[0].shape == (STEPS + 1,)
    assert_close(found[1], found[0])


# ------------------------------------------------------------------------------ the command


@pytest.fixture(scope="module")
def flows():
    return gradient_flow.measure(num_steps=200, hidden_size=64, seed=1)


@pytest.mark.long
def test_the_plain_rnn_forgets_and_the_lstm_with_a_large_forget_bias_does_not(flows):
    """The norm 200 steps back, over that at the last step, which is 1."""
    back = {label: flow["h"][200] for label, flow in flows.items()}
    assert all(flow["h"][0] == pytest.approx(1) for flow in flows.values())
    assert back["plain RNN"] < 1e-40
    assert back["LSTM, forget bias 0"] < 1e-35
    assert back["LSTM, forget bias 1"] < 1e-14
    assert back["GRU"] < 1e-14
    assert 0.1 < back["LSTM, forget bias 5"] < 20


def test_the_gradient_survives_along_c(flows):
    lstm = flows["LSTM, forget bias 5"]
    assert lstm["c"].min() > 0.05
    assert (lstm["h"][1:] < lstm["c"][1:]).all(), "h reaches the next c by way of the gates alone"


def test_the_gradient_grows_towards_the_start_because_the_cell_is_empty():
    """Along c; a cell that starts full, with what it held after 200 other steps, hardly does so."""
    x = np.random.default_rng(1).normal(size=[400, 8, 64])
    with tf.Graph().as_default(), open_session() as session:
        tf.set_random_seed(1)
        cell = tf1rnn.BasicLSTMCell(64, forget_bias=5.0)
        _, full = tf1rnn.dynamic_rnn(cell, tf.constant(x[:200]), dtype=tf.float64, time_major=True)
        norms = [
            tf1rnn.gradient_flow(
                cell, tf.constant(x[200:]), lambda outputs: tf.reduce_sum(outputs[-1]), start, True
            ).c
            for start in (None, full)
        ]
        session.run(tf.global_variables_initializer())
        from_empty, from_full = (c[0] / c[-1] for c in session.run(norms))
    assert from_empty > 10
    assert 0.3 < from_full < 3


def test_the_command_writes_a_picture_and_all_norms(tmp_path, capsys):
    picture, numbers = tmp_path / "flow.png", tmp_path / "flow.json"
    arguments = ["--num_steps", "12", "--hidden_size", "3", "--seed", "4"]
    gradient_flow.main([*arguments, "--out", str(picture), "--json", str(numbers)])
    said = capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    content = json.loads(numbers.read_text())
    assert (content["num_steps"], content["hidden_size"], content["seed"]) == (12, 3, 4)
    assert said.splitlines()[0].split()[-3:] == ["0", "10", "12"]
    for label, parts in content["norms_by_steps_back"].items():
        assert label in said
        for norms in parts.values():
            assert len(norms) == 13
            assert f"{norms[10]:.1e}" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num_steps", "0"], "num_steps must be a whole number from 1 to 10000, not 0"),
        (["--hidden_size", "many"], "hidden_size must be a whole number"),
        (["--seed", "-1"], "seed must be a whole number from 0"),
        (["--out", "flow.pdf"], "the name must end in .png"),
    ],
)
def test_mistakes_are_refused_in_one_line(capsys, arguments, message):
    with pytest.raises((UserError, SystemExit)) as refused:
        gradient_flow.main(arguments)
    said = capsys.readouterr().err if refused.type is SystemExit else str(refused.value)
    assert message in said
    assert len(said.strip().splitlines()) == 1


# ------------------------------------------------------------------------------ the picture


def test_the_picture_has_every_flow_and_the_two_curves_on_a_log_axis():
    n = np.arange(31)
    flows = {"layer 1": {"c": 0.2 * 0.5**n, "h": 0.1 * 0.5**n}, "layer 2": {"h": 0.4 * 0.9**n}}
    (axes,) = flow.draw("title", flows).axes
    drawn = [line.get_ydata() for line in axes.lines]
    assert axes.get_yscale() == "log"
    for curve in (0.2 * 0.5**n, 0.1 * 0.5**n, 0.4 * 0.9**n, 0.4 * 0.99**n, 0.4 * 1.01**n):
        assert any(len(y) == 31 and np.allclose(y, curve) for y in drawn)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_what_no_log_axis_can_show_is_left_out(bad, tmp_path):
    for norms in (np.full(4, bad), np.array([1.0, 0.1, bad, 0.001])):
        figure = flow.draw("title", {"layer 1": {"h": norms, "c": norms}})
        figure.savefig(tmp_path / "flow.png")
        assert np.isfinite(figure.axes[0].get_ylim()).all()


# --------------------------------------------------------------------------- of a training


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpora.write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.mark.long
def test_a_language_models_flow_is_that_of_its_last_words_cost():
    config = PTBConfig(vocab_size=9, hidden_size=UNITS, num_steps=STEPS, batch_size=BATCH)
    generator = np.random.default_rng(0)
    words, targets = generator.integers(0, 9, [2, STEPS, BATCH])
    states = [tuple(random_array(f"{n} {p}", [BATCH, UNITS]) for p in "ch") for n in (0, 1)]
    with tf.Graph().as_default():
        model, _ = build(PROBLEMS["ptb"], config)
        norms = tf.nest.flatten(build_gradient_flow(model))
        weights = random_weights(tf.global_variables())
        feed = {model.inputs["input_data"]: words.T, model.inputs["targets"]: targets.T}
        flat = [part for state in states for part in state]
        feed |= dict(zip(tf.nest.flatten(model.initial_state), flat, strict=True))
        found = evaluate(norms, weights, feed)
    layer = "Model/rnn/multi_rnn_cell/cell_{}/basic_lstm_cell/{}".format
    cells = [
        ref.LSTM(weights[layer(n, "kernel")], weights[layer(n, "bias")], forget_bias=0.0)
        for n in (0, 1)
    ]
    outputs, _, tapes = ref.unroll_stack(cells, weights["Model/embedding"][words], states)
    softmax_w = weights["Model/softmax/softmax_w"]
    logits = outputs[-1] @ softmax_w + weights["Model/softmax/softmax_b"]
    d_outputs = np.zeros_like(outputs)
    d_outputs[-1] = ref.softmax_cross_entropy(logits, targets[-1])[1] @ softmax_w.T / BATCH
    expected = [part for flow in oracle_flow(tapes, d_outputs) for part in flow]
    assert_close(found, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("preset", "cell"),
    [
        ("sin_cos", "lstm"),
        ("subtraction", "gru"),
        *(
            pytest.param(*pair, marks=pytest.mark.long)
            for pair in [("sin_cos", "gru"), ("subtraction", "lstm"), ("sine", "gru")]
        ),
        pytest.param("digits", "lstm", marks=pytest.mark.long),
    ],
)
def test_every_problems_model_offers_its_flow(preset, cell):
    config = dataclasses.replace(problems.resolve(preset), cell=cell, batch_size=BATCH)
    with tf.Graph().as_default(), open_session() as session:
        model, _ = build(PROBLEMS[config.problem], config)
        norms = tf.nest.flatten(build_gradient_flow(model))
        session.run(tf.global_variables_initializer())
        shapes = {x: [size or BATCH for size in x.shape.as_list()] for x in model.inputs.values()}
        feed = {x: np.ones(shape) for x, shape in shapes.items()}
        found = session.run(norms, feed)
    num_steps = {"sin_cos": 20, "sine": 10, "subtraction": 4, "digits": 8}[preset]
    assert {norm.shape for norm in found} == {(num_steps + 1,)}
    assert all(np.isfinite(norm).all() and (norm > 0).all() for norm in found)


def test_a_training_logs_its_flow_once_an_epoch_and_learns_the_same(corpus, tmp_path):
    config = corpora.tiny_config(corpus, epochs=2, num_layers=2, keep_prob=0.7)
    for flag in (False, True):
        training = corpora.make_training(tmp_path / str(flag), config, flow=flag)
        training.run_to_the_end()
        names = [op.name for op in training.graph.graph.get_operations()]
        assert any(name.startswith("GradientFlow/") for name in names) == flag
    plain, logged = (corpora.metrics_without_times(tmp_path / str(f)) for f in (False, True))
    assert plain == logged
    events = EventAccumulator(str(tmp_path / "True")).Reload()
    starts = [0, plain[0]["step"]]
    assert [image.step for image in events.Images("gradient_flow")] == starts
    tags = {tag for tag in events.Tags()["scalars"] if tag.startswith("gradient_flow/")}
    names = [f"{n}_steps_back" for n in (0, 1, 2, 5)] + ["first_to_last"]
    assert tags == {f"gradient_flow/layer_{n}/{name}" for n in (1, 2) for name in names}
    for layer in (1, 2):
        last, first, ratio = (
            [event.value for event in events.Scalars(f"gradient_flow/layer_{layer}/{name}")]
            for name in ("0_steps_back", "5_steps_back", "first_to_last")
        )
        assert len(last) == len(starts)
        np.testing.assert_allclose(ratio, np.divide(first, last), rtol=1e-5)


def test_a_model_that_does_not_offer_it_is_named():
    with pytest.raises(UserError, match="Model does not offer"):
        build_gradient_flow(Model())
