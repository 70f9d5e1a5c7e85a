"""The phased LSTM, for events at times of their own."""

from __future__ import annotations

import math
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.lstm import LSTMStateTuple
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Dimension, DType, Nest, Reuse, Scope, Shape, Sizes, Tensor


class PhasedLSTMCell(RNNCell):
    """The LSTM with a gate that opens in a rhythm, which each unit learns.

    Neil, Pfeiffer and Liu 2016 (arXiv 1610.09513). Inputs are a pair: the time `[batch_size, 1]`,
    float32 or float64, and the features `[batch_size, depth]`.

        i, f = sigmoid([x, h, (c)] W_m + b_m)
        c~ = f * c + i * tanh([x, h] W_n + b_n)
        h~ = sigmoid([x, h, (c~)] W_o + b_o) * tanh(c~)
        φ = ((time - phase) mod period) / period
        k = 2 φ / r         in the first half of the open phase, φ < r / 2
            2 - 2 φ / r     in the second half, φ < r
            leak φ          while closed
        c' = k * c~ + (1 - k) * c,  h' = k * h~ + (1 - k) * h

    Variables: `kernel` and `bias` in `mask_gates`, `new_input` and `output_gate`; `period`, `phase`
    and `ratio_on` (r) `[num_units]`.

    Args:
      num_units: size of c and of h.
      use_peepholes: whether the gates see c.
      leak: what a closed gate lets through, within 0 and 1.
      ratio_on: the start of r, the part of the period in which the gate is open.
      trainable_ratio_on: whether r is trained.
      period_init_min, period_init_max: the periods start between the two, uniform in their
        logarithm; the phases between 0 and the period.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
    """

    def __init__(
        self,
        num_units: Dimension,
        use_peepholes: bool = False,
        leak: float | Tensor = 0.001,
        ratio_on: float = 0.1,
        trainable_ratio_on: bool = True,
        period_init_min: float = 1.0,
        period_init_max: float = 1000.0,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._leak = leak
        self._ratio_on = ratio_on
        self._trainable_ratio_on = trainable_ratio_on
        self._period_range = period_init_min, period_init_max

    @property
    def state_size(self) -> Sizes:
        """`LSTMStateTuple(num_units, num_units)`."""
        return LSTMStateTuple(self._num_units, self._num_units)

    @property
    def output_size(self) -> Dimension:
        """`num_units`."""
        return self._num_units

    def cell_scope(self, inputs: Nest, scope: Scope = None, *, are_steps: bool = False) -> Any:
        """Opens the variable scope; the variables have the dtype of the features."""
        self._dtype = self._dtype or inputs[1].dtype.base_dtype
        return super().cell_scope(inputs, scope, are_steps=are_steps)

    def build(self, inputs_shape: Nest) -> None:
        """Makes the kernels and biases, and the rhythm of each unit."""
        units = self._num_units
        depth = tf.TensorShape(inputs_shape[1]).as_list()[1]
        rows = depth + units
        gate_rows = rows + (units if self._use_peepholes else 0)
        self._maps = {
            "mask_gates": self._add_map("mask_gates", gate_rows, 2 * units),
            "new_input": self._add_map("new_input", rows, units),
            "output_gate": self._add_map("output_gate", gate_rows, units),
        }
        self._period = self.add_variable(
            "period", [units], initializer=log_uniform(*self._period_range)
        )
        self._phase = self.add_variable("phase", [units], initializer=_uniform_below(self._period))
        self._ratio = self.add_variable(
            "ratio_on",
            [units],
            initializer=tf.constant_initializer(self._ratio_on),
            trainable=self._trainable_ratio_on,
        )
        self.built = True

    def _add_map(self, scope: str, rows: int, columns: int) -> tuple[Any, Any]:
        zeros = tf.zeros_initializer()
        return (
            self.add_variable(f"{scope}/kernel", [rows, columns]),
            self.add_variable(f"{scope}/bias", [columns], initializer=zeros),
        )

    def _mapped(self, scope: str, args: list[Tensor]) -> Tensor:
        kernel, bias = self._maps[scope]
        return tf.nn.bias_add(tf.matmul(tf.concat(args, axis=1), kernel), bias)

    def call(self, inputs: Nest, state: Nest) -> tuple[Tensor, Nest]:
        """`(time, features)` and the state (c, h) -> h' and the next state."""
        time, x = inputs
        c, h = state
        seen = [x, h, c] if self._use_peepholes else [x, h]
        i, f = tf.split(tf.sigmoid(self._mapped("mask_gates", seen)), 2, axis=1)
        new_c = c * f + i * tf.tanh(self._mapped("new_input", [x, h]))
        seen = [x, h, new_c] if self._use_peepholes else [x, h]
        new_h = tf.tanh(new_c) * tf.sigmoid(self._mapped("output_gate", seen))
        k = self._openness(time, x.dtype)
        new_c = k * new_c + (1 - k) * c
        new_h = k * new_h + (1 - k) * h
        return new_h, LSTMStateTuple(new_c, new_h)

    def _openness(self, time: Tensor, dtype: DType) -> Tensor:
        """How far each unit's gate is open at the times `[batch_size, 1]`."""
        # In the dtype of the times, which may be large and far apart.
        period = tf.cast(self._period, time.dtype)
        shifted = time - tf.cast(self._phase, time.dtype)
        # The gradient of the remainder is that of what is divided.
        remainder = tf.stop_gradient(tf.math.floormod(shifted, period) - shifted) + shifted
        cycle = tf.cast(remainder / period, dtype)
        ratio = tf.cast(self._ratio, dtype)
        rising = 2 * cycle / ratio
        open_or_closed = tf.where_v2(cycle < ratio, 2 - rising, self._leak * cycle)
        return tf.where_v2(cycle < 0.5 * ratio, rising, open_or_closed)


def log_uniform(low: float, high: float, seed: int | None = None) -> Any:
    """An initializer whose logarithm is uniform."""
    uniform = tf.random_uniform_initializer(math.log(low), math.log(high), seed)
    return lambda shape, dtype, partition_info=None: tf.exp(uniform(shape, dtype))


def _uniform_below(period: Any) -> Any:
    """An initializer that is uniform between 0 and the start of the variable `period`."""

    def initializer(shape: Shape, dtype: DType, partition_info: Any = None) -> Tensor:
        return tf.random_uniform(shape, dtype=dtype) * period.initial_value

    return initializer
