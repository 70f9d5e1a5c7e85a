"""What a trained run goes on with: `python generate.py logs/RUN --start "the captain"`.

A language model writes on, word by word, fed its own words. The networks of sin_cos and sine draw
their curves on, fed their own points.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import evaluate
import problems
from reader import EOS, UNK, read_words, to_ids
from training import command, memory
from training.command import UserError
from training.fields import POSITIVE, checked, fields_of, from_text, setting, shown
from training.subwords import joiner, split

if TYPE_CHECKING:
    import tensorflow.compat.v1 as tf

    from training.generation import Continued
    from training.run import Run

FILE = "FILE:"  # begins a --start that is in a file
BETWEEN = "-" * 15  # two texts
MOST_NAMED = 10  # unknown words
POINTS = 500  # of a curve, where --max_new_tokens is not given
PLOT = Path("logs/generate.png")


@dataclass(frozen=True)
class Writing:
    """How texts are written. Each field is an option of the command line."""

    num_samples: int = setting(1, "texts, written side by side", low=1, high=100_000)
    max_new_tokens: int = setting(100, "new words in each", low=1, high=1_000_000)
    temperature: float = setting(
        1.0, "below 1 the likely gets likelier; 0: the likeliest word each time", low=0, high=1e6
    )
    top_k: int = setting(0, "of the so many likeliest words; 0: of all", low=0)
    top_p: float = setting(
        1.0, "of the likeliest words that together have this probability", low=POSITIVE, high=1
    )
    seed: int = setting(1, "equal seeds write equal texts", low=0, high=2**31 - 1)
    beam: int = setting(
        0, "search the likeliest texts, with so many kept; 0: draw the words", low=0, high=100_000
    )


DRAWN = ("temperature", "top_k", "top_p", "seed")  # what is of no use to a search


def make_parser() -> command.Parser:
    """The command line."""
    parser = command.Parser(
        prog="generate.py", description="Goes on with a text, or a curve, as a run has learned it."
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the run's folder, logs/RUN")
    add("--start", metavar="TEXT", help=f"what is gone on with; {FILE}PATH, that file's text")
    add("--interactive", action="store_true", help="go on with each line that is typed")
    for name, (_, limits) in fields_of(Writing).items():
        default = getattr(Writing, name)
        more = f"; of a curve, points ({POINTS})" if name == "max_new_tokens" else ""
        add(f"--{name}", metavar="N", help=f"{limits.help} ({default}){more}")
    add("--checkpoint", choices=("best", "last"), default="best", help="which weights (best)")
    add(
        "--plot",
        type=command.output_png,
        metavar="FILE",
        help=f"where the picture of a curve goes ({PLOT})",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    options = make_parser().parse_args(argv)
    numbers = read_numbers(options)
    start = read_start(options)
    command.import_tensorflow()
    from training.run import Run

    run = Run.open(options.run)
    vocabulary = run.read_vocabulary()
    if vocabulary is None:
        for_texts = {"start", "interactive", *fields_of(Writing)} - {"max_new_tokens"}
        refuse(options, for_texts, f"is for texts; the data of {run.path} are not one")
        go_on_with_curve(run, numbers.get("max_new_tokens", POINTS), options)
        return 0
    refuse(options, {"plot"}, f"is for curves; the data of {run.path} are a text")
    starts = typed_lines() if options.interactive else [start]
    for text in write(run, options.checkpoint, vocabulary, Writing(**numbers), starts):
        print(text, flush=True)
    return 0


def read_numbers(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of `Writing` that are given. ConfigError or UserError for what does not go."""
    numbers: dict[str, Any] = {
        name: checked(name, kind, limits, from_text(kind, text))
        for name, (kind, limits) in fields_of(Writing).items()
        if (text := getattr(options, name)) is not None
    }
    writing = Writing(**numbers)
    if writing.beam:
        refuse(options, set(DRAWN), "is for words that are drawn; --beam searches them")
        if writing.num_samples > writing.beam:
            raise UserError(f"--beam {writing.beam} finds fewer than {writing.num_samples} texts")
    return numbers


def refuse(options: argparse.Namespace, names: set[str], why: str) -> None:
    """Raises UserError where one of the options is given."""
    for name in sorted(names):
        if getattr(options, name) not in (None, False):
            raise UserError(f"--{name} {why}")


# ------------------------------------------------------------------------ texts


def read_start(options: argparse.Namespace) -> list[str]:
    """The words that a text begins with, `<eos>` at the ends of its lines.

    Raises:
        UserError: there is none, or two, or the file cannot be read.
    """
    text = options.start
    if text is None:
        return []
    if options.interactive:
        raise UserError("--interactive takes what is typed: --start cannot be given")
    if not text.startswith(FILE):
        return words_of(text)
    path = Path(text.removeprefix(FILE))
    words = read_words(path)
    whole_lines = path.read_bytes().endswith((b"\n", b"\r"))
    return words if whole_lines else words[:-1]


def words_of(text: str) -> list[str]:
    """The words of a text whose last line is open. UserError where it has none, or is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError("the start is not UTF-8 text") from None
    words = text.replace("\n", f" {EOS} ").split()
    if not set(words) - {EOS}:
        raise UserError("the start is empty: it needs a word")
    return [word.lower() if word.lower() in (EOS, UNK) else word for word in words]


def text_of(words: Sequence[str], join: Callable[[Sequence[str]], str]) -> str:
    """The words in lines, each ended by an `<eos>` and joined."""
    lines: list[list[str]] = [[]]
    for word in words:
        if word == EOS:
            lines.append([])
        else:
            lines[-1].append(word)
    return "\n".join(join(line) for line in lines)


def typed_lines() -> Iterator[list[str]]:
    """The words of each line that comes from standard input; what has none is said."""
    prompt = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            yield words_of(input(prompt))
        except EOFError:
            return
        except UnicodeDecodeError:
            raise UserError("standard input is not UTF-8 text") from None
        except UserError as error:
            command.warn(str(error))


def tell_unknown(words: Sequence[str], vocabulary: Sequence[str]) -> None:
    """Warns of words that the run does not know."""
    known = {*vocabulary, EOS}
    unknown = [*dict.fromkeys(word for word in words if word not in known)]
    if unknown:
        more = f" and {len(unknown) - MOST_NAMED:,} more" if len(unknown) > MOST_NAMED else ""
        names = ", ".join(shown(word) for word in unknown[:MOST_NAMED])
        command.warn(f"the run does not know {names}{more}; read as {UNK}")


def write(
    run: Run,
    which: str,
    vocabulary: Sequence[str],
    writing: Writing,
    starts: Iterable[Sequence[str]],
) -> Iterator[str]:
    """For each start, what is written: the start and how it goes on, `num_samples` times.

    A start follows the end of a line, from a zero state. Start number n is gone on with by the
    seed `seed + n`, so that one that is typed again goes on in another way.
    """
    from training.generation import Walk

    config: Any = problems.load(run.config)
    rows = writing.beam or writing.num_samples
    numbers = 6 * config.vocab_size + 12 * sum(config.layer_sizes) + 2 * writing.max_new_tokens
    memory.require(4 * rows * numbers, f"to write {rows:,} texts at once")
    add, join = partial(add_texts, writing), joiner(vocabulary)
    with evaluate.trained_model(run, which, add, batch_size=1) as trained:
        walk = Walk(trained.session, trained.model, "input_data")
        new_words, feeds = trained.added
        go_on = trained.session.make_callable(new_words, feeds)
        for number, words in enumerate(starts):
            start = split(words, vocabulary)
            tell_unknown(start, vocabulary)
            ids = to_ids([EOS, *start], vocabulary)
            found = go_on(ids[-1:], (writing.seed + number) % 2**31, *walk(ids[None, :-1]))
            texts = [[*start, *(vocabulary[one] for one in row)] for row in found]
            yield f"\n{BETWEEN}\n".join(text_of(text, join) for text in texts)


def add_texts(writing: Writing, model: Any) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Adds what writes texts to the graph of a language model of one row.

    Returns:
        The new words, int32 `[num_samples, max_new_tokens]`, and what is to be fed: the last word
        before them, int32 `[1]`, the seed, an int32 scalar, and the parts of the state before it.
    """
    import tensorflow.compat.v1 as tf

    from training.generation import add_drawn_words, add_found_words

    network, state = model.step, model.initial_state
    word = tf.placeholder(tf.int32, [1], name="last_word")
    seed = tf.placeholder(tf.int32, [], name="seed")
    if writing.beam:
        new_words = add_found_words(network, word, state, writing)
    else:
        new_words = add_drawn_words(network, word, state, seed, writing)
    return new_words, [word, seed, *tf.nest.flatten(state)]


# ------------------------------------------------------------------------ curves


def go_on_with_curve(run: Run, num_points: int, options: argparse.Namespace) -> None:
    """Draws how a curve goes on by itself, and says how far it is off."""
    import numpy as np

    config = problems.load(run.config)
    model_class = problems.PROBLEMS[config.problem].model
    if not hasattr(model_class, "go_on"):
        raise UserError(f"{run.path} is of problem {config.problem}, which has nothing to go on")
    if options.plot is None:
        PLOT.parent.mkdir(exist_ok=True)
    curve = continue_curve(run, options.checkpoint, num_points)
    errors = (curve.prediction - curve.target)[curve.given :]
    print(f"{num_points:,} points by itself, rmse {np.sqrt(np.mean(errors**2)):.4g}")
    draw(run, curve, options.plot or PLOT)


def continue_curve(run: Run, which: str, num_points: int) -> Continued:
    """A curve that goes on for so many points, fed its own ones."""
    from training.generation import Predictor

    one_point: dict[str, Any] = (
        {"num_steps": 1} if hasattr(problems.load(run.config), "num_steps") else {}
    )
    with evaluate.trained_model(run, which, batch_size=1, **one_point) as trained:
        config, model, session, *_ = trained
        return model.go_on(config, Predictor(session, model), num_points)


def draw(run: Run, curve: Continued, path: Path) -> None:
    """Writes the picture, a PNG; warns where it cannot be drawn."""
    from training.pictures import continued, plain
    from training.pictures.output import write_png

    title = f"{plain(run.path.name)}: the curve goes on by itself"
    write_png(path, lambda: continued.draw(title, curve), dpi=100, what="picture")


if __name__ == "__main__":
    sys.exit(command.run(main))
