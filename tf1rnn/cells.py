"""Recurrent cells: one step of a plain RNN, a GRU or an LSTM.

A cell is called with the inputs of one time step and the state before it, and answers with the
output and the state after it:

    output, next_state = cell(inputs, state)

Names of arguments, scopes and variables, and the order of the gates, are those of TensorFlow 1,
so its checkpoints fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn import kernels
from tf1rnn.base import RNNCell
from tf1rnn.products import times


class LSTMStateTuple(NamedTuple):
    """The state of an LSTM: cell state `c` and output `h`, or the sizes of the two."""

    c: Any
    h: Any

    @property
    def dtype(self) -> Any:
        """The dtype that `c` and `h` share. Raises TypeError when they differ."""
        if self.c.dtype != self.h.dtype:
            raise TypeError(f"c is {self.c.dtype} but h is {self.h.dtype}")
        return self.c.dtype


class _Cell(RNNCell):
    """What the cells below share: products, biases, and a state that is the output, too."""

    _num_units: int
    _use_bias: bool
    _matmul_dtype: Any

    @property
    def state_size(self) -> Any:
        """`num_units`."""
        return self._num_units

    @property
    def output_size(self) -> int:
        """`num_units`."""
        return self._num_units

    def _linear(self, inputs: Any, state: Any, kernel: Any, bias: Any) -> Any:
        product = self._product(tf.concat([inputs, state], axis=1), kernel)
        return product if bias is None else tf.nn.bias_add(product, bias)

    def _product(self, x: Any, kernel: Any) -> Any:
        """x · kernel, the operands in `matmul_dtype`."""
        return times(tf.cast(kernel, self._matmul_dtype or x.dtype))(x)

    def _add_bias(self, name: str, size: int, initializer: Any = None) -> Any:
        if not self._use_bias:
            return None
        return self.add_variable(name, [size], initializer or tf.zeros_initializer())


class BasicRNNCell(_Cell):
    """The plain recurrent cell: `output = state = activation(inputs W + state U + b)`.

    Elman 1990, "Finding structure in time". Variables: `kernel` `[depth + num_units, num_units]`
    (W above U) and `bias` `[num_units]`.

    Args:
      num_units: size of the state and of the output.
      activation: a function of a tensor, or its name in `tf.nn`; `tanh` by default.
      reuse, name, dtype: as in `RNNCell`.
      use_bias: False leaves the bias out.
      kernel_initializer: initializer of the kernel; by default that of the variable scope.
      bias_initializer: initializer of the bias, in place of zeros.
      fast: False has the unrollers compute step by step.
      matmul_dtype: dtype of the matrix products' operands, such as `tf.bfloat16`; None for that of
        the inputs, which weights, state and outputs have anyway.
    """

    def __init__(
        self,
        num_units: int,
        activation: Callable[[Any], Any] | str | None = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        fast: bool = True,
        matmul_dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, _reuse=reuse)
        self._num_units = num_units
        self._activation = _activation(activation)
        self._use_bias = use_bias
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer
        self._fast = fast
        self._matmul_dtype = matmul_dtype

    def build(self, inputs_shape: Any) -> None:
        """Makes `kernel` and `bias`."""
        units, depth = self._num_units, _depth(inputs_shape)
        self._kernel = self.add_variable("kernel", [depth + units, units], self._kernel_initializer)
        self._bias = self._add_bias("bias", units, self._bias_initializer)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state, the same tensor."""
        output = self._activation(self._linear(inputs, state, self._kernel, self._bias))
        return output, output

    def sequence(self, inputs: Any, initial_state: Any, sequence_length: Any = None) -> Any:
        """The whole sequence by `kernels.rnn_sequence`; None for another activation than tanh."""
        if not self._fast or self._activation is not tf.tanh:
            return None
        with self.cell_scope(inputs):
            return kernels.rnn_sequence(
                inputs, initial_state, self._kernel, self._bias, sequence_length, self._matmul_dtype
            )


class GRUCell(_Cell):
    """The gated recurrent unit, with a reset gate r and an update gate u.

    Cho et al. 2014 (arXiv 1406.1078): the reset gate acts on the state before its product.

        r, u = sigmoid([inputs, state] W_gates + b_gates)
        candidate = activation([inputs, r * state] W_candidate + b_candidate)
        output = state = u * state + (1 - u) * candidate

    Variables: `gates/kernel` `[depth + num_units, 2 * num_units]`, `gates/bias` (ones at the
    start), `candidate/kernel` `[depth + num_units, num_units]`, `candidate/bias` (zeros).

    Args:
      num_units, activation, reuse, name, dtype, use_bias, fast, matmul_dtype: as in `BasicRNNCell`.
      kernel_initializer: initializer of both kernels; by default that of the variable scope.
      bias_initializer: initializer of both biases, in place of ones and zeros.
    """

    def __init__(
        self,
        num_units: int,
        activation: Callable[[Any], Any] | str | None = None,
        reuse: Any = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
        *,
        use_bias: bool = True,
        fast: bool = True,
        matmul_dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, _reuse=reuse)
        self._num_units = num_units
        self._activation = _activation(activation)
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer
        self._use_bias = use_bias
        self._fast = fast
        self._matmul_dtype = matmul_dtype

    def build(self, inputs_shape: Any) -> None:
        """Makes the kernels and biases of the gates and of the candidate."""
        units, rows = self._num_units, _depth(inputs_shape) + self._num_units
        init, bias_init = self._kernel_initializer, self._bias_initializer
        self._gates = (
            self.add_variable("gates/kernel", [rows, 2 * units], init),
            self._add_bias("gates/bias", 2 * units, bias_init or tf.ones_initializer()),
        )
        self._candidate = (
            self.add_variable("candidate/kernel", [rows, units], init),
            self._add_bias("candidate/bias", units, bias_init),
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state, the same tensor."""
        r, u = tf.split(tf.sigmoid(self._linear(inputs, state, *self._gates)), 2, axis=1)
        candidate = self._activation(self._linear(inputs, r * state, *self._candidate))
        output = u * state + (1 - u) * candidate
        return output, output

    def sequence(self, inputs: Any, initial_state: Any, sequence_length: Any = None) -> Any:
        """The whole sequence by `kernels.gru_sequence`; None for another activation than tanh."""
        if not self._fast or self._activation is not tf.tanh:
            return None
        with self.cell_scope(inputs):
            weights = *self._gates, *self._candidate
            return kernels.gru_sequence(
                inputs, initial_state, *weights, sequence_length, self._matmul_dtype
            )


class LSTMCell(_Cell):
    """Long short-term memory, with optional peepholes, clipping and projection.

    Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000; peepholes w and projection P
    of Sak et al. 2014 (arXiv 1402.1128):

        i, j, f, o = [inputs, h] W + b
        c' = sigmoid(f + forget_bias + w_f * c) * c + sigmoid(i + w_i * c) * activation(j)
        h' = (sigmoid(o + w_o * c') * activation(c')) P

    The output is h'. Variables: `kernel` `[depth + output_size, 4 * num_units]`, `bias`
    `[4 * num_units]`; with peepholes `w_f_diag`, `w_i_diag`, `w_o_diag` `[num_units]`; with a
    projection `projection/kernel` `[num_units, num_proj]`.

    Args:
      num_units: size of c, and of h where nothing is projected.
      use_peepholes: whether the gates see c.
      cell_clip: c' is clipped to ±cell_clip.
      initializer: initializer of all weights but the bias; by default that of the variable scope.
      num_proj: size of h after the projection; None for no projection.
      proj_clip: the projected h' is clipped to ±proj_clip.
      forget_bias: is added to the forget gate; see Jozefowicz et al. 2015.
      state_is_tuple: False carries the state as one tensor `[c, h]`,
        `[batch_size, num_units + output_size]`, instead of an `LSTMStateTuple`.
      activation, reuse, name, dtype, use_bias, bias_initializer, fast, matmul_dtype: as in
        `BasicRNNCell`.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        *,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Callable[[Any], Any] | str | None = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = None,
        fast: bool = True,
        matmul_dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, _reuse=reuse)
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._initializer = initializer
        self._num_proj = num_proj
        self._proj_clip = proj_clip
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = _activation(activation)
        self._use_bias = use_bias
        self._bias_initializer = bias_initializer
        self._fast = fast
        self._matmul_dtype = matmul_dtype

    @property
    def state_size(self) -> Any:
        """`LSTMStateTuple(num_units, output_size)`, or the sum when the state is one tensor."""
        sizes = LSTMStateTuple(self._num_units, self.output_size)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> int:
        """`num_proj`, or `num_units` without a projection."""
        return self._num_proj or self._num_units

    def build(self, inputs_shape: Any) -> None:
        """Makes the kernel, the bias, and what peepholes and projection need."""
        units, init = self._num_units, self._initializer
        rows = _depth(inputs_shape) + self.output_size
        self._kernel = self.add_variable("kernel", [rows, 4 * units], init)
        self._bias = self._add_bias("bias", 4 * units, self._bias_initializer)
        if self._use_peepholes:
            self._w_f, self._w_i, self._w_o = (
                self.add_variable(f"w_{gate}_diag", [units], init) for gate in "fio"
            )
        if self._num_proj:
            shape = [units, self._num_proj]
            self._projection = self.add_variable("projection/kernel", shape, init)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """`[batch_size, depth]` and the state -> h' and the next state."""
        c, h = self._state_parts(state)
        gates = self._linear(inputs, h, self._kernel, self._bias)
        i, j, f, o = tf.split(gates, 4, axis=1)
        f += self._forget_bias
        if self._use_peepholes:
            f += self._w_f * c
            i += self._w_i * c
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * self._activation(j)
        c = _clip(c, self._cell_clip)
        if self._use_peepholes:
            o += self._w_o * c
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj:
            h = _clip(self._product(h, self._projection), self._proj_clip)
        return h, LSTMStateTuple(c, h) if self._state_is_tuple else tf.concat([c, h], axis=1)

    def sequence(self, inputs: Any, initial_state: Any, sequence_length: Any = None) -> Any:
        """The whole sequence by `kernels.lstm_sequence`.

        None with peepholes, a clip, a projection or another activation than tanh.
        """
        plain = not (self._use_peepholes or self._num_proj) and self._cell_clip is None
        if not (self._fast and plain and self._activation is tf.tanh):
            return None
        with self.cell_scope(inputs):
            c, h = self._state_parts(initial_state)
            weights = self._kernel, self._bias, self._forget_bias
            outputs, c, h = kernels.lstm_sequence(
                inputs, c, h, *weights, sequence_length, self._matmul_dtype
            )
        return outputs, LSTMStateTuple(c, h) if self._state_is_tuple else tf.concat([c, h], 1)

    def _state_parts(self, state: Any) -> tuple[Any, Any]:
        if not self._state_is_tuple:
            c, h = tf.split(state, [self._num_units, self.output_size], axis=1)
            return c, h
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            raise ValueError(f"an LSTM's state must be a pair (c, h), not {state}")
        return state[0], state[1]


class BasicLSTMCell(LSTMCell):
    """The LSTM without peepholes, clipping or projection; see `LSTMCell` for the formulas.

    Zaremba et al. 2014 (arXiv 1409.2329). Variables: `kernel` `[depth + num_units, 4 * num_units]`
    and `bias` `[4 * num_units]`, the gates in the order i, j, f, o.

    Args:
      num_units, forget_bias, state_is_tuple: as in `LSTMCell`.
      activation, reuse, name, dtype, use_bias, kernel_initializer, bias_initializer, fast,
        matmul_dtype: as in `BasicRNNCell`.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Callable[[Any], Any] | str | None = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        *,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        fast: bool = True,
        matmul_dtype: Any = None,
    ) -> None:
        super().__init__(
            num_units,
            initializer=kernel_initializer,
            forget_bias=forget_bias,
            state_is_tuple=state_is_tuple,
            activation=activation,
            reuse=reuse,
            name=name,
            dtype=dtype,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            fast=fast,
            matmul_dtype=matmul_dtype,
        )


def _clip(tensor: Any, limit: float | None) -> Any:
    return tensor if limit is None else tf.clip_by_value(tensor, -limit, limit)


def _activation(activation: Callable[[Any], Any] | str | None) -> Any:
    if activation is None or activation in ("tanh", tf.tanh, tf.nn.tanh):
        return tf.tanh  # one object, by which the fast kernels know it
    if callable(activation):
        return activation
    if not callable(getattr(tf.nn, activation, None)):
        raise ValueError(f"there is no activation tf.nn.{activation}")
    return getattr(tf.nn, activation)


def _depth(inputs_shape: Any) -> int:
    shape = tf.TensorShape(inputs_shape)
    depth = shape.as_list()[-1] if shape.rank else None
    if depth is None:
        raise ValueError(f"the last dimension of a cell's inputs must be known, not {shape}")
    return depth
