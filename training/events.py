"""TensorBoard: the graph, scalars, histograms and the table of hyperparameters of one run."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow.compat.v1 as tf
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PREFIX = "events.out.tfevents."


class Events:
    """Writes an event file of a run. Use it as a context: leaving it closes the file.

    A run that is resumed at `step` hides what earlier processes wrote of this step and of later
    ones. Every method raises OSError, naming the file, where it cannot be written: records go to
    the file as `tf.io.TFRecordWriter` takes them, since `tf.summary.FileWriter` writes in a thread
    and loses them silently when the disk is full.
    """

    def __init__(self, folder: Path, graph: tf.Graph, step: int = 0):
        self._path = folder / f"{PREFIX}{_number(folder)}"
        with self._naming_the_file():
            self._writer = tf.io.TFRecordWriter(str(self._path))
        self._add(file_version="brain.Event:2")
        self._add(step, session_log=tf.SessionLog(status=tf.SessionLog.START))
        if step == 0:
            self._add(graph_def=graph.as_graph_def(add_shapes=True).SerializeToString())
        self.flush()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_exception: object) -> None:
        with suppress(tf.errors.OpError):  # said already: whoever wants to know flushes
            self._writer.close()

    def hyperparameters(self, values: Mapping[str, bool | int | float | str]) -> None:
        """Enters the run into the HParams table; the scalars are its results."""
        numbers = {
            name: float(value) if type(value) is int else value for name, value in values.items()
        }
        self._add(summary=_summary(hparams.session_start_pb(numbers)))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each named curve."""
        points = [tf.Summary.Value(tag=tag, simple_value=y) for tag, y in values.items()]
        self._add(step, summary=tf.Summary(value=points))

    def figure(self, step: int, tag: str, figure: Figure) -> None:
        """A picture, drawn with 100 dots an inch."""
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=100)
        width, height = (round(100 * inches) for inches in figure.get_size_inches())
        image = tf.Summary.Image(
            width=width, height=height, colorspace=4, encoded_image_string=png.getvalue()
        )
        values = [tf.Summary.Value(tag=tag, image=image)]
        self._add(step, summary=tf.Summary(value=values))

    def summary(self, step: int, serialized: bytes) -> None:
        """What a summary op gave."""
        self._add(step, summary=tf.Summary.FromString(serialized))

    def finished(self) -> None:
        """Marks the run as ended well in the HParams table, and writes everything out."""
        self._add(summary=_summary(hparams.session_end_pb(api_pb2.STATUS_SUCCESS)))
        self.flush()

    def flush(self) -> None:
        """Writes out what was added so far."""
        with self._naming_the_file():
            self._writer.flush()

    def _add(self, step: int = 0, **content: Any) -> None:
        event = tf.Event(wall_time=time.time(), step=step, **content)
        with self._naming_the_file():
            self._writer.write(event.SerializeToString())

    @contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.OpError as error:
            reason = error.message.rpartition("; ")[2]  # the path stands before it
            raise OSError(f"cannot write {self._path}: {reason}") from error


def _number(folder: Path) -> int:
    """The time in ns, or what is above all others: TensorBoard reads a run's files in this order.

    A clock may have been put back since the last one was made.
    """
    numbers = [path.name.removeprefix(PREFIX) for path in folder.glob(f"{PREFIX}*")]
    digits = [re.match("[0-9]{1,19}", number) for number in numbers]
    latest = max((int(match[0].ljust(19, "0")) for match in digits if match), default=0)
    return max(time.time_ns(), latest + 1)


def _summary(message: object) -> tf.Summary:
    """The plugin's messages are of TensorBoard's own copy of the type: the bytes are the same."""
    return tf.Summary.FromString(message.SerializeToString())  # type: ignore[attr-defined]
