"""The settings of every problem, and the presets.

A Config is one frozen dataclass a problem; its fields are the flags of `train.py`. A value comes
from the command line, else from a TOML file, else from the preset.
"""

import difflib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from command import UserError as UserError
from settings import (
    POSITIVE,
    ConfigError,
    checked,
    from_text,
    read_text,
    setting,
    settings,
    shown,
    strict_json,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Config:
    """The fields that every problem has. A problem's subclass adds its own and changes defaults.

    Making one checks every field; it raises ConfigError naming the field and what is allowed.
    """

    problem: ClassVar[str]

    seed: int = setting(1, "seed of all random numbers", low=0, high=2**31 - 1)
    cell: str = setting(
        "lstm", "kind of recurrent cell", choices=("rnn", "lstm", "lstm_peephole", "gru")
    )
    num_layers: int = setting(1, "recurrent layers", low=1, high=100)
    hidden_size: int = setting(100, "units in a layer", low=1, high=100_000)
    forget_bias: float = setting(0.0, "added to the forget gate of an LSTM, before the sigmoid")
    use_bias: bool = setting(True, "true: cells and output layer have biases; false: none")
    initializer: str = setting(
        "uniform",
        "how weights start: uniform (all variables within init_scale of 0), normal (standard "
        "deviation init_scale), glorot or orthogonal",
        choices=("uniform", "normal", "glorot", "orthogonal"),
    )
    init_scale: float = setting(0.1, "scale of the initializers uniform and normal", low=POSITIVE)
    keep_prob: float = setting(
        1.0, "chance that dropout keeps a unit; 1: no dropout", low=POSITIVE, high=1
    )
    precision: str = setting(
        "float32",
        "operands of the layers' and the softmax's matrix products: float32, or bfloat16, where "
        "weights, state and all sums stay float32",
        choices=("float32", "bfloat16"),
    )
    batch_size: int = setting(20, "sequences in a minibatch", low=1, high=1_000_000)
    optimizer: str = setting(
        "sgd", "training algorithm", choices=("sgd", "momentum", "adam", "adagrad", "rmsprop")
    )
    learning_rate: float = setting(1.0, "learning rate of the first epochs", low=POSITIVE)
    decay_after: int = setting(1, "epochs at the first learning rate", low=0)
    decay: str = setting(
        "epochs",
        "how the learning rate falls then: epochs (in each by the factor lr_decay) or linear (at "
        "every step, to 0 at the end)",
        choices=("epochs", "linear"),
    )
    lr_decay: float = setting(
        1.0, "factor on the learning rate in every epoch after decay_after", low=POSITIVE, high=1
    )
    max_grad_norm: float = setting(0.0, "global norm that gradients are clipped to; 0: none", low=0)
    epochs: int = setting(10, "epochs in all", low=1, high=10_000)
    patience: int = setting(
        0, "epochs without a better validation score before training stops; 0: never stops", low=0
    )

    def __post_init__(self) -> None:
        for name, (kind, limits) in settings(type(self)).items():
            object.__setattr__(self, name, checked(name, kind, limits, getattr(self, name)))

    @property
    def layer_sizes(self) -> list[int]:
        """Units of each recurrent layer, from the input up."""
        return [self.hidden_size] * self.num_layers

    @property
    def longest_sequence(self) -> int:
        """About the most steps that the network walks at once, for a guess of its memory."""
        return getattr(self, "num_steps", getattr(self, "window", 64))

    def learning_rate_at(self, epochs: float) -> float:
        """The learning rate when so many epochs are done; their fraction is how far the next is.

        Decay "epochs" is that of Zaremba et al. 2014 (arXiv 1409.2329).
        """
        if self.decay == "linear":
            falling = max(self.epochs - self.decay_after, POSITIVE)
            return self.learning_rate * min((self.epochs - epochs) / falling, 1.0)
        return self.learning_rate * self.lr_decay ** max(int(epochs) + 1 - self.decay_after, 0)

    def is_enough(self, score: float) -> bool:
        """Whether a validation score ends the training."""
        return False


@dataclass(frozen=True)
class PTBConfig(Config):
    """A word language model of the Penn Treebank (Zaremba et al. 2014, arXiv 1409.2329)."""

    problem: ClassVar[str] = "ptb"

    num_layers: int = 2
    hidden_size: int = 200
    lr_decay: float = 0.5
    decay_after: int = 4
    max_grad_norm: float = 5.0
    epochs: int = 13
    num_steps: int = setting(20, "words in a row of a minibatch", low=1, high=100_000)
    carry_state: bool = setting(True, "true: a minibatch starts from the last one's final state")
    vocab_size: int = setting(
        10_000, "most words in the vocabulary; the others become <unk>", low=3, high=10_000_000
    )
    tie_embedding: bool = setting(False, "true: the embedding is the softmax's weights, too")
    data_path: str = setting(
        "", "folder of ptb.{train,valid,test}.txt; empty: data/ptb if it is there, else data/sample"
    )


@dataclass(frozen=True)
class SinCosConfig(Config):
    """A cosine from its sine, point by point, with the state carried along the curve."""

    problem: ClassVar[str] = "sin_cos"

    hidden_size: int = 10
    forget_bias: float = 1.0
    initializer: str = "glorot"
    batch_size: int = 50
    optimizer: str = "adam"
    learning_rate: float = 0.006
    num_steps: int = setting(20, "points in a row of a minibatch", low=1, high=100_000)
    carry_state: bool = setting(True, "true: a minibatch starts from the last one's final state")
    steps_per_epoch: int = setting(20, "minibatches in an epoch", low=1)


@dataclass(frozen=True)
class SineConfig(Config):
    """The next point of a sine from a window of the points before it."""

    problem: ClassVar[str] = "sine"

    num_layers: int = 2
    hidden_size: int = 30
    forget_bias: float = 1.0
    initializer: str = "glorot"
    batch_size: int = 32
    optimizer: str = "adagrad"
    learning_rate: float = 0.1
    layout: str = setting(
        "steps",
        "how the window is fed: steps (a step a point) or features (one step, a feature a point)",
        choices=("steps", "features"),
    )
    window: int = setting(10, "points that the next one is predicted from", low=1, high=10_000)
    sample_gap: float = setting(0.01, "distance of two points, in radians", low=POSITIVE)
    train_points: int = setting(10_000, "points to train on", low=2, high=10_000_000)
    test_points: int = setting(1_000, "points after those, to test on", low=2, high=10_000_000)
    shuffle: int = setting(1_000, "windows in the shuffle buffer", low=1, high=10_000_000)
    steps_per_epoch: int = setting(1_000, "minibatches in an epoch", low=1)


@dataclass(frozen=True)
class SubtractionConfig(Config):
    """The difference of two binary numbers, one bit of each a step, the lowest first."""

    problem: ClassVar[str] = "subtraction"

    hidden_size: int = 32
    forget_bias: float = 0.0
    initializer: str = "glorot"
    batch_size: int = 1
    learning_rate: float = 0.1
    epochs: int = 100
    bits: int = setting(4, "bits of a number that is trained on", low=1, high=62)
    stop_at: float = setting(1.0, "validation accuracy that ends the training", low=0, high=1)

    def is_enough(self, score: float) -> bool:
        """Whether so many of the validation's pairs are right."""
        return score >= self.stop_at


@dataclass(frozen=True)
class DigitsConfig(Config):
    """The class of an image that is read row by row."""

    problem: ClassVar[str] = "digits"

    hidden_size: int = 128
    forget_bias: float = 1.0
    initializer: str = "orthogonal"
    keep_prob: float = 0.9
    batch_size: int = 16
    optimizer: str = "adam"
    learning_rate: float = 0.01
    lr_decay: float = 0.97
    decay_after: int = 50
    epochs: int = 100
    variant: str = setting(
        "last",
        "what is classified: last (the last output) or pooled (the largest outputs over time, from "
        "layers of hidden_size / 4 units and one of hidden_size / 16)",
        choices=("last", "pooled"),
    )

    @property
    def layer_sizes(self) -> list[int]:
        """Units of each recurrent layer: [128] by default, [32, 8] for the pooled variant."""
        if self.variant == "last":
            return super().layer_sizes
        return [max(self.hidden_size // 4, 1)] * self.num_layers + [max(self.hidden_size // 16, 1)]


@dataclass(frozen=True)
class Preset:
    """A Config with a name: `train.py --config NAME`."""

    config: Config
    description: str


# A program of your own adds a problem with PRESETS["name"] = Preset(MyConfig(), "what it is").
PRESETS: dict[str, Preset] = {
    "small": Preset(
        PTBConfig(),
        "PTB language model, 2 layers of 200 units (published test perplexity: 115.91)",
    ),
    "medium": Preset(
        PTBConfig(
            init_scale=0.05, num_steps=35, hidden_size=650, decay_after=6, epochs=39,
            keep_prob=0.5, lr_decay=0.8,
        ),
        "PTB language model, 2 layers of 650 units, with dropout (published: 82.07)",
    ),
    "large": Preset(
        PTBConfig(
            init_scale=0.04, max_grad_norm=10.0, num_steps=35, hidden_size=1500, decay_after=14,
            epochs=55, keep_prob=0.35, lr_decay=1 / 1.15,
        ),
        "PTB language model, 2 layers of 1,500 units, with dropout (published: 78.29)",
    ),
    "fast": Preset(
        PTBConfig(
            init_scale=0.05, num_layers=1, tie_embedding=True, precision="bfloat16",
            decay="linear", decay_after=1, epochs=2,
        ),
        "PTB language model, below small's published 115.91 in two epochs",
    ),
    "best20": Preset(
        PTBConfig(
            init_scale=0.05, num_steps=35, hidden_size=400, tie_embedding=True, keep_prob=0.75,
            precision="bfloat16", decay="linear", decay_after=3, epochs=8,
        ),
        "PTB language model, the lowest perplexity in the time that small takes in TensorFlow 1",
    ),
    "test": Preset(
        PTBConfig(
            max_grad_norm=1.0, num_layers=1, num_steps=2, hidden_size=2, decay_after=1, epochs=1
        ),
        "PTB language model, tiny: shows that everything runs",
    ),
    "sin_cos": Preset(SinCosConfig(), "cosine from sine, the state carried along the curve"),
    "sine": Preset(SineConfig(), "the next point of a sine from the ten before it"),
    "subtraction": Preset(SubtractionConfig(), "subtraction of binary numbers, bit by bit"),
    "digits": Preset(DigitsConfig(), "handwritten digits, read row by row"),
}  # fmt: skip


def resolve(name_or_file: str, overrides: Sequence[str] = ()) -> Config:
    """The Config of a preset, or of a TOML file whose key `preset` names one, with `overrides`.

    Args:
      name_or_file: a name in PRESETS, or a path that ends in .toml.
      overrides: flags from the command line: `["--keep_prob", "0.8", "--seed=3"]`.

    Raises:
      ConfigError: for an unknown name, field or value, or a file that cannot be read.
    """
    is_file = name_or_file.endswith(".toml")
    config = _from_toml(name_or_file) if is_file else _preset(name_or_file)
    kinds = {name: kind for name, (kind, _) in settings(type(config)).items()}
    values: dict[str, object] = {}
    for name, text in _split_flags(overrides):
        if name in values:
            raise ConfigError(f"--{name} is given twice")
        values[name] = from_text(kinds.get(name, str), text)
    return _changed(config, values)


def list_presets() -> str:
    """A line for every preset: its name and what it is."""
    width = max(map(len, PRESETS))
    return "\n".join(f"{name:{width}}  {preset.description}" for name, preset in PRESETS.items())


def to_json(config: Config) -> str:
    """The problem and all fields, as a JSON object; `from_json` gives the same Config back."""
    return json.dumps({"problem": config.problem, **asdict(config)}, indent=2) + "\n"


def from_json(text: str, origin: str) -> Config:
    """The Config that `to_json` wrote. ConfigError names `origin`, the place `text` comes from."""
    try:
        values = strict_json(text)
        if not isinstance(values, dict):
            raise ConfigError("not an object of fields")
        problem = values.pop("problem", None)
        classes = {p.config.problem: type(p.config) for p in PRESETS.values()}
        if not isinstance(problem, str) or problem not in classes:
            raise ConfigError(f"no problem {shown(problem)}; there are {', '.join(classes)}")
        missing = settings(classes[problem]).keys() - values.keys()
        if missing:
            raise ConfigError(f"the field {min(missing)} is missing")
        return _changed(classes[problem](), values)
    except RecursionError:
        raise ConfigError(f"{origin}: nested too deeply") from None
    except ValueError as error:  # ConfigError is one
        raise ConfigError(f"{origin}: {error}") from None


def load(path: str | Path) -> Config:
    """The Config in the file `path`, as `to_json` made it; ConfigError for anything else."""
    return from_json(read_text(path), str(path))


def _split_flags(overrides: Sequence[str]) -> Iterable[tuple[str, str]]:
    """(name, value) of every `--name value` or `--name=value`."""
    words = iter(overrides)
    for word in words:
        if not word.startswith("--") or word == "--":
            raise ConfigError(f"unexpected argument {shown(word)}")
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = next(words, "--")
            if value.startswith("--"):
                raise ConfigError(f"--{name} needs a value")
        yield name, value


def _changed(config: Config, values: Mapping[str, Any]) -> Config:
    known = settings(type(config))
    for name in values:
        if name not in known:
            hint = _nearest(name, known)
            raise ConfigError(f"no field {shown(name)} in problem {config.problem}{hint}")
    return replace(config, **values)


def _preset(name: str) -> Config:
    if name not in PRESETS:
        hint = _nearest(name, PRESETS)
        raise ConfigError(f"no preset {shown(name)}{hint} (presets: {', '.join(PRESETS)})")
    return PRESETS[name].config


def _nearest(word: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _from_toml(path: str) -> Config:
    text = read_text(path)
    try:
        values = tomllib.loads(text)
        name = values.pop("preset", None)
        if not isinstance(name, str):
            raise ConfigError('a line such as preset = "small" must name the preset to start from')
        return _changed(_preset(name), values)
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    except ValueError as error:  # ConfigError is one
        raise ConfigError(f"{path}: {error}") from None
