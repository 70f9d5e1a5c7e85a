"""Runs on a tiny network the sides that the command line names: a line of JSON.

A process of its own, since PyTorch and TensorFlow must not meet in one.
"""

import dataclasses
import json
import sys

import numpy as np

from benchmarks.sides import ALTERNATIVES, OURS
from benchmarks.task import SIZES

VOCABULARY = 60
TINY = {"vocab_size": VOCABULARY, "hidden_size": 12, "init_scale": 0.2}
FRAMEWORKS = ("tensorflow", "torch", "keras")


def costs(name, config, words, training, steps):
    """Nats a word of each step."""
    side = {**OURS, **ALTERNATIVES}[name]
    step = side.make(dataclasses.replace(config, **TINY), words, training)
    return [float(step()) / words[0, 0, 1:].size for _ in range(steps)]


def training(name):
    """On a cycle of six words: without the inputs the next one could not be told."""
    config = dataclasses.replace(SIZES["small"], num_steps=6, batch_size=5, keep_prob=0.9)
    cycle = np.arange(7)[None, None, :] + np.arange(5)[None, :, None]
    return costs(name, config, np.repeat(cycle % 6, 3, axis=0).astype(np.int32), True, 120)


def evaluation(name):
    """On one word, over and over."""
    config = dataclasses.replace(SIZES["small"], num_steps=8, batch_size=1, keep_prob=0.5)
    return costs(name, config, np.ones([1, 1, 9], np.int32), False, 30)


def both(name):
    """Of one side; what it says if this processor cannot run it."""
    try:
        return {"training": training(name), "evaluation": evaluation(name)}
    except RuntimeError as error:
        if "primitive descriptor" not in str(error):  # oneDNN: no such product here
            raise
        return {"cannot": str(error)}


found = {name: both(name) for name in sys.argv[1:]}
print(json.dumps({**found, "imported": [name for name in FRAMEWORKS if name in sys.modules]}))
