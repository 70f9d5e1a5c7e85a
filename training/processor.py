"""What bfloat16 is worth on this machine."""

from __future__ import annotations

from tf1rnn.kernels.layout import CPU, processor_flags
from training.problem import Config

# How processors call the instructions that multiply bfloat16: x86 (AVX512, AMX), then Arm.
INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}
# From this size on the gain was measured: docs/PERFORMANCE.md.
LARGE_LAYER = 200


def multiplies_bfloat16() -> bool | None:
    """Whether the processor has instructions for it; None where that cannot be found out."""
    flags = processor_flags(CPU)
    return bool(INSTRUCTIONS & flags) if flags else None


def advice(config: Config) -> str | None:
    """A line for who trains with the precision that is the slower one here."""
    fast, is_large = multiplies_bfloat16(), max(config.layer_sizes) >= LARGE_LAYER
    if fast is False and config.precision == "bfloat16":
        return "bfloat16 will be slow: this processor has neither AVX512-BF16 nor AMX"
    if fast and config.precision == "float32" and is_large:
        return "--precision bfloat16 would train about 1.5 times as fast on this processor"
    return None
