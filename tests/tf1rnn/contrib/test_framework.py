"""`tf.contrib.framework`: shapes that are checked, names, nests, and what stands elsewhere."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.contrib import framework, util


def test_a_shape_is_set_or_checked(graph):
    known = tf.zeros([2, 3])
    unknown = tf.placeholder(tf.float32, None)
    assert framework.with_shape([2, 3], known) is known
    with pytest.raises(ValueError, match="Wrong shape"):
        framework.with_shape([3, 2], known)
    with pytest.raises(ValueError, match="Invalid dtype"):
        framework.with_shape([2.0, 3.0], known)
    with pytest.raises(ValueError, match="Invalid rank"):
        framework.with_shape([[2, 3]], known)
    checked = framework.with_shape([2, 3], unknown)
    assert checked.shape.as_list() == [2, 3]
    size = tf.placeholder(tf.int32, [2])
    by_tensor = framework.with_shape(size, unknown)
    same = framework.with_same_shape(known, unknown)
    with open_session() as session:
        for value in (np.ones([2, 3]), np.ones([3, 2]), np.ones([2, 3, 1])):
            feed = {unknown: value, size: [2, 3]}
            for tensor in (checked, by_tensor, same):
                if value.shape == (2, 3):
                    assert session.run(tensor, feed).shape == (2, 3)
                else:
                    with pytest.raises(tf.errors.InvalidArgumentError, match="Wrong shape"):
                        session.run(tensor, feed)


@pytest.mark.parametrize(
    ("predictions", "labels", "expected"),
    [
        ([4, 1], [4], ([4], [4])),
        ([4], [4, 1], ([4], [4])),
        ([4, 2], [4], ([4, 2], [4])),
        ([4, 1], [4, 1], ([4, 1], [4, 1])),
    ],
)
def test_a_last_axis_of_one_that_only_one_has_is_taken_off(graph, predictions, labels, expected):
    pair = framework.remove_squeezable_dimensions(tf.zeros(predictions), tf.zeros(labels))
    assert tuple(x.shape.as_list() for x in pair) == expected
    unknown = [tf.placeholder(tf.float32, None) for _ in range(2)]
    pair = framework.remove_squeezable_dimensions(*unknown)
    feed = {unknown[0]: np.ones(predictions), unknown[1]: np.ones(labels)}
    if predictions == [4, 2]:
        return  # nothing can be taken off, and what is not known is not asked for
    with open_session() as session:
        assert tuple(list(x.shape) for x in session.run(pair, feed)) == expected


def test_scopes_are_taken_off_and_put_before_names():
    assert framework.strip_name_scope("a/b/c", "a") == "b/c"
    assert framework.strip_name_scope("^a/b/c", "a/b") == "^c"
    assert framework.strip_name_scope("loc:@a/b", "a") == "loc:@b"
    assert framework.strip_name_scope("ab/c", "a") == "ab/c"
    assert framework.strip_name_scope("a/b", None) == "a/b"
    assert framework.prepend_name_scope("b/c", "a") == "a/b/c"
    assert framework.prepend_name_scope("^b", "a/") == "^a/b"
    assert framework.prepend_name_scope("loc:@b", "a") == "loc:@a/b"
    assert framework.prepend_name_scope("b", "") == "b"


def test_a_python_function_of_nests_is_an_op(graph):
    def function(a, pair):
        return {"sum": a + pair["b"], "parts": (a, "text")}

    outputs = framework.py_func(
        function,
        [tf.constant([3.0])],
        {"pair": {"b": tf.constant([1.0])}},
        output_types={"sum": tf.float32, "parts": (tf.float32, tf.string)},
        output_shapes={"sum": [1], "parts": ([1], [])},
    )
    assert outputs["sum"].shape.as_list() == [1]
    with open_session() as session:
        found = session.run(outputs)
    assert found == {"sum": [4.0], "parts": ([3.0], b"text")}


def test_small_helpers(graph):
    a = tf.placeholder(tf.float32, [2], name="a")
    v = tf.get_variable("v", initializer=[1.0, 2.0])
    assert framework.get_placeholders(graph)[0] is a
    assert framework.is_tensor(v)
    assert framework.nest.flatten_up_to([1, 2], [a, (a, a)])[1] == (a, a)
    sparse = tf.SparseTensorValue([[0]], [1.0], [2])
    assert isinstance(framework.convert_to_tensor_or_sparse_tensor(sparse), tf.SparseTensor)
    with pytest.raises(RuntimeError, match="Sparse dtype"):
        framework.convert_to_tensor_or_sparse_tensor(sparse, tf.int32)
    with pytest.raises(ValueError, match="Expected integer"):
        framework.assert_scalar_int(1.5)
    with pytest.raises(ValueError, match="No tensors"):
        framework.reduce_sum_n([])
    total = framework.reduce_sum_n([v, tf.ones([2, 3])])
    cleared = framework.zero_initializer(v)
    step = framework.get_or_create_global_step()
    assert framework.get_global_step() is step
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(total) == 9.0
        assert session.run(cleared).tolist() == [0.0, 0.0]
        assert session.run(framework.sort(tf.constant([3, 1, 2]))).tolist() == [1, 2, 3]


def test_a_deprecated_function_works_and_warns_once(monkeypatch):
    said = []
    monkeypatch.setattr(tf.logging, "warning", lambda *args: said.append(args))

    @framework.deprecated("2017-01-01", "Use halve.")
    @framework.deprecated_args(None, "", "b")
    @framework.deprecated_arg_values(None, "", a=0)
    def half(a, b=2):
        return a / b

    assert [half(4), half(2)] == [2, 1]
    assert len(said) == 1 and "Use halve." in said[0]


def test_constants_and_the_ops_of_a_graph(graph):
    c = tf.constant([1.0, 2.0]) * 2.0
    assert util.constant_value(tf.constant(3)) == 3
    assert util.make_ndarray(util.make_tensor_proto([1, 2])).tolist() == [1, 2]
    assert c.op.type in util.ops_used_by_graph_def(graph.as_graph_def())
