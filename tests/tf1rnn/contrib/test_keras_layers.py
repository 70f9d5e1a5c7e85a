"""`tf.layers`: names, scopes, collections and numbers of TensorFlow 1, and what a script sees."""

import importlib.util
import sys
import warnings

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_near, evaluate, names_and_shapes, open_session, random_weights

import tf1rnn
from tf1rnn.contrib import keras_layers as layers

pytest.importorskip("tf_keras")


def test_variables_have_the_names_and_shapes_of_tensorflow_1(graph):
    x, image = tf.zeros([2, 5]), tf.zeros([2, 8, 8, 3])
    layers.dense(x, 4)
    layers.dense(x, 4, name="output", use_bias=False)
    layers.dense(x, 1)
    layers.conv1d(tf.zeros([2, 7, 3]), 4, 2)
    layers.conv2d(image, 4, [3, 3])
    layers.conv2d_transpose(image, 4, 3)
    layers.separable_conv2d(image, 4, 3)
    layers.batch_normalization(x)
    assert names_and_shapes() == [
        ("dense/kernel", (5, 4)),
        ("dense/bias", (4,)),
        ("output/kernel", (5, 4)),
        ("dense_1/kernel", (5, 1)),
        ("dense_1/bias", (1,)),
        ("conv1d/kernel", (2, 3, 4)),
        ("conv1d/bias", (4,)),
        ("conv2d/kernel", (3, 3, 3, 4)),
        ("conv2d/bias", (4,)),
        ("conv2d_transpose/kernel", (3, 3, 4, 3)),
        ("conv2d_transpose/bias", (4,)),
        ("separable_conv2d/depthwise_kernel", (3, 3, 3, 1)),
        ("separable_conv2d/pointwise_kernel", (1, 1, 3, 4)),
        ("separable_conv2d/bias", (4,)),
        ("batch_normalization/gamma", (5,)),
        ("batch_normalization/beta", (5,)),
    ]
    others = [v.op.name for v in tf.global_variables() if not v.trainable]
    assert others == [f"batch_normalization/moving_{name}" for name in ("mean", "variance")]


def test_variables_are_shared_as_the_scope_and_reuse_say(graph):
    x = tf.zeros([2, 5])
    with tf.variable_scope("tower", reuse=tf.AUTO_REUSE):
        for _ in range(2):
            output = layers.dense(x, 3, name="shared")
    layers.dense(x, 3, name="by_hand")
    layers.dense(x, 3, name="by_hand", reuse=True)
    with pytest.raises(ValueError, match="already exists"):
        layers.dense(x, 3, name="by_hand")
    names = ["tower/shared/kernel", "tower/shared/bias", "by_hand/kernel", "by_hand/bias"]
    assert [v.op.name for v in tf.global_variables()] == names
    assert output.op.name == "tower/shared_1/BiasAdd"


def test_a_dense_layer_is_a_product_a_bias_and_an_activation(graph):
    x = tf.placeholder(tf.float32, [None, None, 5])
    output = layers.dense(x, 3, activation=tf.nn.tanh)
    assert output.shape.as_list() == [None, None, 3]
    variables = tf.trainable_variables()
    weights = random_weights(variables)
    value = np.random.default_rng(0).normal(size=[2, 4, 5])
    gradients = tf.gradients(output, variables)
    output, gradients = evaluate([output, gradients], weights, {x: value})
    kernel, bias = weights["dense/kernel"], weights["dense/bias"]
    expected = np.tanh(value @ kernel + bias)
    slopes = 1 - expected**2
    of_kernel = np.einsum("bti,btj->ij", value, slopes)
    assert_near([output, *gradients], [expected, of_kernel, slopes.sum((0, 1))], 1e-5)


def test_batch_normalization_leaves_its_averages_to_update_ops(graph):
    x = tf.placeholder(tf.float32, [None, 2])
    training = tf.placeholder(tf.bool, [])
    output = layers.batch_normalization(x, momentum=0.9, training=training)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert len(updates) == 2
    value = np.array([[1.0, 5.0], [3.0, 1.0]])
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        trained, _ = session.run([output, updates], {x: value, training: True})
        averages = session.run([v for v in tf.global_variables() if not v.trainable])
        tested = session.run(output, {x: value, training: False})
    centred = value - value.mean(0)
    mean, variance = 0.1 * value.mean(0), 0.9 + 0.1 * value.var(0)
    used = (value - mean) / np.sqrt(variance + 1e-3)
    expected = [centred / np.sqrt(value.var(0) + 1e-3), mean, variance, used]
    assert_near([trained, *averages, tested], expected, 1e-4)


def test_regularizers_go_to_their_collection(graph):
    x = tf.zeros([2, 5])
    square = lambda kernel: 0.5 * tf.reduce_sum(tf.square(kernel))  # noqa: E731
    layers.dense(x, 3, kernel_regularizer=square, bias_regularizer=square)
    losses = tf.losses.get_regularization_losses()
    assert losses[0] is tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)[0]
    weights = random_weights(tf.global_variables())
    expected = [np.square(w).sum() / 2 for w in weights.values()]
    np.testing.assert_allclose(evaluate(losses, weights), expected, rtol=1e-5)


def test_a_cell_may_be_made_of_layers(graph):
    class Cell(tf1rnn.RNNCell):
        state_size = output_size = 3

        def call(self, inputs, state):
            state = layers.dense(tf.concat([inputs, state], 1), 3, tf.nn.tanh, name="inner")
            return state, state

    x = tf.placeholder(tf.float32, [None, None, 2])
    outputs, _ = tf1rnn.dynamic_rnn(Cell(), x, dtype=tf.float32)
    weights = random_weights(tf.global_variables())
    assert list(weights) == ["rnn/cell/inner/kernel", "rnn/cell/inner/bias"]
    value = np.random.default_rng(1).normal(size=[2, 3, 2])
    kernel, bias = weights.values()
    state = np.zeros([2, 3])
    for t in range(3):
        state = np.tanh(np.concatenate([value[:, t], state], 1) @ kernel + bias)
    np.testing.assert_allclose(evaluate(outputs, weights, {x: value})[:, -1], state, atol=1e-5)


def test_a_layer_of_ones_own_has_its_variables_under_its_name(graph):
    class Scale(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight("scale", [int(shape[-1])])
            self.built = True

        def call(self, inputs):
            return inputs * self.scale

    Scale(name="mine")(tf.zeros([2, 4]))
    assert names_and_shapes() == [("mine/scale", (4,))]


def test_the_older_names_are_those_of_the_same_classes_and_functions():
    assert layers.FullyConnected is layers.Dense
    assert layers.Deconvolution2D is layers.Conv2DTranspose
    assert layers.max_pool2d is layers.max_pooling2d
    assert layers.batch_norm is layers.batch_normalization
    assert {"Dense", "conv2d_transpose", "max_pool3d"} <= set(dir(layers))
    for name in dir(layers):
        assert getattr(layers, name)
    with pytest.raises(AttributeError, match=r"tf\.layers has no danse"):
        _ = layers.danse


def test_old_code_is_not_advised_to_become_new(graph):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layers.flatten(layers.dropout(layers.dense(tf.zeros([2, 5]), 4)))


@pytest.mark.parametrize("family", ["keras_layers", "layers", "framework", "training", "metrics"])
def test_without_the_packages_a_line_says_what_to_install(monkeypatch, family):
    for module in [m for m in sys.modules if m.partition(".")[0] in ("tf_keras", "tf_slim")]:
        monkeypatch.setitem(sys.modules, module, None)
    spec = importlib.util.find_spec(f"tf1rnn.contrib.{family}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # needs neither
    names = {"keras_layers": "dense", "layers": "conv2d", "framework": "arg_scope"}
    names |= {"training": "create_train_op", "metrics": "streaming_mean"}
    with pytest.raises(ImportError, match=r"^tf\..* needs tf-.*: pip install tf1rnn\[compat\]$"):
        getattr(module, names[family])
