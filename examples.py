"""Independent examples, as NumPy minibatches: pairs of binary numbers, images of digits.

They are walked in shuffled order, each once an epoch, and no state is carried between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from reader import Data, DataError, Minibatch

MOST_PAIRS = 1_000  # as many pairs of numbers are drawn where there are more
MOST_BITS = 62
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


def hash_arrays(*arrays: np.ndarray) -> str:
    """SHA-256, in hex, of the arrays' contents one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


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


# ------------------------------------------------------------------------------- subtraction


def number_pairs(bits: int, seed: int = SPLIT_SEED) -> np.ndarray:
    """int64 `[pairs, 2]`: all a >= b of so many bits, or 1,000 drawn at random if there are more.

    Four bits make 136 pairs. The numbers have 62 bits at most.
    """
    if 2**bits * (2**bits + 1) // 2 <= MOST_PAIRS:
        a, b = np.tril_indices(2**bits)
        return np.stack([a, b], axis=1).astype(np.int64)
    drawn = np.random.default_rng((seed, bits)).integers(0, 2**bits, (MOST_PAIRS, 2))
    return np.sort(drawn, axis=1)[:, ::-1]


def to_bits(numbers: np.ndarray, bits: int) -> np.ndarray:
    """float32 `[..., bits]` of 0 and 1, the lowest bit first."""
    return (numbers[..., None] >> np.arange(bits) & 1).astype(np.float32)


def from_bits(bits: np.ndarray) -> np.ndarray:
    """int64 `[...]`: the numbers whose bits these are, the lowest first; inverse of `to_bits`."""
    return (bits.astype(np.int64) << np.arange(bits.shape[-1])).sum(axis=-1)


def pair_reader(
    pairs: np.ndarray, bits: int, batch_size: int, seed: int | None = None
) -> ExampleReader:
    """Pairs as sequences of bits, the lowest first.

    Yields `inputs` `[batch_size, bits, 2]`, a bit of each number; `targets` `[batch_size, bits]`,
    those of their difference; both float32. Beside them, for whom it may concern, the `pairs`,
    int64 `[batch_size, 2]`.
    """
    arrays = {
        "inputs": np.swapaxes(to_bits(pairs, bits), 1, 2),
        "targets": to_bits(pairs[:, 0] - pairs[:, 1], bits),
        "pairs": pairs,
    }
    return ExampleReader(arrays, batch_size, seed)


def read_subtraction(bits: int, batch_size: int, seed: int) -> Data:
    """Pairs a >= b of binary numbers and their differences.

    Three quarters of the pairs are trained on, all of them tested. To validate, 1,000 pairs of
    four times as many bits are added: who has learnt to borrow, and not only these numbers, is
    right there too.
    """
    pairs, long = number_pairs(bits), min(4 * bits, MOST_BITS)
    trained = np.random.default_rng(SPLIT_SEED).permutation(pairs)[: -(-3 * len(pairs) // 4)]
    validated = np.concatenate([pairs, number_pairs(long)])
    return Data(
        name=f"differences of {bits}-bit numbers",
        sha256=hash_arrays(trained, validated, pairs),
        facts=(
            f"{len(trained):,} pairs to train, all {len(pairs):,} to test; to validate, these "
            f"and {len(validated) - len(pairs):,} of {long} bits"
        ),
        train=pair_reader(trained, bits, batch_size, seed),
        valid=pair_reader(validated, long, len(validated)),
        test=pair_reader(pairs, bits, len(pairs)),
        unit="pairs",
        per_batch=batch_size,
    )


# ------------------------------------------------------------------------------------ digits


def read_digits(batch_size: int, seed: int) -> Data:
    """scikit-learn's 1,797 handwritten digits, 8 x 8 pixels; they come with the library.

    Split as by `split_examples`. The readers yield `inputs` `[batch_size, 8, 8]`, float32 from 0 to
    1, a row of pixels a step, and `targets`, int32 `[batch_size]`, the digits.

    Raises:
        DataError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError("the digits come with scikit-learn: pip install scikit-learn") from None
    digits = load_digits()
    images, classes = (digits.images / 16).astype(np.float32), digits.target.astype(np.int32)
    arrays = {"inputs": images, "targets": classes}
    return split_examples("digits of scikit-learn", arrays, batch_size, seed, "images")
