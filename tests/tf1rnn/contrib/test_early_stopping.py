"""`tf.contrib.estimator`'s hooks that end a training by what evaluations have found."""

from collections import OrderedDict

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import estimator as est
from tf1rnn.contrib.estimator import early_stopping as hooks
from tf1rnn.contrib.estimator import extenders, rnn_common

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


@pytest.mark.parametrize(("clip_norm", "moved"), [(1.0, [0.6, 0.8]), (10.0, [3.0, 4.0])])
def test_gradients_are_clipped_by_their_norm(clip_norm, moved):
    with tf.Graph().as_default(), open_session() as session:
        step = tf.train.get_or_create_global_step()
        variables = [tf.get_variable(name, initializer=0.0) for name in "xy"]
        optimizer = extenders.clip_gradients_by_norm(
            tf.train.MomentumOptimizer(1.0, 0.9), clip_norm
        )
        train_op = optimizer.minimize(-3 * variables[0] - 4 * variables[1], step)
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        np.testing.assert_allclose(session.run(variables), moved, rtol=1e-6)
        assert session.run(step) == 1
        assert optimizer.get_slot_names() == ["momentum"]
        np.testing.assert_allclose(
            session.run(optimizer.get_slot(variables[0], "momentum")), -moved[0], rtol=1e-6
        )


def test_context_is_given_to_each_step():
    join = rnn_common.concatenate_context_input
    path = "contrib.estimator.python.estimator.rnn"
    assert module_at(path).served("_concatenate_context_input") is join
    with tf.Graph().as_default(), open_session() as session:
        joined = session.run(join(tf.ones([2, 3, 1]), tf.constant([[4.0, 5.0], [6.0, 7.0]])))
    assert joined.tolist() == [[[1, 4, 5]] * 3, [[1, 6, 7]] * 3]


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
    served = module_at("contrib.estimator").served
    assert served("make_early_stopping_hook") is make
    assert served("clip_gradients_by_norm") is extenders.clip_gradients_by_norm
    with pytest.raises(ValueError, match="Can not provide both"):
        make(estimator, third_time, run_every_secs=1, run_every_steps=1)
