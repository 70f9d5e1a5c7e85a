"""Fast equals plain: whole stacks with dropout, in outputs, states and every gradient."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import assert_near
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import tf1rnn
from tf1rnn import kernels

MAKE = {"rnn": tf1rnn.BasicRNNCell, "gru": tf1rnn.GRUCell, "lstm": tf1rnn.BasicLSTMCell}


@st.composite
def networks(draw):
    """A stack of one to three layers of any kinds and sizes, and what it is run on."""
    num_steps = draw(st.integers(1, 9) | st.just(kernels.MAX_UNROLLED_STEPS + 1))
    batch_size = draw(st.integers(1, 6))
    lengths = st.lists(st.integers(0, num_steps), min_size=batch_size, max_size=batch_size)
    layer = st.tuples(st.sampled_from(sorted(MAKE)), st.integers(1, 20))
    return {
        "layers": draw(st.lists(layer, min_size=1, max_size=3)),
        "shape": (num_steps, batch_size, draw(st.integers(1, 12))),
        "lengths": draw(st.none() | lengths),
        "keep_prob": draw(st.sampled_from([1.0, 0.9, 0.5])),
        "variational": draw(st.booleans()),
        "unroll": draw(st.sampled_from([tf1rnn.dynamic_rnn, static])),
        "seed": draw(st.integers(0, 99)),
    }


def static(cell, inputs, sequence_length, initial_state, time_major):
    """`static_rnn` with the arguments and the outputs of `dynamic_rnn`."""
    outputs, state = tf1rnn.static_rnn(
        cell, tf.unstack(inputs), initial_state, sequence_length=sequence_length
    )
    return tf.stack(outputs), state


def make_stack(network, fast):
    cells, depth = [], network["shape"][-1]
    for number, (kind, units) in enumerate(network["layers"]):
        cells.append(
            tf1rnn.DropoutWrapper(
                MAKE[kind](units, fast=fast),
                input_keep_prob=network["keep_prob"],
                output_keep_prob=network["keep_prob"],
                variational_recurrent=network["variational"],
                input_size=depth,
                dtype=tf.float32,
                seed=number,
            )
        )
        depth = units
    return tf1rnn.MultiRNNCell(cells)


def run(network, fast):
    """Outputs, the parts of the final state, and the gradients of a random function of them.

    Those to the inputs, to the initial state and to every variable, all of them random.
    """
    random = np.random.default_rng(network["seed"])

    def draw(shape):
        return random.normal(scale=0.5, size=shape).astype(np.float32)

    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.create_global_step()
        inputs = tf.constant(draw(network["shape"]))
        cell = make_stack(network, fast)
        zero = cell.zero_state(network["shape"][1], tf.float32)
        state = tf.nest.map_structure(lambda part: tf.constant(draw(part.shape)), zero)
        outputs, final_state = network["unroll"](
            cell, inputs, network["lengths"], initial_state=state, time_major=True
        )
        loops = {"While", "StatelessWhile"} & {op.type for op in session.graph.get_operations()}
        variables = sorted(tf.trainable_variables(), key=lambda v: v.name)
        results = [outputs, *tf.nest.flatten(final_state)]
        shapes = [[*network["shape"][:2], cell.output_size]]
        shapes += [part.shape for part in tf.nest.flatten(state)]
        above = [tf.constant(draw(shape)) for shape in shapes]
        gradients = tf.gradients(
            results, [inputs, *tf.nest.flatten(state), *variables], above,
            unconnected_gradients="zero",
        )  # fmt: skip
        session.run(tf.global_variables_initializer())
        for variable in variables:
            # Larger ones make a network chaotic: it would enlarge the last bit at every step.
            small = draw(variable.shape) / np.sqrt(variable.shape.as_list()[0])
            variable.load(small.astype(np.float32), session)
        return session.run([*results, *gradients]), bool(loops)


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(networks())
def test_the_fast_way_is_the_plain_way(network):
    (fast, _), (plain, _) = run(network, fast=True), run(network, fast=False)
    assert_near(fast, plain, 1e-5, least=0.1)


@pytest.mark.parametrize("kind", MAKE)
def test_the_fast_way_is_taken(kind):
    """Else the comparison would be of the plain way with itself."""
    network = {
        "layers": [(kind, 3)], "shape": (5, 2, 4), "lengths": None, "keep_prob": 0.5,
        "variational": False, "unroll": tf1rnn.dynamic_rnn, "seed": 0,
    }  # fmt: skip
    assert [run(network, fast)[1] for fast in (True, False)] == [False, True]
