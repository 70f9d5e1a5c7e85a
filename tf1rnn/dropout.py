"""Dropout masks: drawn anew by TensorFlow's stateful ops, or a function of seed and steps.

The masks that are a function come from the counter-based generator Philox (Salmon et al. 2011,
"Parallel random numbers: as easy as 1, 2, 3"): a 64-bit key made of the seeds, and a counter made
of the global step and the time step. So a resumed run draws the masks that it would have drawn,
and the masks of a whole sequence, drawn by one op, are those of its steps.
"""

from __future__ import annotations

import functools
import hashlib
import math
import secrets
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow.compat.v1 as tf

from tf1rnn.copies import SharesTensors
from tf1rnn.nests import shape_of_size
from tf1rnn.rnn_cell import assert_no_loop_but, current_time_step
from tf1rnn.types import Dimension, DType, Nest, Sizes, Tensor

Drop: TypeAlias = Callable[[Tensor, str, int, "float | Tensor"], Tensor]

_PHILOX = 1  # the algorithm's number in tf.raw_ops
_NUMBERS_IN_BLOCK = 4  # of 32 bits, drawn for one value of the counter
_sources_in: weakref.WeakKeyDictionary[tf.Graph, int] = weakref.WeakKeyDictionary()


def drop_nest(drop: Drop, tensors: Nest, use: str, keep_prob: float | Tensor) -> Nest:
    """Applies dropout to every tensor of a nest.

    Args:
      drop: what `for_step` or `for_sequence` of a source of masks gave.
      tensors: nest of `[batch_size, units]`, or `[num_steps, batch_size, units]` for a sequence.
      use: tells the uses of one source apart.
      keep_prob: the probability to keep a unit, a float or a scalar tensor. The float 1.0 adds
        no op.

    Returns:
      The nest, each unit either divided by `keep_prob` or zero.
    """
    if isinstance(keep_prob, float) and keep_prob == 1.0:
        return tensors
    with tf.name_scope(f"{use}_dropout"):
        flat = [drop(x, use, i, keep_prob) for i, x in enumerate(tf.nest.flatten(tensors))]
    return tf.nest.pack_sequence_as(tensors, flat)


class DrawnMasks(SharesTensors):
    """Masks as TensorFlow 1 draws them: by a stateful random op for each call.

    An op draws new numbers each time that it runs: in every turn of a loop, in every
    `session.run`. With `seed`, the ops of all calls begin one sequence of numbers; TensorFlow 1
    begins the same. Variational masks are drawn once, here, for all calls and steps of a
    `session.run`.

    Args:
      seed: int or None.
      variational: None, or `(dtype, sizes)`: for each use a nest of sizes to draw
        masks `[1, units]` of.
      noise: in place of these the uniform numbers themselves, a nest for each use, or None.
    """

    def __init__(
        self,
        seed: int | None = None,
        variational: tuple[DType, dict[str, Sizes]] | None = None,
        noise: dict[str, Nest] | None = None,
    ) -> None:
        self._seed = seed
        self._noise: dict[tuple[str, int], Tensor] = {
            (use, i): x
            for use, nest in (noise or {}).items()
            for i, x in enumerate(tf.nest.flatten(nest))
        }
        if variational:
            dtype, sizes = variational
            for use in sizes:
                for i, size in enumerate(tf.nest.flatten(sizes[use])):
                    shape = [1, *shape_of_size(size).as_list()]
                    self._noise[use, i] = self._uniform(shape, use, i, dtype)

    def for_step(self) -> Drop:
        """A function `(x, use, index, keep_prob) -> x with dropout` for `[batch_size, units]`."""
        return self._drop

    def for_sequence(self) -> Drop:
        """The same for `[num_steps, batch_size, units]`; one op draws the masks of all steps."""
        return self._drop

    def _drop(self, x: Tensor, use: str, index: int, keep_prob: float | Tensor) -> Tensor:
        noise = self._noise.get((use, index))
        if noise is None:
            noise = self._uniform(_shape(x), use, index, x.dtype)
        if isinstance(keep_prob, float):
            scale = 1.0 / keep_prob if keep_prob else 0.0
        else:
            keep_prob = tf.cast(keep_prob, x.dtype)
            scale = tf.math.divide_no_nan(tf.ones([], x.dtype), keep_prob)
        kept = tf.cast(noise, x.dtype) >= 1.0 - keep_prob
        dropped = tf.where_v2(kept, x * scale, tf.zeros([], x.dtype))
        dropped.set_shape(x.shape)  # a fed keep_prob may not tell that it is a scalar
        return dropped

    def _uniform(self, shape: list[Dimension], use: str, index: int, dtype: DType) -> Tensor:
        seed = None
        if self._seed is not None:
            # TensorFlow 1's rule.
            digest = hashlib.md5(f"{self._seed}{use}_{index}".encode(), usedforsecurity=False)
            seed = int(digest.hexdigest()[:8], 16) % 2**31
        return tf.random.uniform(shape, dtype=dtype, seed=seed)


class StepMasks(SharesTensors):
    """Masks as a pure function of seed, global step and time step.

    The key is made of the graph's seed and `seed`. Without `seed` it is made of the graph's seed
    and the place of this source among those of the graph, in the order of their first draws;
    without either it is new in every Python process.

    Args:
      step: the global step, an integer scalar: a tensor or a variable.
      seed: int or None.
      variational: True draws one mask for all time steps and all rows of a batch (Gal and
        Ghahramani 2016, arXiv 1512.05287).
    """

    def __init__(
        self, step: Tensor | tf.Variable, seed: int | None = None, variational: bool = False
    ) -> None:
        self._step = step
        self._seed = seed
        self._variational = variational
        self._seeds: tuple[Any, Any] | None = None
        self._global_step: Tensor | None = None
        self._calls = 0

    def for_step(self) -> Drop:
        """A function `(x, use, index, keep_prob) -> x with dropout` for `[batch_size, units]`.

        The time step is that which `time_step` names. Outside of it, each call in Python is a
        time step of its own.

        Raises:
          ValueError: in a loop of the graph whose body does not name its time step.
        """
        if self._variational:
            return functools.partial(self._drop, time=0)
        time = current_time_step()
        if time is None:
            time = self._calls
            self._calls += 1
        return functools.partial(self._drop, time=time)

    def for_sequence(self) -> Drop:
        """The same for `[num_steps, batch_size, units]`: the masks of the time steps from 0 on.

        Raises:
          ValueError: in a loop of the graph, whose turns would have the same masks.
        """
        if not self._variational:
            assert_no_loop_but([])
        return functools.partial(self._drop, time=None)

    def _drop(
        self,
        x: Tensor,
        use: str,
        index: int,
        keep_prob: float | Tensor,
        time: int | Tensor | None,
    ) -> Tensor:
        # Any salts do that differ; these are fixed, because resumed runs draw with them again.
        salt = f"state{index}0" if use == "state" else f"{use}{index}"
        dropped = x * self._mask(x, salt, keep_prob, time)
        dropped.set_shape(x.shape)  # a fed keep_prob may not tell that it is a scalar
        return dropped

    def _mask(
        self, x: Tensor, salt: str, keep_prob: float | Tensor, time: int | Tensor | None
    ) -> Tensor:
        """0 or 1 / keep_prob for every unit of `x`, in its dtype."""
        self._bind_to_graph()
        shape = _shape(x)
        steps, row = (shape[:1], shape[1:]) if time is None else ([], shape)
        if self._variational:
            steps, row, time = [], [1, *row[1:]], None
        uniform = self._uniform(salt, steps, row, 0 if time is None else time)
        wide = tf.float64 if x.dtype == tf.float64 else tf.float32
        if isinstance(keep_prob, float):  # a cast would make it float32 first
            keep_prob = tf.constant(keep_prob, wide)
        keep_prob = tf.cast(keep_prob, wide)
        scale = tf.math.divide_no_nan(tf.ones([], wide), keep_prob)
        kept = uniform < tf.cast(keep_prob, tf.float32)
        return tf.cast(kept, x.dtype) * tf.cast(scale, x.dtype)

    def _uniform(
        self, salt: str, steps: list[Dimension], row: list[Dimension], time: int | Tensor
    ) -> Tensor:
        """Float32 numbers in [0, 1) of shape `steps + row`; every step begins with a new block."""
        known = not any(tf.is_tensor(n) for n in row)
        size = math.prod(row) if known else tf.reduce_prod(row)
        blocks = (size + _NUMBERS_IN_BLOCK - 1) // _NUMBERS_IN_BLOCK
        first = tf.cast(time, tf.int64) * tf.cast(blocks, tf.int64)
        numbers = tf.raw_ops.StatelessRandomUniformV2(
            shape=[*steps, blocks * _NUMBERS_IN_BLOCK],
            key=tf.constant([self._key(salt)], tf.uint64),
            counter=tf.cast(tf.stack([first, self._global_step]), tf.uint64),
            alg=_PHILOX,
        )
        return tf.reshape(numbers[..., :size], [*steps, *row])

    def _key(self, salt: str) -> int:
        digest = hashlib.sha256(repr((self._seeds, salt)).encode()).digest()
        return int.from_bytes(digest[:8], "little")

    def _bind_to_graph(self) -> None:
        """Settles seeds and global step at the first draw, outside of any loop of the graph."""
        if self._seeds is not None:
            return
        with tf.init_scope():
            graph = tf.get_default_graph()
            place = _sources_in.get(graph, 0)
            _sources_in[graph] = place + 1
            if self._seed is not None:
                self._seeds = (graph.seed, self._seed)
            elif graph.seed is not None:
                self._seeds = (graph.seed, f"source {place}")
            else:
                self._seeds = (None, secrets.token_hex(8))
            self._global_step = tf.cast(self._step, tf.int64)


def _shape(x: Tensor) -> list[Dimension]:
    """The shape of `x`: ints where known, scalar tensors elsewhere."""
    known = x.shape.as_list()
    return (
        known
        if None not in known
        else [
            n if n is not None else size
            for n, size in zip(known, tf.unstack(tf.shape(x)), strict=True)
        ]
    )
