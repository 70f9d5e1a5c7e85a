"""The graphs of a training: finished, sized, refused where they cannot run; how weights start."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from config import PTBConfig
from problems import PROBLEMS
from training import graphs, memory
from training.command import UserError
from training.graphs import TrainingGraph

CONFIG = PTBConfig(
    hidden_size=20, num_layers=2, num_steps=3, batch_size=2, vocab_size=40, optimizer="adam"
)
GIB = 2**30


@pytest.fixture(scope="module")
def graph():
    return TrainingGraph(PROBLEMS["ptb"], CONFIG)


def test_the_graph_of_a_training_cannot_grow(graph):
    with pytest.raises(RuntimeError, match="finalized"), graph.graph.as_default():
        tf.constant(0)


def test_every_variable_starts_uniform_on_both_sides_of_zero(graph):
    """Biases, too: of 40 numbers and more some lie near either end, and about half below zero."""
    scale = CONFIG.init_scale
    with tf.Session(graph=graph.graph) as session:
        session.run(graph.initialize)
        values = {
            v.op.name: session.run(v) for v in graph.graph.get_collection("trainable_variables")
        }
    assert len(values) == 7
    for name, value in values.items():
        assert -scale <= value.min() < -0.8 * scale, name
        assert 0.8 * scale < value.max() <= scale, name
        assert 0.3 < np.mean(value < 0) < 0.7, name


# ------------------------------------------------------------------------------------ memory


@pytest.fixture
def guessed(monkeypatch, graph):
    """What the graph of a changed config is guessed to take, in bytes; its weights are the same."""
    needed = []
    monkeypatch.setattr(memory, "require", lambda bytes_, what: needed.append(bytes_))

    def guess(**changes):
        config = dataclasses.replace(CONFIG, **changes)
        graphs.require_memory(config, graph.graph, graph.model)
        return needed.pop()

    return guess


def test_the_memory_that_is_guessed_holds_all_variables_and_every_step(guessed, graph):
    """Weights and Adam's two slots, each four times, 4 bytes a number; then what a step keeps."""
    slots = 3 * graph.parameters
    a_step = 4 * (12 * 2 * 20 + 4 * 40)
    # An evaluation walks 500 steps at once, more than this training's 2 x 3.
    assert guessed() == pytest.approx(4 * 4 * slots + 500 * a_step, rel=1e-3)
    grown = guessed(batch_size=500, num_steps=30) - guessed(batch_size=400, num_steps=30)
    assert grown == 100 * 30 * a_step
    assert guessed(vocab_size=1040) - guessed() == 500 * 1000 * 4 * 4


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 100_000},  # its weights: 1.3 terabytes, four times as many in all
        {"batch_size": 1_000_000, "num_steps": 1_000},  # its steps
    ],
)
def test_what_this_machine_cannot_hold_is_refused(changes):
    config = dataclasses.replace(CONFIG, **changes)
    with pytest.raises(UserError, match=r"^this network takes about [0-9,.]+ GiB of memory; "):
        TrainingGraph(PROBLEMS["ptb"], config)


@pytest.mark.parametrize(("free", "refused"), [(2.5 * GIB, True), (3.5 * GIB, False)])
def test_what_is_refused_is_what_is_more_than_is_free(monkeypatch, free, refused):
    monkeypatch.setattr(memory, "available", lambda: free)
    if not refused:
        memory.require(3 * GIB, "this network")
        return
    with pytest.raises(UserError) as error:
        memory.require(3 * GIB, "this network")
    assert str(error.value) == "this network takes about 3.0 GiB of memory; 2.5 GiB are free"


def test_there_is_as_much_memory_as_the_system_tells():
    """At least what this process takes; at most what the machine has."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 2**27 < memory.available() <= machine


def test_a_state_that_no_checkpoint_could_hold_is_refused(monkeypatch, graph):
    """Of 2 layers, a c and an h each, of 2 sequences of 20 units, 4 bytes a number."""
    size = 2 * 2 * 2 * 20 * 4
    for most in (size, size - 1):
        monkeypatch.setitem(graphs.LARGEST, graphs.ARRAYS, most)
        if most == size:
            graphs.require_memory(CONFIG, graph.graph, graph.model)
            continue
        with pytest.raises(UserError, match=f"a state of {size} bytes cannot be saved"):
            graphs.require_memory(CONFIG, graph.graph, graph.model)
