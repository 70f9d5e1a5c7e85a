"""What `data/make_sample.py` promises of the sample and of its exact perplexities."""

import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.make_sample import (
    TOPICS,
    Language,
    build_language,
    generate,
    perplexity_cut_past,
    perplexity_whole_past,
    prediction_costs,
    stationary,
    write_sample,
)

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
SPLITS = ("train", "valid", "test")
ENTROPY = json.loads((SAMPLE / "entropy.json").read_text())


@pytest.fixture(scope="module")
def splits() -> dict[str, list[str]]:
    """The words of each split in order, each line closed by `<eos>`."""
    read = {split: (SAMPLE / f"ptb.{split}.txt").read_text() for split in SPLITS}
    return {split: text.replace("\n", " <eos> ").split() for split, text in read.items()}


@pytest.mark.long
def test_a_second_run_writes_the_bundled_files_byte_by_byte(tmp_path):
    write_sample(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(["entropy.json", *(f"ptb.{split}.txt" for split in SPLITS)])
    assert [n for n in names if (tmp_path / n).read_bytes() != (SAMPLE / n).read_bytes()] == []


def test_the_format_is_ptbs():
    for split in SPLITS:
        text = (SAMPLE / f"ptb.{split}.txt").read_bytes().decode("ascii")
        lines = text.split("\n")
        assert lines.pop() == ""
        for line in lines:
            assert line == " " + " ".join(line.split()) + " "
            assert line.strip().replace(" ", "a").isalpha()
        assert text == text.lower()


def test_sizes_and_vocabulary(splits):
    for split, least in zip(SPLITS, (200_000, 20_000, 20_000), strict=True):
        assert least <= len(splits[split]) < least + 100
        assert ENTROPY[split]["words"] == len(splits[split])
    counts = Counter(splits["train"])
    assert 300 <= len(counts) <= 500
    assert min(counts.values()) >= 20
    assert set(splits["valid"]) | set(splits["test"]) <= set(counts)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_memory_pays_and_longer_memory_pays_more(splits, split):
    counts = Counter(splits["train"])
    costs = [np.log(len(splits["train"]) / counts[word]) for word in splits[split][1:]]
    whole, cut = ENTROPY[split]["whole_past"], ENTROPY[split]["cut_past"]
    assert whole * 1.1 < cut < whole * 1.15
    assert cut * 2 < np.exp(np.mean(costs))


def test_a_topic_lasts_ten_sentences_on_average(splits):
    """Told from the text alone: sentences in which all words of topics are of one topic."""
    topics = [set(" ".join(topic.values()).split()) for topic in TOPICS]
    sentences = " ".join(splits["train"]).split("<eos>")
    kept = changed = 0
    for before, after in itertools.pairwise(set(sentence.split()) for sentence in sentences):
        first = {i for i, topic in enumerate(topics) if before & topic}
        second = {i for i, topic in enumerate(topics) if after & topic}
        if len(first) == len(second) == 1:
            kept += first == second
            changed += first != second
    assert kept + changed > 5_000
    assert changed / (kept + changed) == pytest.approx(0.1, abs=0.015)


@pytest.mark.long
def test_the_floor_is_lowest_for_the_language_that_made_the_text(splits):
    costs = {}
    for topic_change in (0.06, 0.1, 0.15):
        language = build_language(topic_change)
        text = [language.words.index(word) for word in splits["train"][:20_000]]
        costs[topic_change] = perplexity_whole_past(language, text)
    assert min(costs, key=costs.__getitem__) == 0.1


def random_language(seed: int, states: int, words: int) -> Language:
    random = np.random.default_rng(seed)
    initial = random.dirichlet(np.ones(states))
    transition = random.dirichlet(np.ones(states), size=states)
    emission = random.dirichlet(np.ones(words), size=states)
    return Language([f"w{i}" for i in range(words)], initial, transition, emission)


def probability(language: Language, prior: np.ndarray, text: list[int]) -> float:
    """P(text), as the sum over every row of hidden states."""
    total = 0.0
    for path in itertools.product(range(len(prior)), repeat=len(text)):
        product = prior[path[0]]
        for i, (state, word) in enumerate(zip(path, text, strict=True)):
            product *= language.emission[state, word]
            if i:
                product *= language.transition[path[i - 1], state]
        total += product
    return total


def brute_cost(language: Language, prior: np.ndarray, text: list[int]) -> float:
    """-log P(all words but the first | the first)."""
    return -np.log(probability(language, prior, text) / probability(language, prior, text[:1]))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 3), min_size=2, max_size=7))
def test_the_whole_past_floor_is_the_sum_over_all_hidden_paths(seed, text):
    language = random_language(seed, states=3, words=4)
    expected = np.exp(brute_cost(language, language.initial, text) / (len(text) - 1))
    assert perplexity_whole_past(language, text) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32), st.lists(st.integers(0, 3), min_size=2, max_size=12), st.integers(1, 4)
)
def test_the_cut_floor_is_the_sum_over_all_hidden_paths_of_each_piece(seed, text, num_steps):
    language = random_language(seed, states=3, words=4)
    prior = np.linalg.matrix_power(language.transition, 4096)[0]
    pieces = [text[i : i + num_steps + 1] for i in range(0, len(text) - 1, num_steps)]
    cost = sum(brute_cost(language, prior, piece) for piece in pieces)
    expected = np.exp(cost / (len(text) - 1))
    assert perplexity_cut_past(language, text, num_steps) == pytest.approx(expected, rel=1e-6)


def test_costs_are_those_of_a_distribution():
    language = random_language(3, states=4, words=5)
    texts = np.array([[1, 4, 0, word] for word in range(5)])
    assert np.exp(-prediction_costs(language, texts, language.initial)[:, -1]).sum() == (
        pytest.approx(1.0)
    )


def test_generated_words_come_as_often_as_the_language_says():
    language = build_language()
    text = generate(language, 30_000, seed=[7])
    expected = stationary(language.transition) @ language.emission
    counted = np.bincount(text, minlength=len(language.words)) / len(text)
    common = expected > 0.01  # these come in every topic
    assert common.sum() > 15
    deviation = np.sqrt(expected / len(text))
    assert (abs(counted - expected) < 5 * deviation)[common].all()


def test_every_row_of_the_language_is_a_distribution():
    language = build_language()
    assert language.initial.sum() == pytest.approx(1)
    for rows in (language.transition, language.emission):
        assert (rows >= 0).all()
        np.testing.assert_allclose(rows.sum(axis=1), 1)
