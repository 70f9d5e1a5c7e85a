"""The walk of a layer along a sequence of known length, unrolled in the graph.

Little is left inside the walk: the inputs' share of all steps is one matrix product a gate ahead
of it, and the gradients collect the errors of all steps and make each weight gradient with one
product.

T is the number of steps, B that of rows in the batch, D the size of the inputs, H the number of
units. A kernel `[D + H, N * H]` makes the pre-activations of N parts.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.kernels.gradients import ready, with_gradient
from tf1rnn.kernels.layers import GRU, LSTM, RNN, Layer, State, Trace, where_alive
from tf1rnn.kernels.products import (
    ToParts,
    concat,
    from_parts_transposed,
    in_parts,
    merge_steps,
    recurrent_parts,
    split_steps,
    static_size,
    times_transposed,
    weight_gradient,
)
from tf1rnn.types import DType, Tensor


class Weights(NamedTuple):
    """Those of one kernel, in the dtype of the products' operands."""

    of_inputs: Tensor  # [D, N * H], the rows that meet the inputs
    of_state: Tensor  # [H, N * H], and those that meet the state
    num_parts: int  # N


def steps_alive(sequence_length: Tensor | None, inputs: Tensor) -> Tensor | None:
    """Which steps lie within their row's length.

    Args:
      sequence_length: int `[B]`, or None where no row ends early.
      inputs: `[T, B, D]`.

    Returns:
      bool `[T, B, 1]`, or None where no row ends early.
    """
    if sequence_length is None:
        return None
    sequence_length = tf.convert_to_tensor(sequence_length)
    steps = tf.range(tf.shape(inputs, out_type=sequence_length.dtype)[0])  # [T]
    alive = (steps[:, None] < sequence_length)[:, :, None]  # [T, B, 1]
    # The lengths may not tell how many there are; a loop holds one row's states to their shape.
    alive.set_shape([static_size(inputs, 0), static_size(inputs, 1), 1])
    return alive


def unrolled(
    layer: Layer,
    inputs: Tensor,
    state: State,
    kernels: list[Tensor],
    biases: list[Tensor],
    alive: Tensor | None,
    dtype: DType,
) -> tuple[Tensor, ...]:
    """Walks a sequence of known length, each step ops of its own; the gradient is hand-written.

    Args:
      layer: the kind of layer.
      inputs: `[T, B, D]`.
      state: that before the first step, each part `[B, H]`.
      kernels, biases: each `[D + H, N * H]` and `[N * H]`.
      alive: as from `steps_alive`.
      dtype: that of the matrix products' operands.

    Returns:
      The outputs `[T, B, H]`, and the parts of the final state, `[B, H]`.
    """
    inputs = where_alive(alive, inputs, 0.0)  # padding may hold NaN, which 0 does not cancel
    weights = cut_weights(layer, inputs, kernels, dtype)
    states, saved = _forward(layer, inputs, state, weights, biases, alive)
    h = tf.stack([state[-1] for state in states])  # [T + 1, B, H]
    results = [where_alive(alive, h[1:], 0.0), *states[-1]]
    operands = [inputs, *state, *kernels, *biases]
    # Step by step: where there is no gradient, nobody stacks them.
    kept = [x for state in states for x in state[:-1]] + [x for kept in saved for x in kept]
    cut = [*(w.of_inputs for w in weights), *(w.of_state for w in weights)]
    mask = [] if alive is None else [alive]
    return tuple(with_gradient(layer.gradient, results, [*operands, *cut, h, *kept, *mask]))


def _gradient(
    layer: Layer, op: tf.Operation, d_outputs: Tensor, *d_others: Tensor
) -> list[Tensor | None]:
    """The gradient of what `unrolled` makes: of its inputs, state, kernels and biases."""
    num_states, num_kernels = layer.num_states, len(layer.num_parts)
    tensors = iter(op.inputs)

    def next_ones(count: int) -> list[Tensor]:
        return list(itertools.islice(tensors, count))

    next_ones(1 + num_states)  # the results
    inputs, *_ = next_ones(1 + num_states + 2 * num_kernels)
    cut = next_ones(num_kernels), next_ones(num_kernels)
    weights = [Weights(*one) for one in zip(*cut, layer.num_parts, strict=True)]
    (h,) = next_ones(1)
    num_steps = static_size(h, 0) - 1
    others = _stacked(next_ones((num_steps + 1) * (num_states - 1)), num_states - 1)
    saved = _stacked(next_ones(num_steps * layer.num_saved), layer.num_saved)
    parts = [*others, h]  # [T + 1, B, H]
    trace = Trace(
        before=tuple(part[:-1] for part in parts),
        after=tuple(part[1:] for part in parts),
        saved=saved,
    )
    alive = next(tensors, None)
    d_state = d_others[:num_states]
    gradients = backward(layer, inputs, weights, trace, alive, d_outputs, d_state, _walk_back)
    rest = len(op.inputs) - 1 - num_states - len(gradients)
    return [None] * (1 + num_states) + gradients + [None] * rest


for _layer in (LSTM, GRU, RNN):
    tf.RegisterGradient(_layer.gradient)(functools.partial(_gradient, _layer))


def _stacked(steps: list[Tensor], count: int) -> tuple[Tensor, ...]:
    """`count` sequences `[T, ...]`, from the list of all at the first step, at the second, ..."""
    return tuple(tf.stack(steps[i::count]) for i in range(count))


def _forward(
    layer: Layer,
    inputs: Tensor,
    state: State,
    weights: list[Weights],
    biases: list[Tensor],
    alive: Tensor | None,
) -> tuple[list[State], list[tuple[Tensor, ...]]]:
    """The T + 1 states, the first being that before the first step, and what each step keeps."""
    products = [recurrent_parts(w.of_state, w.num_parts) for w in weights]
    zs = [[tf.unstack(z) for z in parts] for parts in _projected(inputs, weights, biases)]
    masks = _unstack(alive, static_size(inputs, 0))  # of each step, [B, 1]
    states, saved = [state], []
    for t, mask in enumerate(masks):
        z = [[part[t] for part in parts] for parts in zs]  # of each kernel, N times [B, H]
        new_state, kept = layer.step(_pre_activations(z, products), states[-1])
        states.append(keep(mask, new_state, states[-1]))
        saved.append(kept)
    return states, saved


def backward(
    layer: Layer,
    inputs: Tensor,
    weights: list[Weights],
    trace: Trace,
    alive: Tensor | None,
    d_outputs: Tensor,
    d_state: State,
    walk_back: Callable[..., tuple[list[Tensor], State]],
) -> list[Tensor]:
    """The gradients of inputs, initial state, kernels and biases, one after the other.

    d_outputs `[T, B, H]` and the parts of d_state `[B, H]` are those of outputs and final state;
    walk_back goes from the last step to the first, as `_walk_back` does.
    """
    d_outputs = where_alive(alive, d_outputs, 0.0)
    slopes = layer.slopes(trace, alive)
    d_zs, d_state = walk_back(layer, d_outputs, d_state, slopes, weights)
    of_inputs = concat([w.of_inputs for w in weights], 1)
    d_inputs = split_steps(times_transposed(merge_steps(concat(d_zs, 2)), of_inputs), inputs)
    with ready(d_inputs, inputs):
        d_kernels = [
            weight_gradient(tf.concat([inputs, operand], 2), d_z, w.of_inputs.dtype)
            for operand, d_z, w in zip(layer.operands(trace), d_zs, weights, strict=True)
        ]
    return [d_inputs, *d_state, *d_kernels, *(tf.reduce_sum(d_z, [0, 1]) for d_z in d_zs)]


def _walk_back(
    layer: Layer, d_outputs: Tensor, d_state: State, slopes: Any, weights: list[Weights]
) -> tuple[list[Tensor], State]:
    """From the last step to the first.

    Returns the errors of each kernel's pre-activations, `[T, B, N * H]`, and of the initial state.
    """
    num_steps = static_size(d_outputs, 0)
    products = [from_parts_transposed(w.of_state, w.num_parts) for w in weights]
    d_outputs = tf.unstack(d_outputs)  # of each step, [B, H]
    columns = [_unstack(slope, num_steps) for slope in slopes]
    steps = [type(slopes)(*step) for step in zip(*columns, strict=True)]
    d_zs = []
    for t in reversed(range(num_steps)):
        d_z, d_state = layer.step_back(d_outputs[t], d_state, steps[t], products)
        d_zs.append(d_z)
    of_kernels = zip(*reversed(d_zs), strict=True)  # for each kernel, the parts at each step
    joined = [
        concat([tf.stack(part) for part in zip(*parts, strict=True)], 2) for parts in of_kernels
    ]
    return joined, d_state


def cut_weights(layer: Layer, inputs: Tensor, kernels: list[Tensor], dtype: DType) -> list[Weights]:
    """The weights of each kernel, cut between the rows of the inputs and those of the state.

    Raises:
      ValueError: the kernels are for inputs of another depth.
    """
    depth = static_size(inputs, 2)
    weights = []
    for kernel, num_parts in zip(kernels, layer.num_parts, strict=True):
        built = static_size(kernel, 0) - static_size(kernel, 1) // num_parts
        if built != depth:
            raise ValueError(
                f"Dimensions must be equal, but are {depth} and {built}: the cell has weights for "
                f"inputs of depth {built} and is given {depth} ([cell] * n is one cell n times)"
            )
        of_inputs, of_state = tf.split(tf.cast(kernel, dtype), [depth, -1], 0)
        weights.append(Weights(of_inputs, of_state, num_parts))
    return weights


def _projected(inputs: Tensor, weights: list[Weights], biases: list[Tensor]) -> list[list[Tensor]]:
    """For each kernel, the inputs' share of its pre-activations, with the bias: N `[T, B, H]`."""
    flat = merge_steps(inputs)  # [T * B, D]

    def one(w: Weights, bias: Tensor) -> list[Tensor]:
        zs = in_parts(w.of_inputs, w.num_parts)(flat)  # N times [T * B, H]
        parts = tf.split(bias, w.num_parts)  # N times [H]
        return [split_steps(z, inputs) + b for z, b in zip(zs, parts, strict=True)]

    return [one(w, bias) for w, bias in zip(weights, biases, strict=True)]


def _pre_activations(zs: list[list[Tensor]], products: list[ToParts]) -> list[ToParts]:
    """For each kernel, a function from what its product takes to the parts of z + product."""

    def one(z: list[Tensor], product: ToParts) -> ToParts:
        return lambda x: [a + b for a, b in zip(z, product(x), strict=True)]

    return [one(z, product) for z, product in zip(zs, products, strict=True)]


def keep(alive: Tensor | None, new_state: State, state: State) -> State:
    """The new state, or the old one in rows that have ended; alive is `[B, 1]` or None."""
    pairs = zip(new_state, state, strict=True)
    return tuple(where_alive(alive, new, old) for new, old in pairs)


def _unstack(sequence: Tensor | None, num_steps: int) -> list[Any]:
    """The steps of a sequence `[T, ...]`, or None for each step of what is None."""
    return [None] * num_steps if sequence is None else tf.unstack(sequence)
