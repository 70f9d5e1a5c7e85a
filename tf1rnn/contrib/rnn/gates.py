"""Cells with gates of their own: UGRNN, Intersection RNN, NAS cell, SRU, MinimalRNN, CFN."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.cells import UnitsCell, known_depth
from tf1rnn.lstm import LSTMStateTuple
from tf1rnn.options import Activation, activation_function
from tf1rnn.types import Dimension, DType, Initializer, Nest, Reuse, Shape, Sizes, Tensor


class UGRNNCell(UnitsCell):
    """The update gate RNN, whose one gate chooses between the old state and a new one.

    Collins, Sohl-Dickstein and Sussillo 2016 (arXiv 1611.09913):

        g, c = [inputs, state] W + b
        output = state = sigmoid(g + forget_bias) * state + (1 - sigmoid(...)) * activation(c)

    Variables: `kernel` `[depth + num_units, 2 * num_units]` and `bias` `[2 * num_units]`.

    Args:
      num_units: size of the state and of the output.
      initializer: initializer of the kernel; by default that of the variable scope.
      forget_bias: is added to the gate.
      activation: a function of a tensor.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
    """

    def __init__(
        self,
        num_units: Dimension,
        initializer: Initializer | None = None,
        forget_bias: float = 1.0,
        activation: Activation | None = tf.tanh,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(num_units, activation, reuse, kernel_initializer=initializer)
        self._forget_bias = forget_bias

    def build(self, inputs_shape: Shape) -> None:
        """Makes `kernel` and `bias`."""
        units = self._num_units
        self._kernel = self._add_kernel("kernel", [known_depth(inputs_shape) + units, 2 * units])
        self._bias = self._add_bias("bias", 2 * units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state, the same tensor."""
        g, c = tf.split(self._affine(inputs, state, self._kernel, self._bias), 2, axis=1)
        g = tf.sigmoid(g + self._forget_bias)
        output = g * state + (1.0 - g) * self._activation(c)
        return output, output


class IntersectionRNNCell(UnitsCell):
    """The intersection RNN, with one gate through time and one through depth.

    Collins, Sohl-Dickstein and Sussillo 2016 (arXiv 1611.09913):

        gh, h, gy, y = [inputs, state] W + b
        state = sigmoid(gh + forget_bias) * state + (1 - sigmoid(...)) * tanh(h)
        output = sigmoid(gy + forget_bias) * inputs + (1 - sigmoid(...)) * y_activation(y)

    Variables: `kernel` `[2 * num_units, 4 * num_units]`, `bias` `[4 * num_units]`; for inputs of
    another size `in_projection/kernel` `[depth, num_units]` and `in_projection/bias`.

    Args:
      num_units: size of the state and of the output.
      num_in_proj: `num_units`, to project inputs of another size; None where they have it.
      initializer: initializer of the kernels; by default that of the variable scope.
      forget_bias: is added to both gates.
      y_activation: a function of a tensor, for what goes through depth.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.

    Raises:
      ValueError: when built, inputs of another size without `num_in_proj`.
    """

    def __init__(
        self,
        num_units: Dimension,
        num_in_proj: Dimension | None = None,
        initializer: Initializer | None = None,
        forget_bias: float = 1.0,
        y_activation: Activation = tf.nn.relu,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(num_units, reuse=reuse, kernel_initializer=initializer)
        self._num_input_proj = num_in_proj
        self._forget_bias = forget_bias
        self._y_activation = y_activation

    def build(self, inputs_shape: Shape) -> None:
        """Makes `kernel` and `bias`, and the projection's before them."""
        units, depth = self._num_units, known_depth(inputs_shape)
        self._projection: tuple[Any, Any] | None = None
        if depth != units:
            if not self._num_input_proj:
                raise ValueError(
                    "Must have input size == output size for Intersection RNN. "
                    "To fix, num_in_proj should be set to num_units at cell init."
                )
            self._projection = (
                self._add_kernel("in_projection/kernel", [depth, units]),
                self._add_bias("in_projection/bias", units),
            )
        self._kernel = self._add_kernel("kernel", [2 * units, 4 * units])
        self._bias = self._add_bias("bias", 4 * units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state."""
        if self._projection:
            kernel, bias = self._projection
            inputs = tf.nn.bias_add(tf.matmul(inputs, kernel), bias)
        gh, h, gy, y = tf.split(self._affine(inputs, state, self._kernel, self._bias), 4, axis=1)
        gh, gy = tf.sigmoid(gh + self._forget_bias), tf.sigmoid(gy + self._forget_bias)
        new_state = gh * state + (1.0 - gh) * tf.tanh(h)
        return gy * inputs + (1.0 - gy) * self._y_activation(y), new_state


class NASCell(UnitsCell):
    """The cell that neural architecture search found.

    Zoph and Le 2016 (arXiv 1611.01578): a tree of depth three over eight products of the inputs
    and eight of the state. Variables: `recurrent_kernel` `[output_size, 8 * num_units]`, `kernel`
    `[depth, 8 * num_units]`; `bias` `[8 * num_units]` where asked for; with a projection
    `projection_weights` `[num_units, num_proj]`.

    Args:
      num_units: size of c, and of the output where nothing is projected.
      num_proj: size of the output after a projection; None for no projection.
      use_bias: whether there is a bias. (`use_biases` before 1.13.)
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      trainable, name, dtype: as in `RNNCell`.
    """

    def __init__(
        self,
        num_units: Dimension,
        num_proj: Dimension | None = None,
        use_bias: bool = False,
        reuse: Reuse = None,
        *,
        use_biases: bool = False,
        **layer_options: Any,
    ) -> None:
        super().__init__(num_units, reuse=reuse, use_bias=use_bias or use_biases, **layer_options)
        self._num_proj = num_proj

    @property
    def state_size(self) -> Sizes:
        """`LSTMStateTuple(num_units, output_size)`."""
        return LSTMStateTuple(self._num_units, self.output_size)

    @property
    def output_size(self) -> int:
        """`num_proj`, or `num_units` without a projection."""
        return self._num_units if self._num_proj is None else self._num_proj

    def build(self, inputs_shape: Shape) -> None:
        """Makes both kernels, the bias and the projection."""
        width = 8 * self._num_units
        self.recurrent_kernel = self._add_kernel("recurrent_kernel", [self.output_size, width])
        self.kernel = self._add_kernel("kernel", [known_depth(inputs_shape), width])
        self.bias = self._add_bias("bias", width)
        if self._num_proj is not None:
            self.projection_weights = self._add_kernel(
                "projection_weights", [self._num_units, self._num_proj]
            )
        self.built = True

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state (c, h) -> h' and the next state."""
        c, h = state
        recurrent = tf.matmul(h, self.recurrent_kernel)
        if self.bias is not None:
            recurrent = tf.nn.bias_add(recurrent, self.bias)
        xs = tf.split(tf.matmul(inputs, self.kernel), 8, axis=1)
        hs = tf.split(recurrent, 8, axis=1)
        joined = [x * h if n == 3 else x + h for n, (x, h) in enumerate(zip(xs, hs, strict=True))]
        sigmoid, relu, tanh = tf.sigmoid, tf.nn.relu, tf.tanh
        functions = (sigmoid, relu, sigmoid, relu, tanh, sigmoid, tanh, sigmoid)
        leaves = [f(x) for f, x in zip(functions, joined, strict=True)]
        new_c = tanh(tanh(leaves[0] * leaves[1]) + c) * tanh(leaves[2] + leaves[3])
        new_h = tanh(new_c * tanh(tanh(leaves[4] * leaves[5]) + sigmoid(leaves[6] + leaves[7])))
        if self._num_proj is not None:
            new_h = tf.matmul(new_h, self.projection_weights)
        return new_h, LSTMStateTuple(new_c, new_h)


class SRUCell(UnitsCell):
    """The simple recurrent unit, whose products know the inputs alone.

    Lei, Zhang and Artzi 2017 (arXiv 1709.02755):

        x, f, r, s = inputs W,  f, r = sigmoid([f, r] + b)
        state = f * state + (1 - f) * x
        output = r * activation(state) + (1 - r) * s

    Variables: `kernel` `[depth, 4 * num_units]` and `bias` `[2 * num_units]`.

    Args:
      num_units: size of the state and of the output.
      activation: a function of a tensor, `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      name: name of the cell's variable scope.
      trainable, dtype: as in `RNNCell`.
    """

    def __init__(
        self,
        num_units: Dimension,
        activation: Activation | None = None,
        reuse: Reuse = None,
        name: str | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, **layer_options)

    def build(self, inputs_shape: Shape) -> None:
        """Makes `kernel` and `bias`."""
        self._kernel = self._add_kernel("kernel", [known_depth(inputs_shape), 4 * self._num_units])
        self._bias = self._add_bias("bias", 2 * self._num_units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state."""
        x, f, r, skip = tf.split(tf.matmul(inputs, self._kernel), 4, axis=1)
        gates = tf.nn.bias_add(tf.concat([f, r], axis=1), self._bias)
        f, r = tf.split(tf.sigmoid(gates), 2, axis=1)
        c = f * state + (1.0 - f) * x
        return r * self._activation(c) + (1.0 - r) * skip, c


class _GatesCell(UnitsCell):
    """A cell whose arguments have Keras' names, and Keras' defaults.

    Args:
      units: size of the state and of the output.
      activation: a function of a tensor, or its name.
      kernel_initializer, bias_initializer: initializers, or their names in `tf.initializers`.
      name: name of the cell's variable scope.
      dtype: dtype of the variables; by default that of the inputs.
      reuse, trainable: as in `RNNCell`.
    """

    def __init__(
        self,
        units: Dimension,
        activation: Activation | str = "tanh",
        kernel_initializer: Initializer | str = "glorot_uniform",
        bias_initializer: Initializer | str = "ones",
        name: str | None = None,
        dtype: DType | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(
            units,
            activation_function(activation),
            name=name,
            dtype=dtype,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            **layer_options,
        )

    @property
    def units(self) -> int:
        """Size of the state and of the output."""
        return self._num_units


class MinimalRNNCell(_GatesCell):
    """The minimal RNN, which maps its inputs into the space of the state and gates the two.

    Chen 2017 (arXiv 1711.06788), Chen, Pennington and Schoenholz 2018 (arXiv 1806.05394):

        z = activation(inputs W)
        u = sigmoid([z, state] U + b)
        output = state = u * state + (1 - u) * z

    Variables: `kernel` `[depth + 2 * units, units]` (W above U) and `bias` `[units]`.

    Args:
      units: size of the state and of the output.
      activation: a function of a tensor, or its name.
      kernel_initializer, bias_initializer: initializers, or their names in `tf.initializers`.
      name: name of the cell's variable scope.
      dtype: dtype of the variables; by default that of the inputs.
      reuse, trainable: as in `RNNCell`.
    """

    def build(self, inputs_shape: Shape) -> None:
        """Makes `kernel` and `bias`."""
        units = self._num_units
        self._depth = known_depth(inputs_shape)
        self.kernel = self._add_kernel("kernel", [self._depth + 2 * units, units])
        self.bias = self._add_bias("bias", units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, units]` -> output and state, the same tensor."""
        w, gates = tf.split(self.kernel, [self._depth, 2 * self._num_units], axis=0)
        z = self._activation(tf.matmul(inputs, w))
        u = tf.sigmoid(self._affine(z, state, gates, self.bias))
        output = u * state + (1.0 - u) * z
        return output, output


class CFNCell(_GatesCell):
    """The chaos free network, with a forget gate and an input gate that are not coupled.

    Laurent and von Brecht 2016 (arXiv 1612.06212), but for the input gate, which is closed where
    theirs is open, so that biases of 1 close it at the start:

        θ, η = sigmoid(inputs V + state U + b)
        output = state = θ * activation(state) + (1 - η) * activation(inputs W)

    Variables: `kernel` `[depth, 3 * units]` (V beside W), `recurrent_kernel` `[units, 2 * units]`
    (U), `bias` `[2 * units]`.

    Args:
      units: size of the state and of the output.
      activation: a function of a tensor, or its name.
      kernel_initializer, bias_initializer: initializers, or their names in `tf.initializers`.
      name: name of the cell's variable scope.
      dtype: dtype of the variables; by default that of the inputs.
      reuse, trainable: as in `RNNCell`.
    """

    def build(self, inputs_shape: Shape) -> None:
        """Makes both kernels and the bias."""
        units = self._num_units
        self.kernel = self._add_kernel("kernel", [known_depth(inputs_shape), 3 * units])
        self.recurrent_kernel = self._add_kernel("recurrent_kernel", [units, 2 * units])
        self.bias = self._add_bias("bias", 2 * units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, units]` -> output and state, the same tensor."""
        units = self._num_units
        seen, candidate = tf.split(tf.matmul(inputs, self.kernel), [2 * units, units], axis=1)
        gates = tf.nn.bias_add(tf.matmul(state, self.recurrent_kernel) + seen, self.bias)
        theta, eta = tf.split(tf.sigmoid(gates), 2, axis=1)
        output = theta * self._activation(state) + (1.0 - eta) * self._activation(candidate)
        return output, output
