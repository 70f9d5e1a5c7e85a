"""The LSTM whose input gate is what its forget gate leaves."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.cells import known_depth
from tf1rnn.contrib.rnn.normalized import LayerNormGates
from tf1rnn.options import Activation
from tf1rnn.types import Dimension, Initializer, Nest, Reuse, Shape, Tensor


class CoupledInputForgetGateLSTMCell(LayerNormGates):
    """The LSTM with coupled gates, with optional peepholes, projection and layer normalization.

    Greff et al. 2015 (arXiv 1503.04069), Sak et al. 2014 for peepholes w and projection P, Ba et
    al. 2016 (arXiv 1607.06450) for the normalization:

        j, f, o = [inputs, h] W + b, or each normalized in place of the bias
        f = sigmoid(f + forget_bias + w_f * c)
        c' = f * c + (1 - f) * activation(j), normalized
        h' = (sigmoid(o + w_o * c') * activation(c')) P

    Variables: `W_0`, `W_1` … `[part of depth + output_size, 3 * num_units]`, `B` `[3 * num_units]`;
    `W_F_diag`, `W_O_diag` `[num_units]`; `W_P_0` … `[part of num_units, num_proj]`; `gamma` and
    `beta` in `transform`, `forget`, `output` and `state`.

    Args:
      num_units: size of c, and of h where nothing is projected.
      use_peepholes: whether the gates see c.
      initializer: initializer of the kernels; by default that of the variable scope.
      num_proj: size of h after the projection; None for no projection.
      proj_clip: the projected h' is clipped to ±proj_clip.
      num_unit_shards, num_proj_shards: in how many variables the kernels are kept.
      forget_bias: is added to the forget gate.
      state_is_tuple: False carries the state as one tensor `[c, h]`.
      activation: a function of a tensor.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      layer_norm: whether to normalize.
      norm_gain, norm_shift: the start of each gamma and beta.
      trainable, name, dtype: as in `RNNCell`.
    """

    _norms = ("transform", "forget", "output", "state")

    def __init__(
        self,
        num_units: Dimension,
        use_peepholes: bool = False,
        initializer: Initializer | None = None,
        num_proj: Dimension | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int = 1,
        num_proj_shards: int = 1,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Activation | None = tf.tanh,
        reuse: Reuse = None,
        layer_norm: bool = False,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        **layer_options: Any,
    ) -> None:
        super().__init__(
            num_units,
            use_peepholes,
            None,
            initializer,
            num_proj,
            proj_clip,
            num_unit_shards,
            num_proj_shards,
            forget_bias,
            state_is_tuple,
            activation,
            reuse,
            **layer_options,
        )
        self._set_norms(layer_norm, norm_gain, norm_shift)

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernel's parts, the bias, and what norms, peepholes and projection need."""
        units, rows = self._num_units, known_depth(inputs_shape) + self._h_size
        start = self._kernel_initializer
        self._kernel_parts = add_parts(self, "W", rows, 3 * units, self._num_unit_shards, start)
        self._bias = self._add_bias("B", 3 * units)
        self._build_norms()
        if self._use_peepholes:
            self._w_f = self._add_kernel("W_F_diag", [units])
            self._w_o = self._add_kernel("W_O_diag", [units])
        if self._num_proj:
            self._projection_parts = add_parts(
                self, "W_P", units, self._num_proj, self._num_proj_shards, start
            )
        self.built = True

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> h' and the next state."""
        c, h = self._state_parts(state)
        bias = None if self._layer_norm else self._bias
        gates = self._affine(inputs, h, joined_parts(self._kernel_parts), bias)
        j, f, o = self._normed(tf.split(gates, 3, axis=1))
        f += self._forget_bias
        if self._use_peepholes:
            f += self._w_f * c
        f = tf.sigmoid(f)
        (c,) = self._normed([f * c + (1 - f) * self._activation(j)], ("state",))
        if self._use_peepholes:
            o += self._w_o * c
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj:
            h = self._times_kernel(h, joined_parts(self._projection_parts))
            if self._proj_clip is not None:
                h = tf.clip_by_value(h, -self._proj_clip, self._proj_clip)
        return h, self._state_of(c, h)


def add_parts(
    cell: Any,
    name: str,
    rows: int,
    columns: int,
    shards: int | None,
    initializer: Initializer | None = None,
) -> list[tf.Variable]:
    """The variables `name_0`, `name_1` … of a cell, whose rows make up one kernel.

    Raises:
      ValueError: more parts than rows.
    """
    shards = shards or 1
    if shards > rows:
        raise ValueError(f"Too many shards: shape={[rows, columns]}, num_shards={shards}")
    sizes = [rows // shards + (n < rows % shards) for n in range(shards)]
    return [
        cell.add_variable(f"{name}_{n}", [size, columns], initializer=initializer)
        for n, size in enumerate(sizes)
    ]


def joined_parts(parts: list[tf.Variable]) -> Tensor:
    """The kernel that the parts make up."""
    return parts[0] if len(parts) == 1 else tf.concat(parts, axis=0)
