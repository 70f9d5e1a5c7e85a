"""`tf.contrib.losses`, served by tf-slim; these have predictions before labels."""

from __future__ import annotations

from tf1rnn.contrib.slim import names_of

__getattr__ = names_of("tf.contrib.losses", "tf_slim.losses", "tf_slim.losses.loss_ops")
