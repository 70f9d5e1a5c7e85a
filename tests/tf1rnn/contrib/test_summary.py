"""`tf.contrib.summary`: what is written is what was computed, at the steps that are asked for."""

import tensorflow.compat.v1 as tf
from graphs import open_session
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tf1rnn.compat.modules import module_at
from tf1rnn.contrib import summary


def test_a_scalar_is_written_every_second_step(tmp_path):
    with tf.Graph().as_default() as graph:
        step = tf.train.create_global_step()
        writer = summary.create_file_writer(str(tmp_path), flush_millis=1000)
        with writer.as_default(), summary.record_summaries_every_n_global_steps(2):
            summary.scalar("cost", tf.cast(step, tf.float32) / 10)
        count = tf.assign_add(step, 1)
        with open_session() as session, writer.as_default():
            session.run(tf.global_variables_initializer())
            summary.initialize(graph=graph, session=session)
            for _ in range(5):
                session.run(summary.all_summary_ops())
                session.run(count)
            session.run(summary.flush())
    (file,) = tmp_path.iterdir()
    events = list(EventFileLoader(str(file)).Load())
    found = [
        (event.step, value.tag, round(tf.make_ndarray(value.tensor).item(), 6))
        for event in events
        for value in event.summary.value
        if value.tag == "cost"
    ]
    assert found == [(0, "cost", 0.0), (2, "cost", 0.2), (4, "cost", 0.4)]
    assert any(event.graph_def for event in events)


def test_without_a_writer_nothing_is_written():
    with tf.Graph().as_default():
        tf.train.create_global_step()
        with summary.always_record_summaries():
            nothing = summary.scalar("cost", 1.0)
        assert nothing.type == "NoOp"
        assert not summary.all_summary_ops()


def test_it_is_found_where_it_stood():
    assert module_at("contrib.summary").served("scalar") is summary.scalar
