"""The order of the house: who imports whom, what lies at the root, and how long a file may be."""

import ast
import graphlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("*.py", "problems/*.py", "training/**/*.py", "tf1rnn/**/*.py")
FOLDERS += ("data/*.py", "benchmarks/*.py")
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
    wanted = {"train", "config", "reader", "model", "tf1rnn.cells", "problems.sine"}
    assert wanted | {"training.loop", "training.pictures.fit"} <= MODULES.keys()


def test_no_import_goes_in_a_circle():
    graph = {name: imports(path) - {name} for name, path in MODULES.items()}
    graphlib.TopologicalSorter(graph).prepare()


STORY = ("config", "reader", "model", "train")
COMMANDS = (
    *("train", "evaluate", "score", "generate", "export"),
    *("compare", "gradient_flow", "bench"),
)
# The lowest level first; each imports of itself and of lower ones.
LEVELS = (("tf1rnn",), ("training",), STORY[:3], ("problems",), (*COMMANDS, "benchmarks"))
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}


def level(module):
    return LEVEL_OF[module.partition(".")[0]]


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name != "setup" and not name.startswith("data.")]
)
def test_imports_lead_downwards_only(name):
    higher = {other for other in imports(MODULES[name]) if level(other) > level(name)}
    assert not higher


def test_at_the_root_lie_the_story_the_commands_and_nothing_else():
    assert {path.stem for path in ROOT.glob("*.py")} == {*STORY, *COMMANDS, "setup"}


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("tf1rnn")])
def test_the_library_needs_tensorflow_and_numpy_alone(name):
    found = {one for kind, one in words(MODULES[name]) if kind == "import"}
    allowed = {"tf1rnn", "tensorflow", "numpy", *sys.stdlib_module_names}
    assert found <= allowed


@pytest.mark.parametrize("name", MODULES)
def test_a_file_has_at_most_400_lines(name):
    assert len(MODULES[name].read_text().splitlines()) <= 400


@pytest.mark.parametrize("folder", [".", "problems", "training", "tf1rnn"])
def test_the_readme_says_where_everything_is(folder):
    """Each file at the root and in problems/ by its name, each folder by its own."""
    readme = (ROOT / "README.md").read_text()
    assert folder == "." or f"{folder}/" in readme
    if folder in (".", "problems"):
        names = {path.name for path in (ROOT / folder).glob("*.py")}
        assert not [n for n in names - {"setup.py", "__init__.py"} if n not in readme]
