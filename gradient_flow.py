"""Why LSTMs: `python gradient_flow.py` shows how gradients flow back through time in each cell.

For a plain RNN, a GRU and LSTMs of three forget biases, all before any training, it measures the
norm of d loss(T) / d h(t) over a long random sequence. The loss is the sum of the outputs of the
last step T, scaled so that its gradient there has norm 1; so the norms are ratios, too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from training import command
from training.fields import Setting, checked, from_text
from training.numbers import plain

if TYPE_CHECKING:
    import numpy as np

LIMITS = {
    "num_steps": Setting(low=1, high=10_000),
    "hidden_size": Setting(low=1, high=10_000),
    "seed": Setting(low=0, high=2**31 - 1),
}
STEPS_SHOWN = (0, 10, 50, 100, 200)
FORGET_BIASES = (0.0, 1.0, 5.0)
BATCH_SIZE = 8

Flow: TypeAlias = "Mapping[str, np.ndarray]"
OUT = Path("logs/gradient_flow.png")


def make_parser() -> command.Parser:
    """The command line."""
    parser = command.Parser(
        prog="gradient_flow.py",
        description="Shows how gradients flow back through time in each kind of cell.",
    )
    add = parser.add_argument
    add("--num_steps", default="200", metavar="N", help="steps back in time (200)")
    add("--hidden_size", default="64", metavar="N", help="units of each cell (64)")
    add("--seed", default="1", metavar="N", help="seed of weights and inputs (1)")
    add(
        "--out",
        type=command.output_png,
        default=OUT,
        metavar="FILE",
        help=f"where the picture goes ({OUT})",
    )
    add("--json", type=command.output, metavar="FILE", help="write all norms there, too")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    options = make_parser().parse_args(argv)
    sizes = {name: _size(name, getattr(options, name)) for name in LIMITS}
    if options.out is OUT:
        OUT.parent.mkdir(exist_ok=True)
    command.import_tensorflow()
    flows = measure(**sizes)
    print_table(flows)
    draw(flows, f"Untrained cells of {sizes['hidden_size']} units, random inputs", options.out)
    if options.json:
        write_json(flows, sizes, options.json)
    return 0


def _size(name: str, text: str) -> Any:
    return checked(name, int, LIMITS[name], from_text(int, text))


def measure(num_steps: int, hidden_size: int, seed: int) -> dict[str, Flow]:
    """The gradient flow of every cell that is compared, by its label; see `measure_cell`."""
    import tf1rnn

    cells = {"plain RNN": tf1rnn.BasicRNNCell(hidden_size), "GRU": tf1rnn.GRUCell(hidden_size)}
    for bias in FORGET_BIASES:
        lstm = tf1rnn.BasicLSTMCell(hidden_size, forget_bias=bias)
        cells[f"LSTM, forget bias {bias:g}"] = lstm
    return {label: measure_cell(cell, num_steps, seed) for label, cell in cells.items()}


def measure_cell(cell: Any, num_steps: int, seed: int) -> Flow:
    """Norms of d loss(T) / d state(t), by the name of the state's part.

    All in float64, since float32 ends near 1e-38. The inputs `[num_steps, 8, hidden_size]` are
    independent and normal with deviation 1. Weights start as in TensorFlow 1, the same ones for
    every LSTM: kernels Glorot uniform (Glorot and Bengio 2010), biases zero, the GRU's gate
    biases one. The state starts from zero.

    Returns:
        Arrays `[num_steps + 1]`: entry n is the norm n steps back, where t = T - n.
    """
    import numpy as np
    import tensorflow.compat.v1 as tf

    import tf1rnn
    from tf1rnn.diagnostics import state_parts
    from training.session import open_session

    shape = [num_steps, BATCH_SIZE, cell.output_size]
    inputs = np.random.default_rng(seed).normal(size=shape)
    with tf.Graph().as_default(), open_session() as session:
        tf.set_random_seed(seed)
        norms = tf1rnn.gradient_flow(
            cell,
            tf.constant(inputs),
            lambda outputs: tf.reduce_sum(outputs[-1]) / np.sqrt(inputs[-1].size),
            time_major=True,
        )
        session.run(tf.global_variables_initializer())
        found = state_parts(session.run(norms))
    return {part: norms[::-1] for part, norms in found.items()}


def print_table(flows: Mapping[str, Flow]) -> None:
    """The norms a few numbers of steps back, a line a cell; for an LSTM one for h and one for c."""
    from rich import box
    from rich.table import Table

    from training.screen import table_console

    num_steps = len(next(iter(flows.values()))["h"]) - 1
    shown = sorted({n for n in STEPS_SHOWN if n < num_steps} | {num_steps})
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("norm, so many steps back")
    table.add_column("")
    for n in shown:
        table.add_column(str(n), justify="right")
    for label, flow in flows.items():
        for part in sorted(flow, reverse=True):
            norms = (f"{flow[part][n]:.1e}" for n in shown)
            table.add_row(label if part == "h" else "", part, *norms)
    table_console(width=100).print(table)  # room for all columns


def draw(flows: Mapping[str, Flow], title: str, path: Path) -> None:
    """Writes the picture, a PNG; warns where it cannot be drawn."""
    from training.pictures import flow
    from training.pictures.output import write_png

    write_png(path, lambda: flow.draw(title, flows), dpi=100, what="picture")


def write_json(flows: Mapping[str, Flow], sizes: Mapping[str, int], path: Path) -> None:
    """Writes all norms, entry n of a list being those n steps back."""
    from training.files import write_output

    norms = {label: {k: v.tolist() for k, v in flow.items()} for label, flow in flows.items()}
    content = {**sizes, "norms_by_steps_back": norms}
    write_output(path, (json.dumps(plain(content)) + "\n").encode())


if __name__ == "__main__":
    sys.exit(command.run(main))
