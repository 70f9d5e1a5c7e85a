"""Text -> minibatches: words, vocabulary, ids, and rows that are walked side by side."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training import memory
from training.data import PIECE, Data, DataError, Minibatch

EOS, UNK = "<eos>", "<unk>"
SPLITS = ("train", "valid", "test")
DATA = Path(__file__).resolve().parent / "data"
PTB, SAMPLE = DATA / "ptb", DATA / "sample"
# SHA-256 of the Penn Treebank's three splits, one after the other.
PTB_SHA256 = "0b6c7d63ba3b5066369952976bfedb370ca0eee0eaffe6f524af316c6beaca3d"


def read_words(path: Path) -> list[str]:
    """The words of a UTF-8 text in order, each line ended by `<eos>`.

    A byte order mark is dropped, CRLF ends a line like LF, and a last line needs no line end.

    Raises:
        DataError: the file is missing, unreadable, not UTF-8, or has no word.
        UserError: its words would not fit into the memory.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise DataError(f"{path} is no regular file")  # a pipe or /dev/zero may never end
        # A word of two letters takes 64 bytes as an object in a list.
        memory.require(25 * path.stat().st_size, f"reading {path}")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start:,})") from None
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise DataError(f"{path} is empty")
    if not text.endswith("\n"):
        text += "\n"
    return text.replace("\n", f" {EOS} ").split()


def build_vocabulary(words: Sequence[str], size: int) -> list[str]:
    """The `size` most frequent words by falling count, ties in alphabetical order.

    `<unk>` is always one of them: a corpus that has none gets it as its last word, in place of
    the rarest one where there are `size` words already.
    """
    counts = Counter(words)
    kept = sorted(counts, key=lambda word: (-counts[word], word))[:size]
    if UNK not in kept:
        kept[size - 1 :] = [UNK]
    return kept


def to_ids(words: Sequence[str], vocabulary: Sequence[str]) -> np.ndarray:
    """int32 `[len(words)]`: each word's place in the vocabulary, that of `<unk>` for others."""
    places = {word: place for place, word in enumerate(vocabulary)}
    unknown = places[UNK]
    return np.fromiter((places.get(word, unknown) for word in words), np.int32, len(words))


class TextReader:
    """The stream of words split over `batch_size` rows that are walked side by side.

    Yields `input_data` and `targets`, int32 `[batch_size, num_steps]`, the target being the input
    shifted by one word. Row b of a minibatch goes on where row b of the one before stopped, so
    the state is carried, from zero at the start of every epoch.

    Words that fill no row are left out, and so is a last piece of less than `num_steps` words,
    unless `keep_rest`: then it is a last, shorter minibatch. With one row and `keep_rest`, every
    word of the stream but the first is a target exactly once.
    """

    def __init__(
        self,
        ids: np.ndarray,
        batch_size: int,
        num_steps: int,
        *,
        keep_rest: bool = False,
        carry_state: bool = True,
    ):
        """Raises DataError where the stream is too short for one minibatch."""
        shortest = 1 if keep_rest else num_steps
        needed = batch_size * (shortest + 1)
        if len(ids) < needed:
            raise DataError(
                f"a text of {len(ids):,} words is too short: {needed:,} are needed for one "
                f"minibatch of {batch_size} x {shortest}"
            )
        row_length = len(ids) // batch_size
        self._rows = ids[: batch_size * row_length].reshape(batch_size, row_length)
        self._num_steps = num_steps
        self._carry_state = carry_state
        last_start = row_length - 1 - shortest
        self._length = last_start // num_steps + 1

    def __len__(self) -> int:
        """Minibatches in one epoch."""
        return self._length

    def batches(self, start: int = 0) -> Iterator[Minibatch]:
        """Minibatches number `start`, `start + 1`, ... without an end."""
        number = start
        while True:
            place = number % self._length
            window = self._rows[:, place * self._num_steps : (place + 1) * self._num_steps + 1]
            yield Minibatch(
                {"input_data": window[:, :-1], "targets": window[:, 1:]},
                fresh=place == 0 or not self._carry_state,
            )
            number += 1


def find_corpus(data_path: str) -> Path:
    """The folder of the corpus: `data_path`, else data/ptb where it is there, else data/sample."""
    if data_path:
        return Path(data_path)
    return PTB if (PTB / "ptb.train.txt").is_file() else SAMPLE


def split_path(folder: Path, split: str) -> Path:
    """Where a split of a corpus in PTB's format lies."""
    return folder / f"ptb.{split}.txt"


def read_text_data(
    folder: Path, batch_size: int, num_steps: int, vocab_size: int, carry_state: bool = True
) -> Data:
    """A corpus in PTB's format: `ptb.train.txt`, `ptb.valid.txt` and `ptb.test.txt`.

    Raises:
        DataError: a file is missing, empty or not UTF-8, or too short for one minibatch.
    """
    words = {split: read_words(split_path(folder, split)) for split in SPLITS}
    vocabulary = build_vocabulary(words["train"], vocab_size)
    ids = {split: to_ids(words[split], vocabulary) for split in SPLITS}
    counts = " / ".join(f"{len(ids[split]):,}" for split in SPLITS)
    sha256 = hash_files(split_path(folder, split) for split in SPLITS)
    return Data(
        name={PTB_SHA256: "Penn Treebank"}.get(sha256, folder.name),
        sha256=sha256,
        facts=f"{counts} words to train / validate / test, vocabulary of {len(vocabulary):,}",
        train=TextReader(ids["train"], batch_size, num_steps, carry_state=carry_state),
        valid=one_stream(ids["valid"], num_steps, carry_state),
        test=one_stream(ids["test"], num_steps, carry_state),
        unit="words",
        per_batch=batch_size * num_steps,
        vocabulary=vocabulary,
        **(_of_the_sample() if folder == SAMPLE else {}),
    )


def _of_the_sample() -> dict[str, Any]:
    """What is known of the bundled sample alone: how low a perplexity can be."""
    entropy = json.loads((SAMPLE / "entropy.json").read_text())
    lowest = {split: entropy[split]["whole_past"] for split in ("valid", "test")}
    note = (
        "this is the bundled sample, a made language: no model can be expected to get below "
        f"perplexity {lowest['test']:.3f} on its test split. For the Penn Treebank: make data"
    )
    return {"note": note, "floor": lowest["valid"]}


def one_stream(ids: np.ndarray, num_steps: int, carry_state: bool = True) -> TextReader:
    """Every word of a split but the first, in one row, as scores are reported.

    Where the state is not carried, the pieces are the training's `num_steps` words.
    """
    piece = PIECE if carry_state else num_steps
    return TextReader(ids, 1, piece, keep_rest=True, carry_state=carry_state)


def hash_files(paths: Iterator[Path]) -> str:
    """SHA-256, in hex, of the files' contents one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
