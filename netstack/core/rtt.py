"""Round-trip time of one path, estimated as RFC 9002 section 5 says. Seconds throughout."""

GRANULARITY_S = 0.001
INITIAL_RTT_S = 0.333


class RttEstimator:
    """Smoothed, mean deviation, least and latest round trip; None until the first sample."""

    __slots__ = ("latest_s", "least_s", "samples", "smoothed_s", "variation_s")

    def __init__(self) -> None:
        self.latest_s: float | None = None
        self.least_s: float | None = None
        self.smoothed_s: float | None = None
        self.variation_s = INITIAL_RTT_S / 2
        self.samples = 0

    def add(self, sample_s: float, ack_delay_s: float = 0.0) -> float:
        """Takes one sample; `ack_delay_s` is how long the peer held its acknowledgement.

        Returns the sample without the peer's delay (never below the least).
        """
        sample_s = max(sample_s, 1e-6)
        self.samples += 1
        if self.least_s is None or sample_s < self.least_s:
            self.least_s = sample_s
        if sample_s - ack_delay_s >= self.least_s:
            sample_s -= ack_delay_s
        self.latest_s = sample_s
        if self.smoothed_s is None:
            self.smoothed_s = sample_s
            self.variation_s = sample_s / 2
        else:
            self.variation_s += (abs(self.smoothed_s - sample_s) - self.variation_s) / 4
            self.smoothed_s += (sample_s - self.smoothed_s) / 8
        return sample_s

    def probe_timeout_s(self, max_ack_delay_s: float) -> float:
        """The probe timeout before back-off (section 6.2.1)."""
        smoothed_s = INITIAL_RTT_S if self.smoothed_s is None else self.smoothed_s
        return smoothed_s + max(4 * self.variation_s, GRANULARITY_S) + max_ack_delay_s
