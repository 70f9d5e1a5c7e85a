"""The graphs of a problem: one that trains, one that is evaluated; they share their variables."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from training import memory
from training.checkpoint import ARRAYS, LARGEST
from training.command import UserError
from training.data import PIECE
from training.problem import Config, Model, Problem

INITIALIZERS: dict[str, Callable[[float], Any]] = {
    "uniform": lambda scale: tf.random_uniform_initializer(-scale, scale),
    "normal": lambda scale: tf.random_normal_initializer(stddev=scale),
    "glorot": lambda scale: tf.glorot_uniform_initializer(),
    "orthogonal": lambda scale: tf.orthogonal_initializer(),
}


class TrainingGraph:
    """The finished graph of a training: both models, and what a training does around its steps.

    model, evaluated: the models that train and that are evaluated. parameters: how many numbers
    are trained. histograms: a summary of all weights, for TensorBoard. not_finite: for each
    trainable variable whether it holds NaN or an infinity, bool scalars by name. gradient_flow:
    the norms of `build_gradient_flow` where they are wished, else None. saver, initialize: of all
    variables.

    Raises:
        UserError: the network is too large for this machine, or offers no gradient flow.
    """

    def __init__(self, problem: Problem, config: Config, gradient_flow: bool = False):
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(config.seed)
            self.model, self.evaluated = build(problem, config)
            variables = tf.trainable_variables()
            self.parameters = count_parameters(variables)
            with tf.name_scope("weights"):
                histograms = [tf.summary.histogram(v.op.name, v) for v in variables]
                self.histograms = tf.summary.merge(histograms)
            self.gradient_flow = build_gradient_flow(self.model) if gradient_flow else None
            self.not_finite = {v.op.name: _has_not_finite(v) for v in variables}
            self.saver = tf.train.Saver(max_to_keep=None, save_relative_paths=True)
            self.initialize = tf.global_variables_initializer()
        self.graph.finalize()
        require_memory(config, self.graph, self.model)


def _has_not_finite(variable: tf.Variable) -> tf.Tensor:
    return tf.logical_not(tf.reduce_all(tf.math.is_finite(variable)))


def build(problem: Problem, config: Config) -> tuple[Model, Model]:
    """Adds the graph that trains and the one that is evaluated; they share their variables."""
    return build_training(problem, config), build_evaluation(problem, config, reuse=True)


def build_training(problem: Problem, config: Config) -> Model:
    """Adds the graph that trains.

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
        return problem.model(True, config)


def build_evaluation(problem: Problem, config: Config, reuse: bool | None = None) -> Model:
    """Adds the graph that is evaluated."""
    with tf.name_scope("Eval"), tf.variable_scope("Model", reuse=reuse):
        return problem.model(False, problem.evaluation(config))


def build_gradient_flow(model: Model) -> Any:
    """Adds the branch that measures the gradient flow of the model that trains.

    Returns the norms of `tf1rnn.gradient_flow`. UserError for a model that does not offer them.
    """
    if model.gradient_flow is None:
        raise UserError(f"{type(model).__name__} does not offer to log its gradient flow")
    with tf.name_scope("GradientFlow"), tf.variable_scope("Model", reuse=True):
        return model.gradient_flow()


def count_parameters(variables: list[tf.Variable]) -> int:
    """The numbers that the variables hold."""
    return sum(variable.shape.num_elements() for variable in variables)


def require_memory(config: Config, graph: tf.Graph, model: Model) -> None:
    """Raises UserError where the graph that trains or evaluates `model` is too large to run here.

    A guess: every variable is there four times (as itself, as its gradient, and twice while it is
    saved), and every step of every sequence keeps its layers' gates and outputs, and its logits
    with their gradients, if there is a vocabulary.
    """
    with graph.as_default():
        weights = count_parameters(tf.global_variables())
    steps = max(config.batch_size * config.longest_sequence, PIECE)
    numbers = 12 * sum(config.layer_sizes) + 4 * getattr(config, "vocab_size", 0)
    memory.require(4 * (4 * weights + steps * numbers), "this network")
    state = 4 * sum(one.shape.num_elements() for one in tf.nest.flatten(model.initial_state))
    if state > LARGEST[ARRAYS]:
        raise UserError(f"a state of {state:,} bytes cannot be saved; {LARGEST[ARRAYS]:,} can be")
