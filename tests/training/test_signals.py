"""The wish to stop: noted once, granted when asked, and forgotten afterwards."""

import os
import signal

import pytest

from training.signals import Stopped, StopSignals

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def handlers():
    """Handlers of the test's own, one for each signal, while it runs."""
    mine = {number: (lambda *_: None) for number in NUMBERS}
    before = {number: signal.signal(number, handler) for number, handler in mine.items()}
    yield mine
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("sent", [None, *NUMBERS])
def test_the_handlers_are_put_back_whether_a_signal_came_or_not(handlers, sent):
    with StopSignals() as signals:
        signals.check()  # no signal, no wish
        if sent is not None:
            os.kill(os.getpid(), sent)
            assert [signal.getsignal(number) for number in NUMBERS] == [signal.SIG_DFL] * 2
            with pytest.raises(Stopped) as stopped:
                signals.check()
            assert stopped.value.status == 128 + sent
    assert {number: signal.getsignal(number) for number in NUMBERS} == handlers


def test_the_handlers_are_put_back_where_a_training_ends_in_an_error(handlers):
    with pytest.raises(OSError), StopSignals():
        raise OSError("no space left")
    assert {number: signal.getsignal(number) for number in NUMBERS} == handlers
