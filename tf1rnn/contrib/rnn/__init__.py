"""`tf.contrib.rnn` and what `tf.nn.rnn_cell` had: cells, wrappers, unrollers."""

from tf1rnn import (
    DeviceWrapper,
    DropoutWrapper,
    LSTMStateTuple,
    ResidualWrapper,
    RNNCell,
    bidirectional_dynamic_rnn,
    dynamic_rnn,
    raw_rnn,
    static_bidirectional_rnn,
    static_rnn,
    static_state_saving_rnn,
)
from tf1rnn.cells import LayerRNNCell, check_floating, check_inputs_floating
from tf1rnn.contrib.rnn.attention_cell import AttentionCellWrapper
from tf1rnn.contrib.rnn.bidirectional import (
    stack_bidirectional_dynamic_rnn,
    stack_bidirectional_rnn,
)
from tf1rnn.contrib.rnn.block import GRUBlockCell, GRUBlockCellV2, LSTMBlockCell
from tf1rnn.contrib.rnn.convolution import (
    Conv1DLSTMCell,
    Conv2DLSTMCell,
    Conv3DLSTMCell,
    ConvLSTMCell,
)
from tf1rnn.contrib.rnn.coupled import CoupledInputForgetGateLSTMCell
from tf1rnn.contrib.rnn.early import BasicLSTMCell, BasicRNNCell, GRUCell, LSTMCell, MultiRNNCell
from tf1rnn.contrib.rnn.fused import (
    FusedRNNCell,
    FusedRNNCellAdaptor,
    LSTMBlockFusedCell,
    LSTMBlockWrapper,
    TimeReversedFusedRNN,
    _block_lstm,
)
from tf1rnn.contrib.rnn.gates import (
    CFNCell,
    IntersectionRNNCell,
    MinimalRNNCell,
    NASCell,
    SRUCell,
    UGRNNCell,
)
from tf1rnn.contrib.rnn.grid import BidirectionalGridLSTMCell, GridLSTMCell
from tf1rnn.contrib.rnn.group import GLSTMCell
from tf1rnn.contrib.rnn.independent import IndRNNCell, IndyGRUCell, IndyLSTMCell
from tf1rnn.contrib.rnn.linear import (
    _BIAS_VARIABLE_NAME,
    _WEIGHTS_VARIABLE_NAME,
    Linear,
    _Linear,
    _linear,
    linear,
)
from tf1rnn.contrib.rnn.normalized import (
    LayerNormBasicLSTMCell,
    LayerNormLSTMCell,
    WeightNormLSTMCell,
)
from tf1rnn.contrib.rnn.ntm import NTMCell, NTMControllerState
from tf1rnn.contrib.rnn.phased import PhasedLSTMCell
from tf1rnn.contrib.rnn.projections import (
    EmbeddingWrapper,
    InputProjectionWrapper,
    OutputProjectionWrapper,
)
from tf1rnn.contrib.rnn.shapes import (
    ASSERT_LIKE_RNNCELL_ERROR_REGEXP,
    _concat,
    _like_rnncell,
    _state_size_with_prefix,
    _zero_state_tensors,
    best_effort_input_batch_size,
    transpose_batch_time,
)
from tf1rnn.contrib.rnn.time_frequency import TimeFreqLSTMCell
from tf1rnn.contrib.rnn.wrappers import CompiledWrapper, HighwayWrapper, _SlimRNNCell
from tf1rnn.rnn_cell import assert_like_rnncell

# The names that other versions and modules of TensorFlow 1 had for these.
_RNNCell = RNNCell
_LayerRNNCell = LayerRNNCell
_check_supported_dtypes = check_floating
_check_rnn_cell_input_dtypes = check_inputs_floating
_best_effort_input_batch_size = best_effort_input_batch_size
_transpose_batch_time = transpose_batch_time
bidirectional_rnn = static_bidirectional_rnn
rnn = static_rnn
state_saving_rnn = static_state_saving_rnn

__all__ = [
    "ASSERT_LIKE_RNNCELL_ERROR_REGEXP",
    "_BIAS_VARIABLE_NAME",
    "_WEIGHTS_VARIABLE_NAME",
    "AttentionCellWrapper",
    "BasicLSTMCell",
    "BasicRNNCell",
    "BidirectionalGridLSTMCell",
    "CFNCell",
    "CompiledWrapper",
    "Conv1DLSTMCell",
    "Conv2DLSTMCell",
    "Conv3DLSTMCell",
    "ConvLSTMCell",
    "CoupledInputForgetGateLSTMCell",
    "DeviceWrapper",
    "DropoutWrapper",
    "EmbeddingWrapper",
    "FusedRNNCell",
    "FusedRNNCellAdaptor",
    "GLSTMCell",
    "GRUBlockCell",
    "GRUBlockCellV2",
    "GRUCell",
    "GridLSTMCell",
    "HighwayWrapper",
    "IndRNNCell",
    "IndyGRUCell",
    "IndyLSTMCell",
    "InputProjectionWrapper",
    "IntersectionRNNCell",
    "LSTMBlockCell",
    "LSTMBlockFusedCell",
    "LSTMBlockWrapper",
    "LSTMCell",
    "LSTMStateTuple",
    "LayerNormBasicLSTMCell",
    "LayerNormLSTMCell",
    "LayerRNNCell",
    "Linear",
    "MinimalRNNCell",
    "MultiRNNCell",
    "NASCell",
    "NTMCell",
    "NTMControllerState",
    "OutputProjectionWrapper",
    "PhasedLSTMCell",
    "RNNCell",
    "ResidualWrapper",
    "SRUCell",
    "TimeFreqLSTMCell",
    "TimeReversedFusedRNN",
    "UGRNNCell",
    "WeightNormLSTMCell",
    "_LayerRNNCell",
    "_Linear",
    "_RNNCell",
    "_SlimRNNCell",
    "_best_effort_input_batch_size",
    "_block_lstm",
    "_concat",
    "_like_rnncell",
    "_linear",
    "_state_size_with_prefix",
    "_transpose_batch_time",
    "_zero_state_tensors",
    "assert_like_rnncell",
    "best_effort_input_batch_size",
    "bidirectional_dynamic_rnn",
    "bidirectional_rnn",
    "dynamic_rnn",
    "linear",
    "raw_rnn",
    "rnn",
    "stack_bidirectional_dynamic_rnn",
    "stack_bidirectional_rnn",
    "state_saving_rnn",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
    "transpose_batch_time",
]
