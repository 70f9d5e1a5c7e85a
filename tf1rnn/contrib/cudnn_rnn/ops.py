"""cuDNN's networks as functions of an opaque vector of weights, and the ways from and to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.cudnn_rnn.computation import compute
from tf1rnn.contrib.cudnn_rnn.modes import (
    CUDNN_GRU,
    CUDNN_INPUT_LINEAR_MODE,
    CUDNN_LSTM,
    CUDNN_RNN_RELU,
    CUDNN_RNN_TANH,
    CUDNN_RNN_UNIDIRECTION,
    check_direction,
    check_rnn_mode,
)
from tf1rnn.contrib.cudnn_rnn.params import CONVERTERS, CudnnParamsFormatConverter
from tf1rnn.types import DType, Tensor


def run(
    converter: CudnnParamsFormatConverter,
    params: Tensor,
    inputs: Tensor,
    state: tuple[Tensor, ...],
    sequence_lengths: Tensor | None,
    time_major: bool,
    dropout: float,
    seed: int | None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """`compute` for inputs and states of either order; see `CudnnLSTM` for the arguments."""
    inputs = tf.convert_to_tensor(inputs)
    params = tf.convert_to_tensor(params)
    state = tuple(tf.convert_to_tensor(part, dtype=inputs.dtype) for part in state)
    if sequence_lengths is not None:
        sequence_lengths = tf.cast(sequence_lengths, tf.int32)
    if not time_major:
        inputs, *state_parts = (tf.transpose(x, [1, 0, 2]) for x in (inputs, *state))
        state = tuple(state_parts)
    graph_seed, op_seed = (one or 0 for one in tf.get_seed(seed))
    seeds = graph_seed, op_seed
    outputs, state = compute(converter, params, inputs, state, sequence_lengths, dropout, seeds)
    if not time_major:
        outputs, *state_parts = (tf.transpose(x, [1, 0, 2]) for x in (outputs, *state))
        state = tuple(state_parts)
    return outputs, state


class _OpaqueRNN:
    """A network whose opaque vector of weights the caller makes and hands in.

    So the names `CudnnLSTM` ... of `tf.contrib.cudnn_rnn` worked up to TensorFlow 1.3, and later
    those of its module `cudnn_rnn_ops`.

    Args:
      num_layers, num_units, input_size: of the network.
      input_mode: "linear_input", or "auto_select" where that is the same.
      direction: "unidirectional" or "bidirectional".
      dtype: of the weights.
      dropout: which share of the inputs of each layer but the first is dropped in training.
      seed: seed of the dropout.

    Raises:
      ValueError: there is no such direction or input mode.
      NotImplementedError: the inputs would have no weights.
    """

    _rnn_mode = ""

    def __init__(
        self,
        num_layers: int,
        num_units: int,
        input_size: int,
        input_mode: str = CUDNN_INPUT_LINEAR_MODE,
        direction: str = CUDNN_RNN_UNIDIRECTION,
        dtype: DType = tf.float32,
        dropout: float = 0.0,
        seed: int | None = 0,
    ) -> None:
        self.num_layers = num_layers
        self.num_units = num_units
        self.input_size = input_size
        self.input_mode = input_mode
        self.direction = direction
        self.rnn_mode = self._rnn_mode
        self._dropout = dropout
        self._seed = seed
        self._converter = CONVERTERS[self._rnn_mode](
            num_layers, num_units, input_size, input_mode, direction
        )

    def params_size(self) -> Tensor:
        """How long the opaque vector is: an int32 scalar tensor."""
        return tf.constant(self._converter.params_size())

    def params_to_canonical(self, params: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The opaque vector -> its matrices and its biases; see `params`."""
        return self._converter._opaque_to_cu_canonical(params)

    def canonical_to_params(self, weights: list[Tensor], biases: list[Tensor]) -> Tensor:
        """Matrices and biases -> the opaque vector."""
        return self._converter._cu_canonical_to_opaque(weights, biases)

    def _run(
        self,
        inputs: Tensor,
        state: tuple[Tensor, ...],
        params: Tensor,
        sequence_lengths: Tensor | bool | None,
        time_major: bool,
        is_training: bool,
    ) -> tuple[Tensor, ...]:
        if isinstance(sequence_lengths, bool):  # is_training stood here before 1.13
            is_training, sequence_lengths = sequence_lengths, None
        dropout = self._dropout if is_training else 0.0
        outputs, state = run(
            self._converter,
            params,
            inputs,
            state,
            sequence_lengths,
            time_major,
            dropout,
            self._seed,
        )
        return outputs, *state


class _OpaqueLSTM(_OpaqueRNN):
    _rnn_mode = CUDNN_LSTM

    def __call__(
        self,
        input_data: Tensor,
        input_h: Tensor,
        input_c: Tensor,
        params: Tensor,
        sequence_lengths: Tensor | bool | None = None,
        time_major: bool = True,
        is_training: bool = True,
    ) -> tuple[Tensor, ...]:
        """Runs the network; returns outputs, h and c. The arguments are those of `cudnn_lstm`."""
        state = input_h, input_c
        return self._run(input_data, state, params, sequence_lengths, time_major, is_training)


class _OpaqueWithoutC(_OpaqueRNN):
    def __call__(
        self,
        input_data: Tensor,
        input_h: Tensor,
        params: Tensor,
        sequence_lengths: Tensor | bool | None = None,
        time_major: bool = True,
        is_training: bool = True,
    ) -> tuple[Tensor, ...]:
        """Runs the network; returns outputs and h. The arguments are those of `cudnn_gru`."""
        return self._run(input_data, (input_h,), params, sequence_lengths, time_major, is_training)


class _OpaqueGRU(_OpaqueWithoutC):
    _rnn_mode = CUDNN_GRU


class _OpaqueRNNTanh(_OpaqueWithoutC):
    _rnn_mode = CUDNN_RNN_TANH


class _OpaqueRNNRelu(_OpaqueWithoutC):
    _rnn_mode = CUDNN_RNN_RELU


OPAQUE_RNNS: dict[str, Any] = {
    one._rnn_mode: one for one in (_OpaqueLSTM, _OpaqueGRU, _OpaqueRNNTanh, _OpaqueRNNRelu)
}


def cudnn_lstm(
    inputs: Tensor,
    input_h: Tensor,
    input_c: Tensor,
    params: Tensor,
    is_training: bool,
    sequence_lengths: Tensor | None = None,
    time_major: bool = True,
    input_mode: str = CUDNN_INPUT_LINEAR_MODE,
    direction: str = CUDNN_RNN_UNIDIRECTION,
    dropout: float = 0.0,
    seed: int | None = 0,
) -> tuple[Tensor, ...]:
    """Layers of LSTM cells; see `CudnnLSTM`.

    Args:
      inputs: `[num_steps, batch_size, input_size]`.
      input_h, input_c: the initial state, each `[num_layers * num_dirs, batch_size, num_units]`,
        of which the first and last dimension must be known.
      params: the opaque vector of weights.
      is_training: whether there is dropout.
      sequence_lengths: int `[batch_size]`, or None where all rows are whole.
      time_major: False has the first two dimensions of all of these change places.
      input_mode, direction, dropout, seed: as in `CudnnLSTM`.

    Returns:
      `(outputs, h, c)`: outputs `[num_steps, batch_size, num_dirs * num_units]`, final state.
    """
    model = _model(CUDNN_LSTM, inputs, input_h, time_major, input_mode, direction, dropout, seed)
    return model(inputs, input_h, input_c, params, sequence_lengths, time_major, is_training)


def _without_c(rnn_mode: str, name: str) -> Callable[..., tuple[Tensor, ...]]:
    def function(
        inputs: Tensor,
        input_h: Tensor,
        params: Tensor,
        is_training: bool,
        sequence_lengths: Tensor | None = None,
        time_major: bool = True,
        input_mode: str = CUDNN_INPUT_LINEAR_MODE,
        direction: str = CUDNN_RNN_UNIDIRECTION,
        dropout: float = 0.0,
        seed: int | None = 0,
    ) -> tuple[Tensor, ...]:
        """Layers of cells whose state is h alone; the arguments are those of `cudnn_lstm`."""
        model = _model(rnn_mode, inputs, input_h, time_major, input_mode, direction, dropout, seed)
        return model(inputs, input_h, params, sequence_lengths, time_major, is_training)

    function.__name__ = function.__qualname__ = name
    return function


cudnn_gru = _without_c(CUDNN_GRU, "cudnn_gru")
cudnn_rnn_tanh = _without_c(CUDNN_RNN_TANH, "cudnn_rnn_tanh")
cudnn_rnn_relu = _without_c(CUDNN_RNN_RELU, "cudnn_rnn_relu")


def _model(
    rnn_mode: str,
    inputs: Tensor,
    input_h: Tensor,
    time_major: bool,
    input_mode: str,
    direction: str,
    dropout: float,
    seed: int | None,
) -> Any:
    """The network that shapes and arguments tell."""
    check_direction(direction)
    states = tf.compat.dimension_value(input_h.shape[0 if time_major else 1])
    num_units = tf.compat.dimension_value(input_h.shape[2])
    return OPAQUE_RNNS[rnn_mode](
        states if direction == CUDNN_RNN_UNIDIRECTION else states // 2,
        num_units,
        tf.compat.dimension_value(inputs.shape[2]),
        input_mode,
        direction,
        dropout=dropout,
        seed=seed,
    )


def cudnn_rnn_opaque_params_to_canonical(
    rnn_mode: str,
    num_layers: int,
    num_units: int,
    input_size: int,
    params: Tensor,
    input_mode: str = CUDNN_INPUT_LINEAR_MODE,
    direction: str = CUDNN_RNN_UNIDIRECTION,
    **_: Any,
) -> tuple[list[Tensor], list[Tensor]]:
    """An opaque vector -> its matrices and its biases; see `params`.

    Args:
      rnn_mode, num_layers, num_units, input_size, input_mode, direction: of the network.
      params: the vector.

    Raises:
      ValueError: there is no such kind of network, direction or input mode.
    """
    check_rnn_mode(rnn_mode)
    model = OPAQUE_RNNS[rnn_mode](num_layers, num_units, input_size, input_mode, direction)
    return model.params_to_canonical(params)


def cudnn_rnn_canonical_to_opaque_params(
    rnn_mode: str,
    num_layers: int,
    num_units: int,
    input_size: int,
    weights: list[Tensor],
    biases: list[Tensor],
    input_mode: str = CUDNN_INPUT_LINEAR_MODE,
    direction: str = CUDNN_RNN_UNIDIRECTION,
    **_: Any,
) -> Tensor:
    """Matrices and biases -> the opaque vector; the reverse of the function before."""
    check_rnn_mode(rnn_mode)
    model = OPAQUE_RNNS[rnn_mode](num_layers, num_units, input_size, input_mode, direction)
    return model.canonical_to_params(weights, biases)


def cudnn_rnn_opaque_params_size(
    rnn_mode: str,
    num_layers: int,
    num_units: int,
    input_size: int,
    input_mode: str = CUDNN_INPUT_LINEAR_MODE,
    direction: str = CUDNN_RNN_UNIDIRECTION,
    **_: Any,
) -> Tensor:
    """How long the opaque vector is: an int32 scalar tensor. Arguments, errors: as before."""
    check_rnn_mode(rnn_mode)
    model = OPAQUE_RNNS[rnn_mode](num_layers, num_units, input_size, input_mode, direction)
    return model.params_size()
