"""The walk of a layer along a sequence of any length: a loop of the graph, and a loop back.

The way there writes a row of numbers a step, all that the gradient needs; the way back reads a row
a step. (TensorFlow's own gradient of a loop keeps every tensor of the loop's body in a list of its
own.) What is left inside the walk is as in `walk`, whose letters hold here, too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.core.framework import attr_value_pb2

from tf1rnn.kernels import one_row
from tf1rnn.kernels.gradients import with_gradient
from tf1rnn.kernels.layers import GRU, LSTM, RNN, Layer, State, Trace, where_alive
from tf1rnn.kernels.products import (
    concat,
    from_parts_of_a_loop,
    merge_steps,
    plus_product_of_a_loop,
    split_steps,
    static_size,
    times,
)
from tf1rnn.kernels.walk import Weights, backward, cut_weights, keep
from tf1rnn.loops import current_loop_options, loop_options
from tf1rnn.types import DType, Tensor

STEPS_OF_A_ROUND = 5  # a round of the loop has its own cost


def looped(
    layer: Layer,
    inputs: Tensor,
    state: State,
    kernels: list[Tensor],
    biases: list[Tensor],
    alive: Tensor | None,
    dtype: DType,
) -> tuple[Tensor, ...]:
    """Walks a sequence of any length in a `tf.while_loop`; the gradient is hand-written.

    The loop ends with the longest row. Arguments and answer are those of `walk.unrolled`.
    """
    known_steps = static_size(inputs, 0)
    if alive is None and known_steps:
        return _walk(layer, inputs, state, kernels, biases, None, dtype)
    num_steps = tf.shape(inputs)[0]
    last = num_steps if alive is None else tf.math.count_nonzero(tf.reduce_any(alive, [1, 2]))
    # One step at least, since TensorFlow does not stack an array of none.
    last = tf.maximum(tf.cast(last, tf.int32), 1)
    inputs = _first_steps(inputs, last)
    alive = None if alive is None else _first_steps(alive, last)
    outputs, *parts = _walk(layer, inputs, state, kernels, biases, alive, dtype)
    final_state = tuple(parts)
    outputs = _first_steps(outputs, num_steps)
    outputs.set_shape([known_steps, None, None])
    if alive is None:  # that one step counts for nothing where there was none
        final_state = keep(num_steps > 0, final_state, state)
    return outputs, *final_state


def _first_steps(sequence: Tensor, count: Tensor) -> Tensor:
    """`[T, B, N]` -> `[count, B, N]`: as many of its steps, then zeros (or False)."""
    missing = tf.maximum(count - tf.shape(sequence)[0], 0)
    return tf.pad(sequence[:count], [[0, missing], [0, 0], [0, 0]])


def _walk(
    layer: Layer,
    inputs: Tensor,
    state: State,
    kernels: list[Tensor],
    biases: list[Tensor],
    alive: Tensor | None,
    dtype: DType,
) -> tuple[Tensor, ...]:
    """Outputs of all steps, of which there is at least one, and the parts of the final state."""
    inputs = where_alive(alive, inputs, 0.0)  # padding may hold NaN, which 0 does not cancel
    weights = cut_weights(layer, inputs, kernels, dtype)
    if one_row.fits(layer, inputs, weights, alive):
        rows, *parts = _forward_of_one_row(inputs, state, weights[0], biases[0])
        final_state = tuple(parts)
    else:
        rows, final_state = _forward(layer, inputs, state, weights, biases, alive)
    units = static_size(state[-1], 1)
    h = rows[:, :, (layer.num_states - 1) * units : layer.num_states * units]
    operands = [inputs, *state, *kernels, *biases]
    halves = [*(w.of_inputs for w in weights), *(w.of_state for w in weights)]
    mask = [] if alive is None else [alive]
    results = with_gradient(
        _gradient_name(layer),
        [where_alive(alive, h, 0.0), *final_state],
        [*operands, *halves, rows, *mask],
    )
    for name, value in current_loop_options().items():  # for the loop back
        results[0].op._set_attr(f"_{name}", attr_value_pb2.AttrValue(i=int(value)))
    return tuple(results)


def _kept_options(op: tf.Operation) -> dict[str, Any]:
    """The options of the loop there, which its gradient's operation remembers."""
    kinds = {"parallel_iterations": int, "swap_memory": bool}
    attributes = op.node_def.attr
    return {
        name: kind(attributes[f"_{name}"].i)
        for name, kind in kinds.items()
        if f"_{name}" in attributes
    }


def _forward(
    layer: Layer,
    inputs: Tensor,
    state: State,
    weights: list[Weights],
    biases: list[Tensor],
    alive: Tensor | None,
) -> tuple[Tensor, State]:
    """A row `[B, N * H]` a step, its new state and what it keeps side by side; the final state."""
    products = [plus_product_of_a_loop(w.of_state, w.num_parts) for w in weights]
    z = _projected(inputs, weights, biases)
    num_steps = tf.shape(inputs)[0]
    zs = tf.TensorArray(z.dtype, num_steps).unstack(z)
    sizes = [static_size(w.of_state, 1) for w in weights]
    width = static_size(state[-1], 1) * (layer.num_states + layer.num_saved)
    rows = tf.TensorArray(z.dtype, num_steps, element_shape=[static_size(inputs, 1), width])

    def step(t: Tensor, state: State, rows: Any) -> tuple[Tensor, State, Any]:
        z = zs.read(t)
        of_kernels = [z] if len(sizes) == 1 else tf.split(z, sizes, 1)
        pre_activations = [
            functools.partial(product, part)
            for product, part in zip(products, of_kernels, strict=True)
        ]
        new_state, kept = layer.step(pre_activations, state)
        new_state = keep(None if alive is None else alive[t], new_state, state)
        return t + 1, new_state, rows.write(t, concat([*new_state, *kept], 1))

    start = tf.constant(0), state, rows
    _, state, rows = _in_rounds(step, start, num_steps, static_size(inputs, 0))
    trace = rows.stack()
    trace.set_shape([static_size(inputs, 0), static_size(inputs, 1), width])
    return trace, state


def _forward_of_one_row(
    inputs: Tensor, state: State, weights: Weights, bias: Tensor
) -> list[Tensor]:
    """What `_forward` gives for an LSTM, by one operation. Second derivatives are the loop's."""
    operands = [inputs, *state, weights.of_inputs, weights.of_state, bias]
    results = one_row.forward(inputs, state, *operands[3:])
    return with_gradient("tf1rnn.LSTM.rows", results, operands)


@tf.RegisterGradient("tf1rnn.LSTM.rows")
def _gradient_of_one_row(op: tf.Operation, *d_results: Tensor) -> list[Tensor | None]:
    operands = list(op.inputs)[3:]
    inputs, c, h, of_inputs, of_state, bias = operands
    weights = Weights(of_inputs, of_state, 4)
    rows, state = _forward(LSTM, inputs, (c, h), [weights], [bias], None)
    return [None] * 3 + tf.gradients([rows, *state], operands, list(d_results[:3]))


def _in_rounds(
    step: Callable[..., tuple], start: tuple, num_steps: Tensor, known_steps: int | None
) -> tuple:
    """Takes a step num_steps times; what it takes and gives begins with how many were taken.

    What does not fill a round is walked by a second loop, or by no loop where its length is known.
    """

    def several(count: int, *walked: Any) -> tuple:
        for _ in range(count):
            walked = step(*walked)
        return walked

    def loop(count: int, walked: tuple) -> tuple:
        return tf.while_loop(
            lambda t, *_: t + count <= num_steps,
            functools.partial(several, count),
            walked,
            **current_loop_options(),
        )

    walked = loop(STEPS_OF_A_ROUND, start)
    if known_steps is None:
        return loop(1, walked)
    return several(known_steps % STEPS_OF_A_ROUND, *walked)


def _projected(inputs: Tensor, weights: list[Weights], biases: list[Tensor]) -> Tensor:
    """The inputs' share of the pre-activations of all kernels, with the biases, `[T, B, N * H]`."""
    z = times(merge_steps(inputs), concat([w.of_inputs for w in weights], 1))
    return split_steps(z, inputs) + concat(biases, 0)


def _gradient(
    layer: Layer, op: tf.Operation, d_outputs: Tensor, *d_others: Tensor
) -> list[Tensor | None]:
    """The gradient of what `_walk` makes: of its inputs, state, kernels and biases."""
    num_states, num_kernels = layer.num_states, len(layer.num_parts)
    tensors = list(op.inputs)[1 + num_states :]  # without the results
    inputs, state, tensors = tensors[0], tensors[1 : 1 + num_states], tensors[1 + num_states :]
    of_inputs, of_state, (rows, *mask) = (
        tensors[2 * num_kernels : 3 * num_kernels],
        tensors[3 * num_kernels : 4 * num_kernels],
        tensors[4 * num_kernels :],
    )
    weights = [Weights(*one) for one in zip(of_inputs, of_state, layer.num_parts, strict=True)]
    parts = tf.split(rows, num_states + layer.num_saved, 2)  # [T, B, H]
    after = tuple(parts[:num_states])
    before = (tf.concat([x[None], xs[:-1]], 0) for x, xs in zip(state, after, strict=True))
    trace = Trace(tuple(before), after, tuple(parts[num_states:]))
    alive = mask[0] if mask else None
    d_state = d_others[:num_states]
    with loop_options(_kept_options(op)):
        gradients = backward(layer, inputs, weights, trace, alive, d_outputs, d_state, _walk_back)
    rest = len(op.inputs) - 1 - num_states - len(gradients)
    return [None] * (1 + num_states) + gradients + [None] * rest


def _gradient_name(layer: Layer) -> str:
    """The name that the gradient of a layer's loop is registered under."""
    return f"{layer.gradient}.loop"


for _layer in (LSTM, GRU, RNN):
    tf.RegisterGradient(_gradient_name(_layer))(functools.partial(_gradient, _layer))


def _walk_back(
    layer: Layer, d_outputs: Tensor, d_state: State, slopes: Any, weights: list[Weights]
) -> tuple[list[Tensor], State]:
    """From the last step to the first, as `walk.unrolled` does it.

    Returns the errors of each kernel's pre-activations, `[T, B, N * H]`, and of the initial state.
    """
    products = [from_parts_of_a_loop(w.of_state) for w in weights]
    present = [name for name in slopes._fields if getattr(slopes, name) is not None]
    parts = [d_outputs, *(getattr(slopes, name) for name in present)]
    widths = [static_size(part, 2) for part in parts]
    num_steps = tf.shape(d_outputs)[0]
    reads = tf.TensorArray(d_outputs.dtype, num_steps).unstack(tf.concat(parts, 2))
    sizes = [static_size(w.of_state, 1) for w in weights]
    element_shape = [static_size(d_outputs, 1), sum(sizes)]
    writes = tf.TensorArray(d_outputs.dtype, num_steps, element_shape=element_shape)
    nothing = type(slopes)(*(None for _ in slopes))

    def step(t: Tensor, d_state: State, writes: Any) -> tuple[Tensor, State, Any]:
        place = num_steps - 1 - t
        d_output, *columns = tf.split(reads.read(place), widths, 1)
        of_step = nothing._replace(**dict(zip(present, columns, strict=True)))
        d_zs, d_state = layer.step_back(d_output, d_state, of_step, products)
        return t + 1, d_state, writes.write(place, concat([x for parts in d_zs for x in parts], 1))

    start = tf.constant(0), d_state, writes
    _, d_state, writes = _in_rounds(step, start, num_steps, static_size(d_outputs, 0))
    d_z = writes.stack()
    d_z.set_shape([static_size(d_outputs, 0), *element_shape])
    return tf.split(d_z, sizes, 2), d_state
