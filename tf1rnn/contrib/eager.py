"""`tf.contrib.eager`: its names for what TensorFlow still computes at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow
import tensorflow.compat.v1 as tf
from tensorflow.python.eager import backprop

Checkpoint = tf.train.Checkpoint
GradientTape = tf.GradientTape
Variable = tensorflow.Variable
custom_gradient = tf.custom_gradient
executing_eagerly = in_eager_mode = tf.executing_eagerly
Iterator = iter
gradients_function = backprop.gradients_function
implicit_gradients = backprop.implicit_grad
implicit_value_and_gradients = backprop.implicit_val_and_grad
make_template = tf.make_template
py_func = tf.py_function
value_and_gradients_function = backprop.val_and_grad_function


def enable_eager_execution(
    config: Any = None, device_policy: Any = None, execution_mode: Any = None
) -> None:
    """Has TensorFlow compute at once; the default graph must be empty.

    Raises:
      ValueError: it has operations.
    """
    if not tf.executing_eagerly() and not tf.get_default_graph().get_operations():
        tf.reset_default_graph()  # one that was asked for is there, and counts as a start
    tf.enable_eager_execution(config, device_policy, execution_mode)


def defun(func: Callable[..., Any] | None = None, **options: Any) -> Any:
    """A function as a graph of its own, which is made when it is first called."""
    if func is None:
        return lambda function: defun(function, **options)
    return tensorflow.function(func, **options)


def num_gpus() -> int:
    """How many GPUs there are."""
    return len(tensorflow.config.list_physical_devices("GPU"))


def run(main: Callable[..., Any] | None = None, argv: list[str] | None = None) -> None:
    """Computes at once, and runs the program as `tf.app.run` does."""
    enable_eager_execution()
    tf.app.run(main, argv)


class Saver:
    """Writes and reads variables by their names, as `tf.train.Saver` does in a graph.

    Args:
      var_list: a list of variables, or a dict of them by the names that they are saved with.
    """

    def __init__(self, var_list: Any) -> None:
        named = (
            var_list
            if isinstance(var_list, dict)
            else {v.name.partition(":")[0]: v for v in var_list}
        )
        self._saver = tf.train.Saver(named)

    def save(self, file_prefix: str, global_step: Any = None) -> str:
        """Writes the variables, and gives the path that was written."""
        return self._saver.save(None, file_prefix, global_step=global_step)

    def restore(self, file_prefix: str) -> None:
        """Reads the variables."""
        self._saver.restore(None, file_prefix)
