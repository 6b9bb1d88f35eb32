"""Is a path worse than it was? The last ten seconds against the minutes before them. Pure.

It says so once there is enough of both, keeps saying it until the path is well again, and after five minutes takes the
new state for the normal one: a notice that never goes away is not read.
"""

import statistics
from collections import deque
from typing import Final, NamedTuple

from netstack.model.path import Degradation

RECENT_S: Final = 10
BEFORE_S: Final = 120
LEAST_RECENT: Final = 5  # seconds with answers
LEAST_BEFORE: Final = 20
LASTS_S: Final = 300.0
RTT_FACTOR: Final = 2.0
RTT_RISE_S: Final = 0.03
LOSS_FACTOR: Final = 3.0
LOSS_LEAST: Final = 0.03
LOST_LEAST: Final = 5
WELL: Final = 0.6  # of the rise that it took


class _Second(NamedTuple):
    rtt_s: float | None
    sent: float
    lost: float


class Watch:
    """One path: give it every second, ask it what it thinks."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque(maxlen=RECENT_S + BEFORE_S)
        self._before: tuple[float, float] | None = None  # of the time before a degradation: median, loss
        self.found: Degradation | None = None

    def second(self, rtts_s: list[float], sent: float, lost: float, wall_s: float) -> Degradation | None:
        """One more second: its round trips, probes whose fate is known, those lost either way."""
        self._seconds.append(_Second(statistics.median(rtts_s) if rtts_s else None, sent, lost))
        if self.found is not None and wall_s - self.found.since_s >= LASTS_S:
            self.found = None
            self._seconds.clear()
        recent = list(self._seconds)[-RECENT_S:]
        rtts = [each.rtt_s for each in recent if each.rtt_s is not None]
        base = self._before if self.found is not None else self._baseline()
        if base is None or len(recent) < RECENT_S:
            return self.found
        rtt_s, loss = base
        limit_s = max(RTT_FACTOR * rtt_s, rtt_s + RTT_RISE_S)
        limit_loss = max(LOSS_LEAST, LOSS_FACTOR * loss)
        sent_now, lost_now = sum(each.sent for each in recent), sum(each.lost for each in recent)
        loss_now = lost_now / sent_now if sent_now else 0.0
        now_s = statistics.median(rtts) if len(rtts) >= LEAST_RECENT else rtt_s
        if self.found is not None:
            well = now_s < rtt_s + WELL * (limit_s - rtt_s) and loss_now < loss + WELL * (limit_loss - loss)
            if well:
                self.found = self._before = None
            else:
                worse = loss_now if self.found.what == "loss" else now_s
                self.found = Degradation(self.found.what, self.found.before, worse, self.found.since_s)
        elif loss_now >= limit_loss and lost_now >= LOST_LEAST:
            self._before, self.found = base, Degradation("loss", loss, loss_now, wall_s)
        elif now_s >= limit_s:
            self._before, self.found = base, Degradation("rtt", rtt_s, now_s, wall_s)
        return self.found

    def _baseline(self) -> tuple[float, float] | None:
        before = list(self._seconds)[:-RECENT_S]
        rtts = [each.rtt_s for each in before if each.rtt_s is not None]
        if len(rtts) < LEAST_BEFORE:
            return None
        sent = sum(each.sent for each in before)
        return statistics.median(rtts), sum(each.lost for each in before) / sent if sent else 0.0
