"""The cells of `tensorflow.models.rnn` (0.5 to 0.8), with the arguments and members of those years.

The state of an LSTM was one tensor by default: such a program writes
`state = tf.zeros([batch_size, lstm.state_size])`. Each layer of a stack had weights of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tf1rnn
from tf1rnn.contrib.rnn.apart import apart
from tf1rnn.options import Activation
from tf1rnn.types import Cell, Initializer


class BasicRNNCell(tf1rnn.BasicRNNCell):
    """`tf1rnn.BasicRNNCell` with `input_size`, which has no effect but to be asked for."""

    def __init__(self, num_units: int, input_size: int | None = None, **options: Any) -> None:
        super().__init__(num_units, **options)
        self.input_size = input_size or num_units


class GRUCell(tf1rnn.GRUCell):
    """`tf1rnn.GRUCell` with `input_size`."""

    def __init__(self, num_units: int, input_size: int | None = None, **options: Any) -> None:
        super().__init__(num_units, **options)
        self.input_size = input_size or num_units


class BasicLSTMCell(tf1rnn.BasicLSTMCell):
    """`tf1rnn.BasicLSTMCell` with `input_size`; the state is one tensor by default."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        input_size: int | None = None,
        state_is_tuple: bool = False,
        activation: Activation | None = None,
        **options: Any,
    ) -> None:
        super().__init__(num_units, forget_bias, state_is_tuple, activation, **options)
        self.input_size = input_size or num_units


class LSTMCell(tf1rnn.LSTMCell):
    """`tf1rnn.LSTMCell` with `input_size`; the state is one tensor by default."""

    def __init__(
        self,
        num_units: int,
        input_size: int | None = None,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Initializer | None = None,
        num_proj: int | None = None,
        num_unit_shards: int = 1,
        num_proj_shards: int = 1,
        forget_bias: float = 1.0,
        state_is_tuple: bool = False,
        activation: Activation | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            num_units,
            use_peepholes,
            cell_clip,
            initializer,
            num_proj,
            num_unit_shards=num_unit_shards,
            num_proj_shards=num_proj_shards,
            forget_bias=forget_bias,
            state_is_tuple=state_is_tuple,
            activation=activation,
            **options,
        )
        self.input_size = input_size or num_units


class MultiRNNCell(tf1rnn.MultiRNNCell):
    """`tf1rnn.MultiRNNCell` of one tensor by default; a cell that stands twice is two."""

    def __init__(self, cells: Sequence[Cell], state_is_tuple: bool = False, **options: Any) -> None:
        super().__init__(apart(cells), state_is_tuple, **options)

    @property
    def input_size(self) -> Any:
        """That of the first layer."""
        return self._cells[0].input_size
