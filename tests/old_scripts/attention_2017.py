"""Encoder-decoder of 2017 with Bahdanau attention: reverses strings of digits."""
import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn, seq2seq
from tensorflow.python.layers.core import Dense

VOCAB_SIZE = 12  # ten digits, <go>, <eos>
GO, EOS = 10, 11
NUM_UNITS = 32
BATCH_SIZE = 32
MAX_LENGTH = 5


def next_batch(rng):
    lengths = rng.randint(2, MAX_LENGTH + 1, size=BATCH_SIZE)
    source = np.full([BATCH_SIZE, MAX_LENGTH], EOS, np.int32)
    target = np.full([BATCH_SIZE, MAX_LENGTH + 1], EOS, np.int32)
    for i, length in enumerate(lengths):
        digits = rng.randint(0, 10, size=length)
        source[i, :length] = digits
        target[i, :length] = digits[::-1]
    return source, lengths, target


class Model(object):
    def __init__(self):
        self.source = tf.placeholder(tf.int32, [None, None], name='source')
        self.source_length = tf.placeholder(tf.int32, [None], name='source_length')
        self.target = tf.placeholder(tf.int32, [None, None], name='target')
        self.embedding = tf.get_variable('embedding', [VOCAB_SIZE, NUM_UNITS])
        self.batch_size = tf.shape(self.source)[0]
        self.build_encoder()
        self.build_decoder()

    def build_encoder(self):
        with tf.variable_scope('encoder'):
            inputs = tf.nn.embedding_lookup(self.embedding, self.source)
            cell = rnn.GRUCell(NUM_UNITS)
            self.encoder_outputs, self.encoder_state = tf.nn.dynamic_rnn(
                cell, inputs, sequence_length=self.source_length, dtype=tf.float32)

    def build_decoder(self):
        projection = Dense(VOCAB_SIZE, name='projection')
        go = tf.fill([self.batch_size], GO)
        length = self.source_length + 1
        decoder_inputs = tf.concat([tf.expand_dims(go, 1), self.target[:, :-1]], 1)

        def decode(helper, reuse, maximum_iterations=None):
            with tf.variable_scope('decoder', reuse=reuse):
                attention = seq2seq.BahdanauAttention(
                    NUM_UNITS, self.encoder_outputs, memory_sequence_length=self.source_length)
                cell = seq2seq.AttentionWrapper(
                    rnn.GRUCell(NUM_UNITS), attention, attention_layer_size=NUM_UNITS)
                state = cell.zero_state(self.batch_size, tf.float32)
                state = state.clone(cell_state=self.encoder_state)
                decoder = seq2seq.BasicDecoder(cell, helper, state, output_layer=projection)
                outputs, _, lengths = seq2seq.dynamic_decode(
                    decoder, impute_finished=True, maximum_iterations=maximum_iterations)
                return outputs

        train_helper = seq2seq.TrainingHelper(
            tf.nn.embedding_lookup(self.embedding, decoder_inputs), length)
        logits = decode(train_helper, reuse=None).rnn_output
        weights = tf.sequence_mask(length, dtype=tf.float32)
        steps = tf.shape(logits)[1]
        self.loss = seq2seq.sequence_loss(logits, self.target[:, :steps], weights)

        optimizer = tf.train.AdamOptimizer(0.01)
        gradients, variables = zip(*optimizer.compute_gradients(self.loss))
        gradients, _ = tf.clip_by_global_norm(gradients, 5.0)
        self.train_op = optimizer.apply_gradients(zip(gradients, variables))

        infer_helper = seq2seq.GreedyEmbeddingHelper(self.embedding, go, EOS)
        self.prediction = decode(
            infer_helper, reuse=True, maximum_iterations=MAX_LENGTH + 1).sample_id


def main(_):
    rng = np.random.RandomState(0)
    tf.set_random_seed(1)
    model = Model()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(250):
            source, lengths, target = next_batch(rng)
            feed = {model.source: source, model.source_length: lengths, model.target: target}
            loss, _ = sess.run([model.loss, model.train_op], feed)
            if step % 50 == 0:
                print('step %d loss %.3f' % (step, loss))
        source, lengths, target = next_batch(rng)
        predicted = sess.run(
            model.prediction, {model.source: source, model.source_length: lengths})
    right = np.mean([
        list(p[:n]) == list(t[:n]) for p, t, n in zip(predicted, target, lengths)])
    assert right > 0.8, right
    print('%.0f %% of the strings reversed' % (100 * right))


if __name__ == '__main__':
    tf.app.run()
