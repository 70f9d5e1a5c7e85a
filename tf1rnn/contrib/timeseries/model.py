"""Models of series: what one of one's own derives from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.timeseries.keys import PredictionFeatures, TrainEvalFeatures
from tf1rnn.contrib.timeseries.statistics import InputStatistics
from tf1rnn.types import DType, Nest, Tensor

_NO_EXOGENOUS = {TrainEvalFeatures.TIMES, TrainEvalFeatures.VALUES, PredictionFeatures.STATE_TUPLE}


class ModelOutputs(NamedTuple):
    """The loss of a batch, a scalar, the state after it, and predictions by name."""

    loss: Tensor
    end_state: Nest
    predictions: dict[str, Tensor]
    prediction_times: Tensor


class TimeSeriesModel:
    """What `TimeSeriesRegressor` trains.

    Args:
      num_features: of the values.
      exogenous_feature_columns: columns of the features that are given beside the values.
      dtype: of the values.
    """

    def __init__(
        self,
        num_features: int,
        exogenous_feature_columns: Sequence[Any] | None = None,
        dtype: DType = tf.float32,
    ) -> None:
        self.num_features = num_features
        self.dtype = dtype
        self._exogenous_feature_columns = exogenous_feature_columns or []
        self._input_statistics: InputStatistics | None = None
        self._graph: tf.Graph | None = None

    def initialize_graph(self, input_statistics: InputStatistics | None = None) -> None:
        """Makes what the model needs in the default graph."""
        self._graph = tf.get_default_graph()
        self._input_statistics = input_statistics

    def _check_graph_initialized(self) -> None:
        if self._graph is not tf.get_default_graph():
            raise ValueError("Must call initialize_graph() in the default graph before using it.")

    def get_start_state(self) -> Nest:
        """The state that a series begins with, a nest of tensors without the batch."""
        raise NotImplementedError

    def get_batch_loss(self, features: Mapping[str, Any], mode: str, state: Nest) -> ModelOutputs:
        """Goes along a batch of windows from a state `[batch_size, ...]`."""
        raise NotImplementedError

    def predict(self, features: Mapping[str, Any]) -> dict[str, Tensor]:
        """Goes on from a state along times that are asked for."""
        raise NotImplementedError

    def _scale_data(self, data: Tensor) -> Tensor:
        """Numbers with mean 0 and variance 1 over the series."""
        moments = self._moments()
        return (data - moments.mean) * tf.math.rsqrt(moments.variance)

    def _scale_back_data(self, data: Tensor) -> Tensor:
        moments = self._moments()
        return data * tf.sqrt(moments.variance) + moments.mean

    def _scale_variance(self, variance: Tensor) -> Tensor:
        return variance / self._moments().variance

    def _scale_back_variance(self, variance: Tensor) -> Tensor:
        return variance * self._moments().variance

    def _moments(self) -> Any:
        assert self._input_statistics
        return self._input_statistics.overall_feature_moments

    def _process_exogenous_features(
        self, times: Tensor, features: Mapping[str, Any]
    ) -> Tensor | None:
        """The columns of each step, `[batch_size, num_steps, size]`; None without columns."""
        given = {name: x for name, x in features.items() if name not in _NO_EXOGENOUS}
        if not self._exogenous_feature_columns:
            if given:
                raise ValueError(f"no exogenous_feature_columns, but features {sorted(given)}")
            return None
        flat = {
            name: tf.reshape(x, [-1, *tf.TensorShape(x.shape).as_list()[2:]])
            for name, x in given.items()
        }
        joined = tf.feature_column.input_layer(flat, self._exogenous_feature_columns)
        shape = tf.concat([tf.shape(times), [joined.shape.as_list()[1]]], 0)
        return tf.cast(tf.reshape(joined, shape), self.dtype)


class SequentialTimeSeriesModel(TimeSeriesModel):
    """A model that goes along a series step by step, with a state.

    A subclass gives `get_start_state`, `_prediction_step`, `_filtering_step`, `_imputation_step`
    and, where there are exogenous features, `_exogenous_input_step`.

    Args:
      train_output_names: what `_filtering_step` gives beside "loss".
      predict_output_names: what `_prediction_step` gives.
      num_features, dtype, exogenous_feature_columns: as of `TimeSeriesModel`.
      normalize_features: whether values are scaled to mean 0 and variance 1; then
        `_scale_back_predictions` is to be given, too.
      exogenous_update_condition: a function of `times` and `features` of a step to bool
        `[batch_size]`, whether exogenous features change the state.
      static_unrolling_window_size_threshold: windows of so many steps or fewer are unrolled.
    """

    def __init__(
        self,
        train_output_names: Sequence[str],
        predict_output_names: Sequence[str],
        num_features: int,
        normalize_features: bool = False,
        dtype: DType = tf.float32,
        exogenous_feature_columns: Sequence[Any] | None = None,
        exogenous_update_condition: Callable[..., Tensor] | None = None,
        static_unrolling_window_size_threshold: int | None = None,
    ) -> None:
        super().__init__(num_features, exogenous_feature_columns, dtype)
        self._train_output_names = list(train_output_names)
        self._predict_output_names = list(predict_output_names)
        self._normalize_features = normalize_features
        self._exogenous_update_condition = exogenous_update_condition
        self._unrolled_up_to = static_unrolling_window_size_threshold or 0

    def _filtering_step(
        self, current_times: Tensor, current_values: Tensor, state: Nest, predictions: Any
    ) -> tuple[Nest, dict[str, Tensor]]:
        """The state after values `[batch_size, num_features]` were seen, the loss and outputs."""
        raise NotImplementedError

    def _prediction_step(
        self, current_times: Tensor, state: Nest
    ) -> tuple[Nest, dict[str, Tensor]]:
        """The state at the current times, and what is predicted of them."""
        raise NotImplementedError

    def _imputation_step(self, current_times: Tensor, state: Nest) -> Nest:
        """The state after the times that are missing before the current ones."""
        raise NotImplementedError

    def _exogenous_input_step(
        self, current_times: Tensor, current_exogenous_regressors: Tensor, state: Nest
    ) -> Nest:
        """The state after exogenous features `[batch_size, size]`."""
        raise NotImplementedError

    def _scale_back_predictions(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        raise NotImplementedError("normalize_features=True needs _scale_back_predictions")

    def _loss_additions(self, times: Tensor, values: Tensor, mode: str) -> float | Tensor:
        """What is added to the mean loss."""
        return 0.0

    def _window_initializer(self, times: Tensor, state: Nest) -> None:
        """Is called before a window is gone along."""

    def get_batch_loss(self, features: Mapping[str, Any], mode: str, state: Nest) -> ModelOutputs:
        """The mean loss of a batch, its outputs `[batch_size, num_steps, ...]`, the last state."""
        loss, states, outputs = self.per_step_batch_loss(features, mode, state)
        outputs["observed"] = features[TrainEvalFeatures.VALUES]
        last = tf.nest.map_structure(lambda x: x[:, -1], states)
        return ModelOutputs(loss, last, outputs, features[TrainEvalFeatures.TIMES])

    def per_step_batch_loss(
        self, features: Mapping[str, Any], mode: str, state: Nest
    ) -> tuple[Tensor, Nest, dict[str, Tensor]]:
        """The mean loss, the states after each step and the outputs."""
        self._check_graph_initialized()
        times = tf.cast(features[TrainEvalFeatures.TIMES], tf.int64)
        values = tf.cast(features[TrainEvalFeatures.VALUES], self.dtype)
        values = self._scale_data(values) if self._normalize_features else values
        regressors = self._process_exogenous_features(times, features)

        def step(number: Tensor, current: Tensor, state: Nest) -> tuple[Nest, dict[str, Tensor]]:
            state = self._with_exogenous(number, current, state, features, regressors)
            state, predictions = self._prediction_step(current_times=current, state=state)
            return self._filtering_step(
                current_times=current,
                current_values=values[:, number, :],
                state=state,
                predictions=predictions,
            )

        names = ["loss", *self._train_output_names]
        states, outputs = self._state_update_loop(times, state, step, names)
        loss = tf.reduce_sum(outputs.pop("loss")) / tf.cast(tf.size(times), self.dtype)
        loss += self._loss_additions(times, values, mode)
        if self._normalize_features:
            outputs = self._scale_back_predictions(outputs)
        return loss, states, outputs

    def predict(self, features: Mapping[str, Any]) -> dict[str, Tensor]:
        """The outputs `[batch_size, num_steps, ...]` at the times asked for."""
        self._check_graph_initialized()
        times = tf.cast(features[PredictionFeatures.TIMES], tf.int64)
        regressors = self._process_exogenous_features(times, features)

        def step(number: Tensor, current: Tensor, state: Nest) -> tuple[Nest, dict[str, Tensor]]:
            state = self._with_exogenous(number, current, state, features, regressors)
            return self._prediction_step(current_times=current, state=state)

        start = features[PredictionFeatures.STATE_TUPLE]
        _, outputs = self._state_update_loop(times, start, step, self._predict_output_names)
        return self._scale_back_predictions(outputs) if self._normalize_features else outputs

    def _with_exogenous(
        self,
        number: Tensor,
        current: Tensor,
        state: Nest,
        features: Mapping[str, Any],
        regressors: Tensor | None,
    ) -> Nest:
        if regressors is None:
            return state
        changed = self._exogenous_input_step(
            current_times=current,
            current_exogenous_regressors=regressors[:, number, :],
            state=state,
        )
        if self._exogenous_update_condition is None:
            return changed
        raw = {name: x[:, number] for name, x in features.items() if name not in _NO_EXOGENOUS}
        chosen = self._exogenous_update_condition(times=current, features=raw)
        return tf.nest.map_structure(lambda new, old: tf.where(chosen, new, old), changed, state)

    def _state_update_loop(
        self,
        times: Tensor,
        state: Nest,
        state_update_fn: Callable[[Any, Tensor, Nest], tuple[Nest, dict[str, Tensor]]],
        outputs: Sequence[str],
    ) -> tuple[Nest, dict[str, Tensor]]:
        """States and outputs of all steps, `[batch_size, num_steps, ...]`.

        Variables of steps are in `state_update_step`.
        """
        self._window_initializer(times, state)
        num_steps = times.shape.as_list()[1]

        def step(number: Any, state: Nest) -> tuple[Nest, list[Tensor]]:
            with tf.variable_scope("state_update_step", reuse=tf.AUTO_REUSE):
                current = times[:, number]
                state = self._imputation_step(current_times=current, state=state)
                state, found = state_update_fn(number, current, state)
            return state, [found[name] for name in outputs]

        if num_steps is not None and num_steps <= self._unrolled_up_to:
            kept = []
            for number in range(num_steps):
                state, found = step(number, state)
                kept.append([*tf.nest.flatten(state), *found])
            stacked = [tf.stack(parts, 1) for parts in zip(*kept, strict=True)]
        else:
            stacked = _looped(step, times, state, len(outputs), self.dtype)
        size = len(stacked) - len(outputs)
        states = tf.nest.pack_sequence_as(state, stacked[:size])
        return states, dict(zip(outputs, stacked[size:], strict=True))


def _looped(
    step: Callable[[Any, Nest], tuple[Nest, list[Tensor]]],
    times: Tensor,
    state: Nest,
    num_outputs: int,
    dtype: DType,
) -> list[Tensor]:
    """Parts of the state and outputs, stacked along time by a loop."""
    num_steps = tf.shape(times)[1]
    state = tf.nest.map_structure(tf.convert_to_tensor, state)
    flat = tf.nest.flatten(state)
    dtypes = [part.dtype for part in flat] + [dtype] * num_outputs
    arrays = [tf.TensorArray(dtype, num_steps, element_shape=None) for dtype in dtypes]
    shapes: list[tf.TensorShape] = []

    def body(number: Tensor, state: Nest, arrays: list[Any]) -> tuple[Any, ...]:
        new_state, found = step(number, state)
        parts = [*tf.nest.flatten(new_state), *found]
        shapes[:] = [part.shape for part in parts]
        for part, old in zip(tf.nest.flatten(new_state), tf.nest.flatten(state), strict=True):
            part.set_shape(old.shape)
        arrays = [array.write(number, x) for array, x in zip(arrays, parts, strict=True)]
        return number + 1, tf.nest.pack_sequence_as(state, parts[: len(flat)]), arrays

    *_, arrays = tf.while_loop(lambda number, *_: number < num_steps, body, (0, state, arrays))
    steps = times.shape.as_list()[1]
    stacked = []
    for array, shape in zip(arrays, shapes, strict=True):
        x = array.stack()
        x = tf.transpose(x, tf.concat([[1, 0], tf.range(2, tf.rank(x))], 0))
        x.set_shape(shape[:1].concatenate([steps]).concatenate(shape[1:]))
        stacked.append(x)
    return stacked
