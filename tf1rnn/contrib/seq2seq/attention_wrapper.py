"""A cell that looks at memories after each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.seq2seq.attention import AttentionMechanism, _compute_attention
from tf1rnn.contrib.seq2seq.dense import Dense
from tf1rnn.contrib.seq2seq.memory import size_of_axis
from tf1rnn.nests import shape_of_size, zeros
from tf1rnn.rnn_cell import RNNCell, assert_like_rnncell
from tf1rnn.steps import zero_state
from tf1rnn.types import Cell, Dimension, DType, Nest, Sizes, Tensor


class AttentionWrapperState(NamedTuple):
    """The state of an `AttentionWrapper`.

    `cell_state` is the cell's; `attention` `[batch_size, attention_size]` what was read last;
    `time` the int32 step. For one mechanism `alignments` `[batch_size, max_time]`,
    `alignment_history` (a TensorArray with one alignment a step, or `()` where none is kept) and
    `attention_state` are its own, for a list of mechanisms they are tuples.
    """

    cell_state: Nest
    attention: Tensor
    time: Tensor
    alignments: Nest
    alignment_history: Nest = ()
    attention_state: Nest = ()

    def clone(self, **kwargs: Any) -> AttentionWrapperState:
        """A state like this one, some fields of it replaced.

        Args:
          **kwargs: fields by name, nested as those that they replace. Tensors must have the same
            shapes, which they get where theirs are not known.

        Raises:
          ValueError: another structure or shape. InvalidArgumentError, when the graph is run:
            another shape than that of a tensor whose shape is not known before.
        """
        return tf.nest.map_structure(_with_same_shape, self, self._replace(**kwargs))


def _with_same_shape(old: Any, new: Any) -> Any:
    if new is old or not (tf.is_tensor(old) and tf.is_tensor(new)):
        return new
    if not old.shape.is_compatible_with(new.shape):
        raise ValueError(f"shape {new.shape} of {new.name} is not the expected {old.shape}")
    checks = []
    if not (old.shape.is_fully_defined() and new.shape.is_fully_defined()):
        checks = [tf.debugging.assert_equal(tf.shape(new), tf.shape(old))]
    with tf.control_dependencies(checks):
        new = tf.identity(new)
    new.set_shape(old.shape)
    return new


def _joined(inputs: Tensor, attention: Tensor) -> Tensor:
    return tf.concat([inputs, attention], -1)


class AttentionWrapper(RNNCell):
    """A cell with attention: fed with inputs and what it read last, it reads again.

        cell_output, cell_state = cell(cell_input_fn(inputs, attention), cell_state)
        alignments, attention_state = mechanism(cell_output, attention_state)
        context = sum over the memory of alignments * values
        attention = attention_layer([cell_output, context])

    For `BeamSearchDecoder` the memory, its lengths and the cell's initial state are to be tiled by
    `tile_batch`, and `zero_state` is to be asked for `batch_size * beam_width` rows.

    Variables: those of the cell and the mechanisms, and `attention_layer/kernel` for each
    attention layer, in the scope `attention_wrapper`.

    Args:
      cell: an RNN cell.
      attention_mechanism: a mechanism, or a list of them, each with a memory of its own.
      attention_layer_size: depth of the attention, or a list with one for each mechanism; None
        takes the context itself.
      alignment_history: whether the state keeps the alignments of all steps.
      cell_input_fn: a function `(inputs, attention)` to the cell's inputs; by default they are
        concatenated.
      output_attention: whether the output is the attention, or the cell's output.
      initial_cell_state: the cell's state in `zero_state`, in place of zeros.
      name: name of the variable scope.
      attention_layer: a layer with `compute_output_shape`, or a list with one for each mechanism,
        in place of `attention_layer_size`.
      attention_fn: a function `(mechanism, cell_output, attention_state, attention_layer)` to
        `(attention, alignments, next_attention_state)`, in place of the above.
      dtype: as in `RNNCell`.

    Raises:
      TypeError: `cell` is no cell, `attention_mechanism` no mechanism, or `cell_input_fn` no
        function.
      ValueError: both size and layer are given, or not one for each mechanism.
    """

    def __init__(
        self,
        cell: Cell,
        attention_mechanism: Any,
        attention_layer_size: int | Sequence[int] | None = None,
        alignment_history: bool = False,
        cell_input_fn: Callable[[Nest, Tensor], Nest] | None = None,
        output_attention: bool = True,
        initial_cell_state: Nest = None,
        name: str | None = None,
        attention_layer: Any = None,
        attention_fn: Callable[..., tuple[Tensor, Tensor, Nest]] | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        assert_like_rnncell("cell", cell)
        if cell_input_fn is not None and not callable(cell_input_fn):
            raise TypeError(
                f"cell_input_fn must be callable, saw type: {type(cell_input_fn).__name__}"
            )
        if attention_layer_size is not None and attention_layer is not None:
            raise ValueError("Only one of attention_layer_size and attention_layer should be set")
        self._is_multi = isinstance(attention_mechanism, (list, tuple))
        self._attention_mechanisms = _mechanisms(attention_mechanism)
        self._cell = cell
        self._cell_input_fn = cell_input_fn or _joined
        self._output_attention = output_attention
        self._alignment_history = alignment_history
        self._attention_fn = attention_fn
        self._attention_layers = self._layers_of_attention(attention_layer_size, attention_layer)
        self._attention_layer_size = self._depth_of_attention()
        self._initial_cell_state = None
        if initial_cell_state is not None:
            with tf.name_scope(name, "AttentionWrapperInit"):
                rows = size_of_axis(tf.nest.flatten(initial_cell_state)[-1], 0)
                self._initial_cell_state = self._with_batch_checks(
                    initial_cell_state,
                    rows,
                    f"When constructing AttentionWrapper {self._base_name}",
                    "initial_cell_state. For BeamSearchDecoder both are tiled by tile_batch.",
                )
        self._keep_track(cell, "cell")
        for i, layer in enumerate(self._attention_layers or ()):
            self._keep_track(layer, f"attention_layer-{i}")

    def _layers_of_attention(self, sizes: Any, layers: Any) -> tuple[Any, ...] | None:
        """The attention layers, one for each mechanism, or None."""
        if sizes is None and layers is None:
            return None
        argument = "attention_layer" if sizes is None else "attention_layer_size"
        given = layers if sizes is None else sizes
        given = tuple(given) if isinstance(given, (list, tuple)) else (given,)
        if len(given) != len(self._attention_mechanisms):
            raise ValueError(
                f"If provided, {argument} must contain exactly one item per attention_mechanism, "
                f"saw: {len(given)} vs {len(self._attention_mechanisms)}"
            )
        if sizes is None:
            return given
        pairs = zip(given, self._attention_mechanisms, strict=True)
        return tuple(
            Dense(size, "attention_layer", getattr(one, "dtype", None)) for size, one in pairs
        )

    def _depth_of_attention(self) -> int:
        """Depth of the attention, of all mechanisms together."""
        depths = [m.values.shape.as_list()[-1] for m in self._attention_mechanisms]
        if self._attention_layers is None:
            return sum(depths)
        query = shape_of_size(self._cell.output_size).as_list()[-1]
        shapes = [
            tf.TensorShape(layer.compute_output_shape([None, query + depth]))
            for layer, depth in zip(self._attention_layers, depths, strict=True)
        ]
        return sum(shape.as_list()[-1] for shape in shapes)

    def _inner_cells(self) -> list[Any]:
        return [self._cell, *(self._attention_layers or ())]

    def _batch_size_checks(self, batch_size: Dimension, error_message: str) -> list[tf.Operation]:
        """Assertions that each memory has so many rows."""
        return [
            tf.debugging.assert_equal(batch_size, mechanism.batch_size, message=error_message)
            for mechanism in self._attention_mechanisms
        ]

    def _with_batch_checks(self, nest: Nest, batch_size: Dimension, when: str, what: str) -> Nest:
        """The nest, whose tensors check when run that the memories have as many rows."""
        message = f"{when}: Non-matching batch sizes between the memory (encoder output) and {what}"
        with tf.control_dependencies(self._batch_size_checks(batch_size, message)):
            return tf.nest.map_structure(
                lambda x: x if isinstance(x, tf.TensorArray) else tf.identity(x, name="checked"),
                nest,
            )

    def _item_or_tuple(self, seq: Iterable[Any]) -> Any:
        """A tuple where a list of mechanisms was given, else the one item."""
        items = tuple(seq)
        return items if self._is_multi else items[0]

    @property
    def output_size(self) -> Sizes:
        """Depth of the attention, or the cell's output size."""
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        """Sizes of the state; that of a memory whose length is not known is a scalar tensor."""
        sizes = [one.alignments_size for one in self._attention_mechanisms]
        states = [one.state_size for one in self._attention_mechanisms]
        history = sizes if self._alignment_history else [()] * len(sizes)
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            attention=self._attention_layer_size,
            time=tf.TensorShape([]),
            alignments=self._item_or_tuple(sizes),
            alignment_history=self._item_or_tuple(history),
            attention_state=self._item_or_tuple(states),
        )

    def zero_state(self, batch_size: Dimension, dtype: DType) -> AttentionWrapperState:
        """The state before the first step: zeros, or `initial_cell_state`, and no attention.

        Args:
          batch_size: as many as the memories have rows, which is checked.
          dtype: dtype of the state.
        """
        if not tf.is_tensor(batch_size):
            batch_size = tf.compat.dimension_value(batch_size)
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = zero_state(self._cell, batch_size, dtype)
            cell_state = self._with_batch_checks(
                cell_state,
                batch_size,
                f"When calling zero_state of AttentionWrapper {self._base_name}",
                "the requested batch size. BeamSearchDecoder needs a memory tiled by tile_batch, "
                "and batch_size * beam_width here.",
            )
            alignments = [
                m.initial_alignments(batch_size, dtype) for m in self._attention_mechanisms
            ]
            states = [m.initial_state(batch_size, dtype) for m in self._attention_mechanisms]
            return AttentionWrapperState(
                cell_state=cell_state,
                attention=zeros(batch_size, self._attention_layer_size, dtype),
                time=tf.zeros([], tf.int32),
                alignments=self._item_or_tuple(alignments),
                alignment_history=self._item_or_tuple(map(self._history_of, alignments)),
                attention_state=self._item_or_tuple(states),
            )

    def _history_of(self, alignments: Tensor) -> Any:
        if not self._alignment_history:
            return ()
        return tf.TensorArray(
            alignments.dtype, size=0, dynamic_size=True, element_shape=alignments.shape
        )

    def call(
        self, inputs: Nest, state: AttentionWrapperState
    ) -> tuple[Tensor, AttentionWrapperState]:
        """Computes one step of the cell and reads each memory.

        Raises:
          TypeError: `state` is no `AttentionWrapperState`.
        """
        if not isinstance(state, AttentionWrapperState):
            raise TypeError(
                "Expected state to be instance of AttentionWrapperState. "
                f"Received type {type(state)} instead."
            )
        cell_inputs = self._cell_input_fn(inputs, state.attention)
        output, cell_state = self._cell(cell_inputs, state.cell_state)
        output = self._with_batch_checks(
            output,
            size_of_axis(output, 0),
            f"When applying AttentionWrapper {self.name}",
            "the query (decoder output). For BeamSearchDecoder the memory is tiled by tile_batch.",
        )
        read = [self._read_memory(i, output, state) for i in range(len(self._attention_mechanisms))]
        attentions, alignments, attention_states, histories = zip(*read, strict=True)
        attention = tf.concat(attentions, 1)
        next_state = AttentionWrapperState(
            cell_state=cell_state,
            attention=attention,
            time=state.time + 1,
            alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(histories),
            attention_state=self._item_or_tuple(attention_states),
        )
        return attention if self._output_attention else output, next_state

    def _read_memory(
        self, i: int, query: Tensor, state: AttentionWrapperState
    ) -> tuple[Tensor, Tensor, Nest, Any]:
        """Attention, alignments, next state and history of one mechanism."""
        attention_state, history = state.attention_state, state.alignment_history
        if self._is_multi:
            attention_state, history = attention_state[i], history[i]
        layer = self._attention_layers[i] if self._attention_layers else None
        mechanism = self._attention_mechanisms[i]
        attention_fn = self._attention_fn or _compute_attention
        attention, alignments, next_state = attention_fn(mechanism, query, attention_state, layer)
        if self._alignment_history:
            history = history.write(state.time, alignments)
        return attention, alignments, next_state, history if self._alignment_history else ()


def _mechanisms(given: Any) -> tuple[Any, ...]:
    """The mechanisms as a tuple. Raises TypeError where one is none."""
    many = isinstance(given, (list, tuple))
    for one in given if many else (given,):
        if not isinstance(one, AttentionMechanism):
            wanted = (
                "contain only instances of AttentionMechanism"
                if many
                else "be an AttentionMechanism or list of multiple AttentionMechanism instances"
            )
            raise TypeError(f"attention_mechanism must {wanted}, saw type: {type(one).__name__}")
    return tuple(given) if many else (given,)
