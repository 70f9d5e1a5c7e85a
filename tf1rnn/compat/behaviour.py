"""The global switches of TensorFlow that its version 1 had otherwise: set, and put back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow
import tensorflow.compat.v1 as tf
from tensorflow.python.data.ops.dataset_ops import DatasetV2

_undo: list[Callable[[], None]] = []  # what `switch_back` has to do; empty while nothing is on


def switch_on() -> None:
    """Graph mode, ref variables and all else of `tf.disable_v2_behavior()`, unless it is on.

    Data sets, too, give an element when it is asked for; today's work on the next one meanwhile.
    And a dimension may be a whole float, such as the `size / 2` of Python 2; a shape and a tensor
    are added as tensors.

    Raises:
      ValueError: a TensorFlow that computes eagerly has started and cannot be stopped.
    """
    if _undo:
        return
    was_version_2 = tensorflow.__internal__.tf2.enabled()
    was = [enabled() for enabled, _, _ in _SWITCHES]
    with _quiet():  # each switch warns that it will not be there for ever
        tf.disable_v2_behavior()
    DatasetV2._apply_debug_options = _one_at_a_time
    tf.Dimension.__init__ = _init_of_whole
    tf.TensorShape.__add__ = _added

    def put_back() -> None:
        if was[0]:  # eager execution, which needs an empty default graph
            tf.reset_default_graph()
        if was_version_2:
            tf.enable_v2_behavior()
        for on, (_, enable, disable) in zip(was, _SWITCHES, strict=True):
            enable() if on else disable()
        DatasetV2._apply_debug_options = _as_it_is
        tf.Dimension.__init__ = _init
        tf.TensorShape.__add__ = _joined

    _undo.append(put_back)


def switch_back() -> None:
    """What `switch_on` found; where that is eager execution, the default graph is emptied.

    Raises:
      AssertionError: called inside of `with graph.as_default()`.
    """
    if _undo:
        with _quiet():
            _undo[-1]()
        _undo.clear()


def _has_plain_dimensions() -> bool:
    return isinstance(tf.TensorShape([1])[0], int)


def _compares_by_value() -> bool:
    return tf.Tensor._USE_EQUALITY


# Is it on, put it on, put it off: the switches behind `disable_v2_behavior`.
_SWITCHES: tuple[tuple[Callable[[], bool], Callable[[], None], Callable[[], None]], ...] = (
    (
        tf.executing_eagerly_outside_functions,
        tf.enable_eager_execution,
        tf.disable_eager_execution,
    ),
    (_has_plain_dimensions, tf.enable_v2_tensorshape, tf.disable_v2_tensorshape),
    (
        tf.resource_variables_enabled,
        tf.enable_resource_variables,
        tf.disable_resource_variables,
    ),
    (_compares_by_value, tf.enable_tensor_equality, tf.disable_tensor_equality),
    (tf.control_flow_v2_enabled, tf.enable_control_flow_v2, tf.disable_control_flow_v2),
)


_as_it_is = DatasetV2._apply_debug_options  # what every iterator is made of


def _one_at_a_time(dataset: DatasetV2) -> DatasetV2:
    """What an iterator is made of, unless the program has chosen: nothing is read ahead of it.

    A generator that goes on from the model's last answer would be a step behind else.
    """
    chosen = dataset._options_attr  # options() warns that they may be unknown in graph mode
    if chosen.experimental_optimization.inject_prefetch is None:
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        dataset = dataset.with_options(options)
    return _as_it_is(dataset)


_init = tf.Dimension.__init__


def _init_of_whole(dimension: tf.Dimension, value: Any) -> None:
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    _init(dimension, int(value) if whole else value)


_joined = tf.TensorShape.__add__


def _added(shape: tf.TensorShape, other: Any) -> Any:
    return NotImplemented if tf.is_tensor(other) else _joined(shape, other)


class _quiet:
    """No warning of TensorFlow's inside."""

    def __enter__(self) -> None:
        self.level = tf.get_logger().level
        tf.get_logger().setLevel(logging.ERROR)

    def __exit__(self, *error: object) -> None:
        tf.get_logger().setLevel(self.level)
