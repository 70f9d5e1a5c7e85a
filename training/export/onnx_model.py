"""A language model as an ONNX model, of the operators RNN, LSTM and GRU.

The operators are those of https://onnx.ai/onnx/operators: their gates are in another order than
TensorFlow 1's, their kernels lie transposed, input and recurrent rows apart, and each of the two
has a bias.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import UserError
from training.export.network import EMBEDDING, SOFTMAX_B, SOFTMAX_W, Network

OPSET, IR_VERSION = 17, 8  # of 2022, for runtimes that are not the newest
MOST_BYTES = 2**31 - 2**20  # that a file of Protocol Buffers holds, less the graph's own
Arrays = dict[str, np.ndarray]


def import_packages() -> tuple[Any, Any]:
    """The packages onnx and onnxruntime. UserError where one is not installed."""
    try:
        return importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    except ImportError as error:
        how = "pip install onnx onnxruntime"
        raise UserError(f"--format onnx needs {error.name}, not installed here: {how}") from None


def write(network: Network, path: Path) -> None:
    """Writes the model: the signature `serving_default` of the SavedModel, in float32.

    Raises:
        UserError: it is too large for such a file.
    """
    onnx, _ = import_packages()
    size = sum(array.nbytes for array in network.weights.values())
    if size > MOST_BYTES:
        raise UserError(f"{size:,} bytes of weights: an ONNX file holds {MOST_BYTES:,}")
    model = make_model(network)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def run(path: Path, input_data: np.ndarray, initial_state: np.ndarray) -> list[np.ndarray]:
    """What onnxruntime computes with the model in a file: log_probs and final_state."""
    _, onnxruntime = import_packages()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"input_data": input_data, "initial_state": initial_state})


def make_model(network: Network) -> Any:
    """The ModelProto."""
    onnx, _ = import_packages()
    return onnx.helper.make_model(
        _Graph(network).finish(),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tf1rnn",
    )


class _Graph:
    """Nodes and constants, one after the other."""

    def __init__(self, network: Network):
        self._onnx, _ = import_packages()
        self._network = network
        self._nodes: list[Any] = []
        self._constants: Arrays = {}

    def finish(self) -> Any:
        """The GraphProto."""
        self._add_network()
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        layers, parts, units = self._network.state_shape
        state = [layers, parts, "batch_size", units]
        words = ["batch_size", "num_steps"]
        info = helper.make_tensor_value_info
        return helper.make_graph(
            self._nodes,
            "language_model",
            [
                info("input_data", kinds.INT32, words),
                info("initial_state", kinds.FLOAT, state),
            ],
            [
                info("log_probs", kinds.FLOAT, [*words, len(self._network.vocabulary)]),
                info("final_state", kinds.FLOAT, state),
            ],
            [self._onnx.numpy_helper.from_array(a, name) for name, a in self._constants.items()],
        )

    def _add_network(self) -> None:
        """From the words up to their log probabilities, time-major as the operators are."""
        weights = self._network.weights
        embedding = self._constant("embedding", weights[EMBEDDING])
        self._add("Transpose", ["input_data"], ["steps"], perm=[1, 0])
        self._add("Gather", [embedding, "steps"], ["outputs"])
        layers = self._network.layers()
        for number, layer in enumerate(layers):
            self._add_layer(number, layer)
        states = [f"final_state_{number}" for number in range(len(layers))]
        self._add("Concat", states, ["final_state"], axis=0)

        softmax_w = self._softmax_w(embedding)
        softmax_b = self._constant("softmax_b", weights[SOFTMAX_B])
        self._add("MatMul", [f"outputs_{len(layers) - 1}", softmax_w], ["products"])
        self._add("Add", ["products", softmax_b], ["logits"])
        self._add("LogSoftmax", ["logits"], ["log_probs_of_steps"], axis=-1)
        self._add("Transpose", ["log_probs_of_steps"], ["log_probs"], perm=[1, 0, 2])

    def _softmax_w(self, embedding: str) -> str:
        if self._network.is_tied:
            self._add("Transpose", [embedding], ["softmax_w"], perm=[1, 0])
            return "softmax_w"
        return self._constant("softmax_w", self._network.weights[SOFTMAX_W])

    def _add_layer(self, number: int, layer: Arrays) -> None:
        """One layer: `outputs` of the one below, its row of initial_state, and what it makes."""
        _, parts, units = self._network.state_shape
        below = "outputs" if number == 0 else f"outputs_{number - 1}"
        row = self._constant(f"layer_{number}", np.array(number))
        first = self._constant("first_axis", np.array([0]))
        second = self._constant("second_axis", np.array([1]))
        before = [f"before_{number}_{part}" for part in range(parts)]  # c and h, each [1, B, H]
        after = [f"after_{number}_{part}" for part in range(parts)]
        self._add("Gather", ["initial_state", row], [f"state_{number}"])
        self._add("Split", [f"state_{number}"], before)

        operator, arrays = OPERATORS[self._network.kind](layer, units, self._network.forget_bias)
        names = [self._constant(f"{name}_{number}", array) for name, array in arrays.items()]
        w_r_b, peepholes = names[:3], names[3:]
        # Both have h before c, and the lengths of the rows, which are all as long, before these.
        inputs = [below, *w_r_b, "", *reversed(before), *peepholes]
        options = {"linear_before_reset": 0} if operator == "GRU" else {}
        results = [f"directions_{number}", *reversed(after)]
        self._add(operator, inputs, results, hidden_size=units, **options)

        self._add("Squeeze", [f"directions_{number}", second], [f"outputs_{number}"])
        self._add("Concat", after, [f"parts_{number}"], axis=0)
        self._add("Unsqueeze", [f"parts_{number}", first], [f"final_state_{number}"])

    def _constant(self, name: str, array: np.ndarray) -> str:
        self._constants[name] = array
        return name

    def _add(self, operator: str, inputs: list[str], outputs: list[str], **options: Any) -> None:
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, outputs, **options))


def _rnn(layer: Arrays, units: int, _: float) -> tuple[str, Arrays]:
    return "RNN", _gates([layer["kernel"]], [layer.get("bias")], units, [0])


def _lstm(layer: Arrays, units: int, forget_bias: float) -> tuple[str, Arrays]:
    """Gates i, j, f, o to ONNX's i, o, f, c, whose peepholes are those of i, o, f."""
    bias = layer.get("bias", np.zeros(4 * units, np.float32)).copy()
    bias[2 * units : 3 * units] += forget_bias
    arrays = _gates([layer["kernel"]], [bias], units, [0, 3, 2, 1])
    if "w_i_diag" in layer:
        peepholes = [layer[f"w_{gate}_diag"] for gate in "iof"]
        arrays["P"] = np.concatenate(peepholes)[None]
    return "LSTM", arrays


def _gru(layer: Arrays, units: int, _: float) -> tuple[str, Arrays]:
    """Gates r, u and the candidate to ONNX's z (which is u), r, h."""
    kernels = [layer["gates/kernel"], layer["candidate/kernel"]]
    biases = [layer.get("gates/bias"), layer.get("candidate/bias")]
    return "GRU", _gates(kernels, biases, units, [1, 0, 2])


OPERATORS = {"rnn": _rnn, "lstm": _lstm, "lstm_peephole": _lstm, "gru": _gru}


def _gates(
    kernels: list[np.ndarray], biases: list[np.ndarray | None], units: int, order: list[int]
) -> Arrays:
    """The operators' W `[1, gates * H, D]`, R `[1, gates * H, H]` and B `[1, 2 * gates * H]`.

    Args:
        kernels, biases: TensorFlow 1's, gate by gate along the last axis; None for no bias.
        units: H. order: for each gate of the operator, which one of the kernels' it is.
    """
    kernel = np.concatenate(kernels, axis=1)  # [D + H, gates * H]
    known = [bias for bias in biases if bias is not None]  # all or none
    bias = np.concatenate(known) if known else np.zeros(kernel.shape[1], np.float32)
    columns = np.concatenate([np.arange(units) + gate * units for gate in order])
    inputs, recurrent = kernel[:-units, columns], kernel[-units:, columns]
    return {
        "W": inputs.T[None],
        "R": recurrent.T[None],
        "B": np.concatenate([bias[columns], np.zeros_like(bias)])[None],
    }
