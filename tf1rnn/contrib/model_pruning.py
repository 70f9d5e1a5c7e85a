"""`tf.contrib.model_pruning`: weights that are set to zero while a network is trained.

Zhu and Gupta 2017 (arXiv 1710.01878): the share s of zeros grows from s_i to s_f,

    s = s_f + (s_i - s_f) (1 - t)^exponent, with t from 0 to 1 between two steps,

and now and then those weights of each matrix that are nearest to zero are masked.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.rnn import BasicLSTMCell, LSTMCell
from tf1rnn.contrib.training import HParams
from tf1rnn.types import Shape, Tensor

_MASKS, _THRESHOLDS = "masks", "thresholds"
_MASKED, _WEIGHTS = "masked_weights", "kernel"


def get_masks() -> list[Any]:
    """The masks of the graph, of ones and zeros."""
    return tf.get_collection(_MASKS)


def get_thresholds() -> list[Any]:
    """Below which a weight is masked: a variable for each mask."""
    return tf.get_collection(_THRESHOLDS)


def get_masked_weights() -> list[Tensor]:
    """The weights times their masks."""
    return tf.get_collection(_MASKED)


def get_weights() -> list[Any]:
    """The variables that are masked."""
    return tf.get_collection(_WEIGHTS)


def get_weight_sparsity() -> list[Tensor]:
    """Which share of each mask is zero."""
    return [tf.nn.zero_fraction(mask) for mask in get_masks()]


def apply_mask(x: Any, scope: str = "") -> Tensor:
    """A variable times a mask, which begins with ones.

    Args:
      x: the variable.
      scope: name of the scope of the mask and its threshold; the one around by default.
    """
    with tf.variable_scope(scope or tf.get_variable_scope()):
        ones, dtype = tf.ones_initializer(), x.dtype.base_dtype
        mask = tf.get_variable("mask", x.shape, dtype, ones, trainable=False)
        zeros = tf.zeros_initializer()
        threshold = tf.get_variable("threshold", [], dtype, zeros, trainable=False)
        return _masked(x, mask, threshold)


def _masked(weights: Any, mask: Any, threshold: Any) -> Tensor:
    """The product, with all that makes it noted in the graph, once."""
    masked = tf.multiply(mask, weights, "masked_weight")
    if not any(mask is one for one in get_masks()):
        tf.add_to_collection(_MASKS, mask)
        tf.add_to_collection(_THRESHOLDS, threshold)
        tf.add_to_collection(_MASKED, masked)
        tf.add_to_collection(_WEIGHTS, weights)
    return masked


class _MaskedCell:
    """Stands before a cell in the line of classes, and masks its kernel.

    Variables beside the cell's: `mask`, as the kernel, and `threshold`, a scalar.
    """

    def build(self: Any, inputs_shape: Shape) -> None:
        """Makes the cell's variables, the mask and its threshold."""
        super().build(inputs_shape)  # type: ignore[misc]
        shape, zeros = self._kernel.shape, tf.zeros_initializer()
        ones = tf.ones_initializer()
        self.built = False  # there is more to make
        self._mask = self.add_variable("mask", shape, initializer=ones, trainable=False)
        self._threshold = self.add_variable("threshold", [], initializer=zeros, trainable=False)
        self.built = True
        self._weights = self._kernel
        self._kernel = _masked(self._weights, self._mask, self._threshold)


class MaskedBasicLSTMCell(_MaskedCell, BasicLSTMCell):
    """`BasicLSTMCell` whose kernel is masked."""


class MaskedLSTMCell(_MaskedCell, LSTMCell):
    """`LSTMCell` whose kernel is masked."""


def get_pruning_hparams() -> Any:
    """The settings of `Pruning`, of which those of blocks and maps are taken and not used."""
    return HParams(
        name="model_pruning",
        begin_pruning_step=0,
        end_pruning_step=-1,
        weight_sparsity_map=[""],
        threshold_decay=0.0,
        pruning_frequency=10,
        nbins=256,
        block_height=1,
        block_width=1,
        block_pooling_function="AVG",
        initial_sparsity=0.0,
        target_sparsity=0.5,
        sparsity_function_begin_step=0,
        sparsity_function_end_step=100,
        sparsity_function_exponent=3,
        use_tpu=False,
    )


class Pruning:
    """Updates masks by a schedule.

    Args:
      spec: an `HParams` as of `get_pruning_hparams`, which is the default.
      global_step: the step; that of the graph by default.
      sparsity: a scalar in place of the schedule's.
    """

    def __init__(self, spec: Any = None, global_step: Any = None, sparsity: Any = None) -> None:
        self._spec = spec or get_pruning_hparams()
        step = tf.train.get_global_step() if global_step is None else global_step
        self._step = tf.cast(step, tf.int32)
        self._sparsity = self._scheduled() if sparsity is None else sparsity
        with tf.variable_scope(self._spec.name, use_resource=True):
            self._last_update = tf.get_variable(
                "last_mask_update_step", [], tf.int32, tf.zeros_initializer(), trainable=False
            )

    def _scheduled(self) -> Tensor:
        spec = self._spec
        begin, end = spec.sparsity_function_begin_step, spec.sparsity_function_end_step
        if begin >= end:
            raise ValueError(f"Pruning must begin before it can end: begin={begin}, end={end}")
        t = tf.clip_by_value(tf.cast(self._step - begin, tf.float32) / (end - begin), 0.0, 1.0)
        left = (1 - t) ** float(spec.sparsity_function_exponent)
        return (spec.initial_sparsity - spec.target_sparsity) * left + spec.target_sparsity

    def mask_update_op(self) -> tf.Operation:
        """Masks the share of each matrix that the step asks for."""
        pairs = zip(get_weights(), get_masks(), get_thresholds(), strict=True)
        updates = [update for one in pairs for update in self._updates(*one)]
        with tf.control_dependencies(updates):
            return tf.assign(self._last_update, self._step).op

    def _updates(self, weights: Any, mask: Any, threshold: Any) -> list[Any]:
        size = weights.shape.num_elements()
        sizes = tf.sort(tf.reshape(tf.abs(weights), [-1]), direction="DESCENDING")
        share = tf.cast(1 - self._sparsity, tf.float32)
        kept = tf.cast(tf.round(size * share), tf.int32)
        now = tf.gather(sizes, tf.maximum(kept - 1, 0))
        decay = self._spec.threshold_decay
        smoothed = now * (1 - decay) + threshold * decay
        masked = tf.cast(tf.abs(weights) >= smoothed, weights.dtype.base_dtype)
        return [tf.assign(mask, masked), tf.assign(threshold, smoothed)]

    def conditional_mask_update_op(self) -> tf.Operation:
        """The same in the steps that the schedule names, to be run with each step."""
        spec, step = self._spec, self._step
        is_within = step >= spec.begin_pruning_step
        if spec.end_pruning_step >= 0:
            is_within = tf.logical_and(is_within, step <= spec.end_pruning_step)
        is_due = self._last_update + spec.pruning_frequency <= step
        wanted = tf.logical_and(is_within, is_due)

        def update() -> Tensor:
            with tf.control_dependencies([self.mask_update_op()]):
                return tf.constant(True)

        return tf.cond(wanted, update, lambda: tf.constant(False)).op

    def add_pruning_summaries(self) -> None:
        """Shows the schedule, and of each mask its share of zeros and its threshold."""
        with tf.name_scope(f"{self._spec.name}_summaries"):
            tf.summary.scalar("sparsity", self._sparsity)
            shown = zip(get_masks(), get_weight_sparsity(), get_thresholds(), strict=True)
            for mask, sparsity, threshold in shown:
                tf.summary.scalar(f"{mask.op.name}/sparsity", sparsity)
                tf.summary.scalar(f"{threshold.op.name}/threshold", threshold)
