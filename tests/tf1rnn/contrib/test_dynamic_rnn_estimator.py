"""`tf.contrib.learn.DynamicRnnEstimator` and feature columns, against the cells of NumPy."""

import numpy as np
import pytest
import reference
import tensorflow.compat.v1 as tf
from graphs import load, random_weights

from tf1rnn import compat
from tf1rnn.compat.modules import UnknownName, module_at
from tf1rnn.contrib import layers
from tf1rnn.contrib.estimator import dynamic_rnn
from tf1rnn.contrib.estimator.dynamic_rnn import PredictionType, ProblemType

pytest.importorskip("tf_slim")
learn = module_at("contrib.learn")
SINGLE, MULTIPLE = PredictionType.SINGLE_VALUE, PredictionType.MULTIPLE_VALUE
REGRESSION, CLASSES = ProblemType.LINEAR_REGRESSION, ProblemType.CLASSIFICATION

UNITS, STEPS = 4, 5
random = np.random.default_rng(0)
X = random.uniform(size=[16, STEPS, 1]).astype(np.float32)
LENGTHS = np.arange(16, dtype=np.int32) % STEPS + 1
REAL = np.arange(STEPS) < LENGTHS[:, None]
MEANS = np.where(REAL, X[:, :, 0], 0).sum(1) / LENGTHS
FEATURES = {"x": X, "sequence_length": LENGTHS}


@pytest.fixture(scope="module", autouse=True)
def switched_back():
    """Some of the names switch TensorFlow 1's behaviour on."""
    yield
    compat.uninstall()


def estimator(problem, prediction, **settings):
    settings = {"num_units": UNITS, "cell_type": "lstm", **settings}
    columns = settings.pop("columns", [layers.real_valued_column("x")])
    return dynamic_rnn.DynamicRnnEstimator(problem, prediction, columns, **settings)


def given(features, labels=None):
    """An input function of constants, which has no end."""
    return lambda: (
        {name: tf.constant(value) for name, value in features.items()},
        None if labels is None else tf.constant(labels),
    )


def trained(folder, problem, prediction, labels, **settings):
    """A model after some steps of Adam, whose graphs are run as they are: see `open_session`."""
    session_config = tf.ConfigProto()
    session_config.graph_options.rewrite_options.disable_meta_optimizer = True
    config = learn.RunConfig(tf_random_seed=1, session_config=session_config)
    settings.update(optimizer="Adam", config=config, model_dir=str(folder))
    made = estimator(problem, prediction, **settings)
    return made.fit(input_fn=given(FEATURES, labels), steps=100)


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    """The mean of a sequence, at its end."""
    return trained(tmp_path_factory.mktemp("regression"), REGRESSION, SINGLE, MEANS)


@pytest.fixture(scope="module")
def classification(tmp_path_factory):
    """Whether a number is above a half, at each step."""
    asked = {"num_classes": 2, "predict_probabilities": True}
    folder = tmp_path_factory.mktemp("classification")
    return trained(folder, CLASSES, MULTIPLE, labels_of_steps(), **asked)


def labels_of_steps():
    """1 above a half and 0 below; past the end something that is no class at all."""
    return np.where(REAL, X[:, :, 0] > 0.5, 7).astype(np.int32)


def logits_of(made, x=X, state=None):
    """The oracle's logits `[batch_size, num_steps]` of a model of one layer, and its state."""
    value = made.get_variable_value
    cell = reference.LSTM(value("rnn/lstm_cell/kernel"), value("rnn/lstm_cell/bias"))
    state = state or reference.zero_state(cell, len(x))
    outputs, state, _ = reference.unroll(cell, np.swapaxes(x, 0, 1), state)
    logits = outputs @ value("fully_connected/weights") + value("fully_connected/biases")
    return np.swapaxes(logits, 0, 1)[:, :, 0], state


def test_variables_are_those_of_tensorflow_1(regression):
    made = regression
    names = [name for name in made.get_variable_names() if "/Adam" not in name]
    assert {name: made.get_variable_value(name).shape for name in names} == {
        "OptimizeLoss/beta1_power": (),
        "OptimizeLoss/beta2_power": (),
        "OptimizeLoss/learning_rate": (),
        "fully_connected/biases": (1,),
        "fully_connected/weights": (UNITS, 1),
        "global_step": (),
        "rnn/lstm_cell/bias": (4 * UNITS,),
        "rnn/lstm_cell/kernel": (1 + UNITS, 4 * UNITS),
    }


def test_a_single_value_is_of_the_last_step_of_each_sequence(regression):
    made = regression
    rows = list(made.predict(input_fn=given(FEATURES)))  # a batch, as the input is constant
    assert len(rows) == 16
    assert set(rows[0]) == {"scores", "rnn_cell_state_0", "rnn_cell_state_1"}
    logits, state = logits_of(made)
    scores = [row["scores"] for row in rows]
    np.testing.assert_allclose(scores, logits[np.arange(16), LENGTHS - 1], rtol=1e-4, atol=1e-6)
    for i in range(2):  # of all steps, as TensorFlow 1 had it
        found = [row[f"rnn_cell_state_{i}"] for row in rows]
        np.testing.assert_allclose(found, state[i], rtol=1e-4, atol=1e-6)


def test_without_lengths_all_steps_count_and_a_state_may_be_given(regression):
    made = regression
    state = tuple(random.normal(size=[2, 16, UNITS]).astype(np.float32))
    features = {"x": X, "rnn_cell_state_0": state[0], "rnn_cell_state_1": state[1]}
    found = made.predict(input_fn=given(features), outputs=["scores"], as_iterable=False)
    expected, _ = logits_of(made, state=state)
    np.testing.assert_allclose(found["scores"], expected[:, -1], rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"partially specified.*zero or 2 state Tensors; got 1"):
        del features["rnn_cell_state_1"]
        next(made.predict(input_fn=given(features)))
    with pytest.raises(ValueError, match=r"rnn_cell_state_0 must be \[batch_size, 4\]"):
        features.update(rnn_cell_state_0=state[0][:, :3], rnn_cell_state_1=state[1])
        next(made.predict(input_fn=given(features)))


@pytest.mark.long
def test_dropout_is_in_training_alone(regression):
    dropping = {"dropout_keep_probabilities": [0.5, 0.5], "model_dir": regression.model_dir}
    same = estimator(REGRESSION, SINGLE, **dropping)
    found, expected = (
        made.predict(input_fn=given(FEATURES), as_iterable=False) for made in (same, regression)
    )
    np.testing.assert_allclose(found["scores"], expected["scores"], rtol=1e-6)


@pytest.mark.long
def test_arrays_are_predicted_to_their_end(regression):
    rows = list(regression.predict(x=FEATURES, batch_size=3))
    assert len(rows) == 16


def test_the_mean_of_a_sequence_is_learnt(regression):
    found = regression.evaluate(input_fn=given(FEATURES, MEANS), steps=1)
    assert found["loss"] < MEANS.var() / 4 and set(found) == {"loss", "global_step"}
    logits, _ = logits_of(regression)
    error = logits[np.arange(16), LENGTHS - 1] - MEANS
    np.testing.assert_allclose(found["loss"], np.mean(error**2), rtol=1e-3)


def test_multiple_values_are_of_each_step(classification):
    made = classification
    found = made.predict(input_fn=given(FEATURES), as_iterable=False)
    logits, _ = logits_of(made)
    above = reference.sigmoid(logits)
    expected = np.stack([1 - above, above], -1)
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found["classes"], logits > 0)
    assert found["rnn_cell_state_0"].shape == (16, UNITS)


@pytest.mark.long
def test_two_classes_are_learnt_from_what_is_within_sequences(classification):
    found = classification.evaluate(input_fn=given(FEATURES, labels_of_steps()), steps=1)
    assert found["loss"] < np.log(2) / 2 and found["accuracy"] > 0.9
    logits, labels = logits_of(classification)[0][REAL], labels_of_steps()[REAL]
    entropy = np.logaddexp(0, logits) - labels * logits
    np.testing.assert_allclose(found["loss"], entropy.mean(), rtol=1e-4)
    np.testing.assert_allclose(found["accuracy"], np.mean((logits > 0) == labels), rtol=1e-6)


def test_layers_contexts_and_word_vectors_have_the_variables_of_tensorflow_1(graph):
    ids = layers.sparse_column_with_integerized_feature("word", 10)
    context = [layers.real_valued_column("c", 2)]
    columns = [layers.real_valued_column("x"), layers.embedding_column(ids, 3)]
    made = estimator(
        *(CLASSES, SINGLE),
        columns=columns,
        context_feature_columns=context,
        num_classes=3,
        num_units=[4, 2],
        cell_type="gru",
        dropout_keep_probabilities=[0.5, 0.5, 0.5],
        optimizer="Momentum",
        momentum=0.9,
    )
    tf.train.create_global_step()
    words = tf.constant([[1, 12], [-1, 0]])
    features = {"x": X[:2, :2, 0], "word": words, "c": np.ones([2, 2], np.int64)}
    ops = made._network(features, np.array([2, 0]), "train")
    assert {v.op.name: tuple(v.shape) for v in tf.trainable_variables()} == {
        "fully_connected/biases": (3,),
        "fully_connected/weights": (2, 3),
        "rnn/multi_rnn_cell/cell_0/gru_cell/candidate/bias": (4,),
        "rnn/multi_rnn_cell/cell_0/gru_cell/candidate/kernel": (10, 4),
        "rnn/multi_rnn_cell/cell_0/gru_cell/gates/bias": (8,),
        "rnn/multi_rnn_cell/cell_0/gru_cell/gates/kernel": (10, 8),
        "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/bias": (2,),
        "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/kernel": (6, 2),
        "rnn/multi_rnn_cell/cell_1/gru_cell/gates/bias": (4,),
        "rnn/multi_rnn_cell/cell_1/gru_cell/gates/kernel": (6, 4),
        "sequence_input_from_feature_columns/word_embedding/weights": (10, 3),
    }
    assert set(ops.predictions) == {"classes", "rnn_cell_state_0", "rnn_cell_state_1"}
    assert ops.loss.shape.rank == 0 and ops.predictions["classes"].shape.as_list() == [2]


def test_columns_stand_side_by_side_in_the_order_of_tensorflow_1(graph):
    """Vectors of ids first, then one-hot ones, then numbers, each by name; then the context."""
    word = layers.sparse_column_with_integerized_feature("word", 10)
    kind = layers.sparse_column_with_integerized_feature("kind", 2)
    columns = [layers.real_valued_column("x"), layers.real_valued_column("a", 2)]
    columns += [layers.one_hot_column(kind), layers.embedding_column(word, 3)]
    word_ids = np.array([[1, 12], [-1, 0]])
    features = {"x": X[:2, :2, 0], "a": X[:2, :2] * [1, 2], "word": word_ids}
    features["kind"] = tf.sparse.from_dense([[1, 0], [0, 3]])
    features["c"] = np.array([[5, 6], [7, 8]])
    context = [layers.real_valued_column("c", 2, normalizer=lambda c: c / 2)]
    inputs = dynamic_rnn.build_sequence_input(features, columns, context)
    assert inputs.shape.as_list() == [2, 2, 3 + 2 + 2 + 1 + 2]
    weights = random_weights(tf.global_variables())
    (table,) = weights.values()
    with tf.Session() as session:
        load(session, {tf.global_variables()[0]: table})
        found = session.run(inputs)
    vectors = np.where((word_ids >= 0)[:, :, None], table[word_ids % 10], 0)
    hot = np.array([[[0, 1], [0, 0]], [[0, 0], [0, 1]]])
    contexts = np.repeat(features["c"][:, None] / 2, 2, axis=1)
    expected = [vectors, hot, features["a"], X[:2, :2], contexts]
    np.testing.assert_allclose(found, np.concatenate(expected, -1), rtol=1e-6)


def test_features_of_a_whole_example_are_flattened_and_words_hashed(graph):
    hashed = layers.sparse_column_with_hash_bucket("word", 7)
    columns = [layers.one_hot_column(hashed), layers.real_valued_column("x", STEPS)]
    words = [["a", "b"], ["a", ""]]
    parts = {}
    inputs = layers.input_from_feature_columns(
        {"x": X[:2], "word": words}, columns, cols_to_outs=parts
    )
    ids = tf.strings.to_hash_bucket_fast(["a", "b"], 7)
    with tf.Session() as session:
        found, (a, b) = session.run([inputs, ids])
    hot = np.zeros([2, 7])
    for row, place in ((0, a), (0, b), (1, a)):
        hot[row, place] += 1
    np.testing.assert_allclose(found, np.concatenate([hot, X[:2, :, 0]], 1), rtol=1e-6)
    assert set(parts) == set(columns)


def test_more_than_two_classes_have_a_softmax(graph):
    head = estimator(CLASSES, SINGLE, num_classes=3, predict_probabilities=True)._head
    logits = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    predictions = head.predictions(tf.constant(logits))
    loss = head.loss(tf.constant(logits), tf.constant([[1], [0]]))
    with tf.Session() as session:
        found, loss = session.run([predictions, loss])
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found["probabilities"], softmax)
    np.testing.assert_array_equal(found["classes"], [1, 2])
    np.testing.assert_allclose(loss, -np.log(softmax[[0, 1], [1, 0]]).mean())
    with pytest.raises(ValueError, match="should be integer"):
        head.loss(tf.constant(logits), tf.constant([1.0, 0.0]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((REGRESSION, 3), "prediction_type must be one of .* got 3"),
        ((ProblemType.LOGISTIC_REGRESSION, SINGLE), "problem_type must be either .* got 3"),
        ((CLASSES, SINGLE), "num_classes must be specified"),
    ],
)
def test_what_cannot_be_predicted_is_told_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        estimator(*arguments)
    with pytest.raises(ValueError, match="predict_probabilities can only"):
        estimator(REGRESSION, SINGLE, predict_probabilities=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, "cnn"), r"supported cell types are \['basic_rnn', 'lstm', 'gru'\]; got cnn"),
        ((None, "gru"), "num_units must be specified"),
        (([4, 4], "gru", [0.5, 0.5]), "Got 2 cells and 2 dropout probabilities"),
    ],
)
def test_cells_that_cannot_be_are_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        dynamic_rnn.construct_rnn_cell(*arguments)


def test_columns_that_cannot_be_are_told(graph):
    column = layers.real_valued_column("x")
    for dimension, error in ((2.0, TypeError), (0, ValueError)):
        with pytest.raises(error, match="dimension must be"):
            layers.real_valued_column("x", dimension)
    with pytest.raises(ValueError, match=r"'x' is not among the features: \['y'\]"):
        layers.sequence_input_from_feature_columns({"y": X}, [column])
    with pytest.raises(ValueError, match=r"column x. Rank of input Tensor \(1\) should be 3"):
        layers.sequence_input_from_feature_columns({"x": LENGTHS}, [column])
    with pytest.raises(ValueError, match="x is sparse: use embedding_column"):
        ids = layers.sparse_column_with_integerized_feature("x", 2)
        layers.input_from_feature_columns({"x": LENGTHS}, [ids])
    with pytest.raises(ValueError, match="type str is not supported"):
        layers.input_from_feature_columns({"x": LENGTHS}, ["x"])
    with pytest.raises(UnknownName, match="embedding_column are"):
        _ = module_at("contrib.layers").bucketized_column


def test_names_are_served_where_they_stood():
    inside = module_at("contrib.learn.python.learn.estimators")
    assert learn.DynamicRnnEstimator is dynamic_rnn.DynamicRnnEstimator
    assert inside.dynamic_rnn_estimator.DynamicRnnEstimator is learn.DynamicRnnEstimator
    assert inside.dynamic_rnn_estimator.PredictionType is inside.rnn_common.PredictionType
    assert inside.constants.ProblemType is learn.ProblemType
    assert inside.prediction_key.PredictionKey.SCORES == "scores"
    assert inside.rnn_common.RNNKeys.SEQUENCE_LENGTH_KEY == "sequence_length"
    assert module_at("contrib.layers").real_valued_column is layers.real_valued_column
