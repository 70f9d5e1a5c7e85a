"""What the programs of processes.py find imported: TensorFlow, without Keras, as commands do it."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tensorflow.compat.v1  # noqa: F401

del os.environ["TF_USE_LEGACY_KERAS"]
