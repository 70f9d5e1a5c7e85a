"""Cells whose units do not see each other's state: IndRNN, and an LSTM and a GRU in its manner."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.cells import UnitsCell, known_depth
from tf1rnn.lstm import LSTMStateTuple
from tf1rnn.options import Activation
from tf1rnn.types import Dimension, DType, Initializer, Nest, Reuse, Scope, Shape, Sizes, Tensor


class _IndependentCell(UnitsCell):
    """What these cells share: products of the inputs alone, and the state times a vector."""

    def _add_recurrent(self, name: str, shape: Shape) -> tf.Variable:
        """The weights of the state, uniform within ±1 at the start."""
        return self.add_variable(name, shape, initializer=tf.random_uniform_initializer(-1, 1))

    def _summed(self, inputs: Tensor, state: Tensor, kernel: Any, recurrent: Any) -> Tensor:
        return tf.matmul(inputs, kernel) + state * recurrent


class IndRNNCell(_IndependentCell):
    """The independently recurrent network: `output = state = activation(inputs W + u * state + b)`.

    Li et al. 2018 (arXiv 1803.04831). Variables: `kernel_w` `[depth, num_units]`, `kernel_u`
    `[1, num_units]` (uniform within ±1 at the start) and `bias` `[num_units]`.

    Args:
      num_units: size of the state and of the output.
      activation: a function of a tensor, or its name; `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      name: name of the cell's variable scope.
      dtype: dtype of the variables; by default that of the inputs.
      trainable: as in `RNNCell`.
    """

    def __init__(
        self,
        num_units: Dimension,
        activation: Activation | str | None = None,
        reuse: Reuse = None,
        name: str | None = None,
        dtype: DType | None = None,
        *,
        trainable: bool = True,
        _scope: Scope = None,
    ) -> None:
        super().__init__(
            num_units, activation, reuse, name, dtype, trainable=trainable, _scope=_scope
        )

    def build(self, inputs_shape: Shape) -> None:
        """Makes both kernels and the bias."""
        units = self._num_units
        self._kernel_w = self._add_kernel("kernel_w", [known_depth(inputs_shape), units])
        self._kernel_u = self._add_recurrent("kernel_u", [1, units])
        self._bias = self._add_bias("bias", units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state, the same tensor."""
        summed = self._summed(inputs, state, self._kernel_w, self._kernel_u)
        output = self._activation(tf.nn.bias_add(summed, self._bias))
        return output, output


class IndyGRUCell(_IndependentCell):
    """A GRU whose units do not see each other's state: `GRUCell` with vectors for the state.

    Cho et al. 2014 (arXiv 1406.1078), Li et al. 2018 (arXiv 1803.04831):

        r, u = sigmoid(inputs W + u_gates * [state, state] + b)
        candidate = activation(inputs V + u_candidate * r * state + b_candidate)
        output = state = u * state + (1 - u) * candidate

    Variables: `gates/kernel_w` `[depth, 2 * num_units]`, `gates/kernel_u` `[1, 2 * num_units]`,
    `gates/bias` (ones at the start), `candidate/kernel` `[depth, num_units]`,
    `candidate/kernel_u` `[1, num_units]`, `candidate/bias`.

    Args:
      num_units: size of the state and of the output.
      activation: a function of a tensor, or its name; `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      kernel_initializer: of the kernels of the inputs; those of the state are uniform within ±1.
      bias_initializer: initializer of both biases, in place of ones and zeros.
      name: name of the cell's variable scope.
      dtype: dtype of the variables; by default that of the inputs.
      trainable: as in `RNNCell`.
    """

    def __init__(
        self,
        num_units: Dimension,
        activation: Activation | str | None = None,
        reuse: Reuse = None,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        name: str | None = None,
        dtype: DType | None = None,
        *,
        trainable: bool = True,
        _scope: Scope = None,
    ) -> None:
        super().__init__(
            num_units,
            activation,
            reuse,
            name,
            dtype,
            trainable=trainable,
            _scope=_scope,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
        )

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernels and biases of the gates and of the candidate."""
        units, depth = self._num_units, known_depth(inputs_shape)
        self._gate_kernel_w = self._add_kernel("gates/kernel_w", [depth, 2 * units])
        self._gate_kernel_u = self._add_recurrent("gates/kernel_u", [1, 2 * units])
        self._gate_bias = self._add_bias("gates/bias", 2 * units, tf.ones_initializer())
        self._candidate_kernel_w = self._add_kernel("candidate/kernel", [depth, units])
        self._candidate_kernel_u = self._add_recurrent("candidate/kernel_u", [1, units])
        self._candidate_bias = self._add_bias("candidate/bias", units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state, the same tensor."""
        states = tf.tile(state, [1, 2])
        summed = self._summed(inputs, states, self._gate_kernel_w, self._gate_kernel_u)
        r, u = tf.split(tf.sigmoid(tf.nn.bias_add(summed, self._gate_bias)), 2, axis=1)
        states = r * state
        summed = self._summed(inputs, states, self._candidate_kernel_w, self._candidate_kernel_u)
        candidate = self._activation(tf.nn.bias_add(summed, self._candidate_bias))
        output = u * state + (1 - u) * candidate
        return output, output


class IndyLSTMCell(_IndependentCell):
    """An LSTM whose units do not see each other's output: `BasicLSTMCell` with a vector for h.

    Gonnet and Deselaers 2019 (arXiv 1903.08023):

        i, j, f, o = inputs W + u * [h, h, h, h] + b
        c' = sigmoid(f + forget_bias) * c + sigmoid(i) * activation(j)
        h' = sigmoid(o) * activation(c')

    Variables: `kernel_w` `[depth, 4 * num_units]`, `kernel_u` `[1, 4 * num_units]`, `bias`
    `[4 * num_units]`.

    Args:
      num_units: size of c and of h.
      forget_bias: is added to the forget gate.
      activation: a function of a tensor, or its name; `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      kernel_initializer: of the inputs' kernel; that of h is uniform within ±1.
      bias_initializer: initializer of the bias, zeros by default.
      name: name of the cell's variable scope.
      dtype: dtype of the variables; by default that of the inputs.
      trainable: as in `RNNCell`.
    """

    def __init__(
        self,
        num_units: Dimension,
        forget_bias: float = 1.0,
        activation: Activation | str | None = None,
        reuse: Reuse = None,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        name: str | None = None,
        dtype: DType | None = None,
        *,
        trainable: bool = True,
        _scope: Scope = None,
    ) -> None:
        super().__init__(
            num_units,
            activation,
            reuse,
            name,
            dtype,
            trainable=trainable,
            _scope=_scope,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
        )
        self._forget_bias = forget_bias

    @property
    def state_size(self) -> Sizes:
        """`LSTMStateTuple(num_units, num_units)`."""
        return LSTMStateTuple(self._num_units, self._num_units)

    def build(self, inputs_shape: Shape) -> None:
        """Makes both kernels and the bias."""
        width = 4 * self._num_units
        self._kernel_w = self._add_kernel("kernel_w", [known_depth(inputs_shape), width])
        self._kernel_u = self._add_recurrent("kernel_u", [1, width])
        self._bias = self._add_bias("bias", width)
        self.built = True

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state (c, h) -> h' and the next state."""
        c, h = state
        summed = self._summed(inputs, tf.tile(h, [1, 4]), self._kernel_w, self._kernel_u)
        i, j, f, o = tf.split(tf.nn.bias_add(summed, self._bias), 4, axis=1)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * self._activation(j)
        h = tf.sigmoid(o) * self._activation(c)
        return h, LSTMStateTuple(c, h)
