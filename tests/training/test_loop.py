"""The training loop: it learns, carries the state, keeps the best, and goes on exactly."""

import contextlib
import dataclasses
import json
import os
import signal

import corpora
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import reader
from problems import PROBLEMS
from training.checkpoint import Checkpoints
from training.command import UserError
from training.graphs import build_evaluation
from training.metric import PERPLEXITY
from training.progress import NotFinite
from training.signals import Stopped
from training.step import mean_score

EPOCH = 49  # steps in an epoch of this corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpora.write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    """An uninterrupted run with dropout, Adam and a decaying rate; its result."""
    training = corpora.make_training(tmp_path_factory.mktemp("run"), settings(corpus), draws=True)
    return training, training.run_to_the_end()


def settings(corpus, **changes):
    return corpora.tiny_config(
        corpus, keep_prob=0.6, optimizer="adam", learning_rate=0.05, **changes
    )


def test_training_beats_guessing_and_writes_its_files(finished):
    training, result = finished
    path = training.run.path
    assert result["metric"] == "perplexity"
    assert result["test"] < 10, "13 words are equally likely before anything is learnt"
    assert result == json.loads((path / "result.json").read_text())
    assert result["epochs"] == len(corpora.metrics_without_times(path)) == 3
    assert (path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list(path.glob("events.out.tfevents.*"))
    assert result["words_per_second"] > 0


def test_learning_rate_follows_the_schedule(finished):
    rates = [r["learning_rate"] for r in corpora.metrics_without_times(finished[0].run.path)]
    np.testing.assert_allclose(rates, [0.05, 0.025, 0.0125], rtol=1e-6)


def test_the_best_epoch_is_the_one_with_the_lowest_validation_score(finished):
    training, result = finished
    valid = [r["valid"] for r in corpora.metrics_without_times(training.run.path)]
    assert result["valid"] == min(valid)
    assert result["best_epoch"] == 1 + valid.index(min(valid))


def stop_at(last):
    """What a training is told by, so that a signal stops it at a step."""

    def on_step(step):
        if step == last:
            os.kill(os.getpid(), signal.SIGTERM)

    return on_step


LONG = pytest.mark.long


@pytest.mark.parametrize(
    "last",
    [30, *(pytest.param(step, marks=LONG) for step in (1, EPOCH, EPOCH + 1, 3 * EPOCH - 1))],
)
def test_a_run_stopped_by_a_signal_goes_on_bit_for_bit(corpus, finished, tmp_path, last):
    """In the first epoch, at its end, at the start of the next, and just before the end."""
    whole, result = finished
    with pytest.raises(Stopped) as stopped:
        corpora.make_training(tmp_path, settings(corpus), on_step=stop_at(last)).run_to_the_end()
    assert stopped.value.status == 143
    again = corpora.make_training(tmp_path, settings(corpus))
    checkpoint = again.checkpoints.newest()
    assert checkpoint.step == last
    resumed = again.run_to_the_end(checkpoint)
    expected = corpora.last_arrays(whole)
    for name, array in corpora.last_arrays(again).items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    assert corpora.metrics_without_times(tmp_path) == corpora.metrics_without_times(whole.run.path)
    assert {k: v for k, v in resumed.items() if k not in corpora.TIMES} == {
        k: v for k, v in result.items() if k not in corpora.TIMES
    }


@pytest.mark.long
def test_a_rate_that_falls_at_every_step_goes_on_where_it_was(corpus, tmp_path):
    config, rates = settings(corpus, decay="linear", epochs=2), []
    stops = {"whole": None, "cut": EPOCH + 20}

    def note(step):
        rates.append(float(training.session.run(training.model.lr)))
        if step == stops[training.run.path.name]:
            os.kill(os.getpid(), signal.SIGTERM)

    for name in stops:
        training = corpora.make_training(tmp_path / name, config, on_step=note)
        with contextlib.suppress(Stopped):
            training.run_to_the_end()
    whole = corpora.last_arrays(corpora.make_training(tmp_path / "whole", config))
    training = corpora.make_training(tmp_path / "cut", config, on_step=note)
    training.run_to_the_end(training.checkpoints.newest())
    expected = [0.05] * EPOCH + [0.05 * (1 - step / EPOCH) for step in range(EPOCH)]
    np.testing.assert_allclose(rates, expected * 2, rtol=1e-5)
    for name, array in corpora.last_arrays(training).items():
        np.testing.assert_array_equal(array, whole[name], err_msg=name)


def test_dropout_differs_from_step_to_step_but_not_from_run_to_run(corpus, tmp_path):
    costs = []
    for name in ("a", "b"):
        training = corpora.make_training(tmp_path / name, settings(corpus, epochs=1))
        training.run_to_the_end()
        costs.append(corpora.metrics_without_times(tmp_path / name)[0]["train"])
    other = corpora.make_training(tmp_path / "c", settings(corpus, epochs=1, seed=7))
    other.run_to_the_end()
    assert costs[0] == costs[1]
    assert costs[0] != corpora.metrics_without_times(tmp_path / "c")[0]["train"]


def test_at_most_three_checkpoints_are_kept_and_the_best_is_one_of_them(
    corpus, tmp_path, monkeypatch
):
    """And a fourth while it is written; each takes what its numbers take, and little beside."""
    counts, prune = [], Checkpoints.prune

    def counting(checkpoints, best_step):
        for _ in range(2):  # before and after
            counts.append(len(list(checkpoints.folder.iterdir())))
            prune(checkpoints, best_step)

    monkeypatch.setattr(Checkpoints, "prune", counting)
    training = corpora.make_training(tmp_path, settings(corpus), checkpoint_steps=5)
    training.run_to_the_end()
    assert max(counts[::2]) == 4
    assert max(counts[1::2]) == 3
    checkpoints = training.run.checkpoints
    assert (checkpoints / f"step-{training.progress.best_step:010d}").is_dir()
    numbers = sum(array.nbytes for array in corpora.last_arrays(training).values())
    for checkpoint in checkpoints.iterdir():
        assert sum(path.stat().st_size for path in checkpoint.iterdir()) < numbers + 10_000


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {EPOCH}),  # ten minutes are not over
        ({"checkpoint_minutes": 1e-9}, {*range(1, EPOCH + 1)}),
        ({"checkpoint_steps": 20}, {20, 40, EPOCH}),
    ],
)
def test_a_training_is_saved_as_often_as_asked_for(
    corpus, tmp_path, monkeypatch, options, expected
):
    saved, save = set(), Checkpoints.save

    def noting(checkpoints, session, saver, step, *rest):
        saved.add(step)
        return save(checkpoints, session, saver, step, *rest)

    monkeypatch.setattr(Checkpoints, "save", noting)
    corpora.make_training(tmp_path, settings(corpus, epochs=1), **options).run_to_the_end()
    assert saved == expected


def test_patience_ends_the_training(corpus, tmp_path):
    """At this rate no epoch after the first few is the best for long."""
    config = corpora.tiny_config(corpus, learning_rate=30.0, epochs=50, patience=2, lr_decay=1.0)
    result = corpora.make_training(tmp_path / "whole", config).run_to_the_end()
    assert result["epochs"] == result["best_epoch"] + 2 < 50
    # And where it is stopped between the best epoch and its end, patience goes on.
    step = EPOCH * result["best_epoch"] + 1
    stopped = corpora.make_training(tmp_path / "stopped", config, on_step=stop_at(step))
    with pytest.raises(Stopped):
        stopped.run_to_the_end()
    resumed = corpora.make_training(tmp_path / "stopped", config)
    assert resumed.run_to_the_end(resumed.checkpoints.newest())["epochs"] == result["epochs"]


@pytest.mark.parametrize(
    ("field", "said"),
    [("hidden_size", r"config \(hidden_size\)"), ("data_path", "vocabulary and data")],
)
def test_a_checkpoint_of_another_training_is_refused(corpus, finished, tmp_path, field, said):
    value = 7 if field == "hidden_size" else str(corpora.write_corpus(tmp_path / "c", seed=1))
    other = corpora.make_training(tmp_path / "run", settings(corpus, **{field: value}))
    with pytest.raises(UserError, match=f"was made with another {said}$"):
        other.run_to_the_end(finished[0].checkpoints.newest())


def test_a_cost_that_is_not_finite_stops_and_names_the_variable(corpus, tmp_path):
    def poison(step):
        if step == 3:
            with training.graph.graph.as_default():
                weights = tf.trainable_variables("Model/softmax/softmax_w")[0]
            weights.load(np.full(weights.shape, np.inf, np.float32), training.session)

    config = corpora.tiny_config(corpus)
    training = corpora.make_training(tmp_path, config, on_step=poison, checkpoint_steps=2)
    with pytest.raises(NotFinite, match=r"step 4: cost and Model/embedding.* not finite"):
        training.run_to_the_end()
    assert training.checkpoints.newest().step == 2
    for name, array in corpora.last_arrays(training).items():
        assert np.isfinite(array).all(), name


@pytest.mark.parametrize("on_nan", ["skip", "halve_lr"])
def test_bad_steps_can_be_left_out(corpus, tmp_path, on_nan):
    config = corpora.tiny_config(corpus, epochs=1)
    training = corpora.make_training(tmp_path, config, on_nan=on_nan)
    real_batches = training.data.train.batches

    class Poisoned:
        """The same minibatches, before the fourth of which the state becomes NaN."""

        def __len__(self):
            return EPOCH

        def batches(self, start=0):
            for number, batch in enumerate(real_batches(start), start):
                good = training.final_state
                if number == 3:
                    training.final_state = tf.nest.map_structure(lambda a: a * np.nan, good)
                yield batch
                if number == 3:
                    training.final_state = good

    training.data = dataclasses.replace(training.data, train=Poisoned())
    result = training.run_to_the_end()
    assert training.progress.step == EPOCH
    assert "step 4 left out" in training.screen.text.getvalue()
    assert np.isfinite(result["test"])
    rate = corpora.metrics_without_times(tmp_path)[0]["learning_rate"]
    assert rate == (0.5 if on_nan == "halve_lr" else 1.0)


def score_again(training, text_reader):
    """The score of the best checkpoint on the reader's words, in a graph of its own."""
    checkpoint = training.checkpoints.at(training.progress.best_step)
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        model = build_evaluation(PROBLEMS["ptb"], training.config)
        checkpoint.restore(session, tf.train.Saver())
        return PERPLEXITY.of(mean_score(session, model, text_reader))


def stream_of(corpus, training):
    return reader.to_ids(
        reader.read_words(reader.split_path(corpus, "test")), training.data.vocabulary
    )


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_the_reported_score_is_that_of_one_stream_however_long_the_pieces(corpus, finished, piece):
    training, result = finished
    words = reader.TextReader(stream_of(corpus, training), 1, piece, keep_rest=True)
    assert score_again(training, words) == pytest.approx(result["test"], rel=1e-6)


def test_a_state_that_is_reset_gives_another_score(corpus, finished):
    training, result = finished
    words = reader.one_stream(stream_of(corpus, training), 5, carry_state=False)
    assert score_again(training, words) != pytest.approx(result["test"], rel=1e-3)
