"""`tf.contrib.slim.nets`: tf-slim's networks of images, which captions are made from."""

from __future__ import annotations

from typing import Any

from tf1rnn.contrib.slim import slim_module


def __getattr__(name: str) -> Any:
    """The module of a network. Raises ImportError where tf-slim is not installed."""
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(slim_module("tf_slim.nets", "tf.contrib.slim.nets"), name)
