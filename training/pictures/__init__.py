"""The pictures of trainings and runs. Each function draws a matplotlib Figure; none a display.

Whoever draws or saves one does so within `style()`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Fonts that know the letters that DejaVu Sans, matplotlib's own, does not: where installed.
MORE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP",
    "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback",
    "IPAexGothic", "IPAGothic", "TakaoGothic", "VL Gothic", "NanumGothic", "UnDotum",
    "PingFang SC", "Hiragino Sans", "Hiragino Sans GB", "Heiti SC", "Apple SD Gothic Neo",
    "Microsoft YaHei", "SimHei", "MS Gothic", "Yu Gothic", "Malgun Gothic",
    "Arial Unicode MS", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji",
)  # fmt: skip


class NoPicture(Exception):
    """A picture cannot be drawn. The message is one line."""


@contextmanager
def style() -> Iterator[None]:
    """While it lasts, pictures are drawn in matplotlib's own style, whatever the user has set.

    Letters that no font has are drawn as boxes, without a word.

    Raises:
        NoPicture: whatever was raised within, but for an OSError, such as that of a full disk.
    """
    try:
        import matplotlib

        with matplotlib.rc_context(_settings()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            yield
    except (OSError, NoPicture):
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or ["it cannot be drawn"]
        raise NoPicture(f"{type(error).__name__}: {lines[0]}") from error


@functools.cache
def _settings() -> dict[str, Any]:
    """matplotlib's settings, as they are where nothing is set, and a longer list of fonts.

    Without the backend: it is of windows, and which one is there has been found out already.
    """
    import matplotlib
    from matplotlib import font_manager

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of settings that are on their way out
        settings = dict(matplotlib.rcParamsDefault)
    del settings["backend"]
    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = ["DejaVu Sans", *(name for name in MORE_FONTS if name in installed)]
    return settings | {"font.family": fonts}


def plain(name: str) -> str:
    """A name as a figure's text that shows it as it is: "$" would begin a formula."""
    return name.replace("$", r"\$")
