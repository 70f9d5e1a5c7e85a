"""Decoder of 2017 with scheduled sampling: counts on from a digit, modulo ten."""
import numpy as np
import tensorflow as tf
from tensorflow.contrib.layers import fully_connected
from tensorflow.contrib.seq2seq.python.ops import basic_decoder, decoder, helper, loss

flags = tf.app.flags
flags.DEFINE_integer('num_steps', 8, 'Length of the sequences.')
flags.DEFINE_integer('num_units', 24, 'Units of the decoder.')
flags.DEFINE_float('sampling_probability', 0.3, 'How often the decoder gets its own samples.')
FLAGS = flags.FLAGS

START, END, VOCAB_SIZE = 10, 11, 12


def sample_batch(batch_size=32):
    first = np.random.randint(0, 10, size=[batch_size, 1])
    step = np.random.randint(1, 3, size=[batch_size, 1])
    return (first + step * np.arange(FLAGS.num_steps + 2)) % 10


def main(_):
    np.random.seed(0)
    tf.set_random_seed(0)
    digits = tf.placeholder(tf.int64, [None, FLAGS.num_steps + 2])
    batch_size = tf.shape(digits)[0]
    embedding = tf.get_variable('embedding', [VOCAB_SIZE, 8])
    cell = tf.contrib.rnn.BasicLSTMCell(FLAGS.num_units)

    # The state knows the first digit and the next one; the decoder goes on from there.
    known = tf.reshape(tf.one_hot(digits[:, :2], 10), [batch_size, 20])
    state = tf.contrib.rnn.LSTMStateTuple(
        fully_connected(known, FLAGS.num_units, activation_fn=tf.tanh, scope='c'),
        fully_connected(known, FLAGS.num_units, activation_fn=tf.tanh, scope='h'))
    inputs = tf.nn.embedding_lookup(embedding, digits[:, 1:-1])
    lengths = tf.fill([batch_size], FLAGS.num_steps)
    train_helper = helper.ScheduledEmbeddingTrainingHelper(
        inputs, lengths, embedding, FLAGS.sampling_probability)
    infer_helper = helper.GreedyEmbeddingHelper(embedding, tf.to_int32(digits[:, 1]), END)

    with tf.variable_scope('decoder') as scope:
        projection = tf.layers.Dense(VOCAB_SIZE)
        outputs, _, _ = decoder.dynamic_decode(
            basic_decoder.BasicDecoder(cell, train_helper, state, projection), scope=scope)
        scope.reuse_variables()
        inferred, _, _ = decoder.dynamic_decode(
            basic_decoder.BasicDecoder(cell, infer_helper, state, projection), scope=scope,
            maximum_iterations=FLAGS.num_steps)

    cost = loss.sequence_loss(outputs.rnn_output, digits[:, 2:], tf.ones_like(inputs[:, :, 0]))
    train_op = tf.train.RMSPropOptimizer(0.01).minimize(cost)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(200):
            value, _ = sess.run([cost, train_op], feed_dict={digits: sample_batch()})
        test = sample_batch(100)
        predicted, sampled = sess.run(
            [inferred.sample_id, outputs.sample_id], feed_dict={digits: test})
    accuracy = np.mean(predicted == test[:, 2:])
    assert accuracy > 0.9, accuracy
    assert 0.2 < np.mean(sampled >= 0) < 0.4
    print('counted on with accuracy %.2f, last cost %.3f' % (accuracy, value))


if __name__ == '__main__':
    tf.app.run()
