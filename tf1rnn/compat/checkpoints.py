"""Checkpoints of every TensorFlow 1, by the names that the variables of cells have had since 1.2.

    saver = tf.train.Saver(name_map("old/model.ckpt"))       # loads it into the graph's variables
    python -m tf1rnn.compat.checkpoints OLD NEW              # writes one that any Saver loads

The numbers in the variables are the same in all versions; the names are not. An LSTM's weights:

    0.x         RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Matrix, .../LSTMCell/W_0
    1.0 to 1.1  rnn/multi_rnn_cell/cell_0/basic_lstm_cell/weights
    since 1.2   rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel

A variable in shards (`W_0`, `W_1` ..., or `kernel/part_0` ...) becomes one, the shards below each
other. Slots of optimizers and moving averages follow their variables. Files of the first format,
one file without `.index`, are read like the others.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import tensorflow.compat.v1 as tf

# The scopes of cells in TensorFlow 0.x; those after it are the same in snake case.
_SCOPES = {
    "AttentionCellWrapper": "attention_cell_wrapper",
    "BasicLSTMCell": "basic_lstm_cell",
    "BasicRNNCell": "basic_rnn_cell",
    "CoupledInputForgetGateLSTMCell": "coupled_input_forget_gate_lstm_cell",
    "EmbeddingWrapper": "embedding_wrapper",
    "GRUBlockCell": "gru_cell",
    "GRUCell": "gru_cell",
    "GridLSTMCell": "grid_lstm_cell",
    "InputProjectionWrapper": "input_projection_wrapper",
    "LSTMBlockCell": "lstm_cell",
    "LSTMCell": "lstm_cell",
    "LayerNormBasicLSTMCell": "layer_norm_basic_lstm_cell",
    "MultiRNNCell": "multi_rnn_cell",
    "OutputProjectionWrapper": "output_projection_wrapper",
    "TimeFreqLSTMCell": "time_freq_lstm_cell",
}
_CELLS = {
    *_SCOPES.values(),
    "intersection_rnn_cell",
    "lstm_block_wrapper",
    "nas_cell",
    "nas_rnn",
    "phased_lstm_cell",
    "ugrnn_cell",
}
_SCOPE = f"(?:{'|'.join(sorted(_CELLS))})"
_ATTENTION = r"(?:attention_decoder|Attention_\d+|AttnOutputProjection)"

# From the oldest to the newest; a name passes all of them, its parts between slashes.
_RULES: list[tuple[re.Pattern[str], Any]] = [
    (re.compile(pattern), new)
    for pattern, new in (
        *((rf"(?<=/){old}(?=/)", new) for old, new in _SCOPES.items()),
        (r"(?<=/multi_rnn_cell)/Cell(?=\d+/)", "/cell_"),
        (r"(?<=/)BiRNN[_/](FW|BW)(?=/)", lambda found: f"bidirectional_rnn/{found[1].lower()}"),
        (r"(?<=/gru_cell)/(Gates|Candidate)(?=/)", lambda found: found[0].lower()),
        (r"(?<=/)Linear/Matrix(?=/)", "kernel"),
        (r"(?<=/)Linear/Matrix_(?=\d+/)", "kernel/part_"),
        (r"(?<=/)Linear/Bias(?=/)", "bias"),
        (r"(?<=lstm_cell/)W_P_(?=\d+/)", "projection/kernel/part_"),
        (r"(?<=lstm_cell/)W_(?=\d+/)", "kernel/part_"),
        (r"(?<=lstm_cell/)(W_[FIO]_diag)(?=/)", lambda found: found[0].lower()),
        (r"(?<=lstm_cell/)W(?=/)", "kernel"),
        (r"(?<=lstm_cell/)[Bb](?=/)", "bias"),
        (r"(?<=lstm_cell/)wc([ifo])(?=/)", r"w_\1_diag"),
        (rf"(?<=/)({_SCOPE}/(?:[a-z_]+/)*(?:recurrent_)?)weights(?=/)", r"\1kernel"),
        (rf"(?<=/)({_SCOPE}/(?:[a-z_]+/)*)biases(?=/)", r"\1bias"),
        (rf"(?<=/)({_ATTENTION}/)weights(?=/)", r"\1kernel"),
        (rf"(?<=/)({_ATTENTION}/)biases(?=/)", r"\1bias"),
    )
]
_PART = re.compile(r"/part_(\d+)(?=/)")
# The scopes of these wrappers were beside those of their cells once, and are around them now.
_WRAPPER = re.compile(rf"(?:embedding|input_projection|output_projection)_wrapper/(?={_SCOPE}/)")


class _Name(NamedTuple):
    """A variable's name since 1.2, and which of its shards it is."""

    name: str
    part: int | None


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, written or mapped; one line says why."""


def new_name(old: str) -> str:
    """The name that a variable of a cell has had since TensorFlow 1.2, without its shard.

    Other names come back as they are. So does the scope `RNN`: it is the unrollers', which is
    `rnn` now, or a script's own.
    """
    return _parsed(old).name


def name_map(checkpoint: str, variables: Iterable[Any] | None = None) -> dict[str, Any]:
    """Pairs the names in a checkpoint with variables, for `tf.train.Saver(var_list)`.

    Args:
      checkpoint: the checkpoint's path, or a folder for its latest one.
      variables: those to load, by default all global variables of the graph and what stands in
        its `tf.GraphKeys.SAVEABLE_OBJECTS`, such as the weights of a `CudnnLSTM`.

    Returns:
      A dict from names in the checkpoint to variables. A variable that the checkpoint holds under
      its own name is paired by that.

    Raises:
      CheckpointError: the checkpoint cannot be read, has nothing for a variable, has two names for
        it, or has shards for a whole one (`rewrite` makes them one).
    """
    names = set(_reader(checkpoint).get_variable_to_shape_map())
    by_key = defaultdict(list)
    for name in sorted(names):
        by_key[_key(name)].append(name)
    saveables = tf.get_collection(tf.GraphKeys.SAVEABLE_OBJECTS) if variables is None else []
    variables = tf.global_variables() if variables is None else variables
    found: dict[str, Any] = {}
    missing = []
    for name, variable in _whole(variables, names).items():
        candidates = [name] if name in names else by_key[_key(name)]
        if len(candidates) == 1 and _parsed(candidates[0]).part in (None, 0):
            found[candidates[0]] = variable
        elif candidates:
            raise CheckpointError(
                f"{checkpoint} has {', '.join(candidates)} for {name}: rewrite it first"
            )
        else:
            missing.append(name)
    for saveable in saveables:
        if {spec.name for spec in saveable.specs} <= names:
            found[saveable.name] = saveable
            missing = [name for name in missing if f"{name}_saveable" != saveable.name]
    if missing:
        raise CheckpointError(f"{checkpoint} has nothing for {', '.join(missing)}")
    return found


def rewrite(old: str, new: str) -> dict[str, list[str]]:
    """Writes a checkpoint with the names of TensorFlow 1.2 and later, and with whole variables.

    What lies in a scope `RNN` stands there under both names that it may have since, with `RNN`
    and with `rnn`.

    Args:
      old: path of a checkpoint, or a folder for its latest one.
      new: path of the one to write, in a folder that exists.

    Returns:
      For each name that was written the names that it was made of.

    Raises:
      CheckpointError: `old` cannot be read, `new` is there or cannot be written, or two
        variables would have one name. Nothing is written then.
    """
    reader = _reader(old)
    written = _sources(reader.get_variable_to_shape_map())
    if Path(new).exists() or Path(f"{new}.index").exists():
        raise CheckpointError(f"{new} is there already")
    if not Path(new).absolute().parent.is_dir():
        raise CheckpointError(f"there is no folder {Path(new).absolute().parent}")
    arrays = {}
    for name, sources in written.items():
        parts = [reader.get_tensor(source) for source in sources]
        arrays[name] = parts[0] if len(parts) == 1 else np.concatenate(parts)
    _write(new, arrays)
    return written


def _write(path: str, arrays: dict[str, Any]) -> None:
    """Writes beside the path first, and moves it there when it is whole."""
    half = f"{path}_temp/part"
    with tf.Graph().as_default(), tf.Session() as session:
        fed = {tf.placeholder(tf.as_dtype(np.asarray(a).dtype)): a for a in arrays.values()}
        save = tf.raw_ops.SaveV2(
            prefix=half,
            tensor_names=list(arrays),
            shape_and_slices=[""] * len(arrays),
            tensors=list(fed),
        )
        with tf.control_dependencies([save]):
            move = tf.raw_ops.MergeV2Checkpoints(
                checkpoint_prefixes=[half], destination_prefix=path, delete_old_dirs=True
            )
        try:
            session.run(move, fed)
        except tf.errors.OpError as error:
            shutil.rmtree(f"{path}_temp", ignore_errors=True)
            lines = error.message.splitlines()
            why = next((line for line in lines if path in line), lines[0])
            raise CheckpointError(f"{path} cannot be written: {why}") from None


def _sources(shapes: dict[str, Any]) -> dict[str, list[str]]:
    """For each name to write the names of its shards, in their order, or its one name."""
    parts: dict[str, dict[int | None, str]] = defaultdict(dict)
    for old in sorted(shapes):
        name, part = _parsed(old)
        for one in {name, re.sub(r"(^|/)RNN/", r"\1rnn/", name)}:
            if part in parts[one]:
                raise CheckpointError(f"{old} and {parts[one][part]} would both be {one}")
            parts[one][part] = old
    for name, of_name in parts.items():
        if None in of_name and len(of_name) > 1:
            raise CheckpointError(f"{name} is there whole and in parts")
    return {name: [of[part] for part in sorted(of, key=_order)] for name, of in parts.items()}


def _order(part: int | None) -> int:
    return part or 0


def _parsed(old: str) -> _Name:
    name = f"/{old}/"  # so that a rule finds its parts between slashes, at both ends too
    for pattern, new in _RULES:
        name = pattern.sub(new, name)
    part = _PART.search(name)
    return _Name(_PART.sub("", name)[1:-1], int(part[1]) if part else None)


def _key(name: str) -> str:
    """What the names of one variable in different versions have in common."""
    return _WRAPPER.sub("", re.sub(r"(^|/)RNN/", r"\1rnn/", new_name(name)))


def _whole(variables: Iterable[Any], names: set[str]) -> dict[str, Any]:
    """The variables by name; the shards of one as a list, unless the checkpoint names them."""
    whole: dict[str, Any] = {}
    for variable in variables:
        name = variable.op.name
        base = re.sub(r"/part_\d+$", "", name)
        if base == name or name in names:
            whole[name] = variable
        else:
            whole.setdefault(base, []).append(variable)
    return whole


def _reader(checkpoint: str) -> Any:
    try:
        return tf.train.load_checkpoint(checkpoint)
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{checkpoint} cannot be read: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(getattr(error, "message", error)).strip().splitlines()[0]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrites a checkpoint and says what was renamed. Returns the exit status."""
    parser = _Parser(prog="python -m tf1rnn.compat.checkpoints", description=rewrite.__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("old", help="path of a checkpoint, or a folder for its latest one")
    parser.add_argument("new", help="path of the checkpoint to write")
    options = parser.parse_args(arguments)
    try:
        written = rewrite(options.old, options.new)
    except CheckpointError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    for name, sources in sorted(written.items()):
        if sources != [name]:
            print(f"{' + '.join(sources)} -> {name}")
    print(f"{options.new}: {len(written)} variables")
    return 0


if __name__ == "__main__":
    sys.exit(main())
