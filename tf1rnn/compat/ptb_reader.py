"""`tensorflow.models.rnn.ptb.reader` of 2015 and 2016: the Penn Treebank's files, in batches."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor


def ptb_raw_data(data_path: str) -> tuple[list[int], list[int], list[int], int]:
    """Reads `ptb.train.txt`, `ptb.valid.txt` and `ptb.test.txt`.

    Words are numbered by how often they are in the first, equally frequent ones by the alphabet;
    words of the others that it lacks are left out.

    Args:
      data_path: the folder of the files.

    Returns:
      The numbers of the words of the three files, with one for the end of a line, and the size of
      the vocabulary.
    """
    texts = [_words(Path(data_path) / f"ptb.{part}.txt") for part in ("train", "valid", "test")]
    counts = collections.Counter(texts[0])
    ids = {word: i for i, word in enumerate(sorted(counts, key=lambda word: (-counts[word], word)))}
    train, valid, test = ([ids[word] for word in text if word in ids] for text in texts)
    return train, valid, test, len(ids)


def _words(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").replace("\n", " <eos> ").split()


def ptb_iterator(
    raw_data: list[int], batch_size: int, num_steps: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Goes through the words once, in batch_size rows side by side.

    Yields:
      Words and the words that follow them, int32 `[batch_size, num_steps]` each.

    Raises:
      ValueError: there are too few words for one batch.
    """
    length = len(raw_data) // batch_size
    rows = np.array(raw_data[: batch_size * length], np.int32).reshape(batch_size, length)
    epoch_size = (length - 1) // num_steps
    if epoch_size == 0:
        raise ValueError("epoch_size == 0, decrease batch_size or num_steps")
    for start in range(0, epoch_size * num_steps, num_steps):
        end = start + num_steps
        yield rows[:, start:end], rows[:, start + 1 : end + 1]


def ptb_producer(
    raw_data: list[int], batch_size: int, num_steps: int, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """`ptb_iterator` as tensors of a queue, which begins again at the end.

    Returns:
      Words and the words that follow them, int32 `[batch_size, num_steps]` each; the queue's
      runner is in the collection of them.
    """
    with tf.name_scope(name, "PTBProducer"):
        batches = list(ptb_iterator(raw_data, batch_size, num_steps))
        index = tf.train.range_input_producer(len(batches), shuffle=False).dequeue()
        words, following = (tf.constant(np.stack(part)) for part in zip(*batches, strict=True))
        return words[index], following[index]
