"""The block cells: an LSTM and a GRU that were one operation a step in TensorFlow 1.

Here their steps are those of `LSTMCell` and `GRUCell`, which have the same formulas and gate order,
and whole sequences go the same fast way. (TensorFlow still has the operations of one step, but no
gradients for them.)
"""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1rnn.cells import GRUCell, known_depth
from tf1rnn.lstm import LSTMCell
from tf1rnn.types import Dimension, DType, Reuse, Shape


class LSTMBlockCell(LSTMCell):
    """Long short-term memory with optional peepholes and clipping; see `LSTMCell`.

    Zaremba et al. 2014 (arXiv 1409.2329). Variables: `kernel` `[depth + num_units, 4 * num_units]`
    with the gates in the order i, j, f, o, `bias` `[4 * num_units]`; with peepholes `w_i_diag`,
    `w_f_diag`, `w_o_diag` `[num_units]`.

    Args:
      num_units: size of c and of h.
      forget_bias: is added to the forget gate.
      cell_clip: c' is clipped to ±cell_clip; None, 0 or less for no clip. (A bool at this place is
        `use_peephole`, as before 1.2.)
      use_peephole: whether the gates see c.
      dtype: dtype of the variables; by default that of the inputs.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      name: name of the cell's variable scope, that of `LSTMCell` by default.
      use_compatible_names: not used: the names are the compatible ones.
    """

    def __init__(
        self,
        num_units: Dimension,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        dtype: DType | None = None,
        reuse: Reuse = None,
        name: str = "lstm_cell",
        *,
        use_compatible_names: bool = True,
    ) -> None:
        if isinstance(cell_clip, bool):
            cell_clip, use_peephole = None, cell_clip
        super().__init__(
            num_units,
            use_peepholes=use_peephole,
            cell_clip=cell_clip if cell_clip and cell_clip > 0 else None,
            forget_bias=forget_bias,
            dtype=dtype,
            reuse=reuse,
            name=name,
        )

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernel, the bias and the peepholes."""
        units = self._num_units
        self._kernel = self._add_kernel("kernel", [known_depth(inputs_shape) + units, 4 * units])
        self._bias = self._add_bias("bias", 4 * units)
        if self._use_peepholes:
            self._w_i_diag, self._w_f_diag, self._w_o_diag = (
                self._add_kernel(f"w_{gate}_diag", [units]) for gate in "ifo"
            )
        self.built = True


class GRUBlockCell(GRUCell):
    """The gated recurrent unit; see `GRUCell`, whose formulas it has.

    Variables: `w_ru` and `b_ru` of the gates, `w_c` and `b_c` of the candidate.

    Args:
      num_units: size of the state and of the output.
      cell_size: the older name of `num_units`.
      reuse: True or `tf.AUTO_REUSE` to use variables that exist already.
      name: name of the cell's variable scope.

    Raises:
      ValueError: neither `num_units` nor `cell_size`, or both.
    """

    def __init__(
        self,
        num_units: Dimension | None = None,
        cell_size: Dimension | None = None,
        reuse: Reuse = None,
        name: str = "gru_cell",
    ) -> None:
        if (num_units is None) == (cell_size is None):
            raise ValueError("Exactly one of num_units or cell_size must be provided.")
        super().__init__(cell_size if num_units is None else num_units, reuse=reuse, name=name)

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernels and biases of the gates and of the candidate."""
        units, rows = self._num_units, known_depth(inputs_shape) + self._num_units
        self._gate_kernel = self._add_kernel("w_ru", [rows, 2 * units])
        self._gate_bias = self._add_bias("b_ru", 2 * units, tf.ones_initializer())
        self._candidate_kernel = self._add_kernel("w_c", [rows, units])
        self._candidate_bias = self._add_bias("b_c", units)
        self.built = True


class GRUBlockCellV2(GRUBlockCell):
    """`GRUBlockCell` with the variable names of `GRUCell`.

    Args:
      num_units, cell_size, reuse, name: as in `GRUBlockCell`.
    """

    def build(self, inputs_shape: Shape) -> None:
        """Makes the kernels and biases of the gates and of the candidate."""
        GRUCell.build(self, inputs_shape)
