"""CUBIC (RFC 9438) with HyStart++ (RFC 9406)'s delay exit: for when a path's rate cannot be sampled.

It halves its speed for losses that no queue caused, so it is the fallback, not the default.
"""

from netstack.core.congestion import INITIAL_PACKETS, MINIMUM_PACKETS, Sample

BETA = 0.7
SCALE = 0.4
PACING_GAIN = 1.25
SLOW_START_PACING_GAIN = 2.0
ASSUMED_RTT_S = 0.001
DELAY_SAMPLES = 8
MIN_DELAY_RISE_S = 0.004
MAX_DELAY_RISE_S = 0.016


class Cubic:
    """Window growth by the cubic function of the time since the last reduction."""

    __slots__ = (
        "_before_s",
        "_epoch_at_s",
        "_epoch_window",
        "_highest",
        "_least_rtt_s",
        "_packet_bytes",
        "_reduced_at_s",
        "_reno",
        "_round_rtt_s",
        "_round_samples",
        "_saved",
        "_smoothed_s",
        "_threshold",
        "_window",
    )

    def __init__(self, packet_bytes: int) -> None:
        self._packet_bytes = packet_bytes
        self._window = float(INITIAL_PACKETS * packet_bytes)
        self._threshold = float("inf")
        self._highest = 0.0
        self._reno = 0.0
        self._epoch_at_s: float | None = None
        self._epoch_window = 0.0
        self._reduced_at_s = float("-inf")
        self._smoothed_s: float | None = None
        self._least_rtt_s = float("inf")
        self._round_rtt_s = float("inf")
        self._before_s = float("inf")
        self._round_samples = 0
        self._saved: tuple[float, float, float] | None = None

    @property
    def window_bytes(self) -> int:
        """Bytes that may be in flight."""
        return int(self._window)

    @property
    def bytes_per_s(self) -> float:
        """A little more than a window per round trip."""
        gain = SLOW_START_PACING_GAIN if self._window < self._threshold else PACING_GAIN
        return gain * self._window / (self._smoothed_s or ASSUMED_RTT_S)

    def idle(self, now: float) -> None:
        """Silence does not count as time to grow (section 5.8)."""
        self._epoch_at_s = None

    def resize(self, packet_bytes: int) -> None:
        """Packets have another size; the window holds the least number of them at any rate."""
        self._window = max(self._window, float(MINIMUM_PACKETS * packet_bytes))
        self._packet_bytes = packet_bytes

    def quiet(self, rtt_s: float, now: float) -> None:
        """A packet that travelled alone: it says nothing of the window."""
        self._smoothed_s = rtt_s if self._smoothed_s is None else self._smoothed_s * 0.875 + rtt_s * 0.125

    def update(self, sample: Sample) -> None:
        """Grows with what was acknowledged, shrinks at most once a round trip for what was lost."""
        if sample.rtt_s is not None:
            self._smoothed_s = (
                sample.rtt_s if self._smoothed_s is None else self._smoothed_s * 0.875 + sample.rtt_s * 0.125
            )
            self._watch_delay(sample.rtt_s)
        if sample.round_start:
            self._before_s, self._round_rtt_s, self._round_samples = self._round_rtt_s, float("inf"), 0
        if sample.spurious_packets and not sample.lost_packets and self._saved is not None:
            self._window, self._threshold, self._highest = self._saved
            self._saved = None
        if sample.persistent_congestion:
            self._window = float(MINIMUM_PACKETS * self._packet_bytes)
            self._epoch_at_s = None
        elif sample.lost_packets and sample.largest_lost_sent_at_s > self._reduced_at_s:
            self._reduce(sample.now)
        elif sample.acked_bytes and not self._underused(sample):
            self._grow(sample)

    def _underused(self, sample: Sample) -> bool:
        return sample.app_limited and sample.prior_in_flight_bytes < self._window / 2

    def _watch_delay(self, rtt_s: float) -> None:
        """Leaves slow start when the round trip rises, before the queue overflows."""
        self._round_rtt_s = min(self._round_rtt_s, rtt_s)
        self._round_samples += 1
        if self._window >= self._threshold or self._round_samples < DELAY_SAMPLES:
            return
        rise_s = min(max(self._before_s / 8, MIN_DELAY_RISE_S), MAX_DELAY_RISE_S)
        if self._round_rtt_s >= self._before_s + rise_s:
            self._threshold = self._window

    def _reduce(self, now: float) -> None:
        self._saved = (self._window, self._threshold, self._highest)
        self._highest = self._window * (1 + BETA) / 2 if self._window < self._highest else self._window
        self._window = max(self._window * BETA, float(MINIMUM_PACKETS * self._packet_bytes))
        self._threshold = self._window
        self._epoch_at_s = None
        self._reduced_at_s = now

    def _grow(self, sample: Sample) -> None:
        if self._window < self._threshold:
            self._window += sample.acked_bytes
            return
        if self._epoch_at_s is None:
            self._epoch_at_s = sample.now
            self._epoch_window = self._reno = self._window
            self._highest = max(self._highest, self._window)
        packet = self._packet_bytes
        to_highest_s = float(((self._highest - self._epoch_window) / SCALE / packet) ** (1 / 3))
        at_s = sample.now - self._epoch_at_s + (self._smoothed_s or ASSUMED_RTT_S)
        target = self._highest + SCALE * (at_s - to_highest_s) ** 3 * packet
        share = sample.acked_bytes / self._window
        self._reno += 3 * (1 - BETA) / (1 + BETA) * share * packet
        target = min(max(target, self._reno), self._window * 1.5)
        if target > self._window:
            self._window += (target - self._window) * share
