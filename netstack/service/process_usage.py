"""What this process has used so far."""

import os
import sys
import time
from pathlib import Path

import msgspec

if sys.platform != "win32":
    import resource


class Usage(msgspec.Struct, frozen=True):
    """Processor seconds of all its threads, and resident memory where the system tells it."""

    cpu_s: float
    rss_bytes: int | None


def process_usage() -> Usage:
    """Now. On systems without /proc the memory is the most that the process ever had, or not known."""
    return Usage(time.process_time(), _rss_bytes())


def _rss_bytes() -> int | None:
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    if sys.platform == "win32":
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
