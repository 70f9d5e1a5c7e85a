"""Our speed beside the alternatives' and beside the machine's limit, in training and evaluation.

    python bench.py --size small
    python bench.py --size small --evaluation

Every side runs in a process of its own (benchmarks/worker.py); the sides take turns, a short round
each, so that whatever else the machine does meets all of them. Ratios are of one round's rates.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import command
from benchmarks.sides import (
    ALTERNATIVES,
    LIMITS,
    MATRIX,
    OURS,
    SIZES,
    config_of,
    flops_per_word,
)
from command import UserError

FEWEST_ROUNDS = 5
ROUND = 1.0  # seconds that a side runs at a time, or one step if that takes longer


@dataclass
class Measured:
    """What is known of one side.

    startup: seconds from the start of its process to the end of its first step, which compiles.
    rates: steps a second, one of each round. cpu: CPU seconds a step, one of each round.
    memory: the process's largest resident size, in MiB.
    """

    kind: str
    name: str
    startup: float = 0.0
    memory: float = 0.0
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class Worker:
    """The process of one side; a context that ends it."""

    def __init__(self, kind: str, name: str, size: str, training: bool = True):
        self.measured = Measured(kind, name)
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", kind, name, size, task(training)],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._answer()
        self.measured.startup = time.perf_counter() - started
        self._steps = max(round(ROUND / min(self._run(3)["seconds"])), 1)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.communicate()

    def round(self) -> None:
        """Runs for about ROUND seconds and notes how fast that was."""
        answer = self._run(self._steps)
        self.measured.rates.append(1 / statistics.median(answer["seconds"]))
        self.measured.cpu.append(answer["cpu"] / self._steps)
        self.measured.memory = answer["memory"] / 1024

    def _run(self, steps: int) -> dict[str, Any]:
        assert self._process.stdin
        print(steps, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout and self._process.stderr
        line = self._process.stdout.readline()
        if not line:
            why = self._process.stderr.read().strip().splitlines() or ["it says nothing"]
            raise UserError(f"{self.measured.name} has failed: {why[-1]}")
        return json.loads(line)


def make_parser() -> command.Parser:
    """The options; a list of names is what is compared, all by default."""
    parser = command.Parser(
        prog="bench.py", description="Compares the speed of training or scoring."
    )
    add = parser.add_argument
    add("--size", choices=(*SIZES, "all"), default="small", help="size of the PTB model (small)")
    add("--precision", nargs="+", choices=OURS, default=list(OURS), help="ours (both)")
    add("--against", nargs="*", choices=ALTERNATIVES, help="alternatives (all that are installed)")
    add("--evaluation", action="store_true", help="score one stream of words, do not train")
    add("--seconds", type=float, default=20.0, help="how long each side runs in all (20)")
    add("--profile", action="store_true", help="list instead where the time of our step goes")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if options.profile and options.evaluation:
        parser.error("--profile is of training: it cannot be given with --evaluation")
    found: dict[str, Any] = {}
    for size in SIZES if options.size == "all" else (options.size,):
        if options.profile:
            found[size] = {name: show_profile(size, name) for name in options.precision}
        else:
            found[size] = compare(size, options)
    if options.json:
        from tf1rnn.runtime.files import write_atomically

        write_atomically(options.json, (json.dumps(found, indent=2) + "\n").encode())
    return 0


def task(training: bool) -> str:
    """What is measured, in a word."""
    return "training" if training else "evaluation"


def compare(size: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measures all sides of one size and prints their table."""
    names = installed() if options.against is None else options.against
    wanted = [("ours", name) for name in options.precision]
    wanted += [("alternative", name) for name in names]
    wanted += [("limit", name) for name in options.precision]
    training = not options.evaluation
    sides = measure(size, wanted, options.seconds, training)
    print_table(size, sides, training)
    return [asdict(side) for side in sides]


def installed() -> list[str]:
    """The alternatives that can run here; a line says which cannot."""
    if importlib.util.find_spec("torch"):
        return list(ALTERNATIVES)
    print('PyTorch is not installed (pip install -e ".[bench]"): left out')
    return [name for name in ALTERNATIVES if not name.startswith("torch")]


def measure(
    size: str, wanted: Sequence[tuple[str, str]], seconds: float, training: bool
) -> list[Measured]:
    """Starts a process for each side, one after the other, and lets them take turns."""
    from rich.progress import track

    with ExitStack() as stack:
        workers = [
            stack.enter_context(Worker(kind, name, size, training))
            for kind, name in track(wanted, "starting", transient=True)
        ]
        rounds = max(round(seconds / ROUND), FEWEST_ROUNDS)
        for number in track(range(rounds), "measuring", transient=True):
            turn = number % len(workers)
            for worker in workers[turn:] + workers[:turn]:
                worker.round()
        return [worker.measured for worker in workers]


def print_table(size: str, sides: Sequence[Measured], training: bool) -> None:
    """Rates, ratios and costs, a line a side."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    config = config_of(size, training)
    words = config.batch_size * config.num_steps  # of a step
    work = flops_per_word(config, training)
    ours = [side for side in sides if side.kind == "ours"]
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # room for all columns
    title = f"{size}: {task(training)}"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title=title)
    for heading in ("", "words/s", "quartiles", *(f"{side.name} / it" for side in ours)):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for heading in ("of the limit", "CPU ms a step", "start, s", "memory, MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for side in (side for side in sides if side.kind != "limit"):
        low, median, high = (rate * words for rate in statistics.quantiles(side.rates, n=4))
        table.add_row(
            side.name,
            f"{median:,.0f}",
            f"{low:,.0f} - {high:,.0f}",
            *(f"{ratio(one, side):.2f}" if one is not side else "" for one in ours),
            f"{share(median * work, side, sides):.0%}" if side.kind == "ours" else "",
            f"{1000 * statistics.median(side.cpu):.1f}",
            f"{side.startup:.1f}",
            f"{side.memory:.0f}",
        )
    console.print(table)
    for side in (side for side in sides if side.kind == "limit"):
        print(f"{side.name} products: {limit(side) / 1e9:,.0f} GFLOP/s")
    for side in sides:
        print(f"{side.name}: {description(side)}")


def description(side: Measured) -> str:
    """What the side does, in words."""
    kinds = {"ours": OURS, "alternative": ALTERNATIVES, "limit": LIMITS}
    return kinds[side.kind][side.name].description


def ratio(one: Measured, other: Measured) -> float:
    """How many times as fast `one` is: the median over rounds."""
    return statistics.median(a / b for a, b in zip(one.rates, other.rates, strict=True))


def limit(side: Measured) -> float:
    """Floating-point operations a second that large products reach."""
    return statistics.median(side.rates) * 2 * MATRIX**3


def share(rate: float, side: Measured, sides: Sequence[Measured]) -> float:
    """The share of the machine's rate of products that a side's products, `rate`, take."""
    (most,) = (limit(one) for one in sides if (one.kind, one.name) == ("limit", side.name))
    return rate / most


def show_profile(size: str, precision: str) -> dict[str, float]:
    """Prints the kinds of operations that take most of the time of a step; all, in seconds."""
    command.import_tensorflow()
    from benchmarks.profile import profile

    times = profile(SIZES[size], precision)
    total = sum(times.values())
    print(f"{size} in {precision}: {1000 * total:.1f} ms of operations a step")
    for name, seconds in list(times.items())[:15]:
        print(f"  {1000 * seconds:7.2f} ms  {seconds / total:4.0%}  {name}")
    return times


if __name__ == "__main__":
    sys.exit(command.run(main))
