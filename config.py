"""The settings: what every problem has, those of the language model, and its presets.

A Config is one frozen dataclass a problem; its fields are the flags of `train.py`. The other
problems' configs and presets are in `problems/`, a file a problem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from training.fields import POSITIVE, checked, fields_of, setting
from training.metric import PERPLEXITY, Metric


@dataclass(frozen=True)
class Config:
    """The fields that every problem has. A problem's subclass adds its own and changes defaults.

    Making one checks every field; it raises ConfigError naming the field and what is allowed.
    """

    problem: ClassVar[str]  # a name in PROBLEMS
    metric: ClassVar[Metric]  # what its scores are

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
        before="float32",
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
        before="epochs",
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
        for name, (kind, limits) in fields_of(type(self)).items():
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
    metric: ClassVar[Metric] = PERPLEXITY

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
    tie_embedding: bool = setting(
        False, "true: the embedding is the softmax's weights, too", before=False
    )
    data_path: str = setting(
        "",
        "folder of ptb.{train,valid,test}.txt, in a .toml file from where that lies; empty: "
        "data/ptb if it is there, else data/sample",
        is_path=True,
    )


@dataclass(frozen=True)
class Preset:
    """A Config with a name: `train.py --config NAME`."""

    config: Config
    description: str


# The three sizes of Zaremba et al. 2014, section 4.1; published test perplexities at the end.

SMALL = PTBConfig(
    init_scale=0.1,
    learning_rate=1.0,
    max_grad_norm=5.0,
    num_layers=2,
    num_steps=20,
    hidden_size=200,
    decay_after=4,
    epochs=13,
    keep_prob=1.0,
    lr_decay=0.5,
    batch_size=20,
    vocab_size=10_000,
)  # 115.91

MEDIUM = PTBConfig(
    init_scale=0.05,
    learning_rate=1.0,
    max_grad_norm=5.0,
    num_layers=2,
    num_steps=35,
    hidden_size=650,
    decay_after=6,
    epochs=39,
    keep_prob=0.5,
    lr_decay=0.8,
    batch_size=20,
    vocab_size=10_000,
)  # 82.07

LARGE = PTBConfig(
    init_scale=0.04,
    learning_rate=1.0,
    max_grad_norm=10.0,
    num_layers=2,
    num_steps=35,
    hidden_size=1500,
    decay_after=14,
    epochs=55,
    keep_prob=0.35,
    lr_decay=1 / 1.15,
    batch_size=20,
    vocab_size=10_000,
)  # 78.29

# Shows in seconds that everything runs.
TEST = PTBConfig(
    init_scale=0.1,
    learning_rate=1.0,
    max_grad_norm=1.0,
    num_layers=1,
    num_steps=2,
    hidden_size=2,
    decay_after=1,
    epochs=1,
    keep_prob=1.0,
    lr_decay=0.5,
    batch_size=20,
    vocab_size=10_000,
)

# Two recipes for a good perplexity in little time, as differences from `small`.

FAST = replace(
    SMALL,
    init_scale=0.05,
    num_layers=1,
    tie_embedding=True,
    precision="bfloat16",
    decay="linear",
    decay_after=1,
    epochs=2,
)

BEST20 = replace(
    SMALL,
    init_scale=0.05,
    num_steps=35,
    hidden_size=400,
    keep_prob=0.75,
    tie_embedding=True,
    precision="bfloat16",
    decay="linear",
    decay_after=3,
    epochs=8,
)

PRESETS: dict[str, Preset] = {
    "small": Preset(
        SMALL, "PTB language model, 2 layers of 200 units (published test perplexity: 115.91)"
    ),
    "medium": Preset(
        MEDIUM, "PTB language model, 2 layers of 650 units, with dropout (published: 82.07)"
    ),
    "large": Preset(
        LARGE, "PTB language model, 2 layers of 1,500 units, with dropout (published: 78.29)"
    ),
    "fast": Preset(FAST, "PTB language model, below small's published 115.91 in two epochs"),
    "best20": Preset(
        BEST20,
        "PTB language model, the lowest perplexity in the time that small takes in TensorFlow 1",
    ),
    "test": Preset(TEST, "PTB language model, tiny: shows that everything runs"),
}
