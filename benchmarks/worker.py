"""One side of the benchmark in a process of its own, so that none disturbs another.

It makes its step, does it once, and says so in a line of JSON. Then, for each number that it
reads, it does so many steps and answers with their times: `{"seconds": [...], "cpu": ...}`. What
it cannot do, it answers with `{"error": ...}`, and ends.
"""

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from benchmarks.sides import KINDS
from benchmarks.task import Step, config_of, make_words

PACKAGES = ("numpy", "tensorflow", "keras", "torch")


def main() -> None:
    """Serves one side until its standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("name")
    parser.add_argument("size")
    parser.add_argument("task", choices=("training", "evaluation"))
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints does not mix with the answers
    try:
        for answer in serve(options):
            print(json.dumps(answer), file=answers, flush=True)
    except Exception as error:
        first = str(error).partition("\n")[0] or type(error).__name__
        print(json.dumps({"error": first}), file=answers, flush=True)
        sys.exit(1)


def serve(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The answers: to the first step, then to each line of the standard input."""
    training = options.task == "training"
    config = config_of(options.size, training)
    step = KINDS[options.kind][options.name].make(config, make_words(config), training)
    yield {"cost": float(step()), "versions": versions()}
    for line in sys.stdin:
        yield timed(step, int(line))


def versions() -> dict[str, str]:
    """Of Python and of the packages that this process has imported."""
    found = {name: version(name) for name in PACKAGES if name in sys.modules}
    return {"python": platform.python_version(), **found}


def timed(step: Step, count: int) -> dict[str, Any]:
    """Seconds of each of so many steps, CPU seconds of all, largest resident size so far in KiB."""
    seconds, cpu = [], time.process_time()
    for _ in range(count):
        begun = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begun)
    cpu = time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "cpu": cpu, "memory": memory}


if __name__ == "__main__":
    main()
