"""Nests by the names of `tf.contrib.framework.nest` and of the modules that it stood in."""

from tensorflow.python.util.nest import *  # noqa: F403
from tensorflow.python.util.nest import is_nested
from tensorflow.python.util.nest import map_structure_up_to as map_structure_up_to

is_sequence = is_nested
