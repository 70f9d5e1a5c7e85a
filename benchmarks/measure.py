"""Sides in processes of their own that take turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import track

from training.command import UserError
from training.screen import Console

FEWEST_ROUNDS = 5
ROUND = 1.0  # seconds that a side runs at a time, or one step if that takes longer
PATIENCE = 600.0  # seconds to wait for an answer: libraries can stand still for ever


class SideError(Exception):
    """A side cannot run; the message is one line that says why."""


@dataclass
class Measured:
    """What is known of one side.

    startup: seconds from the start of its process to the end of its first step, which compiles.
    rates: steps a second, one of each round. cpu: CPU seconds a step, one of each round.
    memory: the process's largest resident size, in MiB. versions: of Python and of what it runs on.
    """

    kind: str
    name: str
    versions: dict[str, str] = field(default_factory=dict)
    startup: float = 0.0
    memory: float = 0.0
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class Worker:
    """The process of one side, after its first step; a context that ends it.

    python: the interpreter. task: "training" or "evaluation".

    Raises:
        SideError: it failed, or did not answer in PATIENCE seconds.
    """

    def __init__(self, python: Path, kind: str, name: str, size: str, task: str):
        self.measured = Measured(kind, name)
        started = time.perf_counter()
        with ExitStack() as stack:
            # A pipe that nobody reads would fill up.
            self._messages = stack.enter_context(tempfile.TemporaryFile("w+"))
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.worker", kind, name, size, task],
                cwd=Path(__file__).parents[1],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                text=True,
            )
            stack.callback(self._process.communicate)
            stack.callback(self._process.kill)
            self.measured.versions = self._answer()["versions"]
            self.measured.startup = time.perf_counter() - started
            self._steps = max(round(ROUND / min(self._run(3)["seconds"])), 1)
            self._end = stack.pop_all().close

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end()

    def round(self) -> None:
        """Runs for about ROUND seconds and notes how fast that was.

        Raises:
            SideError: it failed, or did not answer in PATIENCE seconds.
        """
        answer = self._run(self._steps)
        self.measured.rates.append(1 / statistics.median(answer["seconds"]))
        self.measured.cpu.append(answer["cpu"] / self._steps)
        self.measured.memory = answer["memory"] / 1024

    def _run(self, steps: int) -> dict[str, Any]:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it has ended: that it does not answer tells
            print(steps, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        started = time.perf_counter()
        timer = threading.Timer(PATIENCE, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if not line:
            is_late = time.perf_counter() - started >= PATIENCE
            raise SideError(f"no answer in {PATIENCE:.0f} s" if is_late else self._last_message())
        answer = json.loads(line)
        if "error" in answer:
            raise SideError(answer["error"])
        return answer

    def _last_message(self) -> str:
        self._messages.seek(0)
        lines = self._messages.read().strip().splitlines()
        return lines[-1] if lines else f"its process ended with status {self._process.wait()}"


def measure(
    wanted: Sequence[tuple[str, str]], start: Callable[[str, str], Worker], seconds: float
) -> tuple[list[Measured], dict[str, str]]:
    """Starts a process for each side, one after the other, and lets them take turns.

    Args:
      wanted: kind and name of each side.
      start: starts the process of such a one.
      seconds: how long each side runs in all.

    Returns:
      The sides that ran; and, by name, why an alternative was left out.

    Raises:
      UserError: another side than an alternative failed.
    """
    left_out: dict[str, str] = {}
    with ExitStack() as stack:
        workers = []
        for kind, name in track(wanted, "starting", transient=True, console=Console()):
            with _leaving_out(kind, name, left_out):
                workers.append(stack.enter_context(start(kind, name)))
        rounds = max(round(seconds / ROUND), FEWEST_ROUNDS)
        for number in track(range(rounds), "measuring", transient=True, console=Console()):
            turn = number % len(workers)
            for worker in workers[turn:] + workers[:turn]:
                with _leaving_out(worker.measured.kind, worker.measured.name, left_out):
                    worker.round()
            workers = [worker for worker in workers if worker.measured.name not in left_out]
        return [worker.measured for worker in workers], left_out


@contextmanager
def _leaving_out(kind: str, name: str, left_out: dict[str, str]) -> Iterator[None]:
    """Notes why an alternative failed."""
    try:
        yield
    except SideError as error:
        if kind != "alternative":
            raise UserError(f"{name} has failed: {error}") from None
        left_out[name] = str(error)
