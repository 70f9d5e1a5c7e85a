"""One row a problem: how its data are read, its model, and the metric that is reported."""

from __future__ import annotations

import dataclasses
import functools
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

import memory
import reader
from command import UserError
from config import Config, PTBConfig
from model import Model, PTBModel
from reader import Data
from tf1rnn.runtime.checkpoint import ARRAYS, LARGEST


@dataclass(frozen=True)
class Metric:
    """A score: `of(mean)` of a model's score_sum over score_count."""

    name: str
    of: Callable[[float], float]
    lower_is_better: bool = True

    def better(self, score: float, than: float | None) -> bool:
        """Whether `score` is the better one; any number is better than none."""
        if than is None:
            return not math.isnan(score)
        return score < than if self.lower_is_better else score > than


def _perplexity(mean: float) -> float:
    return math.exp(mean) if mean < 700 else math.inf


PERPLEXITY = Metric("perplexity", _perplexity)


@dataclass(frozen=True)
class Problem:
    """What the training loop needs to know of a problem.

    read: the config's data. settle: the config with what only the data tell, such as the size of
    the vocabulary. model: `model(is_training, config)`. evaluation: the config of the graph that
    is evaluated.
    """

    read: Callable[..., Data]
    model: Callable[..., Model]
    metric: Metric
    settle: Callable[..., Config] = lambda config, data: config
    evaluation: Callable[..., Config] = lambda config: config


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


PROBLEMS: dict[str, Problem] = {
    "ptb": Problem(
        read=_read_ptb,
        model=PTBModel,
        metric=PERPLEXITY,
        settle=_settle_ptb,
        evaluation=lambda config: dataclasses.replace(config, batch_size=1),
    ),
}


# -------------------------------------------------------------------------- their graphs

INITIALIZERS: dict[str, Callable[..., Any]] = {
    "uniform": lambda scale, seed: tf.random_uniform_initializer(-scale, scale, seed=seed),
    "normal": lambda scale, seed: tf.random_normal_initializer(stddev=scale, seed=seed),
    "glorot": lambda scale, seed: tf.glorot_uniform_initializer(seed=seed),
    "orthogonal": lambda scale, seed: tf.orthogonal_initializer(seed=seed),
}


def build(problem: Problem, config: Config) -> tuple[Model, Model]:
    """Adds the graph that trains and the one that is evaluated; they share their variables.

    A variable's first values depend on the config's seed and on its name, not on how the graph
    around it is built.
    """
    make = functools.partial(INITIALIZERS[config.initializer], config.init_scale)
    by_default = make(seed=config.seed)

    def seed_by_name(getter: Callable[..., Any], name: str, **options: Any) -> Any:
        if options.get("initializer") is by_default:
            options["initializer"] = make(seed=zlib.crc32(f"{config.seed} {name}".encode()))
        return getter(name, **options)

    tf.train.get_or_create_global_step()
    with (
        tf.name_scope("Train"),
        tf.variable_scope("Model", initializer=by_default, custom_getter=seed_by_name),
    ):
        trained = problem.model(True, config)
    return trained, build_evaluation(problem, config, reuse=True)


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
