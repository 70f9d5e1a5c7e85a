"""The contract of all cells: their base class, and the time step that they compute."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.nests import zeros
from tf1rnn.types import Dimension, DType, Initializer, Nest, Reuse, Scope, Shape, Sizes, Tensor

_current_time_step: ContextVar[int | Tensor | None] = ContextVar("time_step", default=None)


@contextlib.contextmanager
def time_step(step: int | Tensor) -> Iterator[None]:
    """Tells the cells called inside which time step they compute.

    The unrollers do this; a hand-written loop around a cell with dropout should, too.

    Args:
      step: the time step, an int or a scalar integer tensor, counted from 0.
    """
    token = _current_time_step.set(step)
    try:
        yield
    finally:
        _current_time_step.reset(token)


def current_time_step() -> int | Tensor | None:
    """The time step that the surrounding `time_step` names, or None outside of one."""
    return _current_time_step.get()


class RNNCell:
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
    """

    # Class attributes, so that a subclass works without calling this __init__.
    built = False
    _called = False
    _trainable = True
    _name: str | None = None
    _dtype: DType | None = None
    _reuse: Reuse = None
    _scope: Scope = None

    def __init__(
        self,
        trainable: bool = True,
        name: str | None = None,
        dtype: DType | None = None,
        _reuse: Reuse = None,
    ) -> None:
        self._trainable = trainable
        self._name = name
        self._dtype = None if dtype is None else tf.as_dtype(dtype)
        self._reuse = _reuse

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
          batch_size: an int or a scalar integer tensor.
          dtype: dtype of every tensor of the state.

        Returns:
          The nest of `state_size`, each size `n` replaced by a tensor `[batch_size, n]`.
        """
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            return zeros(batch_size, self.state_size, dtype)

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Nest, Nest]:
        """Computes one time step.

        Args:
          inputs: `[batch_size, depth]`.
          state: nest of `[batch_size, n]`, one tensor for each size in `state_size`.
          scope: name or scope of the variables, in place of the cell's name, when the variables
            are not made yet.

        Returns:
          `(output, next_state)`: `[batch_size, output_size]`, and a nest like `state`.

        Raises:
          ValueError: the inputs have no known last dimension or `state` has another structure.
        """
        with self.cell_scope(inputs, scope):
            result = self.call(inputs, state)
        self._called = True
        return result

    def call(self, inputs: Nest, state: Nest) -> tuple[Nest, Nest]:
        """Computes one time step inside the cell's scope, after `build`."""
        raise NotImplementedError(f"{type(self).__name__} must define call")

    def build(self, inputs_shape: Shape) -> None:
        """Makes the variables. Only `inputs_shape[-1]` counts, and must be known."""
        self.built = True

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

    @contextlib.contextmanager
    def cell_scope(self, inputs: Nest, scope: Scope = None) -> Iterator[None]:
        """Opens the cell's variable scope, with the variables made.

        `__call__` and every `sequence` work inside it, which gives both the same variables.

        Args:
          inputs: a tensor or nest of the inputs, for its dtype and the size of its last dimension.
          scope: as in `__call__`.
        """
        with self._variable_scope(scope):
            if not self.built:
                first = tf.nest.flatten(inputs)[0]
                if self._dtype is None:
                    self._dtype = first.dtype.base_dtype
                self.build(tf.nest.map_structure(lambda tensor: tensor.shape, inputs))
                self.built = True
            yield

    def add_variable(
        self, name: str, shape: Shape, initializer: Initializer | None = None
    ) -> tf.Variable:
        """Makes or reuses the variable `name` in the cell's variable scope."""
        with self._variable_scope(reuse=self.built):
            return tf.get_variable(
                name,
                shape,
                dtype=self._dtype or tf.float32,
                initializer=initializer,
                trainable=self._trainable,
                use_resource=True,
            )

    def _variable_scope(self, scope: Scope = None, reuse: bool = False) -> Any:
        """The variable scope that the first call found, opened anew."""
        if self._scope is None:
            name = self._name or _snake_case(type(self).__name__)
            # Without reuse the name is made unique: two cells beside each other stay apart.
            opened = (scope or name,) if self._reuse else (scope, name)
            with tf.variable_scope(*opened, auxiliary_name_scope=False) as captured:
                self._scope = captured
        return tf.variable_scope(self._scope, reuse=reuse or self._called or self._reuse or None)


def assert_like_rnncell(argument: str, cell: object) -> None:
    """Raises TypeError, with the argument's name, unless `cell` has all that a cell has."""
    missing = [name for name in ("state_size", "output_size", "zero_state") if not _has(cell, name)]
    if isinstance(cell, type):
        raise TypeError(f"{argument} must be an RNN cell, not the class {cell.__name__}")
    if missing or not callable(cell):
        lacks = ", ".join(missing) or "__call__"
        raise TypeError(f"{argument} must be an RNN cell, but {cell!r} lacks {lacks}")


def _has(cell: object, name: str) -> bool:
    try:
        return hasattr(cell, name)
    except NotImplementedError:  # a property of the base class that the cell did not define
        return False


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
