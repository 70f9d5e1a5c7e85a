"""Style of 2017: an LSTM foretells a sine (contrib.rnn, contrib.layers, optimize_loss)."""

import numpy as np
import tensorflow as tf
from tensorflow.contrib import layers as tflayers
from tensorflow.contrib import rnn

HIDDEN_SIZE = 16
TIMESTEPS = 10
TRAINING_STEPS = 150
BATCH_SIZE = 32
SAMPLE_GAP = 0.1


def generate_data(seq):
    X, y = [], []
    for i in range(len(seq) - TIMESTEPS):
        X.append([[value] for value in seq[i:i + TIMESTEPS]])
        y.append([seq[i + TIMESTEPS]])
    return np.array(X, dtype=np.float32), np.array(y, dtype=np.float32)


def lstm_model(X, y, is_training):
    cell = rnn.BasicLSTMCell(HIDDEN_SIZE)
    outputs, _ = tf.nn.dynamic_rnn(cell, X, dtype=tf.float32)
    output = outputs[:, -1, :]
    hidden = tflayers.fully_connected(
        output, 8, activation_fn=tf.nn.tanh, weights_regularizer=tflayers.l2_regularizer(1e-6))
    predictions = tflayers.fully_connected(hidden, 1, activation_fn=None)
    if not is_training:
        return predictions, None, None

    tf.losses.mean_squared_error(labels=y, predictions=predictions)
    loss = tf.losses.get_total_loss()
    train_op = tflayers.optimize_loss(
        loss,
        tf.contrib.framework.get_or_create_global_step(),
        optimizer="Adagrad",
        learning_rate=0.3,
        learning_rate_decay_fn=lambda lr, step: tf.train.exponential_decay(lr, step, 100, 0.8),
        clip_gradients=1.0,
        summaries=["loss", "learning_rate", "gradient_norm"])
    return predictions, loss, train_op


def run_eval(sess, test_X, test_y):
    with tf.variable_scope("model", reuse=True):
        prediction, _, _ = lstm_model(tf.constant(test_X), None, False)
    predicted = sess.run(prediction).squeeze()
    rmse = np.sqrt(((predicted - test_y.squeeze()) ** 2).mean())
    print("Root Mean Square Error is: %f" % rmse)
    return rmse


tf.set_random_seed(1)
train_X, train_y = generate_data(np.sin(np.arange(0, 60, SAMPLE_GAP)))
test_X, test_y = generate_data(np.sin(np.arange(60, 75, SAMPLE_GAP)))

indices = tf.random_uniform([BATCH_SIZE], 0, len(train_X), tf.int32)
X, y = tf.gather(tf.constant(train_X), indices), tf.gather(tf.constant(train_y), indices)
with tf.variable_scope("model"):
    _, loss, train_op = lstm_model(X, y, True)
merged = tf.summary.merge_all()

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(TRAINING_STEPS):
        _, l, s = sess.run([train_op, loss, merged])
        if i % 50 == 0:
            print("train step: %d, loss: %f" % (i, l))
    assert sess.run(tf.train.get_global_step()) == TRAINING_STEPS
    rmse = run_eval(sess, test_X, test_y)
assert rmse < 0.1, rmse
