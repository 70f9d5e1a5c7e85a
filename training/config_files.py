"""A Config from flags, from TOML or JSON text, and back to JSON."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from training.fields import (
    ConfigError,
    fields_of,
    from_text,
    shown,
    strict_json,
    values_before,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

AnyConfig = TypeVar("AnyConfig", bound=Any)


def with_flags(config: AnyConfig, flags: Sequence[str], options: Iterable[str] = ()) -> AnyConfig:
    """The config with flags from the command line: `["--keep_prob", "0.8", "--seed=3"]`.

    Args:
      config: what the flags change.
      flags: the words of the command line that are no options.
      options: what else could have been meant by a word that is no field.

    Raises:
      ConfigError: for an unknown field, a value that it may not have, or a field given twice.
    """
    known = fields_of(type(config))
    values: dict[str, object] = {}
    for name, text in split_flags(flags):
        _require_field(config, name, options)
        if text is None:
            raise ConfigError(f"--{name} needs a value")
        if name in values:
            raise ConfigError(f"--{name} is given twice")
        values[name] = from_text(known[name][0], text)
    return with_values(config, values)


def with_values(config: AnyConfig, values: Mapping[str, Any]) -> AnyConfig:
    """The config with other values for some fields. ConfigError for an unknown field or value."""
    for name in values:
        _require_field(config, name)
    return replace(config, **values)


def _require_field(config: Any, name: str, options: Iterable[str] = ()) -> None:
    known = fields_of(type(config))
    if name not in known:
        hint = nearest(name, [*known, *options])
        raise ConfigError(f"no field {shown(name)} in problem {config.problem}{hint}")


def from_folder(config: Any, values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """`values` for a config where a relative path is one from `folder`."""
    paths = {name for name, (_, limits) in fields_of(type(config)).items() if limits.is_path}
    return {
        name: str(folder / value) if name in paths and value and type(value) is str else value
        for name, value in values.items()
    }


def parse_toml(text: str) -> tuple[str, dict[str, Any]]:
    """The preset that a TOML text starts from, and the fields that it changes.

    Raises ValueError, of which ConfigError is one.
    """
    values = tomllib.loads(text)
    preset = values.pop("preset", None)
    if not isinstance(preset, str):
        raise ConfigError('a line such as preset = "small" must name the preset to start from')
    return preset, values


def to_json(config: Any) -> str:
    """The problem and all fields, as a JSON object; `parse_json` reads it."""
    return json.dumps({"problem": config.problem, **asdict(config)}, indent=2) + "\n"


def parse_json(text: str) -> tuple[Any, dict[str, Any]]:
    """The problem and the fields that `to_json` wrote, not checked yet.

    Raises ValueError, of which ConfigError is one.
    """
    values = strict_json(text)
    if not isinstance(values, dict):
        raise ConfigError("not an object of fields")
    return values.pop("problem", None), values


def with_all_values(config: AnyConfig, values: Mapping[str, Any]) -> AnyConfig:
    """`with_values` that gives every field. ConfigError names one that is missing.

    Those that earlier versions had not yet have the meaning that was theirs then.
    """
    values = {**values_before(type(config)), **values}
    if missing := fields_of(type(config)).keys() - values.keys():
        raise ConfigError(f"the field {min(missing)} is missing")
    return with_values(config, values)


def nearest(word: str, names: Iterable[str]) -> str:
    """A hint at the name that was meant, or nothing."""
    names = list(names)
    near = difflib.get_close_matches(word, names, n=1)
    near += [name for name in names if len(word) > 2 and name.startswith(word[:3])]
    return f"; did you mean {near[0]}?" if near else ""


@contextmanager
def naming(origin: str) -> Iterator[None]:
    """Turns whatever a parser raises into a ConfigError that begins with the text's origin."""
    try:
        yield
    except RecursionError:
        raise ConfigError(f"{origin}: nested too deeply") from None
    except ValueError as error:  # ConfigError is one
        raise ConfigError(f"{origin}: {error}") from None


def split_flags(flags: Sequence[str]) -> Iterable[tuple[str, str | None]]:
    """(name, value) of every `--name value` or `--name=value`; None where there is no value."""
    words = list(reversed(flags))
    while words:
        word = words.pop()
        if not word.startswith("--") or word == "--":
            raise ConfigError(f"unexpected argument {shown(word)}")
        name, equals, value = word[2:].partition("=")
        if equals:
            yield name, value
        else:
            yield name, words.pop() if words and not words[-1].startswith("--") else None
