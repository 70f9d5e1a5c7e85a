"""Whole sequences at once: fast recurrent layers and a fast softmax loss, as pure functions.

Everything is time-major and knows nothing of cells or variables. Each function computes what
stepping the cell would compute, arranged so that little is left inside the loop over time: the
inputs' share of every step is one matrix product ahead of the loop, and the hand-written
gradients collect the pre-activation errors of all steps and make each weight gradient with one
product. The formulas are those of Hochreiter and Schmidhuber 1997 (LSTM, with the forget gate of
Gers et al. 2000) and Cho et al. 2014 (GRU).
"""

from collections.abc import Callable, Sequence

import tensorflow.compat.v1 as tf

# A longer sequence runs in a `tf.while_loop`: its graph does not grow with the sequence.
MAX_UNROLLED_STEPS = 100

State = tuple[tf.Tensor, ...]
Step = Callable[[tf.Tensor, State], tuple[State, tuple[tf.Tensor, ...]]]


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
        that of `inputs`. State and gates keep the dtype of `inputs`.

    Returns:
      `(outputs [num_steps, batch_size, num_units], final_c, final_h)`.
    """
    inputs, c, h, kernel = map(tf.convert_to_tensor, (inputs, c, h, kernel))
    num_units = h.shape[-1]
    dtype = matmul_dtype or inputs.dtype
    extra = tf.concat([tf.zeros([2 * num_units]), tf.fill([num_units], forget_bias)], 0)
    extra = tf.cast(tf.pad(extra, [[0, num_units]]), inputs.dtype)
    bias = extra if bias is None else bias + extra
    alive = _alive(sequence_length, inputs)

    def run(inputs, c, h, kernel, bias, unroll):
        weights, recurrent = _split_kernel(kernel, inputs, dtype)

        def step(z, state):
            c, h = state
            z += _matmul(h, recurrent, dtype)
            i, _, f, o = tf.split(tf.sigmoid(z), 4, 1)
            j = tf.tanh(tf.split(z, 4, 1)[1])
            new_c = f * c + i * j
            tanh_c = tf.tanh(new_c)
            return (new_c, o * tanh_c), (i, j, f, o, tanh_c)

        projected = _project(inputs, weights, dtype) + bias
        return unroll(step, projected, (c, h), alive)

    if not _is_unrolled(inputs):
        outputs, (final_c, final_h) = run(inputs, c, h, kernel, bias, _loop)
        return outputs, final_c, final_h

    @tf.custom_gradient
    def unrolled(inputs, c, h, kernel, bias):
        outputs, (final_c, final_h), before, saved = run(inputs, c, h, kernel, bias, _unroll)

        def gradient(d_outputs, d_c, d_h):
            weights, recurrent = _split_kernel(kernel, inputs, dtype)
            d_zs, d_c, d_h = _lstm_errors(
                (d_outputs, d_c, d_h), before[0], saved, recurrent, alive, dtype
            )
            d_kernel = _weight_gradient(tf.concat([inputs, before[1]], 2), d_zs, dtype)
            d_inputs = _project(d_zs, weights, dtype, transpose_b=True)
            return d_inputs, d_c, d_h, d_kernel, tf.reduce_sum(d_zs, [0, 1])

        return (outputs, final_c, final_h), gradient

    return unrolled(inputs, c, h, kernel, bias)


def _lstm_errors(d_results, c_before, saved, recurrent, alive, dtype):
    """Goes back through time: the errors of all pre-activations `[T, B, 4N]`, of c and of h.

    All that does not depend on later steps is computed for the whole sequence first, so that a
    step back is: d_h += d_output; d_c += d_h · do/dc; d_z = (d_c, d_c, d_c, d_h) · slopes.
    """
    d_outputs, d_c, d_h = d_results
    i, j, f, o, tanh_c = saved
    slopes = tf.concat(
        [j * i * (1 - i), i * (1 - j * j), c_before * f * (1 - f), tanh_c * o * (1 - o)], 2
    )
    h_to_c = o * (1 - tanh_c * tanh_c)
    if alive is not None:
        dead = tf.unstack(tf.cast(~alive, slopes.dtype))
        slopes, h_to_c, d_outputs = (_where(alive, x, 0.0) for x in (slopes, h_to_c, d_outputs))
        f = _where(alive, f, 1.0)
    steps = [tf.unstack(x) for x in (d_outputs, slopes, h_to_c, f)]
    d_zs = []
    for t in reversed(range(len(steps[0]))):
        d_output, slope, to_c, forget = (x[t] for x in steps)
        d_h += d_output
        d_c += d_h * to_c
        d_z = tf.concat([d_c, d_c, d_c, d_h], 1) * slope
        d_c *= forget
        through = _matmul(d_z, recurrent, dtype, transpose_b=True)
        d_h = through if alive is None else through + d_h * dead[t]
        d_zs.append(d_z)
    return tf.stack(d_zs[::-1]), d_c, d_h


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
      sequence_length: as in `lstm_sequence`.
      matmul_dtype: as in `lstm_sequence`.

    Returns:
      `(outputs [num_steps, batch_size, num_units], final_h)`.
    """
    inputs, h, gate_kernel, candidate_kernel = map(
        tf.convert_to_tensor, (inputs, h, gate_kernel, candidate_kernel)
    )
    num_units = h.shape[-1]
    dtype = matmul_dtype or inputs.dtype
    widths = [2 * num_units, num_units]
    gate_bias = _bias(gate_bias, widths[0], inputs.dtype)
    candidate_bias = _bias(candidate_bias, widths[1], inputs.dtype)
    alive = _alive(sequence_length, inputs)

    def run(inputs, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias, unroll):
        gate_weights, gate_recurrent = _split_kernel(gate_kernel, inputs, dtype)
        weights, recurrent = _split_kernel(candidate_kernel, inputs, dtype)

        def step(z, state):
            (h,) = state
            gate_z, candidate_z = tf.split(z, widths, 1)
            r, u = tf.split(tf.sigmoid(gate_z + _matmul(h, gate_recurrent, dtype)), 2, 1)
            candidate = tf.tanh(candidate_z + _matmul(r * h, recurrent, dtype))
            return (candidate + u * (h - candidate),), (r, u, candidate)

        projected = _project(inputs, tf.concat([gate_weights, weights], 1), dtype)
        projected += tf.concat([gate_bias, candidate_bias], 0)
        return unroll(step, projected, (h,), alive)

    arguments = (inputs, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias)
    if not _is_unrolled(inputs):
        outputs, (final_h,) = run(*arguments, _loop)
        return outputs, final_h

    @tf.custom_gradient
    def unrolled(inputs, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias):
        outputs, (final_h,), (before,), saved = run(
            inputs, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias, _unroll
        )

        def gradient(d_outputs, d_h):
            gate_weights, gate_recurrent = _split_kernel(gate_kernel, inputs, dtype)
            weights, recurrent = _split_kernel(candidate_kernel, inputs, dtype)
            d_gate_zs, d_zs, d_h = _gru_errors(
                (d_outputs, d_h), before, saved, (gate_recurrent, recurrent), alive, dtype
            )
            return (
                _project(d_gate_zs, gate_weights, dtype, transpose_b=True)
                + _project(d_zs, weights, dtype, transpose_b=True),
                d_h,
                _weight_gradient(tf.concat([inputs, before], 2), d_gate_zs, dtype),
                tf.reduce_sum(d_gate_zs, [0, 1]),
                _weight_gradient(tf.concat([inputs, saved[0] * before], 2), d_zs, dtype),
                tf.reduce_sum(d_zs, [0, 1]),
            )

        return (outputs, final_h), gradient

    return unrolled(*arguments)


def _gru_errors(d_results, h_before, saved, recurrents, alive, dtype):
    """Goes back through time: the errors of the gates `[T, B, 2N]`, of the candidates and of h."""
    d_outputs, d_h = d_results
    r, u, candidate = saved
    gate_slopes = tf.concat([h_before * r * (1 - r), (h_before - candidate) * u * (1 - u)], 2)
    slopes = (1 - u) * (1 - candidate * candidate)
    if alive is not None:
        gate_slopes, slopes, d_outputs = (
            _where(alive, x, 0.0) for x in (gate_slopes, slopes, d_outputs)
        )
        u = _where(alive, u, 1.0)
    steps = [tf.unstack(x) for x in (d_outputs, gate_slopes, slopes, r, u)]
    d_gate_zs, d_zs = [], []
    for t in reversed(range(len(steps[0]))):
        d_output, gate_slope, slope, reset, update = (x[t] for x in steps)
        d_h += d_output
        d_z = d_h * slope
        d_reset_h = _matmul(d_z, recurrents[1], dtype, transpose_b=True)
        d_gate_z = tf.concat([d_reset_h, d_h], 1) * gate_slope
        through = _matmul(d_gate_z, recurrents[0], dtype, transpose_b=True)
        d_h = d_h * update + d_reset_h * reset + through
        d_gate_zs.append(d_gate_z)
        d_zs.append(d_z)
    return tf.stack(d_gate_zs[::-1]), tf.stack(d_zs[::-1]), d_h


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
      sequence_length: as in `lstm_sequence`.
      matmul_dtype: as in `lstm_sequence`.

    Returns:
      `(outputs [num_steps, batch_size, num_units], final_h)`.
    """
    inputs, h, kernel = map(tf.convert_to_tensor, (inputs, h, kernel))
    dtype = matmul_dtype or inputs.dtype
    bias = _bias(bias, h.shape[-1], inputs.dtype)
    alive = _alive(sequence_length, inputs)

    def run(inputs, h, kernel, bias, unroll):
        weights, recurrent = _split_kernel(kernel, inputs, dtype)

        def step(z, state):
            return (tf.tanh(z + _matmul(state[0], recurrent, dtype)),), ()

        return unroll(step, _project(inputs, weights, dtype) + bias, (h,), alive)

    if not _is_unrolled(inputs):
        outputs, (final_h,) = run(inputs, h, kernel, bias, _loop)
        return outputs, final_h

    @tf.custom_gradient
    def unrolled(inputs, h, kernel, bias):
        outputs, (final_h,), (before,), _ = run(inputs, h, kernel, bias, _unroll)

        def gradient(d_outputs, d_h):
            weights, recurrent = _split_kernel(kernel, inputs, dtype)
            d_zs, d_h = _rnn_errors((d_outputs, d_h), outputs, recurrent, alive, dtype)
            d_kernel = _weight_gradient(tf.concat([inputs, before], 2), d_zs, dtype)
            d_inputs = _project(d_zs, weights, dtype, transpose_b=True)
            return d_inputs, d_h, d_kernel, tf.reduce_sum(d_zs, [0, 1])

        return (outputs, final_h), gradient

    return unrolled(inputs, h, kernel, bias)


def _rnn_errors(d_results, outputs, recurrent, alive, dtype):
    """Goes back through time: the errors of all pre-activations `[T, B, N]` and of h."""
    d_outputs, d_h = d_results
    slopes = 1 - outputs * outputs
    if alive is not None:
        dead = tf.unstack(tf.cast(~alive, slopes.dtype))
        slopes, d_outputs = (_where(alive, x, 0.0) for x in (slopes, d_outputs))
    d_outputs, slopes = tf.unstack(d_outputs), tf.unstack(slopes)
    d_zs = []
    for t in reversed(range(len(slopes))):
        d_h += d_outputs[t]
        d_z = d_h * slopes[t]
        through = _matmul(d_z, recurrent, dtype, transpose_b=True)
        d_h = through if alive is None else through + d_h * dead[t]
        d_zs.append(d_z)
    return tf.stack(d_zs[::-1]), d_h


def softmax_loss(
    outputs: tf.Tensor,
    softmax_w: tf.Tensor,
    softmax_b: tf.Tensor,
    targets: tf.Tensor,
    matmul_dtype: tf.DType | None = None,
) -> tf.Tensor:
    """Output layer and cross-entropy in one: -log softmax(outputs · softmax_w + softmax_b)[target].

    Args:
      outputs: `[M, hidden_size]`.
      softmax_w: `[hidden_size, vocab_size]`.
      softmax_b: `[vocab_size]`.
      targets: int32 or int64 `[M]`, each in `[0, vocab_size)`.
      matmul_dtype: dtype of the matrix products' operands; None for that of `outputs`.

    Returns:
      The loss in nats, `[M]`, in the dtype of `outputs`.
    """
    dtype = matmul_dtype or outputs.dtype
    targets = tf.convert_to_tensor(targets)

    @tf.custom_gradient
    def forward(outputs, softmax_w, softmax_b):
        logits = _matmul(outputs, softmax_w, dtype) + softmax_b
        loss, logits_gradient = _cross_entropy(logits, targets)

        def gradient(d_loss):
            d_logits = logits_gradient(d_loss)
            return (
                _matmul(d_logits, softmax_w, dtype, transpose_b=True),
                _matmul(outputs, d_logits, dtype, transpose_a=True),
                tf.reduce_sum(d_logits, 0),
            )

        return loss, gradient

    return forward(outputs, tf.convert_to_tensor(softmax_w), tf.convert_to_tensor(softmax_b))


def softmax_cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of given logits; fits `softmax_loss_function` of the sequence losses.

    Args:
      labels: int32 or int64 `[M]`, each in `[0, vocab_size)`.
      logits: `[M, vocab_size]`.

    Returns:
      The loss in nats, `[M]`.
    """
    labels = tf.convert_to_tensor(labels)

    @tf.custom_gradient
    def forward(logits):
        return _cross_entropy(logits, labels)

    return forward(tf.convert_to_tensor(logits))


def _cross_entropy(logits, targets):
    """The loss `[M]`, and the function that turns its gradient into that of the logits.

    With m the row's largest logit and p the softmax, log-sum-exp is m - log(max p): `max p` is
    at least 1 / vocab_size, so the logarithm is safe however far apart the logits are.
    """
    probabilities = tf.nn.softmax(logits)
    places = tf.stack([tf.range(tf.size(targets, out_type=targets.dtype)), targets], 1)
    below_max = tf.reduce_max(logits, 1) - tf.gather_nd(logits, places)
    loss = below_max - tf.log(tf.reduce_max(probabilities, 1))

    def gradient(d_loss):
        less_one = tf.tensor_scatter_nd_sub(probabilities, places, tf.ones_like(d_loss))
        return less_one * d_loss[:, None]

    return loss, gradient


def _is_unrolled(inputs: tf.Tensor) -> bool:
    num_steps = inputs.shape[0]
    return num_steps is not None and num_steps <= MAX_UNROLLED_STEPS


def _unroll(step: Step, projected: tf.Tensor, state: State, alive: tf.Tensor | None):
    """Steps through a sequence of known length, keeping what the gradient needs.

    Returns:
      `(outputs, final_state, before, saved)`: `before` is the state before each step and `saved`
      the step's own results, both stacked over time.
    """
    masks = None if alive is None else tf.unstack(alive)
    states, saved = [state], []
    for t, z in enumerate(tf.unstack(projected)):
        new_state, results = step(z, states[-1])
        if masks is not None:
            new_state = _keep(masks[t], new_state, states[-1])
        states.append(new_state)
        saved.append(results)
    outputs = tf.stack([state[-1] for state in states[1:]])
    outputs = outputs if alive is None else _where(alive, outputs, 0.0)
    return outputs, states[-1], _stack_each(states[:-1]), _stack_each(saved)


def _loop(step: Step, projected: tf.Tensor, state: State, alive: tf.Tensor | None):
    """Steps through a sequence of any length; returns `(outputs, final_state)`."""
    num_steps = tf.shape(projected)[0]
    outputs = tf.TensorArray(projected.dtype, num_steps, element_shape=state[-1].shape)

    def body(t, state, outputs):
        new_state, _ = step(projected[t], state)
        if alive is not None:
            new_state = _keep(alive[t], new_state, state)
        return t + 1, new_state, outputs.write(t, new_state[-1])

    _, state, written = tf.while_loop(lambda t, *_: t < num_steps, body, (0, state, outputs))
    stacked = written.stack()
    return (stacked if alive is None else _where(alive, stacked, 0.0)), state


def _keep(alive: tf.Tensor, new_state: State, state: State) -> State:
    return tuple(_where(alive, new, old) for new, old in zip(new_state, state, strict=True))


def _where(condition: tf.Tensor, x: tf.Tensor, otherwise) -> tf.Tensor:
    return tf.where_v2(condition, x, tf.cast(otherwise, x.dtype))


def _stack_each(steps: Sequence[State]) -> list[tf.Tensor]:
    return [tf.stack(parts) for parts in zip(*steps, strict=True)]


def _bias(bias: tf.Tensor | None, width: int, dtype: tf.DType) -> tf.Tensor:
    return tf.zeros([width], dtype) if bias is None else tf.convert_to_tensor(bias)


def _alive(sequence_length: tf.Tensor | None, inputs: tf.Tensor) -> tf.Tensor | None:
    """`[T, B, 1]`, true where a step lies within its row's length; None if all do."""
    if sequence_length is None:
        return None
    sequence_length = tf.convert_to_tensor(sequence_length)
    steps = tf.range(tf.shape(inputs, out_type=sequence_length.dtype)[0])
    alive = (steps[:, None] < sequence_length)[:, :, None]
    alive.set_shape([inputs.shape[0], None, 1])
    return alive


def _split_kernel(kernel, inputs, dtype):
    """The rows of a kernel that meet the inputs, and those that meet the state."""
    return tf.split(tf.cast(kernel, dtype), [inputs.shape[-1], -1], 0)


def _matmul(a: tf.Tensor, b: tf.Tensor, dtype: tf.DType, **transpose: bool) -> tf.Tensor:
    """Multiplies in `dtype` and returns the product in the dtype of `a`."""
    product = tf.matmul(tf.cast(a, dtype), tf.cast(b, dtype), **transpose)
    return tf.cast(product, a.dtype)


def _project(sequence, weights, dtype, **transpose):
    """The product of every step with the same weights: `[T, B, D]` -> `[T, B, width]`."""
    num_steps, batch_size, _ = sequence.shape
    product = _matmul(_rows(sequence), weights, dtype, **transpose)
    shape = tf.concat([tf.shape(sequence)[:2], tf.shape(product)[1:]], 0)
    projected = tf.reshape(product, shape)
    projected.set_shape([num_steps, batch_size, product.shape[1]])
    return projected


def _weight_gradient(sequence, d_zs, dtype):
    return _matmul(_rows(sequence), _rows(d_zs), dtype, transpose_a=True)


def _rows(sequence: tf.Tensor) -> tf.Tensor:
    """`[T, B, N]` -> `[T * B, N]`."""
    return tf.reshape(sequence, [-1, sequence.shape[-1]])
