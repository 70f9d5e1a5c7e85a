"""Modules that answer with TensorFlow 1's names, each from where the table says.

A library of today that looks at `tensorflow` while it is served (Keras, when a layer is first
asked for) is answered by the real one: who asks is told by the frame that does.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import sys
from collections.abc import Iterator
from types import FrameType, ModuleType
from typing import Any

import tensorflow
import tensorflow.compat.v1 as tf

from tf1rnn.compat import behaviour, old_names, report
from tf1rnn.compat.advice import ADVICE
from tf1rnn.compat.names import INSIDE, NAMES, SAME
from tf1rnn.compat.table import FAMILIES

VERSION = "1.15.5"

# These know today's TensorFlow and want no other.
LIBRARIES = {
    "google",
    "keras",
    "ml_dtypes",
    "tensorboard",
    "tensorflow",
    "tensorflow_datasets",
    "tensorflow_hub",
    "tensorflow_probability",
    "tf1rnn",
    "tf_keras",
    "tf_slim",
}


class UnknownName(AttributeError):
    """A name that neither TensorFlow has today nor the table serves; the text says what to do."""


class Served(ModuleType):
    """The module that stood at `path` below `tensorflow`.

    Args:
      path: "" for `tensorflow` itself, "contrib.rnn", "nn.rnn_cell".
      real: TensorFlow's own module of that name, which answers what the table does not.
    """

    def __init__(self, path: str, real: ModuleType | None = None) -> None:
        super().__init__(f"tensorflow.{path}".rstrip("."), real.__doc__ if real else None)
        self.__dict__["_path"] = path
        self.__dict__["_real"] = real
        self.__path__ = list(getattr(real, "__path__", []))  # a package: modules lie below it
        self.__file__ = getattr(real, "__file__", None)

    def __getattr__(self, name: str) -> Any:
        frame = asking_frame()
        if self._real is not None and is_library(frame):
            return getattr(tensorflow if not self._path else self._real, name)
        if name.startswith("__") and name not in ("__version__", "__all__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        try:
            value = self.served(name)
        except (UnknownName, ImportError) as error:
            report.note_unknown(str(error), frame)
            raise
        if not isinstance(value, Served):
            behaviour.switch_on()
            report.note(_joined(self._path, name), value, frame)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets a name, but for a module that an import has found: those are looked up.

        What the library looks up by that name is the new value, too: a program may put a function
        of its own in the place of one that classes of the module call.
        """
        if isinstance(value, Served):
            return
        if not name.startswith("__"):  # those of the import machinery are this module's own
            with contextlib.suppress(UnknownName, ImportError):
                _replace(name, self.served(name), value)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        """All names that are served here."""
        names = {name for one in self._modules() for name in dir(one)}
        return sorted(names | set(_children(self._path)) | set(dir(self._real or object)))

    def served(self, name: str) -> Any:
        """What a name is answered by; nothing is switched or counted.

        Raises:
          UnknownName: by nothing.
          ImportError: the module that serves it needs a package that is not installed.
        """
        path = _joined(self._path, name)
        if name == "__version__":
            return VERSION
        if name == "__all__":
            return [one for one in dir(self) if not one.startswith("_")]
        if path in NAMES:
            module, _, attribute = NAMES[path].partition(":")
            return getattr(importlib.import_module(module), attribute)
        if path in _PATHS or path in _REPLACED:
            return module_at(path)
        if path in old_names.NAMES:
            return old_names.NAMES[path]
        if path in old_names.RENAMED:
            return _attribute(module_at(""), old_names.RENAMED[path])
        if self._path in INSIDE:
            with contextlib.suppress(UnknownName):
                return module_at(INSIDE[self._path]).served(name)
        return self._looked_up(path, name)

    def _looked_up(self, path: str, name: str) -> Any:
        for one in (*self._modules(), self._real, None if self._path else tensorflow):
            if hasattr(one, name):
                return getattr(one, name)
        if f"tensorflow.{path}" in sys.modules:  # `tf.python`, which is loaded but no attribute
            return sys.modules[f"tensorflow.{path}"]
        raise UnknownName(unknown(path, dir(self)))

    def _modules(self) -> Iterator[ModuleType]:
        return map(_module, FAMILIES.get(self._path, ()))


_replaced: list[tuple[ModuleType, str, Any]] = []  # modules, names, and what stood there


def _replace(name: str, old: Any, new: Any) -> None:
    """Has the library's modules find another value by a name."""
    for path, module in list(sys.modules.items()):
        if path.startswith("tf1rnn.") and vars(module).get(name) is old:
            _replaced.append((module, name, old))
            setattr(module, name, new)


def put_back_replaced() -> None:
    """What stood in the library's modules before a program set names of served ones."""
    while _replaced:
        setattr(*_replaced.pop())


def _module(path: str) -> ModuleType:
    """A module of the table; behind a colon one that another module finds."""
    name, _, found = path.partition(":")
    module = importlib.import_module(name)
    return getattr(module, found) if found else module


def _attribute(value: Any, path: str) -> Any:
    """What a dotted path below a value answers."""
    for name in path.split("."):
        value = value.served(name) if isinstance(value, Served) else getattr(value, name)
    return value


def asking_frame() -> FrameType:
    """The frame that asks a served module for a name, past those of the import machinery."""
    frame: FrameType | None = sys._getframe(2)
    while frame and _passes_on(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    assert frame
    return frame


def _passes_on(module: str) -> bool:
    return module.startswith("importlib.") or module == "tf1rnn.compat"


def is_library(frame: FrameType) -> bool:
    """Whether a frame is of a library that knows today's TensorFlow."""
    return frame.f_globals.get("__name__", "").partition(".")[0] in LIBRARIES


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _children(path: str) -> list[str]:
    """Names of the modules right below a path."""
    start = f"{path}." if path else ""
    below = [one.removeprefix(start) for one in _PATHS | _REPLACED if one.startswith(start)]
    return [one for one in below if one and "." not in one]


def unknown(path: str, names: list[str]) -> str:
    """The line about a name that is not served: what it is, and what could be done."""
    line = f"tf.{path} is not served"
    for known, advice in ADVICE.items():
        if path == known or path.startswith(f"{known}."):
            return f"{line}: {advice}"
    parent, _, name = path.rpartition(".")
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
    if nearest:
        return f"{line}: is tf.{_joined(parent, nearest[0])} meant?"
    return f"{line}: neither TensorFlow {tf.version.VERSION} nor tf1rnn has it"


# All served paths and those above them, which are packages, and TensorFlow's that are stood for.
_PATHS = {
    ".".join(parts[:size])
    for parts in (path.split(".") for path in (*FAMILIES, *SAME))
    for size in range(1, len(parts) + 1)
} - {"python", "python.ops", "python.layers"}  # TensorFlow's own packages go on
_REPLACED = {"nn", "train", "compat", "compat.v1"}

_served: dict[str, Served] = {}


def module_at(path: str) -> Served:
    """The served module of a path; always the same one. `compat.v1` is the root itself."""
    path = "" if path == "compat.v1" else path
    if path not in _served:
        _served[path] = Served(path, _real(path))
    return _served[path]


def _real(path: str) -> ModuleType | None:
    """TensorFlow's own module for a path, if it has one."""
    if path == "":
        return tf
    if path == "compat":
        return tensorflow.compat
    if path.startswith("python."):
        try:
            return importlib.import_module(f"tensorflow.{path}")
        except ImportError:
            return None
    return None if path in FAMILIES else public(path)


def public(path: str) -> ModuleType | None:
    """The module of TensorFlow's own public names that answers for a path, if there is one."""
    for old, new in SAME.items():
        if path == old or path.startswith(f"{old}."):
            path = new + path.removeprefix(old)
    value: Any = tf
    for name in path.split("."):
        value = getattr(value, name, None)
    return value if isinstance(value, ModuleType) else None


def stood_at(path: str) -> bool:
    """Whether the table has a module at that path."""
    return path in _PATHS


def taken_paths() -> list[str]:
    """The paths at which TensorFlow has modules of its own, `tensorflow` itself first."""
    return ["", "compat", "compat.v1", *(one for one in FAMILIES if one.startswith("python."))]
