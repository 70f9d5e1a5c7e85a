"""Which Keras TensorFlow has under `python -m tf1rnn`: the one that knows graphs.

TensorFlow reads the choice where it is imported, and this package, which imports it, is imported
before its `__main__` runs. Any other program keeps the Keras that it has.
"""

import importlib.util
import os
import sys


def _is_the_command() -> bool:
    """Whether Python is looking for this package in order to run it."""
    if sys.argv[:1] != ["-m"]:  # what stands there until the module is found
        return False
    return sys.orig_argv[-len(sys.argv)].removeprefix("-m") == __package__


if _is_the_command() and importlib.util.find_spec("tf_keras"):
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
