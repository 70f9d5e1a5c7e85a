"""LSTMs whose gates or weights are normalized: layer and weight normalization."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.cells import known_depth
from tf1rnn.lstm import LSTMCell
from tf1rnn.options import Activation
from tf1rnn.rnn_cell import takes
from tf1rnn.types import Dimension, DType, Initializer, Nest, Reuse, Shape, Tensor

_VARIANCE_EPSILON = 1e-12
_WEIGHT_NORM = "wn_lstm_cell"  # a scope that TensorFlow 1 opens twice


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """`gamma * (x - mean) / deviation + beta` of each row (Ba, Kiros, Hinton 2016, 1607.06450).

    Args:
      x: `[batch_size, depth]`.
      gamma, beta: `[depth]`.
    """
    mean, variance = tf.nn.moments(x, [1], keepdims=True)
    epsilon = _VARIANCE_EPSILON if x.dtype != tf.float16 else 1e-3
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


class _FullLSTMCell(LSTMCell):
    """An `LSTMCell` that makes its variables in an order of its own."""

    def _build_peepholes_and_projection(self) -> None:
        units = self._num_units
        if self._use_peepholes:
            self._w_f_diag, self._w_i_diag, self._w_o_diag = (
                self._add_kernel(f"w_{gate}_diag", [units]) for gate in "fio"
            )
        if self._num_proj:
            self._proj_kernel = self._add_kernel("projection/kernel", [units, self._num_proj])


class LayerNormGates(_FullLSTMCell):
    """What LSTMs with layer normalization share: the variables of each norm, and the norms.

    Variables of a norm: `<norm>/gamma` and `<norm>/beta`, `[num_units]`.
    """

    _norms: tuple[str, ...] = ("input", "transform", "forget", "output", "state")
    _norm_weights: Mapping[str, Any] = MappingProxyType({})  # those that `build` has made

    def _set_norms(self, layer_norm: bool, gain: float, shift: float) -> None:
        self._layer_norm = layer_norm
        self._norm_gain, self._norm_shift = gain, shift

    def _build_norms(self) -> None:
        self._norm_weights = {
            name: self._norm_variables(name, self._num_units, self._dtype)
            for name in (self._norms if self._layer_norm else ())
        }

    def _norm_variables(self, name: str, size: int, dtype: DType) -> tuple[Any, Any]:
        gain, shift = map(tf.constant_initializer, (self._norm_gain, self._norm_shift))
        with tf.variable_scope(name):
            return (
                tf.get_variable("gamma", [size], dtype, gain, trainable=self._trainable),
                tf.get_variable("beta", [size], dtype, shift, trainable=self._trainable),
            )

    def _norm(self, inp: Tensor, scope: str, dtype: DType | None = None) -> Tensor:
        """A tensor normalized.

        Args:
          inp: `[batch_size, depth]`.
          scope: name of the norm, which makes its variables if it is new.
          dtype: dtype of the variables; by default that of `inp`.
        """
        weights = self._norm_weights.get(scope)
        if weights is None:
            weights = self._norm_variables(scope, inp.shape[-1], dtype or inp.dtype)
        return layer_norm(inp, *weights)

    def _normed(self, parts: list[Tensor], names: tuple[str, ...] | None = None) -> list[Tensor]:
        """The gates, or parts of these names, each with its own norm; as they are without one."""
        if not self._layer_norm:
            return parts
        # A subclass's norm may be one without a dtype, as before 1.5, or one that needs it.
        options = {"dtype": parts[0].dtype} if takes(type(self)._norm, "dtype") else {}
        named = zip(parts, names or self._norms, strict=False)
        return [self._norm(x, name, **options) for x, name in named]


class LayerNormBasicLSTMCell(LayerNormGates):
    """LSTM with layer normalization and dropout of the cell input alone.

    Ba et al. 2016 (arXiv 1607.06450), and Semeniuta et al. 2016 (arXiv 1603.05118) for the dropout:

        i, j, f, o = norm([inputs, h] W), each with its own gain and shift
        c' = norm(sigmoid(f + forget_bias) * c + sigmoid(i) * dropout(activation(j)))
        h' = sigmoid(o) * activation(c')

    Variables: `kernel` `[depth + num_units, 4 * num_units]`; `input/gamma`, `input/beta` and the
    same of `transform`, `forget`, `output` and `state`, all `[num_units]`; without layer
    normalization `bias` `[4 * num_units]` in their place.

    Args:
      num_units: size of c and of h.
      forget_bias: is added to the forget gate.
      input_size: not used.
      activation: a function of a tensor.
      layer_norm: whether to normalize.
      norm_gain, norm_shift: the start of each gamma and beta.
      dropout_keep_prob: a float or a scalar tensor; new masks are drawn at every step.
      dropout_prob_seed: seed of the masks.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
    """

    def __init__(
        self,
        num_units: Dimension,
        forget_bias: float = 1.0,
        input_size: Dimension | None = None,
        activation: Activation | None = tf.tanh,
        layer_norm: bool = True,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        dropout_keep_prob: float | Tensor = 1.0,
        dropout_prob_seed: int | None = None,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(num_units, forget_bias=forget_bias, activation=activation, reuse=reuse)
        self._set_norms(layer_norm, norm_gain, norm_shift)
        self._keep_prob = dropout_keep_prob
        self._seed = dropout_prob_seed

    def build(self, inputs_shape: Shape) -> None:
        """Nothing: `call` makes the variables, for the sake of cells that change its parts."""
        self.built = True

    def _linear(self, args: Tensor) -> Tensor:
        """`[batch_size, depth + num_units]`, inputs and h, -> the gates without their norms."""
        size = 4 * self._num_units
        options = {"dtype": self._dtype, "trainable": self._trainable}
        kernel = tf.get_variable("kernel", [known_depth(args.shape), size], **options)
        gates = self._times_kernel(args, kernel)
        if self._layer_norm:
            return gates
        # The bias starts as the scope's initializer says, as in TensorFlow 1.
        return gates + tf.get_variable("bias", [size], **options)

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> h' and the next state."""
        c, h = self._state_parts(state)
        gates = self._linear(tf.concat([inputs, h], 1))
        i, j, f, o = self._normed(tf.split(gates, 4, axis=1))
        g = self._activation(j)
        if not isinstance(self._keep_prob, (int, float)) or self._keep_prob < 1:
            g = tf.nn.dropout(g, rate=1 - self._keep_prob, seed=self._seed)
        c = c * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * g
        (c,) = self._normed([c], ("state",))
        h = self._activation(c) * tf.sigmoid(o)
        return h, self._state_of(c, h)


class LayerNormLSTMCell(LayerNormGates):
    """`LSTMCell` with layer normalization of its gates and its cell state, before they act.

    Ba et al. 2016 (arXiv 1607.06450). Variables: those of `LSTMCell`, and with layer normalization
    `input/gamma`, `input/beta` and the same of `transform`, `forget`, `output` and `state`. The
    bias is there, too, and has no part in a normalized cell.

    Args:
      num_units, use_peepholes, cell_clip, initializer, num_proj, proj_clip, forget_bias,
        activation, reuse: as in `LSTMCell`.
      layer_norm: whether to normalize.
      norm_gain, norm_shift: the start of each gamma and beta.
    """

    def __init__(
        self,
        num_units: Dimension,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Initializer | None = None,
        num_proj: Dimension | None = None,
        proj_clip: float | None = None,
        forget_bias: float = 1.0,
        activation: Activation | None = None,
        layer_norm: bool = False,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(
            num_units,
            use_peepholes,
            cell_clip,
            initializer,
            num_proj,
            proj_clip,
            forget_bias=forget_bias,
            activation=activation,
            reuse=reuse,
        )
        self._set_norms(layer_norm, norm_gain, norm_shift)

    def build(self, inputs_shape: Shape) -> None:
        """Makes the variables of `LSTMCell`, and those of the norms."""
        units, rows = self._num_units, known_depth(inputs_shape) + self._h_size
        self._kernel = self._add_kernel("kernel", [rows, 4 * units])
        self._bias = self._add_bias("bias", 4 * units)
        self._build_norms()
        self._build_peepholes_and_projection()
        self.built = True

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> h' and the next state."""
        c, h = self._state_parts(state)
        bias = None if self._layer_norm else self._bias
        gates = self._affine(inputs, h, self._kernel, bias)
        i, j, f, o = self._normed(tf.split(gates, 4, axis=1))
        if self._use_peepholes:
            f += self._w_f_diag * c
            i += self._w_i_diag * c
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * self._activation(j)
        (c,) = self._normed([c], ("state",))
        c = _clip(c, self._cell_clip)
        if self._use_peepholes:
            o += self._w_o_diag * c
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj:
            h = _clip(self._times_kernel(h, self._proj_kernel), self._proj_clip)
        return h, self._state_of(c, h)


class WeightNormLSTMCell(_FullLSTMCell):
    """`LSTMCell` whose kernels are directions times lengths that are learned apart.

    Salimans and Kingma 2016 (arXiv 1602.07868): each column of the kernel, once for the rows of
    the inputs and once for those of h, is divided by its length and multiplied by a variable.

    Variables, in `wn_lstm_cell/wn_lstm_cell`: those of `LSTMCell`, and `norm_0`, `norm_1`
    `[4 * num_units]`; with a projection `projection/norm_0` `[num_proj]`.

    Args:
      num_units, use_peepholes, cell_clip, initializer, num_proj, proj_clip, forget_bias,
        activation, reuse: as in `LSTMCell`.
      norm: False makes it an `LSTMCell`.
    """

    def __init__(
        self,
        num_units: Dimension,
        norm: bool = True,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Initializer | None = None,
        num_proj: Dimension | None = None,
        proj_clip: float | None = None,
        forget_bias: float = 1,
        activation: Activation | None = None,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(
            num_units,
            use_peepholes,
            cell_clip,
            initializer,
            num_proj,
            proj_clip,
            forget_bias=forget_bias,
            activation=activation,
            reuse=reuse,
            name=_WEIGHT_NORM,
        )
        self._norm = norm

    def build(self, inputs_shape: Shape) -> None:
        """Makes the variables of `LSTMCell`, and the lengths of the kernels' columns."""
        self._depth, units = known_depth(inputs_shape), self._num_units
        rows = self._depth + self._h_size
        self._kernel = self._add_kernel("kernel", [rows, 4 * units])
        names = ("norm_0", "norm_1") if self._norm else ()
        self._lengths = [self._add_kernel(name, [4 * units]) for name in names]
        self._bias = self._add_bias("bias", 4 * units)
        self._build_peepholes_and_projection()
        if self._norm and self._num_proj:
            self._lengths.append(self._add_kernel("projection/norm_0", [self._num_proj]))
        self.built = True

    def _add_kernel(self, name: str, shape: Shape, shards: int | None = None) -> tf.Variable:
        return super()._add_kernel(f"{_WEIGHT_NORM}/{name}", shape, shards)

    def _add_bias(
        self, name: str, size: int, default: Initializer | None = None
    ) -> tf.Variable | None:
        return super()._add_bias(f"{_WEIGHT_NORM}/{name}", size, default)

    def _times_kernel(self, x: Tensor, kernel: Tensor) -> Tensor:
        return super()._times_kernel(x, self._normalized(kernel) if self._norm else kernel)

    def _normalized(self, kernel: Tensor) -> Tensor:
        if kernel is not self._kernel:
            return tf.nn.l2_normalize(kernel, axis=0) * self._lengths[2]
        parts = kernel[: self._depth], kernel[self._depth :]
        lengths = self._lengths[:2]
        return tf.concat(
            [tf.nn.l2_normalize(w, axis=0) * g for w, g in zip(parts, lengths, strict=True)], 0
        )


def _clip(tensor: Tensor, limit: float | None) -> Tensor:
    return tensor if limit is None else tf.clip_by_value(tensor, -limit, limit)
