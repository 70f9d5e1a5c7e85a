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


# What can run code that stands in a file: NumPy's own loader has a pickle behind an option.
UNSAFE = {
    *(
        ("import", name)
        for name in ("pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal")
    ),
    *(("name", name) for name in ("eval", "exec", "read_pickle", "load_pickle", "extractall")),
    ("allow_pickle", True),
}


def words(path: Path) -> set[tuple[str, object]]:
    """The modules that a file imports, its names, and its keywords with what they are set to."""
    found: set[tuple[str, object]] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {("import", alias.name.split(".")[0]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(("import", str(node.module).split(".")[0]))
        elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            found.add((str(node.arg), node.value.value))
        elif isinstance(node, ast.Name | ast.Attribute):
            found.add(("name", node.id if isinstance(node, ast.Name) else node.attr))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_nothing_that_is_read_can_run_code(name):
    assert not words(MODULES[name]) & UNSAFE


@pytest.mark.parametrize(
    "text",
    ["import pickle as p", "from joblib import load", "a = eval", "np.load(f, allow_pickle=True)"],
)
def test_what_could_run_code_would_be_found(tmp_path, text):
    (tmp_path / "module.py").write_text(text)
    assert words(tmp_path / "module.py") & UNSAFE


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
