"""The attention wrapper of TensorFlow 1.1, whose state is the cell's and the attention alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.attention_wrapper import AttentionWrapper, AttentionWrapperState
from tf1rnn.types import Cell, Dimension, DType, Nest, Tensor


class DynamicAttentionWrapperState(NamedTuple):
    """The state of a `DynamicAttentionWrapper`: the cell's, and what was read last."""

    cell_state: Nest
    attention: Tensor


class DynamicAttentionWrapper(AttentionWrapper):
    """A cell with one memory; `AttentionWrapper`, which took its place, says what it computes.

    Args:
      cell: an RNN cell.
      attention_mechanism: a mechanism that asks for no state.
      attention_size: depth of the attention.
      cell_input_fn: a function `(inputs, attention)` to the cell's inputs; by default they are
        concatenated.
      probability_fn: a function of the scores `[batch_size, max_time]` to the alignments, in place
        of the mechanism's own.
      output_attention: whether the output is the attention, or the cell's output.
      name: name of the variable scope.
    """

    def __init__(
        self,
        cell: Cell,
        attention_mechanism: Any,
        attention_size: int,
        cell_input_fn: Callable[[Nest, Tensor], Nest] | None = None,
        probability_fn: Callable[[Tensor], Tensor] | None = None,
        output_attention: bool = True,
        name: str | None = None,
    ) -> None:
        if probability_fn is not None:
            attention_mechanism._probability_fn = lambda score, _: probability_fn(score)
        super().__init__(
            cell,
            attention_mechanism,
            attention_size,
            cell_input_fn=cell_input_fn,
            output_attention=output_attention,
            name=name,
        )

    @property
    def state_size(self) -> Any:
        """The cell's, and `attention_size`."""
        return DynamicAttentionWrapperState(self._cell.state_size, self._attention_layer_size)

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Any:
        """Zeros; see `AttentionWrapper.zero_state`."""
        state = super().zero_state(batch_size, dtype)
        return DynamicAttentionWrapperState(state.cell_state, state.attention)

    def call(self, inputs: Nest, state: Any) -> tuple[Tensor, Any]:
        """Computes one step of the cell and reads the memory."""
        whole = AttentionWrapperState(state.cell_state, state.attention, tf.constant(0), ())
        output, whole = super().call(inputs, whole)
        return output, DynamicAttentionWrapperState(whole.cell_state, whole.attention)
