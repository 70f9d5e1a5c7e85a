"""What `tf.contrib.estimator` adds to estimators: gradients that are clipped."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


class _Clipping(tf.train.Optimizer):
    """An optimizer whose gradients are scaled down to a norm together."""

    def __init__(self, optimizer: Any, clip_norm: float) -> None:
        super().__init__(use_locking=False, name=f"ClipByNorm{optimizer.get_name()}")
        self._optimizer, self._clip_norm = optimizer, clip_norm

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        """Those of the optimizer."""
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
        """Clips by the global norm, and applies."""
        gradients, variables = zip(*grads_and_vars, strict=True)
        clipped, _ = tf.clip_by_global_norm(gradients, self._clip_norm)
        pairs = list(zip(clipped, variables, strict=True))
        return self._optimizer.apply_gradients(pairs, global_step, name)

    def get_slot(self, var: Any, name: str) -> Any:
        """A slot of the optimizer."""
        return self._optimizer.get_slot(var, name)

    def get_slot_names(self) -> list[str]:
        """Those of the optimizer."""
        return self._optimizer.get_slot_names()


def clip_gradients_by_norm(optimizer: Any, clip_norm: float) -> Any:
    """The optimizer, with gradients whose global norm is at most `clip_norm`."""
    return _Clipping(optimizer, clip_norm)
