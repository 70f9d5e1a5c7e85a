"""Dropout masks as a pure function of seed, global step and time step.

The numbers come from the counter-based generator Philox (Salmon et al. 2011, "Parallel random
numbers: as easy as 1, 2, 3"): a 64-bit key made of the seeds, and a counter made of the global
step and the time step. So a resumed run draws the masks that it would have drawn, and the masks
of a whole sequence, drawn by one op, are those of its steps.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import weakref
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Dimension, Nest, Tensor

_PHILOX = 1  # the algorithm's number in tf.raw_ops
_NUMBERS_IN_BLOCK = 4  # of 32 bits, drawn for one value of the counter
_sources_in: weakref.WeakKeyDictionary[tf.Graph, int] = weakref.WeakKeyDictionary()


class DropoutMasks:
    """A source of dropout masks.

    Its key is made of the graph's seed and `seed`. Without `seed` it is made of the graph's seed
    and the place of this source among those of the graph, in the order of their first draws;
    without either it is new in every Python process.

    The global step is that of the graph at the first draw. A graph that has none then gets new
    masks in every `session.run`, which can not be drawn again.

    Args:
      seed: int or None.
      variational: True draws one mask for all time steps and all rows of a batch (Gal and
        Ghahramani 2016, arXiv 1512.05287).
    """

    def __init__(self, seed: int | None = None, variational: bool = False) -> None:
        self._seed = seed
        self._variational = variational
        self._seeds: tuple[Any, Any] | None = None
        self._global_step: Tensor | None = None

    def drop(
        self,
        tensors: Nest,
        salt: str,
        keep_prob: float | Tensor,
        time: int | Tensor | None = None,
    ) -> Nest:
        """Applies dropout to every tensor of a nest.

        Args:
          tensors: nest of `[batch_size, units]`, or `[num_steps, batch_size, units]` when `time`
            is None.
          salt: tells the uses of one source apart.
          keep_prob: the probability to keep a unit, a float or a scalar tensor. The float 1.0
            adds no op.
          time: the time step, an int or a scalar tensor; None for all steps at once.

        Returns:
          The nest, each unit either divided by `keep_prob` or zero.
        """
        if isinstance(keep_prob, float) and keep_prob == 1.0:
            return tensors
        with tf.name_scope(f"{salt}_dropout"):
            flat = [
                x * self._mask(x, f"{salt}{i}", keep_prob, time)
                for i, x in enumerate(tf.nest.flatten(tensors))
            ]
        return tf.nest.pack_sequence_as(tensors, flat)

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
        keep_prob = tf.cast(keep_prob, tf.float32)
        scale = tf.math.divide_no_nan(1.0, keep_prob)
        return tf.cast(uniform < keep_prob, x.dtype) * tf.cast(scale, x.dtype)

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
            step = tf.train.get_global_step()
            if step is None:
                step = tf.random.uniform([], maxval=tf.int64.max, dtype=tf.int64)
            self._global_step = tf.cast(step, tf.int64)


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
