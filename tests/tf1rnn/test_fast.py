"""Fast equals plain: whole stacks with dropout, in outputs, states and every gradient."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import FLOAT, assert_near, load, open_session
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import tf1rnn
from tf1rnn.kernels import loop

MAKE = {"rnn": tf1rnn.BasicRNNCell, "gru": tf1rnn.GRUCell, "lstm": tf1rnn.BasicLSTMCell}

# Of each network: layers with their units, depth of the inputs, number of steps (None where it is
# fed), whether rows end early, whether dropout is variational, the unroller.
NETWORKS = {
    "dynamic": ([("lstm", 5), ("gru", 4), ("rnn", 3)], 2, 3, True, False, "dynamic"),
    "whole": ([("gru", 1), ("rnn", 6), ("lstm", 2)], 7, 2, False, True, "dynamic"),
    "static": ([("rnn", 3), ("lstm", 4)], 1, 3, True, False, "static"),
    "loop": ([("gru", 3), ("rnn", 4)], 3, None, True, True, "dynamic"),
    "whole_loop": ([("lstm", 2)], 2, None, False, False, "dynamic"),
}


def make_stack(layers, depth, keep_prob, variational, fast):
    cells = []
    for number, (kind, units) in enumerate(layers):
        cells.append(
            tf1rnn.DropoutWrapper(
                MAKE[kind](units, fast=fast),
                input_keep_prob=keep_prob,
                output_keep_prob=keep_prob,
                variational_recurrent=variational,
                input_size=depth,
                dtype=FLOAT,
                seed=number,
                step=tf.train.get_or_create_global_step(),
            )
        )
        depth = units
    return tf1rnn.MultiRNNCell(cells)


def static(cell, inputs, sequence_length, initial_state, time_major):
    """`static_rnn` with the arguments and the outputs of `dynamic_rnn`."""
    outputs, state = tf1rnn.static_rnn(
        cell, tf.unstack(inputs), initial_state, sequence_length=sequence_length
    )
    return tf.stack(outputs), state


class Both:
    """A network in one graph both ways: the same variables, inputs, lengths, states and masks."""

    def __init__(self, layers, depth, num_steps, rows_end, variational, unroller):
        self.num_steps, self.depth, self.rows_end = num_steps, depth, rows_end
        self.inputs = tf.placeholder(FLOAT, [num_steps, None, depth])
        self.lengths = tf.placeholder(tf.int32, [None]) if rows_end else None
        self.keep_prob = tf.placeholder(FLOAT, [])
        tf.train.create_global_step()
        sizes = make_stack(layers, depth, 1.0, variational, True).state_size
        self.state = tf.nest.map_structure(lambda n: tf.placeholder(FLOAT, [None, n]), sizes)
        self.above = tf.nest.map_structure(
            lambda n: tf.placeholder(FLOAT, [None, n]), tf.nest.flatten(sizes)
        )
        self.d_outputs = tf.placeholder(FLOAT, [num_steps, None, layers[-1][1]])
        unroll = static if unroller == "static" else tf1rnn.dynamic_rnn
        self.results = []
        for fast in (True, False):
            cell = make_stack(layers, depth, self.keep_prob, variational, fast)
            with tf.variable_scope("network", reuse=tf.AUTO_REUSE):
                outputs, state = unroll(
                    cell, self.inputs, self.lengths, initial_state=self.state, time_major=True
                )
            self.results.append(self.with_gradients([outputs, *tf.nest.flatten(state)]))

    def with_gradients(self, results):
        """Those of a random function of the results, to inputs, initial state and variables."""
        wanted = [self.inputs, *tf.nest.flatten(self.state), *tf.trainable_variables()]
        above = [self.d_outputs, *self.above]
        return results + tf.gradients(results, wanted, above, unconnected_gradients="zero")

    def feed(self, num_steps, lengths, keep_prob, random):
        num_steps, batch_size = self.num_steps or num_steps, len(lengths)

        def draw(like):
            leading = [num_steps, batch_size] if like.shape.rank == 3 else [batch_size]
            return random.normal(scale=0.5, size=[*leading, like.shape.as_list()[-1]])

        drawn = [self.inputs, *tf.nest.flatten(self.state), self.d_outputs, *self.above]
        feed = {placeholder: draw(placeholder) for placeholder in drawn}
        if self.rows_end:
            feed[self.lengths] = np.minimum(lengths, num_steps)
        return {**feed, self.keep_prob: keep_prob}


def load_small(session, random):
    """Weights, for larger ones make a network chaotic: it would enlarge the last bit every step."""
    arrays = {
        v: random.normal(scale=0.5, size=v.shape) / np.sqrt(v.shape.as_list()[0])
        for v in tf.trainable_variables()
    }
    load(session, {**arrays, tf.train.get_global_step(): random.integers(99)})


@pytest.mark.parametrize("name", NETWORKS)
def test_the_fast_way_is_the_plain_way(name, monkeypatch):
    monkeypatch.setattr(loop, "STEPS_OF_A_ROUND", 2)  # a smaller graph, and both of its loops run
    with tf.Graph().as_default(), open_session() as session:
        network = Both(*NETWORKS[name])

        @settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
        @given(
            num_steps=st.integers(1, 12),
            lengths=st.lists(st.integers(0, 12), min_size=1, max_size=5),
            keep_prob=st.sampled_from([1.0, 0.9, 0.5]),
            seed=st.integers(0, 99),
        )
        def compare(num_steps, lengths, keep_prob, seed):
            random = np.random.default_rng(seed)
            load_small(session, random)
            feed = network.feed(num_steps, lengths, keep_prob, random)
            fast, plain = session.run(network.results, feed)
            assert_near(fast, plain, least=0.1)

        compare()


@pytest.mark.parametrize("kind", MAKE)
def test_the_fast_way_is_taken(kind):
    """Else the comparison would be of the plain way with itself."""
    for fast in (True, False):
        with tf.Graph().as_default() as graph:
            stack = make_stack([(kind, 3)], 2, 0.5, False, fast)
            tf1rnn.dynamic_rnn(stack, tf.zeros([2, 5, 2], FLOAT), dtype=FLOAT)
            loops = {"While", "StatelessWhile"} & {op.type for op in graph.get_operations()}
        assert bool(loops) != fast
