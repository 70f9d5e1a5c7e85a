"""Log probabilities of the words and sentences of a text: `python score.py logs/RUN text.txt`.

Each line is a sentence that begins from a zero state, after an `<eos>`; its end, `<eos>`, is a
word as others are. Many sentences are scored side by side, and memory does not grow with the text.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import problems
from config import PTBConfig
from evaluate import MANY_UNKNOWN, trained_model
from reader import EOS, UNK
from training import command
from training.command import UserError
from training.data import DataError
from training.fields import Setting, checked, from_text, shown
from training.score_formats import (
    BestHypotheses,
    JsonLines,
    Kaldi,
    Kenlm,
    Srilm,
    Table,
    Writer,
    cost,
)
from training.scoring import Scored, Sentence, Sums, UnknownWords, score_sentences, score_stream
from training.text_streams import open_lines, open_output

if TYPE_CHECKING:
    from training.run import Run

FORMATS = {
    "table": "for people",
    "jsonl": "an object a line",
    "srilm": "as `ngram -ppl -debug 2`",
    "kenlm": "as `query`",
    "kaldi": "`utt-N -ln P` of `utt-N word word ...`",
}
BATCH_SIZE = 64
NUMBERS = {
    "batch_size": (int, Setting(low=1, high=1_000_000)),
    "unk_types": (int, Setting(low=1, high=1_000_000_000)),
    "weight": (float, Setting(low=0, high=1)),
    "log_base": (float, Setting(low=1.001)),
}


def make_parser() -> command.Parser:
    """The command line."""
    parser = command.Parser(
        prog="score.py", description="Shows the log probabilities of a text's words and sentences."
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the run's folder, logs/RUN")
    add(
        "text",
        type=_text,
        nargs="?",
        metavar="FILE",
        help="a sentence a line, words with spaces between them; -, or nothing: standard input",
    )
    add("--checkpoint", choices=("best", "last"), default="best", help="which weights (best)")
    add(
        "--carry_state",
        action="store_true",
        help="score the text as one stream, as evaluate.py does: the state is carried from line to "
        "line, and the first word has no score",
    )
    formats = "; ".join(f"{name}: {text}" for name, text in FORMATS.items())
    add("--format", choices=FORMATS, default="table", help=f"{formats} (table)")
    add("--log_base", metavar="B", help="of table and jsonl: e or a number above 1 (e)")
    unknown = parser.add_mutually_exclusive_group()
    unknown.add_argument("--unk", action="store_true", help="unknown words count as <unk> (so)")
    unknown.add_argument("--exclude_unk", action="store_true", help="unknown words have no score")
    unknown.add_argument(
        "--unk_types", metavar="N", help="unknown words are N, that share <unk>'s probability"
    )
    add("--batch_size", metavar="N", help=f"sentences side by side ({BATCH_SIZE})")
    add("--out", type=command.output, metavar="FILE", help="write there, not to standard output")
    kaldi = parser.add_argument_group("best hypotheses of kaldi's n-best lists")
    kaldi.add_argument("--weight", metavar="W", help="of these costs; the first model's have 1 - W")
    kaldi.add_argument(
        "--first_scores",
        type=command.local_path,
        metavar="FILE",
        help="the first model's costs, `utt-N COST`, in the order of the hypotheses",
    )
    kaldi.add_argument(
        "--best", type=command.output, metavar="FILE", help="write `utt word word ...` there"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = make_parser()
    options = parser.parse_intermixed_args(argv)
    if refusal := conflict(options):
        parser.error(refusal)
    read_numbers(options)
    with ExitStack() as stack:
        lines = stack.enter_context(open_lines(options.text))
        costs: Iterator[tuple[str, float]] = iter(())
        if options.first_scores:
            first_lines = stack.enter_context(open_lines(options.first_scores))
            costs = read_costs(first_lines, options.first_scores)
        command.import_tensorflow()
        from training.run import Run

        found = score(Run.open(options.run), lines, options)
        out = stack.enter_context(open_output(options.out))
        best = stack.enter_context(open_output(options.best)) if options.best else None
        sums = write(found, costs, options, out, best)
    tell_unknown(sums)
    return 0


def conflict(options: argparse.Namespace) -> str:
    """Why the options cannot be had together, or nothing."""
    kaldi = [options.weight, options.first_scores, options.best]
    is_kaldi = options.format == "kaldi"
    wrong = {
        "--log_base is for table and jsonl": options.log_base is not None
        and options.format not in ("table", "jsonl"),
        "--format kenlm has the perplexity without unknown words beside the other one: "
        "leave out --exclude_unk": options.format == "kenlm" and options.exclude_unk,
        "hypotheses are no stream: leave out --carry_state": is_kaldi and options.carry_state,
        "--batch_size is for sentences: a stream has one row": options.batch_size is not None
        and options.carry_state,
        "--weight, --first_scores and --best go together, with --format kaldi": any(kaldi)
        and not (is_kaldi and all(kaldi)),
    }
    return next((reason for reason, is_wrong in wrong.items() if is_wrong), "")


def read_numbers(options: argparse.Namespace) -> None:
    """Puts numbers in the place of texts. ConfigError where one is not allowed."""
    if options.log_base == "e":
        options.log_base = None
    for name, (kind, limits) in NUMBERS.items():
        text = getattr(options, name)
        if text is not None:
            setattr(options, name, checked(name, kind, limits, from_text(kind, text)))


def _text(name: str) -> Path | None:
    return None if name == "-" else command.local_path(name)


# --------------------------------------------------------------------------- reading


def read_sentences(
    lines: Iterable[str], vocabulary: list[str], has_keys: bool = False
) -> Iterator[Sentence]:
    """A sentence for each line, its words as `reader.read_words` has them.

    Raises:
        DataError: a line begins with no name of a hypothesis, where each should.
    """
    import numpy as np

    places = {word: place for place, word in enumerate(vocabulary)}
    unknown = places[UNK]
    for number, line in enumerate(lines, 1):
        words, key = line.split(), ""
        if has_keys:
            key, *words = words or [""]
            if not key.rpartition("-")[0]:
                raise DataError(f"line {number:,} begins with {shown(key)}, not with utt-N")
        if words and words[-1].lower() == EOS:
            words.pop()
        words = [UNK if word.lower() == UNK else word for word in words]
        ids = [places.get(word, unknown) for word in [*words, EOS]]
        yield Sentence(words, np.array(ids, np.int32), [one == unknown for one in ids], key)


def read_costs(lines: Iterable[str], path: Path) -> Iterator[tuple[str, float]]:
    """The first model's name of each hypothesis and its cost. DataError for any other line."""
    for number, line in enumerate(lines, 1):
        words = line.split()
        value = from_text(float, words[1]) if len(words) == 2 else None
        if not isinstance(value, float):
            raise DataError(f"{path}, line {number:,}: must be utt-N COST, not {shown(line)}")
        yield words[0], value


# --------------------------------------------------------------------------- scoring


def score(run: Run, lines: Iterable[str], options: argparse.Namespace) -> Iterator[Scored]:
    """The sentences with their log probabilities, in the order of the lines.

    Raises:
        UserError: the run is no language model, or has no checkpoint; DataError: the text is wrong.
    """
    from training.step import Step

    config = problems.load(run.config)
    vocabulary = run.read_vocabulary()
    if vocabulary is None or not isinstance(config, PTBConfig):
        raise UserError(f"texts are scored; {run.path} is a run of {config.problem}")
    sentences = read_sentences(lines, vocabulary, has_keys=options.format == "kaldi")
    batch_size = 1 if options.carry_state else options.batch_size or BATCH_SIZE
    unknown = UnknownWords(options.exclude_unk, options.unk_types or 1)
    with trained_model(
        run, options.checkpoint, add=lambda model: model.log_probs(), batch_size=batch_size
    ) as trained:
        step = Step(trained.session, trained.model, trained.added)
        if options.carry_state:
            found = score_stream(step, sentences)
        else:
            # A sentence begins where another one would have ended.
            end = vocabulary.index(EOS if EOS in vocabulary else UNK)
            found = score_sentences(step, sentences, end, batch_size)
        yield from map(unknown.rescore, found)


# --------------------------------------------------------------------------- writing


def write(
    found: Iterable[Scored],
    first_costs: Iterator[tuple[str, float]],
    options: argparse.Namespace,
    out: TextIO,
    best_file: TextIO | None,
) -> Sums:
    """Writes the scores as they come, and the best hypotheses; returns the sums of all."""
    writer, best, sums = make_writer(options), BestHypotheses(), Sums()
    for scored in found:
        out.write(writer.sentence(scored))
        sums.add(Sums.of(scored))
        if best_file is not None:
            sentence = scored.sentence
            first = cost_of(sentence.key, first_costs, options.first_scores)
            mixed = options.weight * cost(scored) + (1 - options.weight) * first
            best_file.write(best.add(sentence.key, sentence.words, mixed))
    if best_file is not None:
        for key, _ in first_costs:
            raise DataError(f"{options.first_scores} has {shown(key)}, which is no hypothesis")
        best_file.write(best.end())
    out.write(writer.end(sums))
    return sums


def cost_of(key: str, costs: Iterator[tuple[str, float]], path: Path) -> float:
    """The next cost. DataError where it is not that of `key`."""
    name, value = next(costs, ("no more", 0.0))
    if name != key:
        raise DataError(f"{path} has {shown(name)} in the place of {shown(key)}")
    return value


def make_writer(options: argparse.Namespace) -> Writer:
    """The writer of the format."""
    base: Any = options.log_base or math.e
    writers: dict[str, Writer] = {
        "table": Table(base),
        "jsonl": JsonLines(base),
        "srilm": Srilm(str(options.text or "-")),
        "kenlm": Kenlm(),
        "kaldi": Kaldi(),
    }
    return writers[options.format]


def tell_unknown(sums: Sums) -> None:
    """Warns where many words are unknown."""
    share = sums.unknown / (sums.words + sums.sentences)
    if share > MANY_UNKNOWN:
        count = f"{sums.unknown:,} of {sums.words + sums.sentences:,} words ({share:.1%})"
        command.warn(f"{count} are unknown to the run: the scores say little of such a text")


if __name__ == "__main__":
    sys.exit(command.run(main))
