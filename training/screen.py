"""What a person sees while a training runs: a bar in a terminal, plain lines elsewhere.

A notebook, by `%run` and by `!`, gets a line that it writes over again and again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

import rich.console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY = 60.0  # seconds between two lines about one epoch, where there is no bar
BAR_EVERY = 0.1  # seconds between two changes of the bar's text
UPDATE_EVERY = 1.0  # and of a notebook's line: a notebook may keep them all


def duration(seconds: float) -> str:
    """`95` -> `1:35`, `3700` -> `1:01:40`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class Console(rich.console.Console):
    """Standard output as text, without HTML in a notebook; with control characters only where it
    is a terminal, whatever the environment asks for.

    Raises BrokenPipeError where the reader has gone.
    """

    def __init__(self, **options: Any):
        is_terminal = sys.stdout.isatty() and "file" not in options
        plain = {"highlight": False, "emoji": False, "force_jupyter": False}
        super().__init__(**{**plain, "force_terminal": is_terminal, **options})

    def on_broken_pipe(self) -> NoReturn:
        """As everywhere: `command.run` knows what to do. The base class would end the program."""
        raise BrokenPipeError


def table_console(width: int) -> Console:
    """A console as wide as the terminal, or as `width` where there is none."""
    console = Console()
    if not console.is_terminal:
        console.width = width
    return console


class _Display(Protocol):
    """What stands at the foot of the screen: shown every so many seconds, until it is closed."""

    every: float

    def show(self, done: int, description: str, status: str) -> None: ...

    def clear(self) -> None: ...

    def close(self) -> None: ...


class _Bar:
    """A bar, which a terminal keeps below all lines."""

    every = BAR_EVERY

    def __init__(self, console: rich.console.Console, total: int, done: int):
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
        self._bar = Progress(*columns, console=console, speed_estimate_period=60, transient=True)
        self._task = self._bar.add_task("", total=total, completed=done, status="")
        self._bar.start()

    def show(self, done: int, description: str, status: str) -> None:
        self._bar.update(self._task, completed=done, description=description, status=status)

    def clear(self) -> None:
        """Nothing to do: the bar makes room for a line itself."""

    def close(self) -> None:
        self._bar.stop()


class _UpdatedLine:
    """A line that is written over by means of the carriage return, the one way a notebook knows."""

    every = UPDATE_EVERY

    def __init__(self, console: rich.console.Console, total: int, done: int):
        self._file, self._total, self._first = console.file, total, done
        self._began, self._width = time.monotonic(), 0

    def show(self, done: int, description: str, status: str) -> None:
        each = (time.monotonic() - self._began) / max(done - self._first, 1)
        left = duration(each * (self._total - done))
        text = f"{description}  {status}  {done / self._total:.0%}  {left} left"
        self._write(text.ljust(self._width))
        self._width = len(text)

    def clear(self) -> None:
        if self._width:
            self._write(" " * self._width + "\r")
            self._width = 0

    close = clear

    def _write(self, text: str) -> None:
        self._file.write(f"\r{text}")
        self._file.flush()


class Screen:
    """Writes to standard output; `bar()` shows how far the training is."""

    def __init__(self, console: rich.console.Console | None = None):
        self._console = console or Console()
        self._display: _Display | None = None
        self._next_change = 0.0

    def say(self, text: str) -> None:
        """One line, above the bar where there is one. Never wrapped, so that paths stay whole."""
        if self._display is not None:
            self._display.clear()
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def bar(self, total: int, done: int) -> Iterator[None]:
        """Shows a bar of `total` steps, of which `done` are made, until the context ends."""
        kind = _display_of(self._console)
        if kind is None:
            self._next_change = time.monotonic() + LINE_EVERY
            yield
            return
        self._display = kind(self._console, total, done)
        try:
            yield
        finally:
            self._display.close()
            self._display = None

    def step(self, done: int, description: str, status: str) -> None:
        """Tells that `done` steps are made; called at every step, shown when it is time."""
        now = time.monotonic()
        if now < self._next_change:
            return
        if self._display is not None:
            self._next_change = now + self._display.every
            self._display.show(done, description, status)
        else:
            self._next_change = now + LINE_EVERY
            self.say(f"{description}  {status}")


def _display_of(console: rich.console.Console) -> type[_Bar | _UpdatedLine] | None:
    """What the console can show; None where only whole lines are of use."""
    of_kernel = type(console.file).__module__.startswith("ipykernel")  # %run
    if of_kernel or (console.is_terminal and "JPY_PARENT_PID" in os.environ):  # or !
        return _UpdatedLine
    return _Bar if console.is_terminal and not console.is_dumb_terminal else None
