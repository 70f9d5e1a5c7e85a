"""The neural Turing machine: a cell that reads from a memory, and writes to it, by attention."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.cells import known_depth
from tf1rnn.contrib.rnn.time_frequency import clipped
from tf1rnn.rnn_cell import RNNCell, assert_like_rnncell
from tf1rnn.types import Cell, Dimension, DType, Nest, Shape, Sizes, Tensor


class NTMControllerState(NamedTuple):
    """The state of an `NTMCell`, or the sizes of its parts."""

    controller_state: Nest
    read_vector_list: list[Any]  # what each head has read, [batch_size, memory_vector_dim]
    w_list: list[Any]  # where each head is, [batch_size, memory_size]; those that read come first
    M: Any  # the memory, [batch_size, memory_size, memory_vector_dim]
    time: Any  # how many steps were taken, a scalar: at 0 the other parts but the first are learned


class NTMCell(RNNCell):
    """The neural Turing machine of Graves, Wayne and Danihelka 2014 (arXiv 1410.5401).

    The controller sees the inputs and what was read. From its output a linear map gives each head
    k, β, g, s and γ, and each head that writes e and a. A head moves by content and by place:

        w_c = softmax(softplus(β) cos(tanh(k), M))
        w_g = sigmoid(g) w_c + (1 - sigmoid(g)) w
        w_s = the circular convolution of w_g and softmax(s)
        w' = w_s^(1 + softplus(γ)) / sum

    It reads w' M; after all have read, those that write do, one after the other:

        M' = M * (1 - w' sigmoid(e)^T) + w' tanh(a)^T

    The output is a linear map of the controller's output and what is read in this step. Memory,
    weights and readings start where Collier and Beel 2018 (arXiv 1807.08518) let them: learned,
    the memory from 1e-6 on.

    Variables, beside the controller's: `parameters_kernel`, `parameters_bias`, `output_kernel`,
    `output_bias`; `initial_read_vector_0` … `[1, memory_vector_dim]`, before `tanh`;
    `initial_address_weights_0` … `[1, memory_size]`, before `softmax`; `memory`
    `[memory_size, memory_vector_dim]`.

    Args:
      controller: a cell.
      memory_size: how many places the memory has.
      memory_vector_dim: size of what is kept at a place.
      read_head_num, write_head_num: how many heads read, and write.
      shift_range: by how many places a head can move in a step, to either side.
      output_dim: size of the output; that of the inputs by default.
      clip_value: the map of the controller's output, and the cell's output, are clipped to
        ±clip_value.
      dtype: dtype of the variables.
      name: name of the cell's variable scope.

    Raises:
      TypeError: `controller` is no cell.
      ValueError: when built, no `output_dim`, and inputs of unknown size.
    """

    def __init__(
        self,
        controller: Cell,
        memory_size: int,
        memory_vector_dim: int,
        read_head_num: int,
        write_head_num: int,
        shift_range: int = 1,
        output_dim: Dimension | None = None,
        clip_value: float = 20,
        dtype: DType = tf.float32,
        name: str | None = None,
    ) -> None:
        assert_like_rnncell("NTM RNN controller cell", controller)
        super().__init__(dtype=dtype, name=name)
        self.controller = controller
        self.memory_size = memory_size
        self.memory_vector_dim = memory_vector_dim
        self.read_head_num = read_head_num
        self.write_head_num = write_head_num
        self.shift_range = shift_range
        self.output_dim = output_dim
        self.clip_value = clip_value
        self._keep_track(controller, "controller")

    @property
    def num_heads(self) -> int:
        """How many heads read or write."""
        return self.read_head_num + self.write_head_num

    @property
    def state_size(self) -> Sizes:
        """`NTMControllerState` of sizes; that of the memory is flat."""
        return NTMControllerState(
            self.controller.state_size,
            [self.memory_vector_dim] * self.read_head_num,
            [self.memory_size] * self.num_heads,
            tf.TensorShape([self.memory_size * self.memory_vector_dim]),
            tf.TensorShape([]),
        )

    @property
    def output_size(self) -> Dimension | None:
        """`output_dim`; None where it is that of the inputs and the cell is not built."""
        return self.output_dim

    def zero_state(self, batch_size: Dimension, dtype: DType) -> Nest:
        """The state at time 0; of its numbers only those of the controller count."""
        if not tf.is_tensor(batch_size):
            batch_size = tf.compat.dimension_value(batch_size)

        def zeros(*sizes: int) -> Tensor:
            return tf.zeros([batch_size, *sizes], dtype)

        return NTMControllerState(
            self.controller.zero_state(batch_size, dtype),
            [zeros(self.memory_vector_dim) for _ in range(self.read_head_num)],
            [zeros(self.memory_size) for _ in range(self.num_heads)],
            zeros(self.memory_size, self.memory_vector_dim),
            tf.zeros([], tf.int32),
        )

    def build(self, inputs_shape: Shape) -> None:
        """Makes both maps, and where readings, weights and memory start."""
        if self.output_dim is None:
            self.output_dim = known_depth(inputs_shape)
        places, width = self.memory_size, self.memory_vector_dim
        rows = self.controller.output_size
        self._head_sizes = [width, 1, 1, 2 * self.shift_range + 1, 1]  # of k, β, g, s, γ
        columns = self.num_heads * sum(self._head_sizes) + 2 * self.write_head_num * width
        self._parameters = self._add_map("parameters", rows, columns)
        rows += self.read_head_num * width
        self._output = self._add_map("output", rows, self.output_dim)
        self._first_readings = [
            self._add_start("initial_read_vector", n, width) for n in range(self.read_head_num)
        ]
        self._first_weights = [
            self._add_start("initial_address_weights", n, places) for n in range(self.num_heads)
        ]
        self._memory = self.add_variable(
            "memory", [places, width], initializer=tf.constant_initializer(1e-6)
        )
        self.built = True

    def _add_map(self, name: str, rows: int, columns: int) -> tuple[Any, Any]:
        normal = tf.truncated_normal_initializer(stddev=1 / math.sqrt(rows))
        zeros = tf.zeros_initializer()
        return (
            self.add_variable(f"{name}_kernel", [rows, columns], initializer=normal),
            self.add_variable(f"{name}_bias", [columns], initializer=zeros),
        )

    def _add_start(self, name: str, n: int, size: int) -> Any:
        glorot = tf.glorot_uniform_initializer()
        return self.add_variable(f"{name}_{n}", [1, size], initializer=glorot)

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> `[batch_size, output_dim]` and the next state."""
        state = NTMControllerState(*state)
        readings, weights, memory = self._before(state)
        seen = tf.concat([inputs, *readings], axis=1)
        output, controller_state = self.controller(seen, state.controller_state)
        heads, changes = self._parameters_of(output)
        weights = [self._moved(head, memory, w) for head, w in zip(heads, weights, strict=True)]
        reading, writing = weights[: self.read_head_num], weights[self.read_head_num :]
        readings = [tf.einsum("bn,bnd->bd", w, memory) for w in reading]
        for w, erase, add in zip(writing, changes[::2], changes[1::2], strict=True):
            w = w[:, :, tf.newaxis]
            kept = 1 - w * tf.sigmoid(erase)[:, tf.newaxis]
            memory = memory * kept + w * tf.tanh(add)[:, tf.newaxis]
        output = self._mapped(tf.concat([output, *readings], axis=1), self._output)
        return output, NTMControllerState(
            controller_state, readings, weights, memory, state.time + 1
        )

    def _before(self, state: NTMControllerState) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Readings, weights and memory of the step before, or those that are learned at time 0."""
        is_first = tf.equal(state.time, 0)

        def either(first: Tensor, before: Tensor) -> Tensor:
            return tf.where_v2(is_first, first, before)

        readings = [
            either(tf.tanh(first), before)
            for first, before in zip(self._first_readings, state.read_vector_list, strict=True)
        ]
        weights = [
            either(tf.nn.softmax(first), before)
            for first, before in zip(self._first_weights, state.w_list, strict=True)
        ]
        shape = [-1, self.memory_size, self.memory_vector_dim]
        return readings, weights, either(self._memory, tf.reshape(state.M, shape))

    def _mapped(self, x: Tensor, weights: tuple[Any, Any]) -> Tensor:
        kernel, bias = weights
        return clipped(tf.nn.bias_add(tf.matmul(x, kernel), bias), self.clip_value)

    def _parameters_of(self, output: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """What the controller tells each head, and e and a of each that writes."""
        sizes = [sum(self._head_sizes)] * self.num_heads
        sizes += [self.memory_vector_dim] * (2 * self.write_head_num)
        parts = tf.split(self._mapped(output, self._parameters), sizes, axis=1)
        return parts[: self.num_heads], parts[self.num_heads :]

    def _moved(self, head: Tensor, memory: Tensor, w: Tensor) -> Tensor:
        """The weights `[batch_size, memory_size]` of a head after this step, from those before."""
        k, beta, g, s, gamma = tf.split(head, self._head_sizes, axis=1)
        w_c = tf.nn.softmax(tf.nn.softplus(beta) * _cosines(memory, tf.tanh(k)))
        g = tf.sigmoid(g)
        w_g = g * w_c + (1 - g) * w
        # s begins with the place where the head is, and what lies before it comes last.
        shifts = [*range(self.shift_range + 1), *range(-self.shift_range, 0)]
        parts = tf.split(tf.nn.softmax(s), len(shifts), axis=1)
        w_s = tf.add_n(
            [part * tf.roll(w_g, shift, axis=1) for part, shift in zip(parts, shifts, strict=True)]
        )
        sharp = w_s ** (1 + tf.nn.softplus(gamma))
        return sharp / tf.reduce_sum(sharp, axis=1, keepdims=True)

    def _inner_cells(self) -> list[Cell]:
        return [self.controller]


def _cosines(memory: Tensor, key: Tensor) -> Tensor:
    """The cosine of each place of the memory and the key, `[batch_size, memory_size]`."""
    products = tf.einsum("bnd,bd->bn", memory, key)
    lengths = tf.sqrt(tf.reduce_sum(memory**2, axis=2))
    length = tf.sqrt(tf.reduce_sum(key**2, axis=1, keepdims=True))
    return products / (lengths * length + 1e-8)
