"""Input functions of arrays in memory."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

_STARTS = "input_starts"


def numpy_input_fn(
    x: np.ndarray | dict[str, np.ndarray],
    y: np.ndarray | dict[str, np.ndarray] | None = None,
    batch_size: int = 128,
    num_epochs: int | None = 1,
    shuffle: bool | None = None,
    queue_capacity: int = 1000,
    num_threads: int = 1,
) -> Callable[[], Any]:
    """An input function that gives the rows of arrays in batches.

    Args:
      x: features, an array or a dict of arrays with the same number of rows.
      y: labels, an array or a dict of arrays, with as many rows; None for features alone.
      batch_size: rows a batch; the last one may have fewer.
      num_epochs: how often all rows are given; None for without end.
      shuffle: whether the rows are mixed. It must be given.
      queue_capacity: taken and not used, as all rows are mixed.
      num_threads: taken and not used.

    Returns:
      A function without arguments that gives features, or features and labels.

    Raises:
      ValueError: shuffle is no bool, x is empty, or the numbers of rows differ.
      TypeError: x is neither an array nor a dict.
    """
    if not isinstance(shuffle, bool):
        raise ValueError(f"shuffle must be provided and explicitly set as boolean (got {shuffle})")
    if not isinstance(x, (np.ndarray, dict)):
        raise TypeError(f"x must be a dict or array; got {type(x).__name__}")
    if isinstance(x, dict) and not x:
        raise ValueError("x cannot be an empty dict")
    parts = x if y is None else (x, y)
    sizes = {len(part) for part in tf.nest.flatten(parts)}
    if len(sizes) != 1:
        raise ValueError(f"Length of tensors in x and y is mismatched: {sorted(sizes)}")
    size = max(*sizes, 1)

    def input_fn() -> Any:
        rows = tf.data.Dataset.from_tensor_slices(parts)
        if shuffle:
            rows = rows.shuffle(size)
        rows = rows.repeat(num_epochs).batch(batch_size)
        return next_elements(rows)

    return input_fn


def pandas_input_fn(
    x: Any,
    y: Any = None,
    batch_size: int = 128,
    num_epochs: int | None = 1,
    shuffle: bool | None = None,
    queue_capacity: int = 1000,
    num_threads: int = 1,
    target_column: str = "target",
) -> Callable[[], Any]:
    """`numpy_input_fn` of the columns of a pandas frame and a series of labels.

    Args:
      x: the frame; features are a dict of its columns, `[batch_size]` each.
      y: the labels, or None.
      batch_size, num_epochs, shuffle: as in `numpy_input_fn`.
      queue_capacity, num_threads, target_column: taken and not used.
    """
    columns = {name: np.asarray(x[name]) for name in x.columns}
    labels = None if y is None else np.asarray(y)
    return numpy_input_fn(columns, labels, batch_size, num_epochs, shuffle, queue_capacity)


def read(input_fn: Callable[..., Any], **given: Any) -> tuple[Any, Any]:
    """Features and labels of an input function; labels may be None.

    Args:
      input_fn: gives a data set or tensors, of features or of features and labels.
      given: what it may ask for by the names of its arguments.
    """
    made = input_fn(**accepted(input_fn, given))
    if isinstance(made, tf.data.Dataset) or hasattr(made, "make_initializable_iterator"):
        made = next_elements(made, _STARTS)
    if isinstance(made, (tuple, list)):
        if len(made) != 2:
            raise ValueError(f"input_fn should return (features, labels), got {len(made)} values")
        return made[0], made[1]
    return made, None


def accepted(function: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Those of the given arguments that a function has."""
    parameters = inspect.signature(function).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return given
    return {name: value for name, value in given.items() if name in parameters}


def next_elements(rows: Any, collection: str = tf.GraphKeys.TABLE_INITIALIZERS) -> Any:
    """The next elements of a data set, whose start is an op of a collection of the graph."""
    iterator = tf.data.make_initializable_iterator(rows)
    tf.add_to_collection(collection, iterator.initializer)
    return iterator.get_next()


class StartInputs(tf.train.SessionRunHook):
    """Starts data sets of input functions: after variables and tables, which they may read."""

    def begin(self) -> None:
        """Looks them up, as long as the graph can be asked."""
        self._starts = tf.get_collection(_STARTS)

    def after_create_session(self, session: tf.Session, coord: Any) -> None:
        """Starts them, in each new session."""
        session.run(self._starts)


def has_data_set() -> bool:
    """Whether an input function of this graph has given a data set or the rows of arrays."""
    tables = tf.get_collection(tf.GraphKeys.TABLE_INITIALIZERS)
    return any(op.type == "MakeIterator" for op in [*tf.get_collection(_STARTS), *tables])
