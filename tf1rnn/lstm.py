"""Long short-term memory: the cell with all its options, the plain one, and their state."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn import kernels
from tf1rnn.cells import UnitsCell, known_depth, size_of
from tf1rnn.options import Activation
from tf1rnn.types import Dimension, DType, Initializer, Nest, Reuse, Scope, Shape, Sizes, Tensor


class LSTMStateTuple(NamedTuple):
    """The state of an LSTM: cell state `c` and output `h`, or the sizes of the two."""

    c: Nest
    h: Nest

    @property
    def dtype(self) -> DType:
        """The dtype that `c` and `h` share. Raises TypeError when they differ."""
        if self.c.dtype != self.h.dtype:
            raise TypeError(f"c is {self.c.dtype} but h is {self.h.dtype}")
        return self.c.dtype


class LSTMCell(UnitsCell):
    """Long short-term memory, with optional peepholes, clipping and projection.

    Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000; peepholes w and projection P
    of Sak et al. 2014 (arXiv 1402.1128):

        i, j, f, o = [inputs, h] W + b
        c' = sigmoid(f + forget_bias + w_f * c) * c + sigmoid(i + w_i * c) * activation(j)
        h' = (sigmoid(o + w_o * c') * activation(c')) P

    The output is h'. Variables: `kernel` `[depth + output_size, 4 * num_units]`, `bias`
    `[4 * num_units]`; with peepholes `w_f_diag`, `w_i_diag`, `w_o_diag` `[num_units]`; with a
    projection `projection/kernel` `[num_units, num_proj]`.

    Args:
      num_units: size of c, and of h where nothing is projected.
      use_peepholes: whether the gates see c.
      cell_clip: c' is clipped to ±cell_clip.
      initializer: initializer of all weights but the bias; by default that of the variable scope.
      num_proj: size of h after the projection; None for no projection.
      proj_clip: the projected h' is clipped to ±proj_clip.
      num_unit_shards, num_proj_shards: in how many variables the kernel and the projection's kernel
        are kept; one by default.
      forget_bias: is added to the forget gate; see Jozefowicz et al. 2015.
      state_is_tuple: False carries the state as one tensor `[c, h]`,
        `[batch_size, num_units + output_size]`, instead of an `LSTMStateTuple`.
      activation: a function of a tensor, or its name in Keras or `tf.nn`; `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      name: name of the cell's variable scope, "lstm_cell" by default.
      dtype: dtype of the variables; by default that of the inputs.
      trainable: whether the variables are trained.
      use_bias: False leaves the bias out.
      bias_initializer: initializer of the bias, zeros by default.
      fast: False has the unrollers compute step by step.
      matmul_dtype: dtype of the matrix products' operands, such as `tf.bfloat16`; None for that of
        the inputs, which weights, state and outputs have anyway.

    Raises:
      ValueError: there is no activation or initializer of that name, or `dtype` is no floating
        point.
    """

    # Class attributes, so that a subclass works without calling this __init__.
    _use_peepholes = False
    _cell_clip: float | None = None
    _num_proj: Any = None
    _proj_clip: float | None = None
    _num_unit_shards: int | None = None
    _num_proj_shards: int | None = None
    _forget_bias = 1.0
    _state_is_tuple = True

    def __init__(
        self,
        num_units: Dimension,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Initializer | None = None,
        num_proj: Dimension | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int | None = None,
        num_proj_shards: int | None = None,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Activation | str | None = None,
        reuse: Reuse = None,
        name: str | None = None,
        dtype: DType | None = None,
        *,
        trainable: bool = True,
        _scope: Scope = None,
        use_bias: bool = True,
        bias_initializer: Initializer | None = None,
        fast: bool = True,
        matmul_dtype: DType | None = None,
    ) -> None:
        super().__init__(
            num_units,
            activation,
            reuse,
            name,
            dtype,
            trainable=trainable,
            _scope=_scope,
            use_bias=use_bias,
            kernel_initializer=initializer,
            bias_initializer=bias_initializer,
            fast=fast,
            matmul_dtype=matmul_dtype,
        )
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._num_proj = size_of(num_proj) if num_proj else None
        self._proj_clip = proj_clip
        # By this name for a subclass with a `build` of its own.
        self._initializer = self._kernel_initializer
        self._num_unit_shards = num_unit_shards
        self._num_proj_shards = num_proj_shards
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple

    @property
    def _h_size(self) -> int:
        return self._num_proj or self._num_units

    # By these names for a subclass whose outputs are of another size than h.
    @functools.cached_property
    def _output_size(self) -> int:
        return self._h_size

    @functools.cached_property
    def _state_size(self) -> Sizes:
        sizes = LSTMStateTuple(self._num_units, self._h_size)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def state_size(self) -> Sizes:
        """`LSTMStateTuple(num_units, output_size)`, or the sum when the state is one tensor."""
        return self._state_size

    @property
    def output_size(self) -> int:
        """`num_proj`, or `num_units` without a projection."""
        return self._output_size

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another cell like this one, for `from_config`."""
        config = super().get_config()
        return {
            "initializer": config.pop("kernel_initializer"),
            **config,
            "use_peepholes": self._use_peepholes,
            "cell_clip": self._cell_clip,
            "num_proj": self._num_proj,
            "proj_clip": self._proj_clip,
            "num_unit_shards": self._num_unit_shards,
            "num_proj_shards": self._num_proj_shards,
            "forget_bias": self._forget_bias,
            "state_is_tuple": self._state_is_tuple,
        }

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernel, the bias, and what peepholes and projection need."""
        units, rows = self._num_units, known_depth(inputs_shape) + self._h_size
        self._kernel = self._add_kernel("kernel", [rows, 4 * units], self._num_unit_shards)
        self._bias = self._add_bias("bias", 4 * units)
        if self._use_peepholes:
            self._w_f_diag, self._w_i_diag, self._w_o_diag = (
                self._add_kernel(f"w_{gate}_diag", [units]) for gate in "fio"
            )
        if self._num_proj:
            self._proj_kernel = self._add_kernel(
                "projection/kernel", [units, self._num_proj], self._num_proj_shards
            )
        self.built = True

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> h' and the next state."""
        c, h = self._state_parts(state)
        gates = self._affine(inputs, h, self._kernel, self._bias)
        i, j, f, o = tf.split(gates, 4, axis=1)
        f += self._forget_bias
        if self._use_peepholes:
            f += self._w_f_diag * c
            i += self._w_i_diag * c
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * self._activation(j)
        c = _clip(c, self._cell_clip)
        if self._use_peepholes:
            o += self._w_o_diag * c
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj:
            h = _clip(self._times_kernel(h, self._proj_kernel), self._proj_clip)
        return h, self._state_of(c, h)

    @property
    def _has_fast_kernel(self) -> bool:
        is_plain = not (self._use_peepholes or self._num_proj) and self._cell_clip is None
        return is_plain and super()._has_fast_kernel

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The whole sequence by `kernels.lstm_sequence`.

        None with peepholes, a clip, a projection or another activation than tanh.
        """
        if not self._has_fast_kernel:
            return None
        with self.cell_scope(inputs, are_steps=True):
            c, h = self._state_parts(initial_state)
            weights = self._kernel, self._bias, self._forget_bias
            outputs, c, h = kernels.lstm_sequence(
                inputs, c, h, *weights, sequence_length, self._matmul_dtype
            )
        return outputs, self._state_of(c, h)

    def _state_parts(self, state: Nest) -> tuple[Tensor, Tensor]:
        if not self._state_is_tuple:
            c, h = tf.split(state, [self._num_units, self._h_size], axis=1)
            return c, h
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            raise ValueError(
                f"Expected state to be a tuple of length 2, the pair (c, h), but received: {state}"
            )
        return state[0], state[1]

    def _state_of(self, c: Tensor, h: Tensor) -> Nest:
        return LSTMStateTuple(c, h) if self._state_is_tuple else tf.concat([c, h], axis=1)


class BasicLSTMCell(LSTMCell):
    """The LSTM without peepholes, clipping or projection; see `LSTMCell` for the formulas.

    Zaremba et al. 2014 (arXiv 1409.2329). Variables: `kernel` `[depth + num_units, 4 * num_units]`
    and `bias` `[4 * num_units]`, the gates in the order i, j, f, o.

    Args:
      num_units: size of c and of h.
      forget_bias: is added to the forget gate; see Jozefowicz et al. 2015.
      state_is_tuple: False carries the state as one tensor `[c, h]`, `[batch_size, 2 * num_units]`,
        instead of an `LSTMStateTuple`.
      activation: a function of a tensor, or its name in Keras or `tf.nn`; `tanh` by default.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      name: name of the cell's variable scope, "basic_lstm_cell" by default.
      dtype: dtype of the variables; by default that of the inputs.
      trainable: whether the variables are trained.
      use_bias: False leaves the bias out.
      kernel_initializer: initializer of the kernel; by default that of the variable scope.
      bias_initializer: initializer of the bias, zeros by default.
      fast: False has the unrollers compute step by step.
      matmul_dtype: dtype of the matrix products' operands, such as `tf.bfloat16`; None for that of
        the inputs, which weights, state and outputs have anyway.

    Raises:
      ValueError: there is no activation or initializer of that name, or `dtype` is no floating
        point.
    """

    def __init__(
        self,
        num_units: Dimension,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Activation | str | None = None,
        reuse: Reuse = None,
        name: str | None = None,
        dtype: DType | None = None,
        *,
        trainable: bool = True,
        _scope: Scope = None,
        use_bias: bool = True,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        fast: bool = True,
        matmul_dtype: DType | None = None,
    ) -> None:
        super().__init__(
            num_units,
            initializer=kernel_initializer,
            forget_bias=forget_bias,
            state_is_tuple=state_is_tuple,
            activation=activation,
            reuse=reuse,
            name=name,
            dtype=dtype,
            trainable=trainable,
            _scope=_scope,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            fast=fast,
            matmul_dtype=matmul_dtype,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another cell like this one, for `from_config`."""
        config = super().get_config()
        kept = {"forget_bias", "state_is_tuple", *UnitsCell.get_config(self)}
        config["kernel_initializer"] = config["initializer"]
        return {name: value for name, value in config.items() if name in kept}


def _clip(tensor: Tensor, limit: float | None) -> Tensor:
    return tensor if limit is None else tf.clip_by_value(tensor, -limit, limit)
