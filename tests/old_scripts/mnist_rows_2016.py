"""Style of 2016: an LSTM reads a digit's picture row by row (input_data, tf.nn.rnn, tf.pack)."""

from __future__ import print_function

import gzip
import os
import struct
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

flags = tf.app.flags
FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", "", "Folder with the four MNIST files; made up where it is empty")
flags.DEFINE_float("learning_rate", 0.01, "Learning rate")
flags.DEFINE_integer("batch_size", 64, "Batch size")
flags.DEFINE_integer("max_steps", 75, "Number of steps")

n_input = 28  # pixels of a row
n_steps = 28  # rows
n_hidden = 32
n_classes = 10


def write_digits(folder, prefix, count):
    """Made-up pictures: a bar at the row of the label, on noise."""
    labels = np.random.randint(0, n_classes, count).astype(np.uint8)
    images = np.random.randint(0, 60, [count, 28, 28]).astype(np.uint8)
    for image, label in zip(images, labels):
        image[2 * label + 4:2 * label + 6, 4:24] = 255
    with gzip.open(os.path.join(folder, prefix + "-images-idx3-ubyte.gz"), "wb") as f:
        f.write(struct.pack(">IIII", 2051, count, 28, 28) + images.tobytes())
    with gzip.open(os.path.join(folder, prefix + "-labels-idx1-ubyte.gz"), "wb") as f:
        f.write(struct.pack(">II", 2049, count) + labels.tobytes())


def RNN(x, weights, biases):
    # (batch_size, n_steps, n_input) -> list of n_steps tensors (batch_size, n_input)
    x = tf.transpose(x, [1, 0, 2])
    x = tf.reshape(x, [-1, n_input])
    x = tf.split(0, n_steps, x)
    lstm_cell = tf.nn.rnn_cell.BasicLSTMCell(n_hidden, forget_bias=1.0)
    outputs, states = tf.nn.rnn(lstm_cell, x, dtype=tf.float32)
    return tf.matmul(outputs[-1], weights["out"]) + biases["out"]


def main(_):
    np.random.seed(0)
    tf.set_random_seed(0)
    data_dir = FLAGS.data_dir
    if not data_dir:
        data_dir = tempfile.mkdtemp()
        write_digits(data_dir, "train", 1500)
        write_digits(data_dir, "t10k", 256)
    mnist = input_data.read_data_sets(data_dir, one_hot=True, validation_size=200)

    x = tf.placeholder("float", [None, n_steps, n_input])
    y = tf.placeholder("float", [None, n_classes])
    weights = {"out": tf.Variable(tf.random_normal([n_hidden, n_classes]))}
    biases = {"out": tf.Variable(tf.random_normal([n_classes]))}

    pred = RNN(x, weights, biases)
    cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(pred, y))
    optimizer = tf.train.AdamOptimizer(learning_rate=FLAGS.learning_rate).minimize(cost)
    correct_pred = tf.equal(tf.argmax(pred, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_pred, tf.float32))
    init = tf.initialize_all_variables()

    with tf.Session() as sess:
        sess.run(init)
        for step in range(FLAGS.max_steps):
            batch_x, batch_y = mnist.train.next_batch(FLAGS.batch_size)
            batch_x = batch_x.reshape((FLAGS.batch_size, n_steps, n_input))
            sess.run(optimizer, feed_dict={x: batch_x, y: batch_y})
            if step % 25 == 0:
                loss, acc = sess.run([cost, accuracy], feed_dict={x: batch_x, y: batch_y})
                print("Iter %d, Minibatch Loss= %.6f, Training Accuracy= %.5f" % (step, loss, acc))
        test_data = mnist.test.images.reshape((-1, n_steps, n_input))
        tested = sess.run(accuracy, feed_dict={x: test_data, y: mnist.test.labels})
    print("Testing Accuracy:", tested)
    assert tested > 0.9, tested


if __name__ == "__main__":
    tf.app.run()
