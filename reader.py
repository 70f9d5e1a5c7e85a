"""Text -> minibatches: words, vocabulary, ids, and rows that are walked side by side."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training import memory
from training.data import PIECE, Data, DataError, Minibatch

EOS, UNK = "<eos>", "<unk>"
MOST_UNKNOWN, MANY_UNKNOWN, SOME_UNKNOWN = 0.5, 0.2, 0.005  # of the validation words
SPLITS = ("train", "valid", "test")
DATA = Path(__file__).resolve().parent / "data"
PTB, SAMPLE = DATA / "ptb", DATA / "sample"
_LINE_END = re.compile("\r\n|[\r\u0085\u2028\u2029]")
_EOS_AT_END = re.compile(rf"(?<!\S){EOS}[^\S\n]*$", re.IGNORECASE | re.MULTILINE)
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_UNK = re.compile(rf"(?<!\S){UNK}(?!\S)", re.IGNORECASE)
# SHA-256 of the Penn Treebank's three splits, one after the other.
PTB_SHA256 = "0b6c7d63ba3b5066369952976bfedb370ca0eee0eaffe6f524af316c6beaca3d"


def read_words(path: Path) -> list[str]:
    """The words of a UTF-8 text in order, each line ended by `<eos>`.

    A byte order mark is dropped, every kind of line end ends a line, and a last line needs none.
    `<eos>` that a text has at its lines' ends is theirs, and `<UNK>` is `<unk>`.

    Raises:
        DataError: the file is missing, unreadable, not UTF-8, or has no word.
        UserError: its words would not fit into the memory.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise DataError(f"{path} is no regular file")  # a pipe or /dev/zero may never end
        # A word of two letters takes 64 bytes as an object in a list.
        memory.require(25 * path.stat().st_size, f"reading {path}")
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        place = f"{path} is not UTF-8 text (byte {error.start:,})"
        raise DataError(f"{place}: {_conversion(path, content)}") from None
    if "\0" in text:
        raise DataError(f"{path} has zero bytes, as UTF-16 has: {_conversion(path, content)}")
    text = _LINE_END.sub("\n", text)
    if not text.strip():
        raise DataError(f"{path} is empty")
    if not text.endswith("\n"):
        text += "\n"
    lower = text.lower()
    if EOS in lower:
        text = _EOS_AT_END.sub("", text)
    if lower.count(UNK) > text.count(UNK):
        text = _UNK.sub(UNK, text)
    return text.replace("\n", f" {EOS} ").split()


def _conversion(path: Path, content: bytes) -> str:
    """How to make UTF-8 of a text; its byte order mark tells the encoding, where it has one."""
    marks = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32"}
    marks |= {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
    encoding = next((name for mark, name in marks.items() if content.startswith(mark)), "ENCODING")
    return f"convert it: iconv -f {encoding} -t utf-8 {shlex.quote(str(path))} > NEW"


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
        warnings=warnings_of(words, vocabulary),
        **(_of_the_sample() if folder == SAMPLE else {}),
    )


def warnings_of(words: Mapping[str, Sequence[str]], vocabulary: Sequence[str]) -> list[str]:
    """A line for each flaw of a corpus, whose `words` are those of each split.

    Such are many words of the validation text that no training text has taught, since it has no
    spaces or no `<unk>`, and `UNK` for unknown words.
    """
    counts, known = Counter(words["train"]), set(vocabulary)
    valid = [word for word in words["valid"] if word != EOS]
    unknown = sum(word not in known or word == UNK for word in valid) / max(len(valid), 1)
    is_taught = UNK in counts or len(counts) >= len(vocabulary)
    found = []
    if "UNK" in counts and UNK not in counts:
        found.append(
            f"the training text has {counts['UNK']:,} times UNK, which is a word as others are; "
            f"unknown words are written {UNK}"
        )
    if unknown > MANY_UNKNOWN and _lacks_spaces(words["train"]):
        found.append(
            f"{unknown:.1%} of the validation words are unknown, and so the perplexity says "
            "little: the text hardly has spaces; put one between its words or its characters"
        )
    elif unknown > MOST_UNKNOWN and is_taught:
        found.append(
            f"{unknown:.1%} of the validation words are unknown ({UNK}), and so the perplexity "
            "says little; a larger --vocab_size or more text helps"
        )
    elif unknown > SOME_UNKNOWN and not is_taught:
        twice = sum(count > 1 for count in counts.values())
        found.append(
            f"{unknown:.2%} of the validation words are unknown, and the training text has no "
            f"{UNK} to learn them from; --vocab_size {max(twice, 3)}, the number of words that "
            "occur at least twice, makes one of the others"
        )
    return found


def _lacks_spaces(words: Sequence[str]) -> bool:
    """Whether the lines are not divided into words: one a line, or of an unusual length."""
    lines = words.count(EOS)
    inner = len(words) - lines
    letters = sum(map(len, words)) - lines * len(EOS)
    unspaced = sum(len(_UNSPACED.findall(word)) for word in words[:10_000])
    most = 4 if unspaced > sum(map(len, words[:10_000])) / 4 else 12
    return inner < 1.5 * lines or letters > most * inner


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
