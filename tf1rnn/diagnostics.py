"""What a trained graph does not show by itself: how gradients flow back through time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.nests import known_batch_size
from tf1rnn.rnn_cell import time_step
from tf1rnn.steps import zero_state
from tf1rnn.types import Cell, Dimension, DType, Nest, Scope, Tensor
from tf1rnn.unroll import dynamic_rnn


def gradient_flow(
    cell: Cell,
    inputs: Tensor,
    loss_fn: Callable[[Tensor], Tensor],
    initial_state: Nest = None,
    time_major: bool = False,
    scope: Scope = None,
) -> Nest:
    """Norms of d loss / d state(t) for every t: what a step of the past still has to say.

    Hochreiter 1991; Bengio et al. 1994, "Learning long-term dependencies with gradient descent is
    difficult"; Pascanu et al. 2013 (arXiv 1211.5063). This is backpropagation through time as a
    loop that keeps the error of every step:

        d_state = 0
        for t = num_steps, ..., 1:
            output, state(t) = cell(inputs(t), state(t - 1))
            norms(t) = norm of (d_state + d_output(t)) taken back to state(t)
            d_state = (d_state + d_output(t)) taken back to state(t - 1)
        norms(0) = norm of d_state

    The cell is called step by step, with the variables it has, beside whatever else the graph
    does with it. Dropout with `step` draws the masks that an unroller draws; without, it draws
    new ones on the way back. The derivative is the graph's: where h(t) follows from c(t), in an
    LSTM, the gradient of c(t) includes that of h(t).

    Args:
      cell: an RNN cell whose output is one tensor.
      inputs: `[batch_size, num_steps, depth]`; num_steps may be unknown.
      loss_fn: a function of the outputs `[batch_size, num_steps, output_size]` that gives a
        scalar. For the loss of the last step alone it looks at `outputs[:, -1]` alone.
      initial_state: nest of the structure of `cell.state_size`; zeros by default.
      time_major: inputs and outputs are `[num_steps, batch_size, ...]`.
      scope: variable scope or its name, "rnn" by default, for a cell without variables yet.

    Returns:
      A nest like the state; in place of each tensor the norms `[num_steps + 1]`, over batch and
      units, in its dtype. Entry t belongs to state(t), entry 0 to the initial state.
    """
    if not time_major:
        inputs = tf.transpose(inputs, [1, 0, 2])
    if initial_state is None:
        initial_state = zero_state(cell, known_batch_size(inputs, axis=1), inputs.dtype)
    (outputs, states), _ = dynamic_rnn(
        _WithState(cell), inputs, initial_state=initial_state, time_major=True, scope=scope
    )
    loss = loss_fn(outputs if time_major else tf.transpose(outputs, [1, 0, 2]))
    (d_outputs,) = tf.gradients(loss, [outputs])
    before = tf.nest.map_structure(
        lambda first, rest: tf.concat([first[tf.newaxis], rest[:-1]], axis=0), initial_state, states
    )
    return _back_through_time(cell, inputs, before, d_outputs)


def state_parts(state: Any) -> Mapping[str, Any]:
    """The parts of one cell's state, or of anything like it, by the names that papers give them.

    `{"c": ..., "h": ...}` for an `LSTMStateTuple`, `{"h": ...}` for a single tensor.
    """
    return state._asdict() if hasattr(state, "_asdict") else {"h": state}


class _WithState:
    """A cell that gives out its state, too: the output is `(output, state)`."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self.state_size = cell.state_size
        self.output_size = (cell.output_size, cell.state_size)

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        return zero_state(self._cell, batch_size, dtype)

    def __call__(self, inputs: Nest, state: Nest) -> tuple[Nest, Nest]:
        output, state = self._cell(inputs, state)
        return (output, state), state


def _back_through_time(cell: Cell, inputs: Tensor, before: Nest, d_outputs: Tensor) -> Nest:
    """The norms, from the states before each step and the gradients of the outputs."""
    num_steps = tf.shape(inputs)[0]
    sequences = tf.nest.flatten(before)
    norms = [tf.TensorArray(x.dtype, size=num_steps + 1, element_shape=[]) for x in sequences]

    def write(
        t: int | Tensor, norms: list[tf.TensorArray], gradients: list[Tensor]
    ) -> list[tf.TensorArray]:
        return [
            array.write(t, tf.sqrt(tf.reduce_sum(tf.square(gradient))))
            for array, gradient in zip(norms, gradients, strict=True)
        ]

    def step(
        t: Tensor, d_state: list[Tensor], norms: list[tf.TensorArray]
    ) -> tuple[Tensor, list[Tensor], list[tf.TensorArray]]:
        previous = tf.nest.map_structure(lambda x: x[t - 1], before)
        with time_step(t - 1):
            output, state = cell(inputs[t - 1], previous)
        here, there = tf.nest.flatten(state), tf.nest.flatten(previous)
        gradients = tf.gradients(
            [output, *here],
            [*here, *there],
            [d_outputs[t - 1], *d_state],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        norms = write(t, norms, gradients[: len(here)])
        return t - 1, gradients[len(here) :], norms

    zeros = [tf.zeros_like(x[0]) for x in sequences]
    _, d_state, norms = tf.while_loop(lambda t, *_: t > 0, step, (num_steps, zeros, norms))
    norms = [array.stack() for array in write(0, norms, d_state)]
    return tf.nest.pack_sequence_as(before, norms)
