"""`tf.contrib.metrics`, served by tf-slim: `streaming_accuracy` and its kin."""

from __future__ import annotations

from tf1rnn.contrib.slim import names_of

__getattr__ = names_of(
    "tf.contrib.metrics",
    "tf_slim.metrics",
    "tf_slim.metrics.metric_ops",
    "tf_slim.metrics.classification",
)
