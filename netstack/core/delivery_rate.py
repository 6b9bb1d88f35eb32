"""How fast a path delivers, sampled per acknowledgement (draft-cheng-iccrg-delivery-rate-estimation)."""

from netstack.core.sent_bursts import SentBurst


class DeliveryRate:
    """Stamps bursts as they leave and turns an acknowledgement into a rate.

    The rate is the slower of how fast the bytes were sent and how fast they were acknowledged, so that
    neither a compressed acknowledgement nor a paused sender inflates it.
    """

    __slots__ = ("_app_limited_until", "delivered_at_s", "delivered_bytes", "first_sent_at_s")

    def __init__(self) -> None:
        self.delivered_bytes = 0
        self.delivered_at_s = 0.0
        self.first_sent_at_s = 0.0
        self._app_limited_until = 0

    def sent(self, burst: SentBurst, prior_in_flight_bytes: int, now: float) -> None:
        """Stamps a burst with what was delivered when it left."""
        if prior_in_flight_bytes == 0:
            self.first_sent_at_s = self.delivered_at_s = now
        burst.delivered_bytes = self.delivered_bytes
        burst.delivered_at_s = self.delivered_at_s
        burst.first_sent_at_s = self.first_sent_at_s
        burst.app_limited = self._app_limited_until > 0

    def sent_last(self, burst: SentBurst, prior_in_flight_bytes: int, now: float) -> None:
        """`sent`, and `ran_dry` behind it."""
        delivered_bytes, app_limited_until = self.delivered_bytes, self._app_limited_until
        if not prior_in_flight_bytes:
            self.first_sent_at_s = self.delivered_at_s = now
        burst.delivered_bytes = delivered_bytes
        burst.delivered_at_s = self.delivered_at_s
        burst.first_sent_at_s = self.first_sent_at_s
        burst.app_limited = app_limited_until > 0
        self._app_limited_until = delivered_bytes + prior_in_flight_bytes + burst.last_bytes

    def ran_dry(self, in_flight_bytes: int) -> None:
        """The caller had nothing to send: rates until the bytes in flight are delivered are too low."""
        self._app_limited_until = max(self.delivered_bytes + in_flight_bytes, 1)

    def acked_alone(self, burst: SentBurst, size_bytes: int, now: float) -> None:
        """All that was in flight arrived and it was too little to measure a rate."""
        self.delivered_bytes += size_bytes
        self.delivered_at_s = now
        self.first_sent_at_s = max(self.first_sent_at_s, burst.sent_at_s)
        if self._app_limited_until and self.delivered_bytes > self._app_limited_until:
            self._app_limited_until = 0

    def acked(self, newest: SentBurst, acked_bytes: int, least_rtt_s: float, now: float) -> float | None:
        """Bytes a second over the flight of `newest`, or None when the sample is unusable."""
        self.delivered_bytes += acked_bytes
        self.delivered_at_s = now
        if self._app_limited_until and self.delivered_bytes > self._app_limited_until:
            self._app_limited_until = 0
        if newest.sent_at_s >= self.first_sent_at_s:
            self.first_sent_at_s = newest.sent_at_s
        sending_s = newest.sent_at_s - newest.first_sent_at_s
        arriving_s = now - newest.delivered_at_s
        interval_s = max(sending_s, arriving_s)
        if interval_s <= 0 or interval_s < least_rtt_s * 0.99:
            return None
        return (self.delivered_bytes - newest.delivered_bytes) / interval_s
