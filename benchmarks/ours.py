"""This toolkit's side of the benchmark, and the machine's limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.task import Make, Step, pairs
from config import PTBConfig
from training import command
from training.data import Minibatch

# Rows, inner size and columns of the products that show the machine's limit; all are equal work.
SHAPES = ((2048, 2048, 2048), (512, 2048, 8192), (1024, 1024, 8192), (8192, 1024, 1024))
WORK = 2 * 2048**3  # floating-point operations of each


def open_model(config: PTBConfig, training: bool = True) -> tuple[Any, Any]:
    """A session and the model in it: the graph of train.py itself, or that of evaluate.py."""
    command.import_tensorflow()  # as they do, without Keras
    import tensorflow.compat.v1 as tf

    from problems import PROBLEMS
    from training.graphs import build, build_evaluation
    from training.session import open_session

    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(config.seed)
        if training:
            model, _ = build(PROBLEMS["ptb"], config)
        else:
            model = build_evaluation(PROBLEMS["ptb"], config)
        initialize = tf.global_variables_initializer()
    graph.finalize()
    session = open_session(graph, one_row=not training)
    session.run(initialize)
    if training:
        session.run(model.set_lr, {model.new_lr: config.learning_rate})
    return session, model


def minibatches(words: np.ndarray) -> Iterator[Minibatch]:
    """What our step is fed, over and over."""
    for inputs, targets in pairs(words):
        yield Minibatch({"input_data": inputs, "targets": targets}, fresh=False)


def in_precision(precision: str) -> Make:
    """Our step with `--precision float32` or `bfloat16`."""

    def make(config: PTBConfig, words: np.ndarray, training: bool) -> Step:
        session, model = open_model(replace(config, precision=precision), training)
        from training.step import Step

        run = Step(session, model, [model.cost, *([model.train_op] if training else [])])
        fed, state = minibatches(words), run.zero_state

        def step() -> float:
            nonlocal state
            (cost, *_), state = run(next(fed), state)
            return cost

        return step

    return make


def fastest_product(precision: str) -> Make:
    """The fastest of some large products, by TensorFlow and NumPy; the "cost" means nothing."""

    def make(_config: PTBConfig, _words: np.ndarray, _training: bool) -> Step:
        found = _products_of_tensorflow(precision)
        if precision == "float32":  # in which NumPy's BLAS multiplies
            found += _products_of_numpy()
        return min(found, key=_least_seconds)

    return make


def _products_of_tensorflow(precision: str) -> list[Step]:
    command.import_tensorflow()
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default():
        products = []
        for rows, inner, columns in SHAPES:
            left, right = (
                tf.get_variable(
                    f"{name}_{rows}_{inner}_{columns}",
                    shape,
                    tf.as_dtype(precision),
                    tf.ones_initializer(),
                )
                for name, shape in (("left", [rows, inner]), ("right", [inner, columns]))
            )
            products.append((left @ right).op)
        session = tf.Session()
        session.run(tf.global_variables_initializer())

    def step(product: Any) -> Step:
        return lambda: session.run(product) or 0.0

    return [step(product) for product in products]


def _products_of_numpy() -> list[Step]:
    def product(rows: int, inner: int, columns: int) -> Step:
        left, right = np.ones([rows, inner], np.float32), np.ones([inner, columns], np.float32)
        out = np.empty([rows, columns], np.float32)
        return lambda: float(np.matmul(left, right, out)[0, 0])

    return [product(*shape) for shape in SHAPES]


def _least_seconds(step: Step) -> float:
    """Of three steps, after one to warm up."""
    step()
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)
