"""When to acknowledge: seldom enough to be cheap, soon enough to keep the sender going."""

MAX_ACK_DELAY_S = 0.005
PACKETS_PER_ACK = 16
BATCHES_PER_ACK = 2
EAGER_PACKETS = 100
EAGER_PACKETS_PER_ACK = 2


class AckSchedule:
    """Counts packets, not reads: a read may hold one packet or 44.

    An acknowledgement is due at once after a gap; after `BATCHES_PER_ACK` reads with together
    `PACKETS_PER_ACK` packets (2 packets while the path is young); and `MAX_ACK_DELAY_S` after the first
    packet that wants one.
    """

    __slots__ = ("_batches", "_due_at_s", "_eager", "_packets")

    def __init__(self) -> None:
        self._packets = 0
        self._batches = 0
        self._eager = EAGER_PACKETS
        self._due_at_s: float | None = None

    def received(self, packets: int, in_order: bool, now: float) -> None:
        """One read brought `packets` that want an acknowledgement."""
        self._packets += packets
        self._batches += 1
        if self._due_at_s is None:
            self._due_at_s = now + MAX_ACK_DELAY_S
        if self._eager > 0:
            self._eager -= packets
            enough = self._packets >= EAGER_PACKETS_PER_ACK
        else:
            enough = self._packets >= PACKETS_PER_ACK and self._batches >= BATCHES_PER_ACK
        if enough or not in_order:
            self._due_at_s = now

    def due(self, now: float) -> bool:
        """An acknowledgement is to be sent now."""
        return self._due_at_s is not None and self._due_at_s <= now

    @property
    def wanted(self) -> bool:
        """Something is not acknowledged yet: a packet that leaves anyway takes it along."""
        return self._due_at_s is not None

    def deadline(self) -> float | None:
        """When an acknowledgement falls due. None: nothing to acknowledge."""
        return self._due_at_s

    def sent(self) -> None:
        """An acknowledgement of everything left."""
        self._packets = self._batches = 0
        self._due_at_s = None
