"""Grid LSTMs: one LSTM in time and one along the frequencies of the inputs."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.cells import known_depth
from tf1rnn.contrib.rnn.coupled import add_parts, joined_parts
from tf1rnn.contrib.rnn.time_frequency import clipped, cut_windows
from tf1rnn.nests import known_batch_size
from tf1rnn.rnn_cell import RNNCell
from tf1rnn.types import Dimension, Initializer, Nest, Reuse, Shape, Sizes, Tensor


class _Maps(NamedTuple):
    """The weights of one of a block's two LSTMs."""

    kernel: Any
    bias: Any
    peepholes: dict[str, tuple[Any, Any]]  # gate -> the weights of c along frequency and time


class _Step(NamedTuple):
    """c and h of an LSTM after a window."""

    c: Tensor
    h: Tensor


class GridLSTMCell(RNNCell):
    """Two LSTMs at every window of the inputs' frequencies: one in time, one along the windows.

    Kalchbrenner, Danihelka and Graves 2015 (arXiv 1507.01526); peepholes of Sainath and Li 2016.
    Both see the window, its h of the time step before, and the h of the window before. The output
    is, for each window, h in time and h along the frequencies.

    Variables of block n: `W_f_n_0`, `B_f_n` along the frequencies, `W_t_n_0`, `B_t_n` in time, and
    `W_F_diag_freqf_n`, `W_F_diag_freqt_n`, the same of `W_I` and `W_O`, and of `timef`, `timet`.

    Args:
      num_units: size of c and of h of a window.
      use_peepholes: whether the gates see both c.
      share_time_frequency_weights: whether both LSTMs have the same weights.
      cell_clip: both c' are clipped to ±cell_clip.
      initializer: initializer of the kernels; by default that of the variable scope.
      num_unit_shards: in how many variables each kernel is kept.
      forget_bias: is added to the forget gates.
      feature_size: size of a window.
      frequency_skip: from one window to the next.
      num_frequency_blocks: list with the number of windows of each block. Needed.
      start_freqindex_list, end_freqindex_list: where in the inputs each block begins and ends;
        without them one block is the whole.
      couple_input_forget_gates: whether a forget gate is what the input gate leaves.
      state_is_tuple: False carries the state as one tensor, c and h of each window side by side.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.

    Raises:
      ValueError: no `num_frequency_blocks`; when called, one that does not fit the inputs.
    """

    def __init__(
        self,
        num_units: Dimension,
        use_peepholes: bool = False,
        share_time_frequency_weights: bool = False,
        cell_clip: float | None = None,
        initializer: Initializer | None = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int | None = None,
        num_frequency_blocks: Sequence[int] | None = None,
        start_freqindex_list: Sequence[int] | None = None,
        end_freqindex_list: Sequence[int] | None = None,
        couple_input_forget_gates: bool = False,
        state_is_tuple: bool = True,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        if num_frequency_blocks is None:
            raise ValueError("Must specify num_frequency_blocks")
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._share_weights = share_time_frequency_weights
        self._cell_clip = cell_clip
        self._initializer = initializer
        self._num_unit_shards = num_unit_shards
        self._forget_bias = forget_bias
        self._feature_size = feature_size
        self._frequency_skip = frequency_skip
        self._blocks = [int(windows) for windows in num_frequency_blocks]
        self._starts = list(start_freqindex_list or [])
        self._ends = list(end_freqindex_list or [])
        self._gate_names = "ijo" if couple_input_forget_gates else "ijfo"
        self._state_is_tuple = state_is_tuple
        self._state_tuple_type: Any = None
        if state_is_tuple:
            self._state_tuple_type = state_type("GridLSTMStateTuple", ["state"], self._blocks)

    @property
    def state_tuple_type(self) -> Any:
        """The named tuple of the state, with `state_f00_b00_c`, `state_f00_b00_m` … for fields."""
        return self._state_tuple_type

    @property
    def state_size(self) -> Sizes:
        """`state_tuple_type` of `num_units`, or their sum when the state is one tensor."""
        sizes = [self._num_units] * (2 * sum(self._blocks))
        return self._state_tuple_type(*sizes) if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Dimension:
        """`2 * num_units` for each window."""
        return 2 * self._num_units * sum(self._blocks)

    def build(self, inputs_shape: Shape) -> None:
        """Makes the weights of all blocks."""
        self._maps = {"": self._add_blocks("")}
        self.built = True

    def _add_blocks(self, scope: str) -> list[tuple[_Maps, _Maps]]:
        return [self._add_block(scope, block) for block in range(len(self._blocks))]

    def _add_block(self, scope: str, block: int) -> tuple[_Maps, _Maps]:
        """The weights along the frequencies and in time of a block, in a scope."""
        along = self._add_maps(scope, "f", block)
        in_time = along if self._share_weights else self._add_maps(scope, "t", block)
        peepholes = [self._add_peepholes(scope, "freq", block)]
        if not self._share_weights:
            peepholes.append(self._add_peepholes(scope, "time", block))
        return along._replace(peepholes=peepholes[0]), in_time._replace(peepholes=peepholes[-1])

    def _add_maps(self, scope: str, kind: str, block: int) -> _Maps:
        units, width = self._num_units, len(self._gate_names) * self._num_units
        rows = (self._feature_size or 0) + 2 * units
        name = f"{scope}W_{kind}_{block}"
        parts = add_parts(self, name, rows, width, self._num_unit_shards, self._initializer)
        zeros = tf.zeros_initializer()
        bias = self.add_variable(f"{scope}B_{kind}_{block}", [width], initializer=zeros)
        return _Maps(parts, bias, {})

    def _add_peepholes(self, scope: str, kind: str, block: int) -> dict[str, tuple[Any, Any]]:
        gates = [gate for gate in "fio" if gate in self._gate_names and self._use_peepholes]
        return {
            gate: tuple(
                self.add_variable(
                    f"{scope}W_{gate.upper()}_diag_{kind}{axis}_{block}",
                    [self._num_units],
                    initializer=self._initializer,
                )
                for axis in "ft"
            )
            for gate in gates
        }

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> the output and the next state."""
        before = list(state) if self._state_is_tuple else self._parts_of(state)
        outputs, after = self._walk(self._windows(inputs), before, self._maps[""])
        output = tf.concat(outputs, axis=1)
        if self._state_is_tuple:
            return output, self._state_tuple_type(*after)
        return output, tf.concat(after, axis=1)

    def _parts_of(self, state: Tensor) -> list[Tensor]:
        return tf.split(state, 2 * sum(self._blocks), axis=1)

    def _walk(
        self,
        blocks: list[list[Tensor]],
        state: list[Tensor],
        maps: list[tuple[_Maps, _Maps]],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Walks along the windows of all blocks; returns the h of both LSTMs and the new state."""
        outputs: list[Tensor] = []
        after: list[Tensor] = []
        for windows, weights in zip(blocks, maps, strict=True):
            zeros = tf.zeros([known_batch_size(windows, 0), self._num_units], windows[0].dtype)
            along = _Step(zeros, zeros)
            for window in windows:
                in_time = _Step(*state[len(after) : len(after) + 2])
                along, in_time = self._window(window, along, in_time, *weights)
                outputs += [in_time.h, along.h]
                after += in_time
        return outputs, after

    def _window(
        self, window: Tensor, along: _Step, in_time: _Step, map_along: _Maps, map_in_time: _Maps
    ) -> tuple[_Step, _Step]:
        """Both LSTMs at one window."""
        seen = tf.concat([window, in_time.h, along.h], axis=1)
        before = along.c, in_time.c
        gates = [self._gates(seen, before, maps) for maps in (map_along, map_in_time)]
        after = [
            clipped(g["f"] * c + g["i"] * tf.tanh(g["j"]), self._cell_clip)
            for g, c in zip(gates, before, strict=True)
        ]
        steps = []
        for g, c, maps in zip(gates, after, (map_along, map_in_time), strict=True):
            o = tf.sigmoid(g["o"] + seen_by(maps.peepholes.get("o"), after))
            steps.append(_Step(c, o * tf.tanh(c)))
        return steps[0], steps[1]

    def _gates(self, seen: Tensor, before: Sequence[Tensor], maps: _Maps) -> dict[str, Tensor]:
        """The gates i and f, and j and o before their functions."""
        product = tf.nn.bias_add(tf.matmul(seen, joined_parts(maps.kernel)), maps.bias)
        parts = tf.split(product, len(self._gate_names), axis=1)
        gates = dict(zip(self._gate_names, parts, strict=True))
        gates["i"] = tf.sigmoid(gates["i"] + seen_by(maps.peepholes.get("i"), before))
        if "f" in gates:
            f = gates["f"] + self._forget_bias
            gates["f"] = tf.sigmoid(f + seen_by(maps.peepholes.get("f"), before))
        else:
            gates["f"] = 1.0 - gates["i"]
        return gates

    def _windows(self, inputs: Tensor, offset: int = 0) -> list[list[Tensor]]:
        """The windows of each block, moved by an offset, with zeros where there are no inputs."""
        depth = known_depth(inputs.shape)
        starts, ends = self._starts or [0], self._ends or [depth]
        if not len(starts) == len(ends) == len(self._blocks):
            raise ValueError(
                f"num_frequency_blocks {self._blocks} needs as many blocks: from {starts} to {ends}"
            )
        inputs = tf.pad(inputs, [[0, 0], [max(0, -offset), max(0, offset)]])
        moved = max(0, offset)
        blocks = [
            cut_windows(
                inputs[:, start + moved : end + moved], self._feature_size, self._frequency_skip
            )
            for start, end in zip(starts, ends, strict=True)
        ]
        for windows, wanted in zip(blocks, self._blocks, strict=True):
            if len(windows) != wanted:
                raise ValueError(
                    f"Invalid num_frequency_blocks, requires {wanted} but gets {len(windows)}, "
                    "please check the input size and filter config are correct."
                )
        return blocks


class BidirectionalGridLSTMCell(GridLSTMCell):
    """A `GridLSTMCell` that walks the windows in both directions, with weights for each.

    The variables are those of `GridLSTMCell` in the scopes `fwd` and `bwd`.

    Args:
      num_units … couple_input_forget_gates, reuse: as in `GridLSTMCell`.
      backward_slice_offset: how far the windows of the way back are moved.
    """

    def __init__(
        self,
        num_units: Dimension,
        use_peepholes: bool = False,
        share_time_frequency_weights: bool = False,
        cell_clip: float | None = None,
        initializer: Initializer | None = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int | None = None,
        num_frequency_blocks: Sequence[int] | None = None,
        start_freqindex_list: Sequence[int] | None = None,
        end_freqindex_list: Sequence[int] | None = None,
        couple_input_forget_gates: bool = False,
        backward_slice_offset: int = 0,
        reuse: Reuse = None,
    ) -> None:
        super().__init__(
            num_units,
            use_peepholes,
            share_time_frequency_weights,
            cell_clip,
            initializer,
            num_unit_shards,
            forget_bias,
            feature_size,
            frequency_skip,
            num_frequency_blocks,
            start_freqindex_list,
            end_freqindex_list,
            couple_input_forget_gates,
            True,
            reuse,
        )
        self._offset = int(backward_slice_offset)
        self._state_tuple_type = state_type(
            "BidirectionalGridLSTMStateTuple", ["fwd_state", "bwd_state"], self._blocks
        )

    @property
    def state_size(self) -> Sizes:
        """`state_tuple_type` of `num_units`."""
        return self._state_tuple_type(*[self._num_units] * (4 * sum(self._blocks)))

    @property
    def output_size(self) -> Dimension:
        """`4 * num_units` for each window."""
        return 2 * super().output_size

    def build(self, inputs_shape: Shape) -> None:
        """Makes the weights of all blocks, for both directions."""
        self._maps = {way: self._add_blocks(f"{way}/") for way in ("fwd", "bwd")}
        self.built = True

    def call(self, inputs: Tensor, state: Nest) -> tuple[Tensor, Nest]:
        """`[batch_size, depth]` and the state -> the output and the next state."""
        middle = len(state) // 2
        back = [windows[::-1] for windows in self._windows(inputs, self._offset)]
        outputs, after = self._walk(self._windows(inputs), list(state[:middle]), self._maps["fwd"])
        outputs_back, after_back = self._walk(back, list(state[middle:]), self._maps["bwd"])
        output = tf.concat([*outputs, *outputs_back], axis=1)
        return output, self._state_tuple_type(*after, *after_back)


def state_type(name: str, prefixes: list[str], blocks: list[int]) -> Any:
    """The named tuple with c and m of each window of each block, for each prefix."""
    return collections.namedtuple(
        name,
        [
            f"{prefix}_f{window:02d}_b{block:02d}_{part}"
            for prefix in prefixes
            for block, windows in enumerate(blocks)
            for window in range(windows)
            for part in "cm"
        ],
    )


def seen_by(peepholes: tuple[Any, Any] | None, cs: Sequence[Tensor]) -> Any:
    """What a gate sees of the two c through its peepholes; 0 without peepholes."""
    if peepholes is None:
        return 0.0
    return peepholes[0] * cs[0] + peepholes[1] * cs[1]
