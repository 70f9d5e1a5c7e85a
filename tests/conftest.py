"""What holds for all tests: how fast a machine is fails none of them; none waits for Keras, nor for
the garbage collector to walk through what importing TensorFlow leaves behind for good.
"""

import gc
import importlib

from hypothesis import HealthCheck, settings

settings.register_profile("any_speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_speed")
gc.disable()


def pytest_pycollect_makemodule():
    """Before a test module does: imports TensorFlow, which loads Keras later if a test uses it."""
    importlib.import_module("preloaded")


def pytest_collection_finish():
    """Modules and tests stay to the end: only what comes after them is searched for garbage."""
    gc.enable()
    gc.freeze()
