"""Which cores the two processes of a benchmark run on: wherever the system likes, or pinned, ours and the reference alike.

On one core the peer's work is part of every round trip and nobody has to be woken elsewhere; on two, waking the other core
is most of it. A scheduler that changes its mind between runs would compare one with the other.
"""

import os

_CORES = "PEERSCOPE_BENCH_CORES"


def environment(cores: int) -> dict[str, str]:
    """What tells the programs: 0 for wherever the system likes, 1 for both on one core, 2 for one each."""
    return {_CORES: str(cores)} if cores else {}


def pin(*, far: bool) -> None:
    """Takes this process to its core; it may run anywhere when nothing was said, or the system cannot pin."""
    cores = int(os.environ.get(_CORES, "0"))
    if cores and hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[0] if far and cores > 1 else allowed[-1]})
