"""Exports a trained language model: `python export.py logs/RUN FOLDER`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import problems
from config import PTBConfig
from training import command
from training.command import UserError

if TYPE_CHECKING:
    from training.export.network import Network
    from training.run import Run

TOLERANCE = 1e-4  # of the largest log probability, by which onnxruntime may be off
MODEL = "model.onnx"


def make_parser() -> command.Parser:
    """The command line."""
    parser = command.Parser(
        prog="export.py",
        description="Writes a trained language model for programs that have only TensorFlow or "
        "an ONNX runtime, with its vocabulary and a README.md that tells how to call it.",
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the run's folder, logs/RUN")
    add("folder", type=command.local_path, metavar="FOLDER", help="a new folder for the model")
    add(
        "--format",
        choices=("saved_model", "onnx"),
        default="saved_model",
        help="saved_model, of TensorFlow, or onnx (saved_model)",
    )
    add("--checkpoint", choices=("best", "last"), default="best", help="which weights (best)")
    add(
        "--eos_first",
        action="store_true",
        help="give <eos> the id 0, as Kaldi wants it; the words before it move up",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    options = make_parser().parse_args(argv)
    is_onnx = options.format == "onnx"
    require_free(options.folder)
    command.import_tensorflow()
    if is_onnx:
        from training.export.onnx_model import import_packages

        import_packages()
    from training.run import Run

    run = Run.open(options.run)
    network = read_network(run, options.checkpoint)
    if options.eos_first:
        network = network.with_eos_first()
    write(network, run, options.folder, is_onnx)
    return 0


def require_free(folder: Path) -> None:
    """Raises UserError where something is in the folder's place."""
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} exists: choose another FOLDER")


def read_network(run: Run, which: str) -> Network:
    """The model of a run, with the weights of its `which` ("best" or "last") checkpoint.

    Raises:
        UserError: the run is not of a language model, or nothing is saved in it.
        CheckpointError: the checkpoint is damaged or does not fit the run's config.
    """
    import tensorflow.compat.v1 as tf

    from evaluate import trained_model
    from model import make_layers
    from reader import EOS, UNK
    from training.export.network import Network

    vocabulary, config = run.read_vocabulary(), problems.load(run.config)
    if vocabulary is None or not isinstance(config, PTBConfig):
        raise UserError(f"{run.path} is of {config.problem}; a language model can be exported")
    with trained_model(run, which) as trained:
        weights = trained.session.run({one.op.name: one for one in tf.global_variables()})
    if config.precision != "float32":
        print(f"{run.path} computes in {config.precision}, what is exported in float32")
    unk = vocabulary.index(UNK)
    return Network(
        kind=config.cell,
        weights=weights,
        make_cell=lambda: make_layers(replace(config, precision="float32"), is_training=False),
        vocabulary=vocabulary,
        eos=vocabulary.index(EOS) if EOS in vocabulary else unk,
        unk=unk,
        forget_bias=config.forget_bias,
    )


def write(network: Network, run: Run, folder: Path, is_onnx: bool) -> None:
    """Writes the folder: wholly, or not at all."""
    from training.export import saved_model
    from training.export.readme import readme
    from training.files import atomic_path

    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as temporary:
        if is_onnx:
            temporary.mkdir()
            write_onnx(network, temporary / MODEL)
        else:
            saved_model.write(network, temporary)
        lines = "".join(f"{word}\n" for word in network.vocabulary)
        (temporary / run.vocabulary.name).write_bytes(lines.encode())
        (temporary / run.config.name).write_bytes(run.config.read_bytes())
        (temporary / "README.md").write_bytes(readme(network, folder.name, is_onnx).encode())
        require_free(folder)
    what = f"an ONNX model, {MODEL}" if is_onnx else "a SavedModel"
    print(f"{folder}: {what}; README.md tells how to call it")


def write_onnx(network: Network, path: Path) -> None:
    """Writes the model, and compares what onnxruntime and TensorFlow compute with it.

    Raises:
        UserError: they differ, or the model is too large.
    """
    import numpy as np

    from training.export import onnx_model, saved_model

    onnx_model.write(network, path)
    generator = np.random.default_rng(0)
    layers, parts, units = network.state_shape
    input_data = generator.integers(len(network.vocabulary), size=[2, 7], dtype=np.int32)
    state = generator.uniform(-1, 1, [layers, parts, 2, units]).astype(np.float32)
    with saved_model.open_graph(network, ["serving_default"]) as (session, graph):
        inputs, outputs = graph.signatures["serving_default"]
        feed = {inputs["input_data"]: input_data, inputs["initial_state"]: state}
        expected = session.run(outputs["log_probs"], feed)
    log_probs, _ = onnx_model.run(path, input_data, state)
    difference = np.abs(log_probs - expected).max()
    if not difference <= TOLERANCE * np.abs(expected).max():
        raise UserError(f"onnxruntime differs from TensorFlow by {difference:.2g} nats")
    print(f"onnxruntime differs from TensorFlow by at most {difference:.2g} nats a word")


if __name__ == "__main__":
    sys.exit(command.run(main))
