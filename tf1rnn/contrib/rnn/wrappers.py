"""Wrappers: a highway around a cell, compilation of its step, and a cell around a function."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow
import tensorflow.compat.v1 as tf

from tf1rnn.faster import fast_sequence
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Cell, Nest, Scope, Tensor
from tf1rnn.wrappers import Wrapper


class HighwayWrapper(Wrapper):
    """Lets the inputs of a cell past it, as far as a gate of the inputs says.

    Srivastava, Greff and Schmidhuber 2015 (arXiv 1505.00387):

        carry = sigmoid(inputs W_c + b_c)
        outputs = carry * inputs + transform * cell's outputs

    transform is `1 - carry`, or `sigmoid(inputs W_t + b_t)`. Variables, in the scope in which the
    cell is called: `carry_w` `[depth, depth]`, `carry_b`; `transform_w`, `transform_b`.

    Args:
      cell: the cell; its outputs need the shapes of its inputs.
      couple_carry_transform_gates: whether transform is what carry leaves.
      carry_bias_init: the start of b_c, and minus it that of b_t.

    Raises:
      TypeError: `cell` is no cell.
      ValueError: when called, inputs and outputs that differ in shape.
    """

    def __init__(
        self, cell: Cell, couple_carry_transform_gates: bool = True, carry_bias_init: float = 1.0
    ) -> None:
        super().__init__(cell)
        self._couple_carry_transform_gates = couple_carry_transform_gates
        self._carry_bias_init = carry_bias_init

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Nest, Nest]:
        """Calls the wrapped cell and lets its inputs past it."""
        outputs, state = self.cell(inputs, state, scope=scope)
        tf.nest.assert_same_structure(inputs, outputs)
        return tf.nest.map_structure(self._highway, inputs, outputs), state

    def _highway(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        inputs.shape.assert_is_compatible_with(outputs.shape)
        carry = self._gate("carry", inputs, self._carry_bias_init)
        if self._couple_carry_transform_gates:
            transform = 1 - carry
        else:
            transform = self._gate("transform", inputs, -self._carry_bias_init)
        return inputs * carry + outputs * transform

    def _gate(self, name: str, inputs: Tensor, start: float) -> Tensor:
        depth = inputs.shape.as_list()[1]
        kernel = tf.get_variable(f"{name}_w", [depth, depth], dtype=inputs.dtype)
        bias = tf.get_variable(
            f"{name}_b", [depth], dtype=inputs.dtype, initializer=tf.constant_initializer(start)
        )
        return tf.sigmoid(tf.nn.xw_plus_b(inputs, kernel, bias))


class CompiledWrapper(Wrapper):
    """Has XLA compile the step of a cell, where this TensorFlow can.

    Args:
      cell: the cell.
      compile_stateful: whether variables and random numbers are compiled, too.

    Raises:
      TypeError: `cell` is no cell.
    """

    def __init__(self, cell: Cell, compile_stateful: bool = False) -> None:
        super().__init__(cell)
        self._compile_stateful = compile_stateful

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Nest, Nest]:
        """Calls the wrapped cell in a scope of XLA."""

        def compiles(node: tf.NodeDef) -> bool:
            known = tf.get_default_graph().op_def_for_type(node.op)
            return self._compile_stateful or not known.is_stateful

        with tensorflow.xla.experimental.jit_scope(compile_ops=compiles):
            return self.cell(inputs, state, scope=scope)

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The wrapped cell's faster way, which is not compiled."""
        return fast_sequence(self.cell, inputs, initial_state, sequence_length)


class _SlimRNNCell(RNNCell):
    """A cell from a function.

    Args:
      cell_fn: a partial of a function `(inputs, state, scope=None)` that answers with an output
        and the next state, `[batch_size, n]` each. Asked with None for inputs and state, it
        answers with tensors of these sizes.

    Raises:
      TypeError: `cell_fn` is no function.
      ValueError: an output or a state whose size is not known.
    """

    def __init__(self, cell_fn: functools.partial[Any]) -> None:
        super().__init__()
        if not callable(cell_fn):
            raise TypeError(f"cell_fn {cell_fn} needs to be callable")
        self._cell_fn = cell_fn
        self._cell_name = cell_fn.func.__name__
        self._output_size, self._state_size = map(self._size, cell_fn(None, None))

    def _size(self, made: Tensor) -> int:
        size = made.shape.with_rank(2).as_list()[1]
        if size is None:
            raise ValueError(f"{self._cell_name} makes a tensor of invalid shape {made.shape}")
        return size

    @property
    def state_size(self) -> int:
        """That of the function."""
        return self._state_size

    @property
    def output_size(self) -> int:
        """That of the function."""
        return self._output_size

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Any, Any]:
        """Calls the function, in a scope of its name by default."""
        return self._cell_fn(inputs, state, scope=scope or self._cell_name)
