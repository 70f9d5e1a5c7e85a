"""Copies of objects that hold parts of a graph, which has one of each."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import tensorflow
import tensorflow.compat.v1 as tf


class SharesTensors:
    """An object whose `copy.deepcopy` shares what can not be copied, and copies the rest.

    Shared are tensors, variables, scopes, graphs and functions; cells are copied.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        for part in _shared_parts(vars(self)):
            memo[id(part)] = part
        vars(copied).update(copy.deepcopy(vars(self), memo))
        return copied


def _shared_parts(value: Any) -> Iterator[Any]:
    """What lies in a value, or in its lists, tuples, sets and dicts, and is shared."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)):
        for part in value:
            yield from _shared_parts(part)
    elif _is_shared(value):
        yield value


def _is_shared(value: Any) -> bool:
    if isinstance(value, (tensorflow.Variable, tf.VariableScope, tf.TensorArray, tf.Graph)):
        return True
    if tf.is_tensor(value):
        return True
    owner = getattr(value, "__self__", value)  # a method of a cell goes along with its cell
    return callable(value) and not isinstance(owner, SharesTensors)
