"""Log probabilities of a stream of words by a model that may adapt to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from training.adaptation_options import Adaptation, Cache, Dynamic, Temperature
from training.data import Reader
from training.step import Step

CHUNK = 250  # words whose likeness to the cached ones is computed at once


class Segment(NamedTuple):
    """What a model said of some words that follow each other.

    targets: int32 `[num_steps]`. log_probs: of them, float32 `[num_steps]`, in nats. outputs: of
    the last layer, what the targets were predicted from, float32 `[num_steps, hidden_size]`.
    """

    targets: np.ndarray
    log_probs: np.ndarray
    outputs: np.ndarray


class DynamicOps:
    """Ops of dynamic evaluation (Krause et al. 2018, arXiv 1709.07432) with gradient descent.

    With the weights `w`, their trained values `w0` and the cost `L` of a segment, which is the sum
    over its words: `w <- w - lr dL/dw + decay (w0 - w)`. The settings and `w0` are variables that
    no checkpoint has.

    learn: the step, which comes after `scored` is computed.
    """

    def __init__(self, model: Any, scored: Sequence[tf.Tensor]):
        variables = tf.trainable_variables()
        with tf.variable_scope("dynamic"):
            self._new_settings = tf.placeholder(tf.float32, [2])
            settings = _local("settings", self._new_settings)
            trained = [_local(variable.op.name, variable) for variable in variables]
            self._start = settings.assign(self._new_settings)
            self._keep = _assign_all(trained, variables)
            self._restore = _assign_all(variables, trained)
            lr, decay = tf.unstack(settings)
            gradients = tf.gradients(model.cost, variables)
            gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
            with tf.control_dependencies([*gradients, *scored]):
                steps = [
                    variable.assign_add(decay * (start - variable) - lr * gradient)
                    for variable, start, gradient in zip(variables, trained, gradients, strict=True)
                ]
            self.learn = tf.group(steps)

    @contextmanager
    def learning(self, session: tf.Session, settings: Dynamic) -> Iterator[None]:
        """The weights are the trained ones when this begins, and are so again when it ends."""
        session.run(self._keep)
        session.run(self._start, {self._new_settings: settings})
        try:
            yield
        finally:
            session.run(self._restore)


def _local(name: str, like: Any) -> tf.Variable:
    collections = [tf.GraphKeys.LOCAL_VARIABLES]
    return tf.get_variable(
        name, like.shape, trainable=False, collections=collections, use_resource=True
    )


def _assign_all(variables: Sequence[tf.Variable], values: Sequence[tf.Variable]) -> tf.Operation:
    return tf.group([one.assign(value) for one, value in zip(variables, values, strict=True)])


class WordOps:
    """What is added to the graph of a language model of one row: its words' figures.

    fetches: log probabilities and outputs. dynamic: the ops of dynamic evaluation, or None.
    """

    def __init__(self, model: Any, adaptation: Adaptation):
        self._tau = None
        if adaptation.temperature:
            self._new_tau = tf.placeholder(tf.float32, [])
            self._tau = _local("temperature", self._new_tau)
            self._set_tau = self._tau.assign(self._new_tau)
        self.fetches = [model.log_probs(self._tau), model.outputs]
        scored = [*self.fetches, *tf.nest.flatten(model.final_state)]
        self.dynamic = DynamicOps(model, scored) if adaptation.dynamic else None

    def set_temperature(self, session: tf.Session, temperature: Temperature | None) -> None:
        """Sets what divides the logits: 1 for None."""
        if self._tau is not None:
            tau = (temperature or Temperature()).tau
            session.run(self._set_tau, {self._new_tau: tau})


def walk(
    session: tf.Session, model: Any, ops: WordOps, reader: Reader, dynamic: Dynamic | None = None
) -> Iterator[Segment]:
    """The segments of the reader's whole split, each scored before it is learnt from.

    The session's weights are the trained ones at the start, and again when the walk has ended.
    """
    fetches: list[Any] = [ops.fetches]
    learning: AbstractContextManager[None] = nullcontext()
    if ops.dynamic and dynamic:
        fetches, learning = [ops.fetches, ops.dynamic.learn], ops.dynamic.learning(session, dynamic)
    with learning:
        for minibatch, values in Step(session, model, fetches).walk(reader):
            log_probs, outputs = values[0]
            yield Segment(minibatch.arrays["targets"][0], log_probs[:, 0], outputs[:, 0])


class WordCache:
    """A continuous cache (Grave et al. 2017, arXiv 1612.04426).

    A word that was seen i words ago, after the output `h_i`, has the weight `exp(theta h h_i)`
    for the next word after the output `h`; the cache's probability of a word is its share of the
    weights. Where nothing is in the cache yet, the model's probability stands alone.
    """

    def __init__(self, settings: Cache):
        self._settings = settings
        self._words = np.zeros([0], np.int32)
        self._outputs: np.ndarray | None = None

    def add(self, segment: Segment) -> np.ndarray:
        """The mixed log probabilities of a segment, float64 `[num_steps]`; keeps its words."""
        length = len(segment.targets)
        pieces = [slice(start, start + CHUNK) for start in range(0, length, CHUNK)]
        return np.concatenate([self._add(Segment(*(a[p] for a in segment))) for p in pieces])

    def _add(self, segment: Segment) -> np.ndarray:
        size, theta, weight = self._settings
        before = len(self._words)
        words = np.concatenate([self._words, segment.targets])
        kept = segment.outputs[:0] if self._outputs is None else self._outputs
        outputs = np.concatenate([kept, segment.outputs])
        # Row t is the word at place before + t: it sees the `size` places before it.
        age = np.arange(before, len(words))[:, None] - np.arange(len(words))
        seen = (age > 0) & (age <= size)
        likeness = np.where(seen, theta * (segment.outputs @ outputs.T).astype(float), -np.inf)
        same = words == segment.targets[:, None]
        self._words, self._outputs = words[-size:], outputs[-size:]
        with np.errstate(divide="ignore", invalid="ignore"):
            likeness -= likeness.max(axis=1, keepdims=True)
            weights = np.exp(likeness)
            cached = np.log(np.sum(weights * same, axis=1) / np.sum(weights, axis=1))
            mixed = np.logaddexp(np.log1p(-weight) + segment.log_probs, np.log(weight) + cached)
        return np.where(seen.any(axis=1), mixed, segment.log_probs)


def log_probs(segments: Iterable[Segment], caches: Sequence[Cache | None]) -> np.ndarray:
    """Float64 `[caches, words]`: the words' log probabilities with each cache, or with none."""
    kept = [cache and WordCache(cache) for cache in caches]
    rows = [
        [segment.log_probs.astype(float) if one is None else one.add(segment) for one in kept]
        for segment in segments
    ]
    return np.concatenate(rows, axis=1)
