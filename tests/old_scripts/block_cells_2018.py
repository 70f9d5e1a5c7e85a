"""Block cells and layer normalization fed by tf.data, in the style of 2018, on sums of digits."""

import numpy as np
import tensorflow as tf

tf.logging.set_verbosity(tf.logging.ERROR)

NUM_STEPS = 8
BATCH_SIZE = 32


def generate():
    """Numbers in noise; the answer is their sum up to the sequence's end."""
    rng = np.random.RandomState(0)
    while True:
        length = rng.randint(4, NUM_STEPS + 1)
        values = rng.uniform(-0.5, 0.5, [NUM_STEPS, 1]).astype(np.float32)
        yield values, np.int32(length), values[:length].sum()


def input_fn():
    dataset = tf.data.Dataset.from_generator(
        generate,
        (tf.float32, tf.int32, tf.float32),
        (tf.TensorShape([NUM_STEPS, 1]), tf.TensorShape([]), tf.TensorShape([])),
    )
    dataset = dataset.batch(BATCH_SIZE).prefetch(2)
    return dataset.make_one_shot_iterator().get_next()


def model_fn(values, lengths, answers):
    cells = [
        tf.contrib.rnn.LSTMBlockCell(16, name="first"),
        tf.contrib.rnn.LayerNormBasicLSTMCell(16, dropout_keep_prob=0.98, dropout_prob_seed=1),
    ]
    cell = tf.nn.rnn_cell.MultiRNNCell(cells)
    outputs, _ = tf.nn.dynamic_rnn(cell, values, sequence_length=lengths, dtype=tf.float32)
    last = tf.gather_nd(outputs, tf.stack([tf.range(tf.shape(lengths)[0]), lengths - 1], axis=1))
    with tf.variable_scope("head", reuse=tf.AUTO_REUSE):
        kernel = tf.get_variable("kernel", [16, 1])
        bias = tf.get_variable("bias", [1], initializer=tf.zeros_initializer())
    predictions = tf.squeeze(tf.matmul(last, kernel) + bias, axis=-1)
    loss = tf.losses.mean_squared_error(labels=answers, predictions=predictions)
    global_step = tf.train.get_or_create_global_step()
    rate = tf.train.exponential_decay(0.03, global_step, 50, 0.5)
    train_op = tf.train.AdamOptimizer(rate).minimize(loss, global_step=global_step)
    return loss, train_op, global_step


tf.set_random_seed(1)
loss, train_op, global_step = model_fn(*input_fn())
losses = []
hooks = [tf.train.StopAtStepHook(last_step=100), tf.train.NanTensorHook(loss)]
with tf.train.MonitoredTrainingSession(hooks=hooks) as sess:
    while not sess.should_stop():
        value, step, _ = sess.run([loss, global_step, train_op])
        losses.append(value)

first, last = np.mean(losses[:10]), np.mean(losses[-20:])
print("mean squared error: %.3f at the start, %.4f after %d steps" % (first, last, step))
assert last < 0.1 * first, (first, last)
