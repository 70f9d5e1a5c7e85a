"""`python -m tf1rnn --check PATH ...`: which names of old files are served, without running them.

Names are followed from the imports (`import tensorflow as tf`, `from tensorflow.contrib import
rnn as r`) through plain assignments (`slim = tf.contrib.slim`) to where they are used.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from tf1rnn.compat import gone, modules, report


@dataclass
class Checked:
    """A file: the names that it uses, by line, and those of them that are not served."""

    path: Path
    uses: dict[str, int] = field(default_factory=dict)  # dotted name -> line of its first use
    unknown: dict[str, str] = field(default_factory=dict)  # dotted name -> what could be done
    error: str = ""  # why the file could not be read


def main(paths: list[Path], report_file: str | None = None) -> int:
    """Prints what is served; returns 2 for a path that is not there, 1 if a name is unknown."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        print(f"there is no file or folder {missing[0]}", file=sys.stderr)
        return 2
    checked = [check(path) for path in _files(paths)]
    checked = [one for one in checked if one.uses or one.error]
    for line in _lines(checked):
        print(line)
    if report_file not in (None, "-"):
        Path(str(report_file)).write_text(json.dumps(as_dict(checked), indent=1) + "\n")
    return int(any(one.unknown or one.error for one in checked))


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def check(path: Path) -> Checked:
    """Reads one file."""
    found = Checked(path)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        found.error = f"line {line} is no Python 3 ({error.args[0]}); 2to3 or pyupgrade may help"
        return found
    names = _Names()
    names.visit(tree)
    found.uses = names.uses
    for name in names.uses:
        advice = _advice(name)
        if advice:
            found.unknown[name] = advice
    return found


class _Names(ast.NodeVisitor):
    """Collects the dotted names below `tensorflow` that a file uses."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}  # variable -> path below tensorflow
        self.uses: dict[str, int] = {}

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.partition(".")[0] == "tensorflow":
                path = alias.name.partition(".")[2]
                self._use(path, node.lineno)
                self.known[alias.asname or "tensorflow"] = path if alias.asname else ""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or str(node.module).partition(".")[0] != "tensorflow":
            return
        for alias in node.names:
            above = str(node.module).partition(".")[2]
            path = f"{above}.{alias.name}".lstrip(".")
            if alias.name != "*":
                self.known[alias.asname or alias.name] = path
                self._use(path, node.lineno)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        path = self._path(node.value)
        if path is not None and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.known[node.targets[0].id] = path

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self._path(node)
        if path is None:
            self.generic_visit(node)
        else:
            self._use(path, node.lineno)

    def _path(self, node: ast.expr) -> str | None:
        """The path below tensorflow that an expression names, or None."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Attribute):
            above = self._path(node.value)
            return None if above is None else f"{above}.{node.attr}".lstrip(".")
        return None

    def _use(self, path: str, line: int) -> None:
        if path:
            self.uses.setdefault(path, line)


def _advice(name: str) -> str | None:
    """None where a dotted name is served, else what could be done. Classes' own parts count."""
    value: Any = modules.module_at("")
    for i, part in enumerate(name.split(".")):
        if not isinstance(value, ModuleType):
            return None  # an attribute of a class or an object: the class is served
        path = ".".join(name.split(".")[: i + 1])
        try:
            value = modules.module_at(path) if modules.stood_at(path) else _part(value, part)
        except (AttributeError, ImportError) as error:
            is_known = isinstance(error, modules.UnknownName | ImportError)
            return str(error) if is_known else modules.unknown(path, dir(value))
    return None


def _part(module: ModuleType, name: str) -> Any:
    """A name of a module, as the runner finds it."""
    if isinstance(module, modules.Served):
        return module.served(name)
    given_back = gone.NAMES.get(module, {})
    if name in given_back:
        return given_back[name]
    is_module = hasattr(module, "__path__") and not hasattr(module, name)
    if is_module and importlib.util.find_spec(f"{module.__name__}.{name}"):
        return None  # one that an import of it would find
    return getattr(module, name)


def as_dict(checked: list[Checked]) -> list[dict[str, Any]]:
    """The rows of `--report FILE.json`: a file each."""
    return [
        {"file": str(one.path), "names": len(one.uses), "unknown": one.unknown, "error": one.error}
        for one in checked
    ]


def _lines(checked: list[Checked]) -> Iterator[str]:
    for one in checked:
        file = report.short(str(one.path))
        if one.error:
            yield f"{file}: {one.error}"
        for name, advice in one.unknown.items():
            yield f"{file}:{one.uses[name]}: {advice}"
    names = sum(len(one.uses) for one in checked)
    unknown = sum(len(one.unknown) for one in checked)
    whole = sum(not (one.unknown or one.error) for one in checked)
    if not checked:
        yield "no file here imports TensorFlow"
    else:
        share = f"{(names - unknown) / names:.1%}" if names else "none"
        yield f"{whole} of {len(checked)} files have all their names served; {share} of the names"
