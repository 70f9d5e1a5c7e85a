"""Style of 2017: sentences by VocabularyProcessor, word vectors and a GRU (contrib.learn)."""

import os
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.contrib import learn

tf.flags.DEFINE_integer("embedding_dim", 12, "Size of a word vector")
tf.flags.DEFINE_integer("hidden_dim", 16, "Size of the GRU")
tf.flags.DEFINE_integer("batch_size", 50, "Batch size")
tf.flags.DEFINE_integer("num_epochs", 6, "Number of epochs")
FLAGS = tf.flags.FLAGS


def load_data_and_labels(count):
    """Sentences of which the later word of feeling decides."""
    np.random.seed(10)
    feelings = {"lovely": 1, "great": 1, "fine": 1, "awful": 0, "dull": 0, "poor": 0}
    names = ["it", "was", "the", "a", "story", "actor's", "scene"]
    x_text, y = [], []
    for _ in range(count):
        first, last = np.random.choice(list(feelings), 2)
        words = [np.random.choice(names) for _ in range(4)]
        words = (words[0], first, words[1], words[2], words[3], last)
        x_text.append("%s %s %s but %s %s, %s" % words)
        y.append([1 - feelings[last], feelings[last]])
    return x_text, np.array(y)


def batch_iter(data, batch_size, num_epochs):
    data = np.array(data, dtype=object)
    for _ in range(num_epochs):
        for start in range(0, len(data), batch_size):
            yield data[np.random.permutation(len(data))[:batch_size]]


class TextRNN(object):
    def __init__(self, sequence_length, num_classes, vocab_size, embedding_size, hidden_dim):
        self.input_x = tf.placeholder(tf.int32, [None, sequence_length], name="input_x")
        self.input_y = tf.placeholder(tf.float32, [None, num_classes], name="input_y")
        self.dropout_keep_prob = tf.placeholder(tf.float32, name="dropout_keep_prob")
        with tf.device("/cpu:0"), tf.name_scope("embedding"):
            uniform = tf.random_uniform([vocab_size, embedding_size], -1.0, 1.0)
            self.W = tf.Variable(uniform, name="W")
            embedded = tf.nn.embedding_lookup(self.W, self.input_x)
        with tf.name_scope("rnn"):
            cell = tf.contrib.rnn.GRUCell(hidden_dim)
            cell = tf.contrib.rnn.DropoutWrapper(cell, output_keep_prob=self.dropout_keep_prob)
            inputs = tf.unstack(embedded, axis=1)
            outputs, _ = tf.contrib.rnn.static_rnn(cell, inputs, dtype=tf.float32)
        with tf.name_scope("output"):
            W = tf.get_variable(
                "W", [hidden_dim, num_classes], initializer=tf.contrib.layers.xavier_initializer())
            b = tf.Variable(tf.constant(0.1, shape=[num_classes]), name="b")
            self.scores = tf.nn.xw_plus_b(outputs[-1], W, b, name="scores")
            self.predictions = tf.argmax(self.scores, 1, name="predictions")
        losses = tf.nn.softmax_cross_entropy_with_logits(logits=self.scores, labels=self.input_y)
        self.loss = tf.reduce_mean(losses)
        correct = tf.equal(self.predictions, tf.argmax(self.input_y, 1))
        self.accuracy = tf.reduce_mean(tf.cast(correct, "float"), name="accuracy")


x_text, y = load_data_and_labels(700)
max_document_length = max([len(x.split(" ")) for x in x_text])
vocab_processor = learn.preprocessing.VocabularyProcessor(max_document_length)
x = np.array(list(vocab_processor.fit_transform(x_text)))
x_train, x_dev, y_train, y_dev = x[:-100], x[-100:], y[:-100], y[-100:]
print("Vocabulary Size: {:d}".format(len(vocab_processor.vocabulary_)))

out_dir = tempfile.mkdtemp()
with tf.Graph().as_default():
    tf.set_random_seed(10)
    session_conf = tf.ConfigProto(allow_soft_placement=True, log_device_placement=False)
    sess = tf.Session(config=session_conf)
    with sess.as_default():
        rnn = TextRNN(x.shape[1], y.shape[1], len(vocab_processor.vocabulary_),
                      FLAGS.embedding_dim, FLAGS.hidden_dim)
        global_step = tf.Variable(0, name="global_step", trainable=False)
        optimizer = tf.train.AdamOptimizer(2e-2)
        grads_and_vars = optimizer.compute_gradients(rnn.loss)
        train_op = optimizer.apply_gradients(grads_and_vars, global_step=global_step)
        saver = tf.train.Saver(tf.global_variables(), max_to_keep=1)
        vocab_processor.save(os.path.join(out_dir, "vocab"))
        sess.run(tf.global_variables_initializer())
        for batch in batch_iter(list(zip(x_train, y_train)), FLAGS.batch_size, FLAGS.num_epochs):
            x_batch, y_batch = zip(*batch)
            feed_dict = {rnn.input_x: x_batch, rnn.input_y: y_batch, rnn.dropout_keep_prob: 0.9}
            _, step, loss = sess.run([train_op, global_step, rnn.loss], feed_dict)
        path = saver.save(sess, os.path.join(out_dir, "model"), global_step=step)

# The evaluation starts from what was saved.
restored = learn.preprocessing.VocabularyProcessor.restore(os.path.join(out_dir, "vocab"))
assert np.array_equal(np.array(list(restored.transform(x_text)))[-100:], x_dev)
graph = tf.Graph()
with graph.as_default():
    with tf.Session() as sess:
        saver = tf.train.import_meta_graph("{}.meta".format(path))
        saver.restore(sess, path)
        names = ["input_x", "dropout_keep_prob", "output/predictions"]
        input_x, keep_prob, predictions = [graph.get_operation_by_name(n).outputs[0] for n in names]
        found = sess.run(predictions, {input_x: x_dev, keep_prob: 1.0})
accuracy = np.mean(found == y_dev.argmax(1))
print("Accuracy: {:g}".format(accuracy))
assert accuracy > 0.9, accuracy
