"""The command line of train.py; every field of the config is a flag beside these options."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from training import command
from training.config_files import split_flags
from training.fields import UNPRINTABLE

CONFIG, LOGDIR = "small", Path("logs")  # where nothing is said


def make_parser() -> command.Parser:
    """The options of a run."""
    parser = command.Parser(
        prog="train.py",
        description="Trains a recurrent network.",
        usage="train.py [--config NAME] [--FIELD VALUE ...] [options]",
        add_help=False,
    )
    add = parser.add_argument
    add("-h", "--help", action="store_true", help="show the options, and the config's fields")
    add(
        "--config",
        metavar="NAME",
        help="a preset, a .toml file, or a run's config.json (small)",
    )
    add("--list", action="store_true", help="show the presets and leave")
    add(
        "--logdir",
        type=command.local_path,
        help=f"where the run's folder goes ({LOGDIR})",
    )
    add("--name", type=_name, help="the run's name (the preset and the time)")
    add(
        "--resume",
        metavar="RUN",
        help="go on with this run; auto: the newest of --name, or of --config, in --logdir. With "
        "--epochs N it trains on to epoch N, with --data_path FOLDER on the same data in another "
        "place",
    )
    add(
        "--checkpoint_minutes",
        type=_minutes,
        default=10.0,
        metavar="N",
        help="save this often within an epoch, too (10)",
    )
    add(
        "--checkpoint_steps",
        type=_steps,
        default=0,
        metavar="N",
        help="and after every N steps (0: never)",
    )
    add(
        "--log_gradient_flow",
        action="store_true",
        help="once an epoch, show in TensorBoard how gradients flow back through time",
    )
    add(
        "--on_nan",
        choices=("stop", "skip", "halve_lr"),
        default="stop",
        help="what to do when a cost or gradient is not finite (stop)",
    )
    add(
        "--show", action="store_true", help="follow the training in a window, if there is a display"
    )
    return parser


def preset_of(options: argparse.Namespace) -> str:
    """What --config names, or would name."""
    return CONFIG if options.config is None else options.config


def require_one_run(options: argparse.Namespace) -> None:
    """Raises UserError for an option that says which run, where --resume has said it."""
    for name in ("config", "name", "logdir"):
        if options.resume != "auto" and getattr(options, name) is not None:
            raise command.UserError(
                f"--resume {shlex.quote(options.resume)} says which run: --{name} cannot be given"
            )


CHANGES = ("epochs", "data_path")  # fields that a resumed run may change


def only_changes_of_a_run(flags: Sequence[str]) -> None:
    """Raises UserError for a flag that a resumed run cannot be given."""
    for name, _ in split_flags(flags):
        if name not in CHANGES:
            raise command.UserError(
                f"a run is resumed with its own config: --{name} cannot be given"
            )


def _name(text: str) -> str:
    if UNPRINTABLE.search(text) or "/" in text or text in ("", ".", ".."):
        raise argparse.ArgumentTypeError("must be printable text that can name a folder")
    return text


def _minutes(text: str) -> float:
    with suppress(ValueError):
        if float(text) > 0:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")


def _steps(text: str) -> int:
    with suppress(ValueError):
        if int(text) >= 0:
            return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from 0, not {text!r}")
