"""Export strategies of `tf.contrib.learn`: what an `Experiment` writes at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tf1rnn.contrib.estimator.export import ServingInputReceiver
from tf1rnn.contrib.estimator.exporters import keep_newest


class InputFnOps(NamedTuple):
    """Features, no labels, and the placeholders by name that the features are made from."""

    features: Any
    labels: Any
    default_inputs: Any


class ExportStrategy(NamedTuple):
    """A name, which is that of the folder, and `(estimator, folder) -> path` that writes."""

    name: str
    export_fn: Callable[..., Any]
    strip_default_attrs: bool | None = None

    def export(self, estimator: Any, export_path: str, *args: Any) -> Any:
        """Writes the latest checkpoint of an estimator below a folder."""
        return self.export_fn(estimator, export_path)


def make_export_strategy(
    serving_input_fn: Callable[[], Any],
    default_output_alternative_key: str | None = None,
    assets_extra: Any = None,
    as_text: bool = False,
    exports_to_keep: int | None = 5,
    strip_default_attrs: bool | None = None,
) -> ExportStrategy:
    """A strategy that writes SavedModels and keeps the newest.

    Args:
      serving_input_fn: gives an `InputFnOps`, or a `tf.estimator.export.ServingInputReceiver`.
      default_output_alternative_key: taken and not used: all outputs are written.
      assets_extra: taken and not used.
      as_text: as protobuf text.
      exports_to_keep: how many; None for all.
      strip_default_attrs: taken; they are left out.
    """

    def receiver_fn() -> Any:
        given = serving_input_fn()
        if isinstance(given, InputFnOps):
            return ServingInputReceiver(given.features, given.default_inputs)
        return given

    def export_fn(estimator: Any, folder: str) -> bytes:
        path = estimator.export_saved_model(str(folder), receiver_fn, as_text=as_text)
        keep_newest(str(folder), exports_to_keep)
        return path

    return ExportStrategy("Servo", export_fn, strip_default_attrs)
