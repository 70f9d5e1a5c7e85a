"""The contract of all cells: their base class, and the time step that they compute."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.layer import Layer
from tf1rnn.nests import shape_with_batch
from tf1rnn.types import Dimension, DType, Nest, Scope, Sizes, Tensor


class _NamedStep(NamedTuple):
    step: int | Tensor
    loops: list[Any]  # around the place where it was named


_named_step: ContextVar[_NamedStep | None] = ContextVar("time_step", default=None)


@contextlib.contextmanager
def time_step(step: int | Tensor) -> Iterator[None]:
    """Tells the cells called inside which time step they compute.

    The unrollers do this; a hand-written loop around a cell with dropout that is a function of the
    global step (`DropoutWrapper(step=...)`) should, too.

    Args:
      step: the time step, an int or a scalar integer tensor, counted from 0.
    """
    token = _named_step.set(_NamedStep(step, _surrounding_loops()))
    try:
        yield
    finally:
        _named_step.reset(token)


def current_time_step() -> int | Tensor | None:
    """The time step that the surrounding `time_step` names, or None outside of one.

    Raises:
      ValueError: as `assert_no_loop_but`, for the loop whose body names the step.
    """
    named = _named_step.get()
    assert_no_loop_but(named.loops if named else [])
    return named.step if named else None


def assert_no_loop_but(covered: list[Any]) -> None:
    """Raises ValueError where ops made here would draw one mask for all turns of a loop.

    Args:
      covered: the loops around the place where a time step is named. It tells the turns of the
        innermost apart, and of none around that.
    """
    loops = _surrounding_loops()
    if len(covered) > 1 or [id(one) for one in covered] != [id(one) for one in loops]:
        raise ValueError(
            "in the body of a loop, dropout with `step` would draw one mask for all turns. Name "
            "the turn around the cell's call, `with tf1rnn.time_step(t):`, or leave `step` out of "
            "DropoutWrapper, for new masks in every turn."
        )


def _surrounding_loops() -> list[Any]:
    """The loops of the graph whose bodies the ops made here lie in, the innermost first."""
    loops = []
    graph = tf.get_default_graph()
    while graph is not None:
        context = graph._get_control_flow_context()
        while context is not None:  # control flow of TensorFlow 1
            if context.IsWhileContext():
                loops.append(context)
            context = context.outer_context
        if type(graph).__name__ == "WhileBodyFuncGraph":
            loops.append(graph)
        graph = getattr(graph, "outer_graph", None)
    return loops


class RNNCell(Layer):
    """What every cell has in common; a cell of one's own derives from it.

    A subclass gives `state_size`, `output_size` and `call(inputs, state)`. It makes its variables
    in `build(inputs_shape)` by `add_variable`, or in `call` by `tf.get_variable`. A subclass that
    knows a faster way through a whole sequence overrides `sequence`.

    Args:
      trainable: whether the variables of `add_variable` are trained.
      name: name of the cell's variable scope; by default the class name in snake case, and a
        second cell in the same scope gets `_1` appended.
      dtype: dtype of the variables; by default that of the inputs.
      _reuse: True or `tf.AUTO_REUSE` to use variables that exist already. (TensorFlow 1 spells it
        so here, and `reuse` in its cells.)
      _scope: name or scope of the variables, in place of `name`.
    """

    _is_tf_rnn_cell = True  # by which Keras' layers know that a state of one tensor is no list

    @property
    def state_size(self) -> Sizes:
        """Size of the state without the batch: an int, a `tf.TensorShape`, or a nest of them."""
        raise NotImplementedError(f"{type(self).__name__} must define state_size")

    @property
    def output_size(self) -> Sizes:
        """Size of the output without the batch: an int, a `tf.TensorShape`, or a nest of them."""
        raise NotImplementedError(f"{type(self).__name__} must define output_size")

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        """State of zeros.

        Args:
          batch_size: an int, a `tf.Dimension`, or an integer tensor: a scalar, or the vector of
            several axes that stand for the batch.
          dtype: dtype of every tensor of the state.

        Returns:
          The nest of `state_size`, each size `n` replaced by a tensor `[batch_size, n]`.
        """
        if not tf.is_tensor(batch_size):
            batch_size = tf.TensorShape(batch_size).as_list()
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            return tf.nest.map_structure(
                lambda size: tf.zeros(shape_with_batch(batch_size, size), dtype), self.state_size
            )

    def get_initial_state(
        self,
        inputs: Tensor | None = None,
        batch_size: Dimension | None = None,
        dtype: DType | None = None,
    ) -> Nest:
        """`zero_state` for inputs `[batch_size, ...]`, or for a batch size and a dtype.

        Raises:
          ValueError: neither inputs nor both of the others, or others than the inputs'.
        """
        if inputs is not None:
            inputs = tf.convert_to_tensor(inputs)
            rows = inputs.shape.as_list()[0]
            known = tf.get_static_value(batch_size) if tf.is_tensor(batch_size) else batch_size
            if known is not None and rows != known:
                raise ValueError(
                    "batch size from input tensor is different from the argument: the inputs have "
                    f"{rows} rows, batch_size is {batch_size}"
                )
            if dtype is not None and inputs.dtype != dtype:
                raise ValueError(
                    "dtype from input tensor is different from the argument: the inputs' is "
                    f"{inputs.dtype}, dtype is {dtype}"
                )
            batch_size = tf.shape(inputs)[0] if rows is None else rows
            dtype = inputs.dtype
        if batch_size is None or dtype is None:
            raise ValueError(
                "batch_size and dtype cannot be None where there are no inputs: "
                f"batch_size={batch_size}, dtype={dtype}"
            )
        return self.zero_state(batch_size, dtype)

    def __call__(
        self, inputs: Nest, state: Nest, scope: Scope = None, *args: Any, **kwargs: Any
    ) -> tuple[Nest, Nest]:
        """Computes one time step.

        Args:
          inputs: `[batch_size, depth]`; NumPy arrays and lists of numbers become tensors.
          state: nest of `[batch_size, n]`, one tensor for each size in `state_size`.
          scope: name or scope of the variables, in place of the cell's name, when the variables
            are not made yet.
          args, kwargs: what a subclass's `call` takes besides.

        Returns:
          `(output, next_state)`: `[batch_size, output_size]`, and a nest like `state`.

        Raises:
          ValueError: the inputs have no known last dimension or `state` has another structure.
        """
        inputs, state = as_tensors(inputs), as_tensors(state)
        with self.cell_scope(inputs, scope) as own_scope:
            if takes(type(self).call, "scope"):
                kwargs["scope"] = own_scope
            result = self.call(inputs, state, *args, **kwargs)
        self._called = True
        return result

    def call(self, inputs: Nest, state: Nest) -> tuple[Nest, Nest]:
        """Computes one time step inside the cell's scope, after `build`.

        That of a subclass may have an argument `scope`: it gets the cell's.
        """
        raise NotImplementedError(f"{type(self).__name__} must define call")

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """Computes a whole sequence by a faster way than step by step, if the cell knows one.

        Args:
          inputs: `[num_steps, batch_size, depth]`.
          initial_state: as in `__call__`.
          sequence_length: None or int `[batch_size]`. Past a row's length the outputs are zero
            and the state stays.

        Returns:
          None if the cell knows no faster way (this answer), else `(outputs, final_state)` with
          outputs `[num_steps, batch_size, output_size]`.
        """
        return None


@functools.cache
def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has an argument of that name."""
    return name in inspect.signature(function).parameters


def as_tensors(nest: Nest) -> Nest:
    """NumPy arrays and numbers of a nest, and lists of lists of numbers, as tensors."""
    if isinstance(nest, list) and nest and all(map(_is_number, tf.nest.flatten(nest))):
        return tf.convert_to_tensor(nest)
    if isinstance(nest, (list, tuple)):
        parts = [as_tensors(part) for part in nest]
        return type(nest)(*parts) if hasattr(nest, "_fields") else type(nest)(parts)
    return tf.nest.map_structure(
        lambda x: tf.convert_to_tensor(x) if _is_number(x) or isinstance(x, np.ndarray) else x, nest
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number))


def assert_like_rnncell(argument: str, cell: object) -> None:
    """Raises TypeError, with the argument's name, unless `cell` has all that a cell has."""
    sizes = ("output_size", "state_size")
    missing = [f"{name!r} is missing" for name in sizes if not _has(cell, name)]
    if not (_has(cell, "zero_state") or _has(cell, "get_initial_state")):
        missing.append("either 'zero_state' or 'get_initial_state' is required")
    if not callable(cell):
        missing.append("it is not callable")
    if isinstance(cell, type):
        missing = [f"it is the class {cell.__name__} itself"]
    if missing:
        raise TypeError(
            f"The argument {argument!r} ({cell!r}) is not an RNNCell: {', '.join(missing)}."
        )


def _has(cell: object, name: str) -> bool:
    try:
        return hasattr(cell, name)
    except NotImplementedError:  # a property of the base class that the cell did not define
        return False
