"""A congestion controller that fills the queue before a bottleneck, as ordinary downloads do. Pure.

For measuring latency under load only: the session's own controller is kinder than what a household's other traffic
does. It doubles until something is lost (slow start, RFC 5681, without HyStart's early exit), then behaves like a few
Reno flows at once.
"""

from typing import Final

from netstack.core.congestion import INITIAL_PACKETS, MINIMUM_PACKETS, Sample

FLOWS: Final = 4
KEPT: Final = 1 - 0.5 / FLOWS
ASSUMED_RTT_S: Final = 0.05
PACING_GAIN: Final = 2.0


class Filling:
    """Window growth of `FLOWS` Reno flows that share one window."""

    def __init__(self, packet_bytes: int) -> None:
        self._packet_bytes = packet_bytes
        self._window = float(INITIAL_PACKETS * packet_bytes)
        self._starting = True
        self._reduced_at_s = float("-inf")
        self._smoothed_s: float | None = None

    @property
    def window_bytes(self) -> int:
        """Bytes that may be in flight."""
        return int(self._window)

    @property
    def bytes_per_s(self) -> float:
        """Twice a window per round trip: the network, not the pace, is to be the bottleneck."""
        return PACING_GAIN * self._window / (self._smoothed_s or ASSUMED_RTT_S)

    def update(self, sample: Sample) -> None:
        """Grows with what was acknowledged, shrinks at most once a round trip for what was lost."""
        if sample.rtt_s is not None:
            self.quiet(sample.rtt_s, sample.now)
        least = float(MINIMUM_PACKETS * self._packet_bytes)
        if sample.persistent_congestion:
            self._window = least
        elif sample.lost_packets and sample.largest_lost_sent_at_s > self._reduced_at_s:
            self._window = max(least, self._window * (0.5 if self._starting else KEPT))
            self._starting = False
            self._reduced_at_s = sample.now
        elif sample.acked_bytes and sample.prior_in_flight_bytes >= self._window / 2:
            share = 1.0 if self._starting else FLOWS * self._packet_bytes / self._window
            self._window += share * sample.acked_bytes

    def resize(self, packet_bytes: int) -> None:
        """Packets have another size; the window holds the least number of them at any rate."""
        self._packet_bytes = packet_bytes
        self._window = max(self._window, float(MINIMUM_PACKETS * packet_bytes))

    def quiet(self, rtt_s: float, now: float) -> None:
        """A round trip."""
        smoothed_s = self._smoothed_s
        self._smoothed_s = rtt_s if smoothed_s is None else smoothed_s * 0.875 + rtt_s * 0.125

    def idle(self, now: float) -> None:
        """Silence changes nothing."""
