"""Our speed beside the alternatives' and beside the machine's limit, in training and evaluation.

    python bench.py --size small
    python bench.py --size small --evaluation
    python bench.py --cases

Every side runs in a process of its own (benchmarks/worker.py); the sides take turns, a short round
each, so that whatever else the machine does meets all of them. Ratios are of one round's rates.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.measure import Measured, SideError, Worker, measure
from benchmarks.ours import WORK
from benchmarks.sides import ALTERNATIVES, KINDS, OURS
from benchmarks.task import SIZES, config_of, flops_per_word
from training import command

TORCH_PYTHON = Path(__file__).parent / ".venv-bench" / "bin" / "python"


def make_parser() -> command.Parser:
    """The options; a list of names is what is compared, all by default."""
    parser = command.Parser(
        prog="bench.py", description="Compares the speed of training or scoring."
    )
    add = parser.add_argument
    add("--size", choices=(*SIZES, "all"), default="small", help="size of the PTB model (small)")
    add("--precision", nargs="+", choices=OURS, default=list(OURS), help="ours (both)")
    add("--against", nargs="*", choices=ALTERNATIVES, default=list(ALTERNATIVES), help="(all)")
    add("--torch_python", type=Path, default=TORCH_PYTHON, help="a Python that has PyTorch")
    add("--evaluation", action="store_true", help="score one stream of words, do not train")
    add("--seconds", type=float, default=20.0, help="how long each side runs in all (20)")
    add("--cases", action="store_true", help="other shapes instead, beside TensorFlow 1's cells")
    add("--profile", action="store_true", help="list instead where the time of our step goes")
    add("--json", type=command.output, metavar="FILE", help="write the figures there, too")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if options.profile and options.evaluation:
        parser.error("--profile is of training: it cannot be given with --evaluation")
    if options.cases and (options.profile or options.evaluation):
        parser.error("--cases has shapes of its own: give it alone")
    found = {"cases": show_cases()} if options.cases else {"sizes": compare_sizes(options)}
    if options.json:
        write(options.json, found)
    return 0


def compare_sizes(options: argparse.Namespace) -> dict[str, Any]:
    """What was found of each size that was asked for."""
    found: dict[str, Any] = {}
    for size in SIZES if options.size == "all" else (options.size,):
        if options.profile:
            found[size] = {name: show_profile(size, name) for name in options.precision}
        else:
            found[size] = compare(size, options)
    return found


def write(file: Path, found: Mapping[str, Any]) -> None:
    """Writes what was found, with the date and the machine."""
    from training.files import write_output

    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    facts = {"date": date, "machine": machine.describe(), **found}
    write_output(file, (json.dumps(facts, indent=2) + "\n").encode())


def task(training: bool) -> str:
    """What is measured, in a word."""
    return "training" if training else "evaluation"


def compare(size: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measures all sides of one size and prints their table, and who is not in it."""
    wanted = [("ours", name) for name in options.precision]
    wanted += [("alternative", name) for name in options.against]
    wanted += [("limit", name) for name in options.precision]
    training = not options.evaluation

    def start(kind: str, name: str) -> Worker:
        python = python_of(kind, name, options.torch_python)
        return Worker(python, kind, name, size, task(training))

    sides, left_out = measure(wanted, start, options.seconds)
    print_table(size, sides, training)
    for reason in dict.fromkeys(left_out.values()):
        names = [name for name in left_out if left_out[name] == reason]
        print(f"{', '.join(names)}: left out: {reason}")
    return {"sides": [asdict(side) for side in sides], "left_out": left_out}


def python_of(kind: str, name: str, torch_python: Path) -> Path:
    """The interpreter that runs a side: PyTorch and TensorFlow in one process can abort.

    Raises:
        SideError: there is none.
    """
    if not KINDS[kind][name].in_torch:
        return Path(sys.executable)
    if not torch_python.exists():
        raise SideError(f"there is no {torch_python}: `make bench` installs PyTorch in .venv-bench")
    return torch_python.absolute()


def print_table(size: str, sides: Sequence[Measured], training: bool) -> None:
    """Rates, ratios and costs, a line a side."""
    from rich import box
    from rich.table import Table

    from training.screen import table_console

    config = config_of(size, training)
    words = config.batch_size * config.num_steps  # of a step
    work = flops_per_word(config, training)
    ours = [side for side in sides if side.kind == "ours"]
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
    table_console(width=140).print(table)  # room for all columns
    for side in (side for side in sides if side.kind == "limit"):
        print(f"{side.name} products: {limit(side) / 1e9:,.0f} GFLOP/s")
    for side in sides:
        print(f"{side.name}: {description(side)}")


def description(side: Measured) -> str:
    """What the side does, in words."""
    return KINDS[side.kind][side.name].description


def ratio(one: Measured, other: Measured) -> float:
    """How many times as fast `one` is: the median over rounds."""
    return statistics.median(a / b for a, b in zip(one.rates, other.rates, strict=True))


def limit(side: Measured) -> float:
    """Floating-point operations a second that large products reach."""
    return statistics.median(side.rates) * WORK


def share(rate: float, side: Measured, sides: Sequence[Measured]) -> float:
    """The share of the machine's rate of products that a side's products, `rate`, take."""
    (most,) = (limit(one) for one in sides if (one.kind, one.name) == ("limit", side.name))
    return rate / most


def show_cases() -> dict[str, Any]:
    """Prints the table of other shapes; their figures, by the name of the case."""
    command.import_tensorflow()
    from benchmarks.cases import line, measure
    from benchmarks.worker import versions

    print("| case | ours, CPU ms a step | TensorFlow 1's | TensorFlow 1's / ours |", end="")
    print(" ours, CPU s to make it and take the first step | TensorFlow 1's |")
    print("|---|---|---|---|---|---|")
    found: dict[str, Any] = {}
    for name, ours, tf1 in measure(rounds=7):
        print(line(name, ours, tf1), flush=True)
        found[name] = {"ours": asdict(ours), "tf1": asdict(tf1)}
    return {"versions": versions(), **found}


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
