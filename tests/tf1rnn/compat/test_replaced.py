"""A program sets names of served modules: the library looks up what it has set."""

import tensorflow.compat.v1 as tf

from tf1rnn.compat import modules
from tf1rnn.contrib import rnn, seq2seq
from tf1rnn.contrib.seq2seq import attention, attention_wrapper


def test_a_function_in_the_place_of_one_that_a_class_calls(graph):
    path = "contrib.seq2seq.python.ops.attention_wrapper"
    served, seen = modules.module_at(path), []
    before = attention._compute_attention

    def mine(mechanism, *more):
        seen.append(mechanism)
        return before(mechanism, *more)

    served._compute_attention = mine
    try:
        assert vars(served)["_compute_attention"] is mine
        mechanism = seq2seq.BahdanauAttention(3, tf.ones([2, 4, 5]))
        cell = seq2seq.AttentionWrapper(rnn.GRUCell(3), mechanism)
        cell(tf.ones([2, 3]), cell.zero_state(2, tf.float32))
        assert seen == [mechanism]
        served.of_its_own = 3
        assert vars(served)["of_its_own"] == 3
    finally:
        modules.put_back_replaced()
        del served._compute_attention, served.of_its_own
    assert modules.Served("contrib.rnn").__path__ == []
    assert rnn.__path__  # where its own modules are found
    assert attention_wrapper._compute_attention is before
    assert attention._compute_attention is before
