"""The LSTM that walks along the frequencies of its inputs at every time step."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.cells import known_depth
from tf1rnn.contrib.rnn.coupled import add_parts, joined_parts
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Dimension, Initializer, Reuse, Shape, Sizes, Tensor


class TimeFreqLSTMCell(RNNCell):
    """One LSTM that is walked along windows of the inputs' frequencies, at every time step.

    Sainath and Li 2016, "Modeling time-frequency patterns with LSTM vs. convolutional architectures
    for LVCSR tasks". A window's gates see the window, its h of the time step before, and the h of
    the window before. The state is one tensor, c and h of each window side by side.

    Variables: `W_0` … `[feature_size + 2 * num_units, 4 * num_units]`, `B` `[4 * num_units]`, with
    peepholes `W_F_diag`, `W_I_diag`, `W_O_diag` `[num_units]`.

    Args:
      num_units: size of c and of h of a window.
      use_peepholes: whether the gates see c.
      cell_clip: c' is clipped to ±cell_clip.
      initializer: initializer of the kernel; by default that of the variable scope.
      num_unit_shards: in how many variables the kernel is kept.
      forget_bias: is added to the forget gate.
      feature_size: size of a window.
      frequency_skip: from one window to the next.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
    """

    def __init__(
        self,
        num_units: Dimension,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Initializer | None = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: Any = None,
        frequency_skip: int = 1,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._initializer = initializer
        self._num_unit_shards = num_unit_shards
        self._forget_bias = forget_bias
        self._feature_size = feature_size
        self._frequency_skip = frequency_skip

    @property
    def state_size(self) -> Sizes:
        """`2 * num_units`: that of one window, as in TensorFlow 1."""
        return 2 * self._num_units

    @property
    def output_size(self) -> Dimension:
        """`num_units`: that of one window, as in TensorFlow 1."""
        return self._num_units

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernel's parts, the bias and the peepholes."""
        units, start = self._num_units, self._initializer
        rows = self._feature_size + 2 * units
        self._parts = add_parts(self, "W", rows, 4 * units, self._num_unit_shards, start)
        self._bias = self.add_variable("B", [4 * units], initializer=tf.zeros_initializer())
        names = ("W_F_diag", "W_I_diag", "W_O_diag") if self._use_peepholes else ()
        self._peepholes = [self.add_variable(name, [units], initializer=start) for name in names]
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, windows * 2 * num_units]` -> output and state.

        The output `[batch_size, windows * num_units]` is the h of all windows.
        """
        windows = cut_windows(inputs, self._feature_size, self._frequency_skip)
        parts = tf.split(state, 2 * len(windows), axis=1)
        kernel = joined_parts(self._parts)
        w_f, w_i, w_o = self._peepholes or [0.0] * 3
        h_before = tf.zeros_like(parts[0])
        new_parts = []
        for window, c, h in zip(windows, parts[::2], parts[1::2], strict=True):
            seen = tf.concat([window, h, h_before], axis=1)
            i, j, f, o = tf.split(tf.nn.bias_add(tf.matmul(seen, kernel), self._bias), 4, axis=1)
            f = tf.sigmoid(f + self._forget_bias + w_f * c)
            c = clipped(f * c + tf.sigmoid(i + w_i * c) * tf.tanh(j), self._cell_clip)
            h_before = tf.sigmoid(o + w_o * c) * tf.tanh(c)
            new_parts += [c, h_before]
        return tf.concat(new_parts[1::2], axis=1), tf.concat(new_parts, axis=1)


def cut_windows(inputs: Tensor, size: Any, skip: Any) -> list[Tensor]:
    """The windows of `size` of `[batch_size, depth]`, each `skip` after the one before."""
    count = (known_depth(inputs.shape) - size) // skip + 1
    return [inputs[:, n * skip : n * skip + size] for n in range(count)]


def clipped(tensor: Tensor, limit: float | None) -> Tensor:
    """The tensor within ±limit."""
    return tensor if limit is None else tf.clip_by_value(tensor, -limit, limit)
