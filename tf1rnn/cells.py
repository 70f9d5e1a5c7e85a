"""Recurrent cells: one step of a plain RNN or a GRU, and what they share with the LSTM.

A cell is called with the inputs of one time step and the state before it, and answers with the
output and the state after it:

    output, next_state = cell(inputs, state)

Names of arguments, scopes and variables, and the order of the gates, are those of TensorFlow 1,
so its checkpoints fit.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn import kernels
from tf1rnn.kernels.products import times
from tf1rnn.layer import dtype_name
from tf1rnn.options import (
    Activation,
    activation_config,
    activation_function,
    initializer_config,
    initializer_object,
)
from tf1rnn.rnn_cell import RNNCell, as_tensors
from tf1rnn.types import Dimension, DType, Initializer, Nest, Reuse, Scope, Shape, Sizes, Tensor


class LayerRNNCell(RNNCell):
    """A cell that makes its variables in `build`, as those of TensorFlow 1.15 do."""


class UnitsCell(LayerRNNCell):
    """A cell whose weights are kernels and biases, and whose output is its state, too.

    Args:
      num_units: size of the state and of the output.
      activation: a function of a tensor, or its name in Keras or `tf.nn`; `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      name: name of the cell's variable scope; by default the class name in snake case.
      dtype: dtype of the variables; by default that of the inputs.
      trainable: whether the variables are trained.
      use_bias: False leaves every bias out.
      kernel_initializer: initializer of the kernels; by default that of the variable scope.
      bias_initializer: initializer of the biases; each has its own by default.
      fast: False has the unrollers compute step by step.
      matmul_dtype: dtype of the matrix products' operands, such as `tf.bfloat16`; None for that of
        the inputs, which weights, state and outputs have anyway.

    Raises:
      ValueError: there is no activation or initializer of that name, or `dtype` is no floating
        point.
    """

    # Class attributes, so that a subclass works without calling this __init__.
    _use_bias = True
    _kernel_initializer: Initializer | None = None
    _bias_initializer: Initializer | None = None
    _fast = True
    _matmul_dtype: DType | None = None

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
        use_bias: bool = True,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        fast: bool = True,
        matmul_dtype: DType | None = None,
    ) -> None:
        super().__init__(trainable, name, dtype, _reuse=reuse, _scope=_scope)
        if dtype is not None:
            check_floating(self._dtype)
        self._num_units = size_of(num_units)
        self._activation = activation_function(activation)
        self._use_bias = use_bias
        self._kernel_initializer = initializer_object(kernel_initializer)
        self._bias_initializer = initializer_object(bias_initializer)
        self._fast = fast
        self._matmul_dtype = matmul_dtype

    def __call__(
        self, inputs: Tensor, state: Nest, scope: Scope = None, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Nest]:
        """Computes one time step; see `RNNCell`.

        Raises:
          ValueError: the inputs are not `[batch_size, depth]`, or no floating point numbers.
        """
        inputs, state = as_tensors(inputs), as_tensors(state)
        self._check_inputs(inputs)
        check_inputs_floating([inputs, state])
        return super().__call__(inputs, state, scope, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another cell like this one, for `from_config`."""
        return {
            **super().get_config(),
            "num_units": self._num_units,
            "activation": activation_config(self._activation),
            "reuse": self._reuse,
            "use_bias": self._use_bias,
            "kernel_initializer": initializer_config(self._kernel_initializer),
            "bias_initializer": initializer_config(self._bias_initializer),
            "fast": self._fast,
            "matmul_dtype": dtype_name(self._matmul_dtype),
        }

    def _check_inputs(self, inputs: Nest) -> None:
        if tf.nest.is_nested(inputs):
            raise ValueError(
                f"Layer {self.name} expects 1 input(s), a tensor [batch_size, depth], but it "
                f"received {len(tf.nest.flatten(inputs))} input tensors: {inputs}"
            )
        if inputs.shape.rank not in (None, 2):
            raise ValueError(
                f"Input 0 of layer {self.name} is incompatible with the layer: expected ndim=2, "
                f"found ndim={inputs.shape.rank}. Full shape received: {inputs.shape}, "
                "wanted: [batch_size, depth]"
            )

    @property
    def state_size(self) -> Sizes:
        """`num_units`."""
        return self._num_units

    @property
    def output_size(self) -> int:
        """`num_units`."""
        return self._num_units

    @property
    def _has_fast_kernel(self) -> bool:
        return self._fast and self._activation is tf.tanh

    def _add_kernel(self, name: str, shape: Shape, shards: int | None = None) -> tf.Variable:
        return self.add_variable(
            name,
            shape,
            initializer=self._kernel_initializer,
            partitioner=tf.fixed_size_partitioner(shards) if shards else None,
        )

    def _add_bias(
        self, name: str, size: int, default: Initializer | None = None
    ) -> tf.Variable | None:
        """The variable `[size]`, zeros by default; None for a cell without biases."""
        if not self._use_bias:
            return None
        initializer = self._bias_initializer or default or tf.zeros_initializer()
        return self.add_variable(name, [size], initializer=initializer)

    def _affine(self, inputs: Tensor, state: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """[inputs, state] · kernel + bias."""
        product = self._times_kernel(tf.concat([inputs, state], axis=1), kernel)
        return product if bias is None else tf.nn.bias_add(product, bias)

    def _times_kernel(self, x: Tensor, kernel: Tensor) -> Tensor:
        """x · kernel, the operands in `matmul_dtype`."""
        return times(x, tf.cast(kernel, self._matmul_dtype or x.dtype))


class BasicRNNCell(UnitsCell):
    """The plain recurrent cell: `output = state = activation(inputs W + state U + b)`.

    Elman 1990, "Finding structure in time". Variables: `kernel` `[depth + num_units, num_units]`
    (W above U) and `bias` `[num_units]`.

    Args:
      num_units: size of the state and of the output.
      activation: a function of a tensor, or its name in Keras or `tf.nn`; `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      name: name of the cell's variable scope, "basic_rnn_cell" by default.
      dtype: dtype of the variables; by default that of the inputs.
      trainable: whether the variables are trained.
      use_bias: False leaves the bias out.
      kernel_initializer: initializer of the kernel; by default that of the variable scope.
      bias_initializer: initializer of the bias, zeros by default.
      fast: False has the unrollers compute step by step.
      matmul_dtype: dtype of the matrix products' operands, such as `tf.bfloat16`; None for that of
        the inputs, which weights, state and outputs have anyway.

    Raises:
      ValueError: there is no activation or initializer of that name, or `dtype` is no floating
        point.
    """

    def build(self, inputs_shape: Shape) -> None:
        """Makes `kernel` and `bias`."""
        units = self._num_units
        self._kernel = self._add_kernel("kernel", [known_depth(inputs_shape) + units, units])
        self._bias = self._add_bias("bias", units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state, the same tensor."""
        output = self._activation(self._affine(inputs, state, self._kernel, self._bias))
        return output, output

    def sequence(
        self, inputs: Tensor, initial_state: Tensor, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Tensor] | None:
        """The whole sequence by `kernels.rnn_sequence`; None for another activation than tanh."""
        if not self._has_fast_kernel:
            return None
        with self.cell_scope(inputs, are_steps=True):
            return kernels.rnn_sequence(
                inputs, initial_state, self._kernel, self._bias, sequence_length, self._matmul_dtype
            )


class GRUCell(UnitsCell):
    """The gated recurrent unit, with a reset gate r and an update gate u.

    Cho et al. 2014 (arXiv 1406.1078): the reset gate acts on the state before its product.

        r, u = sigmoid([inputs, state] W_gates + b_gates)
        candidate = activation([inputs, r * state] W_candidate + b_candidate)
        output = state = u * state + (1 - u) * candidate

    Variables: `gates/kernel` `[depth + num_units, 2 * num_units]`, `gates/bias` (ones at the
    start), `candidate/kernel` `[depth + num_units, num_units]`, `candidate/bias` (zeros).

    Args:
      num_units: size of the state and of the output.
      activation: a function of a tensor, or its name in Keras or `tf.nn`; `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      kernel_initializer: initializer of both kernels; by default that of the variable scope.
      bias_initializer: initializer of both biases, in place of ones and zeros.
      name: name of the cell's variable scope, "gru_cell" by default.
      dtype: dtype of the variables; by default that of the inputs.
      trainable: whether the variables are trained.
      use_bias: False leaves both biases out.
      fast: False has the unrollers compute step by step.
      matmul_dtype: dtype of the matrix products' operands, such as `tf.bfloat16`; None for that of
        the inputs, which weights, state and outputs have anyway.

    Raises:
      ValueError: there is no activation or initializer of that name, or `dtype` is no floating
        point.
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
        use_bias: bool = True,
        fast: bool = True,
        matmul_dtype: DType | None = None,
    ) -> None:
        super().__init__(
            num_units,
            activation,
            reuse,
            name,
            dtype,
            trainable=trainable,
            _scope=_scope,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            fast=fast,
            matmul_dtype=matmul_dtype,
        )

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernels and biases of the gates and of the candidate."""
        units, rows = self._num_units, known_depth(inputs_shape) + self._num_units
        self._gate_kernel = self._add_kernel("gates/kernel", [rows, 2 * units])
        self._gate_bias = self._add_bias("gates/bias", 2 * units, tf.ones_initializer())
        self._candidate_kernel = self._add_kernel("candidate/kernel", [rows, units])
        self._candidate_bias = self._add_bias("candidate/bias", units)
        self.built = True

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[batch_size, depth]`, `[batch_size, num_units]` -> output and state, the same tensor."""
        gates = tf.sigmoid(self._affine(inputs, state, self._gate_kernel, self._gate_bias))
        r, u = tf.split(gates, 2, axis=1)
        candidate = self._affine(inputs, r * state, self._candidate_kernel, self._candidate_bias)
        candidate = self._activation(candidate)
        output = u * state + (1 - u) * candidate
        return output, output

    def sequence(
        self, inputs: Tensor, initial_state: Tensor, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Tensor] | None:
        """The whole sequence by `kernels.gru_sequence`; None for another activation than tanh."""
        if not self._has_fast_kernel:
            return None
        with self.cell_scope(inputs, are_steps=True):
            return kernels.gru_sequence(
                inputs,
                initial_state,
                self._gate_kernel,
                self._gate_bias,
                self._candidate_kernel,
                self._candidate_bias,
                sequence_length,
                self._matmul_dtype,
            )


def known_depth(inputs_shape: Shape) -> int:
    """The size of the last dimension; raises ValueError where it is not known."""
    shape = tf.TensorShape(inputs_shape)
    depth = shape.as_list()[-1] if shape.rank else None
    if depth is None:
        raise ValueError(f"Expected inputs.shape[-1] to be known, saw shape: {shape}")
    return depth


def size_of(units: Dimension) -> Any:
    """A number of units; under TensorFlow 1's behaviour a whole float is one, too.

    Raises:
      TypeError: `units` is no integer.
      ValueError: it is negative.
    """
    if isinstance(units, list | tuple):
        return units  # a subclass with a `build` of its own makes of it what it will
    size = tf.Dimension(units).value
    if size is None:
        raise TypeError("A number of units must be an integer, not None")
    return size


def check_inputs_floating(inputs: Nest) -> None:
    """Raises ValueError unless all tensors of a nest are floating point."""
    for tensor in tf.nest.flatten(inputs):
        check_floating(tensor.dtype)


def check_floating(dtype: DType) -> None:
    """Raises ValueError unless a dtype is one of floating point numbers."""
    if not (dtype.is_floating or dtype.is_complex):
        raise ValueError(f"RNN cell only supports floating point inputs, but saw dtype: {dtype}")
