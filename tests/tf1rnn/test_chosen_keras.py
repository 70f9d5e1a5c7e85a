"""The runner asks for the Keras that knows graphs before TensorFlow is there; no importer does."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAYS = "import os, sys\nprint(os.environ.get('TF_USE_LEGACY_KERAS'))\nsys.exit()\n"


@pytest.mark.skipif(not importlib.util.find_spec("tf_keras"), reason="tf-keras is not installed")
@pytest.mark.parametrize(
    ("words", "environment", "found"),
    [
        (["-m", "tf1rnn", "script.py", "-m"], {}, "1"),
        (["-W", "ignore", "-mtf1rnn", "--check", "."], {}, "1"),
        (["-m", "tf1rnn"], {"TF_USE_LEGACY_KERAS": "0"}, "0"),
        (["-m", "another", "tf1rnn"], {}, "None"),
        (["-m", "another", "-m", "tf1rnn"], {}, "None"),
        (["another.py", "-m", "tf1rnn"], {}, "None"),
        (["-c", "import tf1rnn", "-m", "tf1rnn"], {}, "None"),
    ],
)
def test_what_tensorflow_finds_when_it_is_imported(words, environment, found, tmp_path):
    (tmp_path / "tensorflow.py").write_text(SAYS)
    (tmp_path / "another.py").write_text("import tf1rnn\n")
    kept = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    path = os.pathsep.join(map(str, (tmp_path, ROOT)))
    result = subprocess.run(
        [sys.executable, *words],
        env={**kept, "PYTHONPATH": path, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout) == (0, f"{found}\n")
