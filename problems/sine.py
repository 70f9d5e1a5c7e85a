"""Sine: the next point of a curve from a window of the points before it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow.compat.v1 as tf
from matplotlib.figure import Figure

import tf1rnn
from config import PRESETS, Config, Preset
from model import Model, count, dense, make_layers
from problems import PROBLEMS
from training.data import Data, Minibatch, hash_text
from training.examples import ExampleReader
from training.fields import POSITIVE, setting
from training.generation import Continued, Predict
from training.metric import RMSE, Metric
from training.pictures import fit
from training.problem import Problem, Shown


@dataclass(frozen=True)
class SineConfig(Config):
    """The next point of a sine from a window of the points before it."""

    problem: ClassVar[str] = "sine"
    metric: ClassVar[Metric] = RMSE

    num_layers: int = 2
    hidden_size: int = 30
    forget_bias: float = 1.0
    initializer: str = "glorot"
    batch_size: int = 32
    optimizer: str = "adagrad"
    learning_rate: float = 0.1
    layout: str = setting(
        "steps",
        "how the window is fed: steps (a step a point) or features (one step, a feature a point)",
        choices=("steps", "features"),
    )
    window: int = setting(10, "points that the next one is predicted from", low=1, high=10_000)
    sample_gap: float = setting(0.01, "distance of two points, in radians", low=POSITIVE)
    train_points: int = setting(10_000, "points to train on", low=2, high=10_000_000)
    test_points: int = setting(1_000, "points after those, to test on", low=2, high=10_000_000)
    shuffle: int = setting(1_000, "windows in the shuffle buffer", low=1, high=10_000_000)
    steps_per_epoch: int = setting(1_000, "minibatches in an epoch", low=1)


def windows(first: int, count: int, window: int, sample_gap: float) -> dict[str, np.ndarray]:
    """Windows of sin(n sample_gap), n = first, first + 1, ...

    Returns `inputs` `[count, window]`, the points that a window holds, and `targets` `[count]`,
    the point after it; float32.
    """
    n = np.arange(first, first + count + window, dtype=np.float64)
    points = np.sin(n * sample_gap).astype(np.float32)
    cut = np.lib.stride_tricks.sliding_window_view(points, window)
    return {"inputs": cut[:count], "targets": points[window:]}


class ShuffledReader:
    """Examples drawn by tf.data: repeated, shuffled in a buffer, cut into minibatches.

    Yields the arrays by name, `batch_size` examples along their first axis. The pipeline hands
    out the examples' numbers; it works in a graph and a session of its own, which are closed with
    the iterator.
    """

    def __init__(
        self, arrays: dict[str, np.ndarray], batch_size: int, in_epoch: int, buffer: int, seed: int
    ):
        self._arrays, self._batch_size, self._in_epoch = arrays, batch_size, in_epoch
        self._buffer, self._seed = buffer, seed

    def __len__(self) -> int:
        """Minibatches in one epoch."""
        return self._in_epoch

    def batches(self, start: int = 0) -> Iterator[Minibatch]:
        """Minibatches number `start`, `start + 1`, ... without an end."""
        with tf.Graph().as_default() as graph:
            numbers = (
                tf.data.Dataset.range(len(next(iter(self._arrays.values()))))
                .repeat()
                .shuffle(self._buffer, seed=self._seed)
                .batch(self._batch_size)
                .skip(start)
            )
            iterator = tf.data.make_initializable_iterator(numbers)
            following = iterator.get_next()
        with contextlib.closing(tf.Session(graph=graph)) as session:
            session.run(iterator.initializer)
            draw = session.make_callable(following)
            while True:
                chosen = draw()
                arrays = {name: array[chosen] for name, array in self._arrays.items()}
                yield Minibatch(arrays, fresh=True)


def read(config: SineConfig) -> Data:
    """A sine from 0 on: windows to train, after them to test, after those to validate.

    No point is in the windows of two splits.
    """
    window, gap = config.window, config.sample_gap
    trained, tested = config.train_points, config.test_points
    train = windows(0, trained, window, gap)
    test = windows(trained + window, tested, window, gap)
    valid = windows(trained + tested + 2 * window, tested, window, gap)
    shuffled = config.batch_size, config.steps_per_epoch, config.shuffle, config.seed
    return Data(
        name="sine",
        sha256=hash_text(f"sine {window} {gap} {trained} {tested}"),
        facts=f"{trained:,} points to train, {tested:,} to validate, as many to test",
        train=ShuffledReader(train, *shuffled),
        valid=ExampleReader(valid, 1000),
        test=ExampleReader(test, 1000),
        unit="windows",
        per_batch=config.batch_size,
    )


class NextPointRegressor(Model):
    """The point that follows a window of points.

    inputs: float32 `[batch_size, window]`. targets, predictions: float32 `[batch_size]`.
    The cost is the mean squared error. The state starts from zero at each window, which is fed
    as `window` steps of one feature or as one step of `window` features.
    """

    def __init__(self, is_training: bool, config: SineConfig):
        with tf.name_scope("inputs"):
            inputs = tf.placeholder(tf.float32, [None, config.window], name="inputs")
            targets = tf.placeholder(tf.float32, [None], name="targets")
        self.inputs = {"inputs": inputs, "targets": targets}
        sequence = inputs[:, :, None] if config.layout == "steps" else inputs[:, None, :]
        cell = make_layers(config, is_training)

        def errors(outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """The predictions and their squared errors, `[batch_size]` each."""
            with tf.variable_scope("output"):
                predictions = dense(outputs[:, -1], 1, config)[:, 0]
            with tf.name_scope("cost"):
                return predictions, tf.squared_difference(predictions, targets)

        outputs, _ = tf1rnn.dynamic_rnn(cell, sequence, dtype=tf.float32)
        self.predictions, squares = errors(outputs)
        self.cost = tf.reduce_mean(squares)
        self.score_sum, self.score_count = tf.reduce_sum(squares), count(squares)
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell, sequence, lambda outputs: tf.reduce_mean(errors(outputs)[1])
        )
        if is_training:
            self.add_training(config)

    @staticmethod
    def go_on(config: SineConfig, predict: Predict, num_points: int) -> Continued:
        """The curve behind the training's, of which one window is given."""
        window = config.window
        x = np.arange(config.train_points + window, config.train_points + 2 * window + num_points)
        target = np.sin(x * config.sample_gap)
        points = target.copy()
        for i in range(window, len(x)):
            points[i] = predict(points[None, i - window : i])[0]
        return Continued(x, target, points, window, "number of the point")


def draw(shown: Shown) -> Figure:
    """The points of the sine and their predictions, and the difference."""
    target, prediction = shown.arrays["targets"], shown.arrays["predictions"]
    x = np.arange(len(target))
    rmse = np.sqrt(np.mean((prediction - target) ** 2))
    title = f"{shown.title}: rmse {rmse:.2g}"
    return fit.draw_with_error(title, x, target, prediction, "number of the point")


PROBLEMS["sine"] = Problem(read=read, model=NextPointRegressor, picture=draw)
PRESETS["sine"] = Preset(SineConfig(), "the next point of a sine from the ten before it")
