"""Cells that compute what a layer of cuDNN's networks computes, and take its weights."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.cells import GRUCell, known_depth
from tf1rnn.lstm import BasicLSTMCell
from tf1rnn.types import Dimension, Initializer, Reuse, Shape, Tensor


class CudnnCompatibleLSTMCell(BasicLSTMCell):
    """The LSTM of cuDNN: `BasicLSTMCell` without a forget bias.

    Its variables are those that `CudnnLSTM` saves: `kernel` `[depth + num_units, 4 * num_units]`
    and `bias` `[4 * num_units]`, in the scope `cudnn_compatible_lstm_cell`.

    Args:
      num_units: size of c and of h.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
    """

    def __init__(self, num_units: Dimension, reuse: Reuse = None) -> None:
        super().__init__(num_units, forget_bias=0.0, reuse=reuse)


class CudnnCompatibleGRUCell(GRUCell):
    """The GRU of cuDNN, whose reset gate acts on the state after its product.

    Cho et al. 2014 as first put out (arXiv 1406.1078v1):

        r, u = sigmoid([inputs, state] W_gates + b_gates)
        candidate = tanh(inputs W_c + b_c + r * (state R_c + b_rc))
        output = state = (1 - u) * candidate + u * state

    Its variables are those that `CudnnGRU` saves, in the scope `cudnn_compatible_gru_cell`:
    `gates/kernel` `[depth + num_units, 2 * num_units]`, `gates/bias` (ones at the start);
    `candidate/input_projection/kernel` `[depth, num_units]` and `bias`,
    `candidate/hidden_projection/kernel` `[num_units, num_units]` and `bias`.

    Args:
      num_units: size of the state and of the output.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      kernel_initializer: initializer of the kernels; by default that of the variable scope.
    """

    def __init__(
        self,
        num_units: Dimension,
        reuse: Reuse = None,
        kernel_initializer: Initializer | None = None,
    ) -> None:
        super().__init__(num_units, reuse=reuse, kernel_initializer=kernel_initializer)

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernels and biases."""
        depth, units = known_depth(inputs_shape), self._num_units
        self._gates = (
            self._add_kernel("gates/kernel", [depth + units, 2 * units]),
            self._add_bias("gates/bias", 2 * units, tf.ones_initializer()),
        )
        kernels = [
            self._add_kernel("candidate/input_projection/kernel", [depth, units]),
            self._add_kernel("candidate/hidden_projection/kernel", [units, units]),
        ]
        biases = [
            self._add_bias("candidate/input_projection/bias", units),
            self._add_bias("candidate/hidden_projection/bias", units),
        ]
        self._of_inputs, self._of_state = zip(kernels, biases, strict=True)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state, the same tensor."""
        r, u = tf.split(tf.sigmoid(self._affine(inputs, state, *self._gates)), 2, axis=1)
        candidate = tf.tanh(
            tf.nn.xw_plus_b(inputs, *self._of_inputs) + r * tf.nn.xw_plus_b(state, *self._of_state)
        )
        output = (1 - u) * candidate + u * state
        return output, output

    def sequence(self, *_: Tensor) -> None:
        """None: the fast GRU has its reset gate before the product."""
