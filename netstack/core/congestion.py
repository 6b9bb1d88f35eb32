"""What a congestion controller is told and what it answers. `core.bbr` is the default.

A controller sets two limits: bytes in flight, and bytes a second. It is told once per acknowledgement
or loss, with a `Sample`.
"""

from typing import Protocol

INITIAL_PACKETS = 10
MINIMUM_PACKETS = 4
SHORT_PATH_S = 0.005  # a round trip below this is mostly made of computers that are busy


class Sample:
    """One acknowledgement (or loss timer) as the controller sees it. Sizes in bytes, times in seconds.

    `rate` is delivered bytes a second, None where it could not be measured; `app_limited` says that the
    caller, not the network, limited it. `round_start` is true when what was sent in the round trip
    before has been acknowledged.
    """

    __slots__ = (
        "acked_bytes",
        "app_limited",
        "delivered_bytes",
        "in_flight_bytes",
        "largest_lost_sent_at_s",
        "lost_bytes",
        "lost_packets",
        "now",
        "persistent_congestion",
        "prior_in_flight_bytes",
        "rate",
        "round_start",
        "rtt_s",
        "spurious_packets",
    )

    def __init__(self, now: float) -> None:
        self.now = now
        self.acked_bytes = 0
        self.app_limited = False
        self.delivered_bytes = 0
        self.in_flight_bytes = 0
        self.largest_lost_sent_at_s = 0.0
        self.lost_bytes = 0
        self.lost_packets = 0
        self.persistent_congestion = False
        self.prior_in_flight_bytes = 0
        self.rate: float | None = None
        self.round_start = False
        self.rtt_s: float | None = None
        self.spurious_packets = 0


class Congestion(Protocol):
    """A congestion controller of one path."""

    @property
    def window_bytes(self) -> int:
        """Bytes that may be in flight."""

    @property
    def bytes_per_s(self) -> float:
        """The pace at which they may leave."""

    def update(self, sample: Sample) -> None:
        """Takes one sample."""

    def resize(self, packet_bytes: int) -> None:
        """Packets have another size from now on."""

    def quiet(self, rtt_s: float, now: float) -> None:
        """A packet that travelled alone came back: it tells the round trip, and nothing of the rate."""

    def idle(self, now: float) -> None:
        """Something is sent after nothing was in flight."""
