"""A race of transports: the same traffic over all of them at once, on one clock."""

import msgspec

from netstack.model.path import Samples


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One transport's figures; times in seconds, one way, from queued to delivered; None is "not measured".

    `late` counts messages that took longer than 50 ms (three frames of a game). `failure` is why it does not run.
    `series` are the latest messages: when each arrived, on the race's clock, and how long it took.
    """

    transport: str
    sent: int = 0
    arrived: int = 0
    late: int = 0
    p50_s: float | None = None
    p99_s: float | None = None
    jitter_s: float | None = None
    failure: str | None = None
    series: Samples = Samples()

    @property
    def lost(self) -> int:
        """Sent and not arrived; while the race runs, what is under way too."""
        return self.sent - self.arrived


class RaceState(msgspec.Struct, frozen=True, kw_only=True):
    """The race as it stands: `elapsed_s` of `seconds`; `where` says what the ways are."""

    running: bool = False
    elapsed_s: float = 0.0
    seconds: float = 0.0
    messages_per_s: float = 60.0
    message_bytes: int = 100
    where: str = ""
    lanes: tuple[Lane, ...] = ()
