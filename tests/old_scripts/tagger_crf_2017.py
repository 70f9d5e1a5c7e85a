"""Style of 2017: a bidirectional LSTM tagger with a CRF, which learns to mark names in sentences."""

import numpy as np
import tensorflow as tf
from tensorflow.contrib.crf import crf_log_likelihood, viterbi_decode

WORDS = ["<pad>", "in", "near", "lives", "works", "mr", "ms", "new", "old", "york", "smith", "park"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
DIM, HIDDEN, MAX_LEN = 12, 16, 9


def make_sentence(rng):
    """`new york` is a place after `in` and `near`; `mr new york` is a person."""
    name = [rng.choice(["new", "old"]), rng.choice(["york", "smith", "park"])]
    place = [rng.choice(["new", "old"]), rng.choice(["york", "smith", "park"])]
    words = [rng.choice(["mr", "ms"])] + name + [rng.choice(["lives", "works"])]
    tags = ["O", "B-PER", "I-PER", "O"]
    if rng.rand() < 0.8:
        words += [rng.choice(["in", "near"])] + place
        tags += ["O", "B-LOC", "I-LOC"]
    return [WORDS.index(w) for w in words], [TAGS.index(t) for t in tags]


def pad(sequences):
    return np.array([s + [0] * (MAX_LEN - len(s)) for s in sequences])


class Tagger(object):
    def __init__(self):
        self.word_ids = tf.placeholder(tf.int32, shape=[None, None], name="word_ids")
        self.sequence_lengths = tf.placeholder(tf.int32, shape=[None], name="sequence_lengths")
        self.labels = tf.placeholder(tf.int32, shape=[None, None], name="labels")
        self.dropout = tf.placeholder(dtype=tf.float32, shape=[], name="dropout")
        with tf.variable_scope("words"):
            embeddings = tf.get_variable("embeddings", dtype=tf.float32, shape=[len(WORDS), DIM])
            words = tf.nn.embedding_lookup(embeddings, self.word_ids)
        with tf.variable_scope("bi-lstm"):
            cell_fw = tf.contrib.rnn.LSTMCell(HIDDEN)
            cell_bw = tf.contrib.rnn.LSTMCell(HIDDEN)
            (output_fw, output_bw), _ = tf.nn.bidirectional_dynamic_rnn(
                cell_fw, cell_bw, words, sequence_length=self.sequence_lengths, dtype=tf.float32
            )
            output = tf.concat([output_fw, output_bw], axis=-1)
            output = tf.nn.dropout(output, self.dropout)
        with tf.variable_scope("proj"):
            W = tf.get_variable("W", dtype=tf.float32, shape=[2 * HIDDEN, len(TAGS)])
            b = tf.get_variable("b", shape=[len(TAGS)], initializer=tf.zeros_initializer())
            ntime_steps = tf.shape(output)[1]
            output = tf.reshape(output, [-1, 2 * HIDDEN])
            self.logits = tf.reshape(tf.matmul(output, W) + b, [-1, ntime_steps, len(TAGS)])
        log_likelihood, self.transition_params = crf_log_likelihood(
            self.logits, self.labels, self.sequence_lengths
        )
        self.loss = tf.reduce_mean(-log_likelihood)
        self.train_op = tf.train.AdamOptimizer(0.02).minimize(self.loss)
        self.decoded, _ = tf.contrib.crf.crf_decode(
            self.logits, self.transition_params, self.sequence_lengths
        )


def main():
    rng = np.random.RandomState(0)
    tf.set_random_seed(0)
    model = Tagger()

    def batch(size):
        words, labels = zip(*[make_sentence(rng) for _ in range(size)])
        lengths = [len(w) for w in words]
        return {
            model.word_ids: pad(words),
            model.labels: pad(labels),
            model.sequence_lengths: lengths,
        }, lengths

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(80):
            feed, _ = batch(20)
            feed[model.dropout] = 0.8
            loss, _ = sess.run([model.loss, model.train_op], feed)
        feed, lengths = batch(100)
        feed[model.dropout] = 1.0
        fetches = [model.logits, model.transition_params, model.decoded]
        logits, transitions, decoded = sess.run(fetches, feed)
    right = total = 0
    for logit, length, labels, tags in zip(logits, lengths, feed[model.labels], decoded):
        viterbi_seq, _ = viterbi_decode(logit[:length], transitions)
        assert list(viterbi_seq) == list(tags[:length])
        right += np.sum(np.array(viterbi_seq) == labels[:length])
        total += length
    print("loss %.3f, accuracy %.3f" % (loss, right / total))
    assert right / total > 0.95


if __name__ == "__main__":
    main()
