"""`batch_sequences_with_states`: long examples in segments, each row with its own state."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from graphs import open_session

import tf1rnn
from tf1rnn.contrib import training

LENGTHS = [5, 1, 7, 3, 9, 2]


def read(examples, epochs=1):
    """One example at a time, as from files: its number, then what it says."""
    number = tf.train.range_input_producer(len(examples), epochs, shuffle=False).dequeue()
    return number, tf.gather(tf.constant([len(x) for x in examples]), number)


def example_of(lengths, depth=2):
    rng = np.random.default_rng(0)
    return [rng.normal(size=[n, depth]).astype(np.float32) for n in lengths]


def sequence_of(examples, number, length):
    long = np.zeros([len(examples), max(map(len, examples)), 2], np.float32)
    for row, example in zip(long, examples, strict=True):
        row[: len(example)] = example
    return tf.gather(tf.constant(long), number)[:length]


def batches(fetches, threads):
    """All batches to the end of the examples."""
    with open_session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator = tf.train.Coordinator()
        started = tf.train.start_queue_runners(session, coordinator)
        assert len(started) == threads + 1 + 2  # and that of the producer, and two that close
        found = []
        with pytest.raises(tf.errors.OutOfRangeError):
            for _ in range(100):
                found.append(session.run(fetches))
        coordinator.request_stop()
        coordinator.join(started, stop_grace_period_secs=10)
    return found


@pytest.mark.parametrize(("num_unroll", "batch_size"), [(3, 2), (2, 4), (4, 1), (20, 3)])
def test_every_step_of_every_example_comes_once_and_in_order(num_unroll, batch_size):
    examples = example_of(LENGTHS)
    with tf.Graph().as_default():
        number, length = read(examples)
        batch = training.batch_sequences_with_states(
            tf.strings.join(["row", tf.as_string(number)]),
            {"x": sequence_of(examples, number, length)},
            {"number": number},
            None,
            {"sum": tf.constant([0.5, -0.5]), "segments": 0, "first": True},
            num_unroll,
            batch_size,
            num_threads=1,
            capacity=batch_size,
        )
        saved = [
            batch.save_state("sum", batch.state("sum") + tf.reduce_sum(batch.sequences["x"], 1)),
            batch.save_state("segments", batch.state("segments") + 1),
            batch.save_state("first", tf.zeros_like(batch.state("first"))),
        ]
        names = ["key", "next_key", "sequence", "sequence_count", "length", "total_length"]
        names += ["insertion_index", "sequences", "context", "batch_size"]
        fetches = {name: getattr(batch, name) for name in names}
        fetches |= {name: batch.state(name) for name in ("sum", "segments", "first")}
        assert batch.sequences["x"].shape.as_list() == [None, num_unroll, 2]
        found = [values for values, _ in batches((fetches, saved), 1)]

    rows = {i: [] for i in range(len(examples))}
    for values in found:
        size = values.pop("batch_size")
        values["x"] = values.pop("sequences")["x"]
        numbers = values.pop("context")["number"]
        assert size == len(numbers) <= batch_size
        assert len(set(numbers)) == size, "two segments of one example in a batch"
        for i, n in enumerate(numbers):
            rows[n].append({name: value[i] for name, value in values.items()})
    assert sum(map(len, rows.values())) == sum(-(-n // num_unroll) for n in LENGTHS)
    for n, segments in rows.items():
        check_example(segments, examples[n], f"row{n}", num_unroll)
    ages = [segments[0]["insertion_index"] for segments in rows.values()]
    assert ages == sorted(ages)


def check_example(segments, example, key, num_unroll):
    count = -(-len(example) // num_unroll)
    assert len(segments) == count
    padded = np.zeros([count * num_unroll, 2], np.float32)
    padded[: len(example)] = example
    for i, segment in enumerate(segments):
        assert segment["key"].decode() == f"{i:05d}_of_{count:05d}:{key}"
        following = f"{i + 1:05d}_of_{count:05d}:{key}" if i + 1 < count else f"STOP:{key}"
        assert segment["next_key"].decode() == following
        assert (segment["sequence"], segment["sequence_count"]) == (i, count)
        start = i * num_unroll
        assert segment["length"] == min(num_unroll, len(example) - start)
        assert segment["total_length"] == len(example)
        np.testing.assert_array_equal(segment["x"], padded[start : start + num_unroll])
        assert segment["segments"] == i and segment["first"] == (i == 0)
        before = np.add([0.5, -0.5], example[:start].sum(axis=0))
        np.testing.assert_allclose(segment["sum"], before, rtol=1e-5, atol=1e-5)
        assert segment["insertion_index"] == segments[0]["insertion_index"]


def test_a_network_over_segments_is_the_network_over_whole_examples():
    examples = example_of(LENGTHS)
    with tf.Graph().as_default():
        number, length = read(examples)
        cell = tf1rnn.BasicLSTMCell(3)
        batch = training.batch_sequences_with_states(
            tf.as_string(number),
            {"x": sequence_of(examples, number, length)},
            {},
            length,
            {"c": tf.zeros([3]), "h": tf.zeros([3])},
            num_unroll=4,
            batch_size=2,
            num_threads=2,
        )
        steps = tf.unstack(batch.sequences["x"], axis=1)
        with tf.variable_scope("net", initializer=tf.random_uniform_initializer(-1, 1, seed=2)):
            outputs, state = tf1rnn.static_state_saving_rnn(
                cell, steps, batch, tf1rnn.LSTMStateTuple("c", "h"), batch.length
            )
            ends = [state.h, outputs[-1], batch.next_key]
        long = tf.stack([np.pad(x, [(0, 9 - len(x)), (0, 0)]) for x in examples])
        with tf.variable_scope("net", reuse=True):
            whole = tf1rnn.dynamic_rnn(cell, long, LENGTHS, dtype=tf.float32, scope="rnn")[1]
        found = batches((*ends, whole.h), 2)
    states = {
        int(key.decode()[5:]): h
        for hs, _, keys, _ in found
        for h, key in zip(hs, keys, strict=True)
        if key.startswith(b"STOP:")
    }
    assert sorted(states) == list(range(len(examples)))
    for n, h in states.items():
        np.testing.assert_allclose(h, found[0][3][n], rtol=1e-5, atol=1e-6)


def test_keys_are_made_unique_and_texts_padded():
    with tf.Graph().as_default():
        batch = training.batch_sequences_with_states(
            "same",
            {"words": tf.constant(["a", "b", "c"])},
            {},
            None,
            {"s": 0.0},
            num_unroll=2,
            batch_size=4,
            num_threads=1,
            make_keys_unique=True,
        )
        saved = batch.save_state("s", batch.state("s") + 1)
        with open_session() as session:
            coordinator = tf.train.Coordinator()
            started = tf.train.start_queue_runners(session, coordinator)
            values = [session.run((batch.key, batch.sequences["words"], saved)) for _ in range(2)]
            coordinator.request_stop()
            session.close()
            coordinator.join(started, stop_grace_period_secs=10)
    assert len(set(itertools.chain(*(keys for keys, *_ in values)))) == 8
    assert values[1][1].tolist() == [[b"c", b""]] * 4


GOOD = {
    "batch_size": 2, "num_unroll": 3, "input_length": 5, "input_key": "k",
    "input_sequences": {"x": [[1.0]] * 6}, "input_context": {}, "initial_states": {"s": 0.0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"capacity": 1}, ValueError, "capacity must be larger or equal to batch_size"),
        ({"input_sequences": {}}, ValueError, "At least one sequence"),
        ({"initial_states": {}}, ValueError, "one state"),
        ({"initial_states": [0.0]}, TypeError, "states must be a dict"),
        ({"input_context": {"a:b": 0.0}}, ValueError, "context name may not have a colon: 'a:b'"),
        ({"input_sequences": {3: [0.0]}}, TypeError, "sequence name must be string: 3"),
        ({"input_length": 5.0}, TypeError, "length dtype must be int32"),
        ({"input_key": 3}, TypeError, "key dtype must be string"),
        ({"input_length": 7}, tf.errors.InvalidArgumentError, "Input length should be <="),
        ({"num_unroll": 4}, tf.errors.InvalidArgumentError, "Consider setting pad=True"),
        (
            {"input_sequences": {"x": [0.0] * 6, "y": [0.0] * 3}},
            tf.errors.InvalidArgumentError,
            "All sequence lengths must match",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, error, message):
    graph, refused = tf.Graph(), pytest.raises(error, match=message)
    with graph.as_default(), open_session() as session, refused:
        session.run(training.SequenceQueueingStateSaver(**{**GOOD, **change}).prefetch_op)


def test_shapes_and_names_have_to_be_known():
    with tf.Graph().as_default():
        unknown = tf.placeholder(tf.float32, [None, None])
        with pytest.raises(ValueError, match=r"Shape for sequence x is not fully defined"):
            training.SequenceQueueingStateSaver(**{**GOOD, "input_sequences": {"x": unknown}})
        batch = training.SequenceQueueingStateSaver(**GOOD).next_batch
        assert batch.sequences["x"].shape.as_list() == [2, 3, 1], "no smaller batches were allowed"
        with pytest.raises(KeyError, match="state was not declared: t"):
            batch.save_state("t", 0.0)
        with pytest.raises(ValueError, match="are incompatible"):
            batch.save_state("s", [0.0, 0.0, 0.0])


def test_what_is_closed_lets_out_what_is_in():
    with tf.Graph().as_default(), open_session() as session:
        saver = training.SequenceQueueingStateSaver(**GOOD, allow_small_batch=True)
        saved = saver.next_batch.save_state("s", saver.next_batch.state("s"))
        session.run(saver.prefetch_op)
        assert session.run(saver.ready_size()) == 1, "the second segment waits for its state"
        session.run(saver.close())
        lengths = [session.run((saver.next_batch.length, saved))[0].tolist() for _ in range(2)]
        assert lengths == [[3], [2]]
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(saver.next_batch.length)
        with pytest.raises(tf.errors.InvalidArgumentError, match="already"):
            session.run(saver.close(cancel_pending_enqueues=True))
