"""What the pictures show, asked of the figures themselves."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from problems.sine import SineConfig
from training.pictures import curves, fit
from training.pictures.album import Album
from training.problem import Problem
from training.progress import Progress
from training.run import Run
from training.screen import Screen

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
    assert by_label["best valid, 0.1"] == [0.1]
    assert list(rate.lines[0].get_ydata()) == [0.5**i for i in range(1, 6)]


def drawn(valid, train, best, floor=None, metric="perplexity"):
    """The two axes of a training's curves as they are drawn."""
    records = [
        {"epoch": number, "valid": one, "train": other, "learning_rate": 1.0}
        for number, (one, other) in enumerate(zip(valid, train, strict=True), 1)
    ]
    figure = curves.draw("a title", metric, records, best, floor)
    FigureCanvasAgg(figure).draw()
    return figure.axes


def labels(axis):
    """The texts of the ticks that lie within the axis."""
    low, high = axis.get_view_interval()
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    shown = [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high]
    return [text for text in shown if text]


FALLING, LOWER = (300.0, 150.0, 121.0, 118.0), (600.0, 160.0, 100.0, 88.0)


@pytest.mark.parametrize(
    ("valid", "train", "best"),
    [
        ((13.78,), (14.5,), 1),
        ((1.0,), (1.0,), 1),
        ((180.0, 150.0), (300.0, 170.0), 2),
        (FALLING, LOWER, 4),  # at the right edge
        (FALLING[::-1], LOWER[::-1], 1),  # at the left one
        (LOWER, FALLING, 4),  # and at the bottom
    ],
)
@pytest.mark.parametrize("floor", [None, 30.25])
def test_curves_can_be_read_however_few_the_epochs_and_wherever_the_best(valid, train, best, floor):
    """Whole epochs, scores told from each other, and the best's number where no line is."""
    score, rate = drawn(valid, train, best, floor)
    assert labels(rate.xaxis) == [str(number) for number in range(1, len(valid) + 1)]
    scores = labels(score.yaxis)
    assert len(scores) == len(set(scores)) >= 2
    legend = score.get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    lowest = [] if floor is None else ["lowest possible valid, 30.25"]
    assert texts == ["train", "valid", *lowest, f"best valid, {valid[best - 1]:.4g}"]
    box, inside = legend.get_window_extent(), score.get_window_extent()
    assert inside.x0 <= box.x0 < box.x1 <= inside.x1
    assert inside.y0 <= box.y0 < box.y1 <= inside.y1
    for line in score.lines:
        path = line.get_transform().transform_path(line.get_path())
        assert not path.intersects_bbox(box, filled=False), line.get_label()
    ring = score.lines[-1]
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([best], [valid[best - 1]])


def test_the_floor_is_a_line_from_edge_to_edge():
    score, _ = drawn(FALLING, LOWER, 4, floor=30.25)
    (line,) = [one for one in score.lines if one.get_label().startswith("lowest possible")]
    assert list(line.get_ydata()) == [30.25, 30.25]
    ends = line.get_transform().transform(line.get_xydata())[:, 0]
    assert ends == pytest.approx([score.bbox.x0, score.bbox.x1])
    assert score.get_ylim()[0] < 30.25
    assert not [one for one in drawn(FALLING, LOWER, 4)[0].lines if "possible" in one.get_label()]


def test_a_runs_name_is_no_formula(tmp_path, monkeypatch):
    """Neither drawn as one, nor refused as a wrong one after an epoch."""
    drawn, path = [], tmp_path / r"a $\frac$ of 5"
    path.mkdir()
    problem = Problem(read=None, model=None, picture=lambda shown: with_title(shown.title))
    monkeypatch.setattr(Run, "save_figure", lambda run, figure, path: drawn.append(texts(figure)))
    album = Album(problem, SineConfig(), Run(path), Screen(), window=None, floor=None)
    progress = Progress(records=RECORDS, best_epoch=1)
    album.look("test", dict, progress)
    album.draw(progress)
    curves_texts, picture_texts = drawn
    assert path.name in curves_texts
    assert f"{path.name}, test" in picture_texts


def with_title(title):
    figure = Figure()
    figure.subplots().set_title(title)
    return figure


def texts(figure):
    """All plain texts of a figure, as they are drawn."""
    written = []

    class Renderer(RendererAgg):
        def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
            if not ismath:
                written.append(s)

    figure.draw(Renderer(800, 600, 100))
    return written
