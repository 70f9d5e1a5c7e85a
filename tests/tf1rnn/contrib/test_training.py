"""`tf.contrib.training`: hyperparameters from texts, and batches of sequences of like lengths."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

from tf1rnn.contrib import training
from tf1rnn.contrib.training import HParams, parse_values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("n=12", {"n": 12}),
        ("n=+3, x=-2.0e10", {"n": 3, "x": -2.0e10}),
        ("x=3", {"x": 3.0}),
        ("s=/a=b/c.d,n=4,", {"s": "/a=b/c.d", "n": 4}),
        ("s=,x=2,", {"s": "", "x": 2.0}),
        ("on=False", {"on": False}),
        ("on=1", {"on": True}),
        ("sizes=[12, 34]", {"sizes": [12, 34]}),
        ("sizes=[],n=1", {"sizes": [], "n": 1}),
        ("words=[_1,3'4\"]", {"words": ["_1", "3'4\""]}),
    ],
)
def test_a_text_sets_hyperparameters(text, expected):
    start = {"n": 1, "x": 2.0, "s": "tanh", "on": True, "sizes": [1], "words": ["a"]}
    parameters = HParams(**start)
    assert parameters.parse(text) is parameters
    assert parameters.values() == start | expected
    for name, value in parameters.values().items():
        assert type(value) is type(start[name])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m=1", "Unknown hyperparameter type for m"),
        ("n=1.0", "Could not parse hparam 'n' of type 'int' with value '1.0'"),
        ("x=relu", "Could not parse"),
        ("on=yes", "Could not parse.*on"),
        ("sizes=[a]", "Could not parse"),
        ("n=[1]", "Must not pass a list for single-valued parameter: n"),
        ("sizes=1", "Must pass a list for multi-valued parameter: sizes"),
        ("n=1,n=2", "Multiple assignments to variable 'n'"),
        ("n 1", "Malformed hyperparameter value: n 1"),
    ],
)
def test_a_text_that_cannot_be_read_changes_nothing(text, message):
    parameters = HParams(n=5, x=2.0, on=True, sizes=[1])
    with pytest.raises(ValueError, match=message):
        parameters.parse(text)
    assert parameters.values() == {"n": 5, "x": 2.0, "on": True, "sizes": [1]}


def test_single_places_of_a_list_can_be_set():
    types = {"a": int, "b": bool, "c": str}
    assert parse_values("a[1]=10,a[5]=20,c=x", types) == {"a": {1: 10, 5: 20}, "c": "x"}
    assert parse_values("b[ 2 ]=true,z[0]=9,y=[1]", types, True) == {"b": {2: True}}
    for text, message in {
        "a[1]=[1,2]": "Assignment of a list to a list index",
        "a[0]=1,a[0]=2": r"Multiple assignments to variable 'a\[0\]'",
        "a=[1],a[0]=2": "Multiple assignments to variable 'a'",
        "a[0]=2,a=[1]": "Multiple assignments to variable 'a'",
    }.items():
        with pytest.raises(ValueError, match=message):
            parse_values(text, types)


def test_hyperparameters_keep_their_types():
    parameters = HParams(n=1, x=1.5, s="a", on=True, sizes=[1, 2], free=None)
    for name, value in (
        *(("s", 2.2), ("n", False), ("on", 1), ("n", 2.2), ("n", "2"), ("x", "2")),
        *(("x", True), ("sizes", [2, 3.3]), ("sizes", 1), ("n", [1])),
    ):
        with pytest.raises(ValueError):
            parameters.set_hparam(name, value)
    parameters.set_hparam("x", 3)
    parameters.set_hparam("free", "anything")
    assert type(parameters.x) is float and parameters.free == "anything"
    assert parameters.get("n") == 1 and parameters.get("m", 7) == 7 and parameters.get("m") is None
    assert parameters.get("x", 1) == 3.0 and parameters.get("sizes", [4]) == [1, 2]
    for name, default in (("n", 2.0), ("x", False), ("s", [1]), ("sizes", 3), ("sizes", ["a"])):
        with pytest.raises(ValueError):
            parameters.get(name, default)
    with pytest.raises(KeyError):
        parameters.set_hparam("m", 1)


def test_hyperparameters_are_added_and_removed():
    parameters = HParams(n=1)
    parameters.add_hparam("a.b", 0.5)
    assert "n" in parameters and "m" not in parameters
    assert parameters.parse("a.b=2").get("a.b") == 2.0
    with pytest.raises(ValueError, match="Hyperparameter name is reserved: n"):
        parameters.add_hparam("n", 2)
    with pytest.raises(ValueError, match="cannot be empty"):
        parameters.add_hparam("sizes", [])
    parameters.del_hparam("n")
    parameters.add_hparam("n", "text")
    assert str(parameters) == "[('a.b', 2.0), ('n', 'text')]"
    assert repr(parameters) == f"HParams({parameters})"


def test_json_and_definitions_give_the_values_back():
    parameters = HParams(n=1, x=0.5, act=np.tanh, words=["a"])
    assert json.loads(parameters.to_json()) == {"n": 1, "x": 0.5, "words": ["a"]}
    assert HParams(n=3).to_json(indent=2) == '{\n  "n": 3\n}'
    assert HParams(n=3).to_json(separators=(";", "=")) == '{"n"=3}'
    assert HParams(n=0, x=0.0).parse_json('{"x": 2.5, "n": 7}').values() == {"n": 7, "x": 2.5}
    assert HParams(n=0).override_from_dict({"n": 4}).n == 4
    copy = HParams(hparam_def=parameters.to_proto(), extra=1)
    assert copy.values() == parameters.values() | {"extra": 1}
    assert HParams.from_proto(copy.to_proto()).words == ["a"]
    with pytest.raises(AssertionError):
        HParams(hparam_def=1)


def read(tensors):
    """Runs the queues of the graph until they are empty; one that never is closed is an error."""
    batches = []
    with tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=20_000)) as session:
        session.run(tf.local_variables_initializer())
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            while True:
                batches.append(session.run(tensors))
        except tf.errors.OutOfRangeError:
            coordinator.request_stop()
        coordinator.join(threads)
    return batches


@pytest.mark.parametrize("smaller", [True, False])
def test_sequences_are_batched_with_others_of_their_bucket(graph, smaller):
    n = tf.train.range_input_producer(12, num_epochs=1, shuffle=False).dequeue()
    lengths, batch = training.bucket_by_sequence_length(
        n,
        {"row": tf.fill([n], n), "id": n * 10},
        batch_size=2,
        bucket_boundaries=[3, 6],
        dynamic_pad=True,
        allow_smaller_final_batch=smaller,
        keep_input=tf.not_equal(n, 7),
    )
    static = None if smaller else 2
    assert batch["row"].shape.as_list() == [static, None]
    assert lengths.shape.as_list() == batch["id"].shape.as_list() == [static]
    batches = read([lengths, batch])
    whole = [[0, 1], [3, 4], [6, 8], [9, 10]]
    assert sorted(lengths.tolist() for lengths, _ in batches) == sorted(
        whole + ([[2], [5], [11]] if smaller else [])
    )
    for lengths, batch in batches:
        longest = max(lengths)
        rows = [[length] * length + [0] * (longest - length) for length in lengths]
        assert batch["row"].tolist() == rows
        assert batch["id"].tolist() == (lengths * 10).tolist()


def test_buckets_have_sizes_of_their_own(graph):
    n = tf.train.range_input_producer(9, num_epochs=1, shuffle=False).dequeue()
    row = tf.SparseTensor(tf.cast([[n]], tf.int64), [n * 10], [9])
    which, (numbers, rows) = training.bucket(
        [n, row], n % 2, batch_size=[2, 3], num_buckets=2, num_threads=2, bucket_capacities=[8, 8]
    )
    assert rows.shape.as_list() == [None, None]
    batches = read([which, numbers, rows])
    assert len(batches) == 3
    for bucket, batch, rows in batches:
        assert len(batch) == [2, 3][bucket] and all(batch % 2 == bucket)
        assert rows.indices.tolist() == [[i, n] for i, n in enumerate(batch)]
        assert rows.values.tolist() == (batch * 10).tolist()
        assert rows.dense_shape.tolist() == [len(batch), 9]


def test_the_shape_of_a_sparse_tensor_in_a_bucket_does_not_count(graph):
    row = tf.sparse.from_dense([5, 0])
    _, (number, same) = training.bucket_by_sequence_length(
        tf.constant(1), [tf.constant(7), row], 2, [3], shapes=[[], [2]]
    )
    assert number.shape.as_list() == [2] and same.shape.as_list() == [None, None]


def test_buckets_that_cannot_be_are_refused(graph):
    n = tf.constant(1)
    length = training.bucket_by_sequence_length
    for boundaries, error in ((3, TypeError), ([], ValueError), ([1.5], TypeError)):
        with pytest.raises(error):
            length(n, [n], 2, boundaries)
    with pytest.raises(ValueError, match="increasing"):
        length(n, [n], 2, [3, 3])
    with pytest.raises(ValueError, match="num_buckets"):
        training.bucket([n], n, [1, 2, 3], 2)
    with pytest.raises(ValueError, match=r"bucket_capacities .* must have exactly num_buckets"):
        training.bucket([n], n, 2, 2, bucket_capacities=[1])
    with pytest.raises(ValueError, match="at least one tensor"):
        training.bucket([], n, 2, 2)


def test_a_training_step_is_made_of_a_loss_and_an_optimizer(graph):
    pytest.importorskip("tf_slim")
    v = tf.get_variable("v", initializer=2.0)
    step = training.create_train_op(v * v, tf.train.GradientDescentOptimizer(0.25))
    with open_session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        assert session.run([v, tf.train.get_global_step()]) == [1.0, 1]
