"""`tf.contrib.training`: hyperparameters, buckets, segments, and loops over a training step.

`create_train_op`, `train` and the evaluation are tf-slim's, and are looked up when they are asked
for.
"""

from __future__ import annotations

from tf1rnn.contrib.slim import names_of
from tf1rnn.contrib.training.buckets import bucket, bucket_by_sequence_length
from tf1rnn.contrib.training.hparam import HParamDef, HParams
from tf1rnn.contrib.training.parsing import parse_values
from tf1rnn.contrib.training.segments import (
    NextQueuedSequenceBatch,
    SequenceQueueingStateSaver,
    batch_sequences_with_states,
)

__all__ = [
    "HParamDef",
    "HParams",
    "NextQueuedSequenceBatch",
    "SequenceQueueingStateSaver",
    "batch_sequences_with_states",
    "bucket",
    "bucket_by_sequence_length",
    "parse_values",
]

__getattr__ = names_of(
    "tf.contrib.training", "tf_slim.training.training", "tf_slim.training.evaluation"
)
