"""Style of 2018: words of texts by tables and tf.data, tf.layers over dynamic_rnn, HParams."""

from __future__ import absolute_import, division, print_function

import argparse

import numpy as np
import tensorflow as tf
from tensorflow.python.layers import core as layers_core

VOCAB = ["<unk>", "good", "bad", "not", "film", "plot", "very", "a"]


def create_hparams(flags):
    hparams = tf.contrib.training.HParams(
        num_units=16,
        embed_dim=8,
        batch_size=32,
        learning_rate=0.02,
        dropout=0.1,
        num_train_steps=110,
        cell="gru",
        widths=[8],
    )
    return hparams.parse(flags.hparams)


def make_texts(count, rng):
    """A text is good, if it says so; `not` before a word turns it round."""
    lines, labels = [], []
    for _ in range(count):
        word, negated = rng.choice(["good", "bad"]), rng.rand() < 0.5
        filler = list(rng.choice(["film", "plot", "very", "a", "strange"], rng.randint(1, 4)))
        lines.append(" ".join(filler + (["not"] if negated else []) + [word]))
        labels.append((word == "good") != negated)
    return lines, np.array(labels, np.int32)


def input_fn(lines, labels, vocab_table, hparams, training):
    dataset = tf.data.Dataset.from_tensor_slices((lines, labels))
    if training:
        dataset = dataset.apply(tf.contrib.data.shuffle_and_repeat(1000))
    dataset = dataset.map(lambda line, label: (tf.string_split([line]).values, label))
    dataset = dataset.map(lambda words, label: (
        tf.cast(vocab_table.lookup(words), tf.int32), tf.size(words), label))
    dataset = dataset.padded_batch(
        hparams.batch_size if training else len(lines), padded_shapes=([None], [], []))
    return dataset.make_initializable_iterator()


def model_fn(features, lengths, labels, hparams, mode):
    training = mode == "train"
    with tf.variable_scope("classifier", reuse=tf.AUTO_REUSE):
        embedding = tf.get_variable("embedding", [len(VOCAB) + 1, hparams.embed_dim])
        inputs = tf.nn.embedding_lookup(embedding, features)
        if hparams.cell == "gru":
            cell = tf.nn.rnn_cell.GRUCell(hparams.num_units)
        else:
            cell = tf.nn.rnn_cell.LSTMCell(hparams.num_units)
        if training:
            cell = tf.nn.rnn_cell.DropoutWrapper(cell, input_keep_prob=1.0 - hparams.dropout)
        _, net = tf.nn.dynamic_rnn(cell, inputs, sequence_length=lengths, dtype=tf.float32)
        for i, width in enumerate(hparams.widths):
            net = tf.layers.dense(net, width, activation=tf.nn.relu, name="hidden_%d" % i)
            net = tf.layers.batch_normalization(
                net, training=training, momentum=0.9, name="bn_%d" % i)
        net = tf.layers.dropout(net, hparams.dropout, training=training)
        logits = layers_core.Dense(2, use_bias=False, name="logits")(net)
    correct = tf.equal(tf.argmax(logits, 1), tf.cast(labels, tf.int64))
    accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
    if not training:
        return accuracy
    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train_op = tf.train.AdamOptimizer(hparams.learning_rate).minimize(
            loss, global_step=tf.train.get_or_create_global_step())
    return train_op, loss


def main(unused_argv):
    hparams = create_hparams(FLAGS)
    print(hparams.to_json(sort_keys=True))
    tf.set_random_seed(2)
    rng = np.random.RandomState(2)
    vocab_table = tf.contrib.lookup.index_table_from_tensor(tf.constant(VOCAB), num_oov_buckets=1)
    train_iterator = input_fn(*make_texts(400, rng), vocab_table, hparams, True)
    test_iterator = input_fn(*make_texts(200, rng), vocab_table, hparams, False)
    train_op, loss = model_fn(*train_iterator.get_next(), hparams, "train")
    accuracy = model_fn(*test_iterator.get_next(), hparams, "eval")
    names = [v.op.name for v in tf.trainable_variables()]
    assert "classifier/hidden_0/kernel" in names and "classifier/logits/kernel" in names, names

    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.tables_initializer()])
        sess.run([train_iterator.initializer, test_iterator.initializer])
        for step in range(hparams.num_train_steps):
            _, loss_value = sess.run([train_op, loss])
            if step % 40 == 0:
                tf.logging.info("step %d, loss %.3f", step, loss_value)
        result = sess.run(accuracy)
    print("accuracy", result)
    assert result > 0.9, result


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hparams", type=str, default="num_units=12,widths=[6]")
    FLAGS, unparsed = parser.parse_known_args()
    tf.logging.set_verbosity(tf.logging.INFO)
    tf.app.run(main=main, argv=[__file__] + unparsed)
