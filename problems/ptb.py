"""The language model's row: its parts are the story at the root, config.py, reader.py, model.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from config import PTBConfig
from model import PTBModel
from problems import PROBLEMS
from reader import find_corpus, read_text_data
from training.data import Data
from training.problem import Problem


def read(config: PTBConfig) -> Data:
    """The three splits of the corpus that the config names."""
    return read_text_data(
        find_corpus(config.data_path),
        config.batch_size,
        config.num_steps,
        config.vocab_size,
        config.carry_state,
    )


def settle(config: PTBConfig, data: Data) -> PTBConfig:
    """A vocabulary smaller than the cap needs a smaller model; the place of the data is kept."""
    return dataclasses.replace(
        config,
        vocab_size=len(data.vocabulary),
        data_path=str(Path(find_corpus(config.data_path)).resolve()),
    )


def evaluation(config: PTBConfig) -> PTBConfig:
    """One stream."""
    return dataclasses.replace(config, batch_size=1)


PROBLEMS["ptb"] = Problem(read=read, model=PTBModel, settle=settle, evaluation=evaluation)
