"""Names of Python, NumPy and TensorFlow's inside that programs of those years used, gone since.

Only the runner puts them back, in a process that is the old program's own.
"""

from __future__ import annotations

import base64
import collections
import collections.abc
import fractions
import functools
import importlib
import importlib.abc
import importlib.util
import inspect
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence, Set
from importlib.machinery import ModuleSpec
from types import GeneratorType, ModuleType
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
        "cfloat": np.complex128,
        "complex": complex,
        "complex_": np.complex128,
        "cumproduct": np.cumprod,
        "find_common_type": lambda arrays, scalars: np.result_type(*arrays, *scalars),
        "float": float,
        "float_": np.float64,
        "in1d": lambda array, *args, **kwargs: np.isin(np.ravel(array), *args, **kwargs),
        "infty": np.inf,
        "int": int,
        "int0": np.intp,
        "long": int,
        "longfloat": np.longdouble,
        "mat": np.asmatrix,
        "msort": functools.partial(np.sort, axis=0),
        "object": object,
        "product": np.prod,
        "rank": np.ndim,
        "recfromcsv": functools.partial(
            np.genfromtxt, delimiter=",", names=True, dtype=None, encoding="utf-8"
        ),
        "round_": np.round,
        "row_stack": np.vstack,
        "singlecomplex": np.complex64,
        "sometrue": np.any,
        "str": str,
        "string_": np.bytes_,
        "trapz": getattr(np, "trapezoid", None),  # NumPy 2 has the one, and 1 the other
        "typeDict": np.sctypeDict,
        "unicode": str,
        "unicode_": np.str_,
    },
    base64: {"decodestring": base64.decodebytes, "encodestring": base64.encodebytes},
    collections: {name: getattr(collections.abc, name) for name in collections.abc.__all__},
    fractions: {"gcd": math.gcd},
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


# Modules that have another name today.
MOVED = {
    "sklearn.cross_validation": "sklearn.model_selection",
    "sklearn.externals.joblib": "joblib",
    "sklearn.grid_search": "sklearn.model_selection",
}


def put_back() -> None:
    """Gives the modules those of the names that they lack, and old arguments their meaning."""
    sys.meta_path.append(_MovedFinder())
    for module, names in NAMES.items():
        for name, value in names.items():
            if name not in vars(module):
                setattr(module, name, value)
    for module, name in ((np, "array"), (np, "asarray"), (np.random, "permutation")):
        setattr(module, name, _taking_ragged(getattr(module, name)))
    for name in ("column_stack", "dstack", "hstack", "stack", "vstack"):
        setattr(np, name, _taking_iterators(getattr(np, name)))
    np.array = _copying_where_it_must(np.array)
    np.fromstring = _taking_bytes(np.fromstring)
    np.linspace = _taking_whole_floats(np.linspace)
    np.sum = _taking_generators(np.sum)
    random.sample = _taking_sets(random.sample)
    random.shuffle = _shuffled
    tf.SparseTensor.__init__ = _taking_shape(tf.SparseTensor.__init__)
    for flag in tf.flags.FLAGS.flags_by_module_dict().get("absl.logging", []):
        flag.allow_override = True  # a program has a `log_dir` of its own
    parse = tf.flags.Flag._parse_from_default
    tf.flags.Flag._parse_from_default = _taking_any_default(parse)


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


def _taking_iterators(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, and for an iterator of arrays what it gives for their list."""

    @functools.wraps(function)
    def taking_iterators(arrays: Any, *args: Any, **options: Any) -> Any:
        return function(list(arrays) if isinstance(arrays, Iterator) else arrays, *args, **options)

    return taking_iterators


def _copying_where_it_must(array: Callable[..., Any]) -> Callable[..., Any]:
    """`np.array`, whose `copy=False` was a wish; today it is a command."""

    @functools.wraps(array)
    def copying_where_it_must(*args: Any, **options: Any) -> Any:
        if options.get("copy", True) is False:
            options["copy"] = None
        return array(*args, **options)

    return copying_where_it_must


def _taking_generators(numpy_sum: Callable[..., Any]) -> Callable[..., Any]:
    """`np.sum`, and for a generator the sum of what it gives."""

    @functools.wraps(numpy_sum)
    def taking_generators(a: Any, *args: Any, **options: Any) -> Any:
        return sum(a) if isinstance(a, GeneratorType) else numpy_sum(a, *args, **options)

    return taking_generators


def _taking_any_default(parse: Callable[..., Any]) -> Callable[..., Any]:
    """A flag's default as its kind has it; one of another kind as it is, as up to 1.4."""

    @functools.wraps(parse)
    def taking_any_default(flag: Any, value: Any) -> Any:
        try:
            return parse(flag, value)
        except tf.flags.IllegalFlagValueError:
            return value

    return taking_any_default


def _taking_bytes(fromstring: Callable[..., Any]) -> Callable[..., Any]:
    """`np.fromstring`, and without `sep` an array of the bytes."""

    @functools.wraps(fromstring)
    def taking_bytes(string: Any, dtype: Any = float, count: int = -1, *, sep: str = "") -> Any:
        if sep:
            return fromstring(string, dtype, count, sep=sep)
        string = string.encode("latin-1") if isinstance(string, str) else string
        return np.frombuffer(string, dtype, count).copy()

    return taking_bytes


def _taking_whole_floats(linspace: Callable[..., Any]) -> Callable[..., Any]:
    """`np.linspace`, whose number of points may be `n / 2`."""

    @functools.wraps(linspace)
    def taking_whole_floats(
        start: Any, stop: Any, num: Any = 50, *args: Any, **options: Any
    ) -> Any:
        return linspace(start, stop, int(num), *args, **options)

    return taking_whole_floats


def _taking_sets(sample: Callable[..., Any]) -> Callable[..., Any]:
    """`random.sample`, and of a set, too."""

    @functools.wraps(sample)
    def taking_sets(population: Any, k: int) -> Any:
        return sample(tuple(population) if isinstance(population, Set) else population, k)

    return taking_sets


_shuffle = random.shuffle


def _shuffled(x: Any, random: Callable[[], float] | None = None) -> None:
    """`random.shuffle`, by another source of numbers in [0, 1) if one is given."""
    if random is None:
        _shuffle(x)
        return
    for i in reversed(range(1, len(x))):
        j = int(random() * (i + 1))
        x[i], x[j] = x[j], x[i]


class _MovedFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what no other does, and has another name today."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = name in MOVED and importlib.util.find_spec(MOVED[name])
        return importlib.util.spec_from_loader(name, self) if found else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__dict__.update(vars(importlib.import_module(MOVED[spec.name])))
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it has its names."""


def _taking_shape(init: Callable[..., None]) -> Callable[..., None]:
    """A SparseTensor's constructor, whose `dense_shape` was `shape` before 1.0."""

    @functools.wraps(init)
    def taking_shape(self: Any, *args: Any, **options: Any) -> None:
        if "shape" in options:
            options["dense_shape"] = options.pop("shape")
        init(self, *args, **options)

    return taking_shape


_array = np.array
