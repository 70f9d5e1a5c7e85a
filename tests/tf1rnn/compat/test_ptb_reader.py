"""The reader of the Penn Treebank's files that programs of 2016 imported."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1rnn.compat import ptb_reader
from tf1rnn.compat.modules import module_at


def test_words_are_numbered_by_frequency_and_then_by_the_alphabet(tmp_path):
    (tmp_path / "ptb.train.txt").write_text(" b a b\n c b a\n")
    (tmp_path / "ptb.valid.txt").write_text(" a new c\n")
    (tmp_path / "ptb.test.txt").write_text("b")
    served = module_at("models.rnn.ptb.reader")
    train, valid, test, size = served.ptb_raw_data(str(tmp_path))
    assert train == [0, 2, 0, 1, 3, 0, 2, 1]  # b, then <eos> and a, twice each, then c
    assert (valid, test, size) == ([2, 3, 1], [0], 4)


def test_batches_are_side_by_side_and_followed_by_the_next_words():
    batches = list(ptb_reader.ptb_iterator(list(range(15)), batch_size=2, num_steps=3))
    expected = [([[0, 1, 2], [7, 8, 9]]), ([[3, 4, 5], [10, 11, 12]])]
    np.testing.assert_array_equal([words for words, _ in batches], expected)
    np.testing.assert_array_equal([after for _, after in batches], np.add(expected, 1))
    with pytest.raises(ValueError, match="epoch_size"):
        list(ptb_reader.ptb_iterator([1, 2, 3], 2, 3))


def test_a_queue_gives_the_same_batches_and_begins_again():
    data = list(range(15))
    batches = list(ptb_reader.ptb_iterator(data, 2, 3))
    with tf.Graph().as_default(), tf.Session() as session:
        pair = ptb_reader.ptb_producer(data, 2, 3)
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        found = [session.run(pair) for _ in range(3)]
        coordinator.request_stop()
        coordinator.join(threads)
    np.testing.assert_array_equal(found, [*batches, batches[0]])
