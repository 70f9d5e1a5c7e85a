"""Recurrent networks of TensorFlow 1, in graph mode, on today's TensorFlow."""

from tf1rnn import chosen_keras  # noqa: F401, before TensorFlow is imported

# isort: split
from tf1rnn.beam_search import beam_search
from tf1rnn.bidirectional import bidirectional_dynamic_rnn, static_bidirectional_rnn
from tf1rnn.cells import BasicRNNCell, GRUCell
from tf1rnn.diagnostics import gradient_flow
from tf1rnn.dropout_wrapper import DropoutWrapper
from tf1rnn.kernels.softmax import softmax_cross_entropy, softmax_loss
from tf1rnn.losses import sequence_loss, sequence_loss_by_example
from tf1rnn.lstm import BasicLSTMCell, LSTMCell, LSTMStateTuple
from tf1rnn.raw_rnn import raw_rnn
from tf1rnn.rnn_cell import RNNCell, time_step
from tf1rnn.sampling import sample
from tf1rnn.static import static_rnn, static_state_saving_rnn
from tf1rnn.unroll import dynamic_rnn, rnn_layer
from tf1rnn.wrappers import DeviceWrapper, MultiRNNCell, ResidualWrapper

__version__ = "0.1.0"

__all__ = [
    "BasicLSTMCell",
    "BasicRNNCell",
    "DeviceWrapper",
    "DropoutWrapper",
    "GRUCell",
    "LSTMCell",
    "LSTMStateTuple",
    "MultiRNNCell",
    "RNNCell",
    "ResidualWrapper",
    "beam_search",
    "bidirectional_dynamic_rnn",
    "dynamic_rnn",
    "gradient_flow",
    "raw_rnn",
    "rnn_layer",
    "sample",
    "sequence_loss",
    "sequence_loss_by_example",
    "softmax_cross_entropy",
    "softmax_loss",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
    "time_step",
]
