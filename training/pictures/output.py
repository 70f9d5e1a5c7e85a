"""A picture where a user wishes it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from training import command
from training.files import write_output
from training.pictures import NoPicture, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_png(path: Path, draw: Callable[[], Figure], dpi: int, what: str) -> None:
    """Writes the figure that `draw` makes as a PNG, and says so; warns where it cannot be drawn."""
    content = io.BytesIO()
    try:
        with style():
            draw().savefig(content, format="png", dpi=dpi)
    except NoPicture as error:
        command.warn(f"no {what}: cannot be drawn: {error}")
        return
    write_output(path, content.getvalue())
    print(f"{what}: {path}")
