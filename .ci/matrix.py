"""Runs the tests under each claimed pair of Python and TensorFlow: `make matrix`.

Each pair gets a virtual environment of its own in a temporary folder. The result is the table in
docs/VERSIONS.md; a pair whose Python is not on this machine keeps the line that it has there.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "VERSIONS.md"
# Each Python and each TensorFlow that setup.py admits, the oldest and the newest of both together.
PAIRS = [
    ("3.10", "2.21"),
    ("3.11", "2.20"),
    ("3.12", "2.20"),
    ("3.13", "2.21"),
]
LIBRARY = ("cells", "unroll", "dropout", "kernels", "members", "wording")
TESTS = [f"tests/tf1rnn/test_{name}.py" for name in LIBRARY]
TESTS += ["tests/training/test_loop.py", "tests/test_train.py"]
HEAD = """# Versions

Made by `make matrix`: tests of the library, of the training loop and of the command, each pair in a
virtual environment of its own, with the newest releases of everything else that fit.

| Python | TensorFlow | result | date |
|---|---|---|---|
"""


def main() -> int:
    """Runs all pairs, or those that are named (3.10-2.21); returns 1 where one fails."""
    wanted = sys.argv[1:] or ["-".join(pair) for pair in PAIRS]
    rows = dict(re.findall(r"^(\| 3\.\S+ \| \S+ \|)(.*)$", read_table(), re.MULTILINE))
    failed = False
    for python, tensorflow in PAIRS:
        if f"{python}-{tensorflow}" in wanted:
            result = run_pair(python, tensorflow)
            print(f"Python {python}, TensorFlow {tensorflow}: {result}", flush=True)
            failed = failed or "failed" in result
            if result != NOT_HERE:
                rows[f"| {python} | {tensorflow} |"] = f" {result} | {time.strftime('%Y-%m-%d')} |"
    TABLE.write_text(HEAD + "".join(f"{pair}{row}\n" for pair, row in sorted(rows.items())))
    return int(failed)


NOT_HERE = "no such Python here"


def read_table() -> str:
    """The table as it is."""
    return TABLE.read_text() if TABLE.exists() else ""


def run_pair(python: str, tensorflow: str) -> str:
    """The last line of pytest in a new environment, or what went wrong before."""
    found = shutil.which(f"python{python}")
    if not found or subprocess.run([found, "-c", ""], capture_output=True).returncode:
        return NOT_HERE
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([found, "-m", "venv", folder], check=True)
        new = f"{folder}/bin/python"
        packages = [f"tensorflow=={tensorflow}.*", f"{ROOT}[tests]"]
        installed = subprocess.run(
            [new, "-m", "pip", "install", "-q", *packages], capture_output=True, text=True
        )
        if installed.returncode:
            return f"failed to install: {installed.stderr.strip().splitlines()[-1]}"
        done = subprocess.run(
            [new, "-m", "pytest", "-n", "2", "-m", "not long", "-p", "no:cacheprovider", *TESTS],
            cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
    failures = re.findall(r"^(?:FAILED|ERROR).*", done.stdout, re.MULTILINE)
    print("\n".join(failures) or "no failure", flush=True)
    last = done.stdout.strip().splitlines()[-1]
    return re.sub(r" in .*", "", last) if done.returncode == 0 else f"failed: {last}"


if __name__ == "__main__":
    sys.exit(main())
