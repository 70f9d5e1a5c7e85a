"""`tf.contrib.estimator`'s hooks that end a training by what evaluations have found."""

from collections import OrderedDict

import pytest
import tensorflow.compat.v1 as tf

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import estimator as est

hooks = module_at("contrib.estimator")
FOUND = {10: 0.5, 20: 0.7, 30: 0.6, 40: 0.7, 50: 0.2}


def model_fn(features, labels, mode):
    step = tf.train.get_global_step()
    return est.EstimatorSpec(mode, None, tf.constant(0.0), tf.assign_add(step, 1))


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    """One with evaluations at some global steps, and one of another name."""
    estimator = est.Estimator(model_fn, str(tmp_path_factory.mktemp("model")))
    for name, found in ((None, FOUND), ("other", {5: 9.0})):
        for step, value in found.items():
            estimator._write({"f1": value, "loss": 1 - value, "global_step": step}, name)
    return estimator


def steps_until(hook):
    """How many steps of twelve are taken under a hook."""
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        count = tf.assign_add(step, 1)
        with tf.train.SingularMonitoredSession([hook]) as session:
            for taken in range(12):
                if session.should_stop():
                    return taken
                session.run(count)
    return 12


def test_metrics_are_read_by_step(estimator):
    found = hooks.read_eval_metrics(estimator.eval_dir())
    assert isinstance(found, OrderedDict) and list(found) == list(FOUND)
    assert found[20] == pytest.approx({"f1": 0.7, "loss": 0.3})
    assert list(hooks.read_eval_metrics(estimator.eval_dir("other"))) == [5]
    assert not hooks.read_eval_metrics(estimator.eval_dir("nowhere"))


@pytest.mark.parametrize(
    ("name", "metric", "limit", "options", "stops"),
    [
        ("higher", "f1", 0.65, {}, True),
        ("higher", "f1", 0.75, {}, False),
        ("higher", "f1", 0.65, {"min_steps": 41}, False),
        ("lower", "f1", 0.3, {}, True),
        ("lower", "f1", 0.1, {}, False),
        ("no_increase", "f1", 30, {}, True),  # 0.7 at step 20, equalled but not passed
        ("no_increase", "f1", 31, {}, False),
        ("no_increase", "f1", 20, {"min_steps": 30}, False),  # 0.6 at 30, 0.7 at 40
        ("no_decrease", "loss", 30, {}, True),
        ("no_decrease", "f1", 40, {}, False),  # it falls at 50
        ("no_decrease", "f1", 10, {}, True),
        ("higher", "f1", 8.0, {"eval_dir": "other"}, True),
    ],
)
def test_a_training_ends_when_it_should(estimator, name, metric, limit, options, stops):
    if "eval_dir" in options:
        options = {"eval_dir": estimator.eval_dir(options["eval_dir"])}
    make = getattr(hooks, f"stop_if_{name}_hook")
    hook = make(estimator, metric, limit, run_every_secs=None, run_every_steps=1, **options)
    assert steps_until(hook) == (1 if stops else 12)


def test_it_is_asked_as_often_as_was_said(estimator):
    asked = []

    def third_time():
        asked.append(1)
        return len(asked) == 3

    make = est.experimental.make_early_stopping_hook
    hook = make(estimator, third_time, run_every_secs=None, run_every_steps=4)
    assert steps_until(hook) == 9  # asked after 1, 5 and 9
    hook = make(estimator, lambda: asked.append(1), run_every_secs=1000)
    assert steps_until(hook) == 12 and len(asked) == 4
    with pytest.raises(ValueError, match="Can not provide both"):
        make(estimator, third_time, run_every_secs=1, run_every_steps=1)
