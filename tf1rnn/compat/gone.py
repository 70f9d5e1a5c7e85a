"""Names of Python, NumPy and TensorFlow's inside that programs of those years used, gone since.

Only the runner puts them back, in a process that is the old program's own.
"""

from __future__ import annotations

import collections
import collections.abc
import functools
import inspect
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import graph_util, ops
from tensorflow.python.ops import control_flow_ops, functional_ops
from tensorflow.python.util import nest

ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")

NAMES: dict[ModuleType | type, dict[str, Any]] = {
    np: {
        "Inf": np.inf,
        "Infinity": np.inf,
        "NINF": -np.inf,
        "NaN": np.nan,
        "PINF": np.inf,
        "alltrue": np.all,
        "asfarray": lambda array, dtype=np.float64: np.asarray(array, dtype),
        "asscalar": lambda array: array.item(),
        "bool": bool,
        "complex": complex,
        "cumproduct": np.cumprod,
        "float": float,
        "float_": np.float64,
        "in1d": lambda array, *args, **kwargs: np.isin(np.ravel(array), *args, **kwargs),
        "infty": np.inf,
        "int": int,
        "int0": np.intp,
        "long": int,
        "mat": np.asmatrix,
        "msort": functools.partial(np.sort, axis=0),
        "object": object,
        "product": np.prod,
        "rank": np.ndim,
        "round_": np.round,
        "row_stack": np.vstack,
        "sometrue": np.any,
        "str": str,
        "string_": np.bytes_,
        "trapz": getattr(np, "trapezoid", None),  # NumPy 2 has the one, and 1 the other
        "unicode": str,
        "unicode_": np.str_,
    },
    collections: {
        name: getattr(collections.abc, name)
        for name in ("Callable", "Iterable", "Iterator", "Mapping", "Sequence", "Set", "Sized")
    },
    inspect: {"getargspec": lambda function: ArgSpec(*inspect.getfullargspec(function)[:4])},
    time: {"clock": time.process_time},
    tf.flags.FlagValues: {"_parse_flags": lambda flags: flags(sys.argv, known_only=True)},
    # What was private and went elsewhere: copies of TensorFlow 1's cells and decoders use it.
    control_flow_ops: {
        "Assert": tf.Assert,
        "case": tf.case,
        "cond": tf.cond,
        "while_loop": tf.while_loop,
    },
    functional_ops: {"map_fn": tf.map_fn},
    graph_util: {"convert_variables_to_constants": tf.graph_util.convert_variables_to_constants},
    nest: {"is_sequence": nest.is_nested},
    ops: {"Tensor": tf.Tensor},
}


def put_back() -> None:
    """Gives the modules those of the names that they lack, and old arguments their meaning."""
    for module, names in NAMES.items():
        for name, value in names.items():
            if name not in vars(module):
                setattr(module, name, value)
    for module, name in ((np, "array"), (np, "asarray"), (np.random, "permutation")):
        setattr(module, name, _taking_ragged(getattr(module, name)))
    tf.SparseTensor.__init__ = _taking_shape(tf.SparseTensor.__init__)


def _taking_ragged(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, and for rows of unequal length an array of objects, as NumPy had it."""

    @functools.wraps(function)
    def taking_ragged(rows: Any, *args: Any, **options: Any) -> Any:
        try:
            return function(rows, *args, **options)
        except ValueError as error:
            if "inhomogeneous" not in str(error) or args or options:
                raise
        return function(_array(rows, dtype=object))

    return taking_ragged


def _taking_shape(init: Callable[..., None]) -> Callable[..., None]:
    """A SparseTensor's constructor, whose `dense_shape` was `shape` before 1.0."""

    @functools.wraps(init)
    def taking_shape(self: Any, *args: Any, **options: Any) -> None:
        if "shape" in options:
            options["dense_shape"] = options.pop("shape")
        init(self, *args, **options)

    return taking_shape


_array = np.array
