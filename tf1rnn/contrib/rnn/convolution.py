"""Convolutional LSTMs: state, inputs and outputs are sequences, pictures or volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.lstm import LSTMStateTuple
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Initializer, Nest, Scope, Shape, Sizes, Tensor

_CONVOLUTIONS = {1: tf.nn.conv1d, 2: tf.nn.conv2d, 3: tf.nn.conv3d}


class ConvLSTMCell(RNNCell):
    """The LSTM with a convolution in place of the matrix product.

    Shi et al. 2015 (arXiv 1506.04214), without peepholes:

        i, j, f, o = [inputs, h] * W + b, padded to the inputs' shape
        c' = sigmoid(f + forget_bias) * c + sigmoid(i) * tanh(j)
        h' = sigmoid(o) * tanh(c')

    Variables: `kernel` `[*kernel_shape, channels + output_channels, 4 * output_channels]` and
    `biases` `[4 * output_channels]`.

    Args:
      conv_ndims: 1, 2 or 3, the number of axes that the convolution walks.
      input_shape: shape of the inputs without the batch, the channels last.
      output_channels: channels of c and of h.
      kernel_shape: sizes of the kernel, one for each axis that it walks.
      use_bias: whether there is a bias.
      skip_connection: whether the output is h' with the inputs beside it. (The state is h' alone.)
      forget_bias: is added to the forget gate.
      initializers: not used.
      name: name of the cell's variable scope.

    Raises:
      ValueError: `input_shape` has not `conv_ndims + 1` axes.
    """

    def __init__(
        self,
        conv_ndims: int,
        input_shape: Sequence[int],
        output_channels: int,
        kernel_shape: Sequence[int],
        use_bias: bool = True,
        skip_connection: bool = False,
        forget_bias: float = 1.0,
        initializers: Initializer | None = None,
        name: str = "conv_lstm_cell",
    ) -> None:
        super().__init__(name=name)
        input_shape = tf.TensorShape(input_shape).as_list()
        if conv_ndims != len(input_shape) - 1:
            raise ValueError(f"Invalid input_shape {input_shape} for conv_ndims={conv_ndims}.")
        self._conv_ndims = conv_ndims
        self._input_shape = input_shape
        self._output_channels = output_channels
        self._kernel_shape = list(kernel_shape)
        self._use_bias = use_bias
        self._skip_connection = skip_connection
        self._forget_bias = forget_bias
        # By these names for a subclass with a `call` of its own.
        skipped = input_shape[-1] if skip_connection else 0
        self._total_output_channels = output_channels + skipped
        shape = tf.TensorShape([*input_shape[:-1], output_channels])
        self._state_size = LSTMStateTuple(shape, shape)
        self._output_size = tf.TensorShape([*input_shape[:-1], self._total_output_channels])

    @property
    def state_size(self) -> Sizes:
        """`LSTMStateTuple` of two `[*input_shape without channels, output_channels]`."""
        return self._state_size

    @property
    def output_size(self) -> Sizes:
        """The shape of h, with the channels of the inputs beside it where they are skipped to."""
        return self._output_size

    def build(self, inputs_shape: Shape) -> None:
        """Makes `kernel` and `biases`."""
        channels = tf.TensorShape(inputs_shape).as_list()[-1] + self._output_channels
        width = 4 * self._output_channels
        self._kernel = self.add_variable("kernel", [*self._kernel_shape, channels, width])
        self._bias: Any = None
        if self._use_bias:
            self._bias = self.add_variable("biases", [width], initializer=tf.zeros_initializer())
        self.built = True

    def call(self, inputs: Tensor, state: Nest, scope: Scope = None) -> tuple[Tensor, Nest]:
        """`[batch_size, *input_shape]` and the state -> the output and the next state.

        Raises:
          ValueError: inputs of another number of axes.
        """
        c, h = state
        if inputs.shape.rank != self._conv_ndims + 2:
            raise ValueError(
                f"a {self._conv_ndims}D convolution needs inputs with {self._conv_ndims + 2} "
                f"axes, not {inputs.shape}"
            )
        convolution = _CONVOLUTIONS[self._conv_ndims]
        strides = 1 if self._conv_ndims == 1 else [1] * (self._conv_ndims + 2)
        gates = convolution(tf.concat([inputs, h], -1), self._kernel, strides, padding="SAME")
        if self._use_bias:
            gates += self._bias
        i, j, f, o = tf.split(gates, 4, axis=-1)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * tf.tanh(c)
        output = tf.concat([h, inputs], -1) if self._skip_connection else h
        return output, LSTMStateTuple(c, h)


class Conv1DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` over one axis: inputs `[batch_size, length, channels]`.

    Args:
      name, **arguments: as in `ConvLSTMCell`.
    """

    def __init__(self, name: str = "conv_1d_lstm_cell", **arguments: Any) -> None:
        super().__init__(conv_ndims=1, name=name, **arguments)


class Conv2DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` over two axes: inputs `[batch_size, height, width, channels]`.

    Args:
      name, **arguments: as in `ConvLSTMCell`.
    """

    def __init__(self, name: str = "conv_2d_lstm_cell", **arguments: Any) -> None:
        super().__init__(conv_ndims=2, name=name, **arguments)


class Conv3DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` over three axes: inputs `[batch_size, depth, height, width, channels]`.

    Args:
      name, **arguments: as in `ConvLSTMCell`.
    """

    def __init__(self, name: str = "conv_3d_lstm_cell", **arguments: Any) -> None:
        super().__init__(conv_ndims=3, name=name, **arguments)
