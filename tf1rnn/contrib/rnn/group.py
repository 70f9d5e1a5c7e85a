"""The LSTM in groups, each of which sees a part of the inputs and of the state."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.lstm import LSTMCell
from tf1rnn.options import Activation
from tf1rnn.types import Dimension, Initializer, Nest, Reuse, Shape, Tensor


class GLSTMCell(LSTMCell):
    """The group LSTM: the gates of each group from that group's part of inputs and h alone.

    Kuchaiev and Ginsburg 2017 (arXiv 1703.10722). With one group it is an `LSTMCell`. Variables:
    `group0/kernel`, `group1/kernel` … `[(depth + output_size) / groups, 4 * num_units / groups]`,
    `bias_i`, `bias_j`, `bias_f`, `bias_o` `[num_units]`; with a projection `projection/kernel`
    `[num_units, num_proj]`.

    Args:
      num_units: size of c, and of h where nothing is projected.
      initializer: initializer of the kernels; by default that of the variable scope.
      num_proj: size of h after the projection; None for no projection.
      number_of_groups: how many groups.
      forget_bias: is added to the forget gate.
      activation: a function of a tensor, for the output; the cell input is a `tanh`.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.

    Raises:
      ValueError: `num_units`, `num_proj` or, when built, the depth is no multiple of the groups,
        or the depth is not known.
    """

    def __init__(
        self,
        num_units: Dimension,
        initializer: Initializer | None = None,
        num_proj: Dimension | None = None,
        number_of_groups: int = 1,
        forget_bias: float = 1.0,
        activation: Activation | None = tf.tanh,
        reuse: Reuse = None,
    ) -> None:
        for name, size in (("num_units", num_units), ("num_proj", num_proj or 0)):
            if size % number_of_groups:
                raise ValueError(f"{name} must be divisible by number_of_groups")
        super().__init__(
            num_units,
            initializer=initializer,
            num_proj=num_proj,
            forget_bias=forget_bias,
            activation=activation,
            reuse=reuse,
        )
        self._number_of_groups = number_of_groups

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernel of each group, the biases and the projection."""
        depth = tf.TensorShape(inputs_shape).as_list()[-1]
        if depth is None:
            raise ValueError("input size must be statically known")
        if depth % self._number_of_groups:
            raise ValueError(
                f"input size ({depth}) must be divisible by "
                f"number_of_groups ({self._number_of_groups})"
            )
        shape = [
            (depth + self._h_size) // self._number_of_groups,
            4 * self._num_units // self._number_of_groups,
        ]
        self._kernels = [
            self._add_kernel(f"group{n}/kernel", shape) for n in range(self._number_of_groups)
        ]
        self._biases = [self._add_bias(f"bias_{gate}", self._num_units) for gate in "ijfo"]
        if self._num_proj:
            self._proj_kernel = self._add_kernel(
                "projection/kernel", [self._num_units, self._num_proj]
            )
        self.built = True

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> h' and the next state."""
        c, h = self._state_parts(state)
        i, j, f, o = self._gates(inputs, h)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj:
            h = self._times_kernel(h, self._proj_kernel)
        return h, self._state_of(c, h)

    def _gates(self, inputs: Tensor, h: Tensor) -> list[Tensor]:
        """i, j, f and o, each put together from what the groups give to it."""
        groups = zip(
            tf.split(inputs, self._number_of_groups, axis=1),
            tf.split(h, self._number_of_groups, axis=1),
            self._kernels,
            strict=True,
        )
        parts = [tf.split(self._affine(*group, bias=None), 4, axis=1) for group in groups]
        return [
            tf.nn.bias_add(tf.concat(gate, axis=1), bias)
            for gate, bias in zip(zip(*parts, strict=True), self._biases, strict=True)
        ]
