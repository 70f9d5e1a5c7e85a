"""Style of 2018: a CudnnLSTM classifier with tf.data, which learns where steps lead."""

import os
import tempfile

import numpy as np
import tensorflow as tf

flags = tf.app.flags
flags.DEFINE_integer("num_units", 24, "Units of each layer.")
flags.DEFINE_integer("num_layers", 2, "Layers.")
flags.DEFINE_integer("train_steps", 250, "Training steps.")
FLAGS = flags.FLAGS

MAX_TIME = 10


def make_example(rng):
    """Steps up and down; the answer is whether they lead up."""
    length = rng.randint(4, MAX_TIME + 1)
    steps = rng.choice([-1.0, 1.0], size=length)
    inputs = np.zeros([MAX_TIME, 1], np.float32)
    inputs[:length, 0] = steps
    return inputs, length, int(steps.sum() > 0)


def input_fn(seed, batch_size):
    def generate():
        rng = np.random.RandomState(seed)
        while True:
            yield make_example(rng)

    dataset = tf.data.Dataset.from_generator(
        generate,
        (tf.float32, tf.int32, tf.int64),
        (tf.TensorShape([MAX_TIME, 1]), tf.TensorShape([]), tf.TensorShape([])),
    )
    return dataset.batch(batch_size).prefetch(1).make_one_shot_iterator().get_next()


def model_fn(inputs, lengths, training):
    lstm = tf.contrib.cudnn_rnn.CudnnLSTM(
        num_layers=FLAGS.num_layers,
        num_units=FLAGS.num_units,
        direction="unidirectional",
        dropout=0.1 if training else 0.0,
        name="lstm",
    )
    inputs = tf.transpose(inputs, [1, 0, 2])
    outputs, (output_h, _) = lstm(inputs, sequence_lengths=lengths, training=training)
    logits = tf.layers.dense(output_h[-1], 2, name="logits")
    return lstm, outputs, logits


def main(_):
    model_dir = tempfile.mkdtemp()
    checkpoint = os.path.join(model_dir, "model.ckpt")
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        inputs, lengths, labels = input_fn(0, 32)
        lstm, _, logits = model_fn(inputs, lengths, training=True)
        assert [v.op.name for v in lstm.trainable_variables] == ["lstm/opaque_kernel"]
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
        global_step = tf.train.get_or_create_global_step()
        optimizer = tf.train.AdamOptimizer(0.01)
        gradients, variables = zip(*optimizer.compute_gradients(loss))
        gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
        train_op = optimizer.apply_gradients(zip(gradients, variables), global_step)
        saver = tf.train.Saver()
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            for _ in range(FLAGS.train_steps):
                last_loss, _ = sess.run([loss, train_op])
            saver.save(sess, checkpoint)

    with tf.Graph().as_default():
        inputs, lengths, labels = input_fn(1, 500)
        _, _, logits = model_fn(inputs, lengths, training=False)
        # What was trained by cuDNN is read by cells that any device has.
        with tf.variable_scope("lstm"):
            cells = [
                tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell(FLAGS.num_units)
                for _ in range(FLAGS.num_layers)
            ]
            stack = tf.nn.rnn_cell.MultiRNNCell(cells)
            _, states = tf.nn.dynamic_rnn(stack, inputs, lengths, dtype=tf.float32)
        same = tf.layers.dense(states[-1].h, 2, name="logits", reuse=True)
        accuracy = tf.reduce_mean(tf.to_float(tf.equal(tf.argmax(logits, 1), labels)))
        difference = tf.reduce_max(tf.abs(logits - same))
        with tf.Session() as sess:
            tf.train.Saver().restore(sess, checkpoint)
            accuracy, difference = sess.run([accuracy, difference])
    print("loss %.3f, accuracy %.3f, difference %.1e" % (last_loss, accuracy, difference))
    assert accuracy > 0.9
    assert difference < 1e-4


if __name__ == "__main__":
    tf.app.run()
