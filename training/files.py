"""Files that are whole or absent, and one process at a time in a folder."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

LOCK = ".lock"
OWNER = ".lock.pid"
_TEMPORARY = re.compile(r"\.tmp-[0-9a-f]{8}-.*", re.DOTALL)


class RunLockedError(OSError):
    """Another process, or another lock of this one, is at work in the folder."""


def write_atomically(path: Path, data: bytes) -> None:
    """Make `data` the content of `path`; on any failure the old content stays.

    Raises:
        OSError: naming `path`, if the disk is full, the folder is missing, and so on.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a free path beside `path`, with the same suffix, to be filled with a file or a folder.

    When the block ends well, the new file or folder is written through to the disk and renamed to
    `path`. A file takes the place of an earlier file; a folder needs `path` to be free. When the
    block fails, what it made is removed and `path` is as it was.

    Raises:
        OSError: naming `path` where it would name the temporary one.
    """
    temporary = _temporary(path)
    try:
        yield temporary
        _sync_all(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        if error.errno is None or not _concerns(error.filename, temporary):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    finally:
        _delete(temporary)


def remove_folder(path: Path) -> None:
    """Remove a folder so that no moment shows half of it under its name."""
    temporary = _temporary(path)
    path.rename(temporary)
    _delete(temporary)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left half-written below `folder`; for the lock's owner only."""
    for parent, folders, files in os.walk(folder):
        for name in filter(_TEMPORARY.fullmatch, folders + files):
            _delete(Path(parent, name))


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; the lock of a killed process vanishes with it.

    Raises:
        RunLockedError: at once, if the folder is held already.
        OSError: if the lock file cannot be made.
    """
    held = filelock.FileLock(folder / LOCK)
    try:
        held.acquire(blocking=False)
    except filelock.Timeout:
        raise RunLockedError(f"{folder} is in use by process {_owner(folder)}") from None
    try:
        write_atomically(folder / OWNER, str(os.getpid()).encode())
        yield
    finally:
        with suppress(OSError):
            (folder / OWNER).unlink()
        held.release()


def _owner(folder: Path) -> str:
    # A file of its own: some versions of filelock empty the lock file when they try to lock it.
    with suppress(OSError), (folder / OWNER).open("rb") as file:
        number = file.read(20)
        if number.isdigit():
            return number.decode()
    return "(unknown)"


def _temporary(path: Path) -> Path:
    return path.with_name(f".tmp-{secrets.token_hex(4)}-{path.name}")


def _concerns(filename: str | bytes | int | None, temporary: Path) -> bool:
    """Whether an error's file is none, the temporary path, or inside it."""
    if filename is None:
        return True
    return isinstance(filename, str) and temporary in (Path(filename), *Path(filename).parents)


def _sync_all(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _sync_all(child)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
