"""Independent examples, as NumPy minibatches.

They are walked in shuffled order, each once an epoch, and no state is carried between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from training.data import Data, Minibatch, hash_arrays

SPLIT_SEED = 0  # the splits are the same for every seed of a training


class ExampleReader:
    """Minibatches of `batch_size` examples; the last one of an epoch has what is left.

    Yields the arrays by name, cut along their first axis. The order of an epoch is a function of
    the seed and the epoch alone; without a seed it is that of the arrays.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], batch_size: int, seed: int | None = None):
        self.arrays = dict(arrays)
        self._batch_size = batch_size
        self._seed = seed
        self._examples = len(next(iter(self.arrays.values())))

    def __len__(self) -> int:
        """Minibatches in one epoch."""
        return -(-self._examples // self._batch_size)

    def batches(self, start: int = 0) -> Iterator[Minibatch]:
        """Minibatches number `start`, `start + 1`, ... without an end."""
        epoch, first = divmod(start, len(self))
        while True:
            order = self._order(epoch)
            for place in range(first * self._batch_size, self._examples, self._batch_size):
                chosen = order[place : place + self._batch_size]
                arrays = {name: array[chosen] for name, array in self.arrays.items()}
                yield Minibatch(arrays, fresh=True)
            epoch, first = epoch + 1, 0

    def _order(self, epoch: int) -> np.ndarray:
        if self._seed is None:
            return np.arange(self._examples)
        return np.random.default_rng((self._seed, epoch)).permutation(self._examples)


def split_examples(
    name: str, arrays: Mapping[str, np.ndarray], batch_size: int, seed: int, unit: str = "examples"
) -> Data:
    """Data of examples: a fifth is held out for the test, an eighth of the rest for validation.

    The splits are drawn at random, the same for every seed.

    Args:
        name: where the examples come from.
        arrays: by the names of the model's inputs; an example is a place along the first axis.
        batch_size: examples in a minibatch of training.
        seed: of the order in which they are walked.
        unit: what an example is called, in the plural.
    """
    count = len(next(iter(arrays.values())))
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    test, valid, train = np.split(order, [count // 5, count * 3 // 10])

    def reader(chosen: np.ndarray, size: int, seed: int | None = None) -> ExampleReader:
        return ExampleReader({key: array[chosen] for key, array in arrays.items()}, size, seed)

    return Data(
        name=name,
        sha256=hash_arrays(*(array[order] for array in arrays.values())),
        facts=f"{len(train):,} / {len(valid):,} / {len(test):,} {unit} to train / validate / test",
        train=reader(train, batch_size, seed),
        valid=reader(valid, 1000),
        test=reader(test, 1000),
        unit=unit,
        per_batch=batch_size,
    )
