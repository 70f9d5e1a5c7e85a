"""Signals that ask the process to end, as a wish that is granted at a good moment."""

from __future__ import annotations

import os
import signal
from types import FrameType

WISHES = (signal.SIGINT, signal.SIGTERM)
# The terminal has gone, a scheduler's time or that of `ulimit -t` is nearly over. They may come
# more than once: a shell passes on a SIGHUP that the system has sent, too.
WARNINGS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)


class Stopped(Exception):
    """The process was asked to stop; `status` is its exit status, 128 + the signal's number."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class StopSignals:
    """While the context lasts, signals that would end the process are only noted.

    `check()` raises Stopped once one has come. A second SIGINT or SIGTERM does what the system does
    by default: it ends the process at once. A warning that is ignored, as `nohup` has it, stays so.
    """

    def __enter__(self) -> StopSignals:
        self._received: int | None = None
        self._terminals = [descriptor for descriptor in (0, 1, 2) if _is_terminal(descriptor)]
        warnings = [one for one in WARNINGS if signal.getsignal(one) not in (signal.SIG_IGN, None)]
        numbers = (*WISHES, *warnings)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._received = number
        if number in WISHES:
            for one in WISHES:
                signal.signal(one, signal.SIG_DFL)
        else:
            self._let_go_of_terminals()

    def _let_go_of_terminals(self) -> None:
        """Lets what is written to a terminal that has gone lead nowhere, or it were an error."""
        for descriptor in self._terminals:
            if not _is_terminal(descriptor):
                nowhere = os.open(os.devnull, os.O_RDWR)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)

    def check(self) -> None:
        """Raises Stopped if the process was asked to stop."""
        if self._received is not None:
            raise Stopped(self._received)


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:  # closed
        return False
