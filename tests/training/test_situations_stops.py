"""Signals that ask to end, and clocks that go back."""

import os
import signal
import types

import corpora
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training import events
from training.signals import WARNINGS, Stopped, StopSignals

ALL = (signal.SIGINT, signal.SIGTERM, *WARNINGS)


@pytest.fixture
def handlers():
    """Handlers of the test's own, one for each signal, while it runs."""
    mine = {number: (lambda *_: None) for number in ALL}
    before = {number: signal.signal(number, handler) for number, handler in mine.items()}
    yield mine
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_warnings_are_those_of_terminals_and_schedulers():
    assert {signal.SIGHUP, signal.SIGUSR1} <= set(WARNINGS)


@pytest.mark.parametrize("number", ALL)
def test_a_signal_is_a_wish_with_its_status_and_the_handlers_are_put_back(handlers, number):
    with StopSignals() as signals:
        os.kill(os.getpid(), number)
        with pytest.raises(Stopped) as stopped:
            signals.check()
        assert stopped.value.status == 128 + number
    assert {one: signal.getsignal(one) for one in ALL} == handlers


@pytest.mark.parametrize("number", WARNINGS)
def test_a_warning_may_come_twice(handlers, number):
    """A shell passes a SIGHUP on that the system has sent, too."""
    with StopSignals() as signals:
        for _ in range(2):
            os.kill(os.getpid(), number)
        assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, handlers[signal.SIGTERM])
        with pytest.raises(Stopped):
            signals.check()


@pytest.mark.parametrize("number", WARNINGS)
def test_a_warning_that_is_ignored_stays_ignored(handlers, number):
    signal.signal(number, signal.SIG_IGN)
    with StopSignals() as signals:
        os.kill(os.getpid(), number)
        signals.check()
    assert signal.getsignal(number) is signal.SIG_IGN


def test_a_terminal_that_has_gone_gets_nothing_more(handlers):
    main, terminal = os.openpty()
    stdout = os.dup(1)
    try:
        os.dup2(terminal, 1)
        os.close(terminal)
        with StopSignals():
            os.close(main)
            with pytest.raises(OSError):
                os.write(1, b"x")
            os.kill(os.getpid(), signal.SIGHUP)
            assert os.write(1, b"x") == 1
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def test_a_pipe_still_gets_the_line_that_says_how_to_go_on(handlers):
    reader, writer = os.pipe()
    stdout = os.dup(1)
    try:
        os.dup2(writer, 1)
        with StopSignals():
            os.kill(os.getpid(), signal.SIGHUP)
            os.write(1, b"go on")
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
    assert os.read(reader, 10) == b"go on"
    os.close(reader)
    os.close(writer)


HOUR = 3600 * 10**9
NEW = 1_795_000_000 * 10**9


def test_a_run_is_stopped_saved_and_resumed_though_the_clock_was_put_back(tmp_path, monkeypatch):
    """TensorBoard shows every point."""
    number = signal.SIGUSR1
    corpus = corpora.write_corpus(tmp_path / "corpus", sizes=(200, 30, 30))
    config = corpora.tiny_config(corpus, epochs=3)
    now = iter([NEW, NEW - 2 * HOUR])
    monkeypatch.setattr(events.time, "time_ns", lambda: next(now))

    def stop(step):
        if step == steps + 2:
            os.kill(os.getpid(), number)

    training = corpora.make_training(tmp_path / "run", config, on_step=stop)
    steps = len(training.data.train)
    with pytest.raises(Stopped) as stopped:
        training.run_to_the_end()
    assert stopped.value.status == 128 + number
    again = corpora.make_training(tmp_path / "run", config)
    checkpoint = again.checkpoints.newest()
    assert checkpoint.step == steps + 2
    again.run_to_the_end(checkpoint)
    shown = EventAccumulator(str(tmp_path / "run")).Reload().Scalars("perplexity/valid")
    assert [point.step for point in shown] == [steps, 2 * steps, 3 * steps]


@pytest.mark.parametrize(
    "name",
    [
        f"events.out.tfevents.{NEW}",
        f"events.out.tfevents.{NEW // 10**9}.host",
        f"events.out.tfevents.{NEW // 10**9}.host.12.0.v2",
        "events.out.tfevents.9999999999999999999",
        "events.out.tfevents.",
        "events.out.tfevents.x",
    ],
)
@pytest.mark.parametrize("now", [NEW - HOUR, NEW + HOUR])
def test_a_new_event_file_is_the_last_by_its_name(tmp_path, monkeypatch, name, now):
    import tensorflow.compat.v1 as tf

    (tmp_path / name).touch()
    monkeypatch.setattr(events, "time", types.SimpleNamespace(time_ns=lambda: now, time=lambda: 1))
    with events.Events(tmp_path, tf.Graph()):
        pass
    found = sorted(path.name for path in tmp_path.iterdir())
    assert len(found) == 2
    if str(NEW)[:6] in name:
        assert found[0] == name
