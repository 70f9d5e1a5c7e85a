"""What cuDNN's networks compute, with TensorFlow's ops alone: layer after layer, each direction."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn import kernels
from tf1rnn.contrib.cudnn_rnn.modes import (
    CUDNN_GRU,
    CUDNN_LSTM,
    CUDNN_RNN_RELU,
    CUDNN_RNN_TANH,
)
from tf1rnn.contrib.cudnn_rnn.params import CudnnParamsFormatConverter
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Tensor
from tf1rnn.unroll import dynamic_rnn

State = tuple[Tensor, ...]  # h, and for an LSTM c, each [batch_size, num_units]
Sequence = Callable[..., tuple[Tensor, State]]


def compute(
    converter: CudnnParamsFormatConverter,
    params: Tensor,
    inputs: Tensor,
    state: State,
    sequence_lengths: Tensor | None,
    dropout: float,
    seeds: tuple[int, int],
) -> tuple[Tensor, State]:
    """Runs a network.

    Args:
      converter: what knows the network and its weights.
      params: the opaque vector of weights.
      inputs: `[num_steps, batch_size, input_size]`.
      state: the parts of the initial state, `[num_layers * num_dirs, batch_size, num_units]`.
      sequence_lengths: int `[batch_size]`, or None where all rows are whole.
      dropout: which share of each layer's inputs but the first's is dropped.
      seeds: those of the dropout.

    Returns:
      The outputs `[num_steps, batch_size, num_dirs * num_units]`, zero past a row's length, and
      the final state, as the initial one.
    """
    run = SEQUENCES[converter._rnn_mode]
    num_dirs = converter._num_dirs
    inputs = tf.ensure_shape(inputs, [None, None, converter._input_size])
    weights = converter.opaque_to_cells(params)
    states = list(zip(*map(tf.unstack, _with_known_size(state, len(weights))), strict=True))
    finals: list[State] = []
    for first in range(0, len(weights), num_dirs):
        if first and dropout:
            inputs = _dropped(inputs, dropout, (seeds[0], seeds[1] + first))
        outputs = []
        for direction in range(num_dirs):
            cell_weights, initial = weights[first + direction], states[first + direction]
            turned = inputs if direction == 0 else _turned(inputs, sequence_lengths)
            y, final = run(turned, initial, *cell_weights, sequence_lengths)
            outputs.append(y if direction == 0 else _turned(y, sequence_lengths))
            finals.append(final)
        inputs = outputs[0] if num_dirs == 1 else tf.concat(outputs, axis=2)
    return inputs, tuple(tf.stack(part) for part in zip(*finals, strict=True))


def _with_known_size(state: State, count: int) -> list[Tensor]:
    return [tf.ensure_shape(part, [count, None, None]) for part in state]


def _turned(x: Tensor, sequence_lengths: Tensor | None) -> Tensor:
    """Time-major sequences, each row from its last step to its first."""
    if sequence_lengths is None:
        return tf.reverse(x, [0])
    return tf.reverse_sequence(x, sequence_lengths, seq_axis=0, batch_axis=1)


def _dropped(x: Tensor, rate: float, seeds: tuple[int, int]) -> Tensor:
    """Dropout, new in every run; the same in every run where cuDNN's variable asks for that."""
    if rate >= 1.0:
        return tf.zeros_like(x)
    if os.environ.get("TF_CUDNN_RESET_RND_GEN_STATE", "").lower() in ("1", "true"):
        drawn = tf.random.stateless_uniform(tf.shape(x), seeds, dtype=x.dtype)
        return tf.where(drawn < rate, tf.zeros_like(x), x / (1.0 - rate))
    return tf.nn.dropout(x, rate=rate, seed=None if not any(seeds) else sum(seeds))


def _lstm(
    inputs: Tensor,
    state: State,
    kernels_of_cell: list[Tensor],
    biases: list[Tensor],
    sequence_lengths: Tensor | None,
) -> tuple[Tensor, State]:
    h, c = state
    outputs, c, h = kernels.lstm_sequence(
        inputs, c, h, kernels_of_cell[0], biases[0], 0.0, sequence_lengths
    )
    return outputs, (h, c)


def _tanh(
    inputs: Tensor,
    state: State,
    kernels_of_cell: list[Tensor],
    biases: list[Tensor],
    sequence_lengths: Tensor | None,
) -> tuple[Tensor, State]:
    outputs, h = kernels.rnn_sequence(
        inputs, state[0], kernels_of_cell[0], biases[0], sequence_lengths
    )
    return outputs, (h,)


def _relu(
    inputs: Tensor,
    state: State,
    kernels_of_cell: list[Tensor],
    biases: list[Tensor],
    sequence_lengths: Tensor | None,
) -> tuple[Tensor, State]:
    depth = tf.compat.dimension_value(inputs.shape[2])
    of_inputs, of_state = kernels_of_cell[0][:depth], kernels_of_cell[0][depth:]
    projected = tf.tensordot(inputs, of_inputs, 1) + biases[0]
    cell = _StateCell(of_state, lambda z, h, product: tf.nn.relu(z + product))
    return _stepped(cell, projected, state, sequence_lengths)


def _gru(
    inputs: Tensor,
    state: State,
    kernels_of_cell: list[Tensor],
    biases: list[Tensor],
    sequence_lengths: Tensor | None,
) -> tuple[Tensor, State]:
    """A GRU whose inputs meet their weights ahead of the loop, all steps at once."""
    gates, w_c, r_c = kernels_of_cell
    b_gates, b_c, b_rc = biases
    depth = tf.compat.dimension_value(inputs.shape[2])
    of_inputs = tf.concat([gates[:depth], w_c], axis=1)
    of_state = tf.concat([gates[depth:], r_c], axis=1)
    projected = tf.tensordot(inputs, of_inputs, 1) + tf.concat([b_gates, b_c], axis=0)

    def step(z: Tensor, h: Tensor, product: Tensor) -> Tensor:
        z_r, z_u, z_c = tf.split(z, 3, axis=1)
        h_r, h_u, h_c = tf.split(product, 3, axis=1)
        u = tf.sigmoid(z_u + h_u)
        candidate = tf.tanh(z_c + tf.sigmoid(z_r + h_r) * (h_c + b_rc))
        return (1.0 - u) * candidate + u * h

    return _stepped(_StateCell(of_state, step), projected, state, sequence_lengths)


class _StateCell(RNNCell):
    """A cell that is fed with its inputs' share of the pre-activations, and has weights given.

    Args:
      kernel: what the state meets, `[num_units, n]`.
      step: a function of the inputs, the state and its product to the next state.
    """

    def __init__(self, kernel: Tensor, step: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self._kernel = kernel
        self._step = step

    @property
    def state_size(self) -> Any:
        """num_units."""
        return tf.compat.dimension_value(self._kernel.shape[0])

    @property
    def output_size(self) -> Any:
        """num_units."""
        return self.state_size

    def call(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs' share and the state -> output and state, the same tensor."""
        output = self._step(inputs, state, tf.matmul(state, self._kernel))
        return output, output


def _stepped(
    cell: RNNCell, projected: Tensor, state: State, sequence_lengths: Tensor | None
) -> tuple[Tensor, State]:
    outputs, h = dynamic_rnn(
        cell, projected, sequence_lengths, initial_state=state[0], time_major=True
    )
    return outputs, (h,)


SEQUENCES: dict[str, Sequence] = {
    CUDNN_LSTM: _lstm,
    CUDNN_GRU: _gru,
    CUDNN_RNN_RELU: _relu,
    CUDNN_RNN_TANH: _tanh,
}
