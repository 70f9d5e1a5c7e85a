"""The linear map under the names that it had inside of TensorFlow 1: `_Linear` and `_linear`."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.types import Initializer, Nest, Scope, Tensor

_WEIGHTS_VARIABLE_NAME = "kernel"
_BIAS_VARIABLE_NAME = "bias"


class _Linear:
    """`[args] W + b`, with the variables made once, in the variable scope of that moment.

    Variables: `kernel` `[sum of depths, output_size]` and `bias` `[output_size]`.

    Args:
      args: a tensor `[batch_size, depth]`, or a list of them, as it will be called with.
      output_size: the second dimension of the kernel.
      build_bias: whether a bias is added.
      bias_initializer: by default zeros.
      kernel_initializer: by default that of the variable scope.

    Raises:
      ValueError: no args, or one that is not `[batch_size, depth]` with a known depth.
    """

    def __init__(
        self,
        args: Nest,
        output_size: int,
        build_bias: bool,
        bias_initializer: Initializer | None = None,
        kernel_initializer: Initializer | None = None,
    ) -> None:
        tensors = _tensors(args)
        dtype = tensors[0].dtype
        rows = sum(map(_depth, tensors))
        self._weights = tf.get_variable(
            _WEIGHTS_VARIABLE_NAME,
            [rows, output_size],
            dtype=dtype,
            initializer=kernel_initializer,
        )
        self._biases = None
        if build_bias:
            with tf.variable_scope(tf.get_variable_scope()) as whole:
                whole.set_partitioner(None)  # a bias is too small to be cut
                self._biases = tf.get_variable(
                    _BIAS_VARIABLE_NAME,
                    [output_size],
                    dtype=dtype,
                    initializer=bias_initializer or tf.zeros_initializer(),
                )

    def __call__(self, args: Nest) -> Tensor:
        """`[batch_size, depth]`, or a list of them -> `[batch_size, output_size]`."""
        tensors = _tensors(args)
        joined = tensors[0] if len(tensors) == 1 else tf.concat(tensors, axis=1)
        product = tf.matmul(joined, self._weights)
        return product if self._biases is None else tf.nn.bias_add(product, self._biases)


def _linear(
    args: Nest,
    output_size: int,
    bias: bool,
    bias_initializer: Initializer | float | None = None,
    kernel_initializer: Initializer | Scope = None,
    bias_start: float | None = None,
    scope: Scope = None,
) -> Tensor:
    """`[args] W + b`, with variables made in the variable scope; see `_Linear`.

    The older order `(args, output_size, bias, bias_start, scope)` is told from the newer one by
    what stands there: a number is the start of the bias, a name or scope that of the variables.
    """
    if isinstance(bias_initializer, (int, float)):
        bias_start, bias_initializer = bias_initializer, None
    if isinstance(kernel_initializer, (str, tf.VariableScope)):
        scope, kernel_initializer = kernel_initializer, None
    if bias_start:
        bias_initializer = tf.constant_initializer(bias_start)
    with tf.variable_scope(tf.get_variable_scope() if scope is None else scope):
        return _Linear(args, output_size, bias, bias_initializer, kernel_initializer)(args)


def _tensors(args: Nest) -> list[Any]:
    """The args as a list. Raises ValueError where there are none."""
    tensors = list(args) if isinstance(args, (list, tuple)) else [args]
    if args is None or not tensors:
        raise ValueError("`args` must be specified")
    return tensors


def _depth(x: Tensor) -> int:
    if x.shape.rank != 2:
        raise ValueError(f"linear is expecting 2D arguments: {x.shape}")
    depth = x.shape.as_list()[1]
    if depth is None:
        raise ValueError(f"linear expects shape[1] to be provided for shape {x.shape}")
    return depth


Linear = _Linear  # the name of 1.4's tests and of `core_rnn_cell`
linear = _linear  # `tf.models.rnn.linear.linear` and `rnn_cell.linear` of 0.5 to 0.7
