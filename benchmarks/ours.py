"""This toolkit's side of the benchmark, and the machine's limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.task import Make, Step, pairs
from config import PTBConfig
from training import command
from training.data import Minibatch

MATRIX = 2048  # rows and columns of the products that show the machine's limit


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


def products(precision: str) -> Make:
    """One product of two large square matrices; the "cost" means nothing."""

    def make(_config: PTBConfig, _words: np.ndarray, _training: bool) -> Step:
        command.import_tensorflow()
        import tensorflow.compat.v1 as tf

        with tf.Graph().as_default():
            shape = [MATRIX, MATRIX]
            left, right = (
                tf.get_variable(name, shape, tf.as_dtype(precision), tf.ones_initializer())
                for name in ("left", "right")
            )
            product = (left @ right).op
            session = tf.Session()
            session.run(tf.global_variables_initializer())
        return lambda: session.run(product) or 0.0

    return make
