"""Activations and initializers: by name, as functions, and back to what a config can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow.compat.v1 as tf

from tf1rnn.types import Initializer, Tensor

Activation: TypeAlias = Callable[[Tensor], Tensor]


def hard_sigmoid(x: Tensor) -> Tensor:
    """The sigmoid in three straight lines: 0.2 x + 0.5, within 0 and 1."""
    return tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0)


# The names that Keras has and `tf.nn` has not.
_ACTIVATIONS = {
    "linear": tf.identity,
    "exponential": tf.exp,
    "hard_sigmoid": hard_sigmoid,
    "silu": tf.nn.swish,
}


def activation_function(activation: Activation | str | None) -> Activation:
    """The function of a name, which Keras or `tf.nn` knows; `tanh` for None.

    Raises ValueError where there is none of that name.
    """
    if not activation or activation in ("tanh", tf.tanh, tf.nn.tanh):
        return tf.tanh  # one object, by which the fast kernels know it
    if callable(activation):
        return activation
    found = _ACTIVATIONS.get(activation) or getattr(tf.nn, activation, None)
    if not callable(found):
        raise ValueError(f"there is no activation {activation!r}, nor tf.nn.{activation}")
    return found


def activation_config(activation: Activation) -> Activation | str:
    """The name of an activation, or the function itself where it has none."""
    name = getattr(activation, "__name__", "")
    for known in (*_ACTIVATIONS, name):
        if known and _is_named(known, activation):
            return known
    return activation


def _is_named(name: str, activation: Activation) -> bool:
    try:
        return activation_function(name) is activation
    except ValueError:
        return False


def initializer_object(initializer: Initializer | str | dict[str, Any] | None) -> Initializer:
    """The initializer of a name in `tf.initializers`, or of what `initializer_config` gave.

    Raises ValueError where there is none of that name.
    """
    if isinstance(initializer, dict):
        name = initializer["class_name"]
        if name not in _initializer_classes():
            raise ValueError(f"there is no initializer {name!r} in tf.initializers")
        return _initializer_classes()[name].from_config(initializer["config"])
    if isinstance(initializer, str):
        if not callable(getattr(tf.initializers, initializer, None)):
            raise ValueError(f"there is no initializer tf.initializers.{initializer}")
        return getattr(tf.initializers, initializer)()
    return initializer


def initializer_config(initializer: Initializer | None) -> Any:
    """`class_name` and `config` of an initializer of `tf.initializers`, else what was given."""
    if initializer is None or type(initializer) not in _initializer_classes().values():
        return initializer
    return {"class_name": type(initializer).__name__, "config": initializer.get_config()}


def _initializer_classes() -> dict[str, Any]:
    return {one.__name__: one for one in vars(tf.initializers).values() if isinstance(one, type)}
