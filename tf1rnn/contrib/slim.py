"""`tf.contrib.slim`, served by tf-slim.

tf-slim 1.1 is older than TensorFlow 2.21, and looks for public names (`Tensor`, `cond`, `unstack`
...) in private modules that have them no more. Here its modules see those names where they look;
TensorFlow's own modules stay as they are.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.extras import load

_RENAMED = {"VariableV1": "Variable", "variable": "Variable"}
_mended: set[str] = set()


class _Whole:
    """The names of a private module, and all public ones of TensorFlow."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        if hasattr(self._module, name):
            return getattr(self._module, name)
        return getattr(tf, _RENAMED.get(name, name))


def slim_module(name: str, served: str = "tf.contrib.slim") -> ModuleType:
    """A module of tf-slim, mended.

    Args:
      name: for example `"tf_slim.layers"`.
      served: what it is asked for, as TensorFlow 1 named it.

    Raises:
      ImportError: tf-slim or tf-keras is missing.
    """
    with _metrics_later():
        module = load(name, "tf-slim", served)
    if name not in _mended:
        for imported in [one for one in sys.modules if one.partition(".")[0] == "tf_slim"]:
            _mend(sys.modules[imported], served)
        _mended.add(name)
    return module


class _Later(ModuleType):
    """A module that is imported when the first of its names is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def _metrics_later() -> Iterator[None]:
    """tf-slim imports scikit-learn for a single loss, and takes over a second for it."""
    name = "sklearn.metrics"
    if name in sys.modules or not importlib.util.find_spec("sklearn"):
        yield
        return
    sys.modules[name] = _Later(name)
    try:
        yield
    finally:
        del sys.modules[name]


def _mend(module: ModuleType, served: str) -> None:
    names = vars(module)
    for key, value in list(names.items()):
        if isinstance(value, ModuleType) and value.__name__.startswith("tensorflow.python."):
            names[key] = _Whole(value)
    if "normalization_layers" in names:  # the class is not in tensorflow.python.layers any more
        names["normalization_layers"] = load(
            "tf_keras.api._v1.keras.__internal__.legacy.layers", "tf-keras", served
        )


def names_of(served: str, *modules: str) -> Callable[[str], Any]:
    """A module's `__getattr__`, which looks its names up in tf-slim when they are asked for.

    Args:
      served: the module, as TensorFlow 1 named it.
      modules: those of tf-slim that have its names; the first that has one counts.

    Returns:
      A function of a name that raises ImportError where tf-slim is missing.
    """

    def find(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        for module in modules:
            found = getattr(slim_module(module, served), name, None)
            if found is not None:
                return found
        raise AttributeError(f"{served} has no {name}")

    return find


def __getattr__(name: str) -> Any:
    """A name of `tf.contrib.slim`. Raises ImportError where tf-slim is missing."""
    if name.startswith("__"):
        raise AttributeError(name)
    return slim_module("tf_slim.nets") if name == "nets" else getattr(slim_module("tf_slim"), name)


def __dir__() -> list[str]:
    return [name for name in dir(slim_module("tf_slim")) if not name.startswith("_")]
