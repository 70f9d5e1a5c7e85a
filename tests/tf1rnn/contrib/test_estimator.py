"""`tf.estimator.Estimator`: trained, evaluated, asked and exported, against NumPy."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1rnn.contrib import estimator as est
from tf1rnn.contrib import predictor

X = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]], np.float32)
Y = 3 * X[:, 0]
RATE = 0.01


def model_fn(features, labels, mode, params):
    """y = w x, with the mean squared error, and one step of gradient descent at a time."""
    w = tf.get_variable("w", [], initializer=tf.constant_initializer(params["start"]))
    predicted = features["x"][:, 0] * w
    if mode == est.ModeKeys.PREDICT:
        assert labels is None
        return est.EstimatorSpec(mode, predictions={"y": predicted, "twice": 2 * predicted})
    loss = tf.reduce_mean(tf.square(predicted - labels))
    step = tf.train.get_global_step()
    train_op = tf.train.GradientDescentOptimizer(RATE).minimize(loss, global_step=step)
    metrics = {"far": tf.metrics.mean_absolute_error(labels, predicted)}
    return est.EstimatorSpec(mode, None, loss, train_op, metrics)


def given(batch_size=5, num_epochs=1):
    return est.inputs.numpy_input_fn({"x": X}, Y, batch_size, num_epochs, shuffle=False)


def descended(w, steps):
    for _ in range(steps):
        w -= RATE * np.mean(2 * X[:, 0] * (w * X[:, 0] - Y))
    return w


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("model"))
    config = est.RunConfig(folder, save_checkpoints_steps=2, keep_checkpoint_max=2)
    return est.Estimator(model_fn, config=config, params={"start": 1.0}).train(
        given(num_epochs=None), steps=3
    )


def test_the_log_says_what_is_done_and_the_last_loss(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(tf.logging, "info", lambda text, *given: said.append(text % given))
    estimator = est.Estimator(model_fn, str(tmp_path), params={"start": 0.0})
    estimator.train(given(), steps=1)
    assert said == ["Calling model_fn.", "Done calling model_fn.", "Loss for final step: 99.0."]
    estimator.evaluate(given())
    assert said[3:5] == ["Calling model_fn.", "Done calling model_fn."]
    assert [text.split(" at ")[0] for text in said[5:7]] == [
        "Starting evaluation",
        "Finished evaluation",
    ]


def test_training_takes_the_steps_and_goes_on_from_its_checkpoint(trained):
    assert trained.latest_checkpoint().endswith("model.ckpt-3")
    np.testing.assert_allclose(trained.get_variable_value("w"), descended(1.0, 3), rtol=1e-5)
    assert set(trained.get_variable_names()) == {"w", "global_step"}
    trained.train(given(num_epochs=2))  # until the input ends
    np.testing.assert_allclose(trained.get_variable_value("w:0"), descended(1.0, 5), rtol=1e-5)
    before = trained.latest_checkpoint()
    trained.train(given(), max_steps=4)  # which is over
    assert trained.latest_checkpoint() == before


def test_evaluation_is_the_mean_over_batches(trained):
    w = float(trained.get_variable_value("w"))
    found = trained.evaluate(given(batch_size=2))
    error = np.abs(w * X[:, 0] - Y)
    batches = [np.mean(part**2) for part in (error[:2], error[2:4], error[4:])]
    np.testing.assert_allclose(found["loss"], np.mean(batches), rtol=1e-5)
    np.testing.assert_allclose(found["far"], np.mean(error), rtol=1e-5)
    assert found["global_step"] == int(trained.get_variable_value("global_step"))
    first = trained.evaluate(given(batch_size=2), steps=1)
    np.testing.assert_allclose(first["far"], np.mean(error[:2]), rtol=1e-5)


def test_predictions_come_row_by_row(trained):
    w = float(trained.get_variable_value("w"))
    rows = list(trained.predict(given(batch_size=2), predict_keys=["y"]))
    assert [set(row) for row in rows] == [{"y"}] * 5
    np.testing.assert_allclose([row["y"] for row in rows], w * X[:, 0], rtol=1e-6)


def test_training_and_evaluation_take_turns(tmp_path):
    config = est.RunConfig(str(tmp_path), save_checkpoints_steps=4)
    estimator = est.Estimator(model_fn, config=config, params={"start": 2.0})
    seen = []

    def eval_fn():
        seen.append(estimator.latest_checkpoint().rpartition("-")[2])
        return given()()

    eval_spec = est.EvalSpec(eval_fn, steps=None, throttle_secs=0)
    train_spec = est.TrainSpec(given(num_epochs=None), max_steps=5)
    found, exported = est.train_and_evaluate(estimator, train_spec, eval_spec)
    assert seen[-1] == "5" and len(seen) == len(set(seen)) >= 2 and exported == []
    error = descended(2.0, 5) * X[:, 0] - Y
    np.testing.assert_allclose(found["loss"], np.mean(error**2), rtol=1e-4)


class Noting(est.Exporter):
    """Notes what it is called with."""

    name = "notes"

    def __init__(self):
        self.calls = []

    def export(self, estimator, export_path, checkpoint_path, eval_result, is_the_final_export):
        step = int(checkpoint_path.rpartition("-")[2])
        assert eval_result["global_step"] == step and export_path.endswith("export/notes")
        self.calls.append((step, eval_result["loss"], is_the_final_export))
        return step


def test_exporters_are_asked_after_each_evaluation(tmp_path):
    receiver_fn = est.export.build_raw_serving_input_receiver_fn({"x": tf.zeros([1, 1])})
    config = est.RunConfig(str(tmp_path), save_checkpoints_steps=1)
    notes = Noting()

    def worse(best_eval_result, current_eval_result):
        return current_eval_result["loss"] > best_eval_result["loss"]

    exporters = [
        notes,
        est.LatestExporter("latest", receiver_fn, exports_to_keep=2),
        est.FinalExporter("final", receiver_fn),
        est.BestExporter("best", receiver_fn),
        est.BestExporter("worst", receiver_fn, compare_fn=worse),
    ]
    found, exported = est.train_and_evaluate(
        est.Estimator(model_fn, config=config, params={"start": 2.0}),
        est.TrainSpec(given(num_epochs=None), max_steps=3),
        est.EvalSpec(given(), throttle_secs=0, exporters=exporters),
    )
    steps, losses, is_last = zip(*notes.calls, strict=True)
    assert steps[-1] == 3 and list(is_last) == [False] * (len(steps) - 1) + [True]
    assert list(losses) == sorted(losses, reverse=True), "it learns"
    there = {path.name: len(list(path.iterdir())) for path in (tmp_path / "export").iterdir()}
    times = len(steps)
    assert times == len(set(steps)), "a checkpoint is exported once"
    assert there == {"latest": 2, "final": 1, "best": times, "worst": 1}
    assert exported[0] == 3 and exported[4] is None and found["global_step"] == 3
    with pytest.raises(ValueError, match="must be positive"):
        est.LatestExporter("none", receiver_fn, exports_to_keep=0)


def test_the_best_is_that_of_earlier_trainings_too(trained):
    class Saved:
        model_dir = trained.model_dir

        def export_saved_model(self, *args, **options):
            return b"written"

    trained._write({"loss": 0.5, "global_step": 1}, "of_before")
    for pattern, written in (("eval_of_before/*", None), (None, b"written")):
        exporter = est.BestExporter("b", None, pattern, exports_to_keep=None)
        folder = trained.model_dir
        best = exporter.export(Saved(), folder, "c", {"loss": 0.6, "global_step": 2}, False)
        assert best == written


def test_a_model_function_gets_its_arguments_by_name(tmp_path):
    def turned(params, mode, labels, features):
        return model_fn(features, labels, mode, params)

    estimator = est.Estimator(turned, str(tmp_path), params={"start": 1.0}).train(given(), steps=1)
    np.testing.assert_allclose(estimator.get_variable_value("w"), descended(1.0, 1), rtol=1e-5)
    with pytest.raises(ValueError, match="does not take labels"):
        est.Estimator(lambda features, mode: None).train(given())


def test_what_is_exported_predicts_the_same(trained, tmp_path):
    receiver = est.export.ServingInputReceiver

    def receiver_fn():
        x = tf.placeholder(tf.float32, [None, 1])
        return receiver({"x": x}, {"in": x})

    folder = trained.export_savedmodel(str(tmp_path), receiver_fn)
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, ["serve"], folder.decode())
        signature = meta.signature_def["serving_default"]
        y, x = signature.outputs["y"].name, signature.inputs["in"].name
        found = session.run(y, {x: X})
    np.testing.assert_allclose(found, X[:, 0] * trained.get_variable_value("w"), rtol=1e-6)


def test_a_predictor_of_an_estimator_predicts_the_same(trained):
    receive = est.export.build_raw_serving_input_receiver_fn({"x": tf.zeros([1, 1])})
    estimator = trained
    predict = predictor.from_estimator(estimator, receive)
    with predict.session:
        found = predict({"x": X})
    w = estimator.get_variable_value("w")
    np.testing.assert_allclose(found["y"], w * X[:, 0], rtol=1e-6)
    with pytest.raises(
        ValueError, match=r"\"other\". Available signatures are \['serving_default'\]"
    ):
        predictor.from_estimator(estimator, receive, "other")


def test_what_a_mode_needs_is_asked_for():
    with tf.Graph().as_default():
        with pytest.raises(ValueError, match="Missing train_op"):
            est.EstimatorSpec("train", loss=tf.constant(1.0))
        with pytest.raises(ValueError, match="Missing loss"):
            est.EstimatorSpec("eval")
        with pytest.raises(ValueError, match="Missing predictions"):
            est.EstimatorSpec("infer")
        with pytest.raises(ValueError, match="scalar"):
            est.EstimatorSpec("eval", loss=tf.zeros([2]))
        assert est.EstimatorSpec("eval", loss=tf.zeros([1])).loss.shape.rank == 0
    with pytest.raises(ValueError, match="shuffle"):
        est.inputs.numpy_input_fn(X, Y)
    with pytest.raises(ValueError, match="mismatched"):
        est.inputs.numpy_input_fn(X, Y[:2], shuffle=True)
    with pytest.raises(ValueError, match="both steps"):
        est.Estimator(model_fn, "/tmp").train(given(), steps=1, max_steps=1)
    with pytest.raises(ValueError, match="different values"):
        est.Estimator(model_fn, "a", est.RunConfig("b"))


def test_a_data_set_begins_after_the_variables_that_it_reads(tmp_path):
    def input_fn():
        limit = tf.get_variable(
            "limit", initializer=3, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES]
        )
        return tf.data.Dataset.range(tf.cast(limit, tf.int64)).map(lambda i: ({"x": i}, i))

    def model_fn(features, labels, mode):
        step = tf.train.get_global_step()
        loss = tf.cast(features["x"], tf.float32)
        with tf.control_dependencies([loss]):
            return est.EstimatorSpec(mode, None, loss, tf.assign_add(step, 1))

    model = est.Estimator(model_fn, str(tmp_path))
    model.train(input_fn)
    assert model.evaluate(input_fn) == {"loss": 1.0, "global_step": 3}


def test_hooks_see_what_has_been_saved(tmp_path):
    class Looking(tf.train.SessionRunHook):
        saved = ()

        def after_run(self, run_context, run_values):
            self.look()

        def end(self, session):
            self.look()

        def look(self):
            self.saved = (*self.saved, int(tf.train.latest_checkpoint(str(tmp_path))[-1]))

    def model_fn(features, labels, mode):
        step = tf.train.get_global_step()
        return est.EstimatorSpec(mode, None, tf.constant(0.0), tf.assign_add(step, 1))

    hook, config = Looking(), est.RunConfig(str(tmp_path), save_checkpoints_steps=2)
    est.Estimator(model_fn, config=config).train(lambda: tf.zeros([1]), [hook], steps=5)
    assert hook.saved == (0, 2, 2, 4, 4, 5)
