"""An LSTM along a single row by one operation of TensorFlow, which has all steps in it.

A step of one row is little work: to start its operations takes longer than they do. The operation
multiplies the inputs step by step, too, so that it is faster only while all weights stay in the
processor's cache.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.kernels.layers import LSTM, Layer, State
from tf1rnn.kernels.products import static_size
from tf1rnn.types import Tensor

MOST_WEIGHTS = 400_000  # 1.6 MB


def fits(layer: Layer, inputs: Tensor, weights: list[Any], alive: Tensor | None) -> bool:
    """Whether `forward` can walk a layer, and is the faster way."""
    if layer is not LSTM or alive is not None or static_size(inputs, 1) != 1:
        return False
    (w,) = weights
    depth, units = static_size(w.of_inputs, 0), static_size(w.of_state, 0)
    dtypes = {inputs.dtype, w.of_state.dtype}
    return dtypes == {tf.float32} and (depth + units) * 4 * units <= MOST_WEIGHTS


def forward(
    inputs: Tensor, state: State, of_inputs: Tensor, of_state: Tensor, bias: Tensor
) -> list[Tensor]:
    """The rows of all steps, `[T, 1, 6 * H]` as `loop` makes them, and the final state.

    Their own gradient is not that of all they hold: the operation knows only that of its outputs.

    Args:
      inputs: `[T, 1, D]`.
      state: c and h, `[1, H]`.
      of_inputs, of_state: `[D, 4 * H]` and `[H, 4 * H]`, gates i, j, f, o.
      bias: `[4 * H]`.
    """
    c, h = state
    no_peepholes = tf.zeros([static_size(h, 1)], inputs.dtype)
    walked = tf.raw_ops.BlockLSTMV2(
        seq_len_max=tf.shape(inputs, out_type=tf.int64)[0],
        x=inputs,
        cs_prev=c,
        h_prev=h,
        w=_in_order(tf.concat([of_inputs, of_state], 0), 1),
        wci=no_peepholes,
        wcf=no_peepholes,
        wco=no_peepholes,
        b=_in_order(bias, 0),
        cell_clip=0.0,
        use_peephole=False,
    )
    rows = tf.concat([walked.cs, walked.h, walked.i, walked.ci, walked.f, walked.o], 2)
    return [rows, walked.cs[-1], walked.h[-1]]


def _in_order(gates: Tensor, axis: int) -> Tensor:
    """The gates i, j, f, o in the operation's order: i, f, j, o."""
    i, j, f, o = tf.split(gates, 4, axis)
    return tf.concat([i, f, j, o], axis)
