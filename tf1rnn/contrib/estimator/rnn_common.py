"""What `tf.contrib.learn`'s recurrent estimators are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib import rnn
from tf1rnn.types import Cell, Tensor


class ProblemType:
    """What is predicted."""

    UNSPECIFIED = 0
    CLASSIFICATION = 1
    LINEAR_REGRESSION = 2
    LOGISTIC_REGRESSION = 3


class PredictionType:
    """Whether one value is predicted for a sequence, or one for each of its steps."""

    SINGLE_VALUE = 1
    MULTIPLE_VALUE = 2


class PredictionKey:
    """The names of predictions."""

    CLASSES = "classes"
    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    LOGISTIC = "logistic"
    SCORES = "scores"
    TOP_K = "top_k"
    GENERIC = "output"


class RNNKeys:
    """The names of features, and of the parts of states, which are numbered from 0."""

    FINAL_STATE_KEY = "final_state"
    LABELS_KEY = "__labels__"
    SEQUENCE_LENGTH_KEY = "sequence_length"
    STATE_PREFIX = "rnn_cell_state"


_CELL_TYPES = {"basic_rnn": rnn.BasicRNNCell, "lstm": rnn.LSTMCell, "gru": rnn.GRUCell}


def construct_rnn_cell(
    num_units: int | Sequence[int] | None,
    cell_type: Any = "basic_rnn",
    dropout_keep_probabilities: Sequence[float] | None = None,
) -> Cell:
    """A cell, or layers of cells where num_units is a list.

    Args:
      num_units: the size of a layer, or of each.
      cell_type: "basic_rnn", "lstm" or "gru", or a subclass of `RNNCell`.
      dropout_keep_probabilities: as in `apply_dropout`; None for no dropout.

    Raises:
      ValueError: the cell type is another, a size is missing, or the probabilities do not fit.
    """
    sizes = num_units if isinstance(num_units, (list, tuple)) else [num_units]
    made: Any = _CELL_TYPES.get(cell_type, cell_type) if isinstance(cell_type, str) else cell_type
    is_cell = isinstance(made, type) and issubclass(made, rnn.RNNCell)
    if not is_cell:
        raise ValueError(f"The supported cell types are {list(_CELL_TYPES)}; got {cell_type}")
    if None in sizes:
        raise ValueError("num_units must be specified")
    cells: list[Any] = [made(num_units=size) for size in sizes]
    if dropout_keep_probabilities:
        cells = apply_dropout(cells, dropout_keep_probabilities)
    return cells[0] if len(cells) == 1 else rnn.MultiRNNCell(cells)


def apply_dropout(
    cells: Sequence[Cell],
    dropout_keep_probabilities: Sequence[float],
    random_seed: int | None = None,
) -> list[Cell]:
    """Dropout before each cell, and after the last one.

    Raises:
      ValueError: there are not as many probabilities as cells, and one more.
    """
    before = dropout_keep_probabilities[:-1]
    if len(before) != len(cells):
        raise ValueError(
            "The number of dropout probabilities must be one greater than the number of cells. "
            f"Got {len(cells)} cells and {len(dropout_keep_probabilities)} dropout probabilities."
        )
    after = [1.0] * (len(cells) - 1) + [dropout_keep_probabilities[-1]]
    kept = zip(cells, before, after, strict=True)
    return [rnn.DropoutWrapper(cell, inp, out, seed=random_seed) for cell, inp, out in kept]


def concatenate_context_input(sequence_input: Tensor, context_input: Tensor) -> Tensor:
    """`[batch_size, num_steps, size]` and `[batch_size, more]` as `[..., size + more]`."""
    tiled = tf.tile(context_input[:, tf.newaxis], [1, tf.shape(sequence_input)[1], 1])
    return tf.concat([sequence_input, tiled], 2)


def select_last_activations(activations: Tensor, sequence_lengths: Tensor | None) -> Tensor:
    """The last step of each sequence.

    Args:
      activations: `[batch_size, num_steps, size]`.
      sequence_lengths: int `[batch_size]`, at least 1; None for all steps.

    Returns:
      `[batch_size, size]`.
    """
    if sequence_lengths is None:
        return activations[:, -1]
    return tf.gather(activations, sequence_lengths - 1, axis=1, batch_dims=1)


def mask_activations_and_labels(
    activations: Tensor, labels: Tensor, sequence_lengths: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The steps of all sequences one after the other, without what pads them.

    Args:
      activations: `[batch_size, num_steps, ...]`.
      labels: `[batch_size, num_steps]`.
      sequence_lengths: int `[batch_size]`; None for all steps.

    Returns:
      `[sum(sequence_lengths), ...]` and `[sum(sequence_lengths)]`.
    """
    if sequence_lengths is None:
        size = tf.size(labels)
        inner = activations.shape[2:].as_list()
        return tf.reshape(activations, [size, *inner]), tf.reshape(labels, [size])
    mask = tf.sequence_mask(sequence_lengths, tf.shape(labels)[1])
    return tf.boolean_mask(activations, mask), tf.boolean_mask(labels, mask)
