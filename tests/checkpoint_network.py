"""A small network whose values are drawn from a seed, to save and to restore."""

import subprocess
from functools import cached_property

import numpy as np
import tensorflow.compat.v1 as tf

FILES = [
    "SHA256SUMS",
    "arrays.npz",
    "progress.json",
    "variables.data-00000-of-00001",
    "variables.index",
]


class Network:
    """A finalized graph with Adam's slots, in a session; its values are drawn from a seed."""

    def __init__(self, kernel_shape=(5, 8), names=("kernel", "bias"), dtype=tf.float32):
        self.graph = tf.Graph()
        with self.graph.as_default():
            kernel = tf.get_variable(names[0], kernel_shape, dtype, use_resource=True)
            bias = tf.get_variable(names[1], [8], use_resource=True)
            step = tf.train.get_or_create_global_step()
            loss = tf.reduce_sum(tf.cast(kernel, tf.float32) ** 2) + tf.reduce_sum(bias**2)
            tf.train.AdamOptimizer().minimize(loss, step)
            self.variables = tf.global_variables()
            self.saver = tf.train.Saver(save_relative_paths=True, max_to_keep=None)
        self.graph.finalize()

    @cached_property
    def session(self):
        return tf.Session(graph=self.graph)

    def draw(self, seed):
        random = np.random.default_rng(seed)
        drawn = {}
        for variable in self.variables:
            bits = random.bytes(variable.shape.num_elements() * variable.dtype.size)
            value = np.frombuffer(bits, variable.dtype.as_numpy_dtype)  # NaNs and denormals too
            drawn[variable.initializer.inputs[1]] = value.reshape(variable.shape)
        self.session.run([variable.initializer for variable in self.variables], drawn)
        return self.bits()

    def bits(self):
        values = self.session.run({variable.name: variable for variable in self.variables})
        return {name: value.tobytes() for name, value in values.items()}


def save(network, checkpoints, step, progress=None, arrays=None):
    """Save values drawn from the step; return the path and the values."""
    bits = network.draw(step)
    progress = {"epoch": step} if progress is None else progress
    arrays = {"state": np.full([2, 3], step, np.float32)} if arrays is None else arrays
    return checkpoints.save(network.session, network.saver, step, progress, arrays), bits


def assert_is(checkpoint, network, step, bits):
    assert checkpoint is not None
    assert checkpoint.step == step
    assert checkpoint.progress == {"epoch": step}
    np.testing.assert_array_equal(checkpoint.arrays["state"], np.full([2, 3], step, np.float32))
    network.draw(10**6)
    checkpoint.restore(network.session, network.saver)
    assert network.bits() == bits


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def renew_sums(path):
    """Make the checksums of a checkpoint hold again, as who forges one does."""
    command = ["sha256sum", *FILES[1:]]
    path.joinpath("SHA256SUMS").write_bytes(subprocess.check_output(command, cwd=path))
