"""A training into a checkpoint, and back from one exactly to where it was made."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.kernels import layout
from training.checkpoint import Checkpoint, CheckpointError, Checkpoints
from training.command import UserError
from training.data import Data
from training.fields import shown, values_before
from training.graphs import TrainingGraph
from training.numbers import plain
from training.problem import Config
from training.progress import NotFinite, Progress, difference, made_with
from training.step import State

Arrays = dict[str, np.ndarray]
STATE = "state_"  # and a number: the name of a part of the recurrent state in a checkpoint


class Saving:
    """Saves and restores one training: its graph, and the config and data that it is of."""

    def __init__(self, graph: TrainingGraph, config: Config, data: Data, checkpoints: Checkpoints):
        self._graph, self._data, self._checkpoints = graph, data, checkpoints
        self._made_with = {
            **made_with(config, data.vocabulary),
            "data": data.sha256,
        }
        self._before = values_before(type(config))

    def save(self, session: tf.Session, progress: Progress, state: State, frames: Arrays) -> None:
        """Saves where the training is. NotFinite, and nothing saved, where a weight went wrong."""
        bad = [name for name, flag in session.run(self._graph.not_finite).items() if flag]
        if bad:
            raise NotFinite(f"step {progress.step}: {' and '.join(bad[:3])} is not finite")
        arrays = {f"{STATE}{i}": part for i, part in enumerate(tf.nest.flatten(state))} | frames
        made_with = {**self._made_with, "tensorflow": tf.__version__, "kernels": layout.name()}
        content = plain({**dataclasses.asdict(progress), "made_with": made_with})
        self._checkpoints.save(session, self._graph.saver, progress.step, content, arrays)
        self._checkpoints.prune(progress.best_step)

    def restore(
        self, session: tf.Session, checkpoint: Checkpoint, zero_state: State
    ) -> tuple[Progress, State]:
        """Gives the variables the checkpoint's values; returns its progress and state.

        Raises:
            UserError: it was made with another config, vocabulary or data, or is of no training.
            CheckpointError: it does not fit the graph.
        """
        made_with = checkpoint.progress.get("made_with")
        if other := difference(made_with, self._made_with, self._before):
            raise UserError(f"{checkpoint.path} was made with another {other}")
        progress = Progress.from_dict(checkpoint.progress, checkpoint.path)
        self._check_progress(progress, checkpoint.path)
        zero = tf.nest.flatten(zero_state)
        state = [checkpoint.arrays.get(f"{STATE}{i}") for i in range(len(zero))]
        for saved, wanted in zip(state, zero, strict=True):
            if saved is None or (saved.shape, saved.dtype) != (wanted.shape, wanted.dtype):
                raise UserError(f"{checkpoint.path} holds a state of another shape")
        checkpoint.restore(session, self._graph.saver)
        return progress, tf.nest.pack_sequence_as(zero_state, state)

    def made_elsewhere(self, checkpoint: Checkpoint) -> str:
        """What a person should know of a checkpoint that another TensorFlow or processor made."""
        then, name = checkpoint.progress["made_with"], checkpoint.path.name
        digits = "the last digits may differ from those of an unbroken run"
        if then.get("tensorflow") != tf.__version__:
            made = f"with TensorFlow {shown(then.get('tensorflow'))}"
            return f"{name} was made {made}, this is {tf.__version__}: {digits}"
        if then.get("kernels", "copied") != layout.name():
            return f"{name} was made on a processor with other matrix products: {digits}"
        return ""

    def restore_best(self, session: tf.Session, progress: Progress) -> bool:
        """Gives the variables the values of the best epoch; False where they have them."""
        self._checkpoints.prune(progress.best_step)  # a kill may have come before it
        if progress.best_step is None or progress.best_step == progress.step:
            return False
        self._checkpoints.at(progress.best_step).restore(session, self._graph.saver)
        return True

    def _check_progress(self, progress: Progress, origin: Path) -> None:
        """Raises UserError or CheckpointError where the progress restored leads to no end."""
        in_epoch, rate = len(self._data.train), f"{self._data.unit}_per_second"
        start = in_epoch * progress.epoch
        if progress.epoch_start != start or not start <= progress.step <= start + in_epoch:
            raise UserError(f"{origin} is of a training with other epochs")
        if not all(rate in record for record in progress.records):
            raise UserError(f"{origin} holds a record without {rate}")
        best = progress.best_step
        if best is not None and self._checkpoints.has(best):
            try:
                self._checkpoints.at(best)
            except CheckpointError as error:  # said now, and not after the last epoch
                hint = "the best so far; without it, a later epoch must be better: remove it to try"
                raise UserError(f"{error} ({hint})") from None
