"""Sentences side by side and as a stream, scored by a step that is worked out by hand."""

import math

import numpy as np
import pytest

from training import scoring
from training.data import DataError
from training.scoring import Scored, Sentence, Sums, UnknownWords, score_sentences, score_stream

EOS = 9


class CountingStep:
    """log p = -(target + input / 10 + steps so far in this row / 1000): every place is told apart.

    Its state is the number of steps of each row, so a state that is not carried, or not begun
    anew, shows.
    """

    def __init__(self, batch_size: int):
        self.zero_state = np.zeros(batch_size)
        self.shapes: list[tuple[int, int]] = []

    def __call__(self, minibatch, state):
        inputs, targets = minibatch.arrays["input_data"].T, minibatch.arrays["targets"].T
        self.shapes.append(targets.shape)
        steps = state + np.arange(len(targets))[:, None]
        return -(targets + inputs / 10 + steps / 1000), state + len(targets)


def sentence(*ids: int) -> Sentence:
    """The ids of the words; the end is added."""
    everything = [*ids, EOS]
    return Sentence(
        [str(one) for one in ids], np.array(everything, np.int32), [False] * (len(ids) + 1)
    )


def by_hand(ids, first, steps=0):
    inputs = [first, *ids[:-1]]
    pairs = zip(ids, inputs, strict=True)
    return [-(t + i / 10 + n / 1000) for n, (t, i) in enumerate(pairs, steps)]


def random_sentences(count, longest):
    generator = np.random.default_rng(0)
    return [
        sentence(*generator.integers(0, 9, generator.integers(0, longest))) for _ in range(count)
    ]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_each_sentence_is_scored_from_zero_and_the_order_is_kept(batch_size, monkeypatch):
    monkeypatch.setattr(scoring, "WINDOW", 20)
    monkeypatch.setattr(scoring, "PIECE", 5 * batch_size)  # rows are walked five steps at a time
    sentences = random_sentences(50, 13)
    found = list(score_sentences(CountingStep(batch_size), sentences, EOS, batch_size))
    assert [one.sentence for one in found] == sentences
    for one in found:
        assert one.log_probs == pytest.approx(by_hand(one.sentence.ids.tolist(), EOS))


def test_sentences_of_one_length_are_scored_together():
    step = CountingStep(4)
    sentences = [sentence(*[1] * length) for length in (9, 1, 9, 1, 1, 9, 9, 1)]
    list(score_sentences(step, sentences, EOS, 4))
    assert step.shapes == [(2, 4), (10, 4)]


@pytest.mark.parametrize(("limit", "value", "most"), [("WINDOW", 5, 5), ("WINDOW_WORDS", 12, 4)])
def test_no_more_sentences_are_taken_than_fit_into_the_window(monkeypatch, limit, value, most):
    monkeypatch.setattr(scoring, limit, value)
    taken = []

    def endless():
        while True:
            taken.append(0)
            yield sentence(1, 2)

    found = score_sentences(CountingStep(2), endless(), EOS, 2)
    for _ in range(most):
        next(found)
    assert len(taken) == most
    next(found)
    assert len(taken) == 2 * most


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
def test_a_stream_carries_its_state_over_all_lines(monkeypatch, piece):
    monkeypatch.setattr(scoring, "PIECE", piece)
    sentences = [sentence(1, 2, 3), sentence(), sentence(), *random_sentences(10, 6)]
    found = list(score_stream(CountingStep(1), sentences))
    assert [one.sentence for one in found] == sentences
    log_probs = [one for scored in found for one in scored.log_probs]
    ids = [number for one in sentences for number in one.ids.tolist()]
    assert log_probs[0] is None
    assert log_probs[1:] == pytest.approx(by_hand(ids[1:], ids[0]))


def test_a_stream_is_taken_piece_by_piece(monkeypatch):
    monkeypatch.setattr(scoring, "PIECE", 6)
    taken = []

    def endless():
        while True:
            taken.append(0)
            yield sentence(1, 2)

    found = score_stream(CountingStep(1), endless())
    next(found)
    assert len(taken) == 3, "the first word and six more"


def test_a_stream_of_one_word_has_nothing_to_score():
    with pytest.raises(DataError, match="one empty line"):
        list(score_stream(CountingStep(1), [sentence()]))


@pytest.mark.parametrize(
    ("unknown", "log_probs"),
    [
        (UnknownWords(), [-1.0, -2.0, None, -4.0]),
        (UnknownWords(left_out=True), [-1.0, None, None, -4.0]),
        (UnknownWords(types=100), [-1.0, -2.0 - math.log(100), None, -4.0]),
    ],
)
def test_unknown_words_are_scored_as_is_wished(unknown, log_probs):
    one = Sentence(["a", "b", "c"], np.arange(4), [False, True, True, False])
    assert unknown.rescore(Scored(one, [-1.0, -2.0, None, -4.0])) == (one, log_probs)


def test_sums_are_those_of_all_sentences():
    flags = [False, True, False]
    one = Scored(Sentence(["a", "b"], np.arange(3), flags), [-1.0, -3.0, -0.5])
    two = Scored(Sentence(["a", "b"], np.arange(3), flags), [-1.0, None, -0.5])
    sums = Sums.of(one)
    sums.add(Sums.of(two))
    assert sums == Sums(2, 4, unknown=2, left_out=1, log_prob=-6.0, unknown_log_prob=-3.0)
    assert sums.scored == 5
    assert sums.perplexity == pytest.approx(math.exp(6 / 5))
    assert math.isnan(Sums().perplexity)
    assert Sums(1, 0, log_prob=-1e6).perplexity == math.inf
