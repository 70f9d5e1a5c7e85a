"""The LSTM cells of `tensorflow.models.rnn` (0.5 to 0.9), whose state was one tensor by default.

A program of those years writes `state = tf.zeros([batch_size, lstm.state_size])`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tf1rnn
from tf1rnn.contrib.rnn import early
from tf1rnn.types import Cell


class BasicLSTMCell(early.BasicLSTMCell):
    """`BasicLSTMCell(num_units, forget_bias, input_size, state_is_tuple=False)`."""

    def __init__(self, num_units: int, *args: Any, **kwargs: Any) -> None:
        if len(args) < 3:
            kwargs.setdefault("state_is_tuple", False)
        super().__init__(num_units, *args, **kwargs)


class LSTMCell(early.LSTMCell):
    """`LSTMCell(num_units, input_size, use_peepholes, ..., state_is_tuple=False)`."""

    def __init__(self, num_units: int, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("state_is_tuple", False)
        super().__init__(num_units, *args, **kwargs)


class MultiRNNCell(tf1rnn.MultiRNNCell):
    """`MultiRNNCell(cells, state_is_tuple=False)`."""

    def __init__(self, cells: Sequence[Cell], state_is_tuple: bool = False) -> None:
        super().__init__(cells, state_is_tuple)
