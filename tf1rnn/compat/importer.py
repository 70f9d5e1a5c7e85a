"""`import tensorflow` and what stood below it, answered by served modules while installed."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import tensorflow

from tf1rnn.compat import modules, old_keras

ROOT = "tensorflow"
GONE = ("contrib", "examples", "models")  # what TensorFlow has nothing of today


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `tensorflow.contrib.rnn.python.ops.core_rnn_cell` and its like."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a served module; None for all others, which other finders know."""
        root, _, below = name.partition(".")
        top = below.partition(".")[0]
        if root != ROOT or not below or top == "python" or below.startswith("compat.v2"):
            return None  # TensorFlow's own
        if not _hidden and top not in GONE:
            return None
        if not modules.stood_at(below) and modules.public(below) is None:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The one served module of that name."""
        return modules.module_at(spec.name.removeprefix(f"{ROOT}."))

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: a served module looks its names up when they are asked for."""


_finder = Finder()
_hidden: dict[str, ModuleType | None] = {}  # what stood in sys.modules under the names taken
_hidden_parts: list[tuple[ModuleType, str, object]] = []  # the same, as parts of packages


def find_contrib() -> None:
    """Has `import tensorflow.contrib…` find the served modules; nothing else changes."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def stand_for_tensorflow() -> None:
    """`import tensorflow` gives TensorFlow 1's names, until `stand_back`."""
    find_contrib()
    if _hidden:
        return
    old_keras.stand_for_keras()
    for path in modules.taken_paths():
        name = f"{ROOT}.{path}".rstrip(".")
        _hidden[name] = sys.modules.get(name)
        sys.modules[name] = modules.module_at(path)
        if path.startswith("python."):
            parent, _, part = name.rpartition(".")
            package = importlib.import_module(parent)
            if isinstance(package, modules.Served):
                continue  # which looks its parts up
            _hidden_parts.append((package, part, vars(package).get(part)))
            setattr(package, part, sys.modules[name])


def stand_back() -> None:
    """`import tensorflow` gives TensorFlow again, and `tensorflow.contrib` is nowhere."""
    old_keras.stand_back()
    modules.put_back_replaced()
    for name, module in _hidden.items():
        _put_back(sys.modules, name, module)
    for package, part, before in _hidden_parts:
        _put_back(vars(package), part, before)
    _hidden.clear()
    _hidden_parts.clear()
    for name in [one for one, module in sys.modules.items() if isinstance(module, modules.Served)]:
        del sys.modules[name]
    for name in GONE:  # an import sets what it finds as a part of the package above
        vars(tensorflow).pop(name, None)
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def _put_back(names: dict[str, Any], name: str, before: Any) -> None:
    if before is None:
        del names[name]
    else:
        names[name] = before
