"""Compares runs: `python compare.py logs/A logs/B`.

It reads the files of the runs' folders and believes nothing of them. The table is shown before
anything of TensorFlow is imported.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import problems
from config import Config
from training import command
from training.command import UserError
from training.fields import shown
from training.metric import METRICS
from training.numbers import plain, restored

if TYPE_CHECKING:
    from training.table import ColumnTable

BETTER = {name: min if metric.lower_is_better else max for name, metric in METRICS.items()}

SCORES = ("valid", "test", "test_last")
FIGURES = (*SCORES, "best_epoch", "epochs", "seconds", "parameters")  # of every result
FIGURE = re.compile("[a-z][a-z0-9_]{0,39}")  # how a figure may be called
MAX_FIGURES = 50
MAX_BYTES = 2**24  # of a file that is read
PLOT = Path("logs/compare.png")

Figures = dict[str, float | None]
Row = tuple[str, list[Any]]  # a heading, and for every run its value, or None where it has none


@dataclass(frozen=True)
class Entry:
    """A run as it is compared.

    label: its name. finished: whether it has a result. metric: the name of its score.
    figures: the numbers of its result by name; those of its epochs so far if unfinished.
    records: one mapping an epoch with at least `epoch`, `train`, `valid` and `seconds`.
    """

    label: str
    config: Config
    finished: bool
    metric: str
    figures: Figures
    records: list[dict[str, float]]


def make_parser() -> command.Parser:
    """The command line."""
    parser = command.Parser(
        prog="compare.py",
        description="Shows the fields in which runs differ, their results and their curves.",
    )
    add = parser.add_argument
    add("runs", type=Path, nargs="+", metavar="RUN", help="the runs' folders; all: logs/*/")
    add(
        "--plot",
        type=command.output_png,
        default=PLOT,
        metavar="FILE",
        help=f"where the picture of the curves goes ({PLOT})",
    )
    add("--csv", type=command.output, metavar="FILE", help="write the table there, too")
    add("--json", type=command.output, metavar="FILE", help="write the table there, too")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    options = make_parser().parse_args(argv)
    entries = read_runs(options.runs)
    if options.plot is PLOT:
        PLOT.parent.mkdir(exist_ok=True)
    show(entries)
    write(entries, options.csv, options.json)
    draw(entries, options.plot)
    return 0


# ------------------------------------------------------------------------ reading a run


def read_runs(paths: Sequence[Path]) -> list[Entry]:
    """The runs in these folders. One that cannot be read is left out, with a warning.

    Raises:
        UserError: none is left.
    """
    entries, errors = [], []
    for path, label in zip(paths, label_runs(paths), strict=True):
        try:
            entries.append(read_run(path, label))
        except UserError as error:
            errors.append(error)
    if not entries and len(errors) == 1:
        raise errors[0]
    for one in errors:
        command.warn(f"left out: {one}")
    if not entries:
        raise UserError("not one of these is a run")
    return entries


def read_run(path: Path, label: str) -> Entry:
    """The run in a folder. UserError if it is none, or its files are not as training made them."""
    try:
        if not (path / "config.json").is_file():
            raise UserError(f"{printable(path)} is not a run: it has no config.json")
        config = problems.from_json(
            read_text(path / "config.json"), printable(path / "config.json")
        )
        records = read_records(path / "metrics.jsonl")
        if (path / "result.json").is_file():
            metric, figures = read_result(path / "result.json")
            return Entry(label, config, True, metric, figures, records)
    except OSError as error:
        raise UserError(f"{printable(error.filename)}: {error.strerror}") from None
    metric = config.metric.name
    return Entry(label, config, False, metric, figures_so_far(records, metric), records)


def read_text(path: Path) -> str:
    """A file's content. UserError if it is too large or not UTF-8."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UserError(f"{printable(path)}: more than {MAX_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{printable(path)}: not UTF-8 text") from None


def read_result(path: Path) -> tuple[str, Figures]:
    """Metric and figures of a result.json: all its numbers under plain names."""
    origin = printable(path)
    values = parse(read_text(path), origin)
    metric = values.get("metric")
    if not isinstance(metric, str) or not re.fullmatch(r"[\w ]{1,40}", metric):
        raise UserError(f"{origin}: metric must be a short name, not {shown(metric)}")
    needed = {*FIGURES[:2], *values}
    required = [name for name in FIGURES if name in needed and values.get(name, "") is not None]
    figures = dict.fromkeys(FIGURES) | numbers(values, required, origin)
    return metric, figures


def read_records(path: Path) -> list[dict[str, float]]:
    """The lines of a metrics.jsonl, their numbers only; none where there is no such file."""
    if not path.is_file():
        return []
    records = []
    for position, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip("\r"):
            origin = f"{printable(path)}, line {position}"
            required = ("epoch", "train", "valid", "seconds")
            records.append(numbers(parse(line, origin), required, origin))
            if not 1 <= records[-1]["epoch"] <= 1e9:
                raise UserError(f"{origin}: epoch must be a number from 1 to 1,000,000,000")
    return records


def parse(text: str, origin: str) -> dict[str, Any]:
    """The JSON object in `text`. UserError, naming `origin`, if there is none."""
    try:
        values = json.loads(text)
    except RecursionError:
        raise UserError(f"{origin}: nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{origin}: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{origin}: not an object of values")
    return restored(values)


def numbers(values: dict[str, Any], required: Sequence[str], origin: str) -> dict[str, float]:
    """All numbers with plain names; NaN and infinity, as a training may end so, are numbers.

    Raises:
      UserError: naming `origin`, if one of those required is no number, for a whole number beyond
        64 bits, or if there are too many.
    """
    found = {k: v for k, v in values.items() if type(v) in (int, float) and FIGURE.fullmatch(k)}
    large = [name for name, value in found.items() if type(value) is int and abs(value) >= 2**63]
    for name in [name for name in required if name not in found] + large:
        raise UserError(f"{origin}: {name} must be a number, not {shown(values.get(name))}")
    if len(found) > MAX_FIGURES:
        raise UserError(f"{origin}: more than {MAX_FIGURES} figures")
    return found


def figures_so_far(records: Sequence[dict[str, float]], metric: str) -> Figures:
    """What a result would say of the epochs so far; `seconds` are those of the training steps."""
    figures: Figures = dict.fromkeys(FIGURES)
    seconds = sum(record["seconds"] for record in records)
    figures |= {"epochs": len(records), "seconds": seconds}
    scored = [record for record in records if not math.isnan(record["valid"])]
    if scored and metric in BETTER:
        best = BETTER[metric](scored, key=lambda record: standing(record, "valid"))
        figures |= {"valid": best["valid"], "best_epoch": best["epoch"]}
    for rate in [name for name in (records or [{}])[-1] if re.fullmatch("[a-z]+_per_second", name)]:
        done = sum(record.get(rate, math.nan) * record["seconds"] for record in records)
        figures[rate] = done / seconds if seconds else None
    return figures


def standing(figures: Mapping[str, Any], name: str) -> tuple[float, float]:
    """A score; where it is infinite, the mean behind it tells which is the better one."""
    score = figures[name]
    return score, figures.get(f"{name}_nats", math.inf if score == math.inf else 0.0)


def label_runs(paths: Sequence[Path]) -> list[str]:
    """The names of the runs' folders; the whole paths where names would not tell them apart."""
    names = [path.name for path in paths]
    unique = all(names) and len(set(names)) == len(names)
    return [printable(path.name if unique else path) for path in paths]


def printable(text: object) -> str:
    r"""`text` on one line, without effect on a terminal: what is not printable as `\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


# --------------------------------------------------------------------- comparing the runs


def differing_fields(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Of each run, the fields of the config in which those runs differ that have the field."""
    fields = [{"problem": e.config.problem, **asdict(e.config)} for e in entries]
    names = dict.fromkeys(name for values in fields for name in values)
    differ = [n for n in names if len({values[n] for values in fields if n in values}) > 1]
    return [{name: values[name] for name in differ if name in values} for values in fields]


def field_rows(entries: Sequence[Entry]) -> list[Row]:
    """The fields that differ, as they are written on a command line; first, whether finished."""
    rows = _rows(differing_fields(entries))
    rows = [(name, [None if v is None else flag_text(v) for v in values]) for name, values in rows]
    if all(entry.finished for entry in entries):
        return rows
    states = {True: "finished", False: "unfinished"}
    return [("state", [states[entry.finished] for entry in entries]), *rows]


def figure_rows(entries: Sequence[Entry]) -> list[Row]:
    """The figures: first the scores, under the names of their metrics."""
    scores = {f"{name} {entry.metric}" for entry in entries for name in SCORES}
    rows = _rows([_headed(entry) for entry in entries])
    return sorted(rows, key=lambda row: row[0] not in scores)


def _headed(entry: Entry) -> Figures:
    """The figures that a run has, under their headings. `epochs` is a field of the config, too."""
    headings = {name: f"{name} {entry.metric}" for name in SCORES} | {"epochs": "epochs_done"}
    figures = entry.figures.items()
    return {headings.get(name, name): value for name, value in figures if value is not None}


def _rows(runs: Sequence[dict[str, Any]]) -> list[Row]:
    names = dict.fromkeys(name for values in runs for name in values)
    return [(name, [values.get(name) for values in runs]) for name in names]


def find_best(entries: Sequence[Entry]) -> set[int]:
    """The places of the runs with the best test score of those with the same metric.

    A run that has none to compare with is not marked.
    """
    found: set[int] = set()
    for metric, better in BETTER.items():
        tests = {
            place: standing(entry.figures, "test")
            for place, entry in enumerate(entries)
            if entry.metric == metric
            and (test := entry.figures["test"]) is not None
            and not math.isnan(test)
        }
        if len(tests) > 1:
            best = better(tests.values())
            found |= {place for place, test in tests.items() if test == best}
    return found


# -------------------------------------------------------------------- showing and writing


def show(entries: Sequence[Entry]) -> None:
    """Prints the table, and what its star means."""
    make_table(entries).show()
    if find_best(entries):
        print("* the best test score of its metric")


def make_table(entries: Sequence[Entry]) -> ColumnTable:
    """The table: a column a run, fields above figures. The best test scores have a star."""
    from rich.text import Text  # nothing in it is markup

    from training.table import ColumnTable

    fields = [(heading, [Text(v or "") for v in values]) for heading, values in field_rows(entries)]
    figures = [
        (heading, [Text(shorten(v)) for v in values]) for heading, values in figure_rows(entries)
    ]
    rows = dict(figures)
    for place in find_best(entries):
        cells = rows[f"test {entries[place].metric}"]
        cells[place] = Text(f"{cells[place]}*", style="bold green")
    return ColumnTable([entry.label for entry in entries], fields, figures)


def flag_text(value: Any) -> str:
    """A field's value as on the command line."""
    return str(value).lower() if type(value) is bool else printable(value)


def shorten(value: float | None) -> str:
    """A figure for the table: five digits, or all of a whole number."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.5g}"


def to_csv(entries: Sequence[Entry]) -> str:
    """The table as CSV: a line a run, with every digit."""
    rows = [("run", [entry.label for entry in entries])]
    rows += [*field_rows(entries), *figure_rows(entries)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading for heading, _ in rows)
    writer.writerows(zip(*(values for _, values in rows), strict=True))
    return text.getvalue()


def to_json(entries: Sequence[Entry]) -> str:
    """A JSON list of the runs: `run`, `finished`, `fields` that differ, `metric`, `result`."""
    rows = [
        {
            "run": entry.label,
            "finished": entry.finished,
            "fields": fields,
            "metric": entry.metric,
            "result": entry.figures,
        }
        for entry, fields in zip(entries, differing_fields(entries), strict=True)
    ]
    return json.dumps([plain(row) for row in rows], indent=2) + "\n"


def write(entries: Sequence[Entry], csv_path: Path | None, json_path: Path | None) -> None:
    """Writes the files that were asked for, each wholly or not at all."""
    from training.files import write_output

    if csv_path:
        write_output(csv_path, to_csv(entries).encode())
    if json_path:
        write_output(json_path, to_json(entries).encode())


def draw(entries: Sequence[Entry], path: Path) -> None:
    """Writes the picture of the curves; warns where it cannot be drawn."""
    from training.pictures.comparison import Curve, compare_curves
    from training.pictures.output import write_png

    curves = [Curve(entry.label, entry.metric, entry.records) for entry in entries]
    write_png(path, lambda: compare_curves(curves), dpi=120, what="curves")


if __name__ == "__main__":
    sys.exit(command.run(main))
