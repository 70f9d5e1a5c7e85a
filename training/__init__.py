"""What a training run needs around its graph."""

import importlib.util
import sys
from pathlib import Path

NEEDED = ("tensorflow", "tensorboard", "numpy", "matplotlib", "rich", "filelock")


def _require_environment() -> None:
    """Ends a command of the root with one line where what it imports is not installed.

    Here, since whatever is imported first of a command begins with this package; and not for a
    program that imports it, which has errors of its own.
    """
    program = Path(sys.argv[0])
    root = Path(__file__).resolve().parents[1]
    if not program.is_file() or program.resolve().parent != root:
        return
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        how = "make .venv, then source .venv/bin/activate"
        names = ", ".join(missing)
        print(f"{program.name}: {names} not installed for {sys.executable}: {how}", file=sys.stderr)
        sys.exit(2)


_require_environment()
