"""A trained language model as arrays, whatever it is to be written as."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

Cell: TypeAlias = Any  # a tf1rnn.RNNCell

EMBEDDING = "Model/embedding"
SOFTMAX_W, SOFTMAX_B = "Model/softmax/softmax_w", "Model/softmax/softmax_b"
_OF_A_LAYER = re.compile(r"Model/rnn/multi_rnn_cell/cell_(\d+)/\w+?_cell/(.+)")


@dataclass(frozen=True)
class Network:
    """A word language model: embedding, recurrent layers of one size, softmax.

    kind: of its cells: "rnn", "lstm", "lstm_peephole" or "gru".
    weights: its variables by name, float32; without SOFTMAX_W where the embedding is tied.
    make_cell: makes the layers as one cell. Its state is float32 `[batch_size, hidden_size]` for
        each layer and part: c and h, or the output alone.
    vocabulary: the words in the order of their ids. eos, unk: the ids of the words that end a line
        and that stand for unknown ones.
    forget_bias: what the cells add to their forget gates.
    """

    kind: str
    weights: Mapping[str, np.ndarray]
    make_cell: Callable[[], Cell]
    vocabulary: Sequence[str]
    eos: int
    unk: int
    forget_bias: float

    @property
    def state_shape(self) -> list[int]:
        """`[num_layers, state_parts, hidden_size]`; a layer's last part is its output."""
        parts = 2 if self.kind.startswith("lstm") else 1
        return [len(self.layers()), parts, self.weights[EMBEDDING].shape[1]]

    @property
    def is_tied(self) -> bool:
        """Whether the transposed embedding is the softmax's weights."""
        return SOFTMAX_W not in self.weights

    def layers(self) -> list[dict[str, np.ndarray]]:
        """Of each layer, from the input up, its cell's variables by their names in the cell."""
        found: dict[int, dict[str, np.ndarray]] = {}
        for name, array in self.weights.items():
            if match := _OF_A_LAYER.fullmatch(name):
                found.setdefault(int(match[1]), {})[match[2]] = array
        return [found[number] for number in sorted(found)]

    def with_eos_first(self) -> Network:
        """The same model with other ids: that of the end of a line is 0, the others move up."""
        order = [self.eos, *(i for i in range(len(self.vocabulary)) if i != self.eos)]
        weights = dict(self.weights)
        for name, axis in ((EMBEDDING, 0), (SOFTMAX_W, 1), (SOFTMAX_B, 0)):
            if name in weights:
                weights[name] = weights[name].take(order, axis)
        return replace(
            self,
            weights=weights,
            vocabulary=[self.vocabulary[i] for i in order],
            eos=0,
            unk=order.index(self.unk),
        )
