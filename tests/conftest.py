"""What holds for all tests: how fast a machine is fails none of them; Keras is not waited for."""

import importlib

from hypothesis import HealthCheck, settings

settings.register_profile("any_speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_speed")


def pytest_pycollect_makemodule():
    """Before a test module does: imports TensorFlow, which loads Keras later if a test uses it."""
    importlib.import_module("preloaded")
