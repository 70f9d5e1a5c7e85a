"""`tf.contrib.estimator`'s recurrent estimators: from the columns of sequences to a head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib import extras, rnn
from tf1rnn.contrib.estimator.class_heads import class_head
from tf1rnn.contrib.estimator.heads import BY_BATCH_SIZE, Head
from tf1rnn.contrib.estimator.ready_made import ReadyMade, dense
from tf1rnn.contrib.estimator.rnn_common import (
    concatenate_context_input,
    construct_rnn_cell,
    select_last_activations,
)
from tf1rnn.contrib.estimator.spec import ModeKeys
from tf1rnn.contrib.feature_column import sequence_input_layer
from tf1rnn.types import Cell, Tensor

_CELL_TYPES: dict[str | None, Any] = {
    None: "basic_rnn",
    "simple_rnn": "basic_rnn",
    "lstm": rnn.BasicLSTMCell,
}
_CLIP_NORM = 5.0


class RNNEstimator(ReadyMade):
    """Cells along the columns of sequences; the output at each sequence's end is asked.

    Variables are in `rnn/sequence_input_layer`, `rnn/rnn` and `rnn/logits`.

    Args:
      head: such as `BinaryClassHead`.
      sequence_feature_columns: see `tf.contrib.feature_column.sequence_input_layer`.
      context_feature_columns: dense columns of whole sequences, given to each step.
      num_units: the size of a layer, or of each.
      cell_type: "basic_rnn" (the default), which "simple_rnn" is, too, "lstm" or "gru".
      rnn_cell_fn: in their place a function of the mode that makes a cell.
      model_dir: the folder of checkpoints and summaries.
      optimizer: a name, an instance or a function that makes one; names have a rate of 0.05, and
        gradients are scaled down to a norm of 5 but for an instance.
      input_layer_partitioner: of variables of columns.
      config: a `RunConfig`.
      rnn_cell: in place of rnn_cell_fn a Keras cell, as from 1.13 on.
      return_sequences: whether the head gets `[batch_size, num_steps, ...]`, of each step.

    Raises:
      ValueError: both a cell and num_units or cell_type are given, or no num_units, or the type is
        another.
    """

    def __init__(
        self,
        head: Head,
        sequence_feature_columns: Sequence[Any],
        context_feature_columns: Sequence[Any] | None = None,
        num_units: int | Sequence[int] | None = None,
        cell_type: str | None = None,
        rnn_cell_fn: Callable[[str], Cell] | None = None,
        model_dir: str | None = None,
        optimizer: Any = "Adagrad",
        input_layer_partitioner: Any = None,
        config: Any = None,
        *,
        rnn_cell: Any = None,
        return_sequences: bool = False,
    ) -> None:
        if (rnn_cell_fn or rnn_cell) and (num_units or cell_type):
            raise ValueError("num_units and cell_type must not be specified beside a cell")
        if not (rnn_cell_fn or rnn_cell or num_units):
            raise ValueError("num_units must be specified where a cell is not")
        super().__init__(head, optimizer, model_dir, config)
        self._clip_norm = _CLIP_NORM
        self._keras_cell, self._return_sequences = rnn_cell, return_sequences
        self._columns = sequence_feature_columns, context_feature_columns
        self._partitioner = input_layer_partitioner
        made = _CELL_TYPES.get(cell_type, cell_type)
        self._cell_fn = rnn_cell_fn or (lambda mode: construct_rnn_cell(num_units, made))

    def _logits(self, features: Any, mode: str) -> Tensor:
        of_steps, of_all = self._columns
        with tf.variable_scope("rnn", partitioner=self._partitioner):
            inputs, lengths = sequence_input_layer(features, of_steps)
            if of_all:
                context = tf.feature_column.input_layer(features, of_all)
                inputs = concatenate_context_input(inputs, context)
            outputs = self._outputs(inputs, lengths, mode)
            return dense(outputs, self._head.logits_dimension, "logits/dense", None)

    def _outputs(self, inputs: Tensor, lengths: Tensor, mode: str) -> Tensor:
        """Of all steps, or of the last one of each sequence."""
        if self._keras_cell is None:
            outputs, _ = rnn.dynamic_rnn(self._cell_fn(mode), inputs, lengths, dtype=tf.float32)
            every = self._return_sequences
            return outputs if every else select_last_activations(outputs, lengths)
        keras = extras.load("tf_keras", "tf-keras", "rnn_cell")
        cell = type(self._keras_cell).from_config(self._keras_cell.get_config())  # of this graph
        layer = keras.layers.RNN(cell, return_sequences=self._return_sequences)
        return layer(inputs, mask=tf.sequence_mask(lengths), training=mode == ModeKeys.TRAIN)


class RNNClassifier(RNNEstimator):
    """`RNNEstimator` of classes."""

    def __init__(
        self,
        sequence_feature_columns: Sequence[Any],
        context_feature_columns: Sequence[Any] | None = None,
        num_units: int | Sequence[int] | None = None,
        cell_type: str | None = None,
        rnn_cell_fn: Callable[[str], Cell] | None = None,
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column: Any = None,
        label_vocabulary: Sequence[str] | None = None,
        optimizer: Any = "Adagrad",
        loss_reduction: str = BY_BATCH_SIZE,
        input_layer_partitioner: Any = None,
        config: Any = None,
        *,
        rnn_cell: Any = None,
    ) -> None:
        head = class_head(n_classes, weight_column, label_vocabulary, loss_reduction)
        super().__init__(
            head,
            sequence_feature_columns,
            context_feature_columns,
            num_units,
            cell_type,
            rnn_cell_fn,
            model_dir,
            optimizer,
            input_layer_partitioner,
            config,
            rnn_cell=rnn_cell,
        )


_concatenate_context_input = concatenate_context_input  # programs take it by this name
