"""Which names of 1.15 are served: `python -m tf1rnn.compat.coverage` writes a document of it."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from tf1rnn.compat import modules

DOCUMENT = Path("docs/COMPATIBILITY.md")

# The public names of TensorFlow 1.15, a module a line of the table.
NAMES = {
    "nn": """bidirectional_dynamic_rnn dynamic_rnn raw_rnn static_bidirectional_rnn static_rnn
        static_state_saving_rnn""",
    "nn.rnn_cell": """BasicLSTMCell BasicRNNCell DeviceWrapper DropoutWrapper GRUCell LSTMCell
        LSTMStateTuple MultiRNNCell RNNCell ResidualWrapper""",
    "contrib.rnn": """AttentionCellWrapper BasicLSTMCell BasicRNNCell BidirectionalGridLSTMCell
        CompiledWrapper Conv1DLSTMCell Conv2DLSTMCell Conv3DLSTMCell ConvLSTMCell
        CoupledInputForgetGateLSTMCell DeviceWrapper DropoutWrapper EmbeddingWrapper FusedRNNCell
        FusedRNNCellAdaptor GLSTMCell GRUBlockCell GRUBlockCellV2 GRUCell GridLSTMCell
        HighwayWrapper IndRNNCell IndyGRUCell IndyLSTMCell InputProjectionWrapper
        IntersectionRNNCell LSTMBlockCell LSTMBlockFusedCell LSTMBlockWrapper LSTMCell
        LSTMStateTuple LayerNormBasicLSTMCell LayerRNNCell MultiRNNCell NASCell
        OutputProjectionWrapper PhasedLSTMCell RNNCell ResidualWrapper SRUCell TimeFreqLSTMCell
        TimeReversedFusedRNN UGRNNCell best_effort_input_batch_size stack_bidirectional_dynamic_rnn
        stack_bidirectional_rnn static_bidirectional_rnn static_rnn static_state_saving_rnn
        transpose_batch_time""",
    "contrib.legacy_seq2seq": """attention_decoder basic_rnn_seq2seq embedding_attention_decoder
        embedding_attention_seq2seq embedding_rnn_decoder embedding_rnn_seq2seq
        embedding_tied_rnn_seq2seq model_with_buckets one2many_rnn_seq2seq rnn_decoder
        sequence_loss sequence_loss_by_example tied_rnn_seq2seq""",
    "contrib.seq2seq": """AttentionMechanism AttentionWrapper AttentionWrapperState
        BahdanauAttention BahdanauMonotonicAttention BasicDecoder BasicDecoderOutput
        BeamSearchDecoder BeamSearchDecoderOutput BeamSearchDecoderState CustomHelper Decoder
        FinalBeamSearchDecoderOutput GreedyEmbeddingHelper Helper InferenceHelper LuongAttention
        LuongMonotonicAttention SampleEmbeddingHelper ScheduledEmbeddingTrainingHelper
        ScheduledOutputTrainingHelper SequenceLoss TrainingHelper dynamic_decode gather_tree
        gather_tree_from_array hardmax monotonic_attention safe_cumprod sequence_loss
        tile_batch""",
    "contrib.crf": """CrfDecodeBackwardRnnCell CrfDecodeForwardRnnCell CrfForwardRnnCell
        crf_binary_score crf_decode crf_log_likelihood crf_log_norm crf_multitag_sequence_score
        crf_sequence_score crf_unary_score viterbi_decode""",
    "contrib.cudnn_rnn": """CudnnCompatibleGRUCell CudnnCompatibleLSTMCell CudnnGRU
        CudnnGRUSaveable CudnnLSTM CudnnLSTMSaveable CudnnParamsFormatConverterGRU
        CudnnParamsFormatConverterLSTM CudnnParamsFormatConverterRelu CudnnParamsFormatConverterTanh
        CudnnRNNRelu CudnnRNNReluSaveable CudnnRNNTanh CudnnRNNTanhSaveable""",
    "layers": """AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Conv1D
        Conv2D Conv2DTranspose Conv3D Conv3DTranspose Dense Dropout Flatten InputSpec Layer
        MaxPooling1D MaxPooling2D MaxPooling3D SeparableConv1D SeparableConv2D average_pooling1d
        average_pooling2d average_pooling3d batch_normalization conv1d conv2d conv2d_transpose
        conv3d conv3d_transpose dense dropout experimental flatten max_pooling1d max_pooling2d
        max_pooling3d separable_conv1d separable_conv2d""",
}  # fmt: skip

HEAD = """# Compatibility

Made by `python -m tf1rnn.compat.coverage`. Old programs run by `python -m tf1rnn script.py`. These
are the public names of TensorFlow 1.15's modules for recurrent networks, and what serves them.
Whatever else a program asks of `tf` is answered by `tensorflow.compat.v1`.

Names that other versions had, or that 1.15 kept in modules below these, are served, too, and not
counted: the samplers of `tf.contrib.seq2seq.python.ops.sampler`, `BasicDecoderV2` and
`BeamSearchDecoderV2` beside them, `tf.contrib.rnn.python.ops.rnn_cell.NTMCell`, `tf.nn.seq2seq`.

"""


def main() -> None:
    """Writes the document."""
    rows = [(path, name, served_by(path, name)) for path in NAMES for name in NAMES[path].split()]
    DOCUMENT.write_text(HEAD + "\n".join(_lines(rows)) + "\n", encoding="utf-8")


def served_by(path: str, name: str) -> str | None:
    """The module that has what `tf.<path>.<name>` answers, or None where nothing does."""
    try:
        value = modules.module_at(path).served(name)
    except modules.UnknownName:
        return None
    return _home(value)


def _home(value: Any) -> str:
    module = value if inspect.ismodule(value) else importlib.import_module(value.__module__)
    parts = module.__name__.split(".")
    return ".".join(parts) if parts[0] == "tf1rnn" else parts[0].replace("_", "-")


def _lines(rows: list[tuple[str, str, str | None]]) -> list[str]:
    served = sum(home is not None for _, _, home in rows)
    lines = [f"**{served} of {len(rows)} names are served.**", ""]
    lines += ["| module | served | not served |", "|---|---|---|"]
    for path in NAMES:
        missing = [name for at, name, home in rows if at == path and home is None]
        names = len(NAMES[path].split())
        gone = ", ".join(f"`{name}`" for name in missing)
        lines.append(f"| `tf.{path}` | {names - len(missing)} of {names} | {gone} |")
    for path in NAMES:
        lines += ["", f"## tf.{path}", "", "| name | served by |", "|---|---|"]
        lines += [
            f"| `{name}` | {f'`{home}`' if home else 'not served'} |"
            for at, name, home in rows
            if at == path
        ]
    return lines


if __name__ == "__main__":
    main()
