"""Latency under load, the arithmetic: when throughput has settled, and round trips a minute. Pure.

After draft-ietf-ippm-responsiveness: the load counts once the moving average of its throughput stays within 5 %, and
the slowest 5 % of the round trips are left out, because a single retransmission must not decide.
"""

import statistics
from collections.abc import Sequence
from typing import Final

from netstack.model.load import RoundTrips

INTERVAL_S: Final = 0.5
INTERVALS: Final = 4
TOLERANCE: Final = 0.05
KEPT: Final = 0.95
LEAST_SAMPLES: Final = 5


class Settling:
    """Looks at a growing count of bytes. `stable_at_s` is when its rate had settled, None before."""

    def __init__(self, now: float, total_bytes: int = 0) -> None:
        self.stable_at_s: float | None = None
        self._at_s = now
        self._bytes = total_bytes
        self._rates: list[float] = []
        self._averages: list[float] = []

    def look(self, now: float, total_bytes: int) -> None:
        """Call it often: at least twice in every half second."""
        if now - self._at_s < INTERVAL_S:
            return
        self._rates = [*self._rates[1 - INTERVALS :], (total_bytes - self._bytes) / (now - self._at_s)]
        self._at_s, self._bytes = now, total_bytes
        if len(self._rates) < INTERVALS:
            return
        self._averages = [*self._averages[1 - INTERVALS :], statistics.fmean(self._rates)]
        mean = statistics.fmean(self._averages)
        settled = len(self._averages) == INTERVALS and statistics.pstdev(self._averages) <= TOLERANCE * mean
        if settled and mean > 0 and self.stable_at_s is None:
            self.stable_at_s = now


def round_trips(values_s: Sequence[float]) -> RoundTrips:
    """The figures of some round trips."""
    if not values_s:
        return RoundTrips()
    ranked = sorted(values_s)
    n = len(ranked)
    return RoundTrips(
        n=n,
        p50_s=ranked[_rank(n, 0.5)],
        p99_s=ranked[_rank(n, 0.99)],
        mean_s=statistics.fmean(ranked[: max(1, int(n * KEPT))]),
        worst_s=ranked[-1],
    )


def round_trips_per_minute(path: RoundTrips, message: RoundTrips) -> float | None:
    """The average of what both kinds of probe allow in a minute, or of the path's alone; None with too few of those."""
    if path.n < LEAST_SAMPLES or not path.mean_s:
        return None
    if message.n < LEAST_SAMPLES or not message.mean_s:
        return 60.0 / path.mean_s
    return (60.0 / path.mean_s + 60.0 / message.mean_s) / 2


def _rank(n: int, share: float) -> int:
    return max(0, -int(-share * n // 1) - 1)
