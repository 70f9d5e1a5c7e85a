"""A cell that attends to its own last outputs."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.rnn.linear import _Linear
from tf1rnn.rnn_cell import assert_like_rnncell
from tf1rnn.types import Cell, Dimension, DType, Nest, Reuse, Shape, Sizes, Tensor
from tf1rnn.wrappers import Wrapper


class AttentionCellWrapper(Wrapper):
    """Gives a cell attention to a window of its last outputs (Bahdanau et al. 2014, 1409.0473).

        inputs = [inputs, attention] W_i + b_i
        output, state = cell(inputs, state)
        scores_t = v · tanh(window_t K + [state] W_a + b_a), for the steps t of the window
        attention = sum_t softmax(scores)_t * window_t
        output = [output, attention] W_o + b_o
        window = window without its first, output

    The state is `(the cell's, attention, window)`. Variables: `kernel`, `bias`;
    `attention/attn_w` (K) `[1, 1, attn_size, attn_vec_size]`, `attention/attn_v`,
    `attention/kernel`, `attention/bias`; `attn_output_projection/kernel` and `.../bias`.

    Args:
      cell: the cell.
      attn_length: how many outputs the window holds.
      attn_size: size of an output; the cell's `output_size` by default.
      attn_vec_size: size of v; `attn_size` by default.
      input_size: size of what the cell is given; that of the inputs by default.
      state_is_tuple: False carries the state as one tensor, its parts side by side.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.

    Raises:
      TypeError: `cell` is no cell.
      ValueError: `attn_length` is not positive, or the state is to be one tensor and the cell's is
        none.
    """

    def __init__(
        self,
        cell: Cell,
        attn_length: int,
        attn_size: Dimension | None = None,
        attn_vec_size: Dimension | None = None,
        input_size: Dimension | None = None,
        state_is_tuple: bool = True,
        reuse: Reuse = None,
    ) -> None:
        assert_like_rnncell("cell", cell)
        super().__init__(cell, _reuse=reuse)
        if tf.nest.is_nested(cell.state_size) and not state_is_tuple:
            raise ValueError(
                "Cell returns tuple of states, but the flag state_is_tuple is not set. "
                f"State size is: {cell.state_size}"
            )
        if attn_length <= 0:
            raise ValueError(f"attn_length should be greater than zero, got {attn_length}")
        self._state_is_tuple = state_is_tuple
        self._attn_length = attn_length
        self._attn_size = cell.output_size if attn_size is None else attn_size
        self._attn_vec_size = self._attn_size if attn_vec_size is None else attn_vec_size
        self._input_size = input_size
        self._linear1: _Linear | None = None
        self._linear2: _Linear | None = None
        self._linear3: _Linear | None = None

    @property
    def state_size(self) -> Sizes:
        """`(the cell's, attn_size, attn_size * attn_length)`, or their sum."""
        sizes = (self.cell.state_size, self._attn_size, self._attn_size * self._attn_length)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Dimension:
        """`attn_size`."""
        return self._attn_size

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        """Zeros for all parts of the state."""
        return super(Wrapper, self).zero_state(batch_size, dtype)

    def build(self, inputs_shape: Shape) -> None:
        """Makes nothing: the variables are made by the first call."""
        self.built = True

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> the output and the next state."""
        if not self._state_is_tuple:
            state = tf.split(
                state,
                [self.cell.state_size, self._attn_size, self._attn_size * self._attn_length],
                axis=1,
            )
        cell_state, attention, window = state
        window = tf.reshape(window, [-1, self._attn_length, self._attn_size])
        seen = [inputs, attention]
        if self._linear1 is None:
            self._linear1 = _Linear(seen, self._input_size or inputs.shape.as_list()[1], True)
        output, cell_state = self.cell(self._linear1(seen), cell_state)
        query = tf.concat(tf.nest.flatten(cell_state), axis=1)
        attention, window = self._attention(query, window)
        with tf.variable_scope("attn_output_projection"):
            seen = [output, attention]
            if self._linear2 is None:
                self._linear2 = _Linear(seen, self._attn_size, True)
            output = self._linear2(seen)
        window = tf.concat([window, output[:, tf.newaxis]], axis=1)
        window = tf.reshape(window, [-1, self._attn_length * self._attn_size])
        parts = (cell_state, attention, window)
        return output, parts if self._state_is_tuple else tf.concat(parts, axis=1)

    def _attention(self, query: Tensor, attn_states: Tensor) -> tuple[Tensor, Tensor]:
        """The window's steps, weighted by how well they match the query.

        Args:
          query: `[batch_size, depth]`, the state.
          attn_states: the window, `[batch_size, attn_length, attn_size]`.

        Returns:
          The attention `[batch_size, attn_size]`, and the window without its first step.
        """
        window = attn_states
        with tf.variable_scope("attention"):
            shape = [1, 1, self._attn_size, self._attn_vec_size]
            k = tf.get_variable("attn_w", shape, dtype=window.dtype)
            v = tf.get_variable("attn_v", [self._attn_vec_size], dtype=window.dtype)
            if self._linear3 is None:
                self._linear3 = _Linear(query, self._attn_vec_size, True)
            features = tf.einsum("btd,de->bte", window, k[0, 0])
            hidden = tf.tanh(features + self._linear3(query)[:, tf.newaxis])
            weights = tf.nn.softmax(tf.reduce_sum(v * hidden, axis=2))
        return tf.reduce_sum(weights[:, :, tf.newaxis] * window, axis=1), window[:, 1:]
