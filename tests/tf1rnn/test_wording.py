"""What programs of TensorFlow 1 match and look up: types and words of errors, names of ops."""

import pytest
import tensorflow.compat.v1 as tf
from graphs import old_cells, old_unrollers

import tf1rnn

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")  # old cells


def dynamic(inputs, **more):
    return tf1rnn.dynamic_rnn(tf1rnn.GRUCell(2), inputs, **{"dtype": tf.float32, **more})


def static(inputs, **more):
    return tf1rnn.static_rnn(tf1rnn.GRUCell(2), inputs, **{"dtype": tf.float32, **more})


def x(*shape):
    return tf.placeholder(tf.float32, shape)


ERRORS = {
    "no_cell": (lambda: tf1rnn.dynamic_rnn("c", x(3, 4, 2)), TypeError, "not an RNNCell"),
    "no_state": (lambda: dynamic(x(3, 4, 2), dtype=None), ValueError, "must give a dtype"),
    "static_no_state": (lambda: static([x(3, 2)], dtype=None), ValueError, "must give a dtype"),
    **{
        f"lengths_{i}": (
            lambda wrong=wrong: dynamic(x(3, 4, 2), sequence_length=wrong),
            ValueError,
            "sequence_length must be a vector of length batch_size",
        )
        for i, wrong in enumerate((2, [[1, 2, 3]], [1, 2]))
    },
    "static_lengths": (
        lambda: static([x(3, 2)], sequence_length=1),
        ValueError,
        "sequence_length must be a vector of length",
    ),
    "no_list": (lambda: static(x(3, 4, 2)), TypeError, "inputs must be a sequence"),
    "empty": (lambda: static([]), ValueError, "inputs must not be empty"),
    "depth": (lambda: dynamic(x(3, 4, None)), ValueError, "must be accessible via shape inference"),
    "static_depth": (
        lambda: static([x(3, None)]),
        ValueError,
        "must be accessible via shape inference",
    ),
    "one_cell_twice": (
        lambda: tf1rnn.dynamic_rnn(
            tf1rnn.MultiRNNCell([tf1rnn.GRUCell(2)] * 2), x(3, 4, 5), dtype=tf.float32
        ),
        ValueError,
        "Dimensions must be equal, but are 2 and 5",
    ),
    "rank_2": (lambda: dynamic(x(3, 4)), ValueError, "rank at least 3"),
    "rank_1": (lambda: dynamic(x(3), time_major=True), ValueError, "rank at least 3"),
    "no_rank": (lambda: dynamic(tf.placeholder(tf.float32)), ValueError, "rank at least 3"),
    "list_of_steps": (lambda: dynamic([x(3, 2), x(3, 2)]), ValueError, "rank at least 3"),
    "steps": (lambda: dynamic((x(3, 5, 2), x(3, 3, 2))), ValueError, "Time steps is not the same"),
    "rows": (lambda: dynamic((x(3, 5, 2), x(4, 5, 2))), ValueError, "Batch_size is not the same"),
    "no_batch": (
        lambda: tf1rnn.GRUCell(2).get_initial_state(None, None, None),
        ValueError,
        "batch_size and dtype cannot be None",
    ),
    **{
        f"other_batch_{rows}": (
            lambda rows=rows: tf1rnn.GRUCell(2).get_initial_state(x(rows, 2), 5),
            ValueError,
            "batch size from input tensor is different from",
        )
        for rows in (3, None)
    },
    "other_dtype": (
        lambda: tf1rnn.GRUCell(2).get_initial_state(x(3, 2), dtype=tf.int16),
        ValueError,
        "dtype from input tensor is different from",
    ),
    "saver": (
        lambda: tf1rnn.static_state_saving_rnn(tf1rnn.GRUCell(2), [x(3, 2)], None, ("a",)),
        ValueError,
        "state_name",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_has_the_type_and_the_words_of_tensorflow_1(graph, name):
    call, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.parametrize("fast", [True, False])
def test_outputs_have_the_names_of_tensorflow_1(fast):
    def run(cells, unrollers, **more):
        with tf.Graph().as_default() as graph:
            cell = cells.BasicLSTMCell(2, **more)
            outputs, _ = unrollers.dynamic_rnn(cell, x(3, 2, 2), [1, 2, 0], dtype=tf.float32)
            both, _ = unrollers.bidirectional_dynamic_rnn(
                cells.GRUCell(2, **more), cells.GRUCell(2, **more), x(3, 2, 2), dtype=tf.float32
            )
            for name in ("rnn/sequence_length", "rnn/BasicLSTMCellZeroState/zeros"):
                graph.get_operation_by_name(name)
            return [tensor.name for tensor in (outputs, *both)]

    names = run(tf1rnn, tf1rnn, fast=fast)
    assert names == run(old_cells(), old_unrollers())
    assert names[0] == "rnn/transpose_1:0"
