"""Scores a trained run: `python evaluate.py logs/RUN --split test`.

Several runs are scored as one, their ensemble; language models may adapt to the text meanwhile.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import problems
from config import Config, PTBConfig
from training import adaptation_options, command
from training.adaptation_options import Adaptation
from training.command import UserError
from training.fields import values_before
from training.numbers import plain
from training.progress import difference, made_with

if TYPE_CHECKING:
    import numpy as np
    import tensorflow.compat.v1 as tf

    from training.checkpoint import Checkpoint
    from training.data import Reader
    from training.ensemble import Member
    from training.run import Run

MANY_UNKNOWN = 0.1  # of a text's words


def make_parser() -> command.Parser:
    """The command line."""
    parser = command.Parser(prog="evaluate.py", description="Scores a trained run.")
    parser.add_argument(
        "run", type=Path, nargs="+", metavar="RUN", help="the run's folder, logs/RUN; or several"
    )
    parser.add_argument(
        "--split", choices=("train", "valid", "test"), default="test", help="what is scored (test)"
    )
    parser.add_argument(
        "--checkpoint", choices=("best", "last"), default="best", help="which weights (best)"
    )
    parser.add_argument("--data_path", type=Path, help="another text, or a folder of splits")
    parser.add_argument(
        "--json", type=command.output, metavar="FILE", help="write the score there, too"
    )
    adaptation_options.add_options(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = make_parser()
    options = parser.parse_intermixed_args(argv)
    if refusal := adaptation_options.conflict(options):
        parser.error(refusal)
    adaptation = adaptation_options.read_adaptation(options)
    command.import_tensorflow()
    from training.files import write_output
    from training.run import Run

    runs = [Run.open(path) for path in options.run]
    what = (options.split, options.checkpoint, options.data_path)
    if len(runs) == 1 and not adaptation.kinds:
        result = evaluate(runs[0], *what)
    else:
        result = evaluate_words(runs, *what, adaptation, options.tune)
    print(adaptation_options.told(result))
    if options.json:
        write_output(options.json, (json.dumps(plain(result), indent=2) + "\n").encode())
    return 0


def evaluate(run: Run, split: str, which: str, data_path: Path | None = None) -> dict[str, Any]:
    """Scores the `which` ("best" or "last") checkpoint of a run on a split.

    Raises:
        UserError: nothing is saved in the run, or it cannot be scored on other data.
        CheckpointError: the checkpoint is damaged or does not fit the run's config.
    """
    from training.step import mean_score

    config = problems.load(run.config)
    reader = find_reader(run, config, split, data_path)
    with trained_model(run, which) as trained:
        mean = mean_score(trained.session, trained.model, reader)
    if data_path is None:
        tell_other_data(run, config, trained.checkpoint)
    of = {"run": str(run.path), "checkpoint": trained.checkpoint.path.name}
    return {**of, **score_of(config, split, mean)}


def score_of(config: Config, split: str, mean: float) -> dict[str, Any]:
    """What is written of a score."""
    metric = config.metric
    score = {"split": split, "metric": metric.name, "score": metric.of(mean)}
    return {**score, **metric.behind(score=mean)}


def evaluate_words(
    runs: Sequence[Run],
    split: str,
    which: str,
    data_path: Path | None,
    adaptation: Adaptation,
    is_tuned: bool = False,
) -> dict[str, Any]:
    """Scores the ensemble of language models on a split of the first run's text.

    Each adapts to the text; where `is_tuned`, with the settings of the grids that are best on the
    validation split.

    Raises:
        UserError, CheckpointError: as `evaluate`; or the runs are not of one vocabulary.
    """
    from training import ensemble

    configs = [problems.load(run.config) for run in runs]
    if others := [one.problem for one in configs if not isinstance(one, PTBConfig)]:
        raise UserError(f"only language models adapt and make ensembles, not runs of {others[0]}")
    config, vocabulary = configs[0], ensemble.require_one_vocabulary(runs)
    ids = read_ids(vocabulary, config, split, data_path)
    with ExitStack() as stack:
        members, checkpoints = open_members(runs, which, adaptation, stack)
        if is_tuned:
            folder = data_path if data_path and data_path.is_dir() else None
            valid = read_ids(vocabulary, config, "valid", folder)
            found, adaptation = ensemble.tune(members, valid, adaptation)
            print(f"{adaptation.flags}: valid {config.metric.name} {config.metric.told(found)}")
        dynamic, temperature, cache = adaptation
        [mean] = ensemble.mean_costs(members, ids, dynamic, [cache], temperature)
    if adaptation.dynamic and not math.isfinite(config.metric.of(mean)):
        raise UserError("the weights have diverged while they adapted: lower --dynamic_lr")
    if data_path is None:
        for run, checkpoint in zip(runs, checkpoints, strict=True):
            tell_other_data(run, config, checkpoint)
    of = ensemble.described(runs, checkpoints) | adaptation.described(is_tuned)
    return of | score_of(config, split, mean)


def open_members(
    runs: Sequence[Run], which: str, adaptation: Adaptation, stack: ExitStack
) -> tuple[list[Member], list[Checkpoint]]:
    """The runs' models, open as long as the stack is, and the checkpoints that they are of."""
    from reader import TextReader, one_stream
    from training.adaptation import WordOps
    from training.ensemble import Member

    def reader_of(config: PTBConfig, ids: np.ndarray) -> Reader:
        num_steps, carry = config.num_steps, config.carry_state
        if adaptation.dynamic:
            return TextReader(ids, 1, num_steps, keep_rest=True, carry_state=carry)
        return one_stream(ids, num_steps, carry)

    add = partial(WordOps, adaptation=adaptation)
    members, checkpoints = [], []
    for run in runs:
        one = stack.enter_context(trained_model(run, which, add))
        reader = partial(reader_of, one.config)
        members.append(Member(one.session, one.model, one.added, reader))
        checkpoints.append(one.checkpoint)
    return members, checkpoints


class Trained(NamedTuple):
    """A run's model that is evaluated, with its weights, in an open session.

    added: what `add` of `trained_model` returned.
    """

    config: Any
    model: Any
    session: tf.Session
    checkpoint: Checkpoint
    added: Any


@contextmanager
def trained_model(
    run: Run,
    which: str = "best",
    add: Callable[[Any], Any] = lambda model: None,
    **changes: Any,
) -> Iterator[Trained]:
    """Opens the `which` checkpoint of a run.

    Args:
        run: the run.
        which: "best" or "last".
        add: adds ops to the graph of the model that it is given, before the graph is finished.
        changes: fields of the config of the evaluated graph, such as `batch_size`, the rows that
            are evaluated side by side.

    Raises:
        UserError, CheckpointError: as `evaluate`.
    """
    import tensorflow.compat.v1 as tf

    from training.graphs import build_evaluation, require_memory
    from training.session import open_session

    config = problems.load(run.config)
    problem = problems.PROBLEMS[config.problem]
    evaluation = problem.evaluation
    problem = replace(problem, evaluation=lambda one: replace(evaluation(one), **changes))
    with tf.Graph().as_default() as graph:
        model = build_evaluation(problem, config)
        require_memory(problem.evaluation(config), graph, model)
        saver = tf.train.Saver()
        added = add(model)
        graph.finalize()
        with open_session(graph, one_row=True) as session:
            checkpoint = restore(run, which, config, session, saver)
            yield Trained(config, model, session, checkpoint, added)


def restore(
    run: Run, which: str, config: Config, session: tf.Session, saver: tf.train.Saver
) -> Checkpoint:
    """Restores the checkpoint, and again where a training that goes on has just removed it."""
    from training.checkpoint import CheckpointError

    before = values_before(type(config))
    now = made_with(config, run.read_vocabulary() or ())
    while True:
        checkpoint = run.find_checkpoint(which, warn=command.warn)
        if other := difference(checkpoint.progress.get("made_with"), now, before):
            raise UserError(f"{checkpoint.path} was made with another {other}")
        try:
            checkpoint.restore(session, saver)
            return checkpoint
        except CheckpointError:
            if checkpoint.path.exists():
                raise


def find_reader(run: Run, config: Any, split: str, data_path: Path | None) -> Reader:
    """The minibatches of a split: of a text, with the run's vocabulary; else of made data."""
    from reader import one_stream

    vocabulary = run.read_vocabulary()
    if vocabulary is None:
        if data_path is not None:
            raise UserError(f"--data_path is for texts; the data of {run.path} are not one")
        return getattr(problems.PROBLEMS[config.problem].read(config), split)
    ids = read_ids(vocabulary, config, split, data_path)
    return one_stream(ids, config.num_steps, config.carry_state)


def read_ids(
    vocabulary: Sequence[str], config: Any, split: str, data_path: Path | None
) -> np.ndarray:
    """A split's words as ids, int32 `[words]`; tells how many are unknown."""
    from reader import read_words, split_path, to_ids

    path = data_path or Path(config.data_path)
    path = split_path(path, split) if path.is_dir() else path
    words = read_words(path)
    tell_unknown(words, vocabulary)
    return to_ids(words, vocabulary)


def tell_other_data(run: Run, config: Any, checkpoint: Checkpoint) -> None:
    """Warns where the data are no longer those of the training."""
    from reader import SPLITS, find_corpus, hash_files, split_path

    if run.read_vocabulary() is None:
        where, sha256 = "made", problems.PROBLEMS[config.problem].read(config).sha256
    else:
        folder = find_corpus(config.data_path)
        where, sha256 = f"in {folder}", ""
        with suppress(OSError):
            sha256 = hash_files(split_path(folder, split) for split in SPLITS)
    if sha256 != checkpoint.progress["made_with"].get("data"):
        command.warn(f"the data {where} are not those that {run.path} was trained on")


def tell_unknown(words: Sequence[str], vocabulary: Sequence[str]) -> None:
    """Says how many of the words are scored as `<unk>`; warns where they are many."""
    known = set(vocabulary)
    unknown = sum(word not in known for word in words)
    if unknown:
        share = unknown / len(words)
        line = f"{unknown:,} of {len(words):,} words ({share:.1%}) are unknown to the run: <unk>"
        if share > MANY_UNKNOWN:
            command.warn(f"{line}; the score says little of such a text")
        else:
            print(line)


if __name__ == "__main__":
    sys.exit(command.run(main))
