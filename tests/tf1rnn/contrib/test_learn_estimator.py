"""`tf.contrib.learn`'s estimators: model functions of two arguments, arrays, monitors."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1rnn import compat
from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import estimator as tf1rnn_estimator
from tf1rnn.contrib.estimator import monitors

learn = module_at("contrib.learn")
X = np.array([[1.0], [2.0], [3.0], [4.0]])
Y = 3 * X[:, 0]


@pytest.fixture(scope="module", autouse=True)
def switched_back():
    """Some of the names switch TensorFlow 1's behaviour on."""
    yield
    compat.uninstall()


def model_fn(features, targets):
    """Is asked for predictions with placeholders as targets."""
    assert targets.dtype == features.dtype == tf.float64 and targets.shape.rank == 1
    w = tf.get_variable("w", [], tf.float64, tf.ones_initializer())
    predictions = w * features[:, 0]
    loss = tf.reduce_mean(tf.square(predictions - targets))
    step = tf.train.get_global_step()
    train_op = tf.train.GradientDescentOptimizer(0.01).minimize(loss, global_step=step)
    return {"y": predictions}, loss, train_op


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An estimator after some steps on all rows, and the monitor that looked on."""
    folder = str(tmp_path_factory.mktemp("model"))
    config = learn.RunConfig(model_dir=folder, save_checkpoints_steps=2, gpu_memory_fraction=0.5)
    monitor = learn.monitors.ValidationMonitor(
        X, -Y, every_n_steps=2.0, early_stopping_rounds=2, check_interval_secs=0
    )
    estimator = learn.Estimator(model_fn, config=config)
    return estimator.fit(X, Y, steps=8, monitors=[monitor]), monitor


def test_arrays_are_given_whole_and_predictions_come_row_by_row(trained):
    w = 1.0
    for _ in range(int(trained[0].get_variable_value("global_step"))):
        w -= 0.01 * np.mean(2 * X[:, 0] * (w * X[:, 0] - Y))
    rows = list(trained[0].predict(X, batch_size=3))
    np.testing.assert_allclose([row["y"] for row in rows], w * X[:, 0], rtol=1e-6)
    joined = learn.SKCompat(trained[0]).predict(X, batch_size=3)
    np.testing.assert_allclose(joined["y"], w * X[:, 0], rtol=1e-6)


def test_a_monitor_stops_what_gets_worse(trained):
    estimator, monitor = trained
    assert monitor.early_stopped and monitor.best_step < 8
    assert int(estimator.get_variable_value("global_step")) < 8


def test_metrics_are_asked_for_by_name(trained):
    def far(predictions, labels):
        return tf.reduce_max(tf.abs(predictions - labels))

    wanted = {
        ("far", "y"): far,
        "mse": learn.MetricSpec(tf.metrics.mean_squared_error, prediction_key="y"),
    }
    found = trained[0].evaluate(X, Y, metrics=wanted)
    error = trained[0].get_variable_value("w") * X[:, 0] - Y
    np.testing.assert_allclose(found["far"], np.abs(error).max(), rtol=1e-6)
    np.testing.assert_allclose([found["mse"], found["loss"]], [np.mean(error**2)] * 2, rtol=1e-6)


def test_an_experiment_is_run_by_the_name_of_its_schedule(trained):
    def experiment_fn(run_config, hparams):
        given = learn.io.numpy_input_fn(X, Y, shuffle=False)
        return learn.Experiment(trained[0], given, given, eval_steps=hparams)

    found = learn.learn_runner.run(
        experiment_fn, run_config=trained[0].config, schedule="evaluate", hparams=1
    )
    assert found["global_step"] > 0


def core_model_fn(features, labels, mode):
    predictions, loss, train_op = model_fn(features, labels)
    return tf1rnn_estimator.EstimatorSpec(mode, predictions, loss, train_op)


class Counting(tf.train.SessionRunHook):
    """Of the evaluations that it is a hook of."""

    def __init__(self):
        self.steps = []

    def end(self, session):
        self.steps.append(int(session.run(tf.train.get_global_step())))


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"check_interval_secs": 0}, [0, 2, 4, 6, 6]),
        ({"check_interval_secs": 0, "min_eval_frequency": 4}, [4, 6]),
        ({"check_interval_secs": 1000}, [0, 6]),
        ({"min_eval_frequency": 0}, [6]),
    ],
)
@pytest.mark.parametrize("kind", ["core", "learn"])
def test_an_experiment_evaluates_new_checkpoints_while_it_trains(kind, settings, steps, tmp_path):
    config = learn.RunConfig(model_dir=str(tmp_path), save_checkpoints_steps=2)
    kinds = {
        "core": (tf1rnn_estimator.Estimator, core_model_fn),
        "learn": (learn.Estimator, model_fn),
    }
    cls, function = kinds[kind]
    hook = Counting()
    experiment = learn.Experiment(
        cls(function, config=config),
        learn.io.numpy_input_fn(X, Y, batch_size=4, num_epochs=None, shuffle=False),
        learn.io.numpy_input_fn(X, Y, batch_size=4, num_epochs=1, shuffle=False),
        train_steps=6,
        eval_hooks=[hook],
        **settings,
    )
    found, exported = experiment.train_and_evaluate()
    assert (found["global_step"], exported) == (6, [])
    assert hook.steps == steps


class Watching(monitors.EveryN):
    """Notes what it is told, and stops."""

    def __init__(self, *args):
        super().__init__(*args)
        self.told = []

    def begin(self, max_steps=None):
        self.told.append("begin")

    def every_n_step_begin(self, step):
        return ["w", tf.get_default_graph().get_tensor_by_name("w:0")] if step > 1 else []

    def every_n_step_end(self, step, outputs):
        values = {name if isinstance(name, str) else "itself" for name in outputs}
        self.told.append((step, values))
        return step == 7

    def every_n_post_step(self, step, session):
        self.told.append(int(session.run(tf.train.get_global_step(session.graph))))

    def end(self, session=None):
        self.told.append("end")


def test_monitors_are_told_of_steps(tmp_path, monkeypatch):
    def trained(*given):
        model = learn.Estimator(model_fn, str(tmp_path / str(len(list(tmp_path.iterdir())))))
        model.fit(X, Y, steps=20, monitors=list(given))
        return model, model.get_variable_value("global_step")

    both, watching = {"w", "itself"}, Watching(3, 1)
    _, last = trained(watching)
    assert last == 7 and watching._estimator is not None
    seen = [(1, set()), 1, (4, both), 4, (7, both), 7]
    assert watching.told == ["begin", *seen, "end"]
    for settings, step in (({"num_steps": 3}, 3), ({"last_step": 5}, 5)):
        assert trained(monitors.StopAtStep(**settings))[1] == step
    with pytest.raises(ValueError, match="Exactly one of num_steps and last_step"):
        monitors.StopAtStep()
    said = []
    monkeypatch.setattr(tf.logging, "info", lambda text, *args: said.append(text % args))
    trained(monitors.PrintTensor({"weight": "w:0"}, 2, 1), monitors.StopAtStep(3))
    lines = [line for line in said if line.startswith("Step")]
    assert [line.partition(":")[0] for line in lines] == ["Step 1", "Step 3"]
    assert "weight = 1" in lines[0]


def test_a_loss_that_is_no_number_stops_or_fails():
    outputs = {"loss": np.nan}
    monitor = monitors.NanLoss("loss", every_n_steps=1)
    assert not monitor.every_n_step_end(1, {"loss": 1.0})
    with pytest.raises(tf.train.NanLossDuringTrainingError):
        monitor.every_n_step_end(1, outputs)
    assert monitors.NanLoss("loss", 1, False).every_n_step_end(1, outputs)
    hook = tf.train.StopAtStepHook(1)
    assert monitors.replace_monitors_with_hooks(hook, None) == [hook]


@pytest.mark.parametrize("kind", ["InputFnOps", "receiver"])
def test_an_experiment_exports_and_keeps_the_newest(kind, tmp_path):
    def serving_input_fn():
        x = tf.placeholder(tf.float64, [None, 1])
        if kind == "receiver":
            return tf1rnn_estimator.export.ServingInputReceiver(x, {"x": x})
        return learn.utils.input_fn_utils.InputFnOps(x, None, {"x": x})

    make = learn.utils.saved_model_export_utils.make_export_strategy
    estimator = learn.Estimator(model_fn, str(tmp_path))
    given = learn.io.numpy_input_fn(X, Y, batch_size=4, num_epochs=None, shuffle=False)
    experiment = learn.Experiment(
        estimator,
        given,
        given,
        train_steps=2,
        eval_steps=1,
        export_strategies=[make(serving_input_fn, exports_to_keep=1)],
    )
    paths = [experiment.train_and_evaluate()[1][0].decode() for _ in range(2)]
    assert [str(path) for path in (tmp_path / "export" / "Servo").iterdir()] == paths[1:]
    predict = module_at("contrib.predictor").from_saved_model(paths[1])
    with predict.session:
        found = predict({"x": X})
    np.testing.assert_allclose(found["y"], estimator.get_variable_value("w") * X[:, 0])


def test_regressions_are_a_layer_and_a_loss():
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = tf.constant(X), tf.constant(Y)
        line = learn.models.linear_regression(x, y, init_mean=2.0, init_stddev=0.0)
        hot = tf.constant(np.eye(2)[[0, 1, 1, 0]])
        classes = learn.models.logistic_regression(x, hot, init_mean=0.0, init_stddev=0.0)
        session.run(tf.global_variables_initializer())
        (predictions, loss), (probabilities, entropy) = session.run([line, classes])
    np.testing.assert_allclose(predictions, 2 * X[:, 0] + 2)
    np.testing.assert_allclose(loss, np.mean((2 * X[:, 0] + 2 - Y) ** 2), rtol=1e-6)
    np.testing.assert_allclose(probabilities, np.full([4, 2], 0.5))
    np.testing.assert_allclose(entropy, np.log(2), rtol=1e-6)
