"""What `train_and_evaluate` writes after its evaluations: `tf.estimator`'s exporters."""

from __future__ import annotations

import abc
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator.early_stopping import read_eval_metrics

_Found = dict[str, Any]


class Exporter(abc.ABC):
    """Writes what it will; one of a program's own derives from it."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The name, which is that of the folder below `<model_dir>/export`."""

    @abc.abstractmethod
    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: _Found,
        is_the_final_export: bool,
    ) -> Any:
        """Called after an evaluation.

        Args:
          estimator: the one that is trained.
          export_path: the folder to write into.
          checkpoint_path: what was evaluated.
          eval_result: what the evaluation has found.
          is_the_final_export: whether the training has ended.

        Returns:
          The path of what was written, or None.
        """


class LatestExporter(Exporter):
    """Writes a SavedModel after each evaluation.

    Args:
      name: the name of the folder.
      serving_input_receiver_fn: gives a `ServingInputReceiver`.
      assets_extra: taken and not used.
      as_text: as protobuf text.
      exports_to_keep: how many, the newest; None for all.

    Raises:
      ValueError: `exports_to_keep` is not positive.
    """

    def __init__(
        self,
        name: str,
        serving_input_receiver_fn: Callable[[], Any],
        assets_extra: Any = None,
        as_text: bool = False,
        exports_to_keep: int | None = 5,
    ) -> None:
        if exports_to_keep is not None and exports_to_keep <= 0:
            raise ValueError("`exports_to_keep`, if provided, must be positive number")
        self._name, self._receiver_fn, self._as_text = name, serving_input_receiver_fn, as_text
        self._keep = exports_to_keep

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self._name

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: _Found,
        is_the_final_export: bool,
    ) -> Any:
        """Writes the checkpoint, and removes the oldest of too many."""
        path = estimator.export_saved_model(
            export_path, self._receiver_fn, as_text=self._as_text, checkpoint_path=checkpoint_path
        )
        keep_newest(export_path, self._keep)
        return path


class FinalExporter(LatestExporter):
    """Writes a SavedModel at the end of the training; its arguments are those of the above."""

    def __init__(
        self,
        name: str,
        serving_input_receiver_fn: Callable[[], Any],
        assets_extra: Any = None,
        as_text: bool = False,
    ) -> None:
        super().__init__(name, serving_input_receiver_fn, assets_extra, as_text, None)

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: _Found,
        is_the_final_export: bool,
    ) -> Any:
        """Writes the checkpoint, if it is the last."""
        if not is_the_final_export:
            return None
        return super().export(estimator, export_path, checkpoint_path, eval_result, True)


def loss_smaller(best_eval_result: _Found, current_eval_result: _Found) -> bool:
    """Whether the current loss is the smaller one."""
    return current_eval_result["loss"] < best_eval_result["loss"]


class BestExporter(LatestExporter):
    """Writes a SavedModel after each evaluation that is better than all before.

    Args:
      name, serving_input_receiver_fn, assets_extra, as_text, exports_to_keep: as above.
      event_file_pattern: where, below `model_dir`, the summaries of earlier evaluations lie; None
        to begin anew.
      compare_fn: by name `best_eval_result` and `current_eval_result`; whether the latter is
        better, by default of the smaller loss.
    """

    def __init__(
        self,
        name: str = "best_exporter",
        serving_input_receiver_fn: Any = None,
        event_file_pattern: str | None = "eval/*.tfevents.*",
        compare_fn: Callable[..., bool] = loss_smaller,
        assets_extra: Any = None,
        as_text: bool = False,
        exports_to_keep: int | None = 5,
    ) -> None:
        super().__init__(name, serving_input_receiver_fn, assets_extra, as_text, exports_to_keep)
        self._pattern, self._is_better = event_file_pattern, compare_fn
        self._best: _Found | None = None

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: _Found,
        is_the_final_export: bool,
    ) -> Any:
        """Writes the checkpoint, if it is the best."""
        if self._best is None and self._pattern:
            folder = str((Path(estimator.model_dir) / self._pattern).parent)
            for step, found in read_eval_metrics(folder).items():
                if step < eval_result["global_step"]:
                    self._take(found)
        if not self._take(eval_result):
            return None
        return super().export(
            estimator, export_path, checkpoint_path, eval_result, is_the_final_export
        )

    def _take(self, found: _Found) -> bool:
        """Whether this is the best up to now, which it is from now on."""
        best = self._best
        if best is not None and not self._is_better(
            best_eval_result=best, current_eval_result=found
        ):
            return False
        self._best = found
        return True


def keep_newest(folder: str, number: int | None) -> None:
    """Removes all but the newest of the SavedModels in a folder, whose names are seconds."""
    written = sorted(
        (p for p in Path(folder).iterdir() if p.name.isdigit()), key=lambda p: int(p.name)
    )
    for old in written[: -number if number else 0]:
        tf.logging.info("Removing the export %s", old)
        shutil.rmtree(old)
