"""`tf.contrib.seq2seq`: decoders, what feeds them, attention, beam search, the loss."""

from tf1rnn.contrib.seq2seq.attention import (
    AttentionMechanism,
    BahdanauAttention,
    LuongAttention,
    hardmax,
)
from tf1rnn.contrib.seq2seq.attention import _bahdanau_score as _bahdanau_score
from tf1rnn.contrib.seq2seq.attention import _BaseAttentionMechanism as _BaseAttentionMechanism
from tf1rnn.contrib.seq2seq.attention import _compute_attention as _compute_attention
from tf1rnn.contrib.seq2seq.attention import _luong_score as _luong_score
from tf1rnn.contrib.seq2seq.attention_wrapper import AttentionWrapper, AttentionWrapperState
from tf1rnn.contrib.seq2seq.base_decoder import BaseDecoder as BaseDecoder
from tf1rnn.contrib.seq2seq.base_decoder import BasicDecoderV2 as BasicDecoderV2
from tf1rnn.contrib.seq2seq.base_decoder import BeamSearchDecoderV2 as BeamSearchDecoderV2
from tf1rnn.contrib.seq2seq.beam_search import BeamSearchDecoder, FinalBeamSearchDecoderOutput
from tf1rnn.contrib.seq2seq.beam_step import BeamSearchDecoderOutput, BeamSearchDecoderState
from tf1rnn.contrib.seq2seq.beam_step import _beam_search_step as _beam_search_step
from tf1rnn.contrib.seq2seq.beam_step import _get_scores as _get_scores
from tf1rnn.contrib.seq2seq.beam_step import _length_penalty as _length_penalty
from tf1rnn.contrib.seq2seq.beam_step import _mask_probs as _mask_probs
from tf1rnn.contrib.seq2seq.beam_step import (
    attention_probs_from_attn_state as attention_probs_from_attn_state,
)
from tf1rnn.contrib.seq2seq.beam_step import get_attention_probs as get_attention_probs
from tf1rnn.contrib.seq2seq.beams import _check_batch_beam as _check_batch_beam
from tf1rnn.contrib.seq2seq.beams import (
    _maybe_tensor_gather_helper as _maybe_tensor_gather_helper,
)
from tf1rnn.contrib.seq2seq.beams import _tensor_gather_helper as _tensor_gather_helper
from tf1rnn.contrib.seq2seq.beams import gather_tree, gather_tree_from_array, tile_batch
from tf1rnn.contrib.seq2seq.decoder import (
    BasicDecoder,
    BasicDecoderOutput,
    Decoder,
    dynamic_decode,
)
from tf1rnn.contrib.seq2seq.decoder import _create_zero_outputs as _create_zero_outputs
from tf1rnn.contrib.seq2seq.decoder_fn import (
    attention_decoder_fn_inference,
    attention_decoder_fn_train,
    dynamic_rnn_decoder,
    prepare_attention,
    simple_decoder_fn_inference,
    simple_decoder_fn_train,
)
from tf1rnn.contrib.seq2seq.dynamic_attention import (
    DynamicAttentionWrapper,
    DynamicAttentionWrapperState,
)
from tf1rnn.contrib.seq2seq.helpers import (
    CustomHelper,
    GreedyEmbeddingHelper,
    Helper,
    InferenceHelper,
    SampleEmbeddingHelper,
    TrainingHelper,
)
from tf1rnn.contrib.seq2seq.helpers import _unstack_ta as _unstack_ta
from tf1rnn.contrib.seq2seq.loss import SequenceLoss, sequence_loss
from tf1rnn.contrib.seq2seq.memory import _maybe_mask_score as _maybe_mask_score
from tf1rnn.contrib.seq2seq.memory import _prepare_memory as _prepare_memory
from tf1rnn.contrib.seq2seq.monotonic import (
    BahdanauMonotonicAttention,
    LuongMonotonicAttention,
    monotonic_attention,
    safe_cumprod,
)
from tf1rnn.contrib.seq2seq.monotonic import (
    _BaseMonotonicAttentionMechanism as _BaseMonotonicAttentionMechanism,
)
from tf1rnn.contrib.seq2seq.monotonic import _monotonic_probability_fn as _monotonic_probability_fn
from tf1rnn.contrib.seq2seq.samplers import (
    CustomSampler,
    GreedyEmbeddingSampler,
    InferenceSampler,
    SampleEmbeddingSampler,
    Sampler,
    ScheduledEmbeddingTrainingSampler,
    ScheduledOutputTrainingSampler,
    TrainingSampler,
)
from tf1rnn.contrib.seq2seq.scheduled import (
    ScheduledEmbeddingTrainingHelper,
    ScheduledOutputTrainingHelper,
)

__all__ = [
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BahdanauMonotonicAttention",
    "BasicDecoder",
    "BasicDecoderOutput",
    "BeamSearchDecoder",
    "BeamSearchDecoderOutput",
    "BeamSearchDecoderState",
    "CustomHelper",
    "CustomSampler",
    "Decoder",
    "DynamicAttentionWrapper",
    "DynamicAttentionWrapperState",
    "FinalBeamSearchDecoderOutput",
    "GreedyEmbeddingHelper",
    "GreedyEmbeddingSampler",
    "Helper",
    "InferenceHelper",
    "InferenceSampler",
    "LuongAttention",
    "LuongMonotonicAttention",
    "SampleEmbeddingHelper",
    "SampleEmbeddingSampler",
    "Sampler",
    "ScheduledEmbeddingTrainingHelper",
    "ScheduledEmbeddingTrainingSampler",
    "ScheduledOutputTrainingHelper",
    "ScheduledOutputTrainingSampler",
    "SequenceLoss",
    "TrainingHelper",
    "TrainingSampler",
    "attention_decoder_fn_inference",
    "attention_decoder_fn_train",
    "dynamic_decode",
    "dynamic_rnn_decoder",
    "gather_tree",
    "gather_tree_from_array",
    "hardmax",
    "monotonic_attention",
    "prepare_attention",
    "safe_cumprod",
    "sequence_loss",
    "simple_decoder_fn_inference",
    "simple_decoder_fn_train",
    "tile_batch",
]
