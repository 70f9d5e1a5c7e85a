"""Curves, as NumPy minibatches: a cosine from its sine, and the next point of a sine."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import numpy as np
import tensorflow.compat.v1 as tf

from examples import ExampleReader
from reader import Data, Minibatch

EVALUATED = 20  # minibatches of the cosine that are validated, and as many tested


def hash_text(text: str) -> str:
    """SHA-256, in hex: of the numbers a curve is computed from, as its last digits may vary."""
    return hashlib.sha256(text.encode()).hexdigest()


# ----------------------------------------------------------------------- a cosine from its sine


class SinCosReader:
    """Sine and cosine along a line that never ends.

    Minibatch k has x = (num_steps k + [0, 1, ...]) / (10 pi), laid out in `batch_size` rows of
    `num_steps`. So row b of the next minibatch goes on where row b stopped, and the state is
    carried, from zero at the first minibatch only.

    Yields `inputs`, sin x, and `targets`, cos x, float32 `[batch_size, num_steps]`, and beside
    them `x`, float64, in radians. Minibatch 0 of a reader is that of k = `first`.
    """

    def __init__(
        self, first: int, length: int, batch_size: int, num_steps: int, carry_state: bool = True
    ):
        self._first, self._length = first, length
        self._shape = batch_size, num_steps
        self._carry_state = carry_state

    def __len__(self) -> int:
        """Minibatches in one epoch."""
        return self._length

    def batches(self, start: int = 0) -> Iterator[Minibatch]:
        """Minibatches number `start`, `start + 1`, ... without an end."""
        batch_size, num_steps = self._shape
        points = np.arange(batch_size * num_steps).reshape(self._shape)
        number = start
        while True:
            x = (num_steps * (self._first + number) + points) / (10 * np.pi)
            arrays = {"inputs": np.sin(x), "targets": np.cos(x)}
            arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
            yield Minibatch({**arrays, "x": x}, fresh=number == 0 or not self._carry_state)
            number += 1


def read_sin_cos(
    batch_size: int, num_steps: int, in_epoch: int, epochs: int, carry_state: bool
) -> Data:
    """The line from x = 0 to train; then 20 minibatches to validate and 20 to test.

    The two walks start from a zero state, and their first minibatches count like the others,
    although no network can know the cosine of its first points.
    """
    steps = in_epoch * epochs
    layout = batch_size, num_steps, carry_state
    return Data(
        name="sine and cosine",
        sha256=hash_text(f"sin_cos {batch_size} {num_steps} {steps}"),
        facts=f"{steps:,} minibatches to train, {EVALUATED} each to validate and test",
        train=SinCosReader(0, in_epoch, *layout),
        valid=SinCosReader(steps, EVALUATED, *layout),
        test=SinCosReader(steps + EVALUATED, EVALUATED, *layout),
        unit="points",
        per_batch=batch_size * num_steps,
    )


# --------------------------------------------------------------------------- a sine's next point


def sine_windows(first: int, count: int, window: int, sample_gap: float) -> dict[str, np.ndarray]:
    """Windows of sin(n sample_gap), n = first, first + 1, ...

    Returns `inputs` `[count, window]`, the points that a window holds, and `targets` `[count]`,
    the point after it; float32.
    """
    n = np.arange(first, first + count + window, dtype=np.float64)
    points = np.sin(n * sample_gap).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(points, window)
    return {"inputs": windows[:count], "targets": points[window:]}


class ShuffledReader:
    """Examples drawn by tf.data: repeated, shuffled in a buffer, cut into minibatches.

    Yields the arrays by name, `batch_size` examples along their first axis. The pipeline hands
    out the examples' numbers; it works in a graph and a session of its own, which are closed with
    the iterator.
    """

    def __init__(
        self, arrays: dict[str, np.ndarray], batch_size: int, in_epoch: int, buffer: int, seed: int
    ):
        self._arrays, self._batch_size, self._in_epoch = arrays, batch_size, in_epoch
        self._buffer, self._seed = buffer, seed

    def __len__(self) -> int:
        """Minibatches in one epoch."""
        return self._in_epoch

    def batches(self, start: int = 0) -> Iterator[Minibatch]:
        """Minibatches number `start`, `start + 1`, ... without an end."""
        with tf.Graph().as_default() as graph:
            numbers = (
                tf.data.Dataset.range(len(next(iter(self._arrays.values()))))
                .repeat()
                .shuffle(self._buffer, seed=self._seed)
                .batch(self._batch_size)
                .skip(start)
            )
            iterator = tf.data.make_initializable_iterator(numbers)
            following = iterator.get_next()
        with contextlib.closing(tf.Session(graph=graph)) as session:
            session.run(iterator.initializer)
            draw = session.make_callable(following)
            while True:
                chosen = draw()
                arrays = {name: array[chosen] for name, array in self._arrays.items()}
                yield Minibatch(arrays, fresh=True)


def read_sine(
    window: int,
    sample_gap: float,
    train_points: int,
    test_points: int,
    batch_size: int,
    in_epoch: int,
    shuffle: int,
    seed: int,
) -> Data:
    """A sine from 0 on: windows to train, after them to test, after those to validate.

    No point is in the windows of two splits.
    """
    starts = {"train": 0, "test": train_points + window}
    starts["valid"] = starts["test"] + test_points + window
    windows = {
        split: sine_windows(
            start, train_points if split == "train" else test_points, window, sample_gap
        )
        for split, start in starts.items()
    }
    return Data(
        name="sine",
        sha256=hash_text(f"sine {window} {sample_gap} {train_points} {test_points}"),
        facts=f"{train_points:,} points to train, {test_points:,} to validate, as many to test",
        train=ShuffledReader(windows["train"], batch_size, in_epoch, shuffle, seed),
        valid=ExampleReader(windows["valid"], 1000),
        test=ExampleReader(windows["test"], 1000),
        unit="windows",
        per_batch=batch_size,
    )
