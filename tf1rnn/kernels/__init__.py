"""Whole sequences at once: fast recurrent layers, as pure functions.

Everything is time-major and knows nothing of cells or variables. Each function computes what
stepping the cell would compute: `layers` has the formulas and their gradients, `walk` the way
along the sequence, `products` the matrix products. The fast loss stands in `softmax`.

Matrix products may take bfloat16 operands (`matmul_dtype`); state, gates and biases keep the dtype
of the inputs.
"""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.kernels.layers import GRU, LSTM, RNN, Layer, State
from tf1rnn.kernels.loop import looped
from tf1rnn.kernels.products import static_size
from tf1rnn.kernels.walk import steps_alive, unrolled
from tf1rnn.types import DType, Tensor

# A longer sequence runs in a `tf.while_loop`, whose graph does not grow. For 200 units that is
# slower, for few units no slower at all, and the graph is made in a third of the time.
MAX_UNROLLED_STEPS = 50
MAX_UNROLLED_STEPS_OF_SMALL_LAYERS = 35
SMALL_LAYER = 100  # units


def lstm_sequence(
    inputs: Tensor,
    c: Tensor,
    h: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    forget_bias: float = 1.0,
    sequence_length: Tensor | None = None,
    matmul_dtype: DType | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs an LSTM layer (sigmoid gates, tanh cell input and output) over a whole sequence.

    Args:
      inputs: `[num_steps, batch_size, input_size]`.
      c: cell state before the first step, `[batch_size, num_units]`.
      h: hidden state before the first step, `[batch_size, num_units]`.
      kernel: `[input_size + num_units, 4 * num_units]`, gates in the order i, j, f, o.
      bias: `[4 * num_units]`, or None for no bias.
      forget_bias: added to the forget gate before its sigmoid.
      sequence_length: int `[batch_size]`; past a row's length its outputs are zero and its state
        stays. None: all rows are whole.
      matmul_dtype: dtype of the matrix products' operands, for example `tf.bfloat16`; None for
        that of `inputs`.

    Returns:
      `(outputs [num_steps, batch_size, num_units], final_c, final_h)`.
    """
    num_units = static_size(tf.convert_to_tensor(h), -1)
    none = tf.zeros([num_units], inputs.dtype)
    forget = tf.fill([num_units], tf.cast(forget_bias, none.dtype))
    gate_bias = tf.concat([none, none, forget, none], 0)
    bias = gate_bias if bias is None else bias + gate_bias
    outputs, (c, h) = _sequence(
        LSTM, inputs, (c, h), [kernel], [bias], sequence_length, matmul_dtype
    )
    return outputs, c, h


def gru_sequence(
    inputs: Tensor,
    h: Tensor,
    gate_kernel: Tensor,
    gate_bias: Tensor | None,
    candidate_kernel: Tensor,
    candidate_bias: Tensor | None,
    sequence_length: Tensor | None = None,
    matmul_dtype: DType | None = None,
) -> tuple[Tensor, Tensor]:
    """Runs a GRU layer (sigmoid gates, tanh candidate) over a whole sequence.

    The reset gate acts on the state before its product with the candidate's weights, and the
    update gate keeps the old state: h' = u · h + (1 - u) · candidate.

    Args:
      inputs: `[num_steps, batch_size, input_size]`.
      h: state before the first step, `[batch_size, num_units]`.
      gate_kernel: `[input_size + num_units, 2 * num_units]`, gates in the order r, u.
      gate_bias: `[2 * num_units]`, or None for no bias.
      candidate_kernel: `[input_size + num_units, num_units]`.
      candidate_bias: `[num_units]`, or None for no bias.
      sequence_length: int `[batch_size]`; past a row's length its outputs are zero and its state
        stays. None: all rows are whole.
      matmul_dtype: dtype of the matrix products' operands; None for that of `inputs`.

    Returns:
      `(outputs [num_steps, batch_size, num_units], final_h)`.
    """
    kernels, biases = [gate_kernel, candidate_kernel], [gate_bias, candidate_bias]
    outputs, (h,) = _sequence(GRU, inputs, (h,), kernels, biases, sequence_length, matmul_dtype)
    return outputs, h


def rnn_sequence(
    inputs: Tensor,
    h: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    sequence_length: Tensor | None = None,
    matmul_dtype: DType | None = None,
) -> tuple[Tensor, Tensor]:
    """Runs a plain RNN layer, h' = tanh([x, h] · kernel + bias), over a whole sequence.

    Args:
      inputs: `[num_steps, batch_size, input_size]`.
      h: state before the first step, `[batch_size, num_units]`.
      kernel: `[input_size + num_units, num_units]`.
      bias: `[num_units]`, or None for no bias.
      sequence_length: int `[batch_size]`; past a row's length its outputs are zero and its state
        stays. None: all rows are whole.
      matmul_dtype: dtype of the matrix products' operands; None for that of `inputs`.

    Returns:
      `(outputs [num_steps, batch_size, num_units], final_h)`.
    """
    outputs, (h,) = _sequence(RNN, inputs, (h,), [kernel], [bias], sequence_length, matmul_dtype)
    return outputs, h


def _sequence(
    layer: Layer,
    inputs: Tensor,
    state: State,
    kernels: list[Tensor],
    biases: list[Tensor | None],
    sequence_length: Tensor | None,
    matmul_dtype: DType | None,
) -> tuple[Tensor, State]:
    """Runs any layer over a sequence; returns `(outputs, final_state)`."""
    inputs, *state_parts = _of_one_batch(*map(tf.convert_to_tensor, (inputs, *state)))
    kernels = [tf.convert_to_tensor(kernel) for kernel in kernels]
    biases = [
        tf.zeros([static_size(kernel, 1)], inputs.dtype)
        if bias is None
        else tf.convert_to_tensor(bias)
        for kernel, bias in zip(kernels, biases, strict=True)
    ]
    walk = unrolled if _unrolls(static_size(inputs, 0), static_size(state_parts[-1], 1)) else looped
    outputs, *final_state = walk(
        layer,
        inputs,
        tuple(state_parts),
        kernels,
        biases,
        steps_alive(sequence_length, inputs),
        matmul_dtype or inputs.dtype,
    )
    return outputs, tuple(final_state)


def _unrolls(num_steps: int | None, num_units: int | None) -> bool:
    """Whether each step of a sequence is to be operations of its own."""
    if not num_steps:
        return False
    is_small = num_units is not None and num_units < SMALL_LAYER
    return num_steps <= (MAX_UNROLLED_STEPS_OF_SMALL_LAYERS if is_small else MAX_UNROLLED_STEPS)


def _of_one_batch(inputs: Tensor, *state: Tensor) -> list[Tensor]:
    """Inputs and state, the size of the batch told to all where one of them knows it."""
    sizes = [static_size(x, -2) for x in (inputs, *state)]
    known = next((size for size in sizes if size is not None), None)
    if known is None or None not in sizes:
        return [inputs, *state]
    shapes = [[None, known, None], *([known, None] for _ in state)]
    return [tf.ensure_shape(x, shape) for x, shape in zip((inputs, *state), shapes, strict=True)]
