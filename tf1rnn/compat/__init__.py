"""TensorFlow 1's names on today's TensorFlow, for code that was written for them.

    import tf1rnn.compat as tf           # the one line to change in an old program

    cell = tf.nn.rnn_cell.BasicLSTMCell(200)

Importing this switches nothing. The first of TensorFlow 1's names that is asked for switches to
its behaviour, in the whole process, as `tf.disable_v2_behavior()` does. `python -m tf1rnn
script.py` runs an old program unchanged; `install()` does that to the rest of one's own program.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tf1rnn.compat import behaviour, importer, modules

__all__ = ["install", "uninstall"]


def install() -> None:
    """From here on `import tensorflow` gives TensorFlow 1's names, and its behaviour holds.

    Modules that have imported TensorFlow keep what they have.
    """
    behaviour.switch_on()
    importer.stand_for_tensorflow()


def uninstall() -> None:
    """Undoes `install()` and the switch of the first name; for eager execution the default graph is
    emptied.

    Raises:
      AssertionError: called inside of `with graph.as_default()`.
    """
    importer.stand_back()
    behaviour.switch_back()
    importer.find_contrib()


_PARTS = {path.stem for path in Path(__file__).parent.glob("*.py")}


def __getattr__(name: str) -> Any:
    if name in _PARTS:  # `from tf1rnn.compat import checkpoints` asks before it imports
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(modules.module_at(""), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(modules.module_at(""))})


importer.find_contrib()
