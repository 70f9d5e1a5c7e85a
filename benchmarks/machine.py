"""What a speed depends on: the processor, its instructions, the cores of this process."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

CPU = Path("/proc/cpuinfo")
# Wider vectors and products of bfloat16, as Linux names them for x86.
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")


def describe() -> dict[str, Any]:
    """`processor`, its model; `flags`, which of FLAGS it has; `cores`.

    Where the system has no /proc/cpuinfo, the kind of processor and no flags.
    """
    text = CPU.read_text() if CPU.exists() else ""
    models = re.findall(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = re.findall(r"^flags\s*: (.+)$", text, re.MULTILINE)
    return {
        "processor": models[0] if models else platform.machine(),
        "flags": {name: name in flags[0].split() for name in FLAGS} if flags else {},
        "cores": _cores(),
    }


def _cores() -> int | None:
    """Those that this process may run on, where the system tells; else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
