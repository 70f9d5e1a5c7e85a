"""The layers `CudnnLSTM`, `CudnnGRU`, `CudnnRNNTanh` and `CudnnRNNRelu`, on any device.

All weights of a layer are one variable, as on a GPU: scripts take `trainable_variables[0]` for it,
count, clip and decay it, and graphs restored from checkpoints have it. So that the weights are
readable too, a `tf.train.Saver` finds them in `tf.GraphKeys.SAVEABLE_OBJECTS` under the names of
the cells of `tf1rnn.contrib.cudnn_rnn`, as TensorFlow 1 saved them, and a `tf.train.Checkpoint`
finds those cells in the layer.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1rnn.contrib.cudnn_rnn import ops, saveables
from tf1rnn.contrib.cudnn_rnn.modes import (
    CUDNN_GRU,
    CUDNN_INPUT_LINEAR_MODE,
    CUDNN_LSTM,
    CUDNN_RNN_RELU,
    CUDNN_RNN_TANH,
    CUDNN_RNN_UNIDIRECTION,
    check_direction,
    check_input_mode,
)
from tf1rnn.contrib.cudnn_rnn.params import CONVERTERS, CudnnParamsFormatConverter
from tf1rnn.layer import Layer
from tf1rnn.types import DType, Initializer, Scope, Shape, Tensor


class _CudnnRNN(Layer):
    """A network of several recurrent layers in one or two directions; see `CudnnLSTM`."""

    _rnn_mode = ""
    _saveable_maker: Any = None
    _converter: CudnnParamsFormatConverter | None = None

    def __new__(cls, *given: Any, **named: Any) -> Any:
        """A layer; or, told by an input_size, the op that these names stood for before 1.4."""
        has_size = "input_size" in named or any(isinstance(one, int) for one in given[2:3])
        if has_size and cls.__module__ == __name__:  # a subclass's arguments are its own
            return ops.OPAQUE_RNNS[cls._rnn_mode](*given, **named)
        return super().__new__(cls)

    def __init__(
        self,
        num_layers: int,
        num_units: int,
        input_mode: str = CUDNN_INPUT_LINEAR_MODE,
        direction: str = CUDNN_RNN_UNIDIRECTION,
        dropout: float = 0.0,
        seed: int | None = None,
        dtype: DType = tf.float32,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        check_direction(direction)
        check_input_mode(input_mode)
        if not any(self._dtype is one for one in (tf.float16, tf.float32, tf.float64)):
            raise ValueError(f"Only support float16, float32, float64, provided {dtype}")
        self._num_layers = num_layers
        self._num_units = num_units
        self._input_mode = input_mode
        self._direction = direction
        self._dropout = dropout
        self._seed = seed
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer
        self._input_size: int | None = None
        self._saveable: Any = None

    @property
    def num_layers(self) -> int:
        """How many layers there are."""
        return self._num_layers

    @property
    def num_units(self) -> int:
        """How many units a layer has in each direction."""
        return self._num_units

    @property
    def input_mode(self) -> str:
        """How the inputs go into the first layer."""
        return self._input_mode

    @property
    def input_size(self) -> int:
        """Size of the inputs. Raises ValueError before they are known."""
        if self._input_size is None:
            raise ValueError("'input_size' is unknown since layer has not been built.")
        return self._input_size

    @property
    def rnn_mode(self) -> str:
        """The kind of network: "lstm", "gru", "rnn_tanh" or "rnn_relu"."""
        return self._rnn_mode

    @property
    def direction(self) -> str:
        """ "unidirectional" or "bidirectional"."""
        return self._direction

    @property
    def num_dirs(self) -> int:
        """In how many directions a layer goes."""
        return 1 if self._direction == CUDNN_RNN_UNIDIRECTION else 2

    @property
    def saveable(self) -> Any:
        """What stands in `tf.GraphKeys.SAVEABLE_OBJECTS`; None for a layer that reuses."""
        return self._saveable

    @property
    def canonical_weight_shapes(self) -> list[tuple[int, int]]:
        """Shapes of the matrices. Raises RuntimeError before the inputs' size is known."""
        return self._known_converter("canonical_weight_shapes").weight_shapes()

    @property
    def canonical_bias_shapes(self) -> list[list[int]]:
        """Shapes of the biases. Raises RuntimeError before the inputs' size is known."""
        return self._known_converter("canonical_bias_shapes").bias_shapes()

    def state_shape(self, batch_size: Any) -> tuple[list[Any], ...]:
        """The shape of each part of the state: h, and for an LSTM c."""
        parts = 2 if self._rnn_mode == CUDNN_LSTM else 1
        return ([self._num_layers * self.num_dirs, batch_size, self._num_units],) * parts

    def build(self, input_shape: Shape) -> None:
        """Makes the variable.

        Args:
          input_shape: `[num_steps, batch_size, input_size]`, of which the last must be known.

        Raises:
          ValueError: another number of dimensions, or the last one is not known.
          NotImplementedError: the inputs would have no weights.
        """
        if self.built:
            return
        shape = tf.TensorShape(input_shape)
        if shape.rank != 3:
            raise ValueError(f"Expecting input_shape with 3 dims, got {shape.rank}")
        self._input_size = shape.as_list()[2]
        if self._input_size is None:
            raise ValueError(
                "The last dimension of the inputs to `CudnnRNN` should be defined. Found `None`."
            )
        self._converter = CONVERTERS[self._rnn_mode](
            self._num_layers, self._num_units, self._input_size, self._input_mode, self._direction
        )
        size = self._converter.params_size()
        self.kernel = self.add_weight(
            "opaque_kernel",
            [size],
            initializer=self._initial_params,
            use_resource=tf.resource_variables_enabled(),  # scripts of TensorFlow 1 feed it
        )
        if tf.get_variable_scope().reuse is not True:  # AUTO_REUSE may have made it anew
            self._create_saveable()
        saveables.track_cells(self, self.kernel, self._converter, self._direction)
        self.built = True

    def _keep_track(self, part: Any, name: str) -> None:
        """Nothing: checkpoints of objects hold the cells' variables, not the opaque one."""

    def __call__(
        self, inputs: Tensor, *args: Any, scope: Scope = None, **kwargs: Any
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Runs the network.

        Args:
          inputs: `[num_steps, batch_size, input_size]`.
          args, kwargs: as in `call`.
          scope: name or scope of the variable, in place of the layer's name, when it is not made
            yet.

        Raises:
          ValueError: as `build`.
        """
        inputs = tf.convert_to_tensor(inputs, dtype=self._dtype)
        with self.cell_scope(inputs, scope):
            result = self.call(inputs, *args, **kwargs)
        self._called = True
        return result

    def call(
        self,
        inputs: Tensor,
        initial_state: tuple[Tensor, ...] | None = None,
        sequence_lengths: Tensor | None = None,
        time_major: bool = True,
        training: bool = True,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Runs the network, within its scope, after `build`.

        Args:
          inputs: `[num_steps, batch_size, input_size]`.
          initial_state: tuple of h, and for an LSTM c, each `[num_layers * num_dirs, batch_size,
            num_units]`; zeros by default.
          sequence_lengths: int `[batch_size]`, or None where all rows are whole.
          time_major: False has batch and time, or layers, change places in inputs, outputs and
            states.
          training: whether there is dropout.

        Returns:
          The outputs `[num_steps, batch_size, num_dirs * num_units]`, and the final state, as
          initial_state.

        Raises:
          TypeError: initial_state is no tuple.
        """
        if initial_state is not None and not isinstance(initial_state, tuple):
            raise TypeError(f"Invalid initial_state type: {initial_state}, expecting tuple.")
        if initial_state is None:
            initial_state = self._zero_state(inputs, time_major)
        return ops.run(
            self._known_converter("call"),
            self.kernel,
            inputs,
            initial_state,
            sequence_lengths,
            time_major,
            self._dropout if training else 0.0,
            self._seed,
        )

    def _zero_state(self, inputs: Tensor, time_major: bool) -> tuple[Tensor, ...]:
        batch_size = tf.shape(inputs)[1 if time_major else 0]
        shapes = self.state_shape(batch_size)
        if not time_major:
            shapes = tuple([batch_size, layers, units] for layers, _, units in shapes)
        return tuple(tf.zeros(shape, self._dtype) for shape in shapes)

    def _known_converter(self, asked: str) -> CudnnParamsFormatConverter:
        if self._converter is None:
            raise RuntimeError(f"{type(self).__name__}.{asked} invoked before input shape is known")
        return self._converter

    def _initial_params(self, shape: Shape, dtype: DType, partition_info: Any = None) -> Tensor:
        """The vector of initial matrices and biases."""
        of_matrix = self._kernel_initializer or tf.glorot_uniform_initializer(seed=self._seed)
        of_bias = self._bias_initializer or tf.zeros_initializer()
        weights = [of_matrix(one, dtype=dtype) for one in self.canonical_weight_shapes]
        biases = [of_bias(one, dtype=dtype) for one in self.canonical_bias_shapes]
        return self._known_converter("build")._cu_canonical_to_opaque(weights, biases)

    def _create_saveable(self) -> None:
        if self._saveable is not None:
            raise RuntimeError("Cudnn saveable already created.")
        self._saveable = type(self)._saveable_maker(
            self.kernel,
            self._num_layers,
            self._num_units,
            self._input_size,
            self._input_mode,
            self._direction,
            scope=tf.get_variable_scope(),
            name=f"{self.kernel.name.partition(':')[0]}_saveable",
        )
        tf.add_to_collection(tf.GraphKeys.SAVEABLE_OBJECTS, self._saveable)


class CudnnLSTM(_CudnnRNN):
    """Layers of LSTM cells without a forget bias; see `CudnnCompatibleLSTMCell` for the formulas.

    The state is the pair (h, c), each `[num_layers * num_dirs, batch_size, num_units]`.

    Variable: `opaque_kernel`, a vector of all weights; see `params`.

    Args:
      num_layers, num_units: how many layers there are, and how many units each has.
      input_mode: "linear_input", or "auto_select" where that is the same.
      direction: "unidirectional" or "bidirectional".
      dropout: which share of the inputs of each layer but the first is dropped in training.
      seed: seed of the dropout and of the default initializer.
      dtype: float16, float32 or float64.
      kernel_initializer: initializer of each matrix `[num_units, size]`, Glorot's by default.
      bias_initializer: initializer of each bias `[num_units]`, zeros by default.
      name: name of the variable scope; by default the class name in snake case.

    Raises:
      ValueError: there is no such direction, input mode or dtype.
    """

    _rnn_mode = CUDNN_LSTM
    _saveable_maker = staticmethod(saveables.CudnnLSTMSaveable)


class CudnnGRU(_CudnnRNN):
    """Layers of GRU cells; see `CudnnCompatibleGRUCell` for the formulas.

    The state is the tuple (h,). Arguments, variable and errors are those of `CudnnLSTM`.
    """

    _rnn_mode = CUDNN_GRU
    _saveable_maker = staticmethod(saveables.CudnnGRUSaveable)


class CudnnRNNTanh(_CudnnRNN):
    """Layers of plain cells: output = state = tanh(inputs W + b + state R + b_r).

    The state is the tuple (h,). Arguments, variable and errors are those of `CudnnLSTM`.
    """

    _rnn_mode = CUDNN_RNN_TANH
    _saveable_maker = staticmethod(saveables.CudnnRNNTanhSaveable)


class CudnnRNNRelu(_CudnnRNN):
    """Layers of plain cells: output = state = relu(inputs W + b + state R + b_r).

    The state is the tuple (h,). Arguments, variable and errors are those of `CudnnLSTM`.
    """

    _rnn_mode = CUDNN_RNN_RELU
    _saveable_maker = staticmethod(saveables.CudnnRNNReluSaveable)
