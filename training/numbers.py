"""Numbers in JSON: one that is not finite, which JSON has not, is null, and a word beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

IS = "_is"  # at the end of the name of the word
WORDS = ("Infinity", "-Infinity", "NaN")


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values for JSON: `{"valid": inf}` becomes `{"valid": null, "valid_is": "Infinity"}`.

    In a list they are null, and the words of all stand beside it.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        found[name] = _plain(value)
        if words := _words(value):
            found[name + IS] = ", ".join(words)
    return found


def restored(values: Any) -> Any:
    """What `plain` was made of, but for lists; values that hold NaN and infinity stay so."""
    if isinstance(values, list):
        return [restored(one) for one in values]
    if not isinstance(values, dict):
        return values
    words = {
        name: str(values[name + IS])
        for name, value in values.items()
        if value is None and values.get(name + IS) in WORDS
    }
    return {
        name: float(words[name]) if name in words else restored(value)
        for name, value in values.items()
        if not (name.endswith(IS) and name.removesuffix(IS) in words)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if _words(value) else value


def _words(value: Any) -> list[str]:
    """The words of a number that is not finite, or of those in a list of numbers."""
    if isinstance(value, list):
        return sorted({word for one in value if not isinstance(one, list) for word in _words(one)})
    if isinstance(value, float) and not math.isfinite(value):
        return [json.dumps(float(value))]
    return []
