"""A word language model with a loop written by hand, in the style of 2016, on made sentences."""

import time

import numpy as np
import tensorflow as tf

flags = tf.flags
flags.DEFINE_integer("max_epoch", 8, "how many epochs to train")
FLAGS = flags.FLAGS

WORDS = ["<eos>", "the", "a", "cat", "dog", "bird", "sees", "hears", "likes"]


def make_ids(num_sentences):
    """Sentences of the form: the/a noun verb the/a noun <eos>."""
    rng = np.random.RandomState(1)
    ids = []
    for _ in range(num_sentences):
        ids += [rng.randint(1, 3), rng.randint(3, 6), rng.randint(6, 9)]
        ids += [rng.randint(1, 3), rng.randint(3, 6), 0]
    return np.array(ids, dtype=np.int32)


def ptb_iterator(raw_data, batch_size, num_steps):
    batch_len = len(raw_data) // batch_size
    data = raw_data[0 : batch_size * batch_len].reshape([batch_size, batch_len])
    epoch_size = (batch_len - 1) // num_steps
    for i in range(epoch_size):
        x = data[:, i * num_steps : (i + 1) * num_steps]
        y = data[:, i * num_steps + 1 : (i + 1) * num_steps + 1]
        yield (x, y)


class Config(object):
    init_scale = 0.3
    learning_rate = 1.0
    max_grad_norm = 5
    num_layers = 2
    num_steps = 10
    hidden_size = 32
    keep_prob = 0.9
    batch_size = 20
    vocab_size = len(WORDS)


class PTBModel(object):
    def __init__(self, is_training, config):
        self.batch_size = batch_size = config.batch_size
        self.num_steps = num_steps = config.num_steps
        size = config.hidden_size

        self._input_data = tf.placeholder(tf.int32, [batch_size, num_steps])
        self._targets = tf.placeholder(tf.int32, [batch_size, num_steps])

        def lstm_cell():
            cell = tf.nn.rnn_cell.BasicLSTMCell(size, forget_bias=0.0, state_is_tuple=True)
            if is_training and config.keep_prob < 1:
                cell = tf.nn.rnn_cell.DropoutWrapper(cell, output_keep_prob=config.keep_prob)
            return cell

        cell = tf.nn.rnn_cell.MultiRNNCell(
            [lstm_cell() for _ in range(config.num_layers)], state_is_tuple=True
        )
        self._initial_state = cell.zero_state(batch_size, tf.float32)

        with tf.device("/cpu:0"):
            embedding = tf.get_variable("embedding", [config.vocab_size, size])
            inputs = tf.nn.embedding_lookup(embedding, self._input_data)

        outputs = []
        state = self._initial_state
        with tf.variable_scope("RNN"):
            for time_step in range(num_steps):
                if time_step > 0:
                    tf.get_variable_scope().reuse_variables()
                (cell_output, state) = cell(inputs[:, time_step, :], state)
                outputs.append(cell_output)

        output = tf.reshape(tf.concat(1, outputs), [-1, size])
        softmax_w = tf.get_variable("softmax_w", [size, config.vocab_size])
        softmax_b = tf.get_variable("softmax_b", [config.vocab_size])
        logits = tf.matmul(output, softmax_w) + softmax_b
        loss = tf.nn.seq2seq.sequence_loss_by_example(
            [logits],
            [tf.reshape(self._targets, [-1])],
            [tf.ones([batch_size * num_steps], dtype=tf.float32)],
        )
        self._cost = cost = tf.reduce_sum(loss) / batch_size
        self._final_state = state

        if not is_training:
            return
        self._lr = tf.Variable(0.0, trainable=False)
        tvars = tf.trainable_variables()
        grads, _ = tf.clip_by_global_norm(tf.gradients(cost, tvars), config.max_grad_norm)
        optimizer = tf.train.GradientDescentOptimizer(self._lr)
        self._train_op = optimizer.apply_gradients(zip(grads, tvars))

    def assign_lr(self, session, lr_value):
        session.run(tf.assign(self._lr, lr_value))


def run_epoch(session, m, data, eval_op):
    costs = 0.0
    iters = 0
    state = session.run(m._initial_state)
    for x, y in ptb_iterator(data, m.batch_size, m.num_steps):
        feed_dict = {m._input_data: x, m._targets: y}
        for i, (c, h) in enumerate(m._initial_state):
            feed_dict[c] = state[i].c
            feed_dict[h] = state[i].h
        cost, state, _ = session.run([m._cost, m._final_state, eval_op], feed_dict)
        costs += cost
        iters += m.num_steps
    return np.exp(costs / iters)


def main(_):
    data = make_ids(1200)
    config = Config()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        initializer = tf.random_uniform_initializer(-config.init_scale, config.init_scale)
        with tf.variable_scope("model", reuse=None, initializer=initializer):
            m = PTBModel(is_training=True, config=config)
        with tf.variable_scope("model", reuse=True, initializer=initializer):
            mvalid = PTBModel(is_training=False, config=config)
        tf.initialize_all_variables().run()
        start = time.time()
        for i in range(FLAGS.max_epoch):
            m.assign_lr(session, config.learning_rate * 0.5 ** max(i - 4, 0))
            train_perplexity = run_epoch(session, m, data, m._train_op)
            print("Epoch: %d Train Perplexity: %.3f" % (i + 1, train_perplexity))
        valid_perplexity = run_epoch(session, mvalid, data[:2000], tf.no_op())
        print("Valid Perplexity: %.3f (%.1f s)" % (valid_perplexity, time.time() - start))
    # Two choices, three, three, two, three, and the end: 108 ^ (1 / 6) is 2.18.
    assert valid_perplexity < 2.4, valid_perplexity


if __name__ == "__main__":
    tf.app.run()
