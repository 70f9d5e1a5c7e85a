"""How much memory there is, so that what cannot fit is refused before it is begun."""

import os
import re
from contextlib import suppress
from pathlib import Path

from training.command import UserError


def available() -> float:
    """Bytes of memory that this process may still take, as far as the system tells."""
    found = [float("inf")]
    with suppress(AttributeError, OSError, ValueError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError):
        match = re.search(r"MemAvailable: *([0-9]+) kB", Path("/proc/meminfo").read_text())
        found += [1024 * int(match[1])] if match else []
    with suppress(OSError, ValueError):  # a container's limit
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(found)


def require(needed: float, what: str) -> None:
    """Raises UserError where `what`, a few words, needs more bytes of memory than there are."""
    there = available()
    if needed > there:
        raise UserError(f"{what} takes about {_size(needed)} of memory; {_size(there)} are free")


def _size(count: float) -> str:
    return f"{count / 2**30:,.1f} GiB"
