"""Scores of sentences as text: for people, for programs, and as other toolkits write them.

A writer makes the text of each sentence, and at the end that of all. The perplexity is the same
in every format: that of all that has a score.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Protocol

from training.numbers import plain
from training.scoring import Scored, Sums, perplexity

LN10 = math.log(10)
END = "<eos>"


class Writer(Protocol):
    """A format."""

    def sentence(self, scored: Scored) -> str:
        """The text of a sentence."""
        ...

    def end(self, sums: Sums) -> str:
        """The text after the last sentence."""
        ...


@dataclass(frozen=True)
class Table:
    """For people: a sentence, below it its words with their log probabilities, and its own.

    base: of the logarithms.
    """

    base: float = math.e

    def sentence(self, scored: Scored) -> str:
        """A line for the sentence, one for each word, and one for its sums."""
        sentence, log_probs = scored
        words = [*map(_printable, sentence.words), END]
        lines = [" ".join(words[:-1])]
        for word, log_prob, is_unknown in zip(words, log_probs, sentence.unknown, strict=True):
            lines.append(f"  {self._shown(log_prob)}  {word}{'  (unknown)' if is_unknown else ''}")
        sums = Sums.of(scored)
        total = self._shown(sums.log_prob)
        lines.append(f"  {total}  in all; perplexity {sums.perplexity:.4f}")
        return "\n".join(lines) + "\n\n"

    def end(self, sums: Sums) -> str:
        """Two lines."""
        return (
            f"{sums.sentences:,} sentences, {sums.words:,} words, {sums.unknown:,} unknown\n"
            f"log probability {sums.log_prob / math.log(self.base):.4f} (base {self._base()}), "
            f"perplexity {sums.perplexity:.4f} of {sums.scored:,} words and sentence ends\n"
        )

    def _shown(self, log_prob: float | None) -> str:
        return f"{'-' if log_prob is None else f'{log_prob / math.log(self.base):.4f}':>11}"

    def _base(self) -> str:
        return "e" if self.base == math.e else f"{self.base:g}"


@dataclass(frozen=True)
class JsonLines:
    """For programs: an object a line, one for each sentence, and a last one of all.

    base: of the logarithms.
    """

    base: float = math.e

    def sentence(self, scored: Scored) -> str:
        """The words, and the log probability of each and of the sentence's end."""
        unit = math.log(self.base)
        log_probs = [None if one is None else one / unit for one in scored.log_probs]
        words = [*scored.sentence.words, END]
        return self._line({"words": words, "log_probs": log_probs, **self._sums(Sums.of(scored))})

    def end(self, sums: Sums) -> str:
        """The sums of the text."""
        return self._line({"sentences": sums.sentences, **self._sums(sums), "log_base": self.base})

    def _sums(self, sums: Sums) -> dict[str, Any]:
        return {
            "scored": sums.scored,
            "unknown": sums.unknown,
            "log_prob": sums.log_prob / math.log(self.base),
            "perplexity": sums.perplexity,
        }

    def _line(self, values: dict[str, Any]) -> str:
        return json.dumps(plain(values), ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Srilm:
    """As SRILM's `ngram -ppl TEXT -debug 2` prints; logarithms to base 10.

    `[Ngram]`: N counts the words of the line up to this one and `<s>`. A word without a score is
    what SRILM calls OOV.

    name: what the text is called.
    """

    name: str

    def sentence(self, scored: Scored) -> str:
        """The sentence, a line for each word and its end, and two for its sums."""
        sentence, log_probs = scored
        shown = [
            "<unk>" if is_unknown else word
            for word, is_unknown in zip([*sentence.words, "</s>"], sentence.unknown, strict=True)
        ]
        lines = [" ".join(sentence.words)]
        for place, (word, log_prob) in enumerate(zip(shown, log_probs, strict=True)):
            past = f"{shown[place - 1]} ..." if place else "<s> "
            lines.append(f"\tp( {word} | {past}) \t= {self._score(log_prob, place + 2)}")
        return "\n".join(lines) + "\n" + self._sums(Sums.of(scored)) + "\n"

    def end(self, sums: Sums) -> str:
        """Two lines for the sums of the text."""
        return f"file {self.name}: {self._sums(sums)}"

    def _score(self, log_prob: float | None, order: int) -> str:
        if log_prob is None:
            return "[OOV] 0 [ -inf ]"
        return f"[{order}gram] {math.exp(log_prob):.7g} [ {log_prob / LN10:.7g} ]"

    def _sums(self, sums: Sums) -> str:
        """ppl counts the ends of sentences as words, ppl1 does not."""
        counts = {"ppl": sums.scored, "ppl1": sums.scored - sums.sentences}
        found = [
            f"{name}= {f'{perplexity(sums.log_prob, count):.7g}' if count > 0 else 'undefined'}"
            for name, count in counts.items()
        ]
        return (
            f"{sums.sentences} sentences, {sums.words} words, {sums.left_out} OOVs\n"
            f"0 zeroprobs, logprob= {sums.log_prob / LN10:.7g} {' '.join(found)}\n"
        )


@dataclass(frozen=True)
class Kenlm:
    """As KenLM's `query` prints: `word=id n log10(p)` of each word; n counts the words so far.

    The id is 0 for an unknown word, as there, else the word's line in vocabulary.txt. n counts
    the words of the line up to this one and `<s>`. A word without a score is left out.
    """

    def sentence(self, scored: Scored) -> str:
        """One line."""
        sentence, log_probs = scored
        words = zip(
            [*sentence.words, "</s>"],
            sentence.ids.tolist(),
            sentence.unknown,
            log_probs,
            strict=True,
        )
        found = [
            f"{word}={0 if is_unknown else number + 1} {order} {log_prob / LN10:.7g}\t"
            for order, (word, number, is_unknown, log_prob) in enumerate(words, 2)
            if log_prob is not None
        ]
        sums = Sums.of(scored)
        return f"{''.join(found)}Total: {sums.log_prob / LN10:.7g} OOV: {sums.unknown}\n"

    def end(self, sums: Sums) -> str:
        """Four lines."""
        known = perplexity(sums.log_prob - sums.unknown_log_prob, sums.scored - sums.unknown)
        return (
            f"Perplexity including OOVs:\t{sums.perplexity:.10g}\n"
            f"Perplexity excluding OOVs:\t{known:.10g}\n"
            f"OOVs:\t{sums.unknown}\nTokens:\t{sums.scored}\n"
        )


@dataclass(frozen=True)
class Kaldi:
    """As Kaldi's scripts have the costs of n-best lists: `utt-N -ln P`."""

    def sentence(self, scored: Scored) -> str:
        """One line."""
        return f"{scored.sentence.key} {cost(scored):.7g}\n"

    def end(self, sums: Sums) -> str:
        """Nothing."""
        return ""


def cost(scored: Scored) -> float:
    """-ln P of a sentence."""
    return -Sums.of(scored).log_prob


class BestHypotheses:
    """Finds the hypothesis of the lowest cost of each utterance; of equal ones the first.

    The hypotheses of an utterance stand together; they are called `utt-1`, `utt-2`, and so on.
    """

    def __init__(self) -> None:
        self._utterance, self._words, self._cost = "", [""], math.inf

    def add(self, key: str, words: list[str], cost: float) -> str:
        """Takes a hypothesis; gives the line `utt word word ...` of an utterance that it ends."""
        utterance = key.rpartition("-")[0]
        if utterance == self._utterance:
            if cost < self._cost:
                self._words, self._cost = words, cost
            return ""
        line = self.end()
        self._utterance, self._words, self._cost = utterance, words, cost
        return line

    def end(self) -> str:
        """The line of the last utterance."""
        return " ".join([self._utterance, *self._words]) + "\n" if self._utterance else ""


def _printable(text: str) -> str:
    r"""What does nothing to a terminal: other letters as `\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
