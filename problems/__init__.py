"""The table of problems: a file of this folder each, and whatever a program of one's own adds.

A problem's file makes its rows when it is imported, which takes TensorFlow with it, and so waits
until somebody asks for it:

    PROBLEMS["echo"] = Problem(read, EchoModel)
    PRESETS["echo"] = Preset(EchoConfig(), "bits heard again")

A preset has the name of its file, or one that begins with it (`digits_pooled` of digits.py); those
of the language model (ptb.py) are in config.py.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from config import PRESETS, Config, PTBConfig
from training import config_files
from training.command import import_tensorflow
from training.fields import ConfigError, read_text, shown
from training.problem import Problem

FILES = sorted(module.name for module in pkgutil.iter_modules(__path__))


class _Table(dict[str, Problem]):
    """The problems by name; one that is not there yet is looked for in its file."""

    def __missing__(self, name: str) -> Problem:
        _import(name)
        return super().__getitem__(name)


PROBLEMS = _Table()


def resolve(name_or_file: str, flags: Sequence[str] = (), options: Iterable[str] = ()) -> Config:
    """The Config of a preset or a file, with flags from the command line.

    Args:
      name_or_file: a name in PRESETS; or a path that ends in .toml, a file whose key `preset`
        names one, and whose relative paths are from its folder; or in .json, such as a run's
        config.json.
      flags: `["--keep_prob", "0.8", "--seed=3"]`.
      options: what else could have been meant by a flag that is no field.

    Raises:
      ConfigError: for an unknown name, field or value, or a file that cannot be read.
    """
    if name_or_file.endswith(".json"):
        config = load(name_or_file)
    elif name_or_file.endswith(".toml"):
        text = read_text(name_or_file)
        with config_files.naming(name_or_file):
            preset, values = config_files.parse_toml(text)
            config = _preset(preset)
            values = config_files.from_folder(config, values, Path(name_or_file).parent)
            config = config_files.with_values(config, values)
    else:
        config = _preset(name_or_file)
    return config_files.with_flags(config, flags, options)


def load(path: str | Path) -> Config:
    """The Config in the file `path`, as a run keeps it; ConfigError for anything else."""
    return from_json(read_text(path), str(path))


def from_json(text: str, origin: str) -> Config:
    """The Config that a run keeps as `text`. ConfigError names `origin`, where it comes from."""
    with config_files.naming(origin):
        problem, values = config_files.parse_json(text)
        return config_files.with_all_values(_class_of(problem)(), values)


def list_presets() -> str:
    """A line for every preset: its name and what it is."""
    for name in FILES:
        _import(name)
    width = max(map(len, PRESETS))
    return "\n".join(f"{name:{width}}  {preset.description}" for name, preset in PRESETS.items())


def _preset(name: str) -> Config:
    if name not in PRESETS:
        for file in FILES:
            if name == file or name.startswith(f"{file}_"):
                _import(file)
    if name not in PRESETS:
        names = [*dict.fromkeys([*PRESETS, *FILES])]
        names.remove(PTBConfig.problem)  # a problem, and no preset
        hint = config_files.nearest(name, names)
        raise ConfigError(f"no preset {shown(name)}{hint} (presets: {', '.join(names)})")
    return PRESETS[name].config


def _class_of(problem: object) -> type[Config]:
    if problem in FILES and problem != PTBConfig.problem:
        _import(str(problem))
    classes = {one.config.problem: type(one.config) for one in PRESETS.values()}
    if not isinstance(problem, str) or problem not in classes:
        known = ", ".join(dict.fromkeys([*classes, *FILES]))
        raise ConfigError(f"no problem {shown(problem)}; there are {known}")
    return classes[problem]


def _import(name: str) -> None:
    """Imports a problem's file, which adds its rows. KeyError where there is none."""
    if name not in FILES:
        raise KeyError(name)
    import_tensorflow()
    importlib.import_module(f"{__name__}.{name}")
