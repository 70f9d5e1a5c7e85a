"""SIGINT and SIGTERM as a wish that is granted at a good moment."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(Exception):
    """The process was asked to stop; `status` is its exit status, 128 + the signal's number."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


class StopSignals:
    """While the context lasts, the first SIGINT or SIGTERM is only noted.

    `check()` raises Stopped once one has come. The second one does what the system does by
    default: it ends the process at once.
    """

    def __enter__(self) -> StopSignals:
        self._received: int | None = None
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._received = number
        for one in self._before:
            signal.signal(one, signal.SIG_DFL)

    def check(self) -> None:
        """Raises Stopped if the process was asked to stop."""
        if self._received is not None:
            raise Stopped(self._received)
