"""`tf.contrib.distributions`: those that TensorFlow still has in `tf.distributions`."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def __getattr__(name: str) -> Any:
    """A name of `tf.distributions`."""
    return getattr(tf.distributions, name)


def __dir__() -> list[str]:
    return dir(tf.distributions)
