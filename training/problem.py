"""What the toolkit needs to know of a problem, and what a problem's pictures are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from training.data import Data, Reader

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# `config.Config` and `model.Model`: they stand above this package, which takes them as they come.
Config: TypeAlias = Any
Model: TypeAlias = Any

Arrays = Mapping[str, np.ndarray]
Records = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Outcome:
    """What a finished training's figures are made of.

    records: a mapping an epoch, as in metrics.jsonl. predict: of a reader's whole split the
    arrays, and the `predictions` of the best epoch's model.
    """

    config: Config
    data: Data
    records: Records
    predict: Callable[[Reader], Arrays]


@dataclass(frozen=True)
class Shown:
    """What a picture is made of.

    title: the run and the split. records: a mapping an epoch, as in metrics.jsonl. arrays: those
    that the split's reader yields and the model's `predictions`, the whole split along the first
    axis.
    """

    title: str
    config: Config
    records: Records
    arrays: Arrays


@dataclass(frozen=True)
class Movie:
    """A GIF of what changes from epoch to epoch.

    name: of the file. frame: what is kept of an epoch, one array. write: makes the file of the
    last epoch's Shown, and the number and frame of each epoch.
    """

    name: str
    frame: Callable[[Shown], np.ndarray]
    write: Callable[[Path, Shown, Sequence[tuple[int, np.ndarray]]], None]


@dataclass(frozen=True)
class Problem:
    """A problem: how its data are read, its model, and what it says and shows of a training.

    read: the config's data. model: `model(is_training, config)`. settle: the config with what
    only the data tell, such as the size of the vocabulary. evaluation: the config of the graph
    that is evaluated. figures: what the result says beside the scores. picture, movie: what the
    problem shows of the model's predictions; the model needs `predictions` then.
    epochs_make_data: whether the data depend on the number of epochs, which stays as it is then.
    """

    read: Callable[[Config], Data]
    model: Callable[[bool, Config], Model]
    settle: Callable[[Config, Data], Config] = lambda config, data: config
    evaluation: Callable[[Config], Config] = lambda config: config
    figures: Callable[[Outcome], dict[str, Any]] = lambda outcome: {}
    picture: Callable[[Shown], Figure] | None = None
    movie: Movie | None = None
    epochs_make_data: bool = False
