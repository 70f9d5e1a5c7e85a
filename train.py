"""Trains: `python train.py --config small`. The loop itself is in loop.py.

Nothing of TensorFlow is imported before the command line is understood, so that a slip of the
pen is answered at once.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import command
import config as configs
import settings
from command import UserError
from config import Config

if TYPE_CHECKING:
    from loop import Training
    from reader import Data
    from runs import Run
    from tf1rnn.runtime.screen import Screen
    from tf1rnn.runtime.window import Window


def make_parser() -> command.Parser:
    """The options of a run; every field of the config is a flag beside them."""
    parser = command.Parser(
        prog="train.py",
        description="Trains a recurrent network.",
        usage="train.py [--config NAME] [--FIELD VALUE ...] [options]",
        add_help=False,
    )
    add = parser.add_argument
    add("-h", "--help", action="store_true", help="show the options, and the config's fields")
    add("--config", default="small", metavar="NAME", help="a preset, or a .toml file (small)")
    add("--list", action="store_true", help="show the presets and leave")
    add("--logdir", type=Path, default=Path("logs"), help="where the run's folder goes (logs)")
    add("--name", type=_name, help="the run's name (the preset and the time)")
    add("--resume", metavar="RUN", help="go on with this run; auto: the newest of that name")
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


def _name(text: str) -> str:
    if settings.UNPRINTABLE.search(text) or "/" in text or text in ("", ".", ".."):
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


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = make_parser()
    options, overrides = parser.parse_known_args(argv)
    if options.list:
        print(configs.list_presets())
        return 0
    if options.help:
        fields = settings.field_help(configs.resolve(options.config))
        print(f"{parser.format_help()}\nfields of --config {options.config}:\n{fields}")
        return 0
    config = configs.resolve(options.config, overrides)
    if options.resume and overrides:
        raise UserError(f"a run is resumed with its own config: {overrides[0]} cannot be given")
    command.import_tensorflow()
    return resume(options) if options.resume else start(config, options)


def start(config: Config, options: argparse.Namespace) -> int:
    """Trains in a new folder. Nothing is written before the data and the graph are found good."""
    from problems import PROBLEMS
    from runs import Run

    name = options.name or f"{Path(options.config).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    run = Run.new(options.logdir, name)
    problem = PROBLEMS[config.problem]
    data = problem.read(config)
    config = problem.settle(config, data)
    training = prepare(config, data, run, options)
    run.create(configs.to_json(config), data.vocabulary)
    with run.lock():
        return train(training)


def resume(options: argparse.Namespace) -> int:
    """Goes on with a run from its newest checkpoint that is whole."""
    from problems import PROBLEMS
    from runs import Run

    if options.resume == "auto":
        run = Run.newest(options.logdir, options.name or Path(options.config).stem)
    else:
        run = Run.open(Path(options.resume))
    with run.lock():
        config = configs.load(run.config)
        return train(prepare(config, PROBLEMS[config.problem].read(config), run, options))


def prepare(config: Config, data: Data, run: Run, options: argparse.Namespace) -> Training:
    """The training in a run's folder, its graph built."""
    from loop import Options, Training
    from problems import PROBLEMS
    from tf1rnn.runtime.screen import Screen

    screen = Screen()
    limits = Options(
        options.checkpoint_minutes,
        options.checkpoint_steps,
        options.on_nan,
        options.log_gradient_flow,
    )
    window = open_window(run, screen) if options.show else None
    return Training(PROBLEMS[config.problem], config, data, run, screen, limits, window)


def train(training: Training) -> int:
    """Trains, from the newest checkpoint if there is one."""
    from loop import NotFinite
    from precision import advice
    from tf1rnn.runtime.signals import Stopped

    data, path, screen = training.data, training.folder.path, training.screen
    window = training.window
    again = f"python train.py --resume {path}"
    screen.say(f"{data.name}: {data.facts}")
    if data.note:
        screen.say(data.note)
    screen.say(f"{training.describe()}; the run lies in {path}")
    if line := advice(training.config):
        screen.say(line)
    checkpoint = training.checkpoints.newest()
    if checkpoint is not None:
        screen.say(f"going on from step {checkpoint.step:,}")
    try:
        result = training.run(checkpoint)
    except Stopped as stop:
        screen.say(f"stopped and saved; go on with: {again}")
        return stop.status
    except NotFinite as error:
        saved = f"what came before is saved: {again} --on_nan halve_lr"
        hint = saved if training.checkpoints.newest() else "nothing is saved yet"
        screen.say(f"stopped: {error}; {hint}")
        return 1
    screen.say(training.conclude(result))
    if window is not None and window.is_open and sys.stdin.isatty():
        screen.say("close the window to end")
        window.wait()
    return 0


def open_window(run: Run, screen: Screen) -> Window | None:
    """A window for the run's pictures; None, and a line on the screen, where none can be opened."""
    from tf1rnn.runtime.window import NoWindow, Window

    try:
        return Window(run.path.name)
    except NoWindow as error:
        screen.say(f"no window can be opened ({error}); the pictures are in {run.path}")
        return None


if __name__ == "__main__":
    sys.exit(command.run(main))
