"""What a model knows of the series that it is trained on, from the batches that it has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.timeseries.keys import TrainEvalFeatures
from tf1rnn.types import DType, Tensor


class Moments(NamedTuple):
    """Mean and variance of each feature, `[num_features]`."""

    mean: Tensor
    variance: Tensor


class InputStatistics(NamedTuple):
    """Of the start of the series and of all of it; its first time, and how many there are."""

    series_start_moments: Moments
    overall_feature_moments: Moments
    start_time: Tensor
    total_observation_count: Tensor


class InputStatisticsFromMiniBatch:
    """Statistics in variables, which training moves on with each batch.

    Variables are in `input_statistics` and `input_statistics_auxiliary`; none is trained.

    Args:
      num_features: of the values.
      dtype: of the values.
      starting_variance_window_size: how many times are the start of the series.
    """

    def __init__(
        self, num_features: int, dtype: DType, starting_variance_window_size: int = 16
    ) -> None:
        self._num_features, self._dtype = num_features, dtype
        self._start_size = starting_variance_window_size

    def initialize_graph(
        self, features: Mapping[str, Any], update_statistics: bool = True
    ) -> InputStatistics:
        """The statistics, with those of a batch, if it has times and values and is to count."""
        with tf.variable_scope("input_statistics", use_resource=True):
            kept = self._variables()
        with tf.variable_scope("input_statistics_auxiliary", use_resource=True):
            sums = self._sums()
        times = features.get(TrainEvalFeatures.TIMES)
        values = features.get(TrainEvalFeatures.VALUES)
        if not update_statistics or times is None or values is None:
            return kept
        with tf.control_dependencies([self._updated(kept, sums, times, values)]):
            now = tf.nest.map_structure(tf.identity, kept)
        return now._replace(start_time=tf.minimum(now.start_time, tf.reduce_min(times)))

    def _variable(self, name: str, start: Any, dtype: DType | None = None, size: Any = ()) -> Any:
        start = tf.constant_initializer(start)
        return tf.get_variable(name, size, dtype or self._dtype, start, trainable=False)

    def _variables(self) -> InputStatistics:
        size = [self._num_features]

        def moments(name: str) -> Moments:
            mean = self._variable(f"{name}_mean", 0, size=size)
            return Moments(mean, self._variable(f"{name}_variance", 1, size=size))

        return InputStatistics(
            moments("series_start"),
            moments("overall_feature"),
            self._variable("start_time", tf.int64.max, tf.int64),
            self._variable("total_observation_count", 1, tf.int64),
        )

    def _sums(self) -> dict[str, Any]:
        size = [self._num_features]
        return {
            "max_time_seen": self._variable("max_time_seen", tf.int64.min, tf.int64),
            "chunk_count": self._variable("chunk_count", 0, tf.int64),
            "durations": self._variable("inter_observation_duration_sum", 0),
            "example_count": self._variable("example_count", 0, tf.int64),
            "sum": self._variable("overall_feature_sum", 0, size=size),
            "squares": self._variable("overall_feature_sum_of_squares", 0, size=size),
        }

    def _updated(
        self, kept: InputStatistics, sums: dict[str, Any], times: Tensor, values: Tensor
    ) -> tf.Operation:
        """Counts a batch: times `[batch_size, num_steps]`, values `[..., num_features]`."""
        values = tf.cast(values, self._dtype)
        firsts, lasts = tf.reduce_min(times, 1), tf.reduce_max(times, 1)
        steps = tf.cast(tf.shape(times)[1] - 1, self._dtype)
        counted = [
            tf.assign(
                sums["max_time_seen"], tf.maximum(sums["max_time_seen"], tf.reduce_max(lasts))
            ),
            tf.assign_add(sums["chunk_count"], tf.shape(times, out_type=tf.int64)[0]),
            tf.assign_add(
                sums["durations"], tf.reduce_sum(tf.cast(lasts - firsts, self._dtype) / steps)
            ),
            tf.assign_add(sums["example_count"], tf.size(times, out_type=tf.int64)),
            tf.assign_add(sums["sum"], tf.reduce_sum(values, [0, 1])),
            tf.assign_add(sums["squares"], tf.reduce_sum(values**2, [0, 1])),
        ]
        with tf.control_dependencies(counted):
            overall = self._overall(kept.overall_feature_moments, sums)
            start = self._start(kept, times, values)
        with tf.control_dependencies([*overall, start]):
            first = tf.minimum(kept.start_time, tf.reduce_min(times))
            begun = tf.assign(kept.start_time, first)
            apart = sums["durations"] / tf.cast(sums["chunk_count"], self._dtype)
            span = tf.cast(sums["max_time_seen"] - first, self._dtype)
            total = tf.cast(tf.round(span / apart) + 1, tf.int64)
        return tf.group(begun, tf.assign(kept.total_observation_count, total))

    def _overall(self, moments: Moments, sums: dict[str, Any]) -> list[Any]:
        count = tf.cast(sums["example_count"], self._dtype)
        mean = sums["sum"] / count
        variance = count / (count - 1) * (sums["squares"] / count - mean**2)
        return [tf.assign(moments.mean, mean), tf.assign(moments.variance, variance)]

    def _start(self, kept: InputStatistics, times: Tensor, values: Tensor) -> Any:
        """The moments of the first times of the row that begins first, if none was before."""
        moments = kept.series_start_moments
        row = tf.argmin(times[:, 0])
        is_first = tf.reduce_min(times[:, 0]) < kept.start_time

        def taken() -> tf.Operation:
            mean, variance = tf.nn.moments(values[row, : self._start_size], [0])
            return tf.group(tf.assign(moments.mean, mean), tf.assign(moments.variance, variance))

        return tf.cond(is_first, taken, tf.no_op)
