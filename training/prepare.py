"""From the options of train.py to a training that is ready to begin."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from training.command import UserError
from training.config_files import with_flags
from training.data import Data
from training.graphs import TrainingGraph
from training.loop import Options, Training
from training.options import LOGDIR, preset_of
from training.pictures.window import NoWindow, Window
from training.problem import Config, Problem
from training.run import Run
from training.screen import Screen


def require_free_name(options: argparse.Namespace) -> None:
    """Raises UserError where the name that was asked for is taken."""
    if options.name:
        Run((options.logdir or LOGDIR) / options.name).require_free()


def new_run(options: argparse.Namespace, config: str, data: Data) -> Run:
    """The folder of a new run, which holds its config and, for a text, its vocabulary.

    Raises:
        UserError: it cannot be made, or the name that was asked for is taken.
    """
    logdir = options.logdir or LOGDIR
    if options.name:
        return Run.new(logdir / options.name, config, data.vocabulary)
    name = f"{Path(preset_of(options)).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    return Run.new_of_free_name(logdir, name, config, data.vocabulary)


def find_run(options: argparse.Namespace) -> Run:
    """The run that is to be resumed. UserError where there is none."""
    if options.resume != "auto":
        return Run.open(Path(options.resume))
    name = options.name or Path(preset_of(options)).stem
    return Run.newest(options.logdir or LOGDIR, name)


def require_same_problem(wished: Config, config: Config, run: Run) -> None:
    """Raises UserError where a run that was found by its name is not of the preset's problem."""
    if wished.problem != config.problem:
        raise UserError(f"{run.path} is of problem {config.problem}, not {wished.problem}")


def changed(problem: Problem, config: Config, flags: Sequence[str]) -> Config:
    """A run's config with the flags that it is resumed with.

    Raises:
        UserError: another number of epochs would change what has been trained already.
    """
    new = with_flags(config, flags)
    if new.epochs == config.epochs:
        return new
    if problem.epochs_make_data:
        raise UserError(f"--epochs cannot be changed: the data of {config.problem} depend on it")
    if config.decay == "linear":
        raise UserError(
            "--epochs cannot be changed: with --decay linear the learning rate of every epoch "
            "depends on it, of those that are done, too"
        )
    return new


def prepare(
    problem: Problem,
    config: Config,
    data: Data,
    graph: TrainingGraph,
    run: Run,
    options: argparse.Namespace,
) -> Training:
    """The training in its run's folder, with a window for its pictures where one is wished."""
    screen = Screen()
    limits = Options(options.checkpoint_minutes, options.checkpoint_steps, options.on_nan)
    window = _open_window(run, screen) if options.show else None
    return Training(problem, config, data, graph, run, screen, limits, window)


def _open_window(run: Run, screen: Screen) -> Window | None:
    """None, and a line on the screen, where no window can be opened."""
    try:
        return Window(run.path.name)
    except NoWindow as error:
        screen.say(f"no window can be opened ({error}); the pictures are in {run.path}")
        return None
