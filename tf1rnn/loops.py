"""What a loop of the graph takes over from outside: its options, and overridden gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import tensorflow.compat.v1 as tf

_loop_options: ContextVar[dict[str, Any] | None] = ContextVar("loop_options", default=None)


@contextlib.contextmanager
def loop_options(options: dict[str, Any]) -> Iterator[None]:
    """Hands options of `tf.while_loop` to the loops that faster ways make inside.

    Args:
      options: `parallel_iterations` and `swap_memory`, or some of the two.
    """
    token = _loop_options.set(options)
    try:
        yield
    finally:
        _loop_options.reset(token)


def current_loop_options() -> dict[str, Any]:
    """What the surrounding `loop_options` hands down."""
    return _loop_options.get() or {}


def gradient_overrides() -> dict[str, str]:
    """The gradients that `Graph.gradient_override_map` names for the ops that are made here.

    A function graph, such as the body of a loop, does not inherit those of the graph around it:
    they are gathered from the inside outwards.
    """
    overrides: dict[str, str] = {}
    graph = tf.get_default_graph()
    while graph is not None:
        overrides = {**graph._gradient_override_map, **overrides}
        graph = getattr(graph, "outer_graph", None)
    return overrides


@contextlib.contextmanager
def outer_gradient_overrides() -> Iterator[None]:
    """Inside a loop's body: has its ops the gradients that the graph around it overrides."""
    with tf.get_default_graph().gradient_override_map(gradient_overrides()):
        yield
