"""`tf.estimator.Estimator`: a model function that is trained, evaluated and asked."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1rnn.contrib.estimator import export, inputs
from tf1rnn.contrib.estimator.config import RunConfig
from tf1rnn.contrib.estimator.spec import EstimatorSpec, ModeKeys, WarmStartSettings

UTC = "%Y-%m-%dT%H:%M:%SZ"


class Estimator:
    """A model function and the folder of its checkpoints.

    Args:
      model_fn: gets by name `features`, and what it has of `labels`, `mode`, `params` and
        `config`, in whichever order; gives an `EstimatorSpec`.
      model_dir: the folder; else the config's, else a temporary one.
      config: a `RunConfig`.
      params: what model_fn gets as `params`.
      warm_start_from: the checkpoint, or the `WarmStartSettings`, whose values a first training
        begins with.

    Raises:
      ValueError: model_dir is not the one of the config.
    """

    def __init__(
        self,
        model_fn: Callable[..., EstimatorSpec],
        model_dir: str | None = None,
        config: RunConfig | None = None,
        params: Any = None,
        warm_start_from: str | WarmStartSettings | None = None,
    ) -> None:
        config = config or RunConfig()
        if model_dir and config.model_dir and model_dir != config.model_dir:
            raise ValueError(
                f"model_dir are set both in constructor and RunConfig, but with different values: "
                f"{model_dir!r} and {config.model_dir!r}"
            )
        folder = model_dir or config.model_dir or tempfile.mkdtemp()
        self._config = config.replace(model_dir=str(folder))
        self._model_fn = model_fn
        self._params = {} if params is None else params
        self._warm_start = warm_start_from

    @property
    def model_dir(self) -> str:
        """The folder of checkpoints and summaries."""
        return str(self._config.model_dir)

    @property
    def config(self) -> RunConfig:
        """The settings of the run."""
        return self._config

    @property
    def params(self) -> Any:
        """What the model function gets as `params`."""
        return self._params

    @property
    def model_fn(self) -> Callable[..., EstimatorSpec]:
        """The model function, with the arguments `features, labels, mode, config`."""

        def public_model_fn(features: Any, labels: Any, mode: str, config: Any) -> EstimatorSpec:
            return self._call_model_fn(features, labels, mode, config)

        return public_model_fn

    def latest_checkpoint(self) -> str | None:
        """The path of the latest checkpoint, or None."""
        return tf.train.latest_checkpoint(self.model_dir)

    def eval_dir(self, name: str | None = None) -> str:
        """The folder of the summaries of evaluations, of those of that name."""
        return str(Path(self.model_dir) / (f"eval_{name}" if name else "eval"))

    def get_variable_names(self) -> list[str]:
        """Names of the variables of the latest checkpoint."""
        return [name for name, _ in tf.train.list_variables(self.model_dir)]

    def get_variable_value(self, name: str) -> np.ndarray:
        """The value of a variable in the latest checkpoint."""
        return tf.train.load_variable(self.model_dir, name.partition(":")[0])

    def train(
        self,
        input_fn: Callable[..., Any],
        hooks: Sequence[Any] | None = None,
        steps: int | None = None,
        max_steps: int | None = None,
        saving_listeners: Sequence[Any] | None = None,
    ) -> Estimator:
        """Trains from the latest checkpoint on, until the input ends if nothing else is said.

        Args:
          input_fn: gives a data set or tensors, of features and labels.
          hooks: run hooks.
          steps: how many steps are taken.
          max_steps: the global step at which training ends.
          saving_listeners: `tf.train.CheckpointSaverListener`s.

        Returns:
          The estimator itself.

        Raises:
          ValueError: steps and max_steps are both given, or one is not positive.
        """
        if steps is not None and max_steps is not None:
            raise ValueError("Can not provide both steps and max_steps.")
        if any(limit is not None and limit <= 0 for limit in (steps, max_steps)):
            raise ValueError(f"Must specify steps > 0, given: {steps or max_steps}")
        if max_steps is not None and self._saved_step() >= max_steps:
            tf.logging.info("Skipping training since max_steps has already saved.")
            return self
        with tf.Graph().as_default():
            spec = self._built(input_fn, ModeKeys.TRAIN)
            self._begin_warm()
            tf.summary.scalar("loss", spec.loss)
            chosen = [*(hooks or ())]
            if steps is not None or max_steps is not None:
                chosen.append(tf.train.StopAtStepHook(steps, max_steps))
            chosen += self._training_hooks(spec)
            self._run_training(spec, chosen, saving_listeners or ())
        return self

    def _saved_step(self) -> int:
        path = self.latest_checkpoint()
        return int(tf.train.load_variable(path, tf.GraphKeys.GLOBAL_STEP)) if path else 0

    def _built(self, input_fn: Callable[..., Any], mode: str) -> EstimatorSpec:
        """Builds input and model in the graph that is the default one."""
        tf.set_random_seed(self._config.tf_random_seed)
        tf.train.create_global_step()
        features, labels = self._read(input_fn, mode)
        return self._call_model_fn(features, labels, mode, self._config)

    def _read(self, input_fn: Callable[..., Any], mode: str) -> tuple[Any, Any]:
        given = {"mode": mode, "params": self._params, "config": self._config}
        return inputs.read(input_fn, **given)

    def _call_model_fn(self, features: Any, labels: Any, mode: str, config: Any) -> EstimatorSpec:
        labels = None if mode == ModeKeys.PREDICT else labels
        given = {"labels": labels, "mode": mode, "params": self._params, "config": config}
        taken = inputs.accepted(self._model_fn, given)
        if labels is not None and "labels" not in taken:
            raise ValueError("model_fn does not take labels, but input_fn returns labels.")
        tf.logging.info("Calling model_fn.")
        spec = self._model_fn(features=features, **taken)
        tf.logging.info("Done calling model_fn.")
        if not isinstance(spec, EstimatorSpec):
            raise ValueError("model_fn should return an EstimatorSpec.")
        return spec

    def _begin_warm(self) -> None:
        if self._warm_start is None or self.latest_checkpoint():
            return
        settings = self._warm_start
        if not isinstance(settings, WarmStartSettings):
            settings = WarmStartSettings(str(settings))
        tf.train.warm_start(*settings)

    def _training_hooks(self, spec: EstimatorSpec) -> list[Any]:
        shown = {"loss": spec.loss, "step": tf.train.get_global_step()}
        hooks = [tf.train.NanTensorHook(spec.loss)]
        if self._config.log_step_count_steps:
            every = self._config.log_step_count_steps
            hooks.append(tf.train.LoggingTensorHook(shown, every_n_iter=every))
        return [*hooks, *spec.training_hooks]

    def _run_training(self, spec: EstimatorSpec, hooks: list[Any], listeners: Any) -> None:
        config = self._config
        if not (spec.scaffold.saver or tf.get_collection(tf.GraphKeys.SAVERS)):
            saver = tf.train.Saver(
                max_to_keep=config.keep_checkpoint_max,
                keep_checkpoint_every_n_hours=config.keep_checkpoint_every_n_hours,
                save_relative_paths=True,
            )
            tf.add_to_collection(tf.GraphKeys.SAVERS, saver)
        first = [*spec.training_chief_hooks]  # so that other hooks see what is saved
        if not any(isinstance(hook, tf.train.CheckpointSaverHook) for hook in [*first, *hooks]):
            saving = tf.train.CheckpointSaverHook(
                self.model_dir,
                save_secs=config.save_checkpoints_secs,
                save_steps=config.save_checkpoints_steps,
                scaffold=spec.scaffold,
                listeners=list(listeners),
            )
            first.insert(0, saving)
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=self.model_dir,
            scaffold=spec.scaffold,
            hooks=[inputs.StartInputs(), *hooks],
            chief_only_hooks=first,
            save_checkpoint_secs=0,  # the hook above has the listeners
            save_checkpoint_steps=None,
            save_summaries_steps=config.save_summary_steps,
            config=config.session_config,
            log_step_count_steps=config.log_step_count_steps,
        ) as session:
            loss = None
            while not session.should_stop():
                _, loss = session.run([spec.train_op, spec.loss])
        tf.logging.info("Loss for final step: %s.", loss)

    def evaluate(
        self,
        input_fn: Callable[..., Any],
        steps: int | None = None,
        hooks: Sequence[Any] | None = None,
        checkpoint_path: str | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Evaluates a checkpoint; where there is none, variables as they begin.

        Args:
          input_fn: gives a data set or tensors, of features and labels.
          steps: the number of batches; None for all.
          hooks: run hooks.
          checkpoint_path: the checkpoint; None for the latest.
          name: where several evaluations go on side by side, the name of this one.

        Returns:
          The metrics of the model function, `loss`, the mean of its batches, and `global_step`.
        """
        with tf.Graph().as_default():
            spec = self._built(input_fn, ModeKeys.EVAL)
            tf.logging.info("Starting evaluation at %s", time.strftime(UTC, time.gmtime()))
            metrics = dict(spec.eval_metric_ops)
            metrics.setdefault("loss", tf.metrics.mean(spec.loss))
            values = {key: value for key, (value, _) in metrics.items()}
            values.setdefault("global_step", tf.train.get_global_step())
            final = tf.train.FinalOpsHook(values)
            chosen = [*(hooks or ()), *spec.evaluation_hooks, final]
            path = checkpoint_path or self.latest_checkpoint()
            with self._session(spec, path, chosen) as session:
                step = 0
                while not session.should_stop() and (steps is None or step < steps):
                    session.run([update for _, update in metrics.values()])
                    step += 1
        tf.logging.info("Finished evaluation at %s", time.strftime(UTC, time.gmtime()))
        found = dict(final.final_ops_values)
        self._write(found, name)
        return found

    def _session(self, spec: EstimatorSpec, path: str | None, hooks: list[Any]) -> Any:
        creator = tf.train.ChiefSessionCreator(
            scaffold=spec.scaffold,
            config=self._config.session_config,
            checkpoint_filename_with_path=path,
        )
        return tf.train.MonitoredSession(creator, hooks=[inputs.StartInputs(), *hooks])

    def _write(self, found: dict[str, Any], name: str | None) -> None:
        """Shows what an evaluation has found, in the log and in a summary of its own folder."""
        step = int(found["global_step"])
        shown = ", ".join(f"{key} = {value}" for key, value in sorted(found.items()))
        tf.logging.info("Saving dict for global step %d: %s", step, shown)
        summary = tf.Summary()
        for key, value in found.items():
            if key != "global_step" and isinstance(value, (np.number, int, float)):
                summary.value.add(tag=key, simple_value=float(value))
        with tf.Graph().as_default():
            writer = tf.summary.FileWriterCache.get(self.eval_dir(name))
        writer.add_summary(summary, step)
        writer.flush()

    def predict(
        self,
        input_fn: Callable[..., Any],
        predict_keys: Sequence[str] | None = None,
        hooks: Sequence[Any] | None = None,
        checkpoint_path: str | None = None,
        yield_single_examples: bool = True,
    ) -> Iterator[Any]:
        """Gives the predictions of a checkpoint, one row after the other.

        Args:
          input_fn: gives a data set or tensors; labels are left out.
          predict_keys: those of the predictions that are wanted.
          hooks: run hooks.
          checkpoint_path: the checkpoint; None for the latest.
          yield_single_examples: rows one by one; else batches.

        Yields:
          A dict of arrays, or an array where the model function gives a tensor.

        Raises:
          ValueError: there is no checkpoint, or none of the predictions is wanted.
        """
        path = checkpoint_path or self.latest_checkpoint()
        if not path:
            raise ValueError(f"Could not find trained model in model_dir: {self.model_dir}.")
        with tf.Graph().as_default():
            spec = self._built(input_fn, ModeKeys.PREDICT)
            wanted = _wanted(spec.predictions, predict_keys)
            chosen = [*(hooks or ()), *spec.prediction_hooks]
            with self._session(spec, path, chosen) as session:
                while not session.should_stop():
                    batch = session.run(wanted)
                    if not yield_single_examples:
                        yield batch
                    else:
                        yield from rows(batch)

    def export_saved_model(
        self,
        export_dir_base: str,
        serving_input_receiver_fn: Callable[[], Any],
        assets_extra: dict[str, str] | None = None,
        as_text: bool = False,
        checkpoint_path: str | None = None,
    ) -> bytes:
        """Writes a checkpoint as a SavedModel into a new folder below export_dir_base.

        Args:
          export_dir_base: the folder above; the new one is named by the time.
          serving_input_receiver_fn: gives an `export.ServingInputReceiver`.
          assets_extra: taken and not used.
          as_text: as protobuf text.
          checkpoint_path: the checkpoint; None for the latest.

        Returns:
          The new folder.

        Raises:
          ValueError: there is no checkpoint.
        """
        path = checkpoint_path or self.latest_checkpoint()
        if not path:
            raise ValueError(f"Couldn't find trained model at {self.model_dir}.")
        with tf.Graph().as_default():
            tf.train.create_global_step()
            receiver = serving_input_receiver_fn()
            mode = ModeKeys.PREDICT
            spec = self._call_model_fn(receiver.features, None, mode, self._config)
            with tf.Session(config=self._config.session_config) as session:
                saver = spec.scaffold.saver or tf.train.Saver()
                saver.restore(session, path)
                return export.save(session, export_dir_base, receiver, spec, as_text)

    export_savedmodel = export_saved_model


def _wanted(predictions: Any, keys: Sequence[str] | None) -> Any:
    if keys is None or not isinstance(predictions, dict):
        return predictions
    wanted = {key: value for key, value in predictions.items() if key in keys}
    if not wanted:
        raise ValueError(f"Expected to run at least one output from {list(predictions)}")
    return wanted


def rows(batch: Any) -> Iterator[Any]:
    """The rows of an array, or dicts of the rows of a dict of arrays."""
    if not isinstance(batch, dict):
        yield from batch
        return
    for i in range(len(next(iter(batch.values())))):
        yield {key: value[i] for key, value in batch.items()}
