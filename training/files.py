"""Files that are whole or absent, and one process at a time in a folder."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
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


def write_output(path: Path, data: bytes) -> None:
    """Make `data` the content of what a user has named.

    A file is whole or as it was, and a link is followed to its file. Whatever else is there, such
    as a device, a named pipe or /dev/stdout, is written to.

    Raises:
        OSError: naming the file.
    """
    if not is_stream(path):
        write_atomically(Path(os.path.realpath(path)), data)
        return
    sys.stdout.flush()  # which may be what is written to
    number = _descriptor(path)
    try:
        where = os.open(path, os.O_WRONLY) if number is None else os.dup(number)
        with os.fdopen(where, "wb") as file:
            file.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error


def require_output(path: Path) -> None:
    """Raise what `write_output` would raise for want of a folder or of access; nothing is left."""
    if is_stream(path):
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if target.is_symlink():  # what is left of links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    probe = _temporary(target)
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error


def is_stream(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder, or an open descriptor."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    plain = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    return not plain or _descriptor(path) is not None or Path("/proc") in path.resolve().parents


def _descriptor(path: Path) -> int | None:
    """N of an existing path that is /dev/fd/N by whatever name, as /dev/stdout is /dev/fd/1.

    To open it would begin a file anew that standard output goes on writing to.
    """
    folder = path.parent.resolve()
    if folder in (Path("/dev/fd"), Path(f"/proc/{os.getpid()}/fd")) and path.name.isdecimal():
        return int(path.name)
    return _descriptor(folder / path.readlink()) if path.is_symlink() else None


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
