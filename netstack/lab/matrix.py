"""The NAT x NAT grid: every pair of kinds, tried many times, on all cores."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations_with_replacement
from math import sqrt
from random import Random
from statistics import median

from netstack.lab.duel import duel
from netstack.lab.ice import METHOD, NOTE, connect_with_aioice
from netstack.lab.kinds import KINDS
from netstack.lab.lab import Lab
from netstack.model.lab import Cell, Interval, Matrix, PairOutcome

PAIRS = tuple(combinations_with_replacement(KINDS, 2))
"""Every unordered pair of kinds, once."""

_Z = 1.959964  # 95 %
_FEW_TRIES = 64


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
    return Lab(duel(a, b, random), seed=random.getrandbits(63)).run(connect_with_aioice)


def cell(job: tuple[str, str, int, int]) -> Cell:
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


def matrix(
    tries: int,
    seed: int,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Matrix:
    """Fills in the grid; the result does not depend on `workers` (None: one a core)."""
    jobs = [(a, b, tries, seed) for a, b in PAIRS]
    cells: list[Cell] = []
    with _mapping(min(workers or os.cpu_count() or 1, len(jobs)), tries * len(jobs)) as each:
        for done in each(cell, jobs):
            cells.append(done)
            if progress is not None:
                progress(len(cells), len(jobs))
    return Matrix(method=METHOD, note=NOTE, seed=seed, tries=tries, kinds=tuple(KINDS), cells=tuple(cells))


@contextmanager
def _mapping(workers: int, tries: int) -> Iterator[Callable[..., Iterator[Cell]]]:
    """`map`, in child processes where that pays."""
    if workers == 1 or tries < _FEW_TRIES:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield pool.imap
