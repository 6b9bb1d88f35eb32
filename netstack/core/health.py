"""How one path fares, from what happened on it in the last window and from nothing older. Pure.

    answered(rtt_s, now)            a probe came back
    count(...)                      counters of probes and packets, as they stand now
    read(now) -> PathHealth         the figures

A dead path must not keep its good figures: samples leave the window by the clock, not by newer ones.
"""

import itertools
import math
from collections import deque
from typing import Final, NamedTuple

from netstack.core.probe_stats import Totals
from netstack.model.coordinator import PathHealth

WINDOW_S: Final = 10.0
MAX_SAMPLES: Final = 512
COUNT_EVERY_S: Final = 1.0
MAX_COUNTS: Final = 32


class Traffic(NamedTuple):
    """Data packets of a path so far: sent, of them lost, and the bytes that were acknowledged.

    `busy`: more is waiting to be sent; what is delivered while nothing waits tells nothing of what a path could carry.
    """

    sent: int = 0
    lost: int = 0
    delivered_bytes: int = 0
    busy: bool = False


class _Count(NamedTuple):
    at_s: float
    probes: Totals
    traffic: Traffic


class Health:
    """The health of one path."""

    __slots__ = ("_counts", "_heard_s", "_newest", "_rtts")

    def __init__(self, now: float) -> None:
        self._rtts: deque[tuple[float, float]] = deque(maxlen=MAX_SAMPLES)
        self._newest = _Count(now, Totals(), Traffic())
        self._counts: deque[_Count] = deque([self._newest], maxlen=MAX_COUNTS)
        self._heard_s: float | None = None

    def answered(self, rtt_s: float, now: float) -> None:
        """A probe came back."""
        self._rtts.append((now, rtt_s))
        self._heard_s = now

    def count(self, probes: Totals, traffic: Traffic, now: float) -> None:
        """The counters since the path began; call at least once a second. Counters that start anew start the window anew."""
        before = self._newest
        if traffic.sent < before.traffic.sent or traffic.delivered_bytes < before.traffic.delivered_bytes:
            self._counts.clear()
            self._counts.append(_Count(now, probes, traffic))
        elif traffic.delivered_bytes > before.traffic.delivered_bytes:
            self._heard_s = now
        self._newest = _Count(now, probes, traffic)
        if not self._counts or now - self._counts[-1].at_s >= COUNT_EVERY_S:
            self._counts.append(self._newest)

    def read(
        self,
        path: int,
        transport: str,
        now: float,
        *,
        local: str = "",
        stalled_since_s: float | None = None,
        metered: bool = False,
        rests: bool = False,
    ) -> PathHealth:
        """The figures of the last window."""
        while self._rtts and self._rtts[0][0] <= now - WINDOW_S:
            self._rtts.popleft()
        while len(self._counts) > 1 and self._counts[1].at_s <= now - WINDOW_S:
            self._counts.popleft()
        first, last = self._counts[0], self._newest
        if last.at_s <= now - WINDOW_S:
            first = last
        probes = last.probes.sent - first.probes.sent
        out = max(0, last.probes.lost_out - first.probes.lost_out)
        back = max(0, last.probes.lost_back - first.probes.lost_back)
        packets = last.traffic.sent - first.traffic.sent
        lost = min(packets, max(0, last.traffic.lost - first.traffic.lost))
        rtts = sorted(rtt_s for _, rtt_s in self._rtts)
        return PathHealth(
            path=path,
            transport=transport,
            local=local,
            n=len(rtts),
            p50_s=_quantile(rtts, 0.5),
            p99_s=_quantile(rtts, 0.99),
            probes=probes,
            loss_out=min(1.0, out / probes) if probes else None,
            loss_back=min(1.0, back / (probes - out)) if probes > out else None,
            packets=packets,
            success=1 - lost / packets if packets else None,
            throughput=self._fastest_second(),
            stalled_s=None if stalled_since_s is None else max(0.0, now - stalled_since_s),
            checked_s=None if self._heard_s is None else max(0.0, now - self._heard_s),
            metered=metered,
            rests=rests,
        )

    def _fastest_second(self) -> float | None:
        """Bytes a second; None where there was none."""
        counts = [*self._counts, self._newest]
        rates = [
            (after.traffic.delivered_bytes - before.traffic.delivered_bytes) / (after.at_s - before.at_s)
            for before, after in itertools.pairwise(counts)
            if after.at_s - before.at_s >= COUNT_EVERY_S / 2 and before.traffic.busy and after.traffic.busy
        ]
        return max(rates, default=0.0) or None


def _quantile(ordered: list[float], share: float) -> float | None:
    """The smallest value that at least `share` of all are not above."""
    return ordered[max(1, math.ceil(share * len(ordered))) - 1] if ordered else None
