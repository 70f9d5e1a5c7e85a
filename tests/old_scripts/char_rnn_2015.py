"""A character model that is trained and then sampled, in the style of 2015, on one sentence."""

import numpy as np
import tensorflow as tf
from tensorflow.models.rnn import rnn, rnn_cell

TEXT = "how much wood would a woodchuck chuck if a woodchuck could chuck wood? " * 60


class TextLoader(object):
    def __init__(self, batch_size, seq_length):
        self.chars = sorted(set(TEXT))
        self.vocab = dict((c, i) for i, c in enumerate(self.chars))
        data = np.array([self.vocab[c] for c in TEXT])
        self.num_batches = len(data) // (batch_size * seq_length)
        data = data[: self.num_batches * batch_size * seq_length]
        xdata = data.reshape(batch_size, -1)
        ydata = np.roll(data, -1).reshape(batch_size, -1)
        self.x_batches = np.split(xdata, self.num_batches, 1)
        self.y_batches = np.split(ydata, self.num_batches, 1)


class Model(object):
    def __init__(self, rnn_size, batch_size, seq_length, vocab_size, infer=False):
        if infer:
            batch_size = 1
            seq_length = 1
        self.cell = cell = rnn_cell.BasicLSTMCell(rnn_size)
        self.input_data = tf.placeholder(tf.int32, [batch_size, seq_length])
        self.targets = tf.placeholder(tf.int32, [batch_size, seq_length])
        self.initial_state = cell.zero_state(batch_size, tf.float32)

        with tf.variable_scope("rnnlm"):
            softmax_w = tf.get_variable("softmax_w", [rnn_size, vocab_size])
            softmax_b = tf.get_variable("softmax_b", [vocab_size])
            with tf.device("/cpu:0"):
                embedding = tf.get_variable("embedding", [vocab_size, rnn_size])
                embedded = tf.nn.embedding_lookup(embedding, self.input_data)
            inputs = tf.split(1, seq_length, embedded)
            inputs = [tf.squeeze(input_, [1]) for input_ in inputs]
            outputs, self.final_state = rnn.rnn(cell, inputs, initial_state=self.initial_state)

        output = tf.reshape(tf.concat(1, outputs), [-1, rnn_size])
        self.logits = tf.nn.xw_plus_b(output, softmax_w, softmax_b)
        self.probs = tf.nn.softmax(self.logits)
        labels = tf.reshape(self.targets, [-1])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(self.logits, labels)
        self.cost = tf.reduce_sum(loss) / batch_size / seq_length
        if infer:
            return
        self.lr = tf.Variable(0.0, trainable=False)
        tvars = tf.trainable_variables()
        grads, _ = tf.clip_by_global_norm(tf.gradients(self.cost, tvars), 5.0)
        self.train_op = tf.train.AdamOptimizer(self.lr).apply_gradients(zip(grads, tvars))

    def sample(self, sess, chars, vocab, num, prime):
        state = sess.run(self.cell.zero_state(1, tf.float32))
        for char in prime[:-1]:
            feed = {self.input_data: [[vocab[char]]], self.initial_state: state}
            [state] = sess.run([self.final_state], feed)
        rng = np.random.RandomState(4)
        text = prime
        for _ in range(num):
            feed = {self.input_data: [[vocab[text[-1]]]], self.initial_state: state}
            [probs, state] = sess.run([self.probs, self.final_state], feed)
            text += chars[int(np.searchsorted(np.cumsum(probs[0]), rng.rand()))]
        return text


loader = TextLoader(batch_size=10, seq_length=20)
vocab_size = len(loader.chars)
initializer = tf.random_uniform_initializer(-0.1, 0.1, seed=5)
with tf.variable_scope("model", initializer=initializer):
    model = Model(64, 10, 20, vocab_size)
with tf.variable_scope("model", reuse=True):
    sampler = Model(64, 10, 20, vocab_size, infer=True)

with tf.Session() as sess:
    tf.initialize_all_variables().run()
    for epoch in range(8):
        sess.run(tf.assign(model.lr, 0.02 * 0.95**epoch))
        state = sess.run(model.initial_state)
        for x, y in zip(loader.x_batches, loader.y_batches):
            feed = {model.input_data: x, model.targets: y, model.initial_state: state}
            cost, state, _ = sess.run([model.cost, model.final_state, model.train_op], feed)
    text = sampler.sample(sess, loader.chars, loader.vocab, 50, "how much wood ")

print("cost %.3f, sample: %s" % (cost, text))
assert cost < 0.3, cost
words, known = text.split(" ")[:-1], TEXT.split(" ")
assert set(zip(words, words[1:])) <= set(zip(known, known[1:])), text
