"""The settings of a run that are not the model's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

_EVERY_10_MINUTES = 600


@dataclass
class RunConfig:
    """The settings of a run on this machine.

    Args:
      model_dir: the folder of checkpoints and summaries.
      tf_random_seed: the seed of each graph.
      save_summary_steps: steps between two summaries.
      save_checkpoints_steps: steps between two checkpoints, in place of the seconds.
      save_checkpoints_secs: seconds between two checkpoints; 600 where neither is given.
      session_config: a `tf.ConfigProto`.
      keep_checkpoint_max: the number of checkpoints that are kept.
      keep_checkpoint_every_n_hours: hours between two checkpoints that are kept for ever.
      log_step_count_steps: steps between two lines of the log.

    What spreads a run over several machines is taken and not used.

    Raises:
      ValueError: both steps and seconds between two checkpoints are given.
    """

    model_dir: str | None = None
    tf_random_seed: int | None = None
    save_summary_steps: int | None = 100
    save_checkpoints_steps: int | None = None
    save_checkpoints_secs: float | None = None
    session_config: Any = None
    keep_checkpoint_max: int = 5
    keep_checkpoint_every_n_hours: float = 10000
    log_step_count_steps: int | None = 100
    train_distribute: Any = None
    device_fn: Any = None
    protocol: Any = None
    eval_distribute: Any = None
    experimental_distribute: Any = None
    experimental_max_worker_delay_secs: Any = None
    session_creation_timeout_secs: float = 7200

    is_chief = True
    master = ""
    task_type = "worker"
    task_id = 0
    num_ps_replicas = 0
    num_worker_replicas = 1

    def __post_init__(self) -> None:
        if self.save_checkpoints_steps and self.save_checkpoints_secs:
            raise ValueError(
                "Can not provide both save_checkpoints_steps and save_checkpoints_secs"
            )
        if self.save_checkpoints_steps is None and self.save_checkpoints_secs is None:
            self.save_checkpoints_secs = _EVERY_10_MINUTES

    def replace(self, **settings: Any) -> RunConfig:
        """The same settings but for those that are given."""
        if settings.get("save_checkpoints_steps"):
            settings.setdefault("save_checkpoints_secs", None)
        if settings.get("save_checkpoints_secs"):
            settings.setdefault("save_checkpoints_steps", None)
        return replace(self, **settings)
