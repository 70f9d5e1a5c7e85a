"""Sine to cosine: point by point, with the state carried along a curve that never ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow.compat.v1 as tf
from matplotlib.figure import Figure

import tf1rnn
from config import PRESETS, Config, Preset
from model import Model, dense, make_layers
from problems import PROBLEMS
from training.data import Data, Minibatch, hash_text
from training.fields import setting
from training.generation import Continued, Predict
from training.metric import COST, Metric
from training.pictures import fit
from training.problem import Movie, Outcome, Problem, Shown

EVALUATED = 20  # minibatches that are validated, and as many tested
GAP = 1 / (10 * np.pi)  # radians between two points
GIVEN = 200  # points before the curve goes on by itself: about a period
LIMITS = (-1.2, 1.2)  # of the pictures' y axis


@dataclass(frozen=True)
class SinCosConfig(Config):
    """A cosine from its sine, point by point, with the state carried along the curve."""

    problem: ClassVar[str] = "sin_cos"
    metric: ClassVar[Metric] = COST

    hidden_size: int = 10
    forget_bias: float = 1.0
    initializer: str = "glorot"
    batch_size: int = 50
    optimizer: str = "adam"
    learning_rate: float = 0.006
    num_steps: int = setting(20, "points in a row of a minibatch", low=1, high=100_000)
    carry_state: bool = setting(True, "true: a minibatch starts from the last one's final state")
    steps_per_epoch: int = setting(20, "minibatches in an epoch", low=1)


class SinCosReader:
    """Sine and cosine along a line that never ends.

    Minibatch k has x = (num_steps k + [0, 1, ...]) / (10 pi), laid out in `batch_size` rows of
    `num_steps`. So row b of the next minibatch goes on where row b stopped, and the state is
    carried, from zero at the first minibatch only.

    Yields `inputs`, sin x, and `targets`, cos x, float32 `[batch_size, num_steps]`, and beside
    them `x`, float64, in radians. Minibatch 0 of a reader is that of k = `first`.
    """

    def __init__(
        self, first: int, length: int, batch_size: int, num_steps: int, carry_state: bool = True
    ):
        self._first, self._length = first, length
        self._shape = batch_size, num_steps
        self._carry_state = carry_state

    def __len__(self) -> int:
        """Minibatches in one epoch."""
        return self._length

    def batches(self, start: int = 0) -> Iterator[Minibatch]:
        """Minibatches number `start`, `start + 1`, ... without an end."""
        batch_size, num_steps = self._shape
        points = np.arange(batch_size * num_steps).reshape(self._shape)
        number = start
        while True:
            x = (num_steps * (self._first + number) + points) / (10 * np.pi)
            arrays = {"inputs": np.sin(x), "targets": np.cos(x)}
            arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
            yield Minibatch({**arrays, "x": x}, fresh=number == 0 or not self._carry_state)
            number += 1


def read(config: SinCosConfig) -> Data:
    """The line from x = 0 to train; then 20 minibatches to validate and 20 to test.

    The two walks start from a zero state, and their first minibatches count like the others,
    although no network can know the cosine of its first points.
    """
    batch_size, num_steps, in_epoch = config.batch_size, config.num_steps, config.steps_per_epoch
    steps = in_epoch * config.epochs
    layout = batch_size, num_steps, config.carry_state
    return Data(
        name="sine and cosine",
        sha256=hash_text(f"sin_cos {batch_size} {num_steps} {steps}"),
        facts=f"{steps:,} minibatches to train, {EVALUATED} each to validate and test",
        train=SinCosReader(0, in_epoch, *layout),
        valid=SinCosReader(steps, EVALUATED, *layout),
        test=SinCosReader(steps + EVALUATED, EVALUATED, *layout),
        unit="points",
        per_batch=batch_size * num_steps,
    )


class SequenceRegressor(Model):
    """A curve from another one, point by point; the state is carried along the curve.

    inputs, targets: float32 `[batch_size, num_steps]`. predictions: likewise.
    The cost is the sum of squared errors over batch_size.

    Two dense layers stand around the recurrent ones, in_hidden and out_hidden. Their weights
    start normal with deviation 1 and their biases at 0.1, whatever the cells' initializer is.
    """

    def __init__(self, is_training: bool, config: SinCosConfig):
        shape = [config.batch_size, config.num_steps]
        with tf.name_scope("inputs"):
            inputs = tf.placeholder(tf.float32, shape, name="inputs")
            targets = tf.placeholder(tf.float32, shape, name="targets")
        self.inputs = {"inputs": inputs, "targets": targets}
        start = tf.random_normal_initializer(), tf.constant_initializer(0.1)
        with tf.variable_scope("in_hidden"):
            hidden = dense(inputs[:, :, None], config.hidden_size, config, *start)
        with tf.variable_scope("LSTM"):
            cell = make_layers(config, is_training)
            self.initial_state = cell.zero_state(config.batch_size, tf.float32)
            outputs, self.final_state = tf1rnn.dynamic_rnn(
                cell, hidden, initial_state=self.initial_state
            )

        def read_out(outputs: tf.Tensor) -> tf.Tensor:
            with tf.variable_scope("out_hidden"):
                return tf.squeeze(dense(outputs, 1, config, *start), -1)

        def cost(predictions: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
            with tf.name_scope("cost"):
                squares = tf.squared_difference(predictions, targets)
                return tf.reduce_sum(squares) / config.batch_size

        self.predictions = read_out(outputs)
        self.cost = cost(self.predictions, targets)
        self.score_sum, self.score_count = self.cost, tf.constant(1.0)
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell,
            hidden,
            lambda outputs: cost(read_out(outputs[:, -1]), targets[:, -1]),
            initial_state=self.initial_state,
        )
        if is_training:
            self.add_training(config)

    @staticmethod
    def go_on(config: SinCosConfig, predict: Predict, num_points: int) -> Continued:
        """The curve behind the training's, of which GIVEN points are given.

        The sine goes on by the cosines that are found: sin(x + d) = sin x cos d + cos x sin d.
        """
        first = config.num_steps * config.steps_per_epoch * config.epochs
        x = (first + np.arange(GIVEN + num_points)) * GAP
        sine, cosine = np.sin(x), np.zeros_like(x)
        for i in range(len(x)):
            if i >= GIVEN:
                sine[i] = sine[i - 1] * np.cos(GAP) + cosine[i - 1] * np.sin(GAP)
            cosine[i] = predict(sine[None, i : i + 1])[0, 0]
        return Continued(x, np.cos(x), cosine, GIVEN, "x (radians)")


def figures(outcome: Outcome) -> dict[str, Any]:
    """The mean cost of the last epoch's iterations."""
    last = outcome.config.steps_per_epoch
    return {f"mean_cost_of_last_{last}_iterations": outcome.records[-1]["train"]}


def _first_row(shown: Shown, name: str) -> np.ndarray:
    """`[points]`: the first row of every minibatch, which together are one line from zero state."""
    config: Any = shown.config
    rows = shown.arrays[name].reshape(-1, config.batch_size, config.num_steps)
    return rows[:, 0].ravel()


def draw(shown: Shown) -> Figure:
    """The cosine and what was made of the sine."""
    x, target, prediction = (_first_row(shown, name) for name in ("x", "targets", "predictions"))
    title = f"{shown.title}: cosine from sine, from a zero state on"
    return fit.draw(title, x, target, prediction, "x (radians)", LIMITS)


def write_movie(path: Path, shown: Shown, frames: Sequence[tuple[int, np.ndarray]]) -> None:
    """The fit as it improves, a frame an epoch."""
    x, target = (_first_row(shown, name) for name in ("x", "targets"))
    titled = [(f"{shown.title}, epoch {epoch}", frame) for epoch, frame in frames]
    fit.write_gif(path, x, target, titled, "x (radians)", LIMITS)


PROBLEMS["sin_cos"] = Problem(
    read=read,
    model=SequenceRegressor,
    figures=figures,
    picture=draw,
    movie=Movie("fit.gif", lambda shown: _first_row(shown, "predictions"), write_movie),
    epochs_make_data=True,  # what is validated and tested begins where the training ends
)
PRESETS["sin_cos"] = Preset(SinCosConfig(), "cosine from sine, the state carried along the curve")
