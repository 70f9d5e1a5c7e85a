"""`import keras` of programs that had Keras 2 beside TensorFlow 1: answered by tf-keras.

Keras 3 knows today's TensorFlow alone. Where TensorFlow is told to use tf-keras, as under
`python -m tf1rnn`, and that is installed, `keras` and all below it are tf-keras's modules for
TensorFlow 1.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

ROOT = "keras"
REAL = "tf_keras.api._v1.keras"
LAYERS = "tf_keras.src.layers.rnn.base_rnn"
# Where the names of a module are today; below the root, both.
MOVED = {
    "backend.tensorflow_backend": "backend",
    "engine": "layers",
    "engine.base_layer": "layers",
    "engine.topology": "layers",
    "layers.advanced_activations": "layers",
    "layers.convolutional": "layers",
    "layers.core": "layers",
    "layers.embeddings": "layers",
    "layers.merge": "layers",
    "layers.noise": "layers",
    "layers.normalization": "layers",
    "layers.pooling": "layers",
    "layers.recurrent": "layers",
    "layers.wrappers": "layers",
    "objectives": "losses",
    "utils.data_utils": "utils",
    "utils.generic_utils": "utils",
    "utils.np_utils": "utils",
    "utils.vis_utils": "utils",
}


class _OldKeras(ModuleType):
    """A module below `keras`, with the names of a module of tf-keras."""

    def __init__(self, name: str) -> None:
        real = importlib.import_module(_real(name))
        super().__init__(name, real.__doc__)
        self.__dict__["_real"] = real
        self.__path__: list[str] = []  # a package: modules lie below it

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return importlib.import_module("tf_keras").__version__
        return getattr(self._real, name)

    def __dir__(self) -> list[str]:
        return dir(self._real)


def _real(name: str) -> str:
    """Where the module of that name lies in tf-keras, if it does."""
    path = name.partition(".")[2]
    return f"{REAL}.{MOVED.get(path, path)}".rstrip(".")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] != ROOT or not importlib.util.find_spec(_real(name)):
            return None
        return importlib.util.spec_from_loader(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _OldKeras(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: its names are looked up when they are asked for."""


_finder = _Finder()


def stand_for_keras() -> None:
    """`import keras` gives tf-keras, until `stand_back`, unless a Keras is imported already."""
    _name_weights_as_1_15()
    chosen = os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    if chosen and ROOT not in sys.modules and importlib.util.find_spec("tf_keras"):
        sys.meta_path.insert(0, _finder)


def stand_back() -> None:
    """`import keras` gives the Keras that is installed."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    if LAYERS in sys.modules:
        vars(sys.modules[LAYERS])["backend"] = sys.modules["tf_keras.src.backend"]
    for name in [one for one, module in sys.modules.items() if isinstance(module, _OldKeras)]:
        del sys.modules[name]


def _name_weights_as_1_15() -> None:
    """Takes a scope from the names of recurrent weights: `lstm/kernel`, not `lstm/lstm_cell/...`.

    Their module opens no other.
    """
    module = sys.modules.get(LAYERS)
    if module:
        names = {**vars(module.backend), "name_scope": contextlib.nullcontext}
        vars(module)["backend"] = SimpleNamespace(**names)
