"""How a language model adapts to the text that it is scored on: settings, options and grids."""

from __future__ import annotations

import argparse
from itertools import product
from typing import Any, NamedTuple

from training.fields import Setting, checked, from_text


class Dynamic(NamedTuple):
    """Dynamic evaluation.

    lr: the rate of the gradient step after each segment. decay: the share of the way back to the
    trained weights that goes with it.
    """

    lr: float = 0.01
    decay: float = 0.001


class Temperature(NamedTuple):
    """A temperature of the softmax (Guo et al. 2017, arXiv 1706.04599): it divides the logits."""

    tau: float = 1.0


class Cache(NamedTuple):
    """A cache of the words that were last seen.

    size: how many words. theta: how much likeness counts. weight: the cache's share of a
    probability, the paper's lambda.
    """

    size: int = 500
    theta: float = 0.3
    weight: float = 0.1


class Adaptation(NamedTuple):
    """What adapts, if anything does."""

    dynamic: Dynamic | None = None
    temperature: Temperature | None = None
    cache: Cache | None = None

    @property
    def kinds(self) -> str:
        """Its names, such as "dynamic+cache"; "" for none."""
        return "+".join(name for name, one in self._asdict().items() if one is not None)

    @property
    def settings(self) -> dict[str, float]:
        """The values of its options by their names."""
        return {
            name: getattr(getattr(self, kind), field)
            for name, (kind, field, *_) in NUMBERS.items()
            if getattr(self, kind) is not None
        }

    @property
    def flags(self) -> str:
        """The options that say the same."""
        return " ".join(f"--{name} {value:g}" for name, value in self.settings.items())

    def described(self, is_tuned: bool) -> dict[str, Any]:
        """What is written beside the score of a model that adapts; nothing where it does not."""
        if not self.kinds:
            return {}
        tuned = {"tuned_on": "valid"} if is_tuned else {}
        return {"adapts": self.kinds, "settings": self.settings, **tuned}


# Each option: what it belongs to, its field there, its type and limits.
NUMBERS = {
    "dynamic_lr": ("dynamic", "lr", float, Setting("rate of its gradient steps", low=0)),
    "dynamic_decay": (
        "dynamic",
        "decay",
        float,
        Setting("share of the way back to the trained weights at each step", low=0, high=1),
    ),
    "temperature_tau": ("temperature", "tau", float, Setting("it divides the logits", low=0.01)),
    "cache_size": ("cache", "size", int, Setting("words that it keeps", low=1, high=1_000_000)),
    "cache_theta": ("cache", "theta", float, Setting("how much likeness counts", low=0)),
    "cache_lambda": (
        "cache",
        "weight",
        float,
        Setting("its share of a probability", low=0, high=0.999),
    ),
}
KINDS: dict[str, Any] = {
    "dynamic": Dynamic(),
    "temperature": Temperature(),
    "cache": Cache(),
}

# What --tune tries.
DYNAMIC_GRID = [Dynamic(*one) for one in product((0.003, 0.01, 0.03, 0.1), (0.0, 0.001, 0.01))]
TEMPERATURE_GRID = [Temperature(tau) for tau in (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)]
CACHE_GRID = [Cache(*one) for one in product((500, 2000), (0.1, 0.3, 1.0), (0.05, 0.1, 0.2))]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options to a command line."""
    add = parser.add_argument_group(
        "language models that adapt to the text while it is scored"
    ).add_argument
    add(
        "--dynamic",
        action="store_true",
        help="learn from each segment of num_steps words after it is scored (Krause et al. 2018)",
    )
    add("--temperature", action="store_true", help="a softmax of its own (Guo et al. 2017)")
    add("--cache", action="store_true", help="mix in the last words (Grave et al. 2017)")
    for name, (kind, field, _, limits) in NUMBERS.items():
        default = getattr(KINDS[kind], field)
        add(f"--{name}", metavar="N", help=f"{limits.help} ({default:g})")
    add("--tune", action="store_true", help="find these numbers on the validation split first")


def conflict(options: argparse.Namespace) -> str:
    """Why the options cannot be had together, or nothing."""
    given = [name for name in NUMBERS if getattr(options, name) is not None]
    for name in given:
        kind = NUMBERS[name][0]
        if not getattr(options, kind):
            return f"--{name} is for --{kind}"
    if options.tune and given:
        return f"--tune finds --{given[0]}: leave it out"
    if options.tune and not any(getattr(options, kind) for kind in KINDS):
        return "--tune is for --dynamic, --temperature and --cache"
    return ""


def read_adaptation(options: argparse.Namespace) -> Adaptation:
    """What the options say. ConfigError where a number is not allowed."""
    found = {kind: start for kind, start in KINDS.items() if getattr(options, kind)}
    for name, (kind, field, number, limits) in NUMBERS.items():
        text = getattr(options, name)
        if text is not None:
            value = checked(name, number, limits, from_text(number, text))
            found[kind] = found[kind]._replace(**{field: value})
    return Adaptation(**found)


def told(result: dict[str, Any]) -> str:
    """The line for the screen: what is written of a score, as a person reads it."""
    behind = "".join(f" ({value:.4f} nats)" for key, value in result.items() if key == "score_nats")
    of = [result["checkpoint"] if "run" in result else f"ensemble of {len(result['runs'])} runs"]
    if "adapts" in result:
        numbers = [f"{name} {value:g}" for name, value in result["settings"].items()]
        of += [f"adapts while it is scored: {result['adapts']}", *numbers]
    return f"{result['split']} {result['metric']} {result['score']:.4f}{behind}  ({', '.join(of)})"
