"""Log probabilities of sentences: many side by side, or one after the other as one stream.

Both take the sentences as they come and keep few of them at a time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.data import PIECE, DataError, Minibatch
from training.metric import PERPLEXITY

if TYPE_CHECKING:
    from training.step import Step

# Sentences, and words of theirs, that are sorted by length at once.
WINDOW, WINDOW_WORDS = 4096, 2**18


class Sentence(NamedTuple):
    """A line of a text.

    words: without the end of the sentence. ids: int32 `[len(words) + 1]`, of the words and of the
    end. unknown: for each id, whether it is that of unknown words. key: what the sentence is
    called, where it has a name.
    """

    words: list[str]
    ids: np.ndarray
    unknown: list[bool]
    key: str = ""


class Scored(NamedTuple):
    """A sentence and the log probabilities of its ids in nats, None where an id has no score."""

    sentence: Sentence
    log_probs: list[float | None]


@dataclass(frozen=True)
class UnknownWords:
    """How unknown words are scored.

    left_out: they have no score. types: how many words share the probability equally.
    """

    left_out: bool = False
    types: int = 1

    def rescore(self, scored: Scored) -> Scored:
        """The sentence with its unknown words scored so."""
        log_probs = [
            self._of(log_prob) if is_unknown else log_prob
            for log_prob, is_unknown in zip(scored.log_probs, scored.sentence.unknown, strict=True)
        ]
        return Scored(scored.sentence, log_probs)

    def _of(self, log_prob: float | None) -> float | None:
        if self.left_out or log_prob is None:
            return None
        return log_prob - math.log(self.types)


@dataclass
class Sums:
    """What sentences add up to.

    words: without the ends of sentences. unknown: words and ends that are unknown. left_out: those
    that have no score. log_prob, unknown_log_prob: in nats, of all and of the unknown ones.
    """

    sentences: int = 0
    words: int = 0
    unknown: int = 0
    left_out: int = 0
    log_prob: float = 0.0
    unknown_log_prob: float = 0.0

    @classmethod
    def of(cls, scored: Scored) -> Sums:
        """The sums of one sentence."""
        sentence, log_probs = scored
        pairs = list(zip(log_probs, sentence.unknown, strict=True))
        return cls(
            sentences=1,
            words=len(sentence.words),
            unknown=sum(sentence.unknown),
            left_out=log_probs.count(None),
            log_prob=math.fsum(one for one, _ in pairs if one is not None),
            unknown_log_prob=math.fsum(
                one for one, unknown in pairs if unknown and one is not None
            ),
        )

    def add(self, other: Sums) -> None:
        """Adds the sums of other sentences."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    @property
    def scored(self) -> int:
        """Words and ends of sentences that have a score."""
        return self.words + self.sentences - self.left_out

    @property
    def perplexity(self) -> float:
        """Of all that have a score; NaN where there is none."""
        return perplexity(self.log_prob, self.scored)


def perplexity(log_prob: float, count: int) -> float:
    """The perplexity of `count` words with this log probability in nats; NaN for none."""
    return PERPLEXITY.of(-log_prob / count) if count else math.nan


def score_sentences(
    step: Step, sentences: Iterable[Sentence], first: int, batch_size: int
) -> Iterator[Scored]:
    """Scores each sentence from a zero state, and gives them back in their order.

    Args:
        step: gives the log probabilities, float32 `[num_steps, batch_size]`.
        sentences: taken up to WINDOW at a time, and sorted by length, so that those that are
            scored side by side are of about one length.
        first: the id that stands before each sentence.
        batch_size: rows of the step.
    """
    sentences = iter(sentences)
    while window := _take_window(sentences):
        found: dict[int, Scored] = {}
        order = sorted(range(len(window)), key=lambda place: len(window[place].ids))
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            rows = [window[place].ids for place in places]
            for place, log_probs in zip(
                places, _side_by_side(step, rows, first, batch_size), strict=True
            ):
                found[place] = Scored(window[place], log_probs.tolist())
        yield from (found[place] for place in range(len(window)))


def _take_window(sentences: Iterator[Sentence]) -> list[Sentence]:
    window, words = [], 0
    for sentence in islice(sentences, WINDOW):
        window.append(sentence)
        words += len(sentence.ids)
        if words >= WINDOW_WORDS:
            break
    return window


def _side_by_side(
    step: Step, targets: Sequence[np.ndarray], first: int, batch_size: int
) -> list[np.ndarray]:
    """The log probabilities of each row's targets, int32 `[length of the row]`.

    The rows are walked in pieces of about PIECE words together, the state carried.
    """
    inputs = [np.concatenate([[first], row[:-1]]) for row in targets]
    longest = max(map(len, targets))
    num_steps = math.ceil(PIECE / batch_size)
    pieces, state = [], step.zero_state
    for start in range(0, longest, num_steps):
        stop = min(start + num_steps, longest)
        arrays = {
            "input_data": _padded(inputs, start, stop, batch_size),
            "targets": _padded(targets, start, stop, batch_size),
        }
        log_probs, state = step(Minibatch(arrays, fresh=start == 0), state)
        pieces.append(log_probs[:, : len(targets)])
    found = np.concatenate(pieces)  # [longest, rows]
    return [found[: len(row), place] for place, row in enumerate(targets)]


def _padded(rows: Sequence[np.ndarray], start: int, stop: int, batch_size: int) -> np.ndarray:
    """int32 `[batch_size, stop - start]`: the rows from start to stop, zeros after their ends."""
    found = np.zeros([batch_size, stop - start], np.int32)
    for place, row in enumerate(rows):
        piece = row[start:stop]
        found[place, : len(piece)] = piece
    return found


def score_stream(step: Step, sentences: Iterable[Sentence]) -> Iterator[Scored]:
    """Scores the sentences as one stream, the state carried from each word to the next.

    The very first word is only an input: it has no score.

    Args:
        step: gives the log probabilities, float32 `[num_steps, 1]`.
        sentences: taken about PIECE words at a time.

    Raises:
        DataError: there is but one word.
    """
    begun: deque[Sentence] = deque()

    def all_ids() -> Iterator[int]:
        for sentence in sentences:
            begun.append(sentence)
            yield from sentence.ids.tolist()

    ids, state = all_ids(), step.zero_state
    last = list(islice(ids, 1))
    found: list[float | None] = [None]
    while piece := list(islice(ids, PIECE)):
        row = np.array([last + piece], np.int32)
        arrays = {"input_data": row[:, :-1], "targets": row[:, 1:]}
        log_probs, state = step(Minibatch(arrays, fresh=found == [None]), state)
        found += log_probs[:, 0].tolist()
        last = piece[-1:]
        while begun and len(begun[0].ids) <= len(found):
            sentence = begun.popleft()
            length = len(sentence.ids)
            yield Scored(sentence, found[:length])
            del found[:length]
    if begun:
        raise DataError("a text of one empty line has no word that could be scored as a stream")
