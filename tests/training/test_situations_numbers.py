"""Numbers that say what they are: beyond what a perplexity can be, not finite, no JSON."""

import json
import math
import shutil
import types

import corpora
import pytest

import compare
import evaluate
import train
from config import PTBConfig
from training.metric import ACCURACY, COST, PERPLEXITY, RMSE
from training.numbers import plain, restored
from training.pictures import comparison, curves
from training.progress import Progress
from training.report import Report
from training.run import Run


def strict(text):
    """What JSON text means, which has no NaN and no infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"a": 1.5, "b": 2, "c": "x", "d": None}, {"a": 1.5, "b": 2, "c": "x", "d": None}),
        ({"a": math.inf}, {"a": None, "a_is": "Infinity"}),
        ({"a": -math.inf, "b": 1}, {"a": None, "a_is": "-Infinity", "b": 1}),
        ({"a": {"b": math.nan}}, {"a": {"b": None, "b_is": "NaN"}}),
        ({"a": [{"b": math.inf}]}, {"a": [{"b": None, "b_is": "Infinity"}]}),
        ({"a": [1.0, math.nan, math.inf]}, {"a": [1.0, None, None], "a_is": "Infinity, NaN"}),
    ],
)
def test_what_is_not_finite_is_null_and_a_word_beside_it(values, expected):
    assert plain(values) == expected
    strict(json.dumps(plain(values)))
    if not any(isinstance(value, list) and len(value) > 1 for value in values.values()):
        assert str(restored(plain(values))) == str(values)


@pytest.mark.parametrize(
    "values",
    [{"a": None, "a_is": "else"}, {"a": None, "a_is": 3}, {"a": 1, "a_is": "NaN"}, {"a_is": "NaN"}],
)
def test_other_words_are_left_alone(values):
    assert restored(values) == values


@pytest.mark.parametrize(
    ("metric", "mean", "behind", "told"),
    [
        (PERPLEXITY, math.log(106.4), {}, "106.4"),
        (PERPLEXITY, 31016.2, {"valid_nats": 31016.2}, "inf (31016 nats)"),
        (PERPLEXITY, math.inf, {}, "inf"),
        (PERPLEXITY, math.nan, {}, "nan"),
        (COST, math.inf, {}, "inf"),
        (RMSE, 4.0, {}, "2"),
        (ACCURACY, 0.5, {}, "0.5"),
    ],
)
def test_the_mean_behind_an_infinite_score_is_told(metric, mean, behind, told):
    assert metric.behind(valid=mean) == behind
    assert metric.told(mean) == told


def record(number, mean):
    scores = {"valid": PERPLEXITY.of(mean), **PERPLEXITY.behind(valid=mean)}
    return {"epoch": number, "step": 10 * number, **scores}


@pytest.mark.parametrize(
    ("means", "best", "since"),
    [
        ([31016.2, 15880.0], 2, 0),
        ([15880.0, 31016.2], 1, 1),
        ([900.0, 800.0, 850.0, 4.0], 4, 0),
        ([4.0, 800.0, 900.0], 1, 2),
        ([math.nan, 900.0, math.inf], 2, 1),
        ([900.0, 900.0], 1, 1),
    ],
)
def test_the_better_of_infinite_perplexities_is_found_in_nats(means, best, since):
    progress = Progress()
    for number, mean in enumerate(means, 1):
        progress.step = 10 * number
        progress.close_epoch(record(number, mean), PERPLEXITY)
    assert (progress.best_epoch, progress.epochs_since_better) == (best, since)


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    """A run whose perplexities are infinite, and what was said of it."""
    folder = tmp_path_factory.mktemp("diverged")
    corpus = corpora.write_corpus(folder / "corpus", sizes=(300, 60, 60))
    config = corpora.tiny_config(corpus, learning_rate=1e5, lr_decay=0.5, epochs=2)
    training = corpora.make_training(folder / "run", config)
    result = training.run_to_the_end()
    training.run.vocabulary.write_text("\n".join(training.data.vocabulary))
    return folder / "run", training.screen.text.getvalue(), result


def test_a_training_that_diverges_says_so_and_writes_json(diverged):
    path, said, result = diverged
    assert said.count("warning: the training diverges") == 2
    lines = [strict(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        assert (line["valid"], line["valid_is"]) == (None, "Infinity")
        assert line["valid_nats"] > 700
    best = min(lines, key=lambda line: line["valid_nats"])
    written = strict((path / "result.json").read_text())
    assert (written["valid"], written["best_epoch"]) == (None, best["epoch"])
    assert written["valid_nats"] == best["valid_nats"]
    assert restored(written) == result
    assert f"test perplexity inf ({written['test_nats']:.5g} nats)" in said
    for checkpoint in path.glob("checkpoints/*/progress.json"):
        strict(checkpoint.read_text())


def test_such_a_run_is_evaluated_compared_and_resumed(diverged, tmp_path, capsys):
    path = shutil.copytree(diverged[0], tmp_path / "run")
    file = tmp_path / "score.json"
    assert evaluate.main([str(path), "--json", str(file)]) == 0
    score = strict(file.read_text())
    written = strict((path / "result.json").read_text())
    assert (score["score"], score["score_nats"]) == (None, written["test_nats"])
    assert f"test perplexity inf ({score['score_nats']:.4f} nats)" in capsys.readouterr().out
    assert compare.main([str(path), f"--json={file}", f"--plot={tmp_path / 'a.png'}"]) == 0
    (row,) = strict(file.read_text())
    assert row["result"]["valid_nats"] == written["valid_nats"]
    assert train.main(["--resume", str(path), "--epochs=3"]) == 0
    assert "going on from step" in capsys.readouterr().out
    records = [strict(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert len(records) == 3
    best = min(records, key=lambda line: line["valid_nats"])["epoch"]
    assert strict((path / "result.json").read_text())["best_epoch"] == best


@pytest.mark.parametrize(("valid", "diverges"), [(13.0, 0), (129.0, 0), (141.0, 1), (math.nan, 1)])
def test_an_epoch_far_worse_than_guessing_is_told(tmp_path, valid, diverges):
    """Of 14 words."""
    data = types.SimpleNamespace(unit="words", vocabulary=range(14))
    screen = corpora.QuietScreen()
    report = Report(PTBConfig(), data, Run(tmp_path), screen)
    figures = dict.fromkeys(["learning_rate", "train", "words_per_second", "seconds"], 1.0)
    report.tell_epoch([{"epoch": 1, "valid": valid, **figures}], True)
    assert screen.text.getvalue().count("diverges") == diverges


def entry(tmp_path, name, **result):
    path = tmp_path / name
    path.mkdir()
    shutil.copy(tmp_path / "config.json", path)
    rest = {"best_epoch": 1, "epochs": 1, "seconds": 1.0, "parameters": 1, "test_last": 1.0}
    (path / "result.json").write_text(json.dumps({"metric": "perplexity", **rest, **result}))
    return compare.read_run(path, name)


def test_compare_finds_the_better_of_infinite_scores_old_and_new(diverged, tmp_path):
    """Old files have Infinity and NaN, which are no JSON."""
    shutil.copy(diverged[0] / "config.json", tmp_path)
    worse = plain({"valid": math.inf, "test": math.inf, "valid_nats": 900.0, "test_nats": 910.0})
    better = plain({"valid": math.inf, "test": math.inf, "valid_nats": 800.0, "test_nats": 810.0})
    entries = [
        entry(tmp_path, "a", **worse),
        entry(tmp_path, "b", **better),
        entry(tmp_path, "old", valid=math.inf, test=math.inf),
        entry(tmp_path, "nan", valid=math.nan, test=math.nan),
    ]
    assert compare.find_best(entries) == {1}
    strict(compare.to_json(entries))
    records = [{"valid": math.inf, "valid_nats": n, "epoch": i, "seconds": 1} for i, n in
               enumerate([900.0, 800.0, 850.0], 1)]  # fmt: skip
    assert compare.figures_so_far(records, "perplexity")["best_epoch"] == 2


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize(
    ("train_score", "valid", "expected"),
    [
        (math.inf, math.inf, ["diverged: no finite perplexity of train and valid"]),
        (3.0, math.nan, ["diverged: no finite perplexity of valid"]),
        (3.0, 4.0, []),
    ],
)
def test_the_picture_says_where_nothing_can_be_drawn(train_score, valid, expected):
    records = [{"epoch": 1, "train": train_score, "valid": valid, "learning_rate": 1.0}]
    figure = curves.draw("a run", "perplexity", records, 1)
    assert texts(figure.axes[0]) == expected
    figure.canvas.draw()
    drawn = comparison.compare_curves([comparison.Curve("a run", "perplexity", records)])
    finite = math.isfinite(train_score)
    assert texts(drawn.axes[0]) == ([] if finite else ["no perplexity that can be drawn"])
