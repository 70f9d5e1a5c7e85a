"""Which layout of the matrix products is the fastest here: `python -m benchmarks.layouts`.

Each size trains with every layout of `tf1rnn.kernels.layout`, in turn, in one process. The figures
are medians over the rounds; what is measured once says little.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from benchmarks import machine
from benchmarks.task import SIZES, make_words
from config import PTBConfig
from training import command

WARM_UP = 2  # steps, the first of which is slow


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = command.Parser(prog="python -m benchmarks.layouts", description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["small", "medium"])
    parser.add_argument("--rounds", type=positive, default=9, help="turns of each layout (9)")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    options = parser.parse_args(argv)
    command.import_tensorflow()
    here = machine.describe()
    flags = " ".join(name for name, has in here["flags"].items() if has)
    print(f"{here['processor']} ({flags}), {here['cores']} cores, {options.precision}, ", end="")
    print(f"{options.rounds} rounds\n")
    print("| size | operands | recurrent product | ms a step | times the copied, one a gate |")
    print("|---|---|---|---|---|")
    for size in options.sizes:
        for line in measured(size, options.rounds, options.precision):
            print(line, flush=True)
    return 0


def positive(text: str) -> int:
    """An int of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def measured(size: str, rounds: int, precision: str) -> list[str]:
    """A row of the table for each layout, the chosen one marked."""
    from tf1rnn.kernels import layout

    config = replace(SIZES[size], precision=precision)
    chosen = layout.choose(precision, config.hidden_size)
    layouts = [layout.Layout(*pair) for pair in itertools.product([False, True], repeat=2)]
    with ExitStack() as opened:
        sides = []
        for one in layouts:
            with layout.asked_for(one):
                sides.append(side(config, opened))
        seconds = list(zip(*([timed(step) for step in sides] for _ in range(rounds)), strict=True))
    rows = []
    for one, times in zip(layouts, seconds, strict=True):
        ratio = statistics.median(a / b for a, b in zip(seconds[0], times, strict=True))
        rows.append(
            f"| {size} | {'marked' if one.marked else 'copied'} | "
            f"{'whole' if one.whole else 'one a gate'} | {statistics.median(times) * 1e3:.1f} | "
            f"{ratio:.2f}{' (chosen here)' if one == chosen else ''} |"
        )
    return rows


def side(config: PTBConfig, opened: ExitStack) -> Callable[[], object]:
    """A training step of the layout that holds here, its first steps made."""
    from benchmarks.ours import minibatches, open_model
    from training.step import Step

    session, model = open_model(config)
    opened.callback(session.close)
    run, fed = Step(session, model, [model.train_op]), minibatches(make_words(config))
    state = run.zero_state

    def step() -> object:
        return run(next(fed), state)

    for _ in range(WARM_UP):
        step()
    return step


def timed(step: Callable[[], object]) -> float:
    """Seconds of a step."""
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(command.run(main))
