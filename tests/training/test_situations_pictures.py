"""A picture never ends a training, and looks the same whatever the user has set for others."""

import errno
import os
import sys
import warnings
from pathlib import Path

import corpora
import matplotlib
import numpy as np
import processes
import pytest
from matplotlib.text import Text
from test_compare import make_run

import compare
import gradient_flow
from problems.sine import SineConfig
from training.pictures import NoPicture, comparison, curves, fit, flow, plain, style
from training.pictures.album import Album
from training.problem import Movie, Problem
from training.progress import Progress
from training.run import Run

ROOT = Path(__file__).parents[2]
RECORDS = [
    {"epoch": i, "train": 0.1 * i, "valid": 0.05 * i, "cost": 1 / i, "learning_rate": 0.5**i}
    for i in range(1, 4)
]
X = np.linspace(0, 10, 20)


def fit_of(shown):
    return fit.draw(shown.title, X, np.cos(X), np.sin(X), "x", (-1, 1))


def write_fit(path, shown, frames):
    titled = [(f"{shown.title}, epoch {epoch}", frame) for epoch, frame in frames]
    fit.write_gif(path, X, np.cos(X), titled, "x", (-1, 1))


def album_of(path, picture=fit_of, frame=lambda shown: np.sin(X), write=write_fit):
    path.mkdir(parents=True)
    problem = Problem(None, None, picture=picture, movie=Movie("fit.gif", frame, write))
    screen = corpora.QuietScreen()
    return Album(problem, SineConfig(), Run(path), screen, window=None, floor=None), screen


def draw_all(album, epochs=2):
    """What a training draws: its epochs, and at the end the movie."""
    progress = Progress(records=RECORDS, best_epoch=1)
    for epoch in range(1, epochs + 1):
        album.look("valid", dict, progress)
        album.keep_frame(epoch)
        album.draw(progress)
    album.write_movie()


def pictures(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


SETTINGS = {
    "text.usetex": True, "text.parse_math": False, "font.family": ["no such font"],
    "font.sans-serif": ["no such font"], "font.size": 40.0, "mathtext.fontset": "custom",
    "figure.facecolor": "black", "savefig.dpi": 10, "savefig.bbox": "tight", "axes.grid": True,
    "axes.formatter.use_locale": True, "lines.linewidth": 9.0, "legend.loc": "center",
}  # fmt: skip


@pytest.mark.long
def test_the_users_settings_change_no_picture(tmp_path, caplog):
    drawn = []
    for settings in ({}, SETTINGS):
        album, screen = album_of(tmp_path / str(len(settings)) / "run")
        with matplotlib.rc_context(settings):
            draw_all(album, epochs=1)
            assert {name: matplotlib.rcParams[name] for name in settings} == settings
        assert screen.text.getvalue() == ""
        drawn.append(pictures(album._run.path))
    assert not caplog.records
    assert drawn[0] == drawn[1]


NAMES = ["from_$5_to_$10", "$", r"\$1", r"$\frac$", "a_b^c{", "实验一", "ताज", "x" * 90, "%s"]


@pytest.mark.long
def test_any_name_is_drawn_as_it_is_without_a_word(tmp_path, recwarn):
    name = " ".join(NAMES)
    album, screen = album_of(tmp_path / name)
    draw_all(album, epochs=1)
    assert screen.text.getvalue() == ""
    assert not [str(warning.message) for warning in recwarn]
    assert pictures(tmp_path / name).keys() == {"curves.png", "picture.png", "fit.gif"}


@pytest.mark.parametrize("name", [*NAMES, " ".join(NAMES)])
def test_a_name_is_no_formula(name):
    text = Text(text=plain(name))
    assert text._preprocess_math(text.get_text()) == (name, False)


def fail(*arguments):
    raise ValueError("no\nsuch thing")


def full(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("part", ["picture", "frame", "write"])
def test_what_cannot_be_drawn_is_one_line_and_the_training_goes_on(part, tmp_path, monkeypatch):
    monkeypatch.setattr(Run, "save_figure", lambda run, figure, path: path.touch())
    album, screen = album_of(tmp_path / "run", **{part: fail})
    draw_all(album)
    said = screen.text.getvalue()
    assert said == "warning: a picture cannot be drawn: ValueError: no\n"
    assert (tmp_path / "run" / "curves.png").is_file()
    assert not list((tmp_path / "run").glob(".tmp-*"))


def test_curves_that_cannot_be_drawn_do_not_keep_the_picture_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "draw", fail)
    album, screen = album_of(tmp_path / "run")
    draw_all(album, epochs=1)
    assert screen.text.getvalue().count("\n") == 1
    assert pictures(tmp_path / "run").keys() == {"picture.png", "fit.gif"}


@pytest.mark.parametrize("part", ["picture", "write"])
def test_a_full_disk_stays_an_error(part, tmp_path, monkeypatch):
    monkeypatch.setattr(Run, "save_figure", lambda run, figure, path: path.touch())
    album, _ = album_of(tmp_path / "run", **{part: full})
    with pytest.raises(OSError, match="No space left"):
        draw_all(album)


def test_an_error_of_a_style_within_a_style_is_told_once():
    with pytest.raises(NoPicture, match=r"^ValueError: no$"), style(), style():
        fail()


def test_compare_shows_its_table_and_writes_it_without_a_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(comparison, "compare_curves", fail)
    monkeypatch.setattr(sys, "argv", ["compare.py"])
    run, csv = make_run(tmp_path / "run", result={}), tmp_path / "a.csv"
    arguments = [str(run), "--csv", str(csv), "--plot", str(tmp_path / "a.png")]
    assert compare.main(arguments) == 0
    said = capsys.readouterr()
    assert "test perplexity" in said.out and "test perplexity" in csv.read_text()
    assert said.err.startswith("compare.py: warning: ") and said.err.count("\n") == 1
    assert not (tmp_path / "a.png").exists()


def test_gradient_flow_shows_its_table_and_writes_it_without_a_picture(
    tmp_path, monkeypatch, capsys
):
    flows = {"LSTM": {"h": np.ones(3), "c": np.ones(3)}}
    monkeypatch.setattr(gradient_flow, "measure", lambda **sizes: flows)
    monkeypatch.setattr(flow, "draw", fail)
    monkeypatch.setattr(sys, "argv", ["gradient_flow.py"])
    arguments = ["--out", str(tmp_path / "a.png"), "--json", str(tmp_path / "a.json")]
    assert gradient_flow.main(arguments) == 0
    said = capsys.readouterr()
    assert "LSTM" in said.out and (tmp_path / "a.json").is_file()
    assert said.err.startswith("gradient_flow.py: warning: ") and said.err.count("\n") == 1


PROGRAM = """
import sys
import {module}
from training import command
try:
    command.run({module}.main)
finally:
    print("pyplot", "matplotlib.pyplot" in sys.modules)
"""


@pytest.mark.long
@pytest.mark.parametrize("module", ["train", "compare"])
def test_settings_that_are_no_good_are_not_heard_of(module, tmp_path):
    """A backend that is not there, a matplotlibrc that is not even text, no home, no latex."""
    corpus = corpora.write_corpus(tmp_path / "corpus")
    config = tmp_path / "home" / ".config" / "matplotlib"
    config.mkdir(parents=True)
    (config / "matplotlibrc").write_bytes(b"text.usetex: True\nfont.family: \xff\n")
    (tmp_path / "matplotlibrc").write_bytes(b"text.usetex: True\nfont.family: \xfe\xff\nbad\n")
    train = ["--config", "test", "--epochs", "1", "--batch_size", "4", "--num_steps", "5"]
    train += ["--data_path", corpus, "--logdir", tmp_path, "--name", "实验 $一"]
    arguments = {"train": train, "compare": [make_run(tmp_path / "$a $b", result={})]}[module]
    done = processes.run(
        ["-c", PROGRAM.format(module=module), *arguments],
        env={
            **os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "module://no_such.backend",
            "HOME": "/proc/none", "XDG_CONFIG_HOME": str(tmp_path / "home" / ".config"),
            "XDG_CACHE_HOME": "/proc/none",
        },
        cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "warning" not in done.stdout
    assert done.stdout.splitlines()[-1] == "pyplot False"
    assert list(tmp_path.glob("*/c*.png"))


def test_the_style_lasts_no_longer_than_it_is_asked_for():
    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with style():
            assert matplotlib.rcParams["font.family"][0] == "DejaVu Sans"
    assert dict(matplotlib.rcParams) == before
