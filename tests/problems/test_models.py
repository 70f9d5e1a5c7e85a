"""The four small models against NumPy, and that every field people experiment with acts."""

import functools
import itertools

import numpy as np
import pytest
import reference as ref
import tensorflow.compat.v1 as tf
from tiny import SMALL, tiny

from model import CELLS, OPTIMIZERS
from problems import PROBLEMS
from training import graphs
from training.session import open_session


def first_minibatch(config):
    return next(PROBLEMS[config.problem].read(config).train.batches()).arrays


class Built:
    """Both graphs of a problem in a session, or the one that trains, with the learning rate set."""

    def __init__(self, config, evaluates=True):
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(config.seed)
            problem = PROBLEMS[config.problem]
            if evaluates:
                self.trained, self.evaluated = graphs.build(problem, config)
            else:
                self.trained = graphs.build_training(problem, config)
            self.session = open_session()
            self.session.run(tf.global_variables_initializer())
            self.variables = {v.op.name.removeprefix("Model/"): v for v in tf.trainable_variables()}
            rate = {self.trained.new_lr: config.learning_rate}
            self.session.run(self.trained.set_lr, rate)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()

    def values(self):
        return self.session.run(self.variables)

    def run(self, model, fetches, arrays, state=None):
        feed = {model.inputs[name]: arrays[name] for name in model.inputs}
        if state is not None:
            feed |= dict(
                zip(tf.nest.flatten(model.initial_state), tf.nest.flatten(state), strict=True)
            )
        return self.session.run(fetches, feed)


def end_of(values, ending):
    """The one value whose name ends so."""
    (name,) = [name for name in values if name.endswith(ending)]
    return values[name].astype(np.float64)


# ------------------------------------------------------------------------- numbers, by NumPy


def test_the_cosines_predictions_and_cost_are_those_of_the_formulas():
    config = tiny("sin_cos")
    generator = np.random.default_rng(0)
    arrays = {name: generator.normal(size=(3, 4)).astype("f4") for name in ("inputs", "targets")}
    state = generator.normal(size=(2, 3, 5)).astype("f4")
    with Built(config, evaluates=False) as built:
        values, model = built.values(), built.trained
        fetches = [
            model.predictions,
            model.cost,
            model.final_state,
            model.score_sum,
            model.score_count,
        ]
        got = built.run(model, fetches, arrays, tuple(state))
    cell = ref.LSTM(
        end_of(values, "basic_lstm_cell/kernel"),
        end_of(values, "basic_lstm_cell/bias"),
        forget_bias=1.0,
    )
    hidden = arrays["inputs"].T[:, :, None] @ values["in_hidden/kernel"] + values["in_hidden/bias"]
    outputs, final, _ = ref.unroll(cell, hidden, tuple(state))
    expected = (outputs @ values["out_hidden/kernel"] + values["out_hidden/bias"])[:, :, 0].T
    np.testing.assert_allclose(got[0], expected, rtol=1e-4, atol=1e-5)
    assert got[1] == pytest.approx(((expected - arrays["targets"]) ** 2).sum() / 3, rel=1e-4)
    for part, wanted in zip(tf.nest.flatten(got[2]), final, strict=True):
        np.testing.assert_allclose(part, wanted, rtol=1e-4, atol=1e-5)
    assert (got[3], got[4]) == (got[1], 1)


def test_the_cosines_dense_layers_start_as_said():
    with Built(
        tiny("sin_cos", hidden_size=400, initializer="uniform", init_scale=0.01), evaluates=False
    ) as built:
        values = built.values()
    for layer in ("in_hidden", "out_hidden"):
        assert values[f"{layer}/kernel"].std() == pytest.approx(1, abs=0.15)
        np.testing.assert_allclose(values[f"{layer}/bias"], 0.1)
    assert not np.array_equal(
        values["in_hidden/kernel"].ravel(), values["out_hidden/kernel"].ravel()
    )


@pytest.mark.parametrize("layout", ["steps", "features"])
def test_the_next_point_is_that_of_the_formulas(layout):
    config = tiny("sine", layout=layout)
    arrays = first_minibatch(config)
    with Built(config, evaluates=False) as built:
        values, model = built.values(), built.trained
        fetches = [model.predictions, model.cost, model.score_sum, model.score_count]
        prediction, cost, total, count = built.run(model, fetches, arrays)
    cells = [
        ref.LSTM(
            end_of(values, f"cell_{i}/basic_lstm_cell/kernel"),
            end_of(values, f"cell_{i}/basic_lstm_cell/bias"),
            forget_bias=1.0,
        )
        for i in (0, 1)
    ]
    windows = arrays["inputs"].astype("f8")
    sequence = windows.T[:, :, None] if layout == "steps" else windows[None]
    outputs, _, _ = ref.unroll_stack(cells, sequence, [ref.zero_state(cell, 4) for cell in cells])
    expected = (outputs[-1] @ values["output/kernel"] + values["output/bias"])[:, 0]
    np.testing.assert_allclose(prediction, expected, rtol=1e-4, atol=1e-5)
    squares = (expected - arrays["targets"]) ** 2
    assert cost == pytest.approx(squares.mean(), rel=1e-3)
    assert (total, count) == (pytest.approx(squares.sum(), rel=1e-3), 4)


def test_the_bits_cost_and_score_are_those_of_their_chances():
    config = tiny("subtraction")
    arrays = first_minibatch(config)
    with Built(config) as built:
        model = built.trained
        for _ in range(3):
            built.run(model, model.train_op, arrays)
        chances, cost = built.run(model, [model.predictions, model.cost], arrays)
        everything = next(PROBLEMS["subtraction"].read(config).test.batches()).arrays
        evaluated = built.evaluated
        fetches = [evaluated.predictions, evaluated.score_sum, evaluated.score_count]
        all_chances, right, count = built.run(evaluated, fetches, everything)
    assert chances.shape == (4, 3)
    of_truth = np.where(arrays["targets"] == 1, chances, 1 - chances)
    assert cost == pytest.approx(-np.log(of_truth).sum() / 4, rel=1e-4)
    wholly = [
        all((p > 0.5) == (t == 1) for p, t in zip(*rows, strict=True))
        for rows in zip(all_chances, everything["targets"], strict=True)
    ]
    assert (right, count) == (sum(wholly), 36)


def test_a_tagger_trained_on_short_sequences_reads_longer_ones_step_by_step():
    config = tiny("subtraction")
    long = np.random.default_rng(0).integers(0, 2, (2, 11, 2)).astype("f4")
    with Built(config) as built:
        model = built.evaluated

        def chances(inputs):
            return built.session.run(model.predictions, {model.inputs["inputs"]: inputs})

        np.testing.assert_allclose(chances(long)[:, :3], chances(long[:, :3]), rtol=1e-5)
        assert chances(long).shape == (2, 11)


@pytest.mark.parametrize("variant", ["last", "pooled"])
def test_digits_are_classified_by_the_last_or_the_largest_output(variant):
    config = tiny("digits", variant=variant, hidden_size=32, keep_prob=1.0)
    arrays = {name: array[:6] for name, array in first_minibatch(config).items()}
    with Built(config) as built:
        values, model = built.values(), built.evaluated
        fetches = [model.predictions, model.cost, model.score_sum, model.score_count]
        prediction, cost, right, count = built.run(model, fetches, arrays)
    layers = len(config.layer_sizes)
    cells = [
        ref.LSTM(
            end_of(values, f"cell_{i}/basic_lstm_cell/kernel"),
            end_of(values, f"cell_{i}/basic_lstm_cell/bias"),
            forget_bias=1.0,
        )
        for i in range(layers)
    ]
    assert [cell.kernel.shape[1] // 4 for cell in cells] == ([32] if variant == "last" else [8, 2])
    rows = np.swapaxes(arrays["inputs"], 0, 1).astype("f8")
    outputs, _, _ = ref.unroll_stack(cells, rows, [ref.zero_state(cell, 6) for cell in cells])
    features = outputs[-1] if variant == "last" else outputs.max(axis=0)
    logits = features @ values["output/kernel"] + values["output/bias"]
    losses, _ = ref.softmax_cross_entropy(logits, arrays["targets"])
    assert cost == pytest.approx(losses.mean(), rel=1e-4)
    np.testing.assert_array_equal(prediction, logits.argmax(axis=1))
    assert (right, count) == ((prediction == arrays["targets"]).sum(), 6)


# -------------------------------------------------------------------- states, scopes, variables


@pytest.mark.parametrize("name", SMALL)
def test_both_graphs_share_their_variables_and_only_the_cosines_carry_a_state(name):
    config = tiny(name, keep_prob=1.0)
    with Built(config) as built:
        arrays = first_minibatch(config)
        costs = [built.run(m, m.cost, arrays) for m in (built.trained, built.evaluated)]
        before = built.run(built.evaluated, built.evaluated.cost, arrays)
        for _ in range(3):
            built.run(built.trained, built.trained.train_op, arrays)
        after = built.run(built.evaluated, built.evaluated.cost, arrays)
    assert costs[0] == pytest.approx(costs[1], rel=1e-5)
    assert after != before
    for model in (built.trained, built.evaluated):
        assert (model.initial_state != ()) == (name == "sin_cos")


def test_the_cosines_graph_has_the_scopes_that_tensorboard_shows():
    with Built(tiny("sin_cos"), evaluates=False) as built:
        names = [op.name for op in built.graph.get_operations()]
    scopes = {name.split("/")[2] for name in names if name.startswith("Train/Model/")}
    assert {"inputs", "in_hidden", "LSTM", "out_hidden", "cost", "train"} <= scopes


# --------------------------------------------------------------------------- fields that act


def every_pair(second):
    """All pairs of a small problem and one of the second: each of both stands in a quick test."""
    pairs = itertools.product(enumerate(SMALL), enumerate(second))
    return [
        pytest.param(name, one, marks=[] if (i - j) % max(len(SMALL), len(second)) == 0 else LONG)
        for (i, name), (j, one) in pairs
    ]


LONG = pytest.mark.long


@pytest.mark.parametrize(("name", "cell"), every_pair(CELLS))
def test_every_cell_learns_every_problem(name, cell):
    config = tiny(name, cell=cell)
    arrays = first_minibatch(config)
    with Built(config, evaluates=False) as built:
        model = built.trained
        costs = [built.run(model, [model.cost, model.train_op], arrays)[0] for _ in range(40)]
    assert costs[-1] < 0.97 * costs[0]


@functools.cache
def trained_values(config, steps=2):
    """The variables after a few steps on one minibatch."""
    with Built(config, evaluates=False) as built:
        arrays = first_minibatch(config)
        for _ in range(steps):
            built.run(built.trained, built.trained.train_op, arrays)
        return built.values()


def differs(a, b):
    return a.keys() != b.keys() or any(not np.array_equal(a[name], b[name]) for name in a)


EVERYWHERE = [{"keep_prob": 0.5}, {"num_layers": 3}, {"use_bias": False}]
SOMEWHERE = [
    ("sin_cos", {"forget_bias": 3.0}), ("sin_cos", {"initializer": "orthogonal"}),
    ("sin_cos", {"optimizer": "momentum"}), ("sin_cos", {"max_grad_norm": 1e-3}),
    ("sin_cos", {"batch_size": 2}), ("sin_cos", {"seed": 9}), ("sin_cos", {"learning_rate": 0.02}),
    ("sin_cos", {"num_steps": 3}), ("sine", {"layout": "features"}), ("sine", {"window": 4}),
    ("sine", {"sample_gap": 0.2}), ("sine", {"shuffle": 2}), ("sine", {"train_points": 12}),
    ("subtraction", {"bits": 2}), ("digits", {"variant": "pooled"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), [*every_pair(EVERYWHERE), *SOMEWHERE])
def test_every_field_has_an_effect_on_what_is_learnt(name, change):
    assert differs(trained_values(tiny(name)), trained_values(tiny(name, **change)))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains(optimizer):
    assert differs(
        trained_values(tiny("sin_cos", optimizer=optimizer)), trained_values(tiny("sin_cos"), 0)
    )


@pytest.mark.parametrize("initializer", graphs.INITIALIZERS)
def test_every_initializer_starts_the_cells(initializer):
    values = trained_values(tiny("sine", initializer=initializer, init_scale=0.02), steps=0)
    kernel = np.concatenate([v.ravel() for n, v in values.items() if n.endswith("cell/kernel")])
    assert kernel.std() > 0
    small = np.abs(kernel).max() <= 0.02
    assert small == (initializer == "uniform")


@pytest.mark.parametrize(("name", "cell"), every_pair(CELLS))
def test_every_kernel_can_start_orthogonal(name, cell):
    for variable, value in trained_values(
        tiny(name, cell=cell, initializer="orthogonal"), 0
    ).items():
        if "_cell/" in variable and variable.endswith("kernel"):
            short = value if value.shape[0] < value.shape[1] else value.T
            np.testing.assert_allclose(short @ short.T, np.eye(len(short)), atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_without_biases_there_is_none(cell):
    assert not [
        v for v in trained_values(tiny("sine", cell=cell, use_bias=False), 0) if "bias" in v
    ]
