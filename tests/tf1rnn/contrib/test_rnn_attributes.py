"""What old programs read of a cell beside its results: its variables' attributes, and errors."""

import pytest
import tensorflow.compat.v1 as tf

from tf1rnn.contrib import rnn

# name: (a cell, the attributes of its variables in the order of their making)
CELLS = {
    "nas": (
        lambda: rnn.NASCell(4, 3, use_bias=True),
        "recurrent_kernel kernel bias projection_weights",
    ),
    "minimal": (lambda: rnn.MinimalRNNCell(4), "kernel bias"),
    "cfn": (lambda: rnn.CFNCell(4), "kernel recurrent_kernel bias"),
    "ind_rnn": (lambda: rnn.IndRNNCell(4), "_kernel_w _kernel_u _bias"),
    "indy_gru": (
        lambda: rnn.IndyGRUCell(4),
        "_gate_kernel_w _gate_kernel_u _gate_bias "
        "_candidate_kernel_w _candidate_kernel_u _candidate_bias",
    ),
    "indy_lstm": (lambda: rnn.IndyLSTMCell(4), "_kernel_w _kernel_u _bias"),
}


def test_variables_are_attributes_with_the_names_of_tensorflow_1(graph):
    for kind, (make, attributes) in CELLS.items():
        with tf.variable_scope(kind):
            cell = make()
            cell.build(tf.TensorShape([2, 5]))
        found = [getattr(cell, attribute) for attribute in attributes.split()]
        assert [v.name for v in found] == [v.name for v in tf.trainable_variables(f"{kind}/")]


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (None, "input size must be statically known"),
        (3, r"input size \(3\) must be divisible by number_of_groups \(2\)"),
    ],
)
def test_groups_want_inputs_that_can_be_parted(graph, depth, words):
    cell = rnn.GLSTMCell(4, number_of_groups=2)
    with pytest.raises(ValueError, match=words):
        cell(tf.placeholder(tf.float32, [2, depth]), cell.zero_state(2, tf.float32))
