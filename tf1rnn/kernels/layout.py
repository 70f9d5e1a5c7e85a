"""How the matrix products of the kernels are laid out: chosen by processor, dtype and size.

Every layout gives the same results but for rounding. The choice depends on nothing but what the
processor can do and on the shapes, never on a measurement: equal runs stay equal, bit for bit.
`python -m benchmarks.layouts` measures what docs/PERFORMANCE.md says of the processors.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from tf1rnn.types import DType

CPU = Path("/proc/cpuinfo")
# From so many units on a single recurrent product pays without AVX-512.
LARGE_LAYER = 400


class Layout(NamedTuple):
    """The layout of the products of a layer.

    marked: an operand that is to be transposed is marked as such, rather than copied.
    whole: one recurrent product, which is cut between the gates, rather than one a gate; on the
      way back with the transposed weights as a copy, which is made once for all steps.
    """

    marked: bool
    whole: bool


_asked_for: ContextVar[Layout | None] = ContextVar("layout", default=None)


def choose(dtype: DType, num_units: int | None, flags: frozenset[str] | None = None) -> Layout:
    """The layout for a layer.

    Args:
      dtype: of the products' operands.
      num_units: units of the layer; None where the products are not recurrent.
      flags: what the processor can do, in the words of /proc/cpuinfo; None for this one.
    """
    asked = _asked_for.get()
    if asked is not None:
        return asked
    flags = processor_flags(CPU) if flags is None else flags
    if tf.as_dtype(dtype) == tf.bfloat16:
        return Layout(marked=True, whole=False)
    if tf.as_dtype(dtype) != tf.float32 or "avx512f" in flags or "avx2" not in flags:
        return Layout(marked=False, whole=False)
    return Layout(marked=True, whole=num_units is not None and num_units >= LARGE_LAYER)


def name(flags: frozenset[str] | None = None) -> str:
    """ "marked" or "copied", after what this processor does with float32 operands.

    A run writes it down: on a processor of the other name its last digits are others.
    """
    return "marked" if choose(tf.float32, None, flags).marked else "copied"


@contextlib.contextmanager
def asked_for(layout: Layout) -> Iterator[None]:
    """Graphs made inside have this layout, whatever the processor; for tests and benchmarks."""
    token = _asked_for.set(layout)
    try:
        yield
    finally:
        _asked_for.reset(token)


@functools.cache
def processor_flags(path: Path) -> frozenset[str]:
    """What a processor can do, in the system's words for it; empty where that is not told.

    Args:
      path: the system's file of processors, CPU.
    """
    try:
        found = re.search(r"^(?:flags|Features)\s*:(.*)$", path.read_text(), re.MULTILINE)
    except OSError:
        return frozenset()
    return frozenset(found[1].split()) if found else frozenset()
