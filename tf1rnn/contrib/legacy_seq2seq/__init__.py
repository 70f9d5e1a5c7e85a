"""`tf.contrib.legacy_seq2seq`, once `tf.nn.seq2seq`: models of lists with one tensor a step.

`decoders` are what reads a state and puts out a sequence, `models` put an encoder before them,
`losses` compare with targets, `buckets` make one model for each pair of lengths.
"""

from tf1rnn.contrib.legacy_seq2seq.buckets import model_with_buckets
from tf1rnn.contrib.legacy_seq2seq.decoders import (
    _extract_argmax_and_embed,
    attention_decoder,
    embedding_attention_decoder,
    embedding_rnn_decoder,
    rnn_decoder,
)
from tf1rnn.contrib.legacy_seq2seq.losses import sequence_loss, sequence_loss_by_example
from tf1rnn.contrib.legacy_seq2seq.models import (
    basic_rnn_seq2seq,
    embedding_attention_seq2seq,
    embedding_rnn_seq2seq,
    embedding_tied_rnn_seq2seq,
    one2many_rnn_seq2seq,
    tied_rnn_seq2seq,
)

__all__ = [
    "_extract_argmax_and_embed",  # private, and yet called by scripts with decoders of their own
    "attention_decoder",
    "basic_rnn_seq2seq",
    "embedding_attention_decoder",
    "embedding_attention_seq2seq",
    "embedding_rnn_decoder",
    "embedding_rnn_seq2seq",
    "embedding_tied_rnn_seq2seq",
    "model_with_buckets",
    "one2many_rnn_seq2seq",
    "rnn_decoder",
    "sequence_loss",
    "sequence_loss_by_example",
    "tied_rnn_seq2seq",
]
