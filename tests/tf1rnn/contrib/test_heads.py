"""Heads of estimators against NumPy, and the estimators that are ready made with them."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import estimator as est
from tf1rnn.contrib.estimator import class_heads, heads, ready_made, rnn_estimator

random = np.random.default_rng(0)
ROWS = 6
WEIGHTS = np.array([1, 2, 0, 1, 3, 1], np.float32)
LOGITS = random.normal(size=[ROWS, 3]).astype(np.float32)
MANY = np.array([0, 1, 2, 2, 1, 0])
ANY = (random.uniform(size=[ROWS, 3]) > 0.5).astype(np.int64)
NUMBERS = random.normal(size=[ROWS, 3]).astype(np.float32)
SUM, MEAN = "weighted_sum", "weighted_mean"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def binary_losses(labels, logits):
    scores = sigmoid(logits)
    return -np.log(np.where(labels == 1, scores, 1 - scores))


CASES = {  # the head, its logits and labels, and the losses of its rows
    "two": (
        class_heads.BinaryClassHead,
        LOGITS[:, :1],
        MANY % 2,
        binary_losses((MANY % 2)[:, None], LOGITS[:, :1]),
    ),
    "many": (
        lambda **settings: class_heads.MultiClassHead(3, **settings),
        LOGITS,
        MANY,
        -np.log(softmax(LOGITS)[np.arange(ROWS), MANY])[:, None],
    ),
    "any": (
        lambda **settings: class_heads.MultiLabelHead(3, **settings),
        LOGITS,
        ANY,
        binary_losses(ANY, LOGITS).mean(-1, keepdims=True),
    ),
    "numbers": (
        lambda **settings: heads.regression_head(label_dimension=3, **settings),
        LOGITS,
        NUMBERS,
        (LOGITS - NUMBERS) ** 2,
    ),
}


def spec_of(head, mode, logits, labels, **more):
    features = {"w": tf.constant(WEIGHTS)}
    labels = tf.constant(labels) if isinstance(labels, np.ndarray) else labels
    return head.create_estimator_spec(features, mode, tf.constant(logits), labels, **more)


def evaluated(spec):
    with open_session() as session:
        session.run([tf.local_variables_initializer(), tf.tables_initializer()])
        session.run([update for _, update in spec.eval_metric_ops.values()])
        values = {name: value for name, (value, _) in spec.eval_metric_ops.items()}
        return session.run([spec.loss, spec.predictions, values])


@pytest.mark.parametrize("reduction", [heads.BY_BATCH_SIZE, SUM, MEAN])
@pytest.mark.parametrize("case", CASES)
def test_losses_are_weighted_and_reduced(case, reduction):
    make, logits, labels, losses = CASES[case]
    weights = WEIGHTS[:, None] * np.ones_like(losses)
    total = (weights * losses).sum()
    divided = {heads.BY_BATCH_SIZE: losses.size, SUM: 1, MEAN: weights.sum()}[reduction]
    with tf.Graph().as_default():
        head = make(weight_column="w", loss_reduction=reduction, name="its")
        loss, _, metrics = evaluated(spec_of(head, "eval", logits, labels))
    np.testing.assert_allclose(loss, total / divided, rtol=1e-5)
    np.testing.assert_allclose(metrics["average_loss/its"], total / weights.sum(), rtol=1e-5)


def test_predictions_and_metrics_of_two_classes():
    with tf.Graph().as_default():
        head = class_heads.BinaryClassHead("w", [0.25], ["no", "yes"])
        words = tf.constant(np.array(["no", "yes"])[MANY % 2])
        _, found, metrics = evaluated(spec_of(head, "eval", LOGITS[:, :1], words))
    true, scores = MANY % 2, sigmoid(LOGITS[:, 0])
    chosen = scores > 0.5
    np.testing.assert_allclose(found["logistic"][:, 0], scores, rtol=1e-5)
    np.testing.assert_allclose(found["probabilities"], np.stack([1 - scores, scores], 1), rtol=1e-5)
    assert found["class_ids"].tolist() == [[int(one)] for one in chosen]
    assert found["classes"].tolist() == [[b"yes" if one else b"no"] for one in chosen]
    share = np.average(true, weights=WEIGHTS)
    expected = {
        "accuracy": np.average(true == chosen, weights=WEIGHTS),
        "precision": np.average(true[chosen], weights=WEIGHTS[chosen]),
        "recall": np.average(chosen[true == 1], weights=WEIGHTS[true == 1]),
        "accuracy/positive_threshold_0.25": np.average(true == (scores > 0.25), weights=WEIGHTS),
        "label/mean": share,
        "prediction/mean": np.average(scores, weights=WEIGHTS),
        "accuracy_baseline": max(share, 1 - share),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-5, err_msg=name)
    above = scores[true == 1][:, None] > scores[true == 0]
    pairs = WEIGHTS[true == 1][:, None] * WEIGHTS[true == 0]
    np.testing.assert_allclose(metrics["auc"], (above * pairs).sum() / pairs.sum(), atol=0.02)


def test_many_classes_sparse_labels_and_a_loss_of_ones_own():
    with tf.Graph().as_default():
        head = class_heads.MultiClassHead(3, label_vocabulary=["a", "b", "c"])
        words = tf.constant(np.array(["a", "b", "c"])[MANY])
        _, found, metrics = evaluated(spec_of(head, "eval", LOGITS, words))
        np.testing.assert_allclose(found["probabilities"], softmax(LOGITS), rtol=1e-5)
        assert found["classes"].tolist() == [["abc"[i].encode()] for i in LOGITS.argmax(1)]
        np.testing.assert_allclose(metrics["accuracy"], np.mean(LOGITS.argmax(1) == MANY))
        sparse = tf.SparseTensor([[i, 0] for i in range(ROWS)], MANY, [ROWS, 1])
        loss, *_ = evaluated(spec_of(class_heads.MultiLabelHead(3), "eval", LOGITS, sparse))
        np.testing.assert_allclose(loss, binary_losses(np.eye(3)[MANY], LOGITS).mean(), rtol=1e-5)
        words = tf.SparseTensor(sparse.indices, np.array(["a", "b", "c"])[MANY], [ROWS, 1])
        head = class_heads.MultiLabelHead(3, thresholds=[0.4], label_vocabulary=["a", "b", "c"])
        loss, _, metrics = evaluated(spec_of(head, "eval", LOGITS, words))
        np.testing.assert_allclose(loss, binary_losses(np.eye(3)[MANY], LOGITS).mean(), rtol=1e-5)
        right = (sigmoid(LOGITS) > 0.4) == np.eye(3)[MANY]
        np.testing.assert_allclose(metrics["accuracy/positive_threshold_0.4"], right.mean())
        head = heads.RegressionHead(
            3, loss_fn=lambda labels, logits: tf.abs(labels - logits), inverse_link_fn=tf.exp
        )
        loss, found, _ = evaluated(spec_of(head, "eval", LOGITS, NUMBERS))
        np.testing.assert_allclose(loss, np.abs(LOGITS - NUMBERS).mean(), rtol=1e-5)
        np.testing.assert_allclose(found["predictions"], np.exp(LOGITS), rtol=1e-5)


def test_training_ops_outputs_and_errors():
    with tf.Graph().as_default(), open_session() as session:
        step = tf.train.create_global_step()
        x = tf.get_variable("x", initializer=LOGITS)
        head = heads.RegressionHead(3)
        given = {"features": {}, "mode": "train", "logits": x, "labels": tf.constant(NUMBERS)}
        optimizer = tf.train.GradientDescentOptimizer(1.0)
        more = {"regularization_losses": [tf.constant(2.0)]}
        spec = head.create_estimator_spec(optimizer=optimizer, **more, **given)
        session.run(tf.global_variables_initializer())
        loss, _ = session.run([spec.loss, spec.train_op])
        np.testing.assert_allclose(loss, np.mean((LOGITS - NUMBERS) ** 2) + 2, rtol=1e-5)
        moved = LOGITS - 2 * (LOGITS - NUMBERS) / LOGITS.size
        np.testing.assert_allclose(session.run(x), moved, rtol=1e-5)
        assert session.run(step) == 1
        mine = head.create_estimator_spec(train_op_fn=lambda loss: tf.assign_add(step, 5), **given)
        assert session.run(mine.train_op) == 6
        with pytest.raises(ValueError, match="cannot both be None"):
            head.create_estimator_spec(**given)
        outputs = spec_of(
            class_heads.BinaryClassHead(), "infer", LOGITS[:, :1], None
        ).export_outputs
        assert sorted(outputs) == ["classification", "predict", "regression", "serving_default"]
        bad = spec_of(class_heads.MultiClassHead(3), "eval", LOGITS, MANY + 1).loss
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"Labels must be in \[0, 3\)"):
            session.run(bad)
    for make, said in (
        (lambda: class_heads.MultiClassHead(2), "n_classes must be > 2"),
        (lambda: class_heads.BinaryClassHead(label_vocabulary=["a"]), "label_vocabulary must be"),
        (lambda: class_heads.BinaryClassHead(thresholds=[1.0]), r"not in \(0, 1\)"),
        (lambda: heads.RegressionHead(loss_reduction="none"), "Invalid loss_reduction"),
    ):
        with pytest.raises(ValueError, match=said):
            make()


def settings_of(folder):
    """Of a run whose graphs are run as they are: see `open_session`."""
    session_config = tf.ConfigProto()
    session_config.graph_options.rewrite_options.disable_meta_optimizer = True
    return est.RunConfig(str(folder), tf_random_seed=1, session_config=session_config)


X = random.uniform(-1, 1, size=[64, 2]).astype(np.float32)
COLUMN = tf.feature_column.numeric_column("x", [2])
ABOVE = (X.sum(1) > 0).astype(np.int64)
READY_MADE = {
    "layers": (lambda **more: est.DNNClassifier([8], [COLUMN], dropout=0.1, **more), ABOVE),
    "normalized": (lambda **more: est.DNNClassifier([8], [COLUMN], batch_norm=True, **more), ABOVE),
    "linear": (lambda **more: est.LinearClassifier([COLUMN], **more), ABOVE),
    "layers, numbers": (lambda **more: est.DNNRegressor([8], [COLUMN], **more), X.sum(1)),
    "linear, numbers": (lambda **more: est.LinearRegressor([COLUMN], **more), X.sum(1)),
}


@pytest.mark.parametrize("case", READY_MADE)
def test_ready_made_estimators_learn(case, tmp_path):
    make, labels = READY_MADE[case]
    model = make(config=settings_of(tmp_path))
    rows = est.inputs.numpy_input_fn({"x": X}, labels, 64, num_epochs=None, shuffle=False)
    model.train(rows, steps=150)
    found = model.evaluate(rows, steps=1)
    np.testing.assert_allclose(found["loss"], 64 * found["average_loss"], rtol=1e-4)
    if labels is ABOVE:
        assert found["accuracy"] > 0.9
    else:
        assert found["average_loss"] < 0.1
    names = {name for name in model.get_variable_names() if "/kernel" in name or "/bias" in name}
    layers = {f"dnn/{layer}/{part}" for layer in ("hiddenlayer_0", "logits") for part in names_of}
    if isinstance(model, ready_made.DNNEstimator):
        assert {name for name in names if "Adagrad" not in name} == layers
    else:
        assert "linear/linear_model/bias_weights" in model.get_variable_names()


names_of = ("kernel", "bias")


def sequences():
    """Whether a word came, in sequences of one to four words; beside them a number."""
    draw = np.random.default_rng(1)
    texts = [list(draw.choice(list("abcd"), size=draw.integers(1, 5))) for _ in range(64)]
    places = [[i, j] for i, text in enumerate(texts) for j in range(len(text))]
    words = [word for text in texts for word in text]
    features = {"words": tf.SparseTensor(places, words, [64, 4]), "x": tf.constant(X)}
    return features, tf.constant([["yes" if "a" in text else "no"] for text in texts])


@pytest.mark.parametrize(
    "kind",
    ["lstm", "a cell of one's own", pytest.param("a Keras cell", marks=pytest.mark.long)],
)
def test_recurrent_estimators_learn(kind, tmp_path):
    words = tf.feature_column.sequence_categorical_column_with_vocabulary_list("words", "abcd")
    columns = [tf.feature_column.embedding_column(words, 4)], [COLUMN]
    if kind == "lstm":
        settings = {"num_units": [6, 5], "cell_type": kind}
    elif kind == "a Keras cell":
        keras = pytest.importorskip("tf_keras")
        settings = {"rnn_cell": keras.layers.GRUCell(6)}
    else:
        settings = {"rnn_cell_fn": lambda mode: module_at("nn.rnn_cell").served("LSTMCell")(6)}
    model = rnn_estimator.RNNClassifier(
        *columns,
        label_vocabulary=["no", "yes"],
        optimizer=lambda: tf.train.AdamOptimizer(0.02),
        config=settings_of(tmp_path),
        **settings,
    )
    model.train(sequences, steps=100)
    assert model.evaluate(sequences, steps=1)["accuracy"] > 0.95
    prefix = {
        "lstm": "multi_rnn_cell/cell_1/basic_lstm_cell/kernel",
        "a Keras cell": "gru_cell/kernel",
    }.get(kind, "lstm_cell/kernel")
    assert {f"rnn/rnn/{prefix}", "rnn/logits/dense/kernel"} <= set(model.get_variable_names())
    first = model.get_variable_value(f"rnn/rnn/{prefix.replace('cell_1', 'cell_0')}")
    inner = 0 if kind == "a Keras cell" else 6
    assert first.shape[0] == 4 + 2 + inner  # vectors of words, the number of all steps, the state


@pytest.mark.long
@pytest.mark.parametrize(
    ("case", "optimizer"),
    [
        ("layers", tf.train.AdagradOptimizer),
        ("normalized", tf.train.AdagradOptimizer),
        ("linear", tf.train.FtrlOptimizer),
    ],
)
def test_names_of_optimizers_and_what_training_alone_does(case, optimizer, tmp_path):
    rows = est.inputs.numpy_input_fn({"x": X}, ABOVE, 64, num_epochs=None, shuffle=False)
    rate = 0.2 if case == "linear" else 0.05
    seen, losses = [], []

    class Seen(tf.train.SessionRunHook):
        def begin(self):
            names = [op.name for op in tf.get_default_graph().get_operations()]
            seen.append(any("/dropout/" in name for name in names))

    for name, more in (("by name", {}), ("by instance", {"optimizer": lambda: optimizer(rate)})):
        model = READY_MADE[case][0](config=settings_of(tmp_path / name), **more)
        model.train(rows, hooks=[Seen()], steps=3)
        losses.append(model.evaluate(rows, steps=1, hooks=[Seen()])["loss"])
    if case == "layers":
        assert seen == [True, False] * 2
    else:
        np.testing.assert_allclose(*losses, rtol=1e-5)
    if case == "normalized":
        moved = model.get_variable_value("dnn/hiddenlayer_0/batchnorm_0/moving_variance")
        assert (moved != 1).all()


def test_gradients_of_named_optimizers_are_clipped(monkeypatch, tmp_path):
    clipped = []
    monkeypatch.setattr(
        ready_made,
        "clip_gradients_by_norm",
        lambda optimizer, norm: clipped.append(norm) or optimizer,
    )
    words = tf.feature_column.sequence_categorical_column_with_vocabulary_list("words", "abcd")
    column = tf.feature_column.embedding_column(words, 2)
    for name, optimizer in (("a", "SGD"), ("b", tf.train.GradientDescentOptimizer(0.1))):
        head = class_heads.BinaryClassHead(label_vocabulary=["no", "yes"])
        model = rnn_estimator.RNNEstimator(
            head, [column], num_units=2, optimizer=optimizer, config=settings_of(tmp_path / name)
        )
        model.train(sequences, steps=1)
    assert clipped == [5.0]


def signatures_in(folder):
    """Of each signature its method, and the names of what goes in and out."""
    with tf.Graph().as_default(), open_session() as session:
        found = tf.saved_model.loader.load(session, ["serve"], folder.decode()).signature_def
    return {
        key: (one.method_name.rpartition("/")[2], sorted(one.inputs), sorted(one.outputs))
        for key, one in found.items()
    }


def test_outputs_are_served_by_the_names_that_serving_knows(tmp_path):
    def numbers():
        x = tf.placeholder(tf.float32, [None, 2])
        return est.export.ServingInputReceiver({"x": x}, {"given": x})

    examples = est.export.build_parsing_serving_input_receiver_fn(
        {"x": tf.FixedLenFeature([2], tf.float32)}
    )
    rows = est.inputs.numpy_input_fn({"x": X}, ABOVE, 64, num_epochs=None, shuffle=False)
    model = est.DNNClassifier([2], [COLUMN], config=settings_of(tmp_path / "model"))
    model.train(rows, steps=1)
    named, plain = (
        signatures_in(model.export_saved_model(str(tmp_path / "out"), receiver))
        for receiver in (examples, numbers)
    )
    served = ("classify", ["inputs"], ["classes", "scores"])
    assert named["serving_default"] == named["classification"] == served
    assert named["regression"] == ("regress", ["inputs"], ["outputs"])
    assert named["predict"][:2] == ("predict", ["examples"])
    assert list(plain) == ["predict"]  # of numbers that are no serialized examples
    assert plain["predict"][1] == ["given"]


def test_a_head_may_get_each_step(tmp_path):
    words = tf.feature_column.sequence_categorical_column_with_vocabulary_list("words", "abcd")
    model = rnn_estimator.RNNEstimator(
        heads.RegressionHead(),
        [tf.feature_column.embedding_column(words, 2)],
        num_units=3,
        config=settings_of(tmp_path),
        return_sequences=True,
    )
    model.train(lambda: (sequences()[0], tf.ones([64, 4, 1])), steps=1)
    assert next(model.predict(lambda: sequences()[0]))["predictions"].shape == (4, 1)


def test_what_recurrent_estimators_refuse():
    make = rnn_estimator.RNNEstimator
    head = class_heads.BinaryClassHead()
    with pytest.raises(ValueError, match="must not be specified beside a cell"):
        make(head, [], num_units=3, rnn_cell_fn=lambda mode: None)
    with pytest.raises(ValueError, match="num_units must be specified"):
        make(head, [])
    served = module_at("contrib.estimator").served
    assert served("RNNEstimator") is make
    assert served("multi_class_head") is class_heads.MultiClassHead
