"""Fused cells: a whole sequence in one call, time-major, without an unroller."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.cells import known_depth
from tf1rnn.layer import Layer
from tf1rnn.lstm import LSTMStateTuple
from tf1rnn.nests import known_batch_size
from tf1rnn.static import static_rnn
from tf1rnn.types import Cell, Dimension, DType, Nest, Reuse, Scope, Shape, Tensor
from tf1rnn.unroll import dynamic_rnn


class FusedRNNCell(abc.ABC):
    """What runs a whole sequence when it is called."""

    @abc.abstractmethod
    def __call__(
        self,
        inputs: Tensor | list[Tensor],
        initial_state: Nest = None,
        dtype: DType | None = None,
        sequence_length: Tensor | None = None,
        scope: Scope = None,
    ) -> tuple[Tensor | list[Tensor], Nest]:
        """Runs along the inputs.

        Args:
          inputs: `[num_steps, batch_size, depth]`, or a list of num_steps `[batch_size, depth]`.
          initial_state: the state before the first step; zeros of `dtype` by default.
          dtype: dtype of the state, needed without `initial_state`.
          sequence_length: None or int `[batch_size]`, the number of steps of each row.
          scope: variable scope or its name.

        Returns:
          `(outputs, state)`: a tensor or a list of outputs, as the inputs are, and the state after
          each row's last step.
        """


class FusedRNNCellAdaptor(FusedRNNCell):
    """Has a cell run whole sequences, by `static_rnn` or `dynamic_rnn`.

    Args:
      cell: an RNN cell.
      use_dynamic_rnn: whether it is `dynamic_rnn`.
    """

    def __init__(self, cell: Cell, use_dynamic_rnn: bool = False) -> None:
        self._cell = cell
        self._use_dynamic_rnn = use_dynamic_rnn

    def __call__(
        self,
        inputs: Tensor | list[Tensor],
        initial_state: Nest = None,
        dtype: DType | None = None,
        sequence_length: Tensor | None = None,
        scope: Scope = None,
    ) -> tuple[Tensor | list[Tensor], Nest]:
        """Runs the cell along the inputs; see `FusedRNNCell`."""
        common: dict[str, Any] = {
            "initial_state": initial_state,
            "dtype": dtype,
            "sequence_length": sequence_length,
            "scope": scope,
        }
        is_list = isinstance(inputs, list)
        if self._use_dynamic_rnn:
            steps = tf.stack(inputs) if is_list else inputs
            outputs, state = dynamic_rnn(self._cell, steps, time_major=True, **common)
            return (tf.unstack(outputs) if is_list else outputs), state
        steps = inputs if is_list else tf.unstack(inputs)
        outputs, state = static_rnn(self._cell, steps, **common)
        return (outputs if is_list else tf.stack(outputs)), state


class TimeReversedFusedRNN(FusedRNNCell):
    """Has a fused cell run backwards in time, each row from its last step.

    Args:
      cell: a fused cell.
    """

    def __init__(self, cell: FusedRNNCell) -> None:
        self._cell = cell

    def __call__(
        self,
        inputs: Tensor | list[Tensor],
        initial_state: Nest = None,
        dtype: DType | None = None,
        sequence_length: Tensor | None = None,
        scope: Scope = None,
    ) -> tuple[Tensor | list[Tensor], Nest]:
        """Runs the cell backwards; the outputs come in the order of the inputs."""
        outputs, state = self._cell(
            _reversed(inputs, sequence_length),
            initial_state=initial_state,
            dtype=dtype,
            sequence_length=sequence_length,
            scope=scope,
        )
        return _reversed(outputs, sequence_length), state


def _reversed(steps: Tensor | list[Tensor], lengths: Tensor | None) -> Tensor | list[Tensor]:
    """Turns time round, in each row up to its length."""
    if lengths is None:
        return steps[::-1] if isinstance(steps, list) else tf.reverse(steps, [0])
    if isinstance(steps, list):
        return tf.unstack(_reversed(tf.stack(steps), lengths), len(steps))
    return tf.reverse_sequence(steps, lengths, seq_axis=0, batch_axis=1)


class LSTMBlockWrapper(Layer, abc.ABC):
    """What an LSTM that runs whole sequences shares with others: states, lengths, lists.

    A subclass gives `num_units` and `_call_cell`, and makes its variables in `build`.

    Args:
      trainable, name, dtype, _reuse: as in `Layer`.
    """

    @property
    @abc.abstractmethod
    def num_units(self) -> int:
        """Size of c and of h."""

    @abc.abstractmethod
    def _call_cell(
        self,
        inputs: Tensor,
        initial_cell_state: Tensor,
        initial_output: Tensor,
        dtype: DType,
        sequence_length: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Runs along `[num_steps, batch_size, depth]`; returns c and h of every step."""

    def __call__(
        self,
        inputs: Tensor | list[Tensor],
        initial_state: Nest = None,
        dtype: DType | None = None,
        sequence_length: Tensor | None = None,
        scope: Scope = None,
    ) -> tuple[Tensor | list[Tensor], LSTMStateTuple]:
        """Runs along the inputs.

        Args:
          inputs: `[num_steps, batch_size, depth]`, or a list of num_steps `[batch_size, depth]`.
          initial_state: the pair (c, h), `[batch_size, num_units]` each; zeros by default.
          dtype: dtype of the zeros, needed without `initial_state`.
          sequence_length: None or int `[batch_size]`. Past a row's length its outputs are zero.
          scope: name or scope of the variables, in place of the cell's name.

        Returns:
          `(outputs, state)`: `[num_steps, batch_size, num_units]` or a list, as the inputs are, and
          the `LSTMStateTuple` after each row's last step.

        Raises:
          ValueError: neither `initial_state` nor `dtype`, a state that is no pair, or inputs of
            another rank or an unknown depth.
        """
        steps = tf.stack(inputs) if isinstance(inputs, list) else tf.convert_to_tensor(inputs)
        if steps.shape.rank != 3:
            raise ValueError(f"inputs must be [num_steps, batch_size, depth], not {steps.shape}")
        with self.cell_scope(steps, scope):
            outputs, state = self.call(steps, initial_state, dtype, sequence_length)
        self._called = True
        return (tf.unstack(outputs) if isinstance(inputs, list) else outputs), state

    def call(
        self,
        inputs: Tensor,
        initial_state: Nest = None,
        dtype: DType | None = None,
        sequence_length: Tensor | None = None,
    ) -> tuple[Tensor, LSTMStateTuple]:
        """Runs along a tensor of inputs, inside the cell's scope."""
        c, h = self._started(inputs, initial_state, dtype)
        lengths = None if sequence_length is None else tf.cast(sequence_length, tf.int32)
        all_c, all_h = self._call_cell(inputs, c, h, dtype or c.dtype, lengths)
        if lengths is None:
            return all_h, LSTMStateTuple(all_c[-1], all_h[-1])
        inside = tf.transpose(tf.sequence_mask(lengths, tf.shape(inputs)[0], all_h.dtype))
        all_h *= inside[:, :, tf.newaxis]
        last = tf.stack([lengths, tf.range(tf.size(lengths))], axis=1)
        # With the initial state in front, a row's length is the index of its last state.
        final = [
            tf.gather_nd(tf.concat([start[tf.newaxis], steps], 0), last)
            for start, steps in ((c, all_c), (h, all_h))
        ]
        return all_h, LSTMStateTuple(*final)

    def _started(self, inputs: Tensor, state: Nest, dtype: DType | None) -> tuple[Tensor, Tensor]:
        if state is None:
            if dtype is None:
                raise ValueError("Either initial_state or dtype needs to be specified")
            zeros = tf.zeros([known_batch_size(inputs, axis=1), self.num_units], dtype)
            return zeros, zeros
        if len(state) != 2:
            raise ValueError("Expecting initial_state to be a tuple with length 2 or None")
        c, h = map(tf.convert_to_tensor, state)
        return c, h


class LSTMBlockFusedCell(LSTMBlockWrapper):
    """An LSTM that computes a whole sequence in one operation of TensorFlow, `BlockLSTM`.

    Zaremba et al. 2014 (arXiv 1409.2329); formulas and variables are those of `LSTMBlockCell`.
    Computes in float32 and float16.

    Args:
      num_units: size of c and of h.
      forget_bias: is added to the forget gate.
      cell_clip: c' is clipped to ±cell_clip; None, 0 or less for no clip. The gradient does not
        see the clip.
      use_peephole: whether the gates see c.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      dtype: dtype of the variables; by default that of the inputs.
      name: name of the cell's variable scope.
    """

    def __init__(
        self,
        num_units: Dimension,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        reuse: Reuse = None,
        dtype: DType | None = None,
        name: str = "lstm_fused_cell",
    ) -> None:
        super().__init__(name=name, dtype=dtype, _reuse=reuse)
        self._num_units = num_units
        self._forget_bias = forget_bias
        self._cell_clip = -1 if cell_clip is None else cell_clip
        self._use_peephole = use_peephole

    @property
    def num_units(self) -> int:
        """Size of c and of h."""
        return self._num_units

    def build(self, input_shape: Shape) -> None:
        """Makes the kernel, the bias and the peepholes."""
        units = self._num_units
        self._kernel = self.add_variable("kernel", [known_depth(input_shape) + units, 4 * units])
        self._bias = self.add_variable("bias", [4 * units], initializer=tf.zeros_initializer())
        names = ("w_i_diag", "w_f_diag", "w_o_diag") if self._use_peephole else ()
        self._peepholes = [self.add_variable(name, [units]) for name in names]
        self.built = True

    def _call_cell(
        self,
        inputs: Tensor,
        initial_cell_state: Tensor,
        initial_output: Tensor,
        dtype: DType,
        sequence_length: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        steps = tf.shape(inputs)[0] if sequence_length is None else tf.reduce_max(sequence_length)
        w_i, w_f, w_o = self._peepholes or [tf.zeros([self._num_units], dtype)] * 3
        done = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(steps, tf.int64),
            x=inputs,
            cs_prev=initial_cell_state,
            h_prev=initial_output,
            w=self._kernel,
            wci=w_i,
            wcf=w_f,
            wco=w_o,
            b=self._bias,
            forget_bias=self._forget_bias,
            cell_clip=self._cell_clip,
            use_peephole=self._use_peephole,
        )
        return done.cs, done.h


def _block_lstm(
    seq_len_max: Tensor,
    x: list[Tensor],
    w: Tensor,
    b: Tensor,
    cs_prev: Tensor | None = None,
    h_prev: Tensor | None = None,
    wci: Tensor | None = None,
    wcf: Tensor | None = None,
    wco: Tensor | None = None,
    forget_bias: float | None = None,
    cell_clip: float | None = None,
    use_peephole: bool | None = None,
    name: str | None = None,
) -> tuple[list[Tensor], ...]:
    """The operation `BlockLSTM` over a list of inputs, as `lstm_ops` had it.

    Args:
      seq_len_max: int64, the number of steps of the longest row.
      x: list of num_steps `[batch_size, depth]`.
      w, b: kernel and bias of an `LSTMBlockFusedCell`; num_units is a quarter of `b`.
      cs_prev, h_prev: c and h before the first step; zeros by default.
      wci, wcf, wco: the peepholes; none by default.
      forget_bias, cell_clip, use_peephole: as in `LSTMBlockFusedCell`.
      name: of the operation.

    Returns:
      `(i, cs, f, o, ci, co, h)`, each a list with one `[batch_size, num_units]` a step.
    """
    inputs = tf.stack(x)
    units = b.shape.as_list()[0] // 4
    nothing = tf.zeros([units], inputs.dtype)
    zeros = tf.zeros([known_batch_size(inputs, axis=1), units], inputs.dtype)
    done = tf.raw_ops.BlockLSTM(
        seq_len_max=seq_len_max,
        x=inputs,
        cs_prev=zeros if cs_prev is None else cs_prev,
        h_prev=zeros if h_prev is None else h_prev,
        w=w,
        wci=nothing if wci is None else wci,
        wcf=nothing if wcf is None else wcf,
        wco=nothing if wco is None else wco,
        b=b,
        forget_bias=1.0 if forget_bias is None else forget_bias,
        cell_clip=-1 if cell_clip is None else cell_clip,
        use_peephole=bool(use_peephole),
        name=name,
    )
    return tuple(tf.unstack(part, num=len(x)) for part in done)
