"""How a field of a Config is declared, explained, checked and read."""

import json
import re
import shutil
import textwrap
import typing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from training.command import UserError

POSITIVE = 1e-30  # as a lower limit: "above 0". Less than this vanishes in float32 arithmetic.

LARGEST_FILE = 1_000_000  # characters; a stranger's config must not fill the memory

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class ConfigError(UserError, ValueError):
    """A preset, field or value that does not exist or is not allowed."""


@dataclass(frozen=True)
class Setting:
    """What `--help` says of a field, and what its value may be (limits are inclusive).

    before: for a field that configs of earlier versions lack, the value that does what they did.
    is_path: a relative path in a file is one from the file's folder.
    """

    help: str = ""
    low: float = -1e9
    high: float = 1e9
    choices: tuple[str, ...] = ()
    before: Any = None
    is_path: bool = False


def setting(default: Any, help: str, **details: Any) -> Any:
    """A dataclass field with its help and the other details of its `Setting`."""
    return field(default=default, metadata={"setting": Setting(help, **details)})


def fields_of(config_class: type) -> dict[str, tuple[type, Setting]]:
    """Type and Setting of every field. A default that a subclass changes keeps its Setting."""
    types = typing.get_type_hints(config_class)
    found: dict[str, Setting] = {}
    for base in config_class.__mro__:
        for name, declared in getattr(base, "__dataclass_fields__", {}).items():
            if "setting" in declared.metadata:
                found.setdefault(name, declared.metadata["setting"])
    return {f.name: (types[f.name], found.get(f.name, Setting())) for f in fields(config_class)}


def values_before(config_class: type) -> dict[str, Any]:
    """What the fields that configs of earlier versions lack mean there."""
    settings = {name: limits for name, (_, limits) in fields_of(config_class).items()}
    return {name: one.before for name, one in settings.items() if one.before is not None}


def allowed(kind: type, limits: Setting) -> str:
    """The values that a field may have, in words: "a whole number from 1 to 1000"."""
    if limits.choices:
        return "one of " + ", ".join(limits.choices)
    if kind is bool:
        return "true or false"
    if kind is str:
        return "printable text"
    return f"{'a whole number' if kind is int else 'a number'} {_range(limits)}"


def field_help(config: Any) -> str:
    """A line or more for every field of a Config: its flag with its value, help and limits."""
    width = max(shutil.get_terminal_size().columns - 2, 60)
    lines = []
    for name, (kind, limits) in fields_of(type(config)).items():
        value = getattr(config, name)
        flag = f"  --{name} {str(value).lower() if kind is bool else value}"
        text = limits.help
        if limits.choices and not all(choice in text for choice in limits.choices):
            text += f" ({', '.join(limits.choices)})"
        if kind in (int, float) and (limits.low, limits.high) != (Setting.low, Setting.high):
            text += f" ({_range(limits, brief=True)})"
        gap = max(30 - len(flag), 2) * " "
        lines += textwrap.wrap(flag + gap + text, width, subsequent_indent=" " * 30)
    return "\n".join(lines)


def checked(name: str, kind: type, limits: Setting, value: object) -> object:
    """`value`, as a float where the field is one. ConfigError if the field may not have it."""
    if kind is float and type(value) is int and abs(value) < 2**63:
        value = float(value)
    good = type(value) is kind
    if isinstance(value, (int, float)) and kind is not bool:
        good = good and limits.low <= value <= limits.high
    if isinstance(value, str):
        good = good and not UNPRINTABLE.search(value)
        good = good and (not limits.choices or value in limits.choices)
    if not good:
        raise ConfigError(f"{name} must be {allowed(kind, limits)}, not {shown(value)}")
    return value


def shown(value: object) -> str:
    """`value` for an error message: one short line, whatever it is."""
    if type(value) is bool:
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**40:
        return "a number of more than 40 digits"
    if isinstance(value, (str, int, float)):
        text = repr(value[:60] if isinstance(value, str) else value)
        return text if len(text) <= 70 else text[:70] + "…"
    names = {dict: "a table", list: "a list", type(None): "nothing"}
    return names.get(type(value), f"a {type(value).__name__}")


_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def from_text(kind: type, text: str) -> object:
    """The value that `text` means; `text` itself when it means none of that kind."""
    if kind is bool:
        return _BOOLEANS.get(text.lower(), text)
    if kind is int and re.fullmatch(r"[-+]?[0-9]{1,300}", text):
        return int(text)
    if kind is float and re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text


def read_text(path: str | Path) -> str:
    """The UTF-8 text of a file that is not too large; ConfigError says why there is none."""
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            text = file.read(LARGEST_FILE + 1)
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path}: {reason}") from None
    if len(text) > LARGEST_FILE:
        raise ConfigError(f"{path}: longer than {LARGEST_FILE:,} characters")
    return text


def strict_json(text: str) -> Any:
    """What a JSON text means; ValueError for what is not JSON, or has a key twice."""
    return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ConfigError("a key is there twice")
    return values


def _refuse_constant(text: str) -> None:
    raise ConfigError(f"{text} is not a number")


def _range(limits: Setting, *, brief: bool = False) -> str:
    """The limits in words; brief leaves out an upper one that nobody meets."""
    positive = limits.low == POSITIVE
    start = "above 0" if positive else f"from {limits.low:.10g}"
    if brief and limits.high == Setting.high:
        return start
    return f"{start} {'and at most' if positive else 'to'} {limits.high:.10g}"
