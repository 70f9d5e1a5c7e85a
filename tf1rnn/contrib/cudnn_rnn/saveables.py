"""Has both kinds of checkpoints hold an opaque vector as the variables of cells."""

from __future__ import annotations

from typing import Any

import tensorflow
import tensorflow.compat.v1 as tf

from tf1rnn.contrib.cudnn_rnn.modes import (
    CUDNN_GRU,
    CUDNN_INPUT_LINEAR_MODE,
    CUDNN_LSTM,
    CUDNN_RNN_RELU,
    CUDNN_RNN_TANH,
    CUDNN_RNN_UNIDIRECTION,
)
from tf1rnn.contrib.cudnn_rnn.params import CONVERTERS, CudnnParamsFormatConverter
from tf1rnn.types import Scope, Tensor

_CELL_NAMES = {
    CUDNN_LSTM: "cudnn_compatible_lstm_cell",
    CUDNN_GRU: "cudnn_compatible_gru_cell",
    CUDNN_RNN_TANH: "basic_rnn_cell",
    CUDNN_RNN_RELU: "basic_rnn_cell",
}
_PARTS_OF_A_CELL = {
    CUDNN_GRU: ("gates/", "candidate/input_projection/", "candidate/hidden_projection/")
}


def canonical_names(rnn_mode: str, num_layers: int, direction: str, scope: str = "") -> list[str]:
    """The names of the cells' variables in checkpoints: all kernels, then all biases.

    Args:
      rnn_mode, num_layers, direction: of the network.
      scope: name of the scope that they stand in.
    """
    cell = _CELL_NAMES[rnn_mode]
    if direction == CUDNN_RNN_UNIDIRECTION:
        cells = [f"rnn/multi_rnn_cell/cell_{n}/{cell}" for n in range(num_layers)]
    else:
        cells = [
            f"stack_bidirectional_rnn/cell_{n}/bidirectional_rnn/{way}/{cell}"
            for n in range(num_layers)
            for way in ("fw", "bw")
        ]
    prefix = f"{scope}/" if scope else ""
    return [
        f"{prefix}{one}/{part}{kind}"
        for kind in ("kernel", "bias")
        for one in cells
        for part in _PARTS_OF_A_CELL.get(rnn_mode, ("",))
    ]


class _CanonicalParams(tensorflow.__internal__.tracking.Trackable):
    """What is saved in place of an opaque variable: tensors by name, made of it."""

    def __init__(
        self, variable: tf.Variable, converter: CudnnParamsFormatConverter, names: list[str]
    ) -> None:
        self._variable = variable
        self._converter = converter
        self._names = names
        self._arrived: dict[str, Tensor] = {}
        self._made: tuple[tf.Graph | None, dict[str, Tensor]] = (None, {})

    def _serialize_to_tensors(self) -> dict[str, Tensor]:
        graph = None if tf.executing_eagerly() else tf.get_default_graph()
        if graph is None or self._made[0] is not graph:
            kernels, biases = self._converter.opaque_to_tf_canonical(self._variable)
            self._made = graph, dict(zip(self._names, [*kernels, *biases], strict=True))
        return self._made[1]

    def _restore_from_tensors(self, restored: dict[str, Tensor]) -> tf.Operation:
        tensors = [restored[name] for name in self._names]
        opaque = self._converter.tf_canonical_to_opaque(tensors)
        return tf.group(tf.assign(self._variable, opaque))

    def restore_one(self, name: str, tensor: Tensor) -> tf.Operation:
        """Sets the opaque variable once all tensors are there."""
        self._arrived[name] = tensor
        if len(self._arrived) < len(self._names):
            return tf.no_op()
        arrived, self._arrived = self._arrived, {}
        return self._restore_from_tensors(arrived)


class _CellVariable(tensorflow.__internal__.tracking.Trackable):
    """One of these tensors, which `tf.train.Checkpoint` takes for a variable of a cell."""

    def __init__(self, params: _CanonicalParams, name: str) -> None:
        self._params = params
        self._name = name

    def _serialize_to_tensors(self) -> dict[str, Tensor]:
        return {_VALUE: self._params._serialize_to_tensors()[self._name]}

    def _restore_from_tensors(self, restored: dict[str, Tensor]) -> tf.Operation:
        return self._params.restore_one(self._name, restored[_VALUE])


_VALUE = "VARIABLE_VALUE"  # where an object's checkpoint has the value of a variable


def track_cells(
    layer: Any, variable: tf.Variable, converter: CudnnParamsFormatConverter, direction: str
) -> None:
    """Has `tf.train.Checkpoint` hold a layer as it holds a `MultiRNNCell` of compatible cells.

    The parts are `cell-0`, `cell-1` ..., for two directions the forward and the backward cell of
    each layer. A single one stands for itself, too.

    Args:
      layer: what has the parts.
      variable, converter, direction: its opaque variable, what converts it, and its direction.
    """
    rnn_mode, count = converter._rnn_mode, converter._num_layers
    names = canonical_names(rnn_mode, count, direction)
    params = _CanonicalParams(variable, converter, names)
    cells: dict[str, Any] = {}
    for name in names:
        path, _, part = name.partition(f"{_CELL_NAMES[rnn_mode]}/")
        cell = cells.setdefault(path, tensorflow.__internal__.tracking.Trackable())
        cell._track_trackable(_CellVariable(params, name), part)
    for number, cell in enumerate(cells.values()):
        layer._track_trackable(cell, f"cell-{number}")
    if len(cells) == 1:
        for part, one in cell._trackable_children().items():
            layer._track_trackable(one, part)


def _saveable(
    rnn_mode: str,
    opaque_params: tf.Variable,
    num_layers: int,
    num_units: int,
    input_size: int,
    input_mode: str,
    direction: str,
    scope: Scope,
    name: str,
) -> Any:
    converter = CONVERTERS[rnn_mode](num_layers, num_units, input_size, input_mode, direction)
    names = canonical_names(rnn_mode, num_layers, direction, getattr(scope, "name", scope) or "")
    params = _CanonicalParams(opaque_params, converter, names)
    tracking = tensorflow.__internal__.tracking
    (make,) = tracking.saveable_objects_from_trackable(params).values()
    saveable = make(name=name)
    for spec, one in zip(saveable.specs, names, strict=True):
        spec.name = one  # the slashes of the name would be escaped
    saveable.format_converter = converter
    saveable._variables = opaque_params
    return saveable


def _maker(rnn_mode: str, public_name: str) -> Any:
    def make(
        opaque_params: tf.Variable,
        num_layers: int,
        num_units: int,
        input_size: int,
        input_mode: str = CUDNN_INPUT_LINEAR_MODE,
        direction: str = CUDNN_RNN_UNIDIRECTION,
        scope: Scope = None,
        name: str = "cudnn_rnn_saveable",
    ) -> Any:
        """An object for `tf.GraphKeys.SAVEABLE_OBJECTS` that saves and restores opaque weights.

        Args:
          opaque_params: the opaque variable.
          num_layers, num_units, input_size, input_mode, direction: of the network.
          scope: scope or name of a scope, in which the names of the checkpoint stand.
          name: name of the object.
        """
        return _saveable(
            rnn_mode,
            opaque_params,
            num_layers,
            num_units,
            input_size,
            input_mode,
            direction,
            scope,
            name,
        )

    make.__name__ = make.__qualname__ = public_name
    return make


CudnnLSTMSaveable = _maker(CUDNN_LSTM, "CudnnLSTMSaveable")
CudnnGRUSaveable = _maker(CUDNN_GRU, "CudnnGRUSaveable")
CudnnRNNTanhSaveable = _maker(CUDNN_RNN_TANH, "CudnnRNNTanhSaveable")
CudnnRNNReluSaveable = _maker(CUDNN_RNN_RELU, "CudnnRNNReluSaveable")


def RNNParamsSaveable(
    cudnn_rnn: Any,
    params_to_canonical: Any,
    canonical_to_params: Any,
    param_variables: Any,
    base_variable_scope: str | None = None,
    name: str = "params_canonical",
) -> Any:
    """What these were up to TensorFlow 1.3, for a network whose weights the caller holds.

    Args:
      cudnn_rnn: the network, made with an input_size.
      params_to_canonical, canonical_to_params: its two methods.
      param_variables: the opaque variable, or a list of it.
      base_variable_scope: name of the scope in which the names of the checkpoint stand.
      name: name of the object.
    """
    (variable,) = tf.nest.flatten(param_variables)
    return _saveable(
        cudnn_rnn.rnn_mode,
        variable,
        cudnn_rnn.num_layers,
        cudnn_rnn.num_units,
        cudnn_rnn.input_size,
        cudnn_rnn.input_mode,
        cudnn_rnn.direction,
        base_variable_scope,
        name,
    )
