"""Texts that are read and written as they come: they may be longer than the memory."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from training.data import DataError
from training.files import atomic_path, is_stream

PIECE = 2**16  # bytes that are read at once
_LINE_END = re.compile("[\n\u0085\u2028\u2029]")


@contextmanager
def open_lines(path: Path | None) -> Iterator[Iterator[str]]:
    """The lines of a UTF-8 text, without their ends: of a file, or of standard input for None.

    A byte order mark is dropped, every kind of line end ends a line, and a last line needs none.

    Raises:
        DataError: at once where the file cannot be opened; while the lines are taken where the
            text cannot be read, is not UTF-8 or is empty.
    """
    if path is None:
        yield read_lines(sys.stdin.buffer, "standard input")
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    with file:
        yield read_lines(file, str(path))


def read_lines(file: BinaryIO, name: str) -> Iterator[str]:
    """The lines as `open_lines` has them; `name` is what errors call the text."""
    line: list[str] = []
    for text in _decoded(file, name):
        first, *others = _LINE_END.split(text)
        line.append(first)
        for other in others:
            yield "".join(line)
            line = [other]
    if any(line):
        yield "".join(line)


def _decoded(file: BinaryIO, name: str) -> Iterator[str]:
    """The text in pieces, its line ends \\r and \\r\\n as \\n."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    begun, is_empty, place, piece = False, True, 0, b"-"
    while piece:
        piece = _read(file, name)
        if b"\0" in piece:
            raise DataError(f"{name} has zero bytes, as UTF-16 has: convert it to UTF-8")
        kept = len(decoder.getstate()[0])  # of a letter that the last piece has begun
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            wrong = place - kept + error.start
            message = f"{name} is not UTF-8 text (byte {wrong:,}): convert it, by iconv say"
            raise DataError(message) from None
        if text and not begun:
            begun, text = True, text.removeprefix("\ufeff")
        is_empty = is_empty and not text
        place += len(piece)
        yield line_ends.decode(text, final=not piece)
    if is_empty:
        raise DataError(f"{name} is empty")


def _read(file: BinaryIO, name: str) -> bytes:
    """What is there, as soon as anything is; nothing at the end."""
    try:
        return file.read1(PIECE)  # type: ignore[attr-defined]
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}") from None


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """A file to write UTF-8 text to, which gets a name or standard output for None.

    A file is whole or as it was, and a link is followed to its file. Whatever else is there, such
    as a device, a named pipe or /dev/stdout, gets the text as it comes.

    Raises:
        OSError: naming `path`.
    """
    if path is None:
        yield sys.stdout
    elif not is_stream(path):
        with (
            atomic_path(Path(os.path.realpath(path))) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as file,
        ):
            yield file
    else:
        try:
            # To append: /dev/stdout may be a file, which another mode would begin anew.
            with path.open("a", encoding="utf-8", newline="\n") as file:
                yield file
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.filename is not None:
                raise
            raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
