"""Recurrent networks in NumPy, forward and backward through time, as an oracle for tests.

Everything is written from the papers' formulas, in float64, one step and one gate at a time; speed
does not matter here. Nothing of the library or of TensorFlow is imported.

A cell is a frozen record of weights with two methods:

    step(x, state) -> (output, new_state, saved)
    step_backward(saved, d_output, d_state) -> (d_x, d_previous_state, d_weights)

where `state` is a tuple of arrays (`(h,)`, or `(c, h)` for an LSTM), `saved` is what the backward
step needs, `d_name` is the gradient of the loss with respect to `name`, and `d_weights` is a dict
with the names of the cell's fields. Sequences are time-major: `[num_steps, batch_size, depth]`.

    cell = LSTM(kernel, bias, forget_bias=0.0)
    outputs, state, tape = unroll(cell, inputs, zero_state(cell, batch_size))
    gradients = unroll_backward(tape, d_outputs, d_state)
    gradients.inputs, gradients.initial_state, gradients.weights["kernel"]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
State = tuple[Array, ...]
Weights = dict[str, Array]
Stepped = tuple[Array, State, Any]
SteppedBack = tuple[Array, State, Weights]


class Activation(NamedTuple):
    """A function and its derivative, the derivative given by the function's value."""

    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)) without overflow."""
    return np.exp(-np.logaddexp(0.0, -z))


ACTIVATIONS = {
    "tanh": Activation(np.tanh, lambda y: 1.0 - y * y),
    "sigmoid": Activation(sigmoid, lambda y: y * (1.0 - y)),
    "relu": Activation(lambda z: np.maximum(z, 0.0), lambda y: (y > 0.0).astype(np.float64)),
    "linear": Activation(lambda z: z, np.ones_like),
}
SIGMOID = ACTIVATIONS["sigmoid"]


def _float64(*arrays: Array | float) -> list[Array]:
    return [np.asarray(array, np.float64) for array in arrays]


def _join(x: Array, h: Array) -> Array:
    """Return [x, h] in float64, `[batch_size, input_depth + units]`."""
    return np.concatenate([x, h], axis=1).astype(np.float64)


def _affine_backward(d_z: Array, joined: Array, kernel: Array) -> tuple[Array, Array, Array]:
    """Return the gradients of `z = joined @ kernel + bias`: of joined, of kernel, of bias."""
    return d_z @ kernel.T, joined.T @ d_z, d_z.sum(axis=0)


@dataclass(frozen=True)
class RNN:
    """Elman 1990: h' = activation([x, h] kernel + bias).

    Shapes: kernel `[input_depth + units, units]`, bias `[units]`; state `(h,)`, h
    `[batch_size, units]`; the output is h'.
    """

    kernel: Array
    bias: Array
    activation: str = "tanh"

    @property
    def state_size(self) -> tuple[int, ...]:
        return (self.bias.size,)

    def step(self, x: Array, state: State) -> Stepped:
        """x `[batch_size, input_depth]`, state `(h,)` -> output `[batch_size, units]`, `(h',)`."""
        joined = _join(x, state[0])
        h = ACTIVATIONS[self.activation].function(joined @ self.kernel + self.bias)
        return h, (h,), (joined, h)

    def step_backward(self, saved: Any, d_output: Array, d_state: State) -> SteppedBack:
        """Gradients have the shapes of what they belong to."""
        joined, h = saved
        d_z = (d_output + d_state[0]) * ACTIVATIONS[self.activation].derivative(h)
        d_joined, d_kernel, d_bias = _affine_backward(d_z, joined, self.kernel)
        d_x, d_h = np.split(d_joined, [-self.bias.size], axis=1)
        return d_x, (d_h,), {"kernel": d_kernel, "bias": d_bias}


@dataclass(frozen=True)
class GRU:
    """Cho et al. 2014, in TensorFlow 1's form: u keeps the old state, r acts before the product.

        r, u = sigmoid([x, h] gates_kernel + gates_bias)
        c = activation([x, r h] candidate_kernel + candidate_bias)
        h' = u h + (1 - u) c

    Shapes: gates_kernel `[input_depth + units, 2 * units]`, gates_bias `[2 * units]`,
    candidate_kernel `[input_depth + units, units]`, candidate_bias `[units]`; state `(h,)`, h
    `[batch_size, units]`; the output is h'.
    """

    gates_kernel: Array
    gates_bias: Array
    candidate_kernel: Array
    candidate_bias: Array
    activation: str = "tanh"

    @property
    def state_size(self) -> tuple[int, ...]:
        return (self.candidate_bias.size,)

    def step(self, x: Array, state: State) -> Stepped:
        """x `[batch_size, input_depth]`, state `(h,)` -> output `[batch_size, units]`, `(h',)`."""
        (h,) = _float64(*state)
        joined = _join(x, h)
        r, u = np.split(sigmoid(joined @ self.gates_kernel + self.gates_bias), 2, axis=1)
        joined_reset = _join(x, r * h)
        z_c = joined_reset @ self.candidate_kernel + self.candidate_bias
        c = ACTIVATIONS[self.activation].function(z_c)
        new_h = u * h + (1.0 - u) * c
        return new_h, (new_h,), (h, joined, r, u, joined_reset, c)

    def step_backward(self, saved: Any, d_output: Array, d_state: State) -> SteppedBack:
        """Gradients have the shapes of what they belong to."""
        h, joined, r, u, joined_reset, c = saved
        d_new_h = d_output + d_state[0]
        d_zc = d_new_h * (1.0 - u) * ACTIVATIONS[self.activation].derivative(c)
        d_joined_reset, d_candidate_kernel, d_candidate_bias = _affine_backward(
            d_zc, joined_reset, self.candidate_kernel
        )
        d_x_candidate, d_rh = np.split(d_joined_reset, [-c.shape[1]], axis=1)
        d_zr = d_rh * h * SIGMOID.derivative(r)
        d_zu = d_new_h * (h - c) * SIGMOID.derivative(u)
        d_joined, d_gates_kernel, d_gates_bias = _affine_backward(
            np.concatenate([d_zr, d_zu], axis=1), joined, self.gates_kernel
        )
        d_x_gates, d_h_gates = np.split(d_joined, [-c.shape[1]], axis=1)
        d_weights = {
            "gates_kernel": d_gates_kernel,
            "gates_bias": d_gates_bias,
            "candidate_kernel": d_candidate_kernel,
            "candidate_bias": d_candidate_bias,
        }
        return d_x_candidate + d_x_gates, (d_new_h * u + d_rh * r + d_h_gates,), d_weights


@dataclass(frozen=True)
class LSTM:
    """Hochreiter and Schmidhuber 1997, with forget gates (Gers et al. 2000).

        z_i, z_j, z_f, z_o = [x, h] kernel + bias
        i = sigmoid(z_i + w_i c)                    peepholes: Gers and Schmidhuber 2000
        f = sigmoid(z_f + forget_bias + w_f c)
        c' = clip(f c + i activation(z_j), cell_clip)
        o = sigmoid(z_o + w_o c')
        m = o activation(c')
        h' = clip(m projection, proj_clip)          projection: Sak et al. 2014

    Shapes: kernel `[input_depth + output_size, 4 * units]`, bias `[4 * units]`, peephole weights
    `[units]` (0 is none), projection `[units, output_size]` (None is none, and output_size =
    units); state `(c, h)`, c `[batch_size, units]`, h `[batch_size, output_size]`; the output is
    h'. `clip` limits to ± its bound and passes the gradient only inside.
    """

    kernel: Array
    bias: Array
    forget_bias: float = 1.0
    w_i: Array | float = 0.0
    w_f: Array | float = 0.0
    w_o: Array | float = 0.0
    cell_clip: float = np.inf
    projection: Array | None = None
    proj_clip: float = np.inf
    activation: str = "tanh"

    @property
    def state_size(self) -> tuple[int, ...]:
        units = self.bias.size // 4
        return (units, units if self.projection is None else self.projection.shape[1])

    def step(self, x: Array, state: State) -> Stepped:
        """x `[batch_size, input_depth]`, `(c, h)` -> `[batch_size, output_size]`, `(c', h')`."""
        c_prev, h_prev = _float64(*state)
        joined = _join(x, h_prev)
        act = ACTIVATIONS[self.activation].function
        z_i, z_j, z_f, z_o = np.split(joined @ self.kernel + self.bias, 4, axis=1)
        i = sigmoid(z_i + self.w_i * c_prev)
        f = sigmoid(z_f + self.forget_bias + self.w_f * c_prev)
        j = act(z_j)
        unclipped_c = f * c_prev + i * j
        c = np.clip(unclipped_c, -self.cell_clip, self.cell_clip)
        o = sigmoid(z_o + self.w_o * c)
        m = o * act(c)
        unclipped_h = m if self.projection is None else m @ self.projection
        h = np.clip(unclipped_h, -self.proj_clip, self.proj_clip)
        return h, (c, h), (c_prev, joined, i, j, f, o, unclipped_c, c, m, unclipped_h)

    def step_backward(self, saved: Any, d_output: Array, d_state: State) -> SteppedBack:
        """Gradients have the shapes of what they belong to; the peepholes' are given always."""
        c_prev, joined, i, j, f, o, unclipped_c, c, m, unclipped_h = saved
        act, act_derivative = ACTIVATIONS[self.activation]
        d_h = (d_output + d_state[1]) * (np.abs(unclipped_h) <= self.proj_clip)
        d_m = d_h if self.projection is None else d_h @ self.projection.T
        a = act(c)
        d_zo = d_m * a * SIGMOID.derivative(o)
        d_c = d_state[0] + d_m * o * act_derivative(a) + d_zo * self.w_o
        d_c = d_c * (np.abs(unclipped_c) <= self.cell_clip)
        d_zi = d_c * j * SIGMOID.derivative(i)
        d_zj = d_c * i * act_derivative(j)
        d_zf = d_c * c_prev * SIGMOID.derivative(f)
        d_c_prev = d_c * f + d_zi * self.w_i + d_zf * self.w_f
        d_z = np.concatenate([d_zi, d_zj, d_zf, d_zo], axis=1)
        d_joined, d_kernel, d_bias = _affine_backward(d_z, joined, self.kernel)
        d_x, d_h_prev = np.split(d_joined, [-self.state_size[1]], axis=1)
        d_weights = {"kernel": d_kernel, "bias": d_bias}
        d_weights["w_i"] = (d_zi * c_prev).sum(axis=0)
        d_weights["w_f"] = (d_zf * c_prev).sum(axis=0)
        d_weights["w_o"] = (d_zo * c).sum(axis=0)
        if self.projection is not None:
            d_weights["projection"] = m.T @ d_h
        return d_x, (d_c_prev, d_h_prev), d_weights


Cell = RNN | GRU | LSTM


def zero_state(cell: Cell, batch_size: int) -> State:
    """Return zeros, `[batch_size, size]` for each part of the cell's state."""
    return tuple(np.zeros([batch_size, size]) for size in cell.state_size)


class Tape(NamedTuple):
    """What `unroll` leaves for `unroll_backward`; one entry a step in all but `cell`."""

    cell: Cell
    saved: list[Any]
    alive: Array  # bool [num_steps, batch_size, 1]: the step is inside the sequence
    input_mask: Array
    output_mask: Array


class Gradients(NamedTuple):
    """Of the loss with respect to `inputs` `[num_steps, ...]`, `initial_state` and `weights`."""

    inputs: Array
    initial_state: State
    weights: Weights


def unroll(
    cell: Cell,
    inputs: Array,
    initial_state: State,
    *,
    sequence_length: Array | Sequence[int] | None = None,
    input_mask: Array | None = None,
    output_mask: Array | None = None,
) -> tuple[Array, State, Tape]:
    """Run the cell over `inputs` `[num_steps, batch_size, input_depth]`, num_steps at least 1.

    `sequence_length` `[batch_size]`: past its end a sequence's outputs are 0 and its state stays.
    `input_mask` and `output_mask` have the shapes of inputs and outputs and multiply them
    (dropout: 0 or 1 / keep_prob); they never touch the state that the cell hands on.

    Returns outputs `[num_steps, batch_size, output_size]`, the final state, and the tape.
    """
    num_steps, batch_size = inputs.shape[:2]
    lengths = np.full(batch_size, num_steps) if sequence_length is None else sequence_length
    alive = (np.arange(num_steps)[:, None] < np.asarray(lengths))[:, :, None]
    input_mask = np.ones(num_steps) if input_mask is None else input_mask
    output_mask = np.ones(num_steps) if output_mask is None else output_mask
    (inputs,) = _float64(inputs)
    state: State = tuple(_float64(*initial_state))
    outputs, saved = [], []
    for t in range(num_steps):
        output, new_state, step_saved = cell.step(inputs[t] * input_mask[t], state)
        outputs.append(np.where(alive[t], output * output_mask[t], 0.0))
        state = tuple(
            np.where(alive[t], new, old) for new, old in zip(new_state, state, strict=True)
        )
        saved.append(step_saved)
    return np.stack(outputs), state, Tape(cell, saved, alive, input_mask, output_mask)


def unroll_backward(
    tape: Tape, d_outputs: Array, d_final_state: Sequence[Array | float]
) -> Gradients:
    """Return the loss's gradients, given those of the outputs and of the final state.

    `d_outputs` `[num_steps, batch_size, output_size]`; `d_final_state` has the final state's
    shapes, or 0.0 for a part on which the loss does not depend.
    """
    d_inputs: list[Array] = []
    (d_outputs,) = _float64(d_outputs)
    d_state: State = tuple(_float64(*d_final_state))
    totals: Weights = {}
    for t in reversed(range(len(tape.saved))):
        alive = tape.alive[t]
        d_output = np.where(alive, d_outputs[t] * tape.output_mask[t], 0.0)
        d_new_state = tuple(np.where(alive, d, 0.0) for d in d_state)
        d_x, d_previous, d_weights = tape.cell.step_backward(tape.saved[t], d_output, d_new_state)
        d_inputs.insert(0, d_x * tape.input_mask[t])
        d_state = tuple(np.where(alive, p, d) for p, d in zip(d_previous, d_state, strict=True))
        totals = {name: totals.get(name, 0.0) + d for name, d in d_weights.items()}
    return Gradients(np.stack(d_inputs), d_state, totals)


def unroll_stack(
    cells: Sequence[Cell],
    inputs: Array,
    initial_states: Sequence[State],
    *,
    sequence_length: Array | Sequence[int] | None = None,
    input_mask: Array | None = None,
    output_masks: Sequence[Array | None] | None = None,
) -> tuple[Array, list[State], list[Tape]]:
    """Run layer upon layer, each over the outputs of the one below; one state for each layer.

    Arguments are those of `unroll`; `output_masks` holds one mask, or None, for each layer.
    Returns the top layer's outputs, and the final state and the tape of every layer.
    """
    states: list[State] = []
    tapes: list[Tape] = []
    outputs = inputs
    masks = output_masks or [None] * len(cells)
    for cell, initial_state, output_mask in zip(cells, initial_states, masks, strict=True):
        outputs, state, tape = unroll(
            cell,
            outputs,
            initial_state,
            sequence_length=sequence_length,
            input_mask=None if tapes else input_mask,
            output_mask=output_mask,
        )
        states.append(state)
        tapes.append(tape)
    return outputs, states, tapes


def unroll_stack_backward(
    tapes: Sequence[Tape], d_outputs: Array, d_final_states: Sequence[Sequence[Array | float]]
) -> list[Gradients]:
    """Return every layer's gradients, the lowest first; its `inputs` are those of the stack."""
    gradients: list[Gradients] = []
    for tape, d_final_state in zip(reversed(tapes), reversed(d_final_states), strict=True):
        gradients.insert(0, unroll_backward(tape, d_outputs, d_final_state))
        d_outputs = gradients[0].inputs
    return gradients


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Return each example's loss, -log softmax(logits)[label], and its gradient to the logits.

    logits `[..., num_classes]`, labels int `[...]` -> losses `[...]` in nats, gradients
    `[..., num_classes]` = softmax - one-hot label.
    """
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    one_hot = np.eye(shifted.shape[-1])[labels]
    return -(log_softmax * one_hot).sum(axis=-1), np.exp(log_softmax) - one_hot


def sequence_loss_by_example(
    logits: Sequence[Array],
    targets: Sequence[Array],
    weights: Sequence[Array],
    average_across_timesteps: bool = True,
) -> Array:
    """Return the weighted cross-entropy of each sequence, `[batch_size]`, in nats.

    The lists have one entry a step: logits `[batch_size, num_classes]`, targets int
    `[batch_size]`, weights `[batch_size]`. An average divides by the sum of weights + 1e-12.
    """
    weights_sum = np.sum(weights, axis=0, dtype=np.float64)
    steps = zip(logits, targets, weights, strict=True)
    total = sum(w * softmax_cross_entropy(z, label)[0] for z, label, w in steps)
    return total / (weights_sum + 1e-12) if average_across_timesteps else total


def perplexity(costs: Sequence[float], num_steps: Sequence[int]) -> float:
    """Return exp(sum of costs / sum of steps), a cost being a minibatch's sum over its steps."""
    return float(np.exp(np.sum(costs) / np.sum(num_steps)))


def clip_by_global_norm(gradients: Sequence[Array], clip_norm: float) -> tuple[list[Array], float]:
    """Pascanu et al. 2013: scale all by clip_norm / max(norm, clip_norm); return also the norm."""
    norm = float(np.sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in gradients)))
    return [g * (clip_norm / max(norm, clip_norm)) for g in gradients], norm


# One step of each optimizer of TensorFlow 1, with its defaults:
#     (variable, gradient, slots, learning_rate) -> (new variable, new slots)
# All arrays have the variable's shape; slots are None before the first step.
Step = tuple[Array, tuple[Any, ...]]


def sgd(variable: Array, gradient: Array, slots: Any, learning_rate: float) -> Step:
    """Plain gradient descent; no slots."""
    variable, gradient = _float64(variable, gradient)
    return variable - learning_rate * gradient, ()


def momentum(
    variable: Array, gradient: Array, slots: Any, learning_rate: float, momentum: float
) -> Step:
    """Polyak 1964: the slot sums past gradients; the rate multiplies the sum."""
    variable, gradient = _float64(variable, gradient)
    (velocity,) = slots or (np.zeros_like(variable),)
    velocity = momentum * velocity + gradient
    return variable - learning_rate * velocity, (velocity,)


def adagrad(variable: Array, gradient: Array, slots: Any, learning_rate: float) -> Step:
    """Duchi et al. 2011; the sum of squares starts at 0.1, and there is no epsilon."""
    variable, gradient = _float64(variable, gradient)
    (squares,) = slots or (np.full_like(variable, 0.1),)
    squares = squares + gradient**2
    return variable - learning_rate * gradient / np.sqrt(squares), (squares,)


def rmsprop(
    variable: Array,
    gradient: Array,
    slots: Any,
    learning_rate: float,
    decay: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-10,
) -> Step:
    """Tieleman and Hinton 2012; the mean square starts at 1, epsilon stands under the root."""
    variable, gradient = _float64(variable, gradient)
    mean_square, velocity = slots or (np.ones_like(variable), np.zeros_like(variable))
    mean_square = decay * mean_square + (1.0 - decay) * gradient**2
    velocity = momentum * velocity + learning_rate * gradient / np.sqrt(mean_square + epsilon)
    return variable - velocity, (mean_square, velocity)


def adam(
    variable: Array,
    gradient: Array,
    slots: Any,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Step:
    """Kingma and Ba 2015, the form at the end of section 2: epsilon joins the uncorrected root."""
    variable, gradient = _float64(variable, gradient)
    m, v, t = slots or (np.zeros_like(variable), np.zeros_like(variable), 0)
    m = beta1 * m + (1.0 - beta1) * gradient
    v = beta2 * v + (1.0 - beta2) * gradient**2
    t += 1
    rate = learning_rate * np.sqrt(1.0 - beta2**t) / (1.0 - beta1**t)
    return variable - rate * m / (np.sqrt(v) + epsilon), (m, v, t)
