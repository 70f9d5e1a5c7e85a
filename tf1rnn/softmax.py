"""The output layer of a language model and its loss: exact, and fast for a large vocabulary."""

import tensorflow.compat.v1 as tf

from tf1rnn.products import size, times_transposed, transpose

# From this many logits on, the loss is compiled by XLA: that takes 0.3 s, once.
MIN_COMPILED_LOGITS = 100_000


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
    outputs, targets = tf.convert_to_tensor(outputs), tf.convert_to_tensor(targets)
    dtype = matmul_dtype or outputs.dtype

    @tf.custom_gradient
    def forward(outputs, softmax_w, softmax_b):
        weights = tf.cast(softmax_w, dtype)
        loss, errors, total = _cross_entropy(tf.cast(outputs, dtype) @ weights, softmax_b, targets)

        def gradient(d_loss):
            scale = (d_loss / total)[:, None]
            scaled = tf.concat([outputs * scale, scale], 1)[:, None, :]
            d_weights = tf.cast(transpose(tf.cast(scaled, dtype)) @ errors, outputs.dtype)
            d_outputs = tf.cast(times_transposed(weights)(errors), outputs.dtype) * scale
            return d_outputs, d_weights[:-1], d_weights[-1]

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
        no_bias = tf.zeros([size(logits, 1)], logits.dtype)
        loss, errors, total = _cross_entropy(logits, no_bias, labels)
        return loss, lambda d_loss: errors * (d_loss / total)[:, None]

    return forward(tf.convert_to_tensor(logits))


def _cross_entropy(logits, bias, targets):
    """The loss `[M]`, and what makes its gradient: errors `[M, V]` and total `[M]`.

    With m the row's largest logit, the errors are e = exp(logits + bias - m), less total = sum(e)
    at the target. The logits' gradient is errors / total · d_loss; to leave the division to
    whoever multiplies by the errors saves a walk through the largest tensor there is.
    """
    exponentials = _exponentials
    if (logits.shape.num_elements() or 0) >= MIN_COMPILED_LOGITS:
        # Two passes instead of a dozen. XLA compiles anew for each shape, so only for a fixed one.
        exponentials = tf.function(_exponentials, jit_compile=True, autograph=False)
    largest, total, errors = exponentials(logits, bias, targets)
    places = tf.stack([tf.range(tf.size(targets, out_type=targets.dtype)), targets], 1)
    at_target = tf.cast(tf.gather_nd(logits, places), bias.dtype) + tf.gather(bias, targets)
    return largest - at_target + tf.log(total), errors, total


def _exponentials(logits, bias, targets):
    z = tf.cast(logits, bias.dtype) + bias
    largest = tf.reduce_max(z, 1, keepdims=True)
    e = tf.exp(z - largest)
    total = tf.reduce_sum(e, 1, keepdims=True)
    hit = tf.equal(tf.range(size(z, 1), dtype=targets.dtype), targets[:, None])
    errors = tf.cast(tf.where_v2(hit, e - total, e), logits.dtype)
    return tf.squeeze(largest, 1), tf.squeeze(total, 1), errors
