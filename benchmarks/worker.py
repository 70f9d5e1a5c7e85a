"""One side of the benchmark in a process of its own, so that none disturbs another.

It makes its step, does it once, and says so in a line of JSON. Then, for each number that it
reads, it does so many steps and answers with their times. `{"seconds": [...], "cpu": ...}`
"""

import argparse
import json
import os
import resource
import sys
import time

from benchmarks.sides import ALTERNATIVES, LIMITS, OURS, config_of, make_words


def main() -> None:
    """Serves one side until its standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("ours", "alternative", "limit"))
    parser.add_argument("name")
    parser.add_argument("size")
    parser.add_argument("task", choices=("training", "evaluation"))
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints does not mix with the answers
    sides = {"ours": OURS, "alternative": ALTERNATIVES, "limit": LIMITS}[options.kind]
    training = options.task == "training"
    config = config_of(options.size, training)
    step = sides[options.name].make(config, make_words(config), training)
    print(json.dumps({"cost": float(step())}), file=answers, flush=True)
    for line in sys.stdin:
        seconds, cpu = [], time.process_time()
        for _ in range(int(line)):
            begun = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - begun)
        cpu = time.process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            json.dumps({"seconds": seconds, "cpu": cpu, "memory": memory}),
            file=answers,
            flush=True,
        )


if __name__ == "__main__":
    main()
