"""The output layer of a language model and its loss: exact, and fast for a large vocabulary."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.kernels.products import copied_transpose, static_size, times_transposed
from tf1rnn.types import DType, Tensor

# A probability below this is too near to the smallest float for its logarithm to be exact.
LEAST_PROBABILITY = 1e-30


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
      targets: int32 or int64 `[M]`, each in `[0, vocab_size)`.
      matmul_dtype: dtype of the matrix products' operands; None for that of `outputs`.

    Returns:
      The loss in nats, `[M]`, in the dtype of `outputs`.
    """
    outputs, targets = tf.convert_to_tensor(outputs), tf.convert_to_tensor(targets)
    dtype = matmul_dtype or outputs.dtype

    @tf.custom_gradient
    def forward(outputs: Tensor, softmax_w: Tensor, softmax_b: Tensor) -> Any:
        weights = tf.cast(softmax_w, dtype)  # [H, V]
        logits = tf.nn.bias_add(tf.cast(outputs, dtype) @ weights, tf.cast(softmax_b, dtype))
        loss, errors = _cross_entropy(logits, targets)  # [M], [M, V]

        def gradient(d_loss: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            scale = d_loss[:, None]  # [M, 1]
            # In d_weights each row's errors count d_loss times; to scale the outputs is cheaper,
            # there are fewer. The bias is a weight whose input is 1: a column of such inputs,
            # scaled too, makes its gradient the last row of the same product.
            scaled = tf.concat([outputs * scale, scale], 1)  # [M, H + 1]
            d_outputs = tf.cast(times_transposed(errors, weights), outputs.dtype) * scale
            # The layers below wait for d_outputs, and for d_weights nobody.
            with tf.control_dependencies([d_outputs]):
                scaled = tf.cast(scaled, dtype)
            d_weights = tf.cast(copied_transpose(scaled) @ errors, outputs.dtype)  # [H + 1, V]
            return d_outputs, d_weights[:-1], d_weights[-1]

        return tf.cast(loss, outputs.dtype), gradient

    return forward(outputs, tf.convert_to_tensor(softmax_w), tf.convert_to_tensor(softmax_b))


def softmax_cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy of given logits; fits `softmax_loss_function` of the sequence losses.

    Args:
      labels: int32 or int64 `[M]`, each in `[0, vocab_size)`.
      logits: `[M, vocab_size]`.

    Returns:
      The loss in nats, `[M]`.
    """
    labels = tf.convert_to_tensor(labels)

    @tf.custom_gradient
    def forward(logits: Tensor) -> Any:
        loss, errors = _cross_entropy(logits, labels)
        return tf.cast(loss, logits.dtype), lambda d_loss: errors * d_loss[:, None]

    return forward(tf.convert_to_tensor(logits))


def _cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The loss `[M]`, and its gradient with respect to the logits, `[M, V]`.

    The gradient is the probabilities p, less 1 at the target. There it is computed as the sum of
    the others, which stays precise where p[target] is near 1, in bfloat16 too.
    """

    @tf.custom_gradient
    def compare(logits: Tensor) -> Any:
        row = tf.range(tf.size(targets, out_type=targets.dtype))  # [M]
        p = tf.nn.softmax(logits)  # [M, V]
        at_target = tf.gather_nd(p, tf.stack([row, targets], 1))  # [M]
        # Both updates are made in place, which saves two copies of the largest tensor there is.
        with tf.control_dependencies([at_target]):
            places = tf.cast(row * static_size(logits, 1) + targets, tf.int32)  # [M], in flat p
        others = _put(tf.reshape(p, [-1]), places, tf.zeros_like(at_target))
        missing = tf.reduce_sum(tf.reshape(others, tf.shape(logits)), 1)  # [M], 1 - p[target]
        errors = tf.reshape(_put(others, places, -missing), tf.shape(logits))

        # For second derivatives: what is put in place has none.
        def gradient(d_errors: Tensor, *_: Tensor) -> Tensor:
            p = tf.nn.softmax(logits)
            return p * (d_errors - tf.reduce_sum(p * d_errors, 1, keepdims=True))

        return (errors, at_target, missing), gradient

    errors, at_target, missing = compare(logits)
    return _negative_log(at_target, missing, logits, targets), errors


def _put(flat: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """Puts values into the tensor itself, which nothing else may read without waiting for it.

    TensorFlow has deprecated the op in favour of `tf.tensor_scatter_nd_update`, which may copy.
    """
    return tf.raw_ops.InplaceUpdate(x=flat, i=places, v=values)


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
