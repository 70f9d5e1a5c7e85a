"""One row a problem: how its data are read, its model, and the metric that is reported."""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from matplotlib.figure import Figure

import examples
import memory
import pictures
import reader
import series
from command import UserError
from config import Config, DigitsConfig, PTBConfig, SinCosConfig, SineConfig, SubtractionConfig
from model import (
    BitTagger,
    Model,
    NextPointRegressor,
    PTBModel,
    SequenceClassifier,
    SequenceRegressor,
)
from pictures import Movie, Shown
from reader import Data, Reader
from tf1rnn.runtime.checkpoint import ARRAYS, LARGEST


@dataclass(frozen=True)
class Metric:
    """A score: `of(mean)` of a model's score_sum over score_count."""

    name: str
    of: Callable[[float], float]
    lower_is_better: bool = True

    def better(self, score: float, than: float | None) -> bool:
        """Whether `score` is the better one; any number is better than none.

        Of equal accuracies the later one counts as better: they are steps of one example, and the
        network has learnt more.
        """
        if than is None:
            return not math.isnan(score)
        return score < than if self.lower_is_better else score >= than


def _perplexity(mean: float) -> float:
    return math.exp(mean) if mean < 700 else math.inf


PERPLEXITY = Metric("perplexity", _perplexity)
COST = Metric("cost", lambda mean: mean)
RMSE = Metric("rmse", math.sqrt)
ACCURACY = Metric("accuracy", lambda mean: mean, lower_is_better=False)


@dataclass(frozen=True)
class Outcome:
    """What a finished training's figures are made of.

    records: a mapping an epoch, as in metrics.jsonl. predict: of a reader's whole split the
    arrays, and the `predictions` of the best epoch's model.
    """

    config: Any
    data: Data
    records: Sequence[Mapping[str, float]]
    predict: Callable[[Reader], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Problem:
    """What the training loop needs to know of a problem.

    read: the config's data. settle: the config with what only the data tell, such as the size of
    the vocabulary. model: `model(is_training, config)`. evaluation: the config of the graph that
    is evaluated. figures: what the result says beside the scores. picture, movie: what the
    problem shows of the model's predictions; the model needs `predictions` then.
    """

    read: Callable[..., Data]
    model: Callable[..., Model]
    metric: Metric
    settle: Callable[..., Config] = lambda config, data: config
    evaluation: Callable[..., Config] = lambda config: config
    figures: Callable[[Outcome], dict[str, Any]] = lambda outcome: {}
    picture: Callable[[Shown], Figure] | None = None
    movie: Movie | None = None


# ------------------------------------------------------------------------- the problems


def _read_ptb(config: PTBConfig) -> Data:
    return reader.read_text_data(
        reader.find_corpus(config.data_path),
        config.batch_size,
        config.num_steps,
        config.vocab_size,
        config.carry_state,
    )


def _settle_ptb(config: PTBConfig, data: Data) -> PTBConfig:
    """A vocabulary smaller than the cap needs a smaller model; the place of the data is kept."""
    return dataclasses.replace(
        config,
        vocab_size=len(data.vocabulary),
        data_path=str(Path(reader.find_corpus(config.data_path)).resolve()),
    )


def _read_sin_cos(config: SinCosConfig) -> Data:
    return series.read_sin_cos(
        config.batch_size,
        config.num_steps,
        config.steps_per_epoch,
        config.epochs,
        config.carry_state,
    )


def _sin_cos_figures(outcome: Outcome) -> dict[str, Any]:
    last = outcome.config.steps_per_epoch
    return {f"mean_cost_of_last_{last}_iterations": outcome.records[-1]["train"]}


def _read_sine(config: SineConfig) -> Data:
    return series.read_sine(
        config.window,
        config.sample_gap,
        config.train_points,
        config.test_points,
        config.batch_size,
        config.steps_per_epoch,
        config.shuffle,
        config.seed,
    )


def _read_subtraction(config: SubtractionConfig) -> Data:
    return examples.read_subtraction(config.bits, config.batch_size, config.seed)


def _subtraction_figures(outcome: Outcome) -> dict[str, Any]:
    """How many pairs are right, also of longer numbers, and some sums worked out."""
    shown = outcome.predict(outcome.data.test)
    right = _sums_right(shown)
    figures: dict[str, Any] = {"pairs": len(right), "pairs_right": int(right.sum())}
    for bits in (16, 32):
        pairs = examples.number_pairs(bits, seed=1)  # others than those of the validation
        longer = outcome.predict(examples.pair_reader(pairs, bits, len(pairs)))
        figures[f"accuracy_{bits}_bits"] = float(_sums_right(longer).mean())
    return {**figures, "sums": [str(one) for one in pictures.work_out(shown, pictures.SUMS)]}


def _sums_right(shown: Mapping[str, np.ndarray]) -> np.ndarray:
    return ((shown["predictions"] > 0.5) == (shown["targets"] > 0.5)).all(axis=1)


def _digits_figures(outcome: Outcome) -> dict[str, Any]:
    shown = outcome.predict(outcome.data.test)
    right = shown["targets"] == shown["predictions"]
    return {"test_images": len(right), "test_images_right": int(right.sum())}


def _read_digits(config: DigitsConfig) -> Data:
    return examples.read_digits(config.batch_size, config.seed)


PROBLEMS: dict[str, Problem] = {
    "ptb": Problem(
        read=_read_ptb,
        model=PTBModel,
        metric=PERPLEXITY,
        settle=_settle_ptb,
        evaluation=lambda config: dataclasses.replace(config, batch_size=1),
    ),
    "sin_cos": Problem(
        read=_read_sin_cos,
        model=SequenceRegressor,
        metric=COST,
        figures=_sin_cos_figures,
        picture=pictures.draw_cosine,
        movie=pictures.COSINE_MOVIE,
    ),
    "sine": Problem(
        read=_read_sine,
        model=NextPointRegressor,
        metric=RMSE,
        picture=pictures.draw_next_points,
    ),
    "subtraction": Problem(
        read=_read_subtraction,
        model=BitTagger,
        metric=ACCURACY,
        figures=_subtraction_figures,
        picture=pictures.draw_sums,
    ),
    "digits": Problem(
        read=_read_digits,
        model=SequenceClassifier,
        metric=ACCURACY,
        figures=_digits_figures,
        picture=pictures.draw_confusion,
    ),
}


# -------------------------------------------------------------------------- their graphs

INITIALIZERS: dict[str, Callable[[float], Any]] = {
    "uniform": lambda scale: tf.random_uniform_initializer(-scale, scale),
    "normal": lambda scale: tf.random_normal_initializer(stddev=scale),
    "glorot": lambda scale: tf.glorot_uniform_initializer(),
    "orthogonal": lambda scale: tf.orthogonal_initializer(),
}


def build(problem: Problem, config: Config) -> tuple[Model, Model]:
    """Adds the graph that trains and the one that is evaluated; they share their variables.

    A variable's first values depend on the config's seed and on its name, not on how the graph
    around it is built. Vectors, which cannot be orthogonal, start by glorot then.
    """

    def seed_by_name(getter: Callable[..., Any], name: str, **options: Any) -> Any:
        start: Any = options.get("initializer")
        if isinstance(start, tf.orthogonal_initializer) and len(options["shape"]) < 2:
            start = tf.glorot_uniform_initializer()
        if hasattr(start, "seed"):
            same = {k: v for k, v in start.get_config().items() if k != "dtype"}
            seed = zlib.crc32(f"{config.seed} {name}".encode())
            options["initializer"] = type(start)(**{**same, "seed": seed})
        return getter(name, **options)

    initializer = INITIALIZERS[config.initializer](config.init_scale)
    tf.train.get_or_create_global_step()
    with (
        tf.name_scope("Train"),
        tf.variable_scope("Model", initializer=initializer, custom_getter=seed_by_name),
    ):
        trained = problem.model(True, config)
    return trained, build_evaluation(problem, config, reuse=True)


def build_gradient_flow(model: Model) -> Any:
    """Adds the branch that measures the gradient flow of the model that trains.

    Returns the norms of `tf1rnn.gradient_flow`. UserError for a model that does not offer them.
    """
    if model.gradient_flow is None:
        raise UserError(f"{type(model).__name__} does not offer to log its gradient flow")
    with tf.name_scope("GradientFlow"), tf.variable_scope("Model", reuse=True):
        return model.gradient_flow()


def build_evaluation(problem: Problem, config: Config, reuse: bool | None = None) -> Model:
    """Adds the graph that is evaluated."""
    with tf.name_scope("Eval"), tf.variable_scope("Model", reuse=reuse):
        return problem.model(False, problem.evaluation(config))


def require_memory(config: Config, graph: tf.Graph, model: Model) -> None:
    """Raises UserError where the graph that trains or evaluates `model` is too large to run here.

    A guess: every variable is there four times (as itself, as its gradient, and twice while it is
    saved), and every step of every sequence keeps its layers' gates and outputs, and its logits
    with their gradients, if there is a vocabulary.
    """
    with graph.as_default():
        weights = sum(v.shape.num_elements() for v in tf.global_variables())
    steps = max(config.batch_size * config.longest_sequence, reader.PIECE)
    numbers = 12 * sum(config.layer_sizes) + 4 * getattr(config, "vocab_size", 0)
    memory.require(4 * (4 * weights + steps * numbers), "this network")
    state = 4 * sum(one.shape.num_elements() for one in tf.nest.flatten(model.initial_state))
    if state > LARGEST[ARRAYS]:
        raise UserError(f"a state of {state:,} bytes cannot be saved; {LARGEST[ARRAYS]:,} can be")
