"""Style of 2016: sequence to sequence with attention in buckets, which learns to turn words round."""

import random

import numpy as np
import tensorflow as tf

PAD_ID, GO_ID, EOS_ID = 0, 1, 2
VOCAB_SIZE = 8
BUCKETS = [(2, 3), (4, 5)]


class Seq2SeqModel(object):
    def __init__(self, size, num_layers, batch_size, num_samples, forward_only):
        self.batch_size = batch_size
        w = tf.get_variable("proj_w", [size, VOCAB_SIZE])
        w_t = tf.transpose(w)
        b = tf.get_variable("proj_b", [VOCAB_SIZE])
        output_projection = (w, b)

        def sampled_loss(inputs, labels):
            labels = tf.reshape(labels, [-1, 1])
            return tf.nn.sampled_softmax_loss(
                w_t,
                b,
                inputs=inputs,
                labels=labels,
                num_sampled=num_samples,
                num_classes=VOCAB_SIZE,
            )

        cell = tf.nn.rnn_cell.GRUCell(size)
        if num_layers > 1:
            cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.GRUCell(size)] * num_layers)

        def seq2seq_f(encoder_inputs, decoder_inputs, do_decode):
            return tf.nn.seq2seq.embedding_attention_seq2seq(
                encoder_inputs,
                decoder_inputs,
                cell,
                num_encoder_symbols=VOCAB_SIZE,
                num_decoder_symbols=VOCAB_SIZE,
                embedding_size=size,
                output_projection=output_projection,
                feed_previous=do_decode,
            )

        self.encoder_inputs, self.decoder_inputs, self.target_weights = [], [], []
        for i in range(BUCKETS[-1][0]):
            self.encoder_inputs.append(tf.placeholder(tf.int32, [None], name="encoder%d" % i))
        for i in range(BUCKETS[-1][1] + 1):
            self.decoder_inputs.append(tf.placeholder(tf.int32, [None], name="decoder%d" % i))
            self.target_weights.append(tf.placeholder(tf.float32, [None], name="weight%d" % i))
        targets = [self.decoder_inputs[i + 1] for i in range(len(self.decoder_inputs) - 1)]

        self.outputs, self.losses = tf.nn.seq2seq.model_with_buckets(
            self.encoder_inputs,
            self.decoder_inputs,
            targets,
            self.target_weights,
            BUCKETS,
            lambda x, y: seq2seq_f(x, y, forward_only),
            softmax_loss_function=sampled_loss,
        )
        if forward_only:
            for j in range(len(BUCKETS)):
                self.outputs[j] = [
                    tf.matmul(output, output_projection[0]) + output_projection[1]
                    for output in self.outputs[j]
                ]
        else:
            params = tf.trainable_variables()
            optimizer = tf.train.AdamOptimizer(0.01)
            self.updates = []
            for loss in self.losses:
                gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, params), 5.0)
                self.updates.append(optimizer.apply_gradients(zip(gradients, params)))

    def feed(self, words, bucket_id):
        encoder_size, decoder_size = BUCKETS[bucket_id]
        feed = {}
        for i in range(encoder_size):
            column = [(list(reversed(w + [PAD_ID] * (encoder_size - len(w)))))[i] for w in words]
            feed[self.encoder_inputs[i].name] = np.array(column, np.int32)
        wanted = [[GO_ID] + w[::-1] + [EOS_ID] for w in words]
        wanted = [w + [PAD_ID] * (decoder_size + 1 - len(w)) for w in wanted]
        for i in range(decoder_size):
            feed[self.decoder_inputs[i].name] = np.array([w[i] for w in wanted], np.int32)
            weight = [float(w[i + 1] != PAD_ID) for w in wanted]
            feed[self.target_weights[i].name] = np.array(weight, np.float32)
        last = self.decoder_inputs[decoder_size].name
        feed[last] = np.array([w[decoder_size] for w in wanted], np.int32)
        return feed

    def step(self, session, words, bucket_id):
        fetches = [self.updates[bucket_id], self.losses[bucket_id]]
        return session.run(fetches, self.feed(words, bucket_id))[1]


def some_words(count, bucket_id):
    low = BUCKETS[bucket_id - 1][0] + 1 if bucket_id else 1
    lengths = range(low, BUCKETS[bucket_id][0] + 1)
    letters = range(3, VOCAB_SIZE)
    return [[random.choice(letters) for _ in range(random.choice(lengths))] for _ in range(count)]


def main():
    random.seed(3)
    tf.set_random_seed(3)
    with tf.variable_scope("model"):
        model = Seq2SeqModel(32, 1, 32, num_samples=6, forward_only=False)
    with tf.variable_scope("model", reuse=True):
        decoder = Seq2SeqModel(32, 1, 32, num_samples=6, forward_only=True)
    with tf.Session() as sess:
        sess.run(tf.initialize_all_variables())
        losses = [[], []]
        for step in range(400):
            bucket_id = step % 2
            losses[bucket_id].append(model.step(sess, some_words(32, bucket_id), bucket_id))
        right = []
        for bucket_id in (0, 1):
            words = some_words(50, bucket_id)
            logits = sess.run(decoder.outputs[bucket_id], decoder.feed(words, bucket_id))
            written = np.argmax(np.array(logits), axis=2).T
            for word, answer in zip(words, written):
                right.append(list(answer[: len(word)]) == word[::-1])
    print("losses %.2f and %.2f" % (losses[0][-1], losses[1][-1]), "right %.2f" % np.mean(right))
    assert np.mean(right) > 0.8


if __name__ == "__main__":
    main()
