"""Scores a trained run: `python evaluate.py logs/RUN --split test`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import problems
from config import Config
from training import command
from training.command import UserError
from training.fields import values_before
from training.numbers import plain
from training.progress import difference, made_with

if TYPE_CHECKING:
    import tensorflow.compat.v1 as tf

    from training.checkpoint import Checkpoint
    from training.data import Reader
    from training.run import Run

MANY_UNKNOWN = 0.1  # of a text's words


def make_parser() -> command.Parser:
    """The command line."""
    parser = command.Parser(prog="evaluate.py", description="Scores a trained run.")
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder, logs/RUN")
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
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    options = make_parser().parse_args(argv)
    command.import_tensorflow()
    from training.files import write_output
    from training.run import Run

    result = evaluate(Run.open(options.run), options.split, options.checkpoint, options.data_path)
    behind = "".join(f" ({value:.4f} nats)" for key, value in result.items() if key == "score_nats")
    score = f"{result['score']:.4f}{behind}"
    print(f"{result['split']} {result['metric']} {score}  ({result['checkpoint']})")
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
    return {
        "run": str(run.path),
        "checkpoint": trained.checkpoint.path.name,
        "split": split,
        "metric": config.metric.name,
        "score": config.metric.of(mean),
        **config.metric.behind(score=mean),
    }


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
        with open_session(graph) as session:
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
    from reader import one_stream, read_words, split_path, to_ids

    vocabulary = run.read_vocabulary()
    if vocabulary is None:
        if data_path is not None:
            raise UserError(f"--data_path is for texts; the data of {run.path} are not one")
        return getattr(problems.PROBLEMS[config.problem].read(config), split)
    path = data_path or Path(config.data_path)
    path = split_path(path, split) if path.is_dir() else path
    words = read_words(path)
    tell_unknown(words, vocabulary)
    return one_stream(to_ids(words, vocabulary), config.num_steps, config.carry_state)


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
