"""What several of these files take, and the run of them all with TensorFlow 1's behaviour."""

import os

import pytest
import tensorflow.compat.v1 as tf

V1 = os.environ.get("TF1RNN_BEHAVIOUR") == "v1"
if V1:
    tf.disable_v2_behavior()

# Tests that cannot run so, by their names with or without the parameters.
_EAGER = "calls TensorFlow outside of a graph"
_WHILE = "looks for the one op that a loop is with TensorFlow 2's behaviour"
_SKIPPED_IN_V1 = {
    "test_a_wrapped_function_draws_new_masks_in_every_call": _EAGER,
    "test_a_function_of_a_gradient_can_be_wrapped": _EAGER,
    "test_a_table_works_without_a_graph": _EAGER,
    "test_the_return_switches_and_the_numbers_are_those_of_keras": _EAGER,
    "test_the_fast_way_is_taken": _WHILE,
    "test_a_sequence_too_long_to_unroll_is_walked_in_a_loop": _WHILE,
    "test_a_loop_has_its_parallel_iterations": _WHILE,
    "test_a_stack_goes_layer_after_layer_where_every_layer_knows_how": _WHILE,
    "test_a_copy_in_the_same_graph_has_a_gradient_of_its_own[None-True]": (
        "an imported loop of TensorFlow 1 has no gradient"
    ),
    "test_a_keep_prob_without_a_shape_leaves_the_shapes_known": (
        "counts on dimensions that are numbers"
    ),
}


def pytest_collection_modifyitems(items):
    for item in items if V1 else []:
        reason = _SKIPPED_IN_V1.get(item.name) or _SKIPPED_IN_V1.get(item.originalname)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def graph():
    """A graph of the test's own, the default one in it."""
    with tf.Graph().as_default() as graph:
        yield graph
