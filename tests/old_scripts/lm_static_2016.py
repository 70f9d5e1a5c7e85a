"""A language model with `tf.nn.rnn` over a list of inputs, in the style of 2016, on a cycle."""

import numpy as np
import tensorflow as tf

batch_size = 16
num_steps = 9
hidden_size = 24
vocab_size = 4

# A cycle in which the next symbol depends on the last two.
CYCLE = [0, 1, 1, 2, 0, 3, 1, 3, 2, 2, 3, 3]


def batches(num_batches):
    rng = np.random.RandomState(2)
    for _ in range(num_batches):
        starts = rng.randint(len(CYCLE), size=batch_size)
        rows = [[CYCLE[(s + t) % len(CYCLE)] for t in range(num_steps + 1)] for s in starts]
        rows = np.array(rows)
        yield rows[:, :-1], rows[:, 1:], rng.randint(5, num_steps + 1, size=batch_size)


x = tf.placeholder(tf.int64, [batch_size, num_steps])
y = tf.placeholder(tf.int64, [batch_size, num_steps])
lengths = tf.placeholder(tf.int64, [batch_size])

cell = tf.nn.rnn_cell.LSTMCell(hidden_size, use_peepholes=True, state_is_tuple=True)
cell = tf.nn.rnn_cell.DropoutWrapper(cell, input_keep_prob=0.95)
cell = tf.nn.rnn_cell.OutputProjectionWrapper(cell, vocab_size)
cell = tf.nn.rnn_cell.EmbeddingWrapper(cell, vocab_size, 8)

inputs = [tf.reshape(i, [batch_size, 1]) for i in tf.split(1, num_steps, x)]
initial_state = cell.zero_state(batch_size, tf.float32)
outputs, state = tf.nn.rnn(cell, inputs, initial_state=initial_state, sequence_length=lengths)

losses = []
right = []
targets = [tf.squeeze(i, [1]) for i in tf.split(1, num_steps, y)]
for t, (logits, target) in enumerate(zip(outputs, targets)):
    weight = tf.to_float(tf.less(tf.cast(t, tf.int64), lengths))
    losses.append(weight * tf.nn.sparse_softmax_cross_entropy_with_logits(logits, target))
    right.append(weight * tf.to_float(tf.equal(tf.argmax(logits, 1), target)))
count = tf.to_float(tf.reduce_sum(lengths))
cost = tf.reduce_sum(tf.add_n(losses)) / count
accuracy = tf.reduce_sum(tf.add_n(right)) / count

global_step = tf.Variable(0, name="global_step", trainable=False)
optimizer = tf.train.AdamOptimizer(0.02)
grads_and_vars = optimizer.compute_gradients(cost)
grads_and_vars = [(tf.clip_by_norm(grad, 5.0), var) for grad, var in grads_and_vars]
train_op = optimizer.apply_gradients(grads_and_vars, global_step=global_step)

tf.set_random_seed(3)
with tf.Session() as sess:
    sess.run(tf.initialize_all_variables())
    recent = []
    for xs, ys, ls in batches(120):
        feed = {x: xs, y: ys, lengths: ls}
        c, a, _ = sess.run([cost, accuracy, train_op], feed_dict=feed)
        recent.append(a)
    result = np.mean(recent[-10:])
    print("step %d, cost %.3f, accuracy %.3f" % (sess.run(global_step), c, result))

# Of the first symbol alone the next one cannot be told for sure.
assert result > 0.8, result
