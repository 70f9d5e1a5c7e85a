"""What a program asked of TensorFlow 1, by what it was served, and which way cells went."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tf1rnn import faster
from tf1rnn.types import Cell


@dataclass
class Use:
    """A name that was asked for: what served it, how often, and where first."""

    symbol: str
    served_by: str
    count: int
    file: str
    line: int


uses: dict[str, Use] = {}
unknown: list[tuple[str, str, int]] = []  # the text, file and line of names that are not served
ways: Counter[tuple[str, str]] = Counter()  # (cell, "fast" or why it is plain) -> sequences


def note(symbol: str, value: Any, frame: FrameType) -> None:
    """Counts that `tf.<symbol>` was asked for in a frame and answered by a value."""
    if symbol in uses:
        uses[symbol].count += 1
    else:
        where = frame.f_code.co_filename, frame.f_lineno
        uses[symbol] = Use(symbol, _origin(value), 1, *where)


def note_unknown(text: str, frame: FrameType) -> None:
    """Remembers a name that is not served; who asked for it may do without."""
    unknown.append((text, frame.f_code.co_filename, frame.f_lineno))


def _note_way(cell: Cell, way: str) -> None:
    ways[type(cell).__name__, way] += 1


def watch() -> None:
    """From here on counts the sequences that cells are unrolled along."""
    if _note_way not in faster.listeners:
        faster.listeners.append(_note_way)


def _origin(value: Any) -> str:
    """The module that a value comes from, TensorFlow's by its public name."""
    module = getattr(value, "__module__", None) or type(value).__module__
    if module.split(".")[0] in ("tensorflow", "builtins", "numpy"):
        return "tensorflow.compat.v1"
    return module


def as_dict() -> dict[str, Any]:
    """The report as JSON has it: `names`, `unrolled`, `unknown`, each a list of rows."""
    return {
        "names": [vars(use) for use in uses.values()],
        "unrolled": [
            {
                "cell": cell,
                "way": "fast" if way == "fast" else "plain",
                "why": "" if way == "fast" else way,
                "sequences": count,
            }
            for (cell, way), count in ways.items()
        ],
        "unknown": [{"text": text, "file": file, "line": line} for text, file, line in unknown],
    }


def show(where: str | None) -> None:
    """Prints the report for "-", writes it as JSON to any other path, does nothing for None."""
    if where == "-":
        print(table())
    elif where is not None:
        Path(where).write_text(json.dumps(as_dict(), indent=1) + "\n")


def table() -> str:
    """The report for people: names that are not TensorFlow's own one by one, those in one line."""
    ours = [use for use in uses.values() if use.served_by != "tensorflow.compat.v1"]
    others = [use for use in uses.values() if use.served_by == "tensorflow.compat.v1"]
    rows = [("name", "served by", "times", "first used")]
    rows += [
        (f"tf.{use.symbol}", use.served_by, str(use.count), f"{short(use.file)}:{use.line}")
        for use in ours
    ]
    lines = _aligned(rows)
    lines.append(f"and {len(others)} names of tensorflow.compat.v1")
    if ways:
        lines += ["", *_aligned([("unrolled", "way", "sequences"), *_way_rows()])]
    lines += [f"{short(file)}:{line}: {text}" for text, file, line in unknown]
    return "\n".join(lines)


def _way_rows() -> list[tuple[str, str, str]]:
    return [
        (cell, way if way == "fast" else f"plain: {way}", str(count))
        for (cell, way), count in ways.items()
    ]


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    padded = (zip(row, widths, strict=True) for row in rows)
    return ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in padded]


def short(file: str) -> str:
    """A file's path from here, where it lies below the working directory."""
    try:
        return str(Path(file).resolve().relative_to(Path.cwd()))
    except ValueError:
        return file
