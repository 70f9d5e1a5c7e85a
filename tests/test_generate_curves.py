"""generate.py on the two curves: they go on by themselves, are drawn and said."""

import functools
import itertools
from pathlib import Path

import corpora
import numpy as np
import pytest
from PIL import Image
from tiny import tiny

import evaluate
import generate
import problems
from problems.sin_cos import SequenceRegressor
from problems.sine import NextPointRegressor
from training.command import UserError
from training.config_files import to_json
from training.generation import Predictor
from training.pictures import continued
from training.run import Run

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """Runs of the two curves, and of a problem that has none, by name."""
    sine = tiny("sine", epochs=1, steps_per_epoch=2)
    training = corpora.make_training(tmp_path_factory.mktemp("sine"), sine)
    training.run_to_the_end()
    sums = tmp_path_factory.mktemp("sums") / "run"
    return {
        "sin_cos": Run.open(ROOT / "tests/data/runs/waves_without_decay"),
        "sine": training.run,
        "subtraction": Run.new(sums, to_json(tiny("subtraction")), []),
    }


def test_a_sine_goes_on_truly_where_its_next_points_are_true():
    """sin(x + d) = 2 cos d sin x - sin(x - d) is all that a window needs to say."""
    config = tiny("sine")
    curve = NextPointRegressor.go_on(
        config,
        lambda points: 2 * np.cos(config.sample_gap) * points[:, -1] - points[:, -2],
        400,
    )
    assert len(curve.x) == config.window + 400 and curve.given == config.window
    np.testing.assert_allclose(curve.target, np.sin(config.sample_gap * curve.x), atol=1e-12)
    np.testing.assert_allclose(curve.prediction, curve.target, atol=1e-9)


def test_a_cosine_goes_on_truly_where_it_is_found_truly():
    """A predictor that is right as long as the sines that it is fed are."""
    config, seen = tiny("sin_cos"), itertools.count()
    data = problems.PROBLEMS["sin_cos"].read(config)
    trained = data.train.batches()
    for _ in range(len(data.train) * config.epochs - 1):
        next(trained)
    first = next(trained).arrays["x"][0, -1] + 1 / (10 * np.pi)

    def predict(sines):
        x = np.array([[first + next(seen) / (10 * np.pi) for _ in sines[0]]])
        np.testing.assert_allclose(sines, np.sin(x), atol=1e-9)
        return np.cos(x)

    curve = SequenceRegressor.go_on(config, predict, 300)
    assert len(curve.x) == curve.given + 300
    np.testing.assert_allclose(curve.prediction, np.cos(curve.x), atol=1e-9)
    np.testing.assert_allclose(curve.target, np.cos(curve.x), atol=1e-12)


def test_a_predictor_goes_on_where_it_stopped(curves):
    points = np.sin(np.linspace(0, 3, 12))[None]

    def predictor(trained):
        return Predictor(trained.session, trained.model)

    opened = functools.partial(evaluate.trained_model, curves["sin_cos"], batch_size=1)
    with opened(num_steps=12) as trained:
        whole = predictor(trained)(points)
    with opened(num_steps=1) as trained:
        predict = predictor(trained)
        parts = [predict(points[:, i : i + 1]) for i in range(12)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-5, atol=1e-6)
    assert np.ptp(whole) > 0


@pytest.mark.parametrize("name", ["sin_cos", "sine"])
def test_a_curve_is_drawn_and_said(curves, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    capsys.readouterr()
    generate.main([str(curves[name].path), "--max_new_tokens=30"])
    said = capsys.readouterr().out
    curve = generate.continue_curve(curves[name], "best", 30)
    off = np.sqrt(np.mean((curve.prediction - curve.target)[-30:] ** 2))
    assert said == f"30 points by itself, rmse {off:.4g}\npicture: logs/generate.png\n"
    with Image.open("logs/generate.png") as picture:
        assert len(set(picture.convert("L").getdata())) > 10, "it is not blank"
    figure = continued.draw("a title", curve)
    target, prediction, border = figure.axes[0].lines
    np.testing.assert_array_equal(target.get_xydata(), np.stack([curve.x, curve.target], 1))
    np.testing.assert_array_equal(prediction.get_ydata(), curve.prediction)
    assert border.get_xdata()[0] == curve.x[-30]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sine", ["--start", "w1"], "--start is for texts; the data of"),
        ("sin_cos", ["--interactive"], "--interactive is for texts; the data of"),
        ("sin_cos", ["--seed", "1"], "--seed is for texts; the data of"),
        ("subtraction", [], "is of problem subtraction, which has nothing to go on"),
    ],
)
def test_what_a_run_cannot_go_on_with_is_refused(
    curves, name, options, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        generate.main([str(curves[name].path), *options])
    assert [*tmp_path.iterdir()] == []
