"""Shapes outside the presets, beside TensorFlow 1's cells: what `bench.py --cases` measures.

Each case is a graph of this library and one of TensorFlow's private cells, of equal variables and
inputs. Both stand in one process and take turns. A step is the gradients of all variables, or the
outputs where a stream is scored; its CPU time counts, which other work on the machine disturbs
least.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.ops import rnn, rnn_cell

import tf1rnn

TF1 = SimpleNamespace(
    **{name: getattr(rnn_cell, name) for name in ("BasicLSTMCell", "LSTMCell", "MultiRNNCell")},
    DropoutWrapper=rnn_cell.DropoutWrapper,
    dynamic_rnn=rnn.dynamic_rnn,
    bidirectional_dynamic_rnn=rnn.bidirectional_dynamic_rnn,
    static_rnn=rnn.static_rnn,
    sequence_loss=lambda *lists: tf.nn.sparse_softmax_cross_entropy_with_logits(
        logits=lists[0][0], labels=lists[1][0]
    ),
)
OURS = SimpleNamespace(**vars(tf1rnn))
OURS.sequence_loss = tf1rnn.sequence_loss_by_example
WARM_UP = 3
SECONDS = 0.3  # that a side runs at a time, or one step if that takes longer

Library = ModuleType | SimpleNamespace


@dataclass(frozen=True)
class Case:
    """One row of the table.

    outputs: makes what is computed, with the classes and functions of a library.
    trains: the step is the gradients of all variables; else the outputs alone.
    """

    name: str
    outputs: Callable[[Any], tf.Tensor]
    trains: bool = True


@dataclass
class Timed:
    """CPU ms a step of each round; CPU seconds to make the graph and take the first step."""

    first: float
    steps: list[float]


def stack(library: Any, units: int, layers: int = 2, keep_prob: float = 1.0) -> Any:
    """Layers of BasicLSTMCell, with dropout on their outputs where keep_prob is below 1."""
    cells = [library.BasicLSTMCell(units) for _ in range(layers)]
    if keep_prob < 1:
        cells = [library.DropoutWrapper(cell, output_keep_prob=keep_prob) for cell in cells]
    return library.MultiRNNCell(cells)


def drawn(rows: int, steps: int, depth: int, known: bool = False) -> tf.Tensor:
    """Random inputs `[rows, steps, depth]`, fed, the number of steps known to the graph or not."""
    array = np.random.default_rng(0).normal(size=[rows, steps, depth]).astype("f4")
    return tf.placeholder_with_default(array, [rows, steps if known else None, depth])


def unknown_steps(library: Any, rows: int, steps: int, units: int) -> tf.Tensor:
    """Two layers along a sequence of a length that the graph does not know."""
    inputs = drawn(rows, steps, units)
    return library.dynamic_rnn(stack(library, units), inputs, dtype=tf.float32)[0]


def padded(library: Any) -> tf.Tensor:
    """200 steps of which the longest row has 40."""
    lengths = np.minimum(2 * np.arange(20) + 2, 40)
    cell = library.BasicLSTMCell(200)
    return library.dynamic_rnn(cell, drawn(20, 200, 200), lengths, dtype=tf.float32)[0]


def bidirectional(library: Any) -> tf.Tensor:
    """A layer each way, of rows that end early."""
    lengths = np.random.default_rng(1).integers(5, 21, 20)
    cells = [library.BasicLSTMCell(200) for _ in range(2)]
    both, _ = library.bidirectional_dynamic_rnn(
        *cells, drawn(20, 20, 200), lengths, dtype=tf.float32
    )
    return tf.concat(both, 2)


def known_steps(library: Any) -> tf.Tensor:
    """51 steps, one more than are unrolled."""
    return library.dynamic_rnn(stack(library, 100), drawn(20, 51, 100, True), dtype=tf.float32)[0]


def by_hand(library: Any) -> tf.Tensor:
    """`for t ...: output, state = cell(x[t], state)`, medium with dropout."""
    inputs = drawn(20, 35, 650, True)
    cell = stack(library, 650, keep_prob=0.5)
    state, outputs = cell.zero_state(20, tf.float32), []
    for t in range(35):
        output, state = cell(inputs[:, t], state)
        outputs.append(output)
    return tf.stack(outputs)


def tutorial(library: Any) -> tf.Tensor:
    """A step of the tutorial of 2016: a hand-written loop and the losses of all its words."""
    inputs = drawn(20, 20, 200, True)
    cell = stack(library, 200)
    state, outputs = cell.zero_state(20, tf.float32), []
    for t in range(20):
        output, state = cell(inputs[:, t], state)
        outputs.append(output)
    rows = tf.reshape(tf.concat(outputs, 1), [-1, 200])
    softmax_w = tf.get_variable("softmax_w", [200, 10_000])
    logits = rows @ softmax_w + tf.get_variable("softmax_b", [10_000])
    targets = tf.constant(np.random.default_rng(2).integers(0, 10_000, 400))
    return library.sequence_loss([logits], [targets], [tf.ones([400])])


def peepholes(library: Any) -> tf.Tensor:
    """Three layers, of which the one in the middle has peepholes."""
    cells = [
        library.BasicLSTMCell(200),
        library.LSTMCell(200, use_peepholes=True),
        library.BasicLSTMCell(200),
    ]
    cell = library.MultiRNNCell(cells)
    return library.dynamic_rnn(cell, drawn(20, 20, 200, True), dtype=tf.float32)[0]


def wide(library: Any) -> tf.Tensor:
    """A layer on features that are fed, 4,000 to a step: nobody wants their gradient."""
    inputs = drawn(20, 20, 4_000, True)
    return library.dynamic_rnn(library.BasicLSTMCell(200), inputs, dtype=tf.float32)[0]


def unrolled(library: Any) -> tf.Tensor:
    """Three small layers along 50 known steps: what it takes to make the graph."""
    return library.dynamic_rnn(stack(library, 16, 3), drawn(4, 50, 16, True), dtype=tf.float32)[0]


CASES = (
    Case("padded: 200 steps, longest row 40", padded),
    Case("unknown steps: 20 x 20 x 200", lambda lib: unknown_steps(lib, 20, 20, 200)),
    Case("unknown steps: 35 x 20 x 650", lambda lib: unknown_steps(lib, 20, 35, 650)),
    Case("bidirectional with lengths, steps unknown", bidirectional),
    Case("51 steps, known", known_steps),
    Case("loop by hand, medium with dropout", by_hand),
    Case("step of a 2016 tutorial, small", tutorial),
    Case("a layer with peepholes in a stack of three", peepholes),
    Case("inputs fed, 4,000 wide", wide),
    Case("one stream of 200 steps, 200 units", lambda lib: unknown_steps(lib, 1, 200, 200), False),
    Case("one stream of 200 steps, 650 units", lambda lib: unknown_steps(lib, 1, 200, 650), False),
    Case("three layers of 16, 50 known steps", unrolled),
)


def measure(rounds: int) -> Iterator[tuple[str, Timed, Timed]]:
    """Each case's name, what ours takes and what TensorFlow 1's takes, one after the other."""
    for case in CASES:
        with ExitStack() as opened:
            made = [_open(case, library, opened) for library in (OURS, TF1)]
            timed = [Timed(first, []) for _, first in made]
            for _ in range(rounds):
                for (step, _), side in zip(made, timed, strict=True):
                    side.steps.append(_milliseconds(step))
            yield case.name, timed[0], timed[1]


def line(name: str, ours: Timed, tf1: Timed) -> str:
    """A row of the table."""
    ratio = statistics.median(b / a for a, b in zip(ours.steps, tf1.steps, strict=True))
    return (
        f"| {name} | {statistics.median(ours.steps):.1f} | {statistics.median(tf1.steps):.1f} | "
        f"{ratio:.2f} | {ours.first:.1f} | {tf1.first:.1f} |"
    )


def _open(case: Case, library: Any, opened: ExitStack) -> tuple[Callable[[], object], float]:
    """The step of a case, and CPU seconds until it was taken once."""
    gc.collect()  # or the graphs of the case before would be taken away in this one's time
    started = time.process_time()
    with tf.Graph().as_default() as graph, tf.variable_scope("model", use_resource=True):
        outputs = case.outputs(library)
        fetched = [outputs]
        if case.trains:
            fetched = tf.gradients(tf.reduce_sum(outputs**2), tf.trainable_variables())
        initialize = tf.global_variables_initializer()
        graph.finalize()
        session = opened.enter_context(tf.Session(graph=graph))
        session.run(initialize)
        step = session.make_callable([tensor.op for tensor in fetched])
    step()
    first = time.process_time() - started
    for _ in range(WARM_UP):
        step()
    return step, first


def _milliseconds(step: Callable[[], object]) -> float:
    """CPU ms a step, the mean over SECONDS."""
    steps, started, cpu = 0, time.perf_counter(), time.process_time()
    while not steps or time.perf_counter() - started < SECONDS:
        step()
        steps += 1
    return (time.process_time() - cpu) / steps * 1000
