"""`tf.contrib.framework`: what TensorFlow still has, by its names today; `arg_scope` by tf-slim.

A name that does not stand here is looked up in tf-slim when it is asked for: `arg_scope` and its
kin, `model_variable`, `get_variables`, `assign_from_checkpoint` ...
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow
import tensorflow.compat.v1 as tf

from tf1rnn.contrib import nest
from tf1rnn.contrib.slim import names_of
from tf1rnn.types import DType, Nest, Shape, Tensor

__getattr__ = names_of(
    "tf.contrib.framework",
    "tf_slim.ops.arg_scope",
    "tf_slim.ops.variables",
    "tf_slim.ops.framework_ops",
)

# Names that stand elsewhere today.
CriticalSection = tf.CriticalSection
TensorSpec = tf.TensorSpec
argsort = tf.argsort
assert_global_step = tf.train.assert_global_step
assert_same_float_dtype = tf.debugging.assert_same_float_dtype
assert_scalar = tf.debugging.assert_scalar
create_global_step = tf.train.create_global_step
get_global_step = tf.train.get_global_step
get_or_create_global_step = tf.train.get_or_create_global_step
init_from_checkpoint = tf.train.init_from_checkpoint
is_non_decreasing = tf.debugging.is_non_decreasing
is_numeric_tensor = tf.debugging.is_numeric_tensor
is_strictly_increasing = tf.debugging.is_strictly_increasing
is_tensor = tf.is_tensor
list_variables = tf.train.list_variables
load_checkpoint = tf.train.load_checkpoint
load_variable = tf.train.load_variable
smart_cond = tensorflow.__internal__.smart_cond.smart_cond
sort = tf.sort


# Tensors and their shapes.


def assert_scalar_int(tensor: Tensor, name: str | None = None) -> Tensor:
    """The tensor, of which it is known that it is a scalar integer.

    Raises:
      ValueError: it is not, as far as its shape and dtype tell.
    """
    with tf.name_scope(name, "assert_scalar_int", [tensor]) as scope:
        tensor = tf.convert_to_tensor(tensor)
        if not tensor.dtype.base_dtype.is_integer:
            raise ValueError(f"Expected integer type for {tensor.name}, got {tensor.dtype}")
        return tf.debugging.assert_scalar(tensor, name=scope)


def convert_to_tensor_or_sparse_tensor(
    value: Any, dtype: DType | None = None, name: str | None = None
) -> Tensor | tf.SparseTensor:
    """A tensor of the value, sparse where the value is.

    Raises:
      RuntimeError: a sparse value has another dtype.
    """
    if isinstance(value, tf.SparseTensorValue):
        value = tf.SparseTensor.from_value(value)
    if not isinstance(value, tf.SparseTensor):
        return tf.convert_to_tensor(value, dtype=dtype, name=name)
    if dtype and not tf.as_dtype(dtype).is_compatible_with(value.dtype):
        raise RuntimeError(f"Sparse dtype: requested = {dtype}, actual = {value.dtype.name}")
    return value


def reduce_sum_n(tensors: Sequence[Tensor], name: str | None = None) -> Tensor:
    """The sum of all numbers of all tensors, a scalar. Raises ValueError for no tensors."""
    if not tensors:
        raise ValueError("No tensors provided.")
    with tf.name_scope(name, "reduce_sum_n", tensors) as scope:
        return tf.add_n([tf.reduce_sum(x) for x in tensors], name=scope)


def remove_squeezable_dimensions(
    predictions: Tensor, labels: Tensor, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Takes off a last axis of size 1 that one of two tensors has more than the other.

    Args:
      predictions, labels: tensors whose ranks differ by at most 1.
      name: name of the scope of the ops.

    Returns:
      Both, of one rank as far as their shapes tell.
    """
    with tf.name_scope(name, "remove_squeezable_dimensions", [predictions, labels]):
        predictions, labels = tf.convert_to_tensor(predictions), tf.convert_to_tensor(labels)
        more = tf.rank(predictions) - tf.rank(labels)
        return _without_last(predictions, more, labels), _without_last(labels, -more, predictions)


def _without_last(tensor: Tensor, more: Tensor, other: Tensor) -> Tensor:
    """The tensor without its last axis, if that is of size 1 and the other tensor lacks it."""
    if tensor.shape.rank is not None and other.shape.rank is not None:
        more = tensor.shape.rank - other.shape.rank
        squeezable = tensor.shape.rank and tensor.shape.as_list()[-1] in (1, None)
        return tf.squeeze(tensor, [-1]) if more == 1 and squeezable else tensor
    if tensor.shape.rank is None or tensor.shape.as_list()[-1:] == [1]:
        return tf.cond(tf.equal(more, 1), lambda: tf.squeeze(tensor, [-1]), lambda: tensor)
    return tensor


def with_same_shape(expected_tensor: Tensor, tensor: Tensor) -> Tensor:
    """The tensor, of which it is asserted that it has the other's shape."""
    expected = expected_tensor.shape
    return with_shape(
        expected.as_list() if expected.is_fully_defined() else tf.shape(expected_tensor), tensor
    )


def with_shape(expected_shape: Shape | Tensor, tensor: Tensor) -> Tensor:
    """The tensor with a shape set, or checked when it is run where that is not known before.

    Args:
      expected_shape: a shape without unknown axes, or an int vector of it.
      tensor: a tensor.

    Raises:
      ValueError: the shapes are known and differ, or the expected one is no vector of ints.
    """
    if not isinstance(expected_shape, tf.TensorShape) and not _is_list_of_ints(expected_shape):
        expected_shape = tf.convert_to_tensor(expected_shape, name="expected_shape")
        if expected_shape.dtype.base_dtype not in (tf.int32, tf.int64):
            raise ValueError(f"Invalid dtype {expected_shape.dtype} for shape of {tensor.name}")
        if expected_shape.shape.rank not in (1, None):
            raise ValueError(f"Invalid rank of the shape expected of {tensor.name}")
        known = tf.get_static_value(expected_shape)
        if known is None:
            return _checked_shape(expected_shape, tensor)
        expected_shape = known
    shape = tf.TensorShape(expected_shape)
    if not tensor.shape.is_compatible_with(shape):
        raise ValueError(f"Wrong shape for {tensor.name}, expected {shape}, got {tensor.shape}")
    if not tensor.shape.is_fully_defined() and shape.is_fully_defined():
        tensor = _checked_shape(tf.constant(shape.as_list(), tf.int32), tensor)
        tensor.set_shape(shape)
    return tensor


def _is_list_of_ints(shape: Any) -> bool:
    return isinstance(shape, list | tuple) and all(isinstance(size, int) for size in shape)


def _checked_shape(expected: Tensor, tensor: Tensor) -> Tensor:
    """The tensor, behind an assertion of its shape."""
    expected, actual = tf.cast(expected, tf.int32), tf.shape(tensor)
    right = tf.cond(
        tf.equal(tf.size(expected), tf.rank(tensor)),
        lambda: tf.reduce_all(tf.equal(expected, actual)),
        lambda: tf.constant(False),
    )
    message = f"Wrong shape for {tensor.name} [expected] [actual]."
    with tf.control_dependencies([tf.Assert(right, [message, expected, actual])]):
        return tf.identity(tensor)


def zero_initializer(ref: tf.Variable, use_locking: bool = True, name: str | None = None) -> Tensor:
    """An op that sets a variable to zeros, and the variable after it."""
    return tf.assign(ref, tf.zeros(ref.shape, ref.dtype.base_dtype), use_locking=use_locking)


# Names.


def strip_name_scope(name: str, export_scope: str | None) -> str:
    """The name without a scope at its start, behind the marks that a name may begin with."""
    if not export_scope:
        return name
    return re.sub(rf"([\^]|loc:@|^){re.escape(export_scope)}[\/]+(.*)", r"\1\2", name, count=1)


def prepend_name_scope(name: str, import_scope: str | None) -> str:
    """The name in a scope, behind the marks that a name may begin with."""
    if not import_scope:
        return name
    return re.sub(r"([\^]|loc:@|^)(.*)", rf"\1{import_scope.rstrip('/')}/\2", name, count=1)


def get_placeholders(graph: tf.Graph) -> list[Tensor]:
    """The placeholders of a graph."""
    return [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]


# Functions of one's own.


def py_func(
    func: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: dict[str, Any] | None = None,
    output_types: Nest = None,
    output_shapes: Nest = None,
    stateful: bool = True,
    name: str | None = None,
) -> Nest:
    """`tf.py_func` of nests: a Python function as an op.

    Args:
      func: a function of arrays to a nest of arrays.
      args, kwargs: its arguments, nests of tensors.
      output_types: a nest of dtypes, like what it returns.
      output_shapes: a nest of the shapes, or None where they are not known.
      stateful, name: as in `tf.py_func`.

    Returns:
      A nest of tensors like `output_types`.
    """
    given = (list(args), kwargs or {})
    types = tf.nest.flatten(output_types)

    def call(*flat: Any) -> list[Any]:
        positional, named = tf.nest.pack_sequence_as(given, flat)
        returned = func(*positional, **named)
        parts = tf.nest.flatten(returned)
        pairs = zip(parts, types, strict=True)
        return [np.asarray(part, part_type.as_numpy_dtype) for part, part_type in pairs]

    outputs = tf.py_func(call, tf.nest.flatten(given), types, stateful=stateful, name=name)
    packed = tf.nest.pack_sequence_as(output_types, outputs)
    if output_shapes is not None:
        nest.map_structure_up_to(packed, tf.Tensor.set_shape, packed, output_shapes)
    return packed


def deprecated(date: str | None, instructions: str, warn_once: bool = True) -> Callable[..., Any]:
    """Decorates a function that is to be used no more: its first call is logged as a warning."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            if not (warn_once and call.__dict__.setdefault("warned", False)):
                call.__dict__["warned"] = True
                tf.logging.warning("%s is deprecated: %s", function.__name__, instructions)
            return function(*args, **options)

        return call

    return decorate


def deprecated_args(
    date: str | None, instructions: str, *names: Any, **options: Any
) -> Callable[..., Any]:
    """Decorates a function some of whose arguments are to be used no more; it stays as it is."""
    return lambda function: function


def deprecated_arg_values(
    date: str | None, instructions: str, warn_once: bool = True, **values: Any
) -> Callable[..., Any]:
    """Decorates a function some of whose arguments' values are out of use; it stays as it is."""
    return lambda function: function
