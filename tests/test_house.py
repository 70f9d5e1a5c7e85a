"""The order of the house: who imports whom, and how long a file may be."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("*.py", "tf1rnn/**/*.py", "data/*.py", "benchmarks/*.py")
FILES = sorted(path for pattern in FOLDERS for path in ROOT.glob(pattern))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(path): path for path in FILES}


def imports(path: Path) -> set[str]:
    """The project's modules that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= submodules & MODULES.keys() or {node.module}
    return found & MODULES.keys()


def test_there_is_something_to_check():
    assert {"train", "config", "reader", "model", "tf1rnn.cells"} <= MODULES.keys()


def test_no_import_goes_in_a_circle():
    graph = {name: imports(path) - {name} for name, path in MODULES.items()}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("tf1rnn")])
def test_the_package_imports_nothing_of_the_root(name):
    assert all(other.startswith("tf1rnn") for other in imports(MODULES[name]))


@pytest.mark.parametrize("name", MODULES)
def test_a_file_has_at_most_400_lines(name):
    assert len(MODULES[name].read_text().splitlines()) <= 400


def test_every_module_at_the_root_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    missing = [path.name for path in ROOT.glob("*.py") if path.name not in readme]
    assert missing in ([], ["setup.py"])
