"""`tf.contrib.estimator`'s recurrent estimators: from the columns of sequences to a head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib import rnn
from tf1rnn.contrib.estimator.class_heads import class_head
from tf1rnn.contrib.estimator.heads import BY_BATCH_SIZE, Head
from tf1rnn.contrib.estimator.ready_made import ReadyMade, dense
from tf1rnn.contrib.estimator.rnn_common import (
    concatenate_context_input,
    construct_rnn_cell,
    select_last_activations,
)
from tf1rnn.contrib.feature_column import sequence_input_layer
from tf1rnn.types import Cell, Tensor


class RNNEstimator(ReadyMade):
    """Cells along the columns of sequences; the output at each sequence's end is asked.

    Variables are in `rnn/sequence_input_layer`, `rnn/rnn` and `rnn/logits`.

    Args:
      head: such as `BinaryClassHead`.
      sequence_feature_columns: see `tf.contrib.feature_column.sequence_input_layer`.
      context_feature_columns: dense columns of whole sequences, given to each step.
      num_units: the size of a layer, or of each.
      cell_type: "basic_rnn" (the default), "lstm" or "gru".
      rnn_cell_fn: in their place a function of the mode that makes a cell.
      model_dir: the folder of checkpoints and summaries.
      optimizer: a name, an instance or a function that makes one; names have a rate of 0.05.
      input_layer_partitioner: of variables of columns.
      config: a `RunConfig`.

    Raises:
      ValueError: both rnn_cell_fn and num_units or cell_type are given, or no num_units, or the
        type is another.
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
    ) -> None:
        if rnn_cell_fn and (num_units or cell_type):
            raise ValueError("num_units and cell_type must not be specified when using rnn_cell_fn")
        if not (rnn_cell_fn or num_units):
            raise ValueError("num_units must be specified where rnn_cell_fn is not")
        super().__init__(head, optimizer, model_dir, config)
        self._columns = sequence_feature_columns, context_feature_columns
        self._partitioner = input_layer_partitioner
        made = rnn.BasicLSTMCell if cell_type == "lstm" else cell_type or "basic_rnn"
        self._cell_fn = rnn_cell_fn or (lambda mode: construct_rnn_cell(num_units, made))

    def _logits(self, features: Any, mode: str) -> Tensor:
        of_steps, of_all = self._columns
        with tf.variable_scope("rnn", partitioner=self._partitioner):
            inputs, lengths = sequence_input_layer(features, of_steps)
            if of_all:
                context = tf.feature_column.input_layer(features, of_all)
                inputs = concatenate_context_input(inputs, context)
            outputs, _ = rnn.dynamic_rnn(self._cell_fn(mode), inputs, lengths, dtype=tf.float32)
            last = select_last_activations(outputs, lengths)
            return dense(last, self._head.logits_dimension, "logits/dense", None)


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
        )


_concatenate_context_input = concatenate_context_input  # programs take it by this name
