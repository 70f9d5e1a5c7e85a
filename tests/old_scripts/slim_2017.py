"""Style of 2017: slim's arg_scope around a recurrent tagger (contrib.slim, contrib.metrics)."""

import numpy as np
import tensorflow as tf

slim = tf.contrib.slim

NUM_SYMBOLS = 6
MAX_LENGTH = 8


def model_arg_scope(is_training, weight_decay=1e-5):
    batch_norm_params = {"is_training": is_training, "decay": 0.9, "updates_collections": None}
    with slim.arg_scope(
        [slim.fully_connected],
        activation_fn=tf.nn.relu,
        weights_initializer=slim.xavier_initializer(),
        weights_regularizer=slim.l2_regularizer(weight_decay),
        normalizer_fn=slim.batch_norm,
        normalizer_params=batch_norm_params):
        with slim.arg_scope([slim.dropout], is_training=is_training, keep_prob=0.9) as scope:
            return scope


def model(symbols, lengths, scope="tagger", reuse=None):
    """Whether a symbol was there before in its row."""
    end_points = {}
    with tf.variable_scope(scope, "tagger", [symbols], reuse=reuse):
        net = tf.contrib.layers.embed_sequence(symbols, NUM_SYMBOLS, 8)
        cell = tf.contrib.rnn.MultiRNNCell([tf.contrib.rnn.LSTMCell(24) for _ in range(1)])
        net, _ = tf.nn.dynamic_rnn(cell, net, sequence_length=lengths, dtype=tf.float32)
        net = tf.reshape(net, [-1, 24])
        net = slim.stack(net, slim.fully_connected, [16, 8], scope="fc")
        end_points["fc"] = net
        net = slim.dropout(net)
        net = slim.fully_connected(net, 2, activation_fn=None, normalizer_fn=None, scope="logits")
    return net, end_points


def make_batch(size, rng):
    symbols = rng.randint(0, NUM_SYMBOLS, [size, MAX_LENGTH])
    lengths = rng.randint(3, MAX_LENGTH + 1, size)
    seen = np.array([[s in row[:t] for t, s in enumerate(row)] for row in symbols.tolist()])
    return symbols, lengths, seen.astype(np.int64)


def main(_):
    tf.set_random_seed(3)
    rng = np.random.RandomState(3)
    symbols = tf.placeholder(tf.int32, [None, MAX_LENGTH], name="symbols")
    lengths = tf.placeholder(tf.int32, [None], name="lengths")
    labels = tf.placeholder(tf.int64, [None, MAX_LENGTH], name="labels")
    mask = tf.reshape(tf.sequence_mask(lengths, MAX_LENGTH, tf.float32), [-1])
    flat_labels = tf.reshape(labels, [-1])

    with slim.arg_scope(model_arg_scope(True)):
        logits, _ = model(symbols, lengths)
    with slim.arg_scope(model_arg_scope(False)):
        test_logits, _ = model(symbols, lengths, reuse=True)

    tf.contrib.losses.sparse_softmax_cross_entropy(logits, flat_labels, weights=mask)
    total_loss = slim.losses.get_total_loss()
    train_op = slim.learning.create_train_op(
        total_loss, tf.train.AdamOptimizer(0.02), clip_gradient_norm=2.0)

    predictions = tf.argmax(test_logits, 1)
    names_to_values, names_to_updates = slim.metrics.aggregate_metric_map({
        "accuracy": tf.contrib.metrics.streaming_accuracy(predictions, flat_labels, mask),
        "recall": tf.contrib.metrics.streaming_recall(predictions, flat_labels, mask),
    })

    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        for step in range(140):
            batch = dict(zip([symbols, lengths, labels], make_batch(64, rng)))
            loss = sess.run(train_op, batch)
            if step % 50 == 0:
                print("step %d: loss = %.4f" % (step, loss))
        for _ in range(4):
            batch = dict(zip([symbols, lengths, labels], make_batch(64, rng)))
            sess.run(list(names_to_updates.values()), batch)
        metrics = sess.run(names_to_values)
    print("metrics: %s" % metrics)
    assert slim.get_variables_by_suffix("weights")
    assert metrics["accuracy"] > 0.9 and metrics["recall"] > 0.8, metrics


if __name__ == "__main__":
    tf.app.run()
