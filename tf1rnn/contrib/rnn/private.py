"""Private names of TensorFlow 1's modules of cells, which copies of its cells import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow
import tensorflow.compat.v1 as tf

from tf1rnn.contrib.rnn.normalized import layer_norm
from tf1rnn.contrib.rnn.phased import log_uniform
from tf1rnn.dropout_wrapper import all_but_c
from tf1rnn.lstm import LSTMStateTuple
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import DType, Nest, Scope, Shape, Tensor

_LSTMStateTuple = LSTMStateTuple
_default_dropout_state_filter_visitor = all_but_c


def _get_sharded_variable(name: str, shape: Shape, dtype: DType, num_shards: int) -> list[Any]:
    """Variables `name_0` and so on, which are rows of one matrix, as many as can be in each."""
    if num_shards > shape[0]:
        raise ValueError(f"Too many shards: shape={shape}, num_shards={num_shards}")
    rows, more = divmod(int(shape[0]), num_shards)
    return [
        tf.get_variable(f"{name}_{i}", [rows + (i < more), *shape[1:]], dtype=dtype)
        for i in range(num_shards)
    ]


def _get_concat_variable(name: str, shape: Shape, dtype: DType, num_shards: int) -> Tensor:
    """The matrix of `_get_sharded_variable`."""
    parts = _get_sharded_variable(name, shape, dtype, num_shards)
    return parts[0] if len(parts) == 1 else tf.concat(parts, 0, name=f"{name}/concat")


def _norm(g: float, b: float, inp: Tensor, scope: Scope) -> Tensor:
    """Layer normalization with variables `gamma` and `beta` that begin with g and b."""
    with tf.variable_scope(scope):
        size = inp.shape[-1:]
        gamma = tf.get_variable("gamma", size, initializer=tf.constant_initializer(g))
        beta = tf.get_variable("beta", size, initializer=tf.constant_initializer(b))
    return layer_norm(inp, gamma, beta)


def _conv(
    args: Nest, filter_size: list[int], num_features: int, bias: bool, bias_start: float = 0.0
) -> Tensor:
    """The convolution of tensors side by side, with variables `kernel` and `biases`.

    Args:
      args: a tensor `[batch_size, ..., channels]` of 3 to 5 axes, or a list of them.
      filter_size: the kernel's size along each axis that it walks.
      num_features: channels of the outputs.
      bias: whether one is added.
      bias_start: what it begins with.

    Raises:
      ValueError: another number of axes.
    """
    tensors = list(args) if isinstance(args, (list, tuple)) else [args]
    ranks = {x.shape.rank for x in tensors}
    if len(ranks) != 1 or not ranks <= {3, 4, 5}:
        raise ValueError(f"Conv Linear expects 3D, 4D or 5D arguments of one rank: {ranks}")
    x = tensors[0] if len(tensors) == 1 else tf.concat(tensors, -1)
    shape = [*filter_size, x.shape[-1], num_features]
    kernel = tf.get_variable("kernel", shape, dtype=x.dtype)
    outputs = tf.nn.convolution(x, kernel, padding="SAME")
    if not bias:
        return outputs
    start = tf.constant_initializer(bias_start, dtype=x.dtype)
    return outputs + tf.get_variable("biases", [num_features], x.dtype, initializer=start)


def _random_exp_initializer(
    minval: float, maxval: float, seed: int | None = None, dtype: DType = tf.float32
) -> Callable[..., Tensor]:
    """An initializer whose logarithms are uniform."""
    return log_uniform(minval, maxval, seed)


def _is_keras_rnn_cell(rnn_cell: Any) -> bool:
    """Whether a cell is one of Keras, whose state has no `zero_state`."""
    is_cell = isinstance(rnn_cell, RNNCell) or hasattr(rnn_cell, "zero_state")
    return not is_cell and isinstance(rnn_cell, tf.Module)


def _on_device(fn: Callable[[], Any], device: Any) -> Any:
    """What a function makes, on a device or, for None, where it would be made."""
    with tf.device(device):
        return fn()


def _enumerated_map_structure(map_fn: Callable[..., Any], *nests: Nest, **options: Any) -> Nest:
    """`tf.nest.map_structure` with the number of each part before it."""
    return tf.nest.map_structure(_numbered(map_fn), *nests, **options)


def _enumerated_map_structure_up_to(
    shallow_structure: Nest, map_fn: Callable[..., Any], *nests: Nest, **options: Any
) -> Nest:
    """The same of the parts that lie where those of a shallower nest do."""
    mapped = tensorflow.__internal__.nest.map_structure_up_to
    return mapped(shallow_structure, _numbered(map_fn), *nests, **options)


def _numbered(map_fn: Callable[..., Any]) -> Callable[..., Any]:
    numbers = iter(range(1 << 30))
    return lambda *parts: map_fn(next(numbers), *parts)
