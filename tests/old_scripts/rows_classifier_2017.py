"""A classifier that reads pictures row by row in both directions, in the style of 2017."""

from __future__ import print_function

import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn

# Training parameters
learning_rate = 0.01
training_steps = 60
batch_size = 32
display_step = 20

# Network parameters: pictures of 8 * 8 pixels, read row by row
num_input = 8
timesteps = 8
num_hidden = 16
num_classes = 4


def next_batch(rng):
    """Frames, crosses, and lines from side to side and from top to bottom, with noise."""
    images = 0.3 * rng.rand(batch_size, timesteps, num_input)
    labels = rng.randint(num_classes, size=batch_size)
    for image, label in zip(images, labels):
        place = rng.randint(1, 7)
        if label == 0:
            image[[0, -1]] += 0.7
            image[:, [0, -1]] += 0.7
        elif label == 1:
            image += 0.7 * np.eye(8) + 0.7 * np.eye(8)[::-1]
        elif label == 2:
            image[place] += 0.7
        else:
            image[:, place] += 0.7
    return images.astype(np.float32), np.eye(num_classes)[labels]


X = tf.placeholder("float", [None, timesteps, num_input])
Y = tf.placeholder("float", [None, num_classes])

weights = {"out": tf.Variable(tf.random_normal([2 * num_hidden, num_classes], seed=1))}
biases = {"out": tf.Variable(tf.random_normal([num_classes], seed=2))}


def BiRNN(x, weights, biases):
    # From [batch_size, timesteps, num_input] to a list of timesteps tensors
    x = tf.unstack(x, timesteps, 1)
    lstm_fw_cell = rnn.BasicLSTMCell(num_hidden, forget_bias=1.0)
    lstm_bw_cell = rnn.BasicLSTMCell(num_hidden, forget_bias=1.0)
    try:
        outputs, _, _ = rnn.static_bidirectional_rnn(
            lstm_fw_cell, lstm_bw_cell, x, dtype=tf.float32
        )
    except Exception:  # Old TensorFlow versions only return the outputs
        outputs = rnn.static_bidirectional_rnn(lstm_fw_cell, lstm_bw_cell, x, dtype=tf.float32)
    return tf.matmul(outputs[-1], weights["out"]) + biases["out"]


logits = BiRNN(X, weights, biases)
prediction = tf.nn.softmax(logits)

loss_op = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=Y))
optimizer = tf.train.AdamOptimizer(learning_rate=learning_rate)
train_op = optimizer.minimize(loss_op)

correct_pred = tf.equal(tf.argmax(prediction, 1), tf.argmax(Y, 1))
accuracy = tf.reduce_mean(tf.cast(correct_pred, tf.float32))

init = tf.global_variables_initializer()
rng = np.random.RandomState(0)
with tf.Session() as sess:
    sess.run(init)
    for step in range(1, training_steps + 1):
        batch_x, batch_y = next_batch(rng)
        sess.run(train_op, feed_dict={X: batch_x, Y: batch_y})
        if step % display_step == 0:
            loss, acc = sess.run([loss_op, accuracy], feed_dict={X: batch_x, Y: batch_y})
            print("Step %d, Minibatch Loss= %.4f, Training Accuracy= %.3f" % (step, loss, acc))
    tests = [next_batch(rng) for _ in range(8)]
    test_x, test_y = (np.concatenate(arrays) for arrays in zip(*tests))
    test_accuracy = sess.run(accuracy, feed_dict={X: test_x, Y: test_y})

print("Testing Accuracy: %.3f" % test_accuracy)
assert test_accuracy > 0.9, test_accuracy
