"""What every side of the benchmark does, and on which words. Importing it imports no framework.

Every side trains the same network on the same words with the same sizes: embedding, layers with
dropout where the config has it, softmax over the whole vocabulary, gradients clipped by their
global norm, plain SGD, the state carried from one minibatch to the next. Or it scores, without
dropout, one stream of words in long pieces, as `evaluate.py` does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from config import PRESETS, PTBConfig
from training.data import PIECE

SIZES = {
    name: config
    for name in ("small", "medium", "large")
    if isinstance(config := PRESETS[name].config, PTBConfig)
}
MINIBATCHES = 50

# One step: the sum of the words' cross-entropies over batch_size, in nats.
Step = Callable[[], float]
# `make(config, words, training)`: words as make_words gives them; training or scoring.
Make = Callable[[PTBConfig, np.ndarray, bool], Step]


@dataclass(frozen=True)
class Side:
    """One of the compared: what it does in a line, and how its step is made.

    in_torch: it needs PyTorch, and so a process without TensorFlow.
    """

    description: str
    make: Make
    in_torch: bool = False


def config_of(size: str, training: bool) -> PTBConfig:
    """The preset, or what it is evaluated with: one stream, in pieces."""
    config = SIZES[size]
    return config if training else replace(config, batch_size=1, num_steps=PIECE)


def make_words(config: PTBConfig, seed: int = 0) -> np.ndarray:
    """Random words, int32 `[MINIBATCHES, batch_size, num_steps + 1]`, some much more frequent."""
    shape = MINIBATCHES, config.batch_size, config.num_steps + 1
    words = np.random.default_rng(seed).zipf(1.3, shape) % config.vocab_size
    return words.astype(np.int32)


def flops_per_word(config: PTBConfig, training: bool = True) -> float:
    """Of the matrix products: those of the forward pass, and in training twice as many back."""
    layers = config.num_layers * 2 * (2 * config.hidden_size) * (4 * config.hidden_size)
    softmax = 2 * config.hidden_size * config.vocab_size
    return (3.0 if training else 1.0) * (layers + softmax)


def pairs(words: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets, int32 `[batch_size, num_steps]`, over and over."""
    return itertools.cycle([(piece[:, :-1].copy(), piece[:, 1:].copy()) for piece in words])
