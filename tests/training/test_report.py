"""What a training says of itself, against what its steps gave: metrics, result, TensorBoard."""

import dataclasses
import json
import os
import signal
import types

import corpora
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

import train
from training import loop
from training.progress import NotFinite

EPOCH, WORDS = 49, 4 * 5  # steps in an epoch, words in a step
LEFT_OUT = 60  # the step that is not finite, in the second epoch
SECONDS = [0.5, 2.0]  # that a step takes in either epoch
VOCABULARY, UNITS = 14, 12


class Steps:
    """What every step gave, and a clock by which an epoch's steps take equal times."""

    def __init__(self):
        self.made, self.sums = 0, []

    def of(self, epoch):
        """The sums of an epoch's good steps."""
        return [one for one in self.sums[EPOCH * epoch : EPOCH * (epoch + 1)] if one is not None]

    def perf_counter(self):
        """Called before a step and after it."""
        before = [SECONDS[step // EPOCH] for step in range(self.made)]
        return 1000.0 + sum(before)

    def noting(self):
        """A Step that keeps what it gives, and of which one is not finite."""
        steps = self

        class Noting(loop.Step):
            def __call__(self, minibatch, initial_state):
                steps.made += 1
                if steps.made == LEFT_OUT:
                    steps.sums.append(None)
                    raise NotFinite("gradient")
                sums, state = super().__call__(minibatch, initial_state)
                steps.sums.append(sums)
                return sums, state

        return Noting


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A training of two epochs: its steps, the training, its result."""
    folder = tmp_path_factory.mktemp("told")
    corpus = corpora.write_corpus(folder / "corpus")
    config = corpora.tiny_config(corpus, epochs=2, optimizer="adam", learning_rate=0.02)
    steps = Steps()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "Step", steps.noting())
        patch.setattr(train, "time", types.SimpleNamespace(perf_counter=steps.perf_counter))
        training = corpora.make_training(folder / "run", config, on_nan="skip")
        result = training.run_to_the_end()
    return steps, training, result


@pytest.fixture(scope="module")
def records(told):
    lines = (told[1].run.path / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def events(told):
    """All that TensorBoard reads of the run."""
    everything = {"scalars": 0, "histograms": 0}
    return EventAccumulator(str(told[1].run.path), everything).Reload()


def test_costs_norms_and_scores_are_means_over_an_epochs_good_steps(told, records):
    steps, _, _ = told
    assert [len(steps.of(epoch)) for epoch in range(2)] == [EPOCH, EPOCH - 1]
    for epoch, record in enumerate(records):
        mean = {name: np.mean([one[name] for one in steps.of(epoch)]) for name in ("cost", "norm")}
        assert record["cost"] == pytest.approx(mean["cost"], rel=1e-6)
        assert record["gradient_norm"] == pytest.approx(mean["norm"], rel=1e-6)
        assert record["train"] == pytest.approx(np.exp(mean["cost"] / 5), rel=1e-6)


def test_words_per_second_are_those_of_the_good_steps_over_the_seconds_of_all(told, records):
    seconds = [EPOCH * one for one in SECONDS]
    words = [EPOCH * WORDS, (EPOCH - 1) * WORDS]
    assert [record["seconds"] for record in records] == pytest.approx(seconds)
    rates = [count / time for count, time in zip(words, seconds, strict=True)]
    assert [record["words_per_second"] for record in records] == pytest.approx(rates)
    assert told[2]["words_per_second"] == pytest.approx(sum(words) / sum(seconds))
    said = told[1].screen.text.getvalue()
    for record, rate in zip(records, rates, strict=True):
        line = next(line for line in said.splitlines() if f"epoch  {record['epoch']}" in line)
        assert f"  {rate:.0f} words/s  " in line


def test_the_parameters_are_the_numbers_that_are_trained(told):
    """One layer; neither Adam's slots, nor the learning rate, nor the step count."""
    cells = 2 * UNITS * 4 * UNITS + 4 * UNITS
    expected = VOCABULARY * UNITS + cells + UNITS * VOCABULARY + VOCABULARY
    assert told[2]["parameters"] == expected
    told[1].report.begin(told[1].graph.parameters, None)
    assert f" {expected:,} parameters" in told[1].screen.text.getvalue()


def test_the_curves_of_tensorboard_are_the_figures_of_the_metrics(told, records, events):
    names = {
        "perplexity/train": "train",
        "perplexity/valid": "valid",
        "training/learning_rate": "learning_rate",
        "training/cost": "cost",
        "training/gradient_norm": "gradient_norm",
        "training/words_per_second": "words_per_second",
    }
    assert set(events.Tags()["scalars"]) == {*names, "perplexity/test"}
    for tag, name in names.items():
        points = [(point.step, point.value) for point in events.Scalars(tag)]
        assert [step for step, _ in points] == [EPOCH, 2 * EPOCH], tag
        expected = np.float32([record[name] for record in records])
        np.testing.assert_array_equal(np.float32([value for _, value in points]), expected, tag)
    (test,) = events.Scalars("perplexity/test")
    assert (test.step, test.value) == (2 * EPOCH, np.float32(told[2]["test"]))


def test_the_histograms_are_those_of_all_weights_at_the_end_of_each_epoch(told, events):
    weights = {name: a for name, a in corpora.last_arrays(told[1]).items() if "/Adam" not in name}
    weights = {name: a for name, a in weights.items() if name.startswith("Model/") and a.ndim}
    assert len(weights) == 5
    assert set(events.Tags()["histograms"]) == {f"weights/{name}" for name in weights}
    for name, array in weights.items():
        first, last = events.Histograms(f"weights/{name}")
        assert (first.step, last.step) == (EPOCH, 2 * EPOCH)
        assert last.histogram_value.num == array.size
        assert last.histogram_value.min == pytest.approx(array.min(), rel=1e-6)
        assert last.histogram_value.max == pytest.approx(array.max(), rel=1e-6)
        assert first.histogram_value.sum != last.histogram_value.sum


def test_the_hyperparameters_are_all_fields_of_the_config(told, events):
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    found = {
        name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()
    }
    assert found == dataclasses.asdict(told[1].config)


@dataclasses.dataclass
class Clock:
    """A clock that a test winds on."""

    now: float

    def monotonic(self):
        return self.now


def run_by_the_clock(path, config, start, stop_at=None, **options):
    """A training whose steps take ten seconds each, stopped at a step or not.

    Returns its result, or None where it is stopped, and the steps that it was saved at.
    """
    clock, saved = Clock(start), []

    def on_step(step):
        clock.now += 10
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", clock)
        training = corpora.make_training(path, config, on_step=on_step, **options)
        save = training.checkpoints.save
        patch.setattr(training.checkpoints, "save", lambda *a: (saved.append(a[2]), save(*a))[1])
        try:
            return training.run_to_the_end(training.checkpoints.newest()), saved
        except loop.Stopped:
            return None, saved


@pytest.fixture(scope="module")
def in_two_lives(tmp_path_factory):
    """A training that was stopped at step 20 and went on, on another day."""
    folder = tmp_path_factory.mktemp("lives")
    config = corpora.tiny_config(corpora.write_corpus(folder / "corpus"), epochs=1)
    first = run_by_the_clock(folder / "run", config, 500.0, 20, checkpoint_minutes=1)
    return first, run_by_the_clock(folder / "run", config, 90_000.0, checkpoint_minutes=1)


def test_the_seconds_of_a_result_are_those_of_all_processes(in_two_lives):
    (nothing, _), (result, _) = in_two_lives
    assert nothing is None
    assert result["seconds"] == pytest.approx(10 * EPOCH)


def test_a_minute_between_two_checkpoints_is_one_of_sixty_seconds(in_two_lives):
    """Steps of ten seconds: every six of them, at the stop and at the epoch's end."""
    (_, first), (_, second) = in_two_lives
    assert first == [6, 12, 18, 20]
    assert second == [26, 32, 38, 44, EPOCH]
