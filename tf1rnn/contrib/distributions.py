"""`tf.contrib.distributions`, which lives on as the package tensorflow-probability.

Without the package there are those that TensorFlow still has in `tf.distributions`. With it all
are the package's: a mixture takes parts of one library only.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.extras import load


def _package(name: str) -> ModuleType:
    """The package's module that has a name, or is called so."""
    served = f"tf.contrib.distributions.{name}"
    package = load("tensorflow_probability", "tensorflow-probability", served, "probability")
    return package.bijectors if name == "bijectors" else package.distributions


def _is_installed() -> bool:
    return importlib.util.find_spec("tensorflow_probability") is not None


def __getattr__(name: str) -> Any:
    """A distribution, or a function of distributions.

    Raises ImportError for a name that only tensorflow-probability has, where that is missing.
    """
    if name.startswith("__"):
        raise AttributeError(name)
    if name == "bijectors":
        return _package(name)
    if not _is_installed() and hasattr(tf.distributions, name):
        return getattr(tf.distributions, name)
    return getattr(_package(name), name)


def __dir__() -> list[str]:
    own = _package("") if _is_installed() else tf.distributions
    return [name for name in dir(own) if not name.startswith("_")]
