"""Dropout around a cell: on its inputs, its outputs and its state."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.dropout import DrawnMasks, Drop, StepMasks, drop_nest
from tf1rnn.faster import fast_sequence
from tf1rnn.layer import dtype_name
from tf1rnn.rnn_cell import as_tensors
from tf1rnn.types import Cell, DType, Nest, Scope, Sizes, Tensor
from tf1rnn.wrappers import Wrapper


class DropoutWrapper(Wrapper):
    """Dropout on the inputs, outputs or states of a cell.

    A unit is kept with the given probability and then divided by it, else it is zero. Srivastava
    et al. 2014; for recurrent networks Zaremba et al. 2014 (arXiv 1409.2329), which drops inputs
    and outputs only; variational: Gal and Ghahramani 2016 (arXiv 1512.05287).

    The masks are new in every step, every turn of a loop and every `session.run`, as TensorFlow 1
    draws them. With `seed`, each call in Python begins the same sequence of masks, so that steps
    which are written out one by one share a mask: TensorFlow 1 does so, too.

    With `step` the masks are a pure function of the seeds, of `step` and of the time step instead:
    a resumed run draws the masks that it would have drawn, and runs at one global step draw
    the same. A loop other than the unrollers' names its time steps by `time_step`; outside of a
    loop of the graph, a call in Python that is not named is a time step of its own.

    Args:
      cell: the cell.
      input_keep_prob, output_keep_prob, state_keep_prob: float or scalar tensor in [0, 1]; the
        float 1.0 adds no op. The state is dropped after the step, on its way to the next one.
      variational_recurrent: True uses one mask `[1, units]` for all time steps and rows, in all
        calls of a `session.run`.
      input_size: the inputs' size, a nest of ints or `tf.TensorShape`; needed when
        `variational_recurrent` and `input_keep_prob` is not 1.
      dtype: dtype of inputs, outputs and states; needed when `variational_recurrent`.
      seed: seed of the masks; without it and without the graph's seed every program run differs.
      dropout_state_filter_visitor: a function of a part of the state, from the whole state
        inwards, that answers whether its tensors are dropped: a bool, or a nest of bools for its
        parts. By default all but the `c` of an LSTM's state and TensorArrays.
      trainable, name: as in `RNNCell`.
      step: an integer scalar, a tensor or variable such as the global step.

    Raises:
      TypeError: `cell` is no cell, the visitor no function, or `step` no integer.
      ValueError: a probability outside [0, 1]; `dtype` or `input_size` missing. With `step`, when
        called in the body of a loop that does not name its time step: each turn would have the
        same masks.
    """

    def __init__(
        self,
        cell: Cell,
        input_keep_prob: float | Tensor = 1.0,
        output_keep_prob: float | Tensor = 1.0,
        state_keep_prob: float | Tensor = 1.0,
        variational_recurrent: bool = False,
        input_size: Sizes | None = None,
        dtype: DType | None = None,
        seed: int | None = None,
        dropout_state_filter_visitor: Callable[[Nest], Any] | None = None,
        *,
        step: Tensor | tf.Variable | None = None,
        **layer_options: Any,
    ) -> None:
        super().__init__(cell, dtype=dtype, **layer_options)
        visitor = dropout_state_filter_visitor or all_but_c
        if not callable(visitor):
            raise TypeError("dropout_state_filter_visitor must be callable")
        self._dropout_state_filter = visitor
        self._input_keep_prob = _checked_keep_prob("input_keep_prob", input_keep_prob)
        self._output_keep_prob = _checked_keep_prob("output_keep_prob", output_keep_prob)
        self._state_keep_prob = _checked_keep_prob("state_keep_prob", state_keep_prob)
        self._variational_recurrent = variational_recurrent
        self._input_size = input_size
        self._seed = seed
        self._step = step
        if variational_recurrent:
            if dtype is None:
                raise ValueError("When variational_recurrent=True, dtype must be provided")
            if input_size is None and not _is_one(self._input_keep_prob):
                raise ValueError(
                    "When variational_recurrent=True and input_keep_prob < 1.0 or is unknown, "
                    "input_size must be provided"
                )
        _ = self._source_of_masks  # made here, where variational masks are drawn for all calls

    # Class attributes, and a source made when first asked for, so that a subclass works without
    # calling this __init__.
    _input_size: Sizes | None = None
    _step: Tensor | tf.Variable | None = None

    @functools.cached_property
    def _source_of_masks(self) -> DrawnMasks | StepMasks:
        if self._step is not None:
            dtype = getattr(self._step, "dtype", None)
            if dtype is None or not dtype.base_dtype.is_integer:
                raise TypeError(f"step must be an integer tensor or variable, not {self._step!r}")
            return StepMasks(self._step, self._seed, self._variational_recurrent)
        if not self._variational_recurrent:
            return DrawnMasks(self._seed)
        given = {use: getattr(self, f"_recurrent_{use}_noise", None) for use in _USES}
        if any(noise is not None for noise in given.values()):
            return DrawnMasks(self._seed, noise=given)
        sizes = {
            "input": (self._input_keep_prob, self._input_size),
            "state": (self._state_keep_prob, self.cell.state_size),
            "output": (self._output_keep_prob, self.cell.output_size),
        }
        dropped = {use: size for use, (keep_prob, size) in sizes.items() if not _is_one(keep_prob)}
        with tf.name_scope("DropoutWrapperInit"):
            return DrawnMasks(self._seed, (self.dtype, dropped))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make another wrapper like this one, for `from_config`."""
        visitor = None if self._dropout_state_filter is all_but_c else self._dropout_state_filter
        return {
            **super().get_config(),
            "input_keep_prob": self._input_keep_prob,
            "output_keep_prob": self._output_keep_prob,
            "state_keep_prob": self._state_keep_prob,
            "variational_recurrent": self._variational_recurrent,
            "input_size": self._input_size,
            "dtype": dtype_name(self.dtype),
            "seed": self._seed,
            "dropout_state_filter_visitor": visitor,
            "step": self._step,
        }

    def __call__(self, inputs: Nest, state: Nest, scope: Scope = None) -> tuple[Nest, Nest]:
        """Calls the wrapped cell, with dropout before and after."""
        drop = self._source_of_masks.for_step()
        inputs = drop_nest(drop, as_tensors(inputs), "input", self._input_keep_prob)
        outputs, state = self.cell(inputs, state, scope=scope)
        if not _is_one(self._state_keep_prob):
            state = self._drop_state(state, drop)
        return drop_nest(drop, outputs, "output", self._output_keep_prob), state

    def sequence(
        self, inputs: Tensor, initial_state: Nest, sequence_length: Tensor | None = None
    ) -> tuple[Tensor, Nest] | None:
        """The wrapped cell's faster way, with the masks of all steps; None with state dropout."""
        if not _is_one(self._state_keep_prob):
            return None
        drop = self._source_of_masks.for_sequence()
        inputs = drop_nest(drop, inputs, "input", self._input_keep_prob)
        done = fast_sequence(self.cell, inputs, initial_state, sequence_length)
        if done is None:
            return None
        outputs, state = done
        return drop_nest(drop, outputs, "output", self._output_keep_prob), state

    def _drop_state(self, state: Nest, drop: Drop) -> Nest:
        parts: list[Tensor] = []
        for part, wanted in _wanted_parts(state, self._dropout_state_filter):
            if wanted:
                with tf.name_scope(f"state{len(parts)}_dropout"):
                    part = drop(part, "state", len(parts), self._state_keep_prob)
            parts += tf.nest.flatten(part)
        return tf.nest.pack_sequence_as(state, parts)


_USES = ("input", "state", "output")


def _is_one(keep_prob: float | Tensor) -> bool:
    return isinstance(keep_prob, float) and keep_prob == 1.0


def _checked_keep_prob(name: str, keep_prob: float | Tensor) -> float | Tensor:
    """A float where the value is known, else the tensor."""
    value = tf.get_static_value(keep_prob) if tf.is_tensor(keep_prob) else keep_prob
    if value is None:
        return keep_prob
    if not 0.0 <= float(value) <= 1.0:
        raise ValueError(f"Parameter {name} must be between 0 and 1: {value}")
    return float(value)


def all_but_c(state: Nest) -> Any:
    """All but `c` where the fields are an LSTM's, whoever's tuple it is; no TensorArray."""
    if getattr(state, "_fields", None) == ("c", "h"):
        return type(state)(c=False, h=True)
    return not isinstance(state, tf.TensorArray)


def _wanted_parts(state: Nest, visitor: Callable[[Nest], Any]) -> list[tuple[Nest, bool]]:
    """The parts of a state and whether the visitor wants them dropped.

    A part is a tensor, or a nest of which nothing is wanted.
    """
    answer = visitor(state)
    if not tf.nest.is_nested(state) or (answer is False):
        return [(state, bool(answer))]
    parts = _parts(state)
    answers = _parts(answer) if tf.nest.is_nested(answer) else [answer] * len(parts)
    wanted: list[tuple[Nest, bool]] = []
    for part, enter in zip(parts, answers, strict=True):
        wanted += _wanted_parts(part, visitor) if enter else [(part, False)]
    return wanted


def _parts(nest: Nest) -> list[Nest]:
    """The parts of a nest one level down, in the order of `tf.nest.flatten`."""
    return [nest[key] for key in sorted(nest)] if isinstance(nest, dict) else list(nest)
