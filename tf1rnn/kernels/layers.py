"""What one step of each kind of layer computes, and how the errors go back through it.

T is the number of steps, B that of rows in the batch, H that of units. A kernel's pre-activations
come in parts `[B, H]`, one for each gate. d_x is the error of x: the gradient of the loss with
respect to it.

The step back is cut in two. What does not depend on the errors of later steps, the slopes, is
computed for all steps at once. What is left for the walk is little.

The formulas are those of Hochreiter and Schmidhuber 1997 (LSTM, with the forget gate of Gers et
al. 2000), Cho et al. 2014 (GRU) and Elman 1990 (plain RNN), their derivatives worked out by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.kernels.products import FromParts, ToParts
from tf1rnn.types import Tensor

State = tuple[Tensor, ...]  # each [B, H]; the last part is the output, too
Parts = list[Tensor]  # of one kernel's pre-activations, each [B, H]


class Trace(NamedTuple):
    """What the errors need of all steps, each `[T, B, H]`."""

    before: State  # the parts of the state before each step
    after: State  # and after it
    saved: tuple[Tensor, ...]  # what the step itself keeps, such as its gates


class Layer(NamedTuple):
    """The mathematics of one kind of recurrent layer.

    gradient: the name that its gradient is registered under; graphs on disk know it.
    num_parts: for each kernel, the number of parts of its pre-activations.
    num_states, num_saved: of how many parts the state is, and what a step keeps.
    step: `(pre_activations, state) -> (new_state, saved)`. For each kernel, pre_activations has a
      function from what its recurrent rows are multiplied by, `[B, H]`, to the parts.
    slopes: `(trace, alive) -> slopes`, a NamedTuple of `[T, B, H]`, such that where a row has
      ended (alive is `[T, B, 1]`, or None where no row ends early) no error enters the step and
      d_state goes past it as it is.
    step_back: `(d_output, d_state, slopes, products) -> (d_z, d_previous_state)`, d_output and
      slopes being those of one step. d_z has, for each kernel, the errors of its parts;
      products has, for each kernel, the function from such parts to the errors of what its
      recurrent rows were multiplied by.
    operands: `trace -> ` what each kernel's recurrent rows were multiplied by, `[T, B, H]`.
    """

    gradient: str
    num_parts: tuple[int, ...]
    num_states: int
    num_saved: int
    step: Callable[[Sequence[ToParts], State], tuple[State, tuple[Tensor, ...]]]
    slopes: Callable[[Trace, Tensor | None], Any]
    step_back: Callable[[Tensor, State, Any, Sequence[FromParts]], tuple[list[Parts], State]]
    operands: Callable[[Trace], list[Tensor]]


def where_alive(alive: Tensor | None, x: Tensor, otherwise: float | Tensor) -> Tensor:
    """x within the rows' lengths, else `otherwise`; x everywhere where no row ends early."""
    return x if alive is None else tf.where_v2(alive, x, tf.cast(otherwise, x.dtype))


def _ended(alive: Tensor | None, like: Tensor) -> Tensor | None:
    """1 past a row's length, else 0; None where no row ends early."""
    return None if alive is None else tf.cast(~alive, like.dtype)


def _past(d_h: Tensor, through: Tensor, ended: Tensor | None) -> Tensor:
    """The error of h before a step: what came through it, or past it where the row has ended."""
    return through if ended is None else through + d_h * ended


class _LSTMSlopes(NamedTuple):
    """c' and h' are the state after the step, i, j, f and o the pre-activations of the gates."""

    c_by_i: Tensor  # d c' / d i
    c_by_j: Tensor  # d c' / d j
    c_by_f: Tensor  # d c' / d f
    h_by_o: Tensor  # d h' / d o
    h_by_c: Tensor  # d h' / d c'
    c_by_c: Tensor  # d c' / d c; 1 past a row's length
    ended: Tensor | None  # [T, B, 1], 1 past a row's length


def _lstm_step(pre_activations: Sequence[ToParts], state: State) -> tuple[State, State]:
    c, h = state  # [B, H]
    i, j, f, o = pre_activations[0](h)  # [B, H]
    i, j, f, o = tf.sigmoid(i), tf.tanh(j), tf.sigmoid(f), tf.sigmoid(o)  # [B, H]
    c = f * c + i * j  # [B, H]
    return (c, o * tf.tanh(c)), (i, j, f, o)


def _lstm_slopes(trace: Trace, alive: Tensor | None) -> _LSTMSlopes:
    i, j, f, o = trace.saved  # [T, B, H]
    c = trace.before[0]  # [T, B, H]
    tanh_c = tf.tanh(trace.after[0])  # [T, B, H]
    return _LSTMSlopes(
        c_by_i=where_alive(alive, j * i * (1 - i), 0.0),  # [T, B, H]
        c_by_j=where_alive(alive, i * (1 - j * j), 0.0),  # [T, B, H]
        c_by_f=where_alive(alive, c * f * (1 - f), 0.0),  # [T, B, H]
        h_by_o=where_alive(alive, tanh_c * o * (1 - o), 0.0),  # [T, B, H]
        h_by_c=where_alive(alive, o * (1 - tanh_c * tanh_c), 0.0),  # [T, B, H]
        c_by_c=where_alive(alive, f, 1.0),  # [T, B, H]
        ended=_ended(alive, f),  # [T, B, 1]
    )


def _lstm_step_back(
    d_output: Tensor, d_state: State, slopes: _LSTMSlopes, products: Sequence[FromParts]
) -> tuple[list[Parts], State]:
    d_c, d_h = d_state  # [B, H]
    d_h += d_output  # [B, H]
    d_c += d_h * slopes.h_by_c  # [B, H]
    d_z = [  # i, j, f, o, each [B, H]
        d_c * slopes.c_by_i,
        d_c * slopes.c_by_j,
        d_c * slopes.c_by_f,
        d_h * slopes.h_by_o,
    ]
    return [d_z], (d_c * slopes.c_by_c, _past(d_h, products[0](d_z), slopes.ended))


LSTM = Layer(
    gradient="tf1rnn.LSTM",
    num_parts=(4,),
    num_states=2,
    num_saved=4,
    step=_lstm_step,
    slopes=_lstm_slopes,
    step_back=_lstm_step_back,
    operands=lambda trace: [trace.before[1]],
)


class _GRUSlopes(NamedTuple):
    """h' is the state after the step, r, u and z the pre-activations of gates and candidate."""

    rh_by_r: Tensor  # d (r * h) / d r
    h_by_u: Tensor  # d h' / d u
    h_by_z: Tensor  # d h' / d z
    rh_by_h: Tensor  # d (r * h) / d h: the reset gate
    h_by_h: Tensor  # d h' / d h past gates and candidate: the update gate; 1 past a row's length


def _gru_step(pre_activations: Sequence[ToParts], state: State) -> tuple[State, State]:
    (h,) = state  # [B, H]
    r, u = pre_activations[0](h)  # [B, H]
    r, u = tf.sigmoid(r), tf.sigmoid(u)  # [B, H]
    (z,) = pre_activations[1](r * h)  # [B, H]
    candidate = tf.tanh(z)  # [B, H]
    return (candidate + u * (h - candidate),), (r, u, candidate)


def _gru_slopes(trace: Trace, alive: Tensor | None) -> _GRUSlopes:
    (h,) = trace.before  # [T, B, H]
    r, u, candidate = trace.saved  # [T, B, H]
    to_candidate = (1 - u) * (1 - candidate * candidate)  # [T, B, H]
    return _GRUSlopes(
        rh_by_r=where_alive(alive, h * r * (1 - r), 0.0),  # [T, B, H]
        h_by_u=where_alive(alive, (h - candidate) * u * (1 - u), 0.0),  # [T, B, H]
        h_by_z=where_alive(alive, to_candidate, 0.0),  # [T, B, H]
        rh_by_h=r,  # [T, B, H]; past a row's length its error is 0
        h_by_h=where_alive(alive, u, 1.0),  # [T, B, H]
    )


def _gru_step_back(
    d_output: Tensor, d_state: State, slopes: _GRUSlopes, products: Sequence[FromParts]
) -> tuple[list[Parts], State]:
    d_h = d_state[0] + d_output  # [B, H]
    d_candidate_z = [d_h * slopes.h_by_z]  # [B, H]
    d_rh = products[1](d_candidate_z)  # [B, H]
    d_gates_z = [d_rh * slopes.rh_by_r, d_h * slopes.h_by_u]  # r, u, each [B, H]
    d_h = d_h * slopes.h_by_h + d_rh * slopes.rh_by_h + products[0](d_gates_z)  # [B, H]
    return [d_gates_z, d_candidate_z], (d_h,)


GRU = Layer(
    gradient="tf1rnn.GRU",
    num_parts=(2, 1),
    num_states=1,
    num_saved=3,
    step=_gru_step,
    slopes=_gru_slopes,
    step_back=_gru_step_back,
    operands=lambda trace: [trace.before[0], trace.saved[0] * trace.before[0]],
)


class _RNNSlopes(NamedTuple):
    """h' is the state after the step, z its pre-activation."""

    h_by_z: Tensor  # d h' / d z
    ended: Tensor | None  # [T, B, 1], 1 past a row's length


def _rnn_step(pre_activations: Sequence[ToParts], state: State) -> tuple[State, State]:
    (z,) = pre_activations[0](state[0])  # [B, H]
    return (tf.tanh(z),), ()


def _rnn_slopes(trace: Trace, alive: Tensor | None) -> _RNNSlopes:
    (h,) = trace.after  # [T, B, H]
    return _RNNSlopes(where_alive(alive, 1 - h * h, 0.0), _ended(alive, h))


def _rnn_step_back(
    d_output: Tensor, d_state: State, slopes: _RNNSlopes, products: Sequence[FromParts]
) -> tuple[list[Parts], State]:
    d_h = d_state[0] + d_output  # [B, H]
    d_z = [d_h * slopes.h_by_z]  # [B, H]
    return [d_z], (_past(d_h, products[0](d_z), slopes.ended),)


RNN = Layer(
    gradient="tf1rnn.RNN",
    num_parts=(1,),
    num_states=1,
    num_saved=0,
    step=_rnn_step,
    slopes=_rnn_slopes,
    step_back=_rnn_step_back,
    operands=lambda trace: [trace.before[0]],
)
