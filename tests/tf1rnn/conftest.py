"""What several of these files take."""

import pytest
import tensorflow.compat.v1 as tf


@pytest.fixture
def graph():
    """A graph of the test's own, the default one in it."""
    with tf.Graph().as_default() as graph:
        yield graph
