"""How much memory there is, so that what cannot fit is refused before it is begun."""

import os
import re
import resource
from contextlib import suppress
from pathlib import Path

from training.errors import UserError

STATUS = Path("/proc/self/status")
# The limits that a process may be given: what each is called, how it is set, of which line of
# STATUS it is, and what TensorFlow needs of it, in bytes: to be imported and to train a small
# network, and for each processor's threads. TensorFlow dies without a word where it has less.
LIMITS = (
    (resource.RLIMIT_AS, "address space", "ulimit -v", "VmSize", 2 * 2**30, 2**26),
    (resource.RLIMIT_DATA, "memory for data", "ulimit -d", "VmData", 2**29, 2**25),
)


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
    return min(found + [_left(limit, line) for limit, _, _, line, *_ in LIMITS])


def require_for_tensorflow() -> None:
    """Raises UserError where the limits of this process are too low for TensorFlow's start."""
    for limit, what, how, line, least, each in LIMITS:
        needed, left = least + each * (os.cpu_count() or 1), _left(limit, line)
        if needed > left:
            raise UserError(
                f"TensorFlow needs about {_size(needed)} of {what}; {how} leaves {_size(left)}"
            )


def _left(limit: int, line: str) -> float:
    """Bytes that a limit leaves to this process; infinity where there is none."""
    most = resource.getrlimit(limit)[0]
    if most == resource.RLIM_INFINITY:
        return float("inf")
    with suppress(OSError):
        match = re.search(rf"{line}:\s*([0-9]+) kB", STATUS.read_text())
        return most - 1024 * int(match[1]) if match else most
    return most


def require(needed: float, what: str) -> None:
    """Raises UserError where `what`, a few words, needs more bytes of memory than there are."""
    there = available()
    if needed > there:
        raise UserError(f"{what} takes about {_size(needed)} of memory; {_size(there)} are free")


def _size(count: float) -> str:
    return f"{count / 2**30:,.1f} GiB"
