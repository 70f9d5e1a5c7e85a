"""Trains a recurrent network: `python train.py --config small`.

An epoch walks the training split minibatch by minibatch, each begun with the state that the one
before left. Then the validation split is scored, the best epoch kept, everything saved and told.

TensorFlow, which takes seconds, is imported when the command line is understood.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import problems
from config import Config
from training import command
from training.config_files import to_json
from training.fields import field_help
from training.options import make_parser, only_changes_of_a_run, preset_of, require_one_run
from training.progress import NotFinite
from training.signals import Stopped

if TYPE_CHECKING:
    from training.checkpoint import Checkpoint
    from training.loop import Training


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = make_parser()
    options, flags = parser.parse_known_args(argv)
    if options.list:
        print(problems.list_presets())
        return 0
    if options.help:
        name = preset_of(options)
        fields = field_help(problems.resolve(name))
        print(f"{parser.format_help()}\nfields of --config {name}:\n{fields}")
        return 0
    if options.resume is not None:
        return resume(options, flags)
    return start(problems.resolve(preset_of(options), flags, vars(options)), options)


def start(config: Config, options: argparse.Namespace) -> int:
    """Trains in a new folder. Nothing is written before the data and the graph are found good."""
    command.import_tensorflow()
    from training.prepare import TrainingGraph, new_run, prepare, require_free_name

    require_free_name(options)
    problem = problems.PROBLEMS[config.problem]
    data = problem.read(config)
    config = problem.settle(config, data)
    graph = TrainingGraph(problem, config, options.log_gradient_flow)
    run = new_run(options, to_json(config), data)
    with run.lock():
        return train_and_tell(prepare(problem, config, data, graph, run, options))


def resume(options: argparse.Namespace, flags: Sequence[str]) -> int:
    """Goes on with a run from its newest checkpoint that is whole."""
    require_one_run(options)
    only_changes_of_a_run(flags)
    command.import_tensorflow()
    from training.prepare import (
        TrainingGraph,
        changed,
        find_run,
        prepare,
        require_same_problem,
    )

    run = find_run(options)
    with run.lock():
        config = problems.load(run.config)
        if options.config is not None:
            require_same_problem(problems.resolve(options.config), config, run)
        problem = problems.PROBLEMS[config.problem]
        config = changed(problem, config, flags)
        data = problem.read(config)
        if flags:
            config = problem.settle(config, data)
        graph = TrainingGraph(problem, config, options.log_gradient_flow)
        return train_and_tell(prepare(problem, config, data, graph, run, options))


def train_and_tell(training: Training) -> int:
    """Trains from the newest checkpoint, if there is one; returns the exit status."""
    report, checkpoint = training.report, training.checkpoints.newest()
    report.begin(training.graph.parameters, checkpoint.step if checkpoint else None)
    try:
        train(training, checkpoint)
    except Stopped as stop:
        report.stopped()
        return stop.status
    except NotFinite as error:
        report.not_finite(error, is_saved=training.checkpoints.newest() is not None)
        return 1
    training.album.wait_for_window()
    return 0


def train(training: Training, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
    """Trains to the end, from the start or from a checkpoint, and returns the result.

    Raises:
        Stopped: a signal came; the training is saved.
        NotFinite: the numbers went wrong; the last checkpoint is from before.
        CheckpointError: the checkpoint does not fit the config, or none can be written.
    """
    with training.open_session(checkpoint):
        while not training.is_over():
            train_epoch(training)
            close_epoch(training)
        return finish(training)


def train_epoch(training: Training) -> None:
    """Takes the steps that are left of an epoch, each from the final state of the one before."""
    progress = training.progress
    for minibatch in training.minibatches():
        training.set_learning_rate()
        initial_state = training.zero_state if minibatch.fresh else training.final_state
        started = time.perf_counter()
        try:
            # A session.run that is fed minibatch and initial_state, and fetches the cost and
            # other sums, the training op and the final_state.
            sums, training.final_state = training.step(minibatch, initial_state)
        except NotFinite:
            training.leave_out(minibatch, initial_state)
        else:
            progress.add(sums)
        progress.step += 1
        progress.seconds += time.perf_counter() - started
        training.report.show(progress)
        training.album.refresh()
        training.save_if_due()


def close_epoch(training: Training) -> None:
    """Validates, keeps the best, saves, and tells."""
    progress, data = training.progress, training.data
    valid = training.score(data.valid)
    is_best = progress.close_epoch(training.record(valid), training.config.metric)
    training.look("validation", data.valid)
    training.album.keep_frame(progress.epoch)
    training.save()
    training.report.tell_epoch(progress.records, is_best)
    training.album.draw(progress, now=False)
    training.write_epoch_events()


def finish(training: Training) -> dict[str, Any]:
    """Scores the last epoch and the best one on the test split, and writes the result."""
    data = training.data
    training.look("validation", data.valid)
    training.album.write_movie()
    test = test_last = training.score(data.test)
    if training.restore_best():
        test = training.score(data.test)
    training.look("test", data.test)
    training.album.draw(training.progress)
    return training.write_result(test=test, test_last=test_last)


if __name__ == "__main__":
    sys.exit(command.run(main))
