"""What a person sees while a training runs: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY = 60.0  # seconds between two lines about one epoch, where there is no bar
BAR_EVERY = 0.1  # seconds between two changes of the bar's text


def duration(seconds: float) -> str:
    """`95` -> `1:35`, `3700` -> `1:01:40`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class Screen:
    """Writes to standard output; `bar()` shows how far the training is."""

    def __init__(self, console: Console | None = None):
        self._console = console or Console(highlight=False, emoji=False)
        self._bar: Progress | None = None
        self._next_change = 0.0

    def say(self, text: str) -> None:
        """One line, above the bar where there is one. Never wrapped, so that paths stay whole."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def bar(self, total: int, done: int) -> Iterator[None]:
        """Shows a bar of `total` steps, of which `done` are made, until the context ends."""
        if not self._console.is_terminal:
            self._next_change = time.monotonic() + LINE_EVERY
            yield
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        # A minute's memory: the pause for validation does not upset the time left.
        bar = Progress(*columns, console=self._console, speed_estimate_period=60, transient=True)
        self._task = bar.add_task("", total=total, completed=done, status="")
        self._bar = bar
        try:
            with bar:
                yield
        finally:
            self._bar = None

    def step(self, done: int, description: str, status: str) -> None:
        """Tells that `done` steps are made; called at every step, shown when it is time."""
        now = time.monotonic()
        if now < self._next_change:
            return
        if self._bar is not None:
            self._next_change = now + BAR_EVERY
            self._bar.update(self._task, completed=done, description=description, status=status)
        else:
            self._next_change = now + LINE_EVERY
            self.say(f"{description}  {status}")
