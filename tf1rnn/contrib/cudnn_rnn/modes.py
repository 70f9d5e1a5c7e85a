"""The names of cuDNN's networks, directions and input modes, and what each kind of network has."""

from __future__ import annotations

CUDNN_RNN_UNIDIRECTION = "unidirectional"
CUDNN_RNN_BIDIRECTION = "bidirectional"

CUDNN_LSTM = "lstm"
CUDNN_GRU = "gru"
CUDNN_RNN_RELU = "rnn_relu"
CUDNN_RNN_TANH = "rnn_tanh"

CUDNN_INPUT_LINEAR_MODE = "linear_input"
CUDNN_INPUT_SKIP_MODE = "skip_input"
CUDNN_INPUT_AUTO_MODE = "auto_select"

# Matrices of a layer and direction, and as many biases: half of them meet the layer's inputs, the
# others its state.
CUDNN_LSTM_PARAMS_PER_LAYER = 8
CUDNN_GRU_PARAMS_PER_LAYER = 6
CUDNN_RNN_TANH_PARAMS_PER_LAYER = 2
CUDNN_RNN_RELU_PARAMS_PER_LAYER = 2

PARAMS_PER_LAYER = {
    CUDNN_LSTM: CUDNN_LSTM_PARAMS_PER_LAYER,
    CUDNN_GRU: CUDNN_GRU_PARAMS_PER_LAYER,
    CUDNN_RNN_TANH: CUDNN_RNN_TANH_PARAMS_PER_LAYER,
    CUDNN_RNN_RELU: CUDNN_RNN_RELU_PARAMS_PER_LAYER,
}


def check_direction(direction: str) -> None:
    """Raises ValueError unless there is such a direction."""
    directions = CUDNN_RNN_UNIDIRECTION, CUDNN_RNN_BIDIRECTION
    if direction not in directions:
        raise ValueError(f"Invalid direction: {direction}, expect one of {directions}")


def check_input_mode(input_mode: str) -> None:
    """Raises ValueError unless there is such an input mode."""
    modes = CUDNN_INPUT_LINEAR_MODE, CUDNN_INPUT_SKIP_MODE, CUDNN_INPUT_AUTO_MODE
    if input_mode not in modes:
        raise ValueError(f"Invalid input_mode: {input_mode}, expect one of {modes}")


def check_rnn_mode(rnn_mode: str) -> None:
    """Raises ValueError unless there is such a kind of network."""
    if rnn_mode not in PARAMS_PER_LAYER:
        raise ValueError(f"Invalid rnn_mode: {rnn_mode}, expect one of {tuple(PARAMS_PER_LAYER)}")


def check_linear_inputs(input_mode: str, input_size: int, num_units: int) -> None:
    """Raises NotImplementedError where the inputs would go into the first layer without weights."""
    check_input_mode(input_mode)
    automatic = input_mode == CUDNN_INPUT_AUTO_MODE and input_size == num_units
    if automatic or input_mode == CUDNN_INPUT_SKIP_MODE:
        raise NotImplementedError(
            f"input_mode {input_mode!r} leaves out the weights of the inputs: only "
            f"{CUDNN_INPUT_LINEAR_MODE!r} is computed here"
        )
