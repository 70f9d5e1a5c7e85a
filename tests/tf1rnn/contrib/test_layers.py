"""`tf.contrib.layers` and `slim`: the mended layers, word vectors, and steps of `optimize_loss`."""

import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_near, evaluate, names_and_shapes, open_session, random_weights

from tf1rnn.contrib import framework, layers, losses, metrics, slim

pytest.importorskip("tf_slim")


def test_layers_have_the_variables_of_tensorflow_1(graph):
    x = tf.zeros([2, 5])
    layers.fully_connected(x, 4)
    layers.fully_connected(x, 4, normalizer_fn=layers.batch_norm, scope="normed")
    layers.layer_norm(x)
    layers.conv2d(tf.zeros([2, 8, 8, 3]), 4, 3)
    layers.embed_sequence(tf.zeros([2, 3], tf.int32), 7, 2)
    assert names_and_shapes() == [
        ("fully_connected/weights", (5, 4)),
        ("fully_connected/biases", (4,)),
        ("normed/weights", (5, 4)),
        ("normed/BatchNorm/beta", (4,)),
        ("LayerNorm/beta", (5,)),
        ("LayerNorm/gamma", (5,)),
        ("Conv/weights", (3, 3, 3, 4)),
        ("Conv/biases", (4,)),
        ("EmbedSequence/embeddings", (7, 2)),
    ]
    assert "EmbedSequence/embeddings" in [v.op.name for v in framework.get_model_variables()]
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2


def test_layers_compute_what_they_say(graph):
    x = tf.placeholder(tf.float32, [None, 5])
    hidden = layers.fully_connected(x, 4)
    normed = layers.layer_norm(layers.linear(hidden, 3))
    variables = tf.trainable_variables()
    weights = random_weights(variables)
    value = np.random.default_rng(0).normal(size=[6, 5])
    hidden, normed = evaluate([hidden, normed], weights, {x: value})
    w1, b1, w2, b2, beta, gamma = weights.values()
    expected = np.maximum(value @ w1 + b1, 0)
    linear = expected @ w2 + b2
    deviation = np.sqrt(linear.var(1, keepdims=True))
    expected_norm = (linear - linear.mean(1, keepdims=True)) / deviation * gamma + beta
    assert_near([hidden, normed], [expected, expected_norm], 1e-4)


def test_arg_scopes_set_arguments_and_regularizers_fill_the_collection(graph):
    x = tf.zeros([2, 5])
    decay = layers.l2_regularizer(0.1)
    with slim.arg_scope([slim.fully_connected], weights_regularizer=decay, activation_fn=tf.sin):
        output = layers.fully_connected(x, 3)
        plain = layers.fully_connected(x, 3, activation_fn=None, weights_regularizer=None)
    assert (output.op.type, plain.op.type) == ("Sin", "BiasAdd")
    (loss,) = tf.losses.get_regularization_losses()
    total = layers.apply_regularization(layers.l1_regularizer(0.5), tf.trainable_variables()[:1])
    weights = random_weights(tf.global_variables())
    w = weights["fully_connected/weights"]
    expected = [0.05 * np.square(w).sum(), 0.5 * np.abs(w).sum()]
    np.testing.assert_allclose(evaluate([loss, total], weights), expected, rtol=1e-5)


@pytest.mark.parametrize("unique", [False, True])
def test_word_vectors_are_rows_of_the_embedding(graph, unique):
    ids = tf.placeholder(tf.int32, [None, 3])
    output = layers.embed_sequence(ids, 5, 2, unique=unique, scope="words")
    again = layers.embed_sequence(ids, scope="words", reuse=True)
    assert output.shape.as_list() == [None, 3, 2]
    (embeddings,) = tf.trainable_variables()
    gradient = tf.convert_to_tensor(tf.gradients(output, embeddings)[0])
    weights = random_weights([embeddings])
    value = np.array([[4, 1, 4], [0, 4, 1]])
    fetched = evaluate([output, again, gradient], weights, {ids: value})
    rows = weights["words/embeddings"][value]
    counts = np.bincount(value.ravel(), minlength=5)
    assert_near(fetched, [rows, rows, np.tile(counts[:, None], [1, 2])], 1e-6)
    with pytest.raises(ValueError, match="Must specify vocab size and embedding dimension"):
        layers.embed_sequence(ids, 5)


def test_a_bag_of_words_is_the_mean_of_its_word_vectors(graph):
    docs = tf.constant([[1, 1, 0], [2, 3, 1], [0, 0, 0]])
    sparse = layers.bow_encoder(docs, 4, 2, scope="bag")
    given = layers.sparse_ops.dense_to_sparse_tensor(docs)
    same = layers.bow_encoder(given, 4, 2, scope="bag", reuse=True)
    dense = layers.bow_encoder(docs, 4, 2, sparse_lookup=False, scope="bag", reuse=True)
    weights = random_weights(tf.trainable_variables())
    e = weights["bag/embeddings"]
    without_0 = np.stack([e[1], e[[2, 3, 1]].mean(0), e[0]])
    with_0 = np.stack([e[[1, 1, 0]].mean(0), e[[2, 3, 1]].mean(0), e[0]])
    assert_near(evaluate([sparse, same, dense], weights), [without_0, without_0, with_0], 1e-6)
    with pytest.raises(TypeError, match="dense Tensor"):
        layers.bow_encoder(given, 4, 2, sparse_lookup=False)
    with pytest.raises(ValueError, match="Must specify"):
        layers.bow_encoder(docs, 4, 0)


OPTIMIZERS = {
    "name": "SGD",
    "class": tf.train.GradientDescentOptimizer,
    "instance": tf.train.GradientDescentOptimizer(0.5),
    "function": lambda rate: tf.train.GradientDescentOptimizer(rate),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimize_loss_takes_a_step(graph, kind):
    v = tf.get_variable("v", initializer=[3.0, -4.0])
    u = tf.get_variable("u", initializer=[1.0])
    step = framework.get_or_create_global_step()
    loss = tf.reduce_sum(v * v) / 2 + tf.reduce_sum(u)
    train = layers.optimize_loss(
        loss,
        step,
        learning_rate=1.0,
        optimizer=OPTIMIZERS[kind],
        gradient_multipliers={"u:0": 0.0},
        clip_gradients=2.5,
        learning_rate_decay_fn=lambda rate, step: rate / (2.0 + tf.cast(step, tf.float32)),
    )
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(train) == pytest.approx(13.5)
        # The gradient (3, -4) of norm 5 is clipped to half, and the rate is 1 / 2.
        np.testing.assert_allclose(session.run(v), [2.25, -3.0], rtol=1e-6)
        assert session.run([u[0], step]) == [1.0, 1]
    tags = {t.op.name for t in tf.get_collection(tf.GraphKeys.SUMMARIES)}
    assert {"OptimizeLoss/loss", "OptimizeLoss/global_norm/gradient_norm"} <= tags


def test_optimize_loss_refuses_what_it_does_not_know(graph):
    loss = tf.reduce_sum(tf.get_variable("v", [2]))
    step = framework.get_or_create_global_step()
    with pytest.raises(ValueError, match="Optimizer name should be one of"):
        layers.optimize_loss(loss, step, 0.1, optimizer="Adamant")
    with pytest.raises(ValueError, match="Summaries should be one of"):
        layers.optimize_loss(loss, step, 0.2, "SGD", summaries=["all"], name="b")
    with pytest.raises(ValueError, match="Unknown type"):
        layers.optimize_loss(loss, step, 0.3, "SGD", clip_gradients="a lot", name="c")


def test_losses_and_streaming_metrics_have_predictions_first(graph):
    predictions, labels = tf.constant([1.0, 2.0, 3.0]), tf.constant([1.0, 2.0, 5.0])
    loss = losses.mean_squared_error(predictions, labels)
    assert tf.losses.get_losses()[0] is loss
    mean, update = metrics.streaming_accuracy(predictions, labels)
    # Two of three of the labels are at least 2, and so are of the predictions.
    precision, more = metrics.streaming_precision(predictions >= 3.0, labels >= 2.0)
    with open_session() as session:
        session.run(tf.local_variables_initializer())
        session.run([update, more])
        found = session.run([loss, mean, precision])
    np.testing.assert_allclose(found, [4 / 3, 2 / 3, 1.0], rtol=1e-6)


def test_a_name_that_nothing_has_is_an_attribute_error():
    for family in (layers, framework, losses, metrics):
        with pytest.raises(AttributeError, match="has no full_connected"):
            _ = family.full_connected
    assert {"embed_sequence", "fully_connected", "optimize_loss"} <= set(dir(layers))
    assert "arg_scope" in dir(slim) and slim.nets.vgg.vgg_16


LATE = """
import sys
from tf1rnn.contrib import slim
slim.fully_connected
print("sklearn" in sys.modules)
import tf_slim
print(tf_slim.losses.metric_learning.metrics.accuracy_score([1, 2], [1, 3]))
import sklearn.metrics
print(sklearn.metrics.accuracy_score([1, 2], [1, 2]))
"""


def test_scikit_learn_waits_for_the_loss_that_needs_it():
    pytest.importorskip("sklearn")
    result = processes.run(["-c", LATE])
    assert result.stdout.split() == ["False", "0.5", "1.0"], result.stderr
