"""Time and memory of this process, and memory of this machine."""

import os
import resource
import sys
import time
from pathlib import Path

__all__ = ["available_bytes", "clock", "peak_bytes"]

clock = time.process_time
"""Seconds of the processor that this process used: with one thread those of the clock, whatever else runs meanwhile."""


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):  # another system; the figure of a child may include its parent's
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def available_bytes() -> int:
    """Memory that can be had now without others losing theirs."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
