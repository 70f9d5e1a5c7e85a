"""What the pictures show, asked of the figures themselves."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from PIL import Image, ImageSequence

from training.pictures import curves, fit

X = np.linspace(0, 10, 60)
RECORDS = [
    {"epoch": i, "train": 0.1 * i, "valid": 0.05 * i, "cost": 1 / i, "learning_rate": 0.5**i}
    for i in range(1, 6)
]


def assert_target_and_prediction(axes, target, prediction):
    first, second = axes.lines[:2]
    np.testing.assert_array_equal(first.get_ydata(), target)
    np.testing.assert_array_equal(second.get_ydata(), prediction)
    assert (to_rgba(first.get_color()), first.get_linestyle()) == (to_rgba("red"), "-")
    assert (to_rgba(second.get_color()), second.get_linestyle()) == (to_rgba("blue"), "--")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["target", "prediction"]


def test_a_fit_shows_the_target_in_red_and_the_prediction_dashed_in_blue():
    figure = fit.draw("a title", X, np.cos(X), np.sin(X), "x", (-1.2, 1.2))
    (axes,) = figure.axes
    assert_target_and_prediction(axes, np.cos(X), np.sin(X))
    assert axes.get_ylim() == (-1.2, 1.2)
    assert axes.get_xlim() == (0, 10)
    assert axes.get_title() == "a title"


def test_a_fit_with_its_error_shows_both():
    figure = fit.draw_with_error("a title", X, np.cos(X), np.cos(X) + 0.25, "x")
    curve, error = figure.axes
    assert_target_and_prediction(curve, np.cos(X), np.cos(X) + 0.25)
    np.testing.assert_allclose(error.lines[-1].get_ydata(), 0.25)


def test_the_gif_of_a_fit_has_a_picture_of_every_epoch(tmp_path):
    frames = [(f"epoch {i}", np.cos(X + 0.3 * i)) for i in range(4)]
    fit.write_gif(tmp_path / "fit.gif", X, np.cos(X), frames, "x", (-1.2, 1.2))
    with Image.open(tmp_path / "fit.gif") as gif:
        images = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)]
    assert len(images) == 4
    for one, next_one in itertools.pairwise(images):
        assert not np.array_equal(one, next_one)


@pytest.mark.parametrize(
    ("metric", "scale"),
    [("perplexity", "log"), ("cost", "log"), ("rmse", "log"), ("accuracy", "linear")],
)
def test_curves_show_both_splits_the_best_epoch_and_the_rate(metric, scale):
    score, rate = curves.draw("a title", metric, RECORDS, best_epoch=2).axes
    by_label = {line.get_label(): list(line.get_ydata()) for line in score.lines}
    for split in ("train", "valid"):
        assert by_label[split] == [record[split] for record in RECORDS]
    assert score.get_yscale() == scale
    assert [text.get_text() for text in score.texts] == ["best 0.1"]
    assert list(rate.lines[0].get_ydata()) == [0.5**i for i in range(1, 6)]
