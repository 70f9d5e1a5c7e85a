"""A run is a folder: `logs/<run>/`. What lies in it, and how one is made and found."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from training.checkpoint import Checkpoint, CheckpointError, Checkpoints
from training.command import UserError
from training.files import (
    RunLockedError,
    atomic_path,
    lock,
    remove_leftovers,
    write_atomically,
)
from training.numbers import plain
from training.progress import Progress


class TakenError(UserError):
    """A run's folder cannot be made, since something is there already."""


class Run:
    """A run's folder.

    config.json: the resolved config. metrics.jsonl: a line an epoch. result.json: the scores.
    curves.png: the lines as a picture. picture.png, fit.gif: what the problem shows of itself.
    vocabulary.txt: a word a line, for texts. checkpoints/: as training.checkpoint says.
    events.out.tfevents.*: for TensorBoard.
    """

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.json"
        self.metrics = path / "metrics.jsonl"
        self.result = path / "result.json"
        self.curves = path / "curves.png"
        self.picture = path / "picture.png"
        self.vocabulary = path / "vocabulary.txt"
        self.checkpoints = path / "checkpoints"

    @classmethod
    def new(cls, path: Path, config: str, vocabulary: Iterable[str]) -> Run:
        """Makes the folder with the text of config.json and, for a text, the vocabulary.

        Wholly, or not at all: no run is without them.

        Raises:
            TakenError: something is there already.
            UserError: it can't be written.
        """
        run = cls(path)
        run.require_free()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                temporary.mkdir()
                (temporary / run.config.name).write_bytes(config.encode())
                if words := "".join(f"{word}\n" for word in vocabulary):
                    (temporary / run.vocabulary.name).write_bytes(words.encode())
        except OSError as error:
            run.require_free()  # another process may have been faster
            raise UserError(f"cannot make the folder {path}: {error.strerror}") from None
        return run

    def require_free(self) -> None:
        """Raises TakenError where something is in the folder's place."""
        if self.config.exists():
            raise TakenError(
                f"{self.path} exists: resume it with --resume {shlex.quote(str(self.path))}, "
                "or choose another --name"
            )
        if self.path.exists():
            raise TakenError(f"{self.path} exists and is not a run: choose another --name")

    @classmethod
    def new_of_free_name(cls, logdir: Path, name: str, config: str, words: Iterable[str]) -> Run:
        """Makes the folder `name`, or `name-2`, `name-3` and so on where that is taken."""
        words = list(words)
        for number in itertools.count(1):
            with suppress(TakenError):
                path = logdir / (name if number == 1 else f"{name}-{number}")
                return cls.new(path, config, words)
        raise AssertionError("numbers have no end")

    @classmethod
    def open(cls, path: Path) -> Run:
        """The run in an existing folder. UserError where there is none."""
        run = cls(path)
        if not run.config.is_file():
            raise UserError(f"{path} is not a run: it has no config.json")
        run.require_own_checkpoints()
        return run

    def require_own_checkpoints(self) -> None:
        """Raises UserError where checkpoints/ is no folder, or a link into another run's.

        A link to another disk is well; another run's checkpoints would be pruned as this one's.
        """
        folder = self.checkpoints
        if not folder.is_symlink() and not folder.exists():
            return
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder")
        target = folder.resolve()
        for above in (target, *target.parents):
            other = Run(above)
            if other.config.is_file() and other.checkpoints.exists():
                if not above.samefile(self.path):
                    raise UserError(f"{folder} is not a folder of this run: it is in {above}")
                return

    @classmethod
    def newest(cls, logdir: Path, name: str) -> Run:
        """The newest run in `logdir` called `name`, or `name` and a date. UserError if none."""
        dated = re.compile(re.escape(name) + "(-[0-9]{8}-[0-9]{6}(-[0-9]+)?)?")
        found = [p.parent for p in logdir.glob("*/config.json")]
        found = [p for p in found if dated.fullmatch(p.name)]
        if not found:
            raise UserError(f"no run called {name} in {logdir}")
        return cls.open(max(found, key=lambda p: (p / "config.json").stat().st_mtime))

    @property
    def resume_command(self) -> str:
        """What to type so that the run goes on."""
        return f"python {shlex.quote(sys.argv[0])} --resume {shlex.quote(str(self.path))}"

    def write_config(self, config: str) -> None:
        """Writes the text of config.json, where it is another one now."""
        if self.config.read_bytes() != config.encode():
            self.write_text(self.config, config)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps the run to this process; UserError where another one has it."""
        try:
            with lock(self.path):
                remove_leftovers(self.path)
                remove_leftovers(self.checkpoints)  # which may be a link
                yield
        except RunLockedError as error:
            raise UserError(str(error)) from None

    def write_text(self, path: Path, text: str) -> None:
        """Makes `text` the content of a file of the run: wholly, or not at all."""
        write_atomically(path, text.encode())

    def write_metrics(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Writes metrics.jsonl, a line a record."""
        lines = [json.dumps(plain(record)) + "\n" for record in records]
        self.write_text(self.metrics, "".join(lines))

    def save_figure(self, figure: Any, path: Path) -> None:
        """Writes a matplotlib figure as a PNG."""
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=120)

    def read_vocabulary(self) -> list[str] | None:
        """The words in the order of their ids; None for a run that is not of a text."""
        if not self.vocabulary.is_file():
            return None
        # An editor may have added a byte order mark, or other line ends; no word has a space.
        words = self.vocabulary.read_bytes().decode("utf-8-sig", "replace").split()
        if "<unk>" not in words:
            raise UserError(f"{self.vocabulary} is not a vocabulary: it has no <unk>")
        return words

    def find_checkpoint(self, which: str, warn: Callable[[str], object]) -> Checkpoint:
        """The "last" checkpoint, or the "best" by validation. UserError where there is none yet."""
        checkpoints = self.open_checkpoints(warn)
        last = checkpoints.newest()
        if last is None:
            raise UserError(f"{self.path} has no checkpoint")
        best_step = Progress.from_dict(last.progress, last.path).best_step
        if which == "last" or best_step is None:
            return last
        try:
            return checkpoints.at(best_step)
        except CheckpointError:
            again = checkpoints.newest()
            if again is None or again.step == last.step:
                raise
        return self.find_checkpoint(which, warn)  # the training goes on meanwhile

    def open_checkpoints(self, warn: Callable[[str], object]) -> Checkpoints:
        """The run's checkpoints; `warn` gets a line about each that is damaged."""
        return Checkpoints(self.checkpoints, warn=warn)
