"""Writes `data/sample`: a corpus in the Penn Treebank's format whose entropy is known exactly.

The language is a hidden Markov model (Rabiner 1989, "A Tutorial on Hidden Markov Models", II-III).
Its state is a pair of a topic and a place in the sentence. Within a sentence the place moves on
by `GRAMMAR` and the topic stays; at the end of a sentence the topic changes with probability
`TOPIC_CHANGE`, to any other with equal chance, so a topic lasts ten sentences on average. Half of
the nouns, verbs and adjectives belong to the topic, the others are common to all topics, and a few
nouns (bank, court, star) belong to two. So whoever remembers the sentences before knows which
words are likely in this one.

Because the model is known, so is the best prediction of every word: the forward algorithm gives
P(word | words before) exactly. Two perplexities follow for a split of N words, the sentences in
order, each closed by `<eos>`. Both are over N - 1 predictions, for the first word is only input:

- `whole_past`: every word is predicted from all words before it in the split.
- `cut_past`: the past is cut every `NUM_STEPS` words, as for a network whose state is set to zero
  at every minibatch. Piece k has the inputs w[20k], ..., w[20k + 19] and the targets
  w[20k + 1], ..., w[20k + 20]; its predictions know the language and the piece's own inputs. In
  place of the words before the piece stands the stationary distribution of the hidden state,
  which is what is known of a place in the text before any word there is read.

They are the costs of the true distribution on this very text. No model can expect less; by chance
one may come out a little lower on so short a text.
"""

import argparse
import bisect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

EOS = "<eos>"
NUM_STEPS = 20
TOPIC_CHANGE = 0.1
TOPIC_SHARE = 0.5  # of the nouns, verbs and adjectives
SEED = 1409
SPLITS = {"train": 200_000, "valid": 20_000, "test": 20_000}  # words at least, with <eos>

# Each place in the sentence: the class of its word, and the places that may follow.
GRAMMAR: dict[str, tuple[str, dict[str, float]]] = {
    "subject determiner": ("determiner", {"subject adjective": 0.35, "subject": 0.65}),
    "subject adjective": ("adjective", {"subject": 1.0}),
    "subject": ("noun", {"verb": 0.75, "adverb": 0.25}),
    "adverb": ("adverb", {"verb": 1.0}),
    "verb": ("verb", {"object determiner": 0.85, "preposition": 0.15}),
    "object determiner": ("determiner", {"object adjective": 0.35, "object": 0.65}),
    "object adjective": ("adjective", {"object": 1.0}),
    "object": ("noun", {"end": 0.6, "preposition": 0.25, "conjunction": 0.15}),
    "preposition": ("preposition", {"place determiner": 1.0}),
    "place determiner": ("determiner", {"place adjective": 0.2, "place": 0.8}),
    "place adjective": ("adjective", {"place": 1.0}),
    "place": ("noun", {"end": 0.85, "conjunction": 0.15}),
    "conjunction": ("conjunction", {"subject determiner": 1.0}),
    "end": ("end", {"subject determiner": 1.0}),
}
START = "subject determiner"

# The words common to all topics. In every list the n-th word is n times rarer than the first.
COMMON = {
    "determiner": "the this that every",
    "noun": "man woman child friend neighbour stranger",
    "verb": "saw found liked wanted remembered",
    "adjective": "old new good small strange",
    "adverb": "often never quickly slowly gladly",
    "preposition": "near behind with beyond under",
    "conjunction": "and but while because",
    "end": EOS,
}

# Each line is a topic: its nouns, verbs and adjectives.
TOPICS = [
    dict(zip(("noun", "verb", "adjective"), line.split(" / "), strict=True))
    for line in """\
captain ship sailor harbour wave anchor / steered anchored sank rescued / salty stormy wooden deep
cook soup kettle spoon oven onion / stirred boiled tasted peeled / hot spicy sour fresh
judge lawyer witness court thief jury / accused defended questioned sued / guilty legal strict just
gardener rose hedge bee spade seed / planted watered trimmed weeded / green thorny blooming muddy
doctor nurse patient pill wound ward / healed bandaged examined cured / sick feverish pale sterile
teacher pupil lesson essay desk chalk / taught graded copied spelled / clever lazy diligent absent
singer violin song choir drum flute / sang tuned rehearsed hummed / loud melodic gentle rhythmic
rocket planet star comet moon telescope / orbited launched observed mapped / distant lunar dim round
farmer cow barn tractor pig hay / milked ploughed fed harvested / fat woolly dusty ripe
banker loan bank coin clerk vault / counted lent invested saved / rich costly cheap bankrupt
fisherman trout bank canoe bridge dam / caught crossed paddled flooded / wet shallow winding calm
soldier fort trumpet general tent medal / saluted guarded captured freed / brave armed fierce heavy
player ball goal coach team referee / kicked scored tackled trained / fast sporty tired muscular
actor stage curtain star costume poet / played applauded directed staged / comic tragic famous vain
driver train ticket station engine rail / boarded delayed missed drove / late crowded noisy electric
king queen knight dragon crown court / crowned knighted ruled served / royal noble golden loyal
hunter bear wolf oak fox mushroom / tracked hunted gathered trapped / wild leafy furry mossy
camel dune nomad oasis cactus scorpion / rode climbed circled followed / dry sandy thirsty barren
manager office printer memo meeting stamp / signed printed typed filed / busy formal punctual smart
chemist atom laser acid beaker magnet / measured heated mixed cooled / toxic precise unstable clear
""".splitlines()
]


@dataclass(frozen=True)
class Language:
    """A hidden Markov model of S states over V words; all arrays are float64 probabilities.

    words: the V words in alphabetical order; a text is a row of indices into them.
    initial: `[S]`, the state of a text's first word.
    transition: `[S, S]`, from the state of a word (row) to that of the next (column).
    emission: `[S, V]`, from a state (row) to its word (column).
    """

    words: list[str]
    initial: Floats
    transition: Floats
    emission: Floats


def build_language(topic_change: float = TOPIC_CHANGE) -> Language:
    """Return the language of the sample; state `topic * len(GRAMMAR) + place`."""
    topics, places = len(TOPICS), list(GRAMMAR)
    moves = np.zeros((len(places), len(places)))
    for place, (_, following) in GRAMMAR.items():
        for next_place, probability in following.items():
            moves[places.index(place), places.index(next_place)] = probability
    closing = np.zeros_like(moves)
    closing[places.index("end")] = moves[places.index("end")]
    changes = np.full((topics, topics), topic_change / (topics - 1))
    np.fill_diagonal(changes, 1 - topic_change)
    first_place = np.array([float(place == START) for place in places])
    words, emission = _emission()
    return Language(
        words=words,
        initial=np.tile(first_place / topics, topics),
        transition=np.kron(np.eye(topics), moves - closing) + np.kron(changes, closing),
        emission=emission,
    )


def _emission() -> tuple[list[str], Floats]:
    rows = []
    for topic in TOPICS:
        for word_class, _ in GRAMMAR.values():
            share = TOPIC_SHARE if word_class in topic else 0.0
            row = {w: p * (1 - share) for w, p in _falling(COMMON[word_class]).items()}
            row |= {w: p * share for w, p in _falling(topic.get(word_class, "")).items()}
            rows.append(row)
    words = sorted(set().union(*rows))
    return words, np.array([[row.get(word, 0.0) for word in words] for row in rows])


def _falling(words: str) -> dict[str, float]:
    """Return the words' probabilities by Zipf's law: 1/n of the first one's for the n-th."""
    weights = {word: 1 / rank for rank, word in enumerate(words.split(), start=1)}
    return {word: weight / sum(weights.values()) for word, weight in weights.items()}


def generate(language: Language, length: int, seed: Sequence[int]) -> list[int]:
    """Return a text of at least `length` words that ends with the `<eos>` of its last sentence."""
    moves = [_sampler(row) for row in language.transition]
    emissions = [_sampler(row) for row in language.emission]
    random = np.random.Generator(np.random.PCG64(seed)).random
    eos = language.words.index(EOS)
    text: list[int] = []
    state = _draw(_sampler(language.initial), random())
    while len(text) < length or text[-1] != eos:
        text.append(_draw(emissions[state], random()))
        state = _draw(moves[state], random())
    return text


def _sampler(probabilities: Floats) -> tuple[list[int], list[float]]:
    """Return the possible outcomes and their cumulative probabilities, whose last is exactly 1."""
    outcomes = np.flatnonzero(probabilities)
    cumulative = np.cumsum(probabilities[outcomes])
    return outcomes.tolist(), [*cumulative[:-1].tolist(), 1.0]


def _draw(sampler: tuple[list[int], list[float]], uniform: float) -> int:
    outcomes, cumulative = sampler
    return outcomes[bisect.bisect_right(cumulative, uniform)]


def stationary(transition: Floats) -> Floats:
    """Return the distribution `[S]` that `transition` `[S, S]` leaves as it is."""
    size = len(transition)
    equations = np.vstack([transition.T - np.eye(size), np.ones(size)])
    return np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)[0]


def prediction_costs(language: Language, pieces: NDArray[np.int64], prior: Floats) -> Floats:
    """Return the least expected costs in nats `[rows, n]` of every word but the first of each row.

    pieces: `[rows, n + 1]` word indices. prior: `[S]`, what is known of the state of a row's first
    word before it is read. By the forward algorithm, normalized at every word.
    """
    belief = np.tile(prior, (len(pieces), 1))
    costs = np.empty(pieces.shape)
    for position, word in enumerate(pieces.T):
        joint = belief * language.emission[:, word].T
        probability = joint.sum(axis=1, keepdims=True)
        costs[:, position] = -np.log(probability[:, 0])
        belief = (joint / probability) @ language.transition
    return costs[:, 1:]


def perplexity_whole_past(language: Language, text: Sequence[int]) -> float:
    """Return the least expected perplexity where each word is predicted from all before it."""
    costs = prediction_costs(language, np.array([text]), language.initial)
    return float(np.exp(costs.mean()))


def perplexity_cut_past(language: Language, text: Sequence[int], num_steps: int) -> float:
    """Return the least expected perplexity with the past cut before every `num_steps` inputs."""
    words, prior = np.array(text), stationary(language.transition)
    whole = (len(words) - 1) // num_steps * num_steps
    last_targets = words[num_steps : whole + 1 : num_steps]
    pieces = np.column_stack([words[:whole].reshape(-1, num_steps), last_targets])
    costs = prediction_costs(language, pieces, prior).sum()
    costs += prediction_costs(language, words[None, whole:], prior).sum()  # the shorter last piece
    return float(np.exp(costs / (len(words) - 1)))


def format_text(language: Language, text: Sequence[int]) -> str:
    """Return the text as PTB writes it: a sentence a line, a space before and after each word."""
    words = (language.words[index] for index in text)
    return "".join(" \n" if word == EOS else f" {word}" for word in words)


def write_sample(target: Path) -> dict[str, dict[str, float]]:
    """Write the three splits and `entropy.json` into `target`; return the latter's content."""
    target.mkdir(parents=True, exist_ok=True)
    language = build_language()
    entropy: dict[str, dict[str, float]] = {}
    for index, (split, length) in enumerate(SPLITS.items()):
        text = generate(language, length, seed=[SEED, index])
        content = format_text(language, text)
        (target / f"ptb.{split}.txt").write_text(content, encoding="ascii", newline="\n")
        entropy[split] = {"words": len(text)}
        if split != "train":
            entropy[split]["whole_past"] = round(perplexity_whole_past(language, text), 4)
            cut = perplexity_cut_past(language, text, NUM_STEPS)
            entropy[split]["cut_past"] = round(cut, 4)
    content = json.dumps(entropy, indent=2) + "\n"
    (target / "entropy.json").write_text(content, encoding="ascii", newline="\n")
    return entropy


def main() -> None:
    """Write the sample and print the lowest perplexities that can be expected on it."""
    parser = argparse.ArgumentParser(description="Write the sample corpus and its exact entropies.")
    default = Path(__file__).parent / "sample"
    parser.add_argument("--target", type=Path, default=default, help="default: data/sample")
    for split, facts in write_sample(parser.parse_args().target).items():
        print(f"{split}: {facts['words']:,} words")
        if "whole_past" in facts:
            print(f"  lowest perplexity with the whole past: {facts['whole_past']:.4f}")
            print(f"  with the past cut every {NUM_STEPS} words:     {facts['cut_past']:.4f}")


if __name__ == "__main__":
    main()
