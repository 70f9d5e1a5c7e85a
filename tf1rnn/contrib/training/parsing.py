"""Hyperparameters from a text: `learning_rate=0.1,layers=[128,64],name=lstm`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

# A name, perhaps an index, and what is set: a list in brackets, or all up to a comma.
_ASSIGNMENT = re.compile(
    r"""
    (?P<name>[a-zA-Z][\w.]*)
    (?:\[\s*(?P<index>\d+)\s*\])?
    \s*=\s*
    (?: (?P<one>[^,\[]*) | \[(?P<many>[^\]]*)\] )
    (?:$|,\s*)
    """,
    re.VERBOSE,
)


def parse_values(
    values: str, type_map: dict[str, type], ignore_unknown: bool = False
) -> dict[str, Any]:
    """The values that a text sets.

    Args:
      values: assignments, separated by commas: `name=value`, `name=[value,value]` or
        `name[index]=value`.
      type_map: the type of each name: int, float, str or bool.
      ignore_unknown: skip names that `type_map` does not have.

    Returns:
      The values by name: one, a list, or, where single indices are set, a dict by index.

    Raises:
      ValueError: the text is malformed, a value is not of its type, or a name is unknown or set
        twice.
    """
    found: dict[str, Any] = {}
    position = 0
    while position < len(values):
        match = _ASSIGNMENT.match(values, position)
        if not match:
            raise ValueError(f"Malformed hyperparameter value: {values[position:]}")
        position = match.end()
        name = match["name"]
        if name in type_map:
            _set(found, match, _reader(name, type_map[name], values), values)
        elif not ignore_unknown:
            raise ValueError(f"Unknown hyperparameter type for {name}")
    return found


def _set(
    found: dict[str, Any], match: re.Match[str], read: Callable[[str], Any], text: str
) -> None:
    """Adds one assignment to what was found."""
    name, index = match["name"], match["index"]
    if index is None:
        if name in found:
            raise ValueError(f"Multiple assignments to variable '{name}' in {text}")
        several = match["many"] is not None
        found[name] = _all(read, match["many"]) if several else read(match["one"])
        return
    if match["many"] is not None:
        raise ValueError("Assignment of a list to a list index.")
    value = read(match["one"])
    places = found.setdefault(name, {})
    if not isinstance(places, dict):
        raise ValueError(f"Multiple assignments to variable '{name}' in {text}")
    if int(index) in places:
        raise ValueError(f"Multiple assignments to variable '{name}[{index}]' in {text}")
    places[int(index)] = value


def _all(read: Callable[[str], Any], items: str) -> list[Any]:
    return [read(item) for item in re.split("[ ,]", items) if item]


def _reader(name: str, of_type: type, text: str) -> Callable[[str], Any]:
    """A function that makes a value of a type from a text, or says what is wrong."""

    def read(value: str) -> Any:
        try:
            return _bool(value) if of_type is bool else of_type(value)
        except ValueError:
            raise ValueError(
                f"Could not parse hparam '{name}' of type '{of_type.__name__}' with value "
                f"'{value}' in {text}"
            ) from None

    return read


def _bool(value: str) -> bool:
    words = {"true": True, "True": True, "false": False, "False": False}
    return words[value] if value in words else bool(int(value))
