"""Module paths that copies of TensorFlow 1's files import from, and what they find there."""

import importlib.util

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import nn, rnn, sparsemax
from tf1rnn.contrib.rnn import private

PATHS = {
    "contrib.compiler.jit": "experimental_jit_scope",
    "contrib.cluster_resolver": "TPUClusterResolver",
    "contrib.crf.python.ops.crf": "_lengths_to_masks",
    "contrib.data.python.ops.grouping": "group_by_window",
    "contrib.data.python.util.nest": "flatten is_sequence map_structure_up_to",
    "contrib.distributions.python.ops.categorical": "Categorical",
    "contrib.estimator.python.estimator.head": "multi_class_head regression_head",
    "contrib.framework.nest": "assert_shallow_structure flatten_up_to pack_sequence_as",
    "contrib.framework.python.framework.checkpoint_utils": "list_variables load_variable",
    "contrib.framework.python.framework.tensor_util": "is_tensor with_same_shape",
    "contrib.legacy_seq2seq.python.ops.seq2seq": "Linear linear embedding_rnn_decoder",
    "contrib.lookup": "LookupInterface InitializableLookupTableBase TableInitializerBase",
    "contrib.metrics.python.metrics.classification": "accuracy",
    "contrib.nn": "alpha_dropout sampled_sparse_softmax_loss",
    "contrib.opt.python.training.lazy_adam_optimizer": "LazyAdamOptimizer",
    "contrib.rnn.ops.gen_lstm_ops": "lstm_block_cell block_lstm",
    "contrib.rnn.python.ops.rnn_cell": "_norm _conv _get_concat_variable _random_exp_initializer",
    "contrib.sparsemax": "sparsemax sparsemax_loss",
    "contrib.training.python.training.sequence_queueing_state_saver": "batch_sequences_with_states",
    "python.ops.nn.rnn_cell": "GRUCell",
    "python.ops.nn.seq2seq": "rnn_decoder",
    "python.ops.rnn": "_is_keras_rnn_cell _on_device",
    "python.ops.rnn_cell_impl": "_enumerated_map_structure_up_to _LSTMStateTuple",
}
if importlib.util.find_spec("tf_slim"):
    PATHS["contrib.slim.nets"] = "resnet_v1 vgg"
    PATHS["contrib.slim.python.slim.nets.inception_v3"] = "inception_v3_base"
OF_KERAS = {
    "python.keras": "Sequential Input",
    "python.keras.layers": "LSTM Dense Embedding Bidirectional",
    "python.keras.utils": "to_categorical tf_utils",
    "python.keras.engine.base_layer": "Layer",
}

X = np.random.default_rng(0).normal(size=[3, 5]).astype(np.float32)


@pytest.mark.parametrize("path", PATHS)
def test_names_stand_where_they_stood(path):
    for name in PATHS[path].split():
        assert module_at(path).served(name) is not None


@pytest.mark.long
@pytest.mark.parametrize("path", OF_KERAS)
def test_names_of_keras_stand_where_they_stood(path):
    pytest.importorskip("tf_keras")
    for name in OF_KERAS[path].split():
        assert module_at(path).served(name) is not None


def run(fetches):
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches)


def projected(z):
    """The nearest point of the simplex, found by halving tau's range."""
    low, high = z.min() - 1, z.max()
    for _ in range(60):
        tau = (low + high) / 2
        low, high = (tau, high) if np.maximum(z - tau, 0).sum() > 1 else (low, tau)
    return np.maximum(z - low, 0)


def test_sparsemax_is_the_nearest_point_and_its_loss_has_its_gradient(graph):
    logits, labels = tf.constant(X), tf.constant(np.eye(5, dtype=np.float32)[[0, 3, 4]])
    probabilities = sparsemax.sparsemax(logits)
    loss = sparsemax.sparsemax_loss(logits, probabilities, labels)
    sure = tf.constant([[9.0, 0, 0, 0, 0]])
    none = sparsemax.sparsemax_loss(sure, sparsemax.sparsemax(sure), tf.eye(1, 5))
    found, slope, true, none = run([probabilities, tf.gradients(loss, logits)[0], labels, none])
    np.testing.assert_allclose(found, [projected(z) for z in X.astype(np.float64)], atol=1e-6)
    np.testing.assert_allclose(slope, found - true, atol=1e-6)
    np.testing.assert_allclose(none, [0], atol=1e-6)


def test_alpha_dropout_keeps_mean_and_variance(graph):
    x = tf.random_normal([200_000], seed=1)
    dropped = nn.alpha_dropout(x, 0.8, seed=2)
    assert nn.alpha_dropout(x, 1.0).name == x.name
    found, left = run([dropped, x])
    np.testing.assert_allclose([found.mean(), found.std()], [0, 1], atol=0.02)
    _, counts = np.unique(found, return_counts=True)
    np.testing.assert_allclose(counts.max() / len(left), 0.2, atol=0.01)
    with pytest.raises(ValueError, match="keep_prob must be"):
        nn.alpha_dropout(x, 0.0)


def test_losses_with_the_logits_first(graph):
    logits, ids, hot = tf.constant(X), tf.constant([0, 3, 4]), np.eye(5)[[0, 3, 4]]
    hot = tf.constant(hot.astype(np.float32))
    by_ids = nn.deprecated_flipped_sparse_softmax_cross_entropy_with_logits(logits, ids)
    by_hot = nn.deprecated_flipped_softmax_cross_entropy_with_logits(logits, hot)
    each = nn.deprecated_flipped_sigmoid_cross_entropy_with_logits(logits, hot)
    by_ids, by_hot, each, true = run([by_ids, by_hot, each, hot])
    expected = np.log(np.exp(X).sum(1)) - X[[0, 1, 2], [0, 3, 4]]
    np.testing.assert_allclose([by_ids, by_hot], [expected, expected], rtol=1e-5)
    np.testing.assert_allclose(each, np.log1p(np.exp(X)) - X * true, rtol=1e-4)


def test_private_helpers_of_cells(graph):
    x = tf.constant(X)
    with tf.variable_scope("conv"):
        image = tf.reshape(x, [1, 3, 5, 1])
        convolved = private._conv([image, image], [3, 3], 2, True, bias_start=0.5)
    kernel, _ = tf.trainable_variables()
    expected = tf.nn.conv2d(tf.concat([image, image], 3), kernel, 1, "SAME") + 0.5
    whole = private._get_concat_variable("w", [5, 2], tf.float32, 2)
    assert [v.shape.as_list() for v in tf.trainable_variables()[2:]] == [[3, 2], [2, 2]]
    normed = private._norm(2.0, 1.0, x, "norm")
    start = private._random_exp_initializer(1.0, 100.0, seed=1)([1000], tf.float32)
    numbered = private._enumerated_map_structure(lambda i, y: (i, y), {"a": 5, "b": 6})
    assert numbered == {"a": (0, 5), "b": (1, 6)}
    up_to = private._enumerated_map_structure_up_to([1, 1], lambda i, y: (i, y), [(1, 2), 3])
    assert up_to == [(0, (1, 2)), (1, 3)]
    assert private._on_device(lambda: tf.no_op().device, "/cpu:0").endswith("CPU:0")
    assert not private._is_keras_rnn_cell(rnn.GRUCell(3))
    convolved, expected, whole, normed, start = run([convolved, expected, whole, normed, start])
    np.testing.assert_allclose(convolved, expected, rtol=1e-5)
    assert whole.shape == (5, 2)
    mean, deviation = X.mean(1, keepdims=True), X.std(1, keepdims=True)
    np.testing.assert_allclose(normed, 2 * (X - mean) / deviation + 1, rtol=1e-4, atol=1e-5)
    assert start.min() >= 1 and start.max() <= 100
    np.testing.assert_allclose(np.log(start).mean(), np.log(10), atol=0.2)


@pytest.mark.long
def test_a_cell_of_keras_is_known(graph):
    keras = pytest.importorskip("tf_keras")
    assert private._is_keras_rnn_cell(keras.layers.GRUCell(3))
    assert not private._is_keras_rnn_cell(rnn.GRUCell(3))
