"""The output layer of a language model and its loss: exact, and fast for a large vocabulary."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.kernels.gradients import ready, with_gradient
from tf1rnn.kernels.products import times_transposed, transposed_times
from tf1rnn.types import DType, Tensor

# A probability below this is too near to the smallest float for its logarithm to be exact.
LEAST_PROBABILITY = 1e-30
MOST_PLACES = 2**31 - 1  # that an int32 counts


def softmax_loss(
    outputs: Tensor,
    softmax_w: Tensor,
    softmax_b: Tensor,
    targets: Tensor,
    matmul_dtype: DType | None = None,
) -> Tensor:
    """Output layer and cross-entropy in one: -log softmax(outputs · softmax_w + softmax_b)[target].

    Args:
      outputs: `[M, hidden_size]`.
      softmax_w: `[hidden_size, vocab_size]`.
      softmax_b: `[vocab_size]`.
      targets: integers `[M]`, each in `[0, vocab_size)`.
      matmul_dtype: dtype of the matrix products' operands; None for that of `outputs`.

    Returns:
      The loss in nats, `[M]`, in the dtype of `outputs`.

    Raises:
      ValueError: shapes that do not fit.
      TypeError: targets that are no integers.
    """
    outputs, softmax_w, softmax_b = map(tf.convert_to_tensor, (outputs, softmax_w, softmax_b))
    targets = _integers(targets)
    _check_shapes(outputs, softmax_w, softmax_b, targets)
    weights = tf.cast(softmax_w, matmul_dtype or outputs.dtype)  # [H, V]
    bias = tf.cast(softmax_b, weights.dtype)
    logits = tf.nn.bias_add(tf.cast(outputs, weights.dtype) @ weights, bias)
    loss, errors = _cross_entropy(logits, targets)  # [M], [M, V]
    operands = [outputs, softmax_w, softmax_b, weights, errors]
    return with_gradient("tf1rnn.SoftmaxLoss", [tf.cast(loss, outputs.dtype)], operands)[0]


@tf.RegisterGradient("tf1rnn.SoftmaxLoss")
def _gradient_of_loss(op: tf.Operation, d_loss: Tensor, *_: Tensor) -> list[Tensor | None]:
    _, outputs, _, _, weights, errors = op.inputs
    scale = d_loss[:, None]  # [M, 1]
    # In d_weights each row's errors count d_loss times; to scale the outputs is cheaper, there are
    # fewer. The bias is a weight whose input is 1: a column of such inputs, scaled too, makes its
    # gradient the last row of the same product.
    scaled = tf.concat([outputs * scale, scale], 1)  # [M, H + 1]
    d_outputs = tf.cast(times_transposed(errors, weights), outputs.dtype) * scale
    with ready(d_outputs, outputs):
        scaled = tf.cast(scaled, weights.dtype)
    d_weights = tf.cast(transposed_times(scaled, errors), outputs.dtype)  # [H + 1, V]
    return [None, d_outputs, d_weights[:-1], d_weights[-1], None, None]


def softmax_cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy of given logits; fits `softmax_loss_function` of the sequence losses.

    Args:
      labels: integers `[...]`, of any rank, each in `[0, vocab_size)`.
      logits: `[..., vocab_size]`.

    Returns:
      The loss in nats, of the shape of the labels and the dtype of the logits.

    Raises:
      ValueError: shapes that do not fit.
      TypeError: labels that are no integers.
    """
    labels, logits = _integers(labels), tf.convert_to_tensor(logits)
    if logits.shape.rank == 0 or not logits.shape[:-1].is_compatible_with(labels.shape):
        raise ValueError(
            "labels must be [...] and logits [..., vocab_size], "
            f"not of shapes {labels.shape} and {logits.shape}"
        )
    flat = tf.reshape(logits, [-1, tf.shape(logits)[-1]])  # [M, V]
    loss, errors = _cross_entropy(flat, tf.reshape(labels, [-1]))
    results = [tf.cast(loss, logits.dtype)]
    (loss,) = with_gradient("tf1rnn.SoftmaxCrossEntropy", results, [flat, errors])
    return tf.reshape(loss, tf.shape(labels))


@tf.RegisterGradient("tf1rnn.SoftmaxCrossEntropy")
def _gradient_of_cross_entropy(op: tf.Operation, d_loss: Tensor, *_: Tensor) -> list[Tensor | None]:
    errors = op.inputs[2]
    return [None, errors * d_loss[:, None], None]


def _cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The loss `[M]`, and its gradient with respect to the logits, `[M, V]`.

    The gradient is the probabilities p, less 1 at the target. There it is computed as the sum of
    the others, which stays precise where p[target] is near 1, in bfloat16 too.
    """
    dtype = logits.dtype
    if dtype == tf.float16:  # too small a range for probabilities
        logits = tf.cast(logits, tf.float32)
    row = tf.range(tf.shape(logits, out_type=targets.dtype)[0])  # [M]
    places = tf.stack([row, targets], 1)  # [M, 2]
    with tf.control_dependencies([_nothing()]):
        p = tf.nn.softmax(logits)  # [M, V]
    at_target = tf.gather_nd(p, places)  # [M]
    # Both updates are made in place, which saves two copies of the largest tensor there is.
    with tf.control_dependencies([at_target]):
        places = tf.identity(places)
    others = _put(p, places, tf.zeros_like(at_target))
    missing = tf.reduce_sum(others, 1)  # [M], 1 - p[target]
    results = [_put(others, places, -missing), at_target, missing]
    errors, at_target, missing = with_gradient("tf1rnn.SoftmaxErrors", results, [logits])
    return _negative_log(at_target, missing, logits, targets), tf.cast(errors, dtype)


@tf.RegisterGradient("tf1rnn.SoftmaxErrors")
def _gradient_of_errors(op: tf.Operation, d_errors: Tensor, *_: Tensor) -> list[Tensor | None]:
    """For second derivatives: what is put in place has none."""
    p = tf.nn.softmax(op.inputs[3])
    return [None, None, None, p * (d_errors - tf.reduce_sum(p * d_errors, 1, keepdims=True))]


def _nothing() -> Tensor:
    """What makes an operation that waits for it unlike any other.

    TensorFlow computes equal operations once, in sessions of any kind. A tensor that is changed in
    place must be no one else's: neither another softmax of the same logits nor another loss's.
    An operation that has a state is equal to none, and those that wait for it neither.
    """
    return tf.raw_ops.Empty(shape=[0], dtype=tf.float32)


def _put(p: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """p `[M, V]` with values `[M]` at the places `[M, 2]`.

    They are put into the tensor itself, which nothing else may read without waiting for it.
    TensorFlow has deprecated the op in favour of the other one here, which copies; but it counts
    places in int32, which is not enough for all sizes.
    """
    vocab_size = tf.shape(p, out_type=places.dtype)[1]

    def in_place() -> Tensor:
        flat = tf.cast(places[:, 0] * vocab_size + places[:, 1], tf.int32)  # [M]
        put = tf.raw_ops.InplaceUpdate(x=tf.reshape(p, [-1]), i=flat, v=values)
        return tf.reshape(put, tf.shape(p))

    def copied() -> Tensor:
        return tf.tensor_scatter_nd_update(p, places, values)

    size = p.shape.num_elements()
    if size is None:
        return tf.cond(tf.size(p, out_type=tf.int64) <= MOST_PLACES, in_place, copied)
    return in_place() if size <= MOST_PLACES else copied()


def _negative_log(p: Tensor, missing: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
    """-log p, also where p is near 1, being 1 - missing, or too small for a float."""
    dtype = tf.float32 if p.dtype.size < 4 else p.dtype
    p, missing = tf.cast(p, dtype), tf.cast(missing, dtype)

    def exactly() -> Tensor:
        z = tf.cast(logits, dtype)
        return tf.reduce_logsumexp(z, 1) - tf.gather(z, targets, axis=1, batch_dims=1)

    return tf.cond(
        tf.reduce_any(p < LEAST_PROBABILITY),
        exactly,
        lambda: -tf.where_v2(p < 0.5, tf.log(p), tf.log1p(-missing)),
    )


def _check_shapes(outputs: Tensor, softmax_w: Tensor, softmax_b: Tensor, targets: Tensor) -> None:
    tensors = outputs, softmax_w, softmax_b, targets
    sizes: dict[str, int] = {}
    for tensor, axes in zip(tensors, ("MH", "HV", "V", "M"), strict=True):
        shape = tensor.shape.as_list() if tensor.shape.rank is not None else [None] * len(axes)
        known = [(axis, n) for axis, n in zip(axes, shape, strict=False) if n is not None]
        if len(shape) != len(axes) or any(sizes.setdefault(axis, n) != n for axis, n in known):
            raise ValueError(
                "expected outputs [M, hidden_size], softmax_w [hidden_size, vocab_size], "
                "softmax_b [vocab_size] and targets [M], not tensors of shapes "
                + ", ".join(str(tensor.shape) for tensor in tensors)
            )


def _integers(labels: Tensor) -> Tensor:
    """Labels as int32 or int64; raises TypeError where they are of another kind."""
    labels = tf.convert_to_tensor(labels)
    if not labels.dtype.is_integer:
        raise TypeError(f"labels must be integers, not {labels.dtype.name}")
    return labels if labels.dtype in (tf.int32, tf.int64) else tf.cast(labels, tf.int64)
