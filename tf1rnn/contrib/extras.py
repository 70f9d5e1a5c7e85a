"""The packages that serve a part of TensorFlow 1 and need not be there, as tf-keras and tf-slim."""

from __future__ import annotations

import importlib
from types import ModuleType


def load(module: str, package: str, served: str, extra: str = "compat") -> ModuleType:
    """Imports a module of a package that need not be installed.

    Args:
      module: its name, for example `"tf_slim.layers"`.
      package: the name that pip knows, for example `"tf-slim"`.
      served: what is served by it, as TensorFlow 1 named it.
      extra: the extra of this project that brings the package.

    Returns:
      The module.

    Raises:
      ImportError: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise ImportError(f"{served} needs {package}: pip install tf1rnn[{extra}]") from None
