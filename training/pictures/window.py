"""A window that shows a picture and lives on while the program works."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

REFRESH_EVERY = 0.1  # seconds


class NoWindow(Exception):
    """There is no display, no graphical toolkit that matplotlib knows, or it failed."""


class Window:
    """A window on the screen. Once the user has closed it, nothing is shown any more.

    Raises NoWindow where none can be opened.
    """

    def __init__(self, title: str):
        try:
            # Only here: it looks for a toolkit, and may fail where no window is wished.
            from matplotlib import pyplot

            self._plt = pyplot
            self._figure = pyplot.figure(title)
        except Exception as error:  # every toolkit has errors of its own
            raise NoWindow(str(error)) from error
        if self._figure.canvas.required_interactive_framework is None:
            pyplot.close(self._figure)
            raise NoWindow("no display")
        self._image: Any = None
        self._next_refresh = 0.0

    @property
    def is_open(self) -> bool:
        """False once the window is closed."""
        return self._plt.fignum_exists(self._figure.number)

    def show(self, picture: Figure) -> None:
        """Shows a picture in place of the one before. Raises NoWindow when the display is gone."""
        canvas = FigureCanvasAgg(picture)
        canvas.draw()
        self._act(lambda: self._put(np.asarray(canvas.buffer_rgba()), picture))

    def refresh(self) -> None:
        """Lets the window answer to the user; to be called often. Raises NoWindow likewise."""
        if time.monotonic() >= self._next_refresh:
            self._act(self._figure.canvas.flush_events)
            self._next_refresh = time.monotonic() + REFRESH_EVERY

    def wait(self) -> None:
        """Returns once the user has closed the window."""
        self._act(lambda: self._plt.show(block=True))

    def _put(self, pixels: np.ndarray, picture: Figure) -> None:
        if self._image is None:
            self._figure.set_size_inches(picture.get_size_inches(), forward=True)
            axes = self._figure.add_axes((0, 0, 1, 1))
            axes.axis("off")
            self._image = axes.imshow(pixels)
            self._plt.show(block=False)
        self._image.set_data(pixels)
        self._figure.canvas.draw_idle()
        self._figure.canvas.flush_events()

    def _act(self, action: Callable[[], object]) -> None:
        if not self.is_open:
            return
        try:
            action()
        except Exception as error:
            self._plt.close(self._figure)
            raise NoWindow(str(error)) from error
