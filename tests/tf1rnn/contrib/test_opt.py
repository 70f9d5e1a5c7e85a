"""`tf.contrib.opt`: steps of the optimizers against NumPy, dense and sparse; distributions."""

import importlib.util
import sys
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.contrib import distributions, opt

START = np.array([[1.0, -2.0], [3.0, 0.5], [2.0, 4.0]])
ROWS = [2, 0, 2]  # one row has no gradient, and one has two


def trained(optimizer, sparse, steps=3, **options):
    """A variable after some steps down half its squares' sum, over all rows or some."""
    with tf.Graph().as_default():
        v = tf.get_variable("v", initializer=START)
        other = tf.get_variable("other", initializer=START)
        used = tf.gather(v, ROWS) if sparse else v
        chosen = [other] if options.pop("decay_other", False) else None
        loss = tf.reduce_sum(tf.square(used)) / 2 + 0.0 * tf.reduce_sum(other)
        step = optimizer.minimize(loss, **({"decay_var_list": chosen} if chosen else {}))
        with open_session() as session:
            session.run(tf.global_variables_initializer())
            for _ in range(steps):
                session.run(step)
            return session.run([v, other])


def slope(v, sparse):
    counts = np.bincount(ROWS, minlength=3) if sparse else np.ones(3)
    return v * counts[:, None]


def adam(sparse, steps=3, lazy=False, nesterov=False, decay=0.0, rate=0.1):
    """Adam by the formula of Kingma and Ba, with what its variants change."""
    v, m, s = START.copy(), np.zeros_like(START), np.zeros_like(START)
    touched = np.isin(np.arange(3), ROWS)[:, None] if sparse else np.ones([3, 1], bool)
    for t in range(1, steps + 1):
        g = slope(v, sparse)
        v = np.where(touched, v - decay * v, v)
        new_m, new_s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
        m, s = (np.where(touched, n, o) if lazy else n for n, o in ((new_m, m), (new_s, s)))
        direction = 0.9 * m + 0.1 * g if nesterov else m
        step = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * direction / (np.sqrt(s) + 1e-8)
        v = np.where(touched, v - step, v)
    return v


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("made", "variant"),
    [
        (lambda: opt.LazyAdamOptimizer(0.1), {"lazy": True}),
        (lambda: opt.NadamOptimizer(0.1), {"nesterov": True}),
        (lambda: opt.AdamWOptimizer(0.05, 0.1), {"decay": 0.05}),
    ],
)
def test_variants_of_adam_step_as_their_papers_say(made, variant, sparse):
    found, _ = trained(made(), sparse)
    np.testing.assert_allclose(found, adam(sparse, **variant), rtol=3e-5)


def test_momentum_decays_beside_the_loss():
    found, other = trained(opt.MomentumWOptimizer(0.05, 0.1, 0.9), False)
    v, speed = START.copy(), np.zeros_like(START)
    for _ in range(3):
        speed = 0.9 * speed + v
        v = v - 0.05 * v - 0.1 * speed
    np.testing.assert_allclose(found, v, rtol=1e-6)
    np.testing.assert_allclose(other, START * 0.95**3, rtol=1e-6)


def test_only_the_chosen_variables_decay():
    extended = opt.extend_with_decoupled_weight_decay(tf.train.GradientDescentOptimizer)
    found, other = trained(extended(0.05, 0.1), False, decay_other=True)
    np.testing.assert_allclose(found, START * 0.9**3, rtol=1e-6)
    np.testing.assert_allclose(other, START * 0.95**3, rtol=1e-6)


def test_averages_are_saved_in_the_variables_places(graph, tmp_path):
    v = tf.get_variable("v", initializer=4.0)
    optimizer = opt.MovingAverageOptimizer(tf.train.GradientDescentOptimizer(0.5), 0.75)
    with pytest.raises(RuntimeError, match="before creating the swapping_saver"):
        optimizer.swapping_saver()
    step = optimizer.minimize(tf.square(v) / 2)
    swapping, plain = optimizer.swapping_saver(), tf.train.Saver([v])
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        assert session.run(v) == 2.0
        path = swapping.save(session, str(tmp_path / "swapped"))
        plain.restore(session, path)
        assert session.run(v) == 3.5  # 3/4 of 4 and 1/4 of 2
        swapping.restore(session, path)
        assert session.run(v) == 2.0


@pytest.fixture
def package(monkeypatch):
    """A stand-in of tensorflow-probability."""
    found = types.ModuleType("tensorflow_probability")
    found.__spec__ = importlib.util.spec_from_loader(found.__name__, loader=None)
    found.distributions = types.SimpleNamespace(Normal="its own", Mixture="another")
    monkeypatch.setitem(sys.modules, found.__name__, found)


def test_distributions_are_those_of_the_package_where_it_is(package):
    assert (distributions.Normal, distributions.Mixture) == ("its own", "another")
    assert dir(distributions) == ["Mixture", "Normal"]


def test_a_mixture_of_normals_has_the_density_of_the_formula(graph):
    pytest.importorskip("tensorflow_probability")
    of = distributions.Categorical(probs=[0.25, 0.75])
    mixture = distributions.Mixture(of, [distributions.Normal(m, 1.0) for m in (0.0, 2.0)])
    with open_session() as session:
        density = session.run(mixture.prob(1.0))
    assert density == pytest.approx(np.exp(-0.5) / np.sqrt(2 * np.pi), rel=1e-5)


def test_distributions_without_the_package_are_those_that_tensorflow_has(graph, monkeypatch):
    monkeypatch.setattr(distributions, "_is_installed", lambda: False)
    normal = distributions.Normal(1.0, 2.0)
    with open_session() as session:
        density = session.run(normal.log_prob(3.0))
    assert density == pytest.approx(-0.5 - np.log(2 * np.sqrt(2 * np.pi)))
    assert {"Bernoulli", "Categorical"} <= set(dir(distributions))
