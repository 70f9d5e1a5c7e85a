"""The live window: what it shows where there is a display, and what is said where there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from training.pictures.window import NoWindow, Window

ROOT = Path(__file__).resolve().parents[2]

# In a process of its own: a toolkit that was loaded once stays for good.
PROGRAM = """
import json
import numpy as np
from PIL import ImageGrab
from matplotlib import pyplot
from training.pictures import fit
from training.pictures.window import Window

def colours_on_screen():
    pixels = np.asarray(ImageGrab.grab(xdisplay="").convert("RGB")).reshape(-1, 3)
    return {name: int((pixels == colour).all(axis=1).sum())
            for name, colour in {"red": (255, 0, 0), "blue": (0, 0, 255)}.items()}

x = np.arange(100.0)
window = Window("trial")
for height in (2.0, 0.5):  # the prediction is outside of the first picture
    window.show(fit.draw("title", x, 0 * x, 0 * x + height, "x", (-1.2, 1.2)))
    for _ in range(20):
        pyplot.pause(0.02)
    window.refresh()
    print(json.dumps(colours_on_screen()))
print(window.is_open)
pyplot.close("all")
print(window.is_open)
window.show(fit.draw("title", x, x, x, "x", (-1.2, 1.2)))
window.refresh()
"""

NO_DISPLAY = """
from training.pictures.window import NoWindow, Window
try:
    Window("trial")
except NoWindow as error:
    print("no window:", error)
"""


def run(program, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**kept, **environment},
    )


@pytest.mark.skipif(not os.environ.get("DISPLAY"), reason="there is no display: run under xvfb-run")
def test_the_window_shows_the_newest_picture_until_it_is_closed():
    pytest.importorskip("tkinter", reason="this Python has no tkinter")
    done = run(PROGRAM)
    assert done.returncode == 0, done.stderr
    first, second, opened, closed = done.stdout.splitlines()
    first, second = json.loads(first), json.loads(second)
    assert first["red"] > 100 < second["red"], "the target's line"
    assert second["blue"] > first["blue"] + 100, "the prediction's line"
    assert (opened, closed) == ("True", "False")


@pytest.mark.parametrize(
    "environment", [{"DISPLAY": ""}, {"DISPLAY": ":94", "MPLBACKEND": "TkAgg"}]
)
def test_without_a_display_there_is_one_error_whatever_the_backend(environment):
    done = run(NO_DISPLAY, WAYLAND_DISPLAY="", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("no window: ")


def test_a_window_that_is_lost_closes_no_figure_but_its_own(monkeypatch):
    """Where a canvas without a screen is taken for a window."""
    monkeypatch.setattr(plt, "show", lambda block: None)
    with matplotlib.rc_context({"backend": "agg"}):
        another = plt.figure("another")
        monkeypatch.setattr(FigureCanvasAgg, "required_interactive_framework", "none")
        window = Window("trial")
        window.show(Figure())
        assert window.is_open
        monkeypatch.setattr(FigureCanvasAgg, "flush_events", lost)
        with pytest.raises(NoWindow, match="connection broken"):
            window.refresh()
        assert not window.is_open
        assert plt.fignum_exists(another.number)
        plt.close(another)
    window.refresh()  # shows nothing any more


def lost(canvas):
    raise OSError("connection broken")
