"""`tf.contrib.tpu` without TPUs: what `TPUEstimator` tells the functions, and takes from them."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import estimator as est
from tf1rnn.contrib import tpu
from tf1rnn.contrib.training import HParams

SIZES = {"train_batch_size": 4, "eval_batch_size": 3, "predict_batch_size": 2}


def input_fn(params):
    """Twelve rows, in batches of the size that is told."""
    x = np.arange(12, dtype=np.float32)
    rows = tf.data.Dataset.from_tensor_slices(({"x": x}, 2 * x))
    return rows.batch(told(params, "batch_size"), drop_remainder=True)


def told(params, name):
    return params[name] if isinstance(params, dict) else getattr(params, name)


def errors(labels, predictions):
    return {"mse": tf.metrics.mean_squared_error(labels, predictions)}


class Model:
    """Learns a factor, and keeps what it was told."""

    def __init__(self, metrics=None, **settings):
        self.metrics, self.settings = metrics, settings
        self.sizes, self.seen, self.scaffolds = [], [], 0

    def __call__(self, features, labels, mode, params):
        self.sizes.append((mode, told(params, "batch_size"), int(features["x"].shape[0])))
        assert told(params, "rate") == 0.001
        factor = tf.get_variable("factor", initializer=0.0)
        predictions = factor * features["x"]
        if mode == est.ModeKeys.PREDICT:
            return tpu.TPUEstimatorSpec(mode, {"y": predictions})
        loss = tf.reduce_mean((predictions - labels) ** 2)
        optimizer = tf.train.GradientDescentOptimizer(told(params, "rate"))
        step = tf.train.get_or_create_global_step()
        return tpu.TPUEstimatorSpec(
            mode,
            loss=loss,
            train_op=optimizer.minimize(loss, step),
            eval_metrics=self.metrics and (errors, self.metrics(labels, predictions)),
            scaffold_fn=self.scaffold,
            host_call=(self.kept, [step]),
        )

    def scaffold(self):
        self.scaffolds += 1
        return tf.train.Scaffold()

    def kept(self, step):
        return tf.py_func(lambda value: self.seen.append(int(value)), [step], [])


def made(model, folder, params, **settings):
    config = tpu.RunConfig(
        model_dir=str(folder), tpu_config=tpu.TPUConfig(iterations_per_loop=7), cluster=None
    )
    return tpu.TPUEstimator(model, None, config, params, use_tpu=False, **{**SIZES, **settings})


@pytest.mark.parametrize(
    "metrics",
    [lambda *tensors: tensors, lambda y, p: {"predictions": p, "labels": y}],
    ids=["list", "dict"],
)
@pytest.mark.parametrize("params", [{"rate": 0.001}, HParams(rate=0.001)], ids=["dict", "hparams"])
def test_functions_are_told_the_batch_size_of_the_mode(tmp_path, params, metrics):
    model = Model(metrics)
    estimator = made(model, tmp_path, params)
    estimator.train(input_fn, max_steps=3)
    found = estimator.evaluate(input_fn, steps=4)
    predicted = [row["y"] for row in estimator.predict(input_fn)]
    assert model.sizes == [("train", 4, 4), ("eval", 3, 3), ("infer", 2, 2)]
    assert "batch_size" not in estimator.params
    assert model.scaffolds == 2
    assert len(model.seen) == 3 + 4  # with each step of training and of evaluation
    factor = estimator.get_variable_value("factor")
    assert factor > 0
    np.testing.assert_allclose(predicted, factor * np.arange(12), rtol=1e-6)
    error = np.mean((2 - factor) ** 2 * np.arange(12) ** 2)
    np.testing.assert_allclose([found["mse"], found["loss"]], error, rtol=1e-5)


def test_what_cannot_be_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"provided with type `tpu_config\.RunConfig`"):
        tpu.TPUEstimator(Model(), config=est.RunConfig())
    with pytest.raises(ValueError, match="reserved keys"):
        made(Model(), tmp_path, {"batch_size": 3})
    with pytest.raises(ValueError, match=r"input_fn .* does not include params"):
        made(Model(), tmp_path, {}).train(lambda: None, max_steps=1)
    with pytest.raises(ValueError, match=r"model_fn .* does not include params"):
        made(lambda features, labels, mode: None, tmp_path, {}).train(input_fn, max_steps=1)
    with pytest.raises(ValueError, match="eval_metrics must be a tuple"):
        tpu.TPUEstimatorSpec("eval", loss=tf.zeros([]), eval_metrics=errors)


def test_paths_and_a_plain_specification(tmp_path):
    for path in ("contrib.tpu", "contrib.tpu.python.tpu.tpu_estimator", "estimator.tpu"):
        assert module_at(path).served("TPUEstimator") is tpu.TPUEstimator

    def model_fn(features, labels, mode, params):
        step = tf.train.get_or_create_global_step()
        return est.EstimatorSpec(mode, None, tf.constant(0.5), tf.assign_add(step, 1))

    estimator = made(model_fn, tmp_path, None)
    estimator.train(input_fn, max_steps=3)
    assert estimator.evaluate(input_fn, steps=1)["global_step"] == 3
