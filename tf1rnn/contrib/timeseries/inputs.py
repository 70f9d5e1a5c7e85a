"""Readers of whole series, and input functions that give windows of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator.inputs import next_elements
from tf1rnn.contrib.timeseries.keys import FilteringResults, PredictionFeatures, TrainEvalFeatures
from tf1rnn.types import Nest, Tensor

_TIMES, _VALUES = TrainEvalFeatures.TIMES, TrainEvalFeatures.VALUES


class NumpyReader:
    """The series of a dict of arrays.

    Args:
      data: "times" int `[num_times]` in rising order, "values" `[num_times]` or
        `[num_times, num_features]`, and further features `[num_times, ...]`.
      read_num_records_hint: taken and not used.

    Raises:
      ValueError: times or values are missing, or numbers of rows differ.
    """

    def __init__(self, data: Mapping[str, Any], read_num_records_hint: int = 4096) -> None:
        self._data = _checked({name: np.asarray(column) for name, column in data.items()})

    def data(self) -> dict[str, np.ndarray]:
        """All of it, by name."""
        return self._data

    def read_full(self) -> dict[str, Tensor]:
        """All of it as tensors."""
        return {name: tf.constant(column) for name, column in self.data().items()}


class CSVReader(NumpyReader):
    """The series of a file, or of several one after the other.

    Args:
      filenames: a path, or a list of them.
      column_names: the feature of each column; columns of one name are one feature side by side.
      column_dtypes: the dtype of each; int64 for times, float32 for others by default.
      skip_header_lines: how many lines of each file are left out.
      read_num_records_hint: taken and not used.

    Raises:
      ValueError: times or values are no columns.
    """

    def __init__(
        self,
        filenames: str | Sequence[str],
        column_names: Sequence[str] = (_TIMES, _VALUES),
        column_dtypes: Sequence[tf.DType] | None = None,
        skip_header_lines: int | None = None,
        read_num_records_hint: int = 4096,
    ) -> None:
        dtypes = column_dtypes or [tf.int64 if n == _TIMES else tf.float32 for n in column_names]
        self._filenames = [filenames] if isinstance(filenames, str) else list(filenames)
        self._columns = list(zip(column_names, dtypes, strict=True))
        self._skipped = skip_header_lines or 0
        for wanted in (_TIMES, _VALUES):
            if wanted not in column_names:
                raise ValueError(f"'{wanted}' is a required column, not in {list(column_names)}")

    def data(self) -> dict[str, np.ndarray]:
        """What the files hold now, by name."""
        rows = [row for name in self._filenames for row in self._rows(name)]
        found: dict[str, list[np.ndarray]] = {}
        for (name, dtype), column in zip(self._columns, zip(*rows, strict=True), strict=True):
            found.setdefault(name, []).append(np.array(column).astype(dtype.as_numpy_dtype))
        return _checked(
            {
                name: parts[0] if len(parts) == 1 else np.stack(parts, 1)
                for name, parts in found.items()
            }
        )

    def _rows(self, filename: str) -> Iterable[list[str]]:
        lines = Path(filename).read_text(encoding="utf-8").splitlines()[self._skipped :]
        return [row for row in csv.reader(lines) if row]


def _checked(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The data, its values with an axis of features."""
    for wanted in (_TIMES, _VALUES):
        if wanted not in data:
            raise ValueError(f"'{wanted}' is a required feature, not in {sorted(data)}")
    if len({len(column) for column in data.values()}) != 1:
        raise ValueError("All features must have the same number of rows as the times.")
    values = data[_VALUES]
    return {**data, _VALUES: values[:, np.newaxis] if values.ndim == 1 else values}


class RandomWindowInputFn:
    """Windows that begin at random times: features `[batch_size, window_size, ...]`, no labels.

    Args:
      time_series_reader: such as `NumpyReader`.
      window_size: steps a window.
      batch_size: windows a batch.
      queue_capacity_multiplier, shuffle_min_after_dequeue_multiplier, discard_out_of_order,
        discard_consecutive_batches_limit, jitter, num_threads: taken and not used: any window comes
        as often as any other.
      shuffle_seed: seed of the draws.

    Raises:
      ValueError: when called: the series is shorter than a window.
    """

    def __init__(
        self,
        time_series_reader: NumpyReader,
        window_size: int,
        batch_size: int,
        queue_capacity_multiplier: int = 1000,
        shuffle_min_after_dequeue_multiplier: int = 2,
        discard_out_of_order: bool = True,
        discard_consecutive_batches_limit: int = 1000,
        jitter: bool = True,
        num_threads: int = 2,
        shuffle_seed: int | None = None,
    ) -> None:
        self._reader = time_series_reader
        self._sizes = batch_size, window_size
        self._seed = shuffle_seed

    def create_batch(self) -> tuple[dict[str, Tensor], None]:
        """The features of a batch, drawn anew in each run."""
        data = self._reader.data()
        rows, window = self._sizes
        last = len(data[_TIMES]) - window
        if last < 0:
            raise ValueError(f"a window of {window} steps, of a series of {len(data[_TIMES])}")
        starts = tf.random_uniform([rows, 1], maxval=last + 1, dtype=tf.int32, seed=self._seed)
        places = starts + tf.range(window)
        return {name: tf.gather(tf.constant(x), places) for name, x in data.items()}, None

    __call__ = create_batch


class WholeDatasetInputFn:
    """The whole series as one window, `[1, num_times, ...]`, again and again."""

    def __init__(self, time_series_reader: NumpyReader) -> None:
        self._reader = time_series_reader

    def create_batch(self) -> tuple[dict[str, Tensor], None]:
        """The features of the one batch."""
        return {name: x[tf.newaxis] for name, x in self._reader.read_full().items()}, None

    __call__ = create_batch


def predict_continuation_input_fn(
    evaluation: Mapping[str, Any],
    steps: int | None = None,
    times: np.ndarray | None = None,
    exogenous_features: Mapping[str, np.ndarray] | None = None,
) -> Callable[[], dict[str, Any]]:
    """An input function that asks for what comes after an evaluation.

    Args:
      evaluation: what `evaluate` gave.
      steps: how many times after its last one; or:
      times: which ones, int `[num_times]` or `[batch_size, num_times]`.
      exogenous_features: `[batch_size, num_times, ...]`, by name.

    Raises:
      ValueError: not one of steps and times is given.
    """
    if (steps is None) == (times is None):
        raise ValueError("Exactly one of steps and times must be specified.")
    last = np.asarray(evaluation[FilteringResults.TIMES])[..., -1:]
    asked = last + 1 + np.arange(steps or 0) if times is None else np.asarray(times)
    asked = np.broadcast_to(asked, [len(last), asked.shape[-1]]).astype(np.int64)
    state: Nest = evaluation[FilteringResults.STATE_TUPLE]

    def input_fn() -> dict[str, Any]:
        given = {PredictionFeatures.TIMES: asked, **(exogenous_features or {})}
        parts = [np.asarray(part) for part in tf.nest.flatten(state)]
        once = tf.data.Dataset.from_tensors((given, tuple(parts)))
        features, flat = next_elements(once)
        features[PredictionFeatures.STATE_TUPLE] = tf.nest.pack_sequence_as(state, list(flat))
        return features

    return input_fn
