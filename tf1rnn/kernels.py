"""Whole sequences at once: fast recurrent layers, as pure functions.

Everything is time-major and knows nothing of cells or variables. Each function computes what
stepping the cell would compute, arranged so that little is left inside the loop over time: the
inputs' share of all steps is one matrix product a gate ahead of the loop, and the hand-written
gradients collect the pre-activation errors of all steps and make each weight gradient with one
product. The formulas are those of Hochreiter and Schmidhuber 1997 (LSTM, with the forget gate of
Gers et al. 2000) and Cho et al. 2014 (GRU).

Matrix products may take bfloat16 operands (`matmul_dtype`); state, gates and biases keep the dtype
of the inputs.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.products import (
    concat,
    in_parts,
    in_parts_transposed,
    outer,
    parts_of_product,
    rows,
    size,
    times_transposed,
    unrows,
)

# A longer sequence runs in a `tf.while_loop`: up to a quarter slower, but its graph does not grow.
MAX_UNROLLED_STEPS = 50
STEPS_OF_A_ROUND = 5  # of that loop, which has its own cost

Tensors = tuple[tf.Tensor, ...]


class _Trace(NamedTuple):
    """What the gradient needs of all steps, each `[num_steps, batch_size, width]`."""

    before: Tensors  # the parts of the state before each step
    after: Tensors  # and after it
    saved: Tensors  # what the step itself keeps


class _Layer(NamedTuple):
    """The mathematics of one kind of recurrent layer.

    A kernel's pre-activations come in parts `[batch_size, num_units]`, such as one for each gate.

    step: `(pre_activations, state) -> (new_state, saved)`. For each kernel, pre_activations has a
      function from what its recurrent rows are multiplied by to the parts.
    errors: `(d_outputs, d_state, trace, products, alive) -> (d_zs, d_state)`: back through time;
      d_zs holds, for each kernel, the errors of its pre-activations at all steps. A product
      multiplies the errors' parts by a kernel's recurrent rows transposed.
    operands: `trace -> ` what each kernel's recurrent rows were multiplied by.
    """

    step: Callable[..., Any]
    errors: Callable[..., Any]
    operands: Callable[[_Trace], list[tf.Tensor]]


def lstm_sequence(
    inputs: tf.Tensor,
    c: tf.Tensor,
    h: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor | None,
    forget_bias: float = 1.0,
    sequence_length: tf.Tensor | None = None,
    matmul_dtype: tf.DType | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
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
    num_units = size(tf.convert_to_tensor(h), -1)
    i, j, o = tf.unstack(tf.zeros([3, num_units], inputs.dtype))
    gate_bias = tf.concat([i, j, tf.fill([num_units], tf.cast(forget_bias, i.dtype)), o], 0)
    bias = gate_bias if bias is None else bias + gate_bias
    layer = _Layer(_lstm_step, _lstm_errors, lambda trace: [trace.before[1]])
    outputs, (c, h) = _sequence(
        layer, inputs, (c, h), [kernel], [bias], sequence_length, matmul_dtype
    )
    return outputs, c, h


def _lstm_step(pre_activations, state):
    c, h = state
    i, j, f, o = pre_activations[0](h)
    i, j, f, o = tf.sigmoid(i), tf.tanh(j), tf.sigmoid(f), tf.sigmoid(o)
    c = f * c + i * j
    return (c, o * tf.tanh(c)), (i, j, f, o)


def _lstm_errors(d_outputs, d_state, trace, products, alive):
    """What does not depend on later steps is computed for all steps at once, before the loop."""
    d_c, d_h = d_state
    i, j, f, o = trace.saved
    tanh_c = tf.tanh(trace.after[0])
    slopes = [j * i * (1 - i), i * (1 - j * j), trace.before[0] * f * (1 - f), tanh_c * o * (1 - o)]
    slopes.append(o * (1 - tanh_c * tanh_c))
    slopes = [_where(alive, slope, 0.0) for slope in slopes]
    d_zs = []
    for d_output, forget, to_i, to_j, to_f, to_o, to_c, dead in _backwards(
        alive, d_outputs, _where(alive, f, 1.0), *slopes
    ):
        d_h += d_output
        d_c += d_h * to_c
        d_zs.append([d_c * to_i, d_c * to_j, d_c * to_f, d_h * to_o])
        d_c *= forget
        through = products[0](d_zs[-1])
        d_h = through if dead is None else through + d_h * dead
    return [_in_order(d_zs)], (d_c, d_h)


def gru_sequence(
    inputs: tf.Tensor,
    h: tf.Tensor,
    gate_kernel: tf.Tensor,
    gate_bias: tf.Tensor | None,
    candidate_kernel: tf.Tensor,
    candidate_bias: tf.Tensor | None,
    sequence_length: tf.Tensor | None = None,
    matmul_dtype: tf.DType | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
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
      sequence_length, matmul_dtype: as in `lstm_sequence`.

    Returns:
      `(outputs [num_steps, batch_size, num_units], final_h)`.
    """
    layer = _Layer(
        _gru_step, _gru_errors, lambda trace: [trace.before[0], trace.saved[0] * trace.before[0]]
    )
    kernels, biases = [gate_kernel, candidate_kernel], [gate_bias, candidate_bias]
    outputs, (h,) = _sequence(layer, inputs, (h,), kernels, biases, sequence_length, matmul_dtype)
    return outputs, h


def _gru_step(pre_activations, state):
    (h,) = state
    r, u = pre_activations[0](h)
    r, u = tf.sigmoid(r), tf.sigmoid(u)
    (candidate,) = pre_activations[1](r * h)
    candidate = tf.tanh(candidate)
    return (candidate + u * (h - candidate),), (r, u, candidate)


def _gru_errors(d_outputs, d_state, trace, products, alive):
    (d_h,), (h,) = d_state, trace.before
    r, u, candidate = trace.saved
    slopes = [h * r * (1 - r), (h - candidate) * u * (1 - u), (1 - u) * (1 - candidate * candidate)]
    slopes = [_where(alive, slope, 0.0) for slope in slopes]
    d_gate_zs, d_zs = [], []
    for d_output, reset, update, to_r, to_u, to_candidate, _ in _backwards(
        alive, d_outputs, r, _where(alive, u, 1.0), *slopes
    ):
        d_h += d_output
        d_zs.append([d_h * to_candidate])
        d_reset_h = products[1](d_zs[-1])
        d_gate_zs.append([d_reset_h * to_r, d_h * to_u])
        d_h = d_h * update + d_reset_h * reset + products[0](d_gate_zs[-1])
    return [_in_order(d_gate_zs), _in_order(d_zs)], (d_h,)


def rnn_sequence(
    inputs: tf.Tensor,
    h: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor | None,
    sequence_length: tf.Tensor | None = None,
    matmul_dtype: tf.DType | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Runs a plain RNN layer, h' = tanh([x, h] · kernel + bias), over a whole sequence.

    Args:
      inputs: `[num_steps, batch_size, input_size]`.
      h: state before the first step, `[batch_size, num_units]`.
      kernel: `[input_size + num_units, num_units]`.
      bias: `[num_units]`, or None for no bias.
      sequence_length, matmul_dtype: as in `lstm_sequence`.

    Returns:
      `(outputs [num_steps, batch_size, num_units], final_h)`.
    """
    layer = _Layer(_rnn_step, _rnn_errors, lambda trace: [trace.before[0]])
    outputs, (h,) = _sequence(layer, inputs, (h,), [kernel], [bias], sequence_length, matmul_dtype)
    return outputs, h


def _rnn_step(pre_activations, state):
    (z,) = pre_activations[0](state[0])
    return (tf.tanh(z),), ()


def _rnn_errors(d_outputs, d_state, trace, products, alive):
    (d_h,) = d_state
    slopes = _where(alive, 1 - trace.after[0] * trace.after[0], 0.0)
    d_zs = []
    for d_output, slope, dead in _backwards(alive, d_outputs, slopes):
        d_h += d_output
        d_zs.append([d_h * slope])
        through = products[0](d_zs[-1])
        d_h = through if dead is None else through + d_h * dead
    return [_in_order(d_zs)], (d_h,)


def _sequence(layer, inputs, state, kernels, biases, sequence_length, matmul_dtype):
    """Runs any layer over a sequence; returns `(outputs, final_state)`."""
    inputs, *state = map(tf.convert_to_tensor, (inputs, *state))
    kernels = [tf.convert_to_tensor(kernel) for kernel in kernels]
    biases = [
        tf.zeros([size(kernel, 1)], inputs.dtype) if bias is None else tf.convert_to_tensor(bias)
        for kernel, bias in zip(kernels, biases, strict=True)
    ]
    alive = _alive(sequence_length, inputs)
    dtype = matmul_dtype or inputs.dtype
    num_steps = size(inputs, 0)
    if num_steps is None or num_steps > MAX_UNROLLED_STEPS:
        run = functools.partial(_loop, layer.step, alive=alive, dtype=dtype)
    else:
        run = _unrolled(layer, alive, dtype)
    outputs, *final_state = run(inputs, tuple(state), kernels, biases)
    return outputs, tuple(final_state)


def _unrolled(layer, alive, dtype):
    """`(inputs, state, kernels, biases) -> (outputs, *final_state)` with its gradient."""

    @tf.custom_gradient
    def run(inputs, state, kernels, biases):
        num_parts = _num_parts(kernels, state)
        weights, recurrent = _halves(kernels, inputs, dtype)
        zs = _projected(inputs, weights, biases, num_parts)
        products = list(map(in_parts, recurrent, num_parts))
        trace, final_state = _unroll(layer.step, zs, state, products, alive)

        def gradient(d_outputs, *d_state):
            d_outputs = _where(alive, d_outputs, 0.0)
            products = list(map(in_parts_transposed, recurrent, num_parts))
            d_zs, d_state = layer.errors(d_outputs, d_state, trace, products, alive)
            back = times_transposed(concat(weights, 1))
            d_inputs = unrows(back(rows(concat(d_zs, 2))), inputs)
            # The layer below waits for d_inputs, and for the kernels' gradients nobody.
            with tf.control_dependencies([d_inputs]):
                d_kernels = [
                    outer(tf.concat([inputs, operand], 2), d_z, dtype)
                    for operand, d_z in zip(layer.operands(trace), d_zs, strict=True)
                ]
            return d_inputs, d_state, d_kernels, [tf.reduce_sum(d_z, [0, 1]) for d_z in d_zs]

        return (_where(alive, trace.after[-1], 0.0), *final_state), gradient

    return run


def _unroll(step, zs, state, products, alive):
    """Steps through a sequence of known length; returns `(trace, final_state)`."""
    columns = [[tf.unstack(part) for part in parts] for parts in zs]
    states, saved = [state], []
    for t, mask in enumerate(_unstack(alive, size(zs[0][0], 0))):
        z = [[part[t] for part in parts] for parts in columns]
        new_state, kept = step(_pre_activations(z, products), states[-1])
        states.append(_keep(mask, new_state, states[-1]))
        saved.append(kept)
    parts = [tf.stack(part) for part in zip(*states, strict=True)]
    trace = _Trace(
        tuple(part[:-1] for part in parts),
        tuple(part[1:] for part in parts),
        tuple(tf.stack(kept) for kept in zip(*saved, strict=True)),
    )
    return trace, states[-1]


def _loop(step, inputs, state, kernels, biases, alive, dtype):
    """Steps through a sequence of any length; returns `(outputs, *final_state)`."""
    num_parts = _num_parts(kernels, state)
    weights, recurrent = _halves(kernels, inputs, dtype)
    make = parts_of_product if dtype == tf.float32 else in_parts
    products = list(map(make, recurrent, num_parts))
    num_steps = tf.shape(inputs)[0]
    # Arrays, since the gradient of `z[t]` would be as large as `z`, every step.
    zs = [
        [tf.TensorArray(z.dtype, num_steps).unstack(z) for z in parts]
        for parts in _projected(inputs, weights, biases, num_parts)
    ]
    outputs = tf.TensorArray(inputs.dtype, num_steps, element_shape=state[-1].shape)

    def body(t, state, outputs, count):
        for _ in range(count):
            z = [[part.read(t) for part in parts] for parts in zs]
            new_state, _ = step(_pre_activations(z, products), state)
            state = _keep(None if alive is None else alive[t], new_state, state)
            outputs = outputs.write(t, new_state[-1])
            t += 1
        return t, state, outputs

    walked = tf.constant(0), state, outputs
    for count in (STEPS_OF_A_ROUND, 1):  # the second loop walks what does not fill a round
        walked = tf.while_loop(
            lambda t, *_, count=count: t + count <= num_steps,
            functools.partial(body, count=count),
            walked,
        )
    _, state, outputs = walked
    return _where(alive, outputs.stack(), 0.0), *state


def _num_parts(kernels, state):
    """How many parts of num_units columns each kernel has."""
    return [size(kernel, 1) // size(state[-1], 1) for kernel in kernels]


def _halves(kernels, inputs, dtype):
    """The kernels' rows that meet the inputs, and those that meet the state, in `dtype`."""
    halves = [tf.split(tf.cast(kernel, dtype), [size(inputs, 2), -1], 0) for kernel in kernels]
    return zip(*halves, strict=True)


def _projected(inputs, weights, biases, num_parts):
    """For each kernel, the inputs' share of its pre-activations: parts `[T, B, num_units]`."""
    flat = rows(inputs)

    def one(w, bias, n):
        zs = zip(in_parts(w, n)(flat), tf.split(bias, n), strict=True)
        return [unrows(z, inputs) + b for z, b in zs]

    return list(map(one, weights, biases, num_parts))


def _pre_activations(zs, products):
    """For each kernel, a function from what its product takes to the parts of z + product."""

    def one(z, product):
        return lambda x: [a + b for a, b in zip(z, product(x), strict=True)]

    return [one(z, product) for z, product in zip(zs, products, strict=True)]


def _alive(sequence_length, inputs):
    """`[T, B, 1]`, true where a step lies within its row's length; None if all do."""
    if sequence_length is None:
        return None
    sequence_length = tf.convert_to_tensor(sequence_length)
    steps = tf.range(tf.shape(inputs, out_type=sequence_length.dtype)[0])
    alive = (steps[:, None] < sequence_length)[:, :, None]
    alive.set_shape([size(inputs, 0), None, 1])
    return alive


def _keep(alive, new_state, state):
    return tuple(_where(alive, new, old) for new, old in zip(new_state, state, strict=True))


def _where(condition, x, otherwise):
    """Where the condition holds x, else `otherwise`; x everywhere if it is None."""
    return x if condition is None else tf.where_v2(condition, x, tf.cast(otherwise, x.dtype))


def _unstack(sequence, num_steps):
    return [None] * num_steps if sequence is None else tf.unstack(sequence)


def _backwards(alive, *sequences):
    """Walks from the last step to the first: a step of each sequence, then 1 where not alive."""
    dead = None if alive is None else tf.cast(~alive, sequences[0].dtype)
    columns = [_unstack(part, size(sequences[0], 0)) for part in (*sequences, dead)]
    return zip(*(reversed(column) for column in columns), strict=True)


def _in_order(d_zs):
    """From lists of parts, the last step's first, to `[num_steps, batch_size, width]`."""
    return concat([tf.stack(part[::-1]) for part in zip(*d_zs, strict=True)], 2)
