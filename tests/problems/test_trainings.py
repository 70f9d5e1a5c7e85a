"""Whole trainings of the four small problems: what they reach, write, show and take up again."""

import dataclasses
import json
import os
import signal

import corpora
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from tiny import SMALL, tiny

import problems
import train
from evaluate import evaluate
from problems.subtraction import number_pairs, pair_reader
from training.pictures.window import NoWindow
from training.run import Run
from training.signals import Stopped

OWN_FIGURES = {
    "sin_cos": {"mean_cost_of_last_4_iterations"},
    "sine": set(),
    "subtraction": {"pairs", "pairs_right", "accuracy_16_bits", "accuracy_32_bits", "sums"},
    "digits": {"test_images", "test_images_right"},
}
METRICS = {"sin_cos": "cost", "sine": "rmse", "subtraction": "accuracy", "digits": "accuracy"}


def without_times(values):
    return {
        name: value
        for name, value in values.items()
        if name != "seconds" and not name.endswith("_per_second")
    }


def records(path):
    lines = (path / "metrics.jsonl").read_text().splitlines()
    return [without_times(json.loads(line)) for line in lines]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny training of each problem; its training and its result."""
    made = {}
    for name in SMALL:
        training = corpora.make_training(tmp_path_factory.mktemp(name), tiny(name), draws=True)
        made[name] = training, training.run_to_the_end()
    return made


@pytest.mark.parametrize("name", SMALL)
def test_a_run_says_what_it_reached(finished, name):
    training, result = finished[name]
    assert result == json.loads((training.run.path / "result.json").read_text())
    assert result["metric"] == METRICS[name]
    common = {"metric", "valid", "test", "test_last", "best_epoch", "epochs", "seconds"}
    common |= {"parameters", "data", f"{training.data.unit}_per_second"}
    assert set(result) == common | OWN_FIGURES[name]
    valid = [record["valid"] for record in records(training.run.path)]
    if METRICS[name] == "accuracy":  # of equal ones the last is the best
        assert result["best_epoch"] == len(valid) - valid[::-1].index(max(valid))
    else:
        assert result["best_epoch"] == 1 + valid.index(min(valid))
    assert result["valid"] == valid[result["best_epoch"] - 1]


@pytest.mark.parametrize("name", SMALL)
def test_a_runs_pictures_can_be_looked_at(finished, name):
    path = finished[name][0].run.path
    for picture in ("picture.png", "curves.png"):
        with Image.open(path / picture) as image:
            assert min(image.size) > 400
            assert len(set(image.convert("L").getdata())) > 10, "it is not blank"
    assert (path / "fit.gif").is_file() == (name == "sin_cos")


def test_the_gif_has_a_frame_of_every_epoch(finished):
    training, result = finished["sin_cos"]
    with Image.open(training.run.path / "fit.gif") as gif:
        assert gif.n_frames == result["epochs"] == 2


@pytest.mark.parametrize("name", SMALL)
def test_evaluate_gives_the_score_that_training_reported(finished, name):
    training, result = finished[name]
    for split in ("test", "valid"):
        scored = evaluate(Run(training.run.path), split, "best")
        assert (scored["metric"], scored["score"]) == (METRICS[name], result[split])


@pytest.mark.parametrize(
    ("name", "stop_at"),
    [
        ("sin_cos", 3),
        pytest.param("sine", 6, marks=pytest.mark.long),
        ("subtraction", 13),
        pytest.param("digits", 7, marks=pytest.mark.long),
    ],
)
def test_a_run_stopped_by_a_signal_goes_on_bit_for_bit(finished, tmp_path, name, stop_at):
    """In the middle of an epoch: the first for sin_cos and digits, the second for the others."""
    whole, result = finished[name]

    def stop(step):
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    path = tmp_path / whole.run.path.name  # the run's name stands in the pictures
    with pytest.raises(Stopped):
        corpora.make_training(path, tiny(name), on_step=stop).run_to_the_end()
    again = corpora.make_training(path, tiny(name))
    checkpoint = again.checkpoints.newest()
    assert checkpoint.step == stop_at
    assert without_times(again.run_to_the_end(checkpoint)) == without_times(result)
    expected = corpora.last_arrays(whole)
    for variable, array in corpora.last_arrays(again).items():
        np.testing.assert_array_equal(array, expected[variable], err_msg=variable)
    assert records(path) == records(whole.run.path)
    for picture in path.glob("*.gif"):
        assert picture.read_bytes() == (whole.run.path / picture.name).read_bytes()


def test_training_stops_when_the_validation_is_good_enough(tmp_path):
    easy = corpora.make_training(
        tmp_path / "easy", tiny("subtraction", stop_at=0.0)
    ).run_to_the_end()
    hard = corpora.make_training(
        tmp_path / "hard", tiny("subtraction", stop_at=1.0)
    ).run_to_the_end()
    assert (easy["epochs"], hard["epochs"]) == (1, 3)


def test_figures_of_subtraction_are_counted_from_the_predictions(finished):
    training, result = finished["subtraction"]
    path = training.run.path
    assert (result["pairs"], result["test"]) == (36, result["pairs_right"] / 36)
    reader = pair_reader(number_pairs(16, seed=1), 16, 100)
    scored = evaluate_on(path, reader)
    assert result["accuracy_16_bits"] == pytest.approx(scored)
    for line in result["sums"]:
        numbers, bits = line.rstrip(")").split(" (")
        a, _, b, _, difference = numbers.split()
        assert [f"{int(n):03b}" for n in (a, b, difference)] == bits.replace("-", "=").split(" = ")
        assert int(a) >= int(b)


def evaluate_on(path, reader):
    """The score of a run's best checkpoint on a reader's split."""
    import tensorflow.compat.v1 as tf

    from problems import PROBLEMS
    from training.graphs import build_evaluation
    from training.step import mean_score

    run = Run(path)
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        model = build_evaluation(PROBLEMS["subtraction"], problems.load(run.config))
        run.find_checkpoint("best", warn=print).restore(session, tf.train.Saver())
        return mean_score(session, model, reader)


def preset(name, logs, *flags):
    """A run of the preset as it is, by the command; its result."""
    assert train.main(["--config", name, "--logdir", str(logs), "--name", name, *flags]) == 0
    return json.loads((logs / name / "result.json").read_text())


@pytest.mark.long
def test_the_cosine_is_learnt_in_200_iterations_by_carrying_the_state(tmp_path):
    carried = preset("sin_cos", tmp_path)
    reset = preset("sin_cos", tmp_path / "reset", "--carry_state=false")
    name = "mean_cost_of_last_20_iterations"
    assert carried[name] <= 0.5
    assert reset[name] > 1


@pytest.mark.long
def test_who_learnt_to_borrow_with_4_bits_does_it_with_16(tmp_path, capsys):
    result = preset("subtraction", tmp_path)
    assert (result["pairs"], result["pairs_right"]) == (136, 136)
    assert result["accuracy_16_bits"] >= 0.99
    assert "pairs right: 136\n" in capsys.readouterr().out


def test_the_last_picture_is_of_the_test_split_by_the_best_epoch(tmp_path, monkeypatch):
    """Every epoch's, and the one after the last epoch, is of the validation."""
    shown = []

    def picture(seen):
        shown.append(seen)
        return Figure()

    problem = dataclasses.replace(problems.PROBLEMS["sine"], picture=picture)
    monkeypatch.setitem(problems.PROBLEMS, "sine", problem)
    training = corpora.make_training(tmp_path / "run", tiny("sine"), draws=True)
    result = training.run_to_the_end()
    *earlier, last = shown
    for split, seen in (("test", last), *(("validation", one) for one in earlier)):
        assert seen.title == f"run, {split}"
        reader = training.data.test if split == "test" else training.data.valid
        np.testing.assert_array_equal(seen.arrays["targets"], reader.arrays["targets"])
    errors = last.arrays["predictions"] - last.arrays["targets"]
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(result["test"], rel=1e-5)
    assert earlier


class LostWindow:
    """A window whose display goes away at once."""

    is_open = True

    def refresh(self):
        pass

    def show(self, figure):
        raise NoWindow("connection broken")


def test_a_training_outlives_its_window(tmp_path):
    training = corpora.make_training(tmp_path, tiny("sine"), window=LostWindow(), draws=True)
    assert training.run_to_the_end()["epochs"] == 2
    assert training.screen.text.getvalue().count("the window is lost: connection broken") == 1


@pytest.mark.long
def test_without_a_display_one_line_says_so_and_the_picture_is_written(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "agg")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    preset("digits", tmp_path, "--show", "--epochs=1", "--hidden_size=8")
    said = capsys.readouterr().out
    assert said.count("no window can be opened") == 1
    assert str(tmp_path / "digits") in said
    assert (tmp_path / "digits" / "picture.png").is_file()
