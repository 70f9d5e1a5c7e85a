"""The weights of cuDNN's networks in their three forms, and the ways between them.

Opaque: one vector, all matrices one after the other, then all biases. It is what cuDNN lays out
on a GPU, where it needs no padding. `cu canonical`: the list of these matrices and that of these
biases. `tf canonical`: the kernels and biases of cells, as checkpoints hold them.

The order is layer after layer, of each the forward direction before the backward one, of each the
parts that meet the inputs before those that meet the state. The parts are the gates i, f, c, o of
an LSTM and r, u, c of a GRU; a matrix is `[num_units, input_size]` or `[num_units, num_units]`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.contrib.cudnn_rnn.modes import (
    CUDNN_GRU,
    CUDNN_INPUT_LINEAR_MODE,
    CUDNN_LSTM,
    CUDNN_RNN_RELU,
    CUDNN_RNN_TANH,
    CUDNN_RNN_UNIDIRECTION,
    PARAMS_PER_LAYER,
    check_direction,
    check_linear_inputs,
)
from tf1rnn.types import Tensor

Tensors = list[Tensor]


class CudnnParamsFormatConverter:
    """Converts the weights of one network; a subclass knows how a layer's cell holds them.

    Args:
      num_layers, num_units: of the network.
      input_size: size of the first layer's inputs.
      input_mode: "linear_input"; no other is computed here.
      direction: "unidirectional" or "bidirectional".

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
    ) -> None:
        check_direction(direction)
        check_linear_inputs(input_mode, input_size, num_units)
        self._num_layers = num_layers
        self._num_units = num_units
        self._input_size = input_size
        self._num_dirs = 1 if direction == CUDNN_RNN_UNIDIRECTION else 2

    def weight_shapes(self) -> list[tuple[int, int]]:
        """The shape of each matrix of the cu canonical form."""
        units, shapes = self._num_units, []
        for layer in range(self._num_layers):
            of_inputs = (units, self._inputs_of(layer))
            half = PARAMS_PER_LAYER[self._rnn_mode] // 2
            shapes += ([of_inputs] * half + [(units, units)] * half) * self._num_dirs
        return shapes

    def bias_shapes(self) -> list[list[int]]:
        """The shape of each bias of the cu canonical form."""
        return [[self._num_units] for _ in self.weight_shapes()]

    def params_size(self) -> int:
        """How long the opaque vector is."""
        return sum(int(np.prod(shape)) for shape in (*self.weight_shapes(), *self.bias_shapes()))

    def tf_canonical_to_opaque(self, tf_canonicals: Sequence[Tensor]) -> Tensor:
        """Kernels of all cells, then biases of all cells -> the opaque vector."""
        return self._cu_canonical_to_opaque(*self._tf_canonical_to_cu_canonical(tf_canonicals))

    def opaque_to_tf_canonical(self, opaque_param: Tensor) -> tuple[Tensors, Tensors]:
        """The opaque vector -> kernels of all cells, and biases of all cells."""
        return self._cu_canonical_to_tf_canonical(*self._opaque_to_cu_canonical(opaque_param))

    def opaque_to_cells(self, opaque_param: Tensor) -> list[tuple[Tensors, Tensors]]:
        """The opaque vector -> for each layer and direction the kernels and biases of its cell."""
        return self._cells(*self._opaque_to_cu_canonical(opaque_param))

    def _opaque_to_cu_canonical(self, opaque_param: Tensor) -> tuple[Tensors, Tensors]:
        shapes = self.weight_shapes()
        sizes = [int(np.prod(shape)) for shape in (*shapes, *self.bias_shapes())]
        parts = tf.split(tf.reshape(opaque_param, [sum(sizes)]), sizes)
        weights = [tf.reshape(part, shape) for part, shape in zip(parts, shapes)]  # noqa: B905
        return weights, parts[len(shapes) :]

    def _cu_canonical_to_opaque(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor]
    ) -> Tensor:
        return tf.concat([tf.reshape(part, [-1]) for part in (*weights, *biases)], axis=0)

    def _cu_canonical_to_tf_canonical(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor]
    ) -> tuple[Tensors, Tensors]:
        cells = self._cells(weights, biases)
        return (
            [kernel for kernels, _ in cells for kernel in kernels],
            [bias for _, biases_of_cell in cells for bias in biases_of_cell],
        )

    def _tf_canonical_to_cu_canonical(
        self, tf_canonicals: Sequence[Tensor]
    ) -> tuple[Tensors, Tensors]:
        cells = self._num_layers * self._num_dirs
        halves = [list(half) for half in np.array_split(np.arange(len(tf_canonicals)), 2)]
        kernels, biases = ([tf_canonicals[i] for i in half] for half in halves)
        count = len(kernels) // cells
        weights_of_all: Tensors = []
        biases_of_all: Tensors = []
        for cell in range(cells):
            part = slice(cell * count, (cell + 1) * count)
            weights_of_all += self._weights_of_cell(cell // self._num_dirs, kernels[part])
            biases_of_all += self._biases_of_cell(biases[part])
        return weights_of_all, biases_of_all

    def _cells(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor]
    ) -> list[tuple[Tensors, Tensors]]:
        count = PARAMS_PER_LAYER[self._rnn_mode]
        starts = range(0, len(weights), count)
        return [
            (
                self._kernels_of_cell(weights[start : start + count]),
                self._summed_biases(biases[start : start + count]),
            )
            for start in starts
        ]

    def _inputs_of(self, layer: int) -> int:
        return self._num_units * self._num_dirs if layer else self._input_size

    def _cut_kernel(self, layer: int, kernel: Tensor, parts: int) -> tuple[Tensors, Tensors]:
        """A kernel `[inputs + units, parts * units]` as matrices for the inputs, for the state."""
        of_inputs, of_state = tf.split(kernel, [self._inputs_of(layer), self._num_units], axis=0)
        inputs, state = (
            [tf.transpose(part) for part in tf.split(half, parts, axis=1)]
            for half in (of_inputs, of_state)
        )
        return inputs, state

    def _kernels_of_cell(self, weights: Sequence[Tensor]) -> Tensors:
        """The matrices of one layer and direction -> the kernels of its cell."""
        raise NotImplementedError

    def _weights_of_cell(self, layer: int, kernels: Sequence[Tensor]) -> Tensors:
        """The reverse of `_kernels_of_cell`."""
        raise NotImplementedError

    def _summed_biases(self, biases: Sequence[Tensor]) -> Tensors:
        """The biases of one layer and direction -> those of its cell, which adds fewer."""
        raise NotImplementedError

    def _biases_of_cell(self, biases: Sequence[Tensor]) -> Tensors:
        """A reverse of `_summed_biases`: half of a sum to the inputs, half to the state."""
        raise NotImplementedError


class CudnnParamsFormatConverterLSTM(CudnnParamsFormatConverter):
    """The weights of an LSTM: a cell has `kernel` and `bias`, the gates in the order i, c, f, o."""

    _rnn_mode = CUDNN_LSTM
    _order = (0, 2, 1, 3)  # from i, f, c, o to i, c, f, o, and back

    def _kernels_of_cell(self, weights: Sequence[Tensor]) -> Tensors:
        half = len(self._order)
        rows = [
            tf.concat([tf.transpose(part[i]) for i in self._order], axis=1)
            for part in (weights[:half], weights[half:])
        ]
        return [tf.concat(rows, axis=0)]

    def _weights_of_cell(self, layer: int, kernels: Sequence[Tensor]) -> Tensors:
        halves = self._cut_kernel(layer, kernels[0], len(self._order))
        return [half[i] for half in halves for i in self._order]

    def _summed_biases(self, biases: Sequence[Tensor]) -> Tensors:
        half = len(self._order)
        return [tf.concat([biases[i] + biases[half + i] for i in self._order], axis=0)]

    def _biases_of_cell(self, biases: Sequence[Tensor]) -> Tensors:
        parts = tf.split(0.5 * tf.convert_to_tensor(biases[0]), len(self._order))
        return [parts[i] for i in self._order] * 2


class CudnnParamsFormatConverterTanh(CudnnParamsFormatConverterLSTM):
    """The weights of a plain network of tanh units: a cell has `kernel` and `bias`."""

    _rnn_mode = CUDNN_RNN_TANH
    _order = (0,)  # type: ignore[assignment]


class CudnnParamsFormatConverterRelu(CudnnParamsFormatConverterTanh):
    """The weights of a plain network of rectified units: a cell has `kernel` and `bias`."""

    _rnn_mode = CUDNN_RNN_RELU


class CudnnParamsFormatConverterGRU(CudnnParamsFormatConverter):
    """The weights of a GRU; see `CudnnCompatibleGRUCell` for the kernels and biases of a cell."""

    _rnn_mode = CUDNN_GRU

    def _kernels_of_cell(self, weights: Sequence[Tensor]) -> Tensors:
        w_r, w_u, w_c, r_r, r_u, r_c = map(tf.transpose, weights)
        gates = tf.concat([tf.concat([w_r, w_u], axis=1), tf.concat([r_r, r_u], axis=1)], axis=0)
        return [gates, w_c, r_c]

    def _weights_of_cell(self, layer: int, kernels: Sequence[Tensor]) -> Tensors:
        gates, w_c, r_c = kernels
        of_inputs, of_state = self._cut_kernel(layer, gates, 2)
        return [*of_inputs, tf.transpose(w_c), *of_state, tf.transpose(r_c)]

    def _summed_biases(self, biases: Sequence[Tensor]) -> Tensors:
        return [
            tf.concat([biases[0] + biases[3], biases[1] + biases[4]], axis=0),
            biases[2],
            biases[5],
        ]

    def _biases_of_cell(self, biases: Sequence[Tensor]) -> Tensors:
        gates, b_c, b_rc = biases
        halves = tf.split(0.5 * tf.convert_to_tensor(gates), 2)
        return [*halves, b_c, *halves, b_rc]


CONVERTERS: dict[str, type[CudnnParamsFormatConverter]] = {
    converter._rnn_mode: converter
    for converter in (
        CudnnParamsFormatConverterLSTM,
        CudnnParamsFormatConverterGRU,
        CudnnParamsFormatConverterTanh,
        CudnnParamsFormatConverterRelu,
    )
}
