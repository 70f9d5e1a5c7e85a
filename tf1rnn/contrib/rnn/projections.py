"""Wrappers with a map around a cell: of its inputs, of its outputs, of symbols to vectors."""

from __future__ import annotations

import math

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.rnn.linear import _Linear
from tf1rnn.faster import fast_sequence
from tf1rnn.options import Activation
from tf1rnn.types import Cell, Dimension, DType, Initializer, Nest, Reuse, Shape, Tensor
from tf1rnn.wrappers import Wrapper


class _Mapped(Wrapper):
    """A cell with a map before or after it.

    Args:
      cell: the cell.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.

    Raises:
      TypeError: `cell` is no cell.
    """

    def __init__(self, cell: Cell, reuse: Reuse = None) -> None:
        super().__init__(cell, _reuse=reuse)

    def build(self, inputs_shape: Shape) -> None:
        """Makes nothing: the wrapped cell makes its variables when it is called."""
        self.built = True


class EmbeddingWrapper(_Mapped):
    """Gives a cell vectors for the symbols that are its inputs.

    The inputs are ints `[batch_size, 1]`. Variable: `embedding`
    `[embedding_classes, embedding_size]`, in the dtype of the state.

    Args:
      cell: the cell.
      embedding_classes: how many symbols there are.
      embedding_size: size of a symbol's vector.
      initializer: of the vectors; by default that of the variable scope, or else uniform with
        variance 1.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.

    Raises:
      TypeError: `cell` is no cell.
      ValueError: one of the sizes is not positive.
    """

    def __init__(
        self,
        cell: Cell,
        embedding_classes: int,
        embedding_size: int,
        initializer: Initializer | None = None,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(
                "Both embedding_classes and embedding_size must be > 0: "
                f"{embedding_classes}, {embedding_size}."
            )
        self._shape = [embedding_classes, embedding_size]
        self._initializer = initializer
        self._embedding: Tensor | None = None

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, 1]` and the state -> the cell's output and next state."""
        with tf.device("/cpu:0"):
            vectors = self._embedded(tf.reshape(inputs, [-1]), state)
            return self.cell(vectors, state)

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The wrapped cell's faster way, if it has one."""
        if inputs.shape.as_list()[2:] != [1]:
            return None
        with self.cell_scope(inputs), tf.device("/cpu:0"):
            vectors = self._embedded(inputs[:, :, 0], initial_state)
            return fast_sequence(self.cell, vectors, initial_state, sequence_length)

    def _embedded(self, symbols: Tensor, state: Nest) -> Tensor:
        if self._embedding is None:
            self._embedding = self._add_embedding(tf.nest.flatten(state)[0].dtype)
        return tf.nn.embedding_lookup(self._embedding, symbols)

    def _add_embedding(self, dtype: DType) -> Tensor:
        bound = math.sqrt(3)  # variance 1
        start = self._initializer or tf.get_variable_scope().initializer
        start = start or tf.random_uniform_initializer(-bound, bound)
        return tf.get_variable("embedding", self._shape, dtype=dtype, initializer=start)


class InputProjectionWrapper(_Mapped):
    """Gives a cell a linear map of its inputs.

    Variables: `kernel` `[depth, num_proj]` and `bias` `[num_proj]`.

    Args:
      cell: the cell.
      num_proj: size of what the cell is given.
      activation: a function of what it is given; none by default.
      input_size: not used.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.

    Raises:
      TypeError: `cell` is no cell.
    """

    def __init__(
        self,
        cell: Cell,
        num_proj: Dimension,
        activation: Activation | None = None,
        input_size: Dimension | None = None,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(cell, reuse)
        self._num_proj = num_proj
        self._activation = activation
        self._linear: _Linear | None = None

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> the cell's output and next state."""
        return self.cell(self._projected(inputs), state)

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The wrapped cell's faster way, if it has one."""
        with self.cell_scope(inputs):
            projected = in_rows(self._projected, inputs)
            return fast_sequence(self.cell, projected, initial_state, sequence_length)

    def _projected(self, inputs: Tensor) -> Tensor:
        if self._linear is None:
            self._linear = _Linear(inputs, self._num_proj, True)
        projected = self._linear(inputs)
        return self._activation(projected) if self._activation else projected


class OutputProjectionWrapper(_Mapped):
    """Puts out a linear map of a cell's output.

    Variables: `kernel` `[the cell's output_size, output_size]` and `bias` `[output_size]`.

    Args:
      cell: the cell.
      output_size: size of the output.
      activation: a function of the output; none by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.

    Raises:
      TypeError: `cell` is no cell.
      ValueError: `output_size` is not positive.
    """

    def __init__(
        self,
        cell: Cell,
        output_size: int,
        activation: Activation | None = None,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(cell, reuse)
        if output_size < 1:
            raise ValueError(f"Parameter output_size must be > 0: {output_size}.")
        self._output_size = output_size
        self._activation = activation
        self._linear: _Linear | None = None

    @property
    def output_size(self) -> int:
        """The size that was given."""
        return self._output_size

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> the projected output and the next state."""
        output, state = self.cell(inputs, state)
        return self._projected(output), state

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The wrapped cell's faster way, if it has one; past a row's length outputs are zero."""
        with self.cell_scope(inputs):
            done = fast_sequence(self.cell, inputs, initial_state, sequence_length)
            if done is None:
                return None
            outputs, state = done
            projected = in_rows(self._projected, outputs)
        if sequence_length is not None:
            inside = tf.sequence_mask(sequence_length, tf.shape(outputs)[0])
            inside = tf.transpose(inside)[:, :, tf.newaxis]
            projected = tf.where_v2(inside, projected, tf.zeros([], projected.dtype))
        return projected, state

    def _projected(self, output: Tensor) -> Tensor:
        if self._linear is None:
            self._linear = _Linear(output, self._output_size, True)
        projected = self._linear(output)
        return self._activation(projected) if self._activation else projected


def in_rows(step: Activation, sequence: Tensor) -> Tensor:
    """A function of `[batch_size, depth]`, applied to `[num_steps, batch_size, depth]` at once."""
    depth = sequence.shape.as_list()[-1]
    done = step(tf.reshape(sequence, [-1, depth]))
    steps, rows, _ = sequence.shape.as_list()
    shape = tf.concat([tf.shape(sequence)[:2], tf.shape(done)[1:]], axis=0)
    made = tf.reshape(done, shape)
    made.set_shape([steps, rows, done.shape.as_list()[-1]])
    return made
