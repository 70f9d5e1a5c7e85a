"""The pictures of a training as it goes: its curves, the problem's own, a GIF, a window."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from training.files import atomic_path
from training.pictures import NoPicture, curves, plain, style
from training.pictures.window import NoWindow, Window
from training.problem import Arrays, Config, Movie, Problem, Shown
from training.progress import Progress
from training.run import Run
from training.screen import Screen

# Seconds between two drawings of one file: an epoch may take less time than drawing it does.
DRAW_EVERY, DRAW_WINDOW_EVERY = 5.0, 0.5
MOST_FRAMES = 100  # of a GIF
FRAME = "frame_"  # and the epoch: the name of a frame in a checkpoint


class Album:
    """Draws the pictures of a run into its folder, and into the window if there is one."""

    def __init__(
        self,
        problem: Problem,
        config: Config,
        run: Run,
        screen: Screen,
        window: Window | None,
        floor: float | None,
    ):
        self._problem, self._config, self._run = problem, config, run
        self._screen, self._window, self._floor = screen, window, floor
        self._name = plain(run.path.name)
        self._shown: Shown | None = None
        self._frames: dict[int, np.ndarray] = {}
        self._next_drawing = 0.0
        self._has_warned = False

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Around whatever draws: what cannot be drawn is a line on the screen, once a process."""
        try:
            with style():
                yield
        except NoPicture as error:
            if not self._has_warned:
                self._screen.say(f"warning: a picture cannot be drawn: {error}")
            self._has_warned = True

    def look(self, split: str, predict: Callable[[], Arrays], progress: Progress) -> None:
        """Takes what the problem's picture shows: `predict` is asked if there is a picture."""
        if self._problem.picture is not None:
            title = f"{self._name}, {split}"
            self._shown = Shown(title, self._config, progress.records, predict())

    def keep_frame(self, epoch: int) -> None:
        """Keeps the epoch's frame of the GIF, from what was looked at last."""
        stride = -(-self._config.epochs // MOST_FRAMES)
        if self._problem.movie and self._shown and epoch % stride == 0:
            with self.drawing():
                self._frames[epoch] = self._problem.movie.frame(self._shown)

    def arrays(self) -> dict[str, np.ndarray]:
        """The frames so far, to be saved."""
        return {f"{FRAME}{epoch}": frame for epoch, frame in self._frames.items()}

    def restore(self, arrays: Arrays) -> None:
        """Takes the frames from among a checkpoint's arrays."""
        epochs = [name.removeprefix(FRAME) for name in arrays if name.startswith(FRAME)]
        self._frames = {int(epoch): arrays[FRAME + epoch] for epoch in epochs if epoch.isdecimal()}

    def draw(self, progress: Progress, now: bool = True) -> None:
        """Draws curves.png, picture.png and the window; unless `now`, only if it is time."""
        if not progress.records or (time.monotonic() < self._next_drawing and not now):
            return
        name, metric = self._name, self._config.metric.name
        with self.drawing():
            figure = curves.draw(name, metric, progress.records, progress.best_epoch, self._floor)
            self._run.save_figure(figure, self._run.curves)
        with self.drawing():
            if self._problem.picture is not None and self._shown is not None:
                figure = self._problem.picture(self._shown)
                self._run.save_figure(figure, self._run.picture)
            if self._window is not None:
                self._in_window(lambda window: window.show(figure))
        every = DRAW_EVERY if self._window is None else DRAW_WINDOW_EVERY
        self._next_drawing = time.monotonic() + every

    def refresh(self) -> None:
        """Keeps the window alive; to be called often."""
        if self._window is not None:
            self._in_window(lambda window: window.refresh())

    def wait_for_window(self) -> None:
        """Keeps an open window until the person at the screen closes it."""
        if self._window is not None and self._window.is_open and sys.stdin.isatty():
            self._screen.say("close the window to end")
            self._window.wait()

    def write_movie(self) -> None:
        """Writes the GIF of the epochs so far, if the problem has one."""
        movie = self._problem.movie
        if movie is None or self._shown is None:
            return
        with self.drawing():
            self._write_movie(movie, self._shown)

    def _write_movie(self, movie: Movie, shown: Shown) -> None:
        last = movie.frame(shown)  # a forged checkpoint may hold others than such
        frames = [
            (epoch, frame)
            for epoch, frame in sorted(self._frames.items())
            if (frame.shape, frame.dtype) == (last.shape, last.dtype)
        ]
        if frames:
            with atomic_path(self._run.path / movie.name) as temporary:
                movie.write(temporary, shown, frames)

    def _in_window(self, action: Callable[[Window], None]) -> None:
        """Does it, unless the display has gone: the training goes on without."""
        assert self._window is not None
        try:
            action(self._window)
        except NoWindow as error:
            self._window = None
            self._screen.say(f"warning: the window is lost: {error}")
