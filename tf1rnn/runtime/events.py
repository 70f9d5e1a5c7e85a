"""TensorBoard: the graph, scalars, histograms and the table of hyperparameters of one run."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow.compat.v1 as tf
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Events:
    """Writes a run's event file. Use it as a context: leaving it closes the file.

    A run that is resumed at `step` hides what an earlier process wrote of later steps.
    """

    def __init__(self, folder: Path, graph: tf.Graph, step: int = 0):
        self._graph = graph
        with graph.as_default():
            self._writer = tf.summary.FileWriter(str(folder), graph if step == 0 else None)
        if step:
            start = tf.SessionLog(status=tf.SessionLog.START)
            self._writer.add_session_log(start, step + 1)

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._writer.close()

    def hyperparameters(self, values: Mapping[str, bool | int | float | str]) -> None:
        """Enters the run into the HParams table; the scalars are its results."""
        numbers = {
            name: float(value) if type(value) is int else value for name, value in values.items()
        }
        self._writer.add_summary(_summary(hparams.session_start_pb(numbers)))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each named curve."""
        points = [tf.Summary.Value(tag=tag, simple_value=y) for tag, y in values.items()]
        self._writer.add_summary(tf.Summary(value=points), step)

    def figure(self, step: int, tag: str, figure: Figure) -> None:
        """A picture, drawn with 100 dots an inch."""
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=100)
        width, height = (round(100 * inches) for inches in figure.get_size_inches())
        image = tf.Summary.Image(
            width=width, height=height, colorspace=4, encoded_image_string=png.getvalue()
        )
        values = [tf.Summary.Value(tag=tag, image=image)]
        self._writer.add_summary(tf.Summary(value=values), step)

    def summary(self, step: int, serialized: bytes) -> None:
        """What a summary op gave."""
        self._writer.add_summary(serialized, step)

    def finished(self) -> None:
        """Marks the run as ended well in the HParams table, and writes everything out."""
        self._writer.add_summary(_summary(hparams.session_end_pb(api_pb2.STATUS_SUCCESS)))
        self.flush()

    def flush(self) -> None:
        """Writes out what was added so far."""
        self._writer.flush()


def _summary(message: object) -> tf.Summary:
    """The plugin's messages are of TensorBoard's own copy of the type: the bytes are the same."""
    return tf.Summary.FromString(message.SerializeToString())  # type: ignore[attr-defined]
