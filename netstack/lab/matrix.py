"""The NAT x NAT grid: every pair of kinds, tried many times, on all cores."""

import os
from collections.abc import Callable
from itertools import combinations_with_replacement
from math import sqrt
from random import Random
from statistics import median

import msgspec

from netstack.lab.duel import duel
from netstack.lab.kinds import KINDS
from netstack.lab.meet import METHOD, NOTE, meet
from netstack.lab.scenario import ServerPart
from netstack.lab.workers import spread, spread_beside
from netstack.model.lab import Cell, Interval, Matrix, PairOutcome

PAIRS = tuple(combinations_with_replacement(KINDS, 2))
"""Every unordered pair of kinds, once."""

_Z = 1.959964  # 95 %
_FEW_TRIES = 64
_SERVERS = (
    ServerPart(name="stun", kind="stun", hosts=("203.0.113.10",), dns="stun.example"),
    ServerPart(name="stun2", kind="stun", hosts=("203.0.113.20",), dns="stun2.example"),
    ServerPart(name="relay", kind="turn", hosts=("203.0.113.40",), dns="relay.example"),
)

Job = tuple[str, str, int, int]
Progress = Callable[[Cell, int, int], None]
"""Told a cell, how many are done, and how many there are."""


def wilson(count: int, tries: int) -> Interval:
    """The 95 % score interval of a rate (Wilson 1927)."""
    if tries == 0:
        return 0.0, 1.0
    rate, z2 = count / tries, _Z * _Z
    middle = rate + z2 / (2 * tries)
    spread = _Z * sqrt(rate * (1 - rate) / tries + z2 / (4 * tries * tries))
    whole = 1 + z2 / tries
    return round(max(0.0, (middle - spread) / whole), 4), round(min(1.0, (middle + spread) / whole), 4)


def one_try(a: str, b: str, seed: int, index: int) -> PairOutcome:
    """Try number `index` of a pair; its links and its world come from the seed."""
    random = Random(f"{seed} {a} {b} {index}")  # noqa: S311 - repeatable on purpose
    scenario = msgspec.structs.replace(duel(a, b, random), server=_SERVERS)
    return meet(scenario, random.getrandbits(63))


def cell(job: Job) -> Cell:
    """All tries of one pair; `job` is (a, b, tries, seed)."""
    a, b, tries, seed = job
    outcomes = [one_try(a, b, seed, index) for index in range(tries)]
    direct = sum(outcome.direct for outcome in outcomes)
    times_s = [outcome.first_byte_s for outcome in outcomes if outcome.first_byte_s is not None]
    route = "none"
    if 2 * len(times_s) >= tries:
        route = "direct" if 2 * direct >= len(times_s) else "relay"
    return Cell(
        a=a,
        b=b,
        tries=tries,
        direct=direct,
        connected=len(times_s),
        route=route,
        direct_interval=wilson(direct, tries),
        connected_interval=wilson(len(times_s), tries),
        connect_p50_s=round(median(times_s), 6) if times_s else None,
    )


def matrix(tries: int, seed: int, *, workers: int | None = None, progress: Progress | None = None) -> Matrix:
    """Fills in the grid; the result does not depend on `workers` (None: one a core; 1: this process)."""
    workers = min(workers or os.cpu_count() or 1, len(PAIRS))
    jobs = _jobs(tries, seed)
    alone = workers == 1 or tries * len(jobs) < _FEW_TRIES
    cells: list[Cell] = []
    for done in map(cell, jobs) if alone else spread(cell, jobs, workers):
        cells.append(done)
        if progress is not None:
            progress(done, len(cells), len(jobs))
    return _matrix(cells, tries, seed)


async def matrix_beside(tries: int, seed: int, progress: Progress) -> Matrix:
    """The same while the running loop goes on: the work is done in child processes, one fewer than cores.

    `progress` is called on the loop. Cancelling ends the children and waits for them. Raises WorkerError.
    """
    cells: list[Cell] = []

    def tell(done: Cell) -> None:
        cells.append(done)
        progress(done, len(cells), len(PAIRS))

    workers = max(1, (os.cpu_count() or 1) - 1)
    return _matrix(await spread_beside(cell, _jobs(tries, seed), workers, tell), tries, seed)


def _jobs(tries: int, seed: int) -> list[Job]:
    return [(a, b, tries, seed) for a, b in PAIRS]


def _matrix(cells: list[Cell], tries: int, seed: int) -> Matrix:
    return Matrix(method=METHOD, note=NOTE, seed=seed, tries=tries, kinds=tuple(KINDS), cells=tuple(cells))
