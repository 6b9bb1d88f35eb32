"""The connections of a TURN server's clients: who is at the other end, and how long they have been quiet."""

from netstack.server.turn_allocation import Client
from netstack.wire.turn import StreamFrames

IDLE_S = 60.0  # without an allocation; with one, its lifetime counts


class Connection:
    """One connection; `heard_at` is when it last brought something."""

    __slots__ = ("client", "frames", "heard_at")

    def __init__(self, client: Client, now: float) -> None:
        self.client = client
        self.frames = StreamFrames()
        self.heard_at = now

    @property
    def idle_at(self) -> float:
        """When it has been quiet for too long."""
        return self.heard_at + IDLE_S
