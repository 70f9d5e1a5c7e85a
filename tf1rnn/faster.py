"""Which way along a sequence a cell goes: its own faster one, or step by step.

A faster way stands for the steps of the class that offers it. Where a step is another than that
class wrote, or its operations are to have other gradients, only the steps themselves will do.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import tensorflow.compat.v1 as tf

from tf1rnn.loops import gradient_overrides
from tf1rnn.types import Cell, Nest, Tensor

# What a subclass may write anew without changing a step: it counts for both ways alike.
NO_STEPS = {
    "__getattr__",
    "__init__",
    "build",
    "zero_state",
    "get_initial_state",
    "get_config",
    "add_variable",
    "add_weight",
}

# Each is told which way a cell goes along a sequence: "fast", or the reason why it steps.
listeners: list[Callable[[Cell, str], None]] = []


def fast_sequence(
    cell: Cell, inputs: Nest, initial_state: Nest, sequence_length: Tensor | None
) -> tuple[Tensor, Nest] | None:
    """What `cell.sequence` answers, or None where the cell has to be asked step by step.

    None for nested inputs, for a cell without the method or with an overridden step, and where
    the graph overrides gradients.
    """
    reason = _why_not(cell, inputs)
    done = None if reason else cell.sequence(inputs, initial_state, sequence_length)
    for listener in listeners:
        way = "fast" if done is not None else "its settings have no faster way"
        listener(cell, reason or way)
    return done


def has_kernel(cell: Cell, inputs: Tensor) -> bool:
    """Whether a cell itself goes faster: a kernel's step is the same at any place of a sequence."""
    return getattr(cell, "_has_fast_kernel", False) and _why_not(cell, inputs) is None


def _why_not(cell: Cell, inputs: Nest) -> str | None:
    """Why a cell is not asked for its faster way; None if it is."""
    if tf.nest.is_nested(inputs):
        return "the inputs are several tensors"
    if not hasattr(cell, "sequence"):
        return "the cell has no faster way"
    if not _stands_for_the_step(cell):
        return "a subclass has a step of its own"
    if gradient_overrides():
        return "the graph overrides gradients"
    return None


def _stands_for_the_step(cell: Cell) -> bool:
    """Whether no step is overridden below the class that gives `sequence`, nor in the object."""
    below = [getattr(cell, "__dict__", {})]
    for one in type(cell).__mro__:
        if "sequence" in vars(one):
            names = {name for level in below for name in level} - NO_STEPS
            return not any(inspect.isfunction(getattr(one, name, None)) for name in names)
        below.append(vars(one))
    return False
