"""`tf.contrib.learn.DynamicRnnEstimator`: a recurrent network from the columns to the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib import layers, rnn
from tf1rnn.contrib.estimator import learn
from tf1rnn.contrib.estimator.rnn_common import (
    PredictionKey,
    PredictionType,
    ProblemType,
    RNNKeys,
    concatenate_context_input,
    construct_rnn_cell,
    mask_activations_and_labels,
    select_last_activations,
)
from tf1rnn.contrib.feature_columns import FeatureColumn
from tf1rnn.types import Cell, Nest, Tensor


def state_tuple_to_dict(state: Nest) -> dict[str, Tensor]:
    """The tensors of a state by name: `rnn_cell_state_0` and so on; of an LSTM c and then h."""
    return {f"{RNNKeys.STATE_PREFIX}_{i}": one for i, one in enumerate(tf.nest.flatten(state))}


def dict_to_state_tuple(input_dict: Mapping[str, Any], cell: Cell) -> Nest:
    """The state whose tensors a dict has by the names of `state_tuple_to_dict`.

    Returns:
      A state of the cell; None where the dict has nothing of it.

    Raises:
      ValueError: the dict has a part of it, or a tensor of another size.
    """
    sizes = state_tuple_to_dict(cell.state_size)
    given = {name: tf.convert_to_tensor(input_dict[name]) for name in sizes if name in input_dict}
    if not given:
        return None
    if len(given) != len(sizes):
        raise ValueError(
            f"RNN state was partially specified. Expected zero or {len(sizes)} state Tensors; "
            f"got {len(given)}"
        )
    for name, tensor in given.items():
        if not tensor.shape.is_compatible_with([None, sizes[name]]):
            raise ValueError(f"{name} must be [batch_size, {sizes[name]}], got {tensor.shape}")
    return tf.nest.pack_sequence_as(cell.state_size, list(given.values()))


def build_sequence_input(
    features: Mapping[str, Any],
    sequence_feature_columns: Iterable[FeatureColumn],
    context_feature_columns: Iterable[FeatureColumn] | None = None,
) -> Tensor:
    """The network's input: features of each step, and beside them those of the whole sequence.

    Returns:
      float32 `[batch_size, num_steps, size]`.

    Raises:
      ValueError: a feature is missing or of too low a rank.
    """
    inputs = layers.sequence_input_from_feature_columns(features, sequence_feature_columns)
    if context_feature_columns is None:
        return inputs
    return concatenate_context_input(
        inputs, layers.input_from_feature_columns(features, context_feature_columns)
    )


class _Head(NamedTuple):
    """From logits to predictions, and to the loss; two classes have one logit."""

    num_classes: int | None  # None for regression
    predict_probabilities: bool = False

    @property
    def num_logits(self) -> int:
        return 1 if self.num_classes in (None, 2) else int(self.num_classes or 0)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Of logits `[..., num_logits]`."""
        if self.num_classes is None:
            return {PredictionKey.SCORES: tf.squeeze(logits, -1)}
        if self.num_classes == 2:
            logits = tf.concat([tf.zeros_like(logits), logits], -1)
        found = {PredictionKey.CLASSES: tf.argmax(logits, -1)}
        if self.predict_probabilities:
            found[PredictionKey.PROBABILITIES] = tf.nn.softmax(logits)
        return found

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over logits `[size, num_logits]`, with labels `[size]` or `[size, 1]`."""
        if self.num_logits > 1:
            if not labels.dtype.is_integer:
                raise ValueError(f"Target's dtype should be integer. Instead got {labels.dtype}.")
            classes = tf.reshape(labels, [-1])
            return tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)
            )
        if labels.shape.rank != 2:  # else the difference below would be of each with each
            labels = tf.reshape(labels, [-1, 1])
        labels = tf.cast(labels, logits.dtype)
        logits.shape.assert_is_compatible_with(labels.shape)
        if self.num_classes is None:
            return tf.reduce_mean(tf.squared_difference(logits, labels))
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
        return tf.reduce_mean(losses)


def _head(problem_type: int, num_classes: int | None, predict_probabilities: bool) -> _Head:
    if problem_type == ProblemType.LINEAR_REGRESSION:
        if predict_probabilities:
            raise ValueError(
                "predict_probabilities can only be set to True for problem_type "
                f"ProblemType.CLASSIFICATION; got {problem_type}."
            )
        return _Head(None)
    if problem_type != ProblemType.CLASSIFICATION:
        raise ValueError(
            "problem_type must be either ProblemType.LINEAR_REGRESSION or "
            f"ProblemType.CLASSIFICATION; got {problem_type}"
        )
    if not num_classes:
        raise ValueError("For CLASSIFICATION problem_type, num_classes must be specified.")
    if num_classes < 2:
        raise ValueError("n_classes must be > 1 for classification.")
    return _Head(num_classes, predict_probabilities)


class DynamicRnnEstimator(learn.Estimator):
    """Cells along sequences, a layer over each step's output, and a loss.

    Of the features, `sequence_length` int `[batch_size]` says how long sequences are; without it
    they have all steps. `rnn_cell_state_0` `[batch_size, size]` and so on, one for each tensor of
    the cell's state, are the state that sequences begin with; without them it is zero. The cell
    takes all steps, those past a sequence's end, too: the loss and SINGLE_VALUE's prediction leave
    these out, MULTIPLE_VALUE's predictions and the final state do not.

    Predictions are `scores` of a regression, `classes` of a classification and, if they are asked
    for, `probabilities`: `[batch_size]`, or `[batch_size, num_steps]` for MULTIPLE_VALUE, and for
    probabilities the classes behind that. With them is the final state, named as above. An
    evaluation of a classification has an `accuracy` beside its loss.

    Variables are the cell's in `rnn`, `fully_connected/weights` `[cell's output, logits]` and
    `fully_connected/biases`; two classes have one logit.

    Args:
      problem_type: `ProblemType.LINEAR_REGRESSION` or `CLASSIFICATION`.
      prediction_type: `PredictionType.SINGLE_VALUE`, at the last step of a sequence, or
        `MULTIPLE_VALUE`, at each.
      sequence_feature_columns: columns of the features `[batch_size, num_steps, ...]`.
      context_feature_columns: columns of the features `[batch_size, ...]`, given to each step.
      num_classes: of a classification.
      num_units: the size of a layer, or a list with that of each.
      cell_type: "basic_rnn", "lstm" or "gru", or a subclass of `RNNCell`.
      optimizer: a name, a class, an instance or a function, as `optimize_loss` of
        `tf.contrib.layers` takes it.
      learning_rate: a float; not used where optimizer is an instance.
      predict_probabilities: whether a classification predicts these, too.
      momentum: of the optimizer "Momentum".
      gradient_clipping_norm: the greatest norm of all gradients together; None for any.
      dropout_keep_probabilities: in training, before each layer and after the last one: one more
        than there are layers; None for no dropout.
      model_dir: the folder of checkpoints and summaries.
      feature_engineering_fn: turns features and labels into those that the network gets.
      config: a `RunConfig`.

    Raises:
      ValueError: problem_type or prediction_type is another, the number of classes is missing, or
        probabilities are asked of a regression; while training, evaluating and predicting: a
        feature is missing, or the cell type, sizes or probabilities do not fit.
    """

    def __init__(
        self,
        problem_type: int,
        prediction_type: int,
        sequence_feature_columns: Iterable[FeatureColumn],
        context_feature_columns: Iterable[FeatureColumn] | None = None,
        num_classes: int | None = None,
        num_units: int | Sequence[int] | None = None,
        cell_type: Any = "basic_rnn",
        optimizer: Any = "SGD",
        learning_rate: float | Tensor | None = 0.1,
        predict_probabilities: bool = False,
        momentum: float | None = None,
        gradient_clipping_norm: float | None = 5.0,
        dropout_keep_probabilities: Sequence[float] | None = None,
        model_dir: str | None = None,
        feature_engineering_fn: Callable[..., Any] | None = None,
        config: Any = None,
    ) -> None:
        if prediction_type not in (PredictionType.SINGLE_VALUE, PredictionType.MULTIPLE_VALUE):
            raise ValueError(
                "prediction_type must be one of PredictionType.MULTIPLE_VALUE or "
                f"PredictionType.SINGLE_VALUE; got {prediction_type}"
            )
        if optimizer == "Momentum":
            optimizer = tf.train.MomentumOptimizer(learning_rate, momentum)
        self._head = _head(problem_type, num_classes, predict_probabilities)
        self._multiple = prediction_type == PredictionType.MULTIPLE_VALUE
        self._columns = sequence_feature_columns, context_feature_columns
        self._cell = num_units, cell_type
        self._dropout = dropout_keep_probabilities
        self._optimizer = learning_rate, optimizer
        self._clipping = gradient_clipping_norm
        super().__init__(self._network, model_dir, config, None, feature_engineering_fn)

    def _network(self, features: Any, labels: Any, mode: str) -> learn.ModelFnOps:
        """The model function."""
        if not isinstance(features, Mapping):
            raise ValueError(f"features should be a dict of tensors, got {type(features).__name__}")
        lengths = features.get(RNNKeys.SEQUENCE_LENGTH_KEY)
        dropout = self._dropout if mode == learn.ModeKeys.TRAIN else None
        logits, state = self._unrolled(features, construct_rnn_cell(*self._cell, dropout))
        if not self._multiple:
            logits = select_last_activations(logits, lengths)
        predictions = {**self._head.predictions(logits), **state_tuple_to_dict(state)}
        if mode == learn.ModeKeys.INFER:
            return learn.ModelFnOps(mode, predictions)
        labels = tf.convert_to_tensor(labels)
        metrics = self._metrics_of(predictions, labels, lengths)
        if self._multiple:
            logits, labels = mask_activations_and_labels(logits, labels, lengths)
        loss = self._head.loss(logits, labels)
        train_op = self._train_op(loss) if mode == learn.ModeKeys.TRAIN else None
        return learn.ModelFnOps(mode, predictions, loss, train_op, metrics)

    def _unrolled(self, features: Mapping[str, Any], cell: Cell) -> tuple[Tensor, Nest]:
        """Logits `[batch_size, num_steps, num_logits]`, and the final state."""
        outputs, state = rnn.dynamic_rnn(
            cell,
            build_sequence_input(features, *self._columns),
            initial_state=dict_to_state_tuple(features, cell),
            dtype=tf.float32,
            swap_memory=True,
        )
        return layers.fully_connected(outputs, self._head.num_logits, activation_fn=None), state

    def _metrics_of(
        self, predictions: dict[str, Tensor], labels: Tensor, lengths: Tensor | None
    ) -> dict[str, Any]:
        if self._head.num_classes is None:
            return {}
        classes = predictions[PredictionKey.CLASSES]
        if self._multiple:
            classes, labels = mask_activations_and_labels(classes, labels, lengths)
        return {"accuracy": tf.metrics.accuracy(labels, classes)}

    def _train_op(self, loss: Tensor) -> Any:
        return layers.optimize_loss(
            loss,
            None,
            *self._optimizer,
            clip_gradients=self._clipping,
            summaries=["learning_rate", "loss", "gradients", "gradient_norm"],
        )
