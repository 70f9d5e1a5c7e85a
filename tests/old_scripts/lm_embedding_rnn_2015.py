"""Style of 2015: a language model with tf.nn.seq2seq.rnn_decoder, which learns a repeated song."""

import numpy as np
import tensorflow as tf

SONG = "row row row your boat gently down the stream merrily "
chars = sorted(set(SONG))
vocab = dict(zip(chars, range(len(chars))))
vocab_size = len(chars)


class Model(object):
    def __init__(self, batch_size, seq_length, rnn_size=48, infer=False):
        cell = tf.nn.rnn_cell.BasicLSTMCell(rnn_size, state_is_tuple=False)
        cell = tf.nn.rnn_cell.MultiRNNCell([cell], state_is_tuple=False)
        self.input_data = tf.placeholder(tf.int32, [batch_size, seq_length])
        self.targets = tf.placeholder(tf.int32, [batch_size, seq_length])
        self.initial_state = cell.zero_state(batch_size, tf.float32)

        with tf.variable_scope("rnnlm"):
            softmax_w = tf.get_variable("softmax_w", [rnn_size, vocab_size])
            softmax_b = tf.get_variable("softmax_b", [vocab_size])
            with tf.device("/cpu:0"):
                embedding = tf.get_variable("embedding", [vocab_size, rnn_size])
                inputs = tf.split(1, seq_length, tf.nn.embedding_lookup(embedding, self.input_data))
                inputs = [tf.squeeze(input_, [1]) for input_ in inputs]

        def loop(prev, _):
            prev = tf.nn.xw_plus_b(prev, softmax_w, softmax_b)
            prev_symbol = tf.stop_gradient(tf.argmax(prev, 1))
            return tf.nn.embedding_lookup(embedding, prev_symbol)

        outputs, last_state = tf.nn.seq2seq.rnn_decoder(
            inputs,
            self.initial_state,
            cell,
            loop_function=loop if infer else None,
            scope="rnnlm",
        )
        output = tf.reshape(tf.concat(1, outputs), [-1, rnn_size])
        self.logits = tf.nn.xw_plus_b(output, softmax_w, softmax_b)
        loss = tf.nn.seq2seq.sequence_loss_by_example(
            [self.logits],
            [tf.reshape(self.targets, [-1])],
            [tf.ones([batch_size * seq_length])],
            vocab_size,
        )
        self.cost = tf.reduce_sum(loss) / batch_size / seq_length
        self.final_state = last_state
        if not infer:
            tvars = tf.trainable_variables()
            grads, _ = tf.clip_by_global_norm(tf.gradients(self.cost, tvars), 5.0)
            self.train_op = tf.train.AdamOptimizer(0.02).apply_gradients(zip(grads, tvars))


def main():
    batch_size, seq_length = 8, 13
    text = np.array([vocab[c] for c in SONG * 40])
    num_batches = len(text) // (batch_size * seq_length) - 1
    size = num_batches * batch_size * seq_length
    x = np.split(text[:size].reshape(batch_size, -1), num_batches, 1)
    y = np.split(text[1 : size + 1].reshape(batch_size, -1), num_batches, 1)
    tf.set_random_seed(1)
    with tf.variable_scope("model"):
        model = Model(batch_size, seq_length)
    with tf.variable_scope("model", reuse=True):
        sampler = Model(1, 40, infer=True)
    with tf.Session() as sess:
        tf.initialize_all_variables().run()
        for epoch in range(12):
            state = model.initial_state.eval()
            for inputs, targets in zip(x, y):
                feed = {model.input_data: inputs, model.targets: targets}
                feed[model.initial_state] = state
                cost, state, _ = sess.run([model.cost, model.final_state, model.train_op], feed)
        start = np.zeros([1, 40], np.int32)
        start[0, 0] = vocab["m"]
        logits = sess.run(sampler.logits, {sampler.input_data: start})
        written = "m" + "".join(chars[i] for i in np.argmax(logits, 1))
    print("cost %.3f after %d epochs: %r" % (cost, epoch + 1, written))
    assert cost < 0.2
    assert "row row row your boat" in written


if __name__ == "__main__":
    main()
