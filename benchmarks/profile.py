"""Where the time of our training step goes, by kind of operation."""

from __future__ import annotations

import collections
import dataclasses
import statistics
from typing import Any

from benchmarks.ours import minibatches, open_model
from benchmarks.task import make_words
from config import PTBConfig

STEPS = 10


def profile(config: PTBConfig, precision: str) -> dict[str, float]:
    """Seconds that a step spends in each kind of operation, the most expensive first.

    From the start of each operation to its end, however many threads it has: the median over a few
    steps, after as many to warm up. Operations run beside each other, so the sum may be more than
    the step takes.
    """
    import tensorflow.compat.v1 as tf

    from training.step import Step

    config = dataclasses.replace(config, precision=precision)
    session, model = open_model(config)
    fetches = [model.cost, model.train_op]
    step, fed = Step(session, model, fetches), minibatches(make_words(config))
    trace = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    steps: list[dict[str, float]] = []
    with session:
        for _ in range(STEPS):
            step(next(fed), step.zero_state)
        for _ in range(STEPS):
            metadata = tf.RunMetadata()
            session.run(fetches, step.feed_dict(next(fed), step.zero_state), trace, metadata)
            steps.append(seconds_by_kind(metadata.step_stats))
    times = {
        kind: statistics.median(one.get(kind, 0.0) for one in steps)
        for kind in {kind for one in steps for kind in one}
    }
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def seconds_by_kind(step_stats: Any) -> dict[str, float]:
    """The time of all operations of one step, added up by their type."""
    seconds: dict[str, float] = collections.defaultdict(float)
    for device in step_stats.dev_stats:
        for node in device.node_stats:
            kind = node.timeline_label.partition(" = ")[2].partition("(")[0] or node.node_name
            kind = kind.removeprefix("_Mkl")  # MatMul, by oneDNN
            seconds[kind] += (node.op_end_rel_micros - node.op_start_rel_micros) / 1e6
    return seconds
