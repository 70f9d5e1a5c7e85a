"""Recurrent networks of TensorFlow 1, in graph mode, on today's TensorFlow."""

from tf1rnn.base import RNNCell, time_step
from tf1rnn.cells import (
    BasicLSTMCell,
    BasicRNNCell,
    GRUCell,
    LSTMCell,
    LSTMStateTuple,
)
from tf1rnn.losses import sequence_loss_by_example
from tf1rnn.unroll import dynamic_rnn, static_rnn
from tf1rnn.wrappers import DeviceWrapper, DropoutWrapper, MultiRNNCell, ResidualWrapper

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
    "dynamic_rnn",
    "sequence_loss_by_example",
    "static_rnn",
    "time_step",
]
