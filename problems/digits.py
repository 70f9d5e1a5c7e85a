"""Digits: the class of an image that is read row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow.compat.v1 as tf
from matplotlib.figure import Figure

import tf1rnn
from config import PRESETS, Config, Preset
from model import Model, count, count_true, dense, make_layers
from problems import PROBLEMS
from training.data import Data, DataError
from training.examples import split_examples
from training.fields import setting
from training.metric import ACCURACY, Metric
from training.problem import Outcome, Problem, Shown


@dataclass(frozen=True)
class DigitsConfig(Config):
    """The class of an image that is read row by row."""

    problem: ClassVar[str] = "digits"
    metric: ClassVar[Metric] = ACCURACY

    hidden_size: int = 128
    forget_bias: float = 1.0
    initializer: str = "orthogonal"
    keep_prob: float = 0.9
    batch_size: int = 16
    optimizer: str = "adam"
    learning_rate: float = 0.01
    lr_decay: float = 0.97
    decay_after: int = 50
    epochs: int = 100
    variant: str = setting(
        "last",
        "what is classified: last (the last output) or pooled (the largest outputs over time, from "
        "layers of hidden_size / 4 units and one of hidden_size / 16)",
        choices=("last", "pooled"),
    )

    @property
    def layer_sizes(self) -> list[int]:
        """Units of each recurrent layer: [128] by default, [32, 8] for the pooled variant."""
        if self.variant == "last":
            return super().layer_sizes
        return [max(self.hidden_size // 4, 1)] * self.num_layers + [max(self.hidden_size // 16, 1)]


def read(config: DigitsConfig) -> Data:
    """scikit-learn's 1,797 handwritten digits, 8 x 8 pixels; they come with the library.

    Split as by `split_examples`. The readers yield `inputs` `[batch_size, 8, 8]`, float32 from 0 to
    1, a row of pixels a step, and `targets`, int32 `[batch_size]`, the digits.

    Raises:
        DataError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError("the digits come with scikit-learn: pip install scikit-learn") from None
    digits = load_digits()
    images, classes = (digits.images / 16).astype(np.float32), digits.target.astype(np.int32)
    arrays = {"inputs": images, "targets": classes}
    return split_examples(
        "digits of scikit-learn", arrays, config.batch_size, config.seed, "images"
    )


class SequenceClassifier(Model):
    """The class of a sequence, such as an image that is read row by row.

    inputs: float32 `[batch_size, num_steps, depth]`. targets, predictions: int32 `[batch_size]`.
    The cost is the mean cross-entropy in nats; the score counts the sequences put in their class.
    What is classified is the last output, or each unit's largest output over time.
    """

    num_steps, depth, classes = 8, 8, 10

    def __init__(self, is_training: bool, config: DigitsConfig):
        with tf.name_scope("inputs"):
            shape = [None, self.num_steps, self.depth]
            inputs = tf.placeholder(tf.float32, shape, name="inputs")
            targets = tf.placeholder(tf.int32, [None], name="targets")
        self.inputs = {"inputs": inputs, "targets": targets}
        cell = make_layers(config, is_training)

        def classify(outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            """The logits `[batch_size, classes]` and the cost."""
            pooled = config.variant == "pooled"
            features = tf.reduce_max(outputs, axis=1) if pooled else outputs[:, -1]
            with tf.variable_scope("output"):
                logits = dense(features, self.classes, config)
            with tf.name_scope("cost"):
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=targets, logits=logits
                )
                return logits, tf.reduce_mean(losses)

        outputs, _ = tf1rnn.dynamic_rnn(cell, inputs, dtype=tf.float32)
        logits, self.cost = classify(outputs)
        self.predictions = tf.argmax(logits, axis=1, output_type=tf.int32)
        self.gradient_flow = lambda: tf1rnn.gradient_flow(
            cell, inputs, lambda outputs: classify(outputs)[1]
        )
        right = tf.equal(self.predictions, targets)
        self.score_sum, self.score_count = count_true(right), count(right)
        if is_training:
            self.add_training(config)


def figures(outcome: Outcome) -> dict[str, Any]:
    """How many images of the test split are put into their class."""
    shown = outcome.predict(outcome.data.test)
    right = shown["targets"] == shown["predictions"]
    return {"test_images": len(right), "test_images_right": int(right.sum())}


def draw(shown: Shown) -> Figure:
    """Which classes are taken for which."""
    labels, predictions = shown.arrays["targets"], shown.arrays["predictions"]
    classes = int(max(labels.max(), predictions.max())) + 1
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels, predictions), 1)
    right = f"{np.trace(counts)} of {counts.sum()} right"
    return draw_confusion(f"{shown.title}: {right}", counts, [str(c) for c in range(classes)])


def draw_confusion(title: str, counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """A confusion matrix, `counts[label, prediction]`; what is wrong stands out in red."""
    figure = Figure(figsize=(6.5, 6.5), layout="constrained")
    axes = figure.subplots()
    of_label = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(len(counts), dtype=bool)
    axes.imshow(np.where(right, counts / of_label, np.nan), cmap="Greens", vmin=0, vmax=1.6)
    wrong = np.where(right | (counts == 0), np.nan, counts / of_label)
    axes.imshow(wrong, cmap="Reds", vmin=-0.1, vmax=0.3)
    for (label, prediction), number in np.ndenumerate(counts):
        if number:
            axes.text(prediction, label, f"{number}", ha="center", va="center")
    axes.set(title=title, xlabel="prediction", ylabel="label")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    return figure


PROBLEMS["digits"] = Problem(read=read, model=SequenceClassifier, figures=figures, picture=draw)
PRESETS["digits"] = Preset(DigitsConfig(), "handwritten digits, read row by row")
