"""Small corpora and short trainings for the tests of the loop."""

import functools
import io
import json
from pathlib import Path

import numpy as np
from rich.console import Console

import train
from config import PTBConfig
from problems import PROBLEMS
from training.config_files import to_json
from training.graphs import TrainingGraph
from training.loop import Options, Training
from training.problem import Problem
from training.run import Run
from training.screen import Screen

TIMES = ("seconds", "words_per_second")


def write_corpus(folder: Path, sizes=(900, 90, 80), vocabulary=12, seed=0) -> Path:
    """A corpus in PTB's format in which every word tells something of the next one."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split, size in zip(("train", "valid", "test"), sizes, strict=True):
        steps = generator.integers(0, 3, size)
        words = [f"w{number % vocabulary}" for number in np.cumsum(steps)]
        lines = [" ".join(words[i : i + 9]) for i in range(0, size, 9)]
        (folder / f"ptb.{split}.txt").write_text("".join(f" {line} \n" for line in lines))
    return folder


def tiny_config(corpus: Path, **changes) -> PTBConfig:
    fields = {"hidden_size": 12, "num_steps": 5, "batch_size": 4, "epochs": 3, "decay_after": 1}
    return PTBConfig(**{"data_path": str(corpus), "num_layers": 1, **fields, **changes})


class QuietScreen(Screen):
    """Keeps what it is told; calls `on_step(step)` after every training step."""

    def __init__(self, on_step=lambda step: None):
        self.text = io.StringIO()
        super().__init__(Console(file=self.text, width=200))
        self._on_step = on_step

    def step(self, done, description, status):
        super().step(done, description, status)
        self._on_step(done)


class ShortTraining(Training):
    """A training that runs itself as train.py runs it."""

    def run_to_the_end(self, checkpoint=None):
        return train.train(self, checkpoint)


@functools.lru_cache(maxsize=4)
def made_graph(model, evaluation, config, flow):
    """A graph that trains; a finished one never changes, and serves the next training, too."""
    return TrainingGraph(Problem(None, model, evaluation=evaluation), config, flow)


def make_training(
    path: Path, config, on_step=lambda step: None, window=None, flow=False, draws=False, **options
) -> ShortTraining:
    """A training in the folder `path`, which is made on the way. Its pictures take most of it."""
    problem = PROBLEMS[config.problem]
    data = problem.read(config)
    config = problem.settle(config, data)
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(to_json(config))
    screen = QuietScreen(on_step)
    graph = made_graph(problem.model, problem.evaluation, config, flow)
    options = Options(**options)
    training = ShortTraining(problem, config, data, graph, Run(path), screen, options, window)
    if not draws:
        training.album.draw = lambda *_, **__: None
    return training


def last_arrays(training: Training) -> dict[str, np.ndarray]:
    """All that the newest checkpoint holds: variables, slots and RNN state, by name."""
    import tensorflow.compat.v1 as tf

    checkpoint = training.checkpoints.newest()
    reader = tf.train.load_checkpoint(str(checkpoint.path / "variables"))
    variables = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    return {**variables, **checkpoint.arrays}


def metrics_without_times(path: Path) -> list[dict]:
    """The lines of metrics.jsonl but for what tells of time."""
    records = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in record.items() if k not in TIMES} for record in records]
