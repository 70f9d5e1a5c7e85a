"""Checkpoints that are whole or absent, and prove it by their checksums.

A checkpoint is a folder, `step-0000012345`:

    variables.index, variables.data-00000-of-00001   the variables, as `tf.train.Saver` writes them
    arrays.npz      arrays of the caller, such as the recurrent state
    progress.json   {"step": 12345, "progress": what the caller needs to go on}
    SHA256SUMS      of these four, as `sha256sum --check` reads them

It is made under another name, written through to the disk and renamed. Nothing in it is pickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from training.files import atomic_path, remove_folder

VARIABLES = "variables"
ARRAYS = "arrays.npz"
PROGRESS = "progress.json"
SUMS = "SHA256SUMS"
CONTENT = (f"{VARIABLES}.index", f"{VARIABLES}.data-00000-of-00001", ARRAYS, PROGRESS)
# A stranger's checkpoint must not fill the memory: what is larger is neither written nor read.
LARGEST = {ARRAYS: 1 << 28, PROGRESS: 1 << 24, SUMS: 1 << 12}  # bytes
_NAME = re.compile(r"step-([0-9]{10,15})(?:\.([0-9]{1,9}))?")


class CheckpointError(OSError):
    """A checkpoint that cannot be written, is absent or damaged, or does not fit the graph."""


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint: where it lies, and all that it holds but the variables."""

    path: Path
    step: int
    progress: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def restore(self, session: tf.Session, saver: tf.train.Saver) -> None:
        """Give the saver's variables the values of the checkpoint.

        Raises:
            CheckpointError: if it lacks one of the variables, or has it with another shape or
                dtype; no variable is changed then.
        """
        file_name, tensors, shapes = _restoring(saver, session.graph)
        try:
            with _plain_path(self.path) as folder:
                values = session.run(tensors, {file_name: str(folder / VARIABLES)})
        except tf.errors.OpError as error:
            raise CheckpointError(f"cannot restore {self.path}: {_one_line(error)}") from error
        misfits = [
            f"{name} is {list(value.shape)} there and {shapes[name]} here"
            for name, value in values.items()
            if list(value.shape) != shapes[name]
        ]
        if misfits:
            more = f" (and {len(misfits) - 3} more)" if len(misfits) > 3 else ""
            raise CheckpointError(f"cannot restore {self.path}: {'; '.join(misfits[:3])}{more}")
        read = {tensors[name]: value for name, value in values.items()}
        session.run(saver.saver_def.restore_op_name, read)


class Checkpoints:
    """The checkpoints of a run, in one folder.

    One process at a time may write there. `warn` gets a line about each damaged checkpoint.
    """

    def __init__(
        self, folder: Path, keep: int = 2, warn: Callable[[str], object] = warnings.warn
    ) -> None:
        if keep < 1:
            raise ValueError(f"keep must be at least 1, not {keep}")
        self.folder = Path(folder)
        self.keep = keep
        self._warn = warn
        self._damaged: set[Path] = set()

    def save(
        self,
        session: tf.Session,
        saver: tf.train.Saver,
        step: int,
        progress: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
    ) -> Path:
        """Write the checkpoint of `step` and return its folder.

        `saver` is unsharded and has `max_to_keep=None`. `progress` is what JSON can hold. A
        checkpoint of the same step is removed once the new one, under the next free name such as
        `step-0000012345.1`, is whole.

        Raises:
            CheckpointError: if it cannot be written; the earlier ones are untouched.
            TypeError, ValueError: if `progress` is nothing for JSON, an array nothing for an .npz
                file, or one of them too large; nothing is written then.
        """
        content = {
            ARRAYS: _pack(arrays),
            PROGRESS: json.dumps({"step": step, "progress": dict(progress)}, indent=1).encode(),
        }
        for name, data in content.items():
            _limit(name, len(data))
        same = [(revision, path) for found, revision, path in self._found() if found == step]
        path = self.folder / (f"step-{step:010d}" + (f".{same[0][0] + 1}" if same else ""))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                _write(temporary, session, saver, content)
            for _, old in same:
                remove_folder(old)
        except (OSError, tf.errors.OpError) as error:
            raise CheckpointError(f"cannot write {path}: {_one_line(error)}") from error
        return path

    def newest(self) -> Checkpoint | None:
        """Read the newest whole checkpoint; each damaged one on the way is warned of."""
        for step, _, path in self._found():
            try:
                return _load(path, step)
            except CheckpointError as error:
                if not path.exists():  # the training that writes here has just removed it
                    return self.newest()
                self._damaged.add(path)
                self._warn(str(error))
        return None

    def has(self, step: int) -> bool:
        """Whether there is a checkpoint of `step`, whole or damaged."""
        return any(found == step for found, _, _ in self._found())

    def at(self, step: int) -> Checkpoint:
        """Read the checkpoint of `step`.

        Raises:
            CheckpointError: if there is none, or it is damaged.
        """
        for found, _, path in self._found():
            if found == step:
                return _load(path, step)
        raise CheckpointError(f"{self.folder} has no checkpoint of step {step}")

    def prune(self, best_step: int | None) -> None:
        """Remove all but the `keep` newest and that of `best_step`.

        Those that `newest` found to be damaged do not count, and go too.

        Raises:
            CheckpointError: if one cannot be removed.
        """
        found = self._found()
        whole = [path for _, _, path in found if path not in self._damaged]
        kept = {*whole[: self.keep], *(path for step, _, path in found if step == best_step)}
        for _, _, path in found:
            if path not in kept:
                try:
                    remove_folder(path)
                except OSError as error:
                    raise CheckpointError(f"cannot remove {path}: {_one_line(error)}") from error

    def _found(self) -> list[tuple[int, int, Path]]:
        """Step, revision and path of every checkpoint, the newest first."""
        if not self.folder.is_dir():
            return []
        matches = ((_NAME.fullmatch(path.name), path) for path in self.folder.iterdir())
        found = [(int(match[1]), int(match[2] or 0), path) for match, path in matches if match]
        return sorted(found, reverse=True)


def _write(
    folder: Path, session: tf.Session, saver: tf.train.Saver, content: Mapping[str, bytes]
) -> None:
    folder.mkdir()
    with session.graph.as_default():  # or the saver takes itself to be run eagerly
        saver.save(session, str(folder / VARIABLES), write_meta_graph=False, write_state=False)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    (folder / SUMS).write_bytes(b"".join(_sum_line(folder / name) for name in CONTENT))


def _load(path: Path, step: int) -> Checkpoint:
    try:
        _verify(path)
        progress = _read_progress(path / PROGRESS, step)
        return Checkpoint(path, step, progress, _unpack((path / ARRAYS).read_bytes()))
    except Exception as error:  # whatever a stranger's file makes the parsers raise
        raise CheckpointError(f"{path} is damaged: {_one_line(error)}") from error


def _verify(path: Path) -> None:
    """Check that the folder holds the five files, plain ones, and that their checksums hold."""
    if path.is_symlink():
        raise ValueError("it is a link")
    for entry in path.iterdir():
        if not stat.S_ISREG(entry.lstat().st_mode):
            raise ValueError(f"{entry.name} is not a regular file")
    for name in (*CONTENT, SUMS):
        if not (path / name).exists():
            raise ValueError(f"{name} is missing")
        _limit(name, (path / name).stat().st_size)
    sums = (path / SUMS).read_bytes().splitlines(keepends=True)
    for name in CONTENT:
        if _sum_line(path / name) not in sums:
            raise ValueError(f"{name} does not match its checksum")
    if len(sums) != len(CONTENT):
        raise ValueError(f"{SUMS} has {len(sums)} lines, not {len(CONTENT)}")


def _limit(name: str, size: int) -> None:
    if size > LARGEST.get(name, size):
        raise ValueError(f"{name} would be {size} bytes, more than {LARGEST[name]}")


def _sum_line(path: Path) -> bytes:
    """The file's SHA-256 and name in the format of `sha256sum`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"{digest.hexdigest()}  {path.name}\n".encode()


def _read_progress(path: Path, step: int) -> dict[str, Any]:
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict) or not isinstance(content.get("progress"), dict):
        raise ValueError(f"{PROGRESS} does not hold a dictionary named progress")
    if content.get("step") != step:
        raise ValueError(f"{PROGRESS} is of step {content.get('step')}")
    return content["progress"]


def _pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of an uncompressed .npz file, as `np.load` reads it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, array in arrays.items():
            described = np.lib.format.dtype_to_descr(np.asarray(array).dtype)
            if np.lib.format.descr_to_dtype(described) != np.asarray(array).dtype:
                raise TypeError(f"array {name}: an .npz file cannot hold {array.dtype}")
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), (1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return packed.getvalue()


def _unpack(packed: bytes) -> dict[str, np.ndarray]:
    """The arrays of an uncompressed .npz file; a bomb is refused before it is unpacked."""
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError(f"{ARRAYS} is compressed")
        if sum(member.file_size for member in members) > len(packed):
            raise ValueError(f"{ARRAYS} claims to hold more than its size")
        for member in members:
            stream = io.BytesIO(archive.read(member))
            array = np.lib.format.read_array(stream, allow_pickle=False)
            arrays[member.filename.removesuffix(".npy")] = array
    return arrays


@contextmanager
def _plain_path(path: Path) -> Iterator[Path]:
    """A path to the same folder without the wildcards that TensorFlow would expand in it."""
    if not re.search(r"[*?\[\\]", str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "checkpoint")
        link.symlink_to(path.resolve())
        yield link


def _restoring(
    saver: tf.train.Saver, graph: tf.Graph
) -> tuple[tf.Tensor, dict[str, tf.Tensor], dict[str, list[int]]]:
    """The tensor for the file's name, and of each variable the value read and the shape needed.

    A saver does not tell its variables, but its ops in the graph do. The values are read apart
    from their assignment, so that all can be checked before one is assigned; and not by
    `tf.train.load_checkpoint`, which ends the process on an index with hostile content.
    """
    file_name = graph.get_tensor_by_name(saver.saver_def.filename_tensor_name)
    ops = {op.type: op for op in file_name.consumers()}
    _, written, _, *variables = ops["SaveV2"].inputs
    shapes = zip(_names(written), (variable.shape.as_list() for variable in variables), strict=True)
    tensors = zip(_names(ops["RestoreV2"].inputs[1]), ops["RestoreV2"].outputs, strict=True)
    return file_name, dict(tensors), dict(shapes)


def _names(constant: tf.Tensor) -> list[str]:
    return [name.decode() for name in tf.get_static_value(constant)]


def _one_line(error: Exception) -> str:
    """The line of an error's text that says what is wrong, without the places in the graph."""
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    text = re.sub(r"\AGraph execution error:.*?^Node: [^\n]*\n", "", text, flags=re.S | re.M)
    text = re.sub(r"\A/.*; ", "", text)  # a file under its temporary name
    return (text.strip() or type(error).__name__).splitlines()[0]
