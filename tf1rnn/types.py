"""What the library's signatures speak of; to a type checker all of TensorFlow is `Any`."""

from __future__ import annotations

from typing import Any, TypeAlias

import tensorflow.compat.v1 as tf

Tensor: TypeAlias = tf.Tensor
DType: TypeAlias = tf.DType
Nest: TypeAlias = Any  # a tensor, or a tuple, list or dict of nests
Sizes: TypeAlias = Any  # an int, a `tf.TensorShape`, or a nest of them
Cell: TypeAlias = Any  # an `RNNCell`, or whatever has its sizes, zero_state and __call__
Dimension: TypeAlias = Any  # an int, or a scalar integer tensor where it is not known
Shape: TypeAlias = Any  # a `tf.TensorShape`, or a list of ints and None
Scope: TypeAlias = Any  # a variable scope, or its name
Reuse: TypeAlias = Any  # None, True or `tf.AUTO_REUSE`
Initializer: TypeAlias = Any  # of a variable: a function of shape and dtype
