"""Names of Python and NumPy that programs of those years used and that are gone since.

Only the runner puts them back, in a process that is the old program's own.
"""

from __future__ import annotations

import collections
import collections.abc
import inspect
import time
from types import ModuleType
from typing import Any

import numpy as np

ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")

NAMES: dict[ModuleType, dict[str, Any]] = {
    np: {
        "Inf": np.inf,
        "NaN": np.nan,
        "asscalar": lambda array: array.item(),
        "bool": bool,
        "complex": complex,
        "cumproduct": np.cumprod,
        "float": float,
        "float_": np.float64,
        "in1d": lambda array, *args, **kwargs: np.isin(np.ravel(array), *args, **kwargs),
        "infty": np.inf,
        "int": int,
        "long": int,
        "object": object,
        "product": np.prod,
        "row_stack": np.vstack,
        "str": str,
        "unicode": str,
        "unicode_": np.str_,
    },
    collections: {
        name: getattr(collections.abc, name)
        for name in ("Callable", "Iterable", "Iterator", "Mapping", "Sequence", "Set", "Sized")
    },
    inspect: {"getargspec": lambda function: ArgSpec(*inspect.getfullargspec(function)[:4])},
    time: {"clock": time.process_time},
}


def put_back() -> None:
    """Gives the modules those of the names that they lack."""
    for module, names in NAMES.items():
        for name, value in names.items():
            if name not in vars(module):
                setattr(module, name, value)
