"""Drawing classes by the softmax of logits: with a temperature, and from the likeliest alone."""

from __future__ import annotations

import math

import tensorflow.compat.v1 as tf

from tf1rnn.types import Tensor

_HALVINGS = 30  # of the range in which a nucleus's least weight is sought


def sample(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    seed: int | Tensor | tuple[int | Tensor, int | Tensor] | None = None,
    name: str | None = None,
) -> Tensor:
    """Draws a class for each row, by the probabilities `softmax(logits / temperature)`.

    A row's draw takes one random number, the row's place in those of the seed: with a seed of two
    numbers, further rows below it do not change it.

    Args:
      logits: `[batch_size, num_classes]`, float16, bfloat16, float32 or float64.
      temperature: below 1 the likely get likelier; 0 takes the likeliest, the first of equals.
      top_k: how many classes, the likeliest, may be drawn; of equals the first. None for all.
      top_p: from the likeliest down, classes may be drawn until they have this much of the
        probability together, and those that are as likely as the last of them (nucleus sampling,
        Holtzman et al. 2020, arXiv 1904.09751). Where `top_k` is given, too, it is a part of the
        probability of those.
      seed: None or an int, as of `tf.random.uniform`: every run draws anew. Two ints, or an int
        tensor `[2]`, as of `tf.random.stateless_uniform`: equal seeds draw equally.
      name: name of the scope of the ops.

    Returns:
      Classes, int32 `[batch_size]`.

    Raises:
      ValueError: logits of another rank, or an argument that is out of its range.
    """
    _check(temperature, top_k, top_p)
    with tf.name_scope(name, "sample", [logits]):
        logits = tf.convert_to_tensor(logits)
        if logits.shape.rank != 2:
            raise ValueError(f"logits must be [batch_size, num_classes], not {logits.shape}")
        if logits.dtype.size < 4:
            logits = tf.cast(logits, tf.float32)
        if temperature == 0 or top_k == 1:
            return tf.nn.top_k(logits, 1).indices[:, 0]
        classes = None
        if top_k is not None:
            logits, classes = tf.nn.top_k(logits, tf.minimum(top_k, tf.shape(logits)[1]))
        largest = tf.reduce_max(logits, axis=1, keepdims=True)
        weights = tf.exp((logits - largest) / temperature)
        if top_p < 1:
            weights = _nucleus(weights, top_p)
        places = _draw(weights, _uniform(tf.shape(logits)[:1], seed))
        return places if classes is None else tf.gather(classes, places, batch_dims=1)


def _check(temperature: float, top_k: int | None, top_p: float) -> None:
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be a number from 0, not {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, not {top_k}")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")


def _uniform(
    shape: Tensor, seed: int | Tensor | tuple[int | Tensor, int | Tensor] | None
) -> Tensor:
    """Numbers from 0 to below 1, float64."""
    if seed is None or isinstance(seed, int):
        return tf.random.uniform(shape, dtype=tf.float64, seed=seed)
    return tf.random.stateless_uniform(shape, seed, dtype=tf.float64)


def _nucleus(weights: Tensor, top_p: float) -> Tensor:
    """The weights `[batch_size, n]` with zeros for all but a row's largest, which make `top_p`.

    The least weight that stays is found by halving, which needs no sorting: in a row of 10,000
    classes, to sort takes as long as several hundred sums of the row.
    """
    needed = top_p * tf.reduce_sum(weights, axis=1, keepdims=True)

    def kept(least: Tensor) -> Tensor:
        return tf.where(weights >= least, weights, tf.zeros_like(weights))

    def halve(turn: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        middle = (low + high) / 2
        enough = tf.reduce_sum(kept(middle), axis=1, keepdims=True) >= needed
        return turn + 1, tf.where(enough, middle, low), tf.where(enough, high, middle)

    high = tf.reduce_max(weights, axis=1, keepdims=True)
    start = (tf.constant(0), tf.zeros_like(high), high)
    _, least, _ = tf.while_loop(lambda turn, *_: turn < _HALVINGS, halve, start)
    return kept(least)


def _draw(weights: Tensor, uniform: Tensor) -> Tensor:
    """The first place of each row up to which the weights make more than `uniform` of their sum.

    The place is sought among blocks of a row and then within a block: to add up a whole row number
    by number takes several times as long.

    Args:
      weights: `[batch_size, n]`, not all of a row zero.
      uniform: float64 `[batch_size]`, from 0 to below 1.

    Returns:
      int32 `[batch_size]`, places of weights above zero.
    """
    count = tf.shape(weights)[1]
    size = tf.cast(tf.math.ceil(tf.sqrt(tf.cast(count, tf.float64))), tf.int32)
    padded = tf.pad(weights, [[0, 0], [0, size * size - count]])
    blocks = tf.cast(tf.reshape(padded, [-1, size, size]), tf.float64)
    block, rest = _find(tf.reduce_sum(blocks, axis=2), uniform)
    place, _ = _find(tf.gather(blocks, block, batch_dims=1), rest)
    return block * size + place


def _find(weights: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
    """The first place up to which a row makes more than `part` of its sum, `[batch_size]` each.

    And how much of the weight in that place is needed for it, from 0 to below 1.
    """
    sums = tf.cumsum(weights, axis=1)
    wanted = part * sums[:, -1]
    place = tf.reduce_sum(tf.cast(sums <= wanted[:, None], tf.int32), axis=1)
    before = tf.cumsum(weights, axis=1, exclusive=True)
    missing = wanted - tf.gather(before, place, batch_dims=1)
    rest = missing / tf.gather(weights, place, batch_dims=1)
    return place, tf.clip_by_value(rest, 0.0, 1 - 2.0**-52)  # rounding may lead beyond
