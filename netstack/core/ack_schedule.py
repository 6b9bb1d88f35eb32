"""When to acknowledge: seldom enough to be cheap, soon enough to keep the sender going."""

MAX_ACK_DELAY_S = 0.005
PACKETS_PER_ACK = 16
BATCHES_PER_ACK = 2
RIDE_AFTER_S = MAX_ACK_DELAY_S / 2
LONE_BATCH_S = 0.0005
EAGER_PACKETS = 100
EAGER_PACKETS_PER_ACK = 2


class AckSchedule:
    """Counts packets, not reads: a read may hold one packet or 44.

    An acknowledgement is due at once after a gap; after `BATCHES_PER_ACK` reads with together
    `PACKETS_PER_ACK` packets (2 packets while the path is young), or soon after the first of them; and `MAX_ACK_DELAY_S` after the first
    packet that wants one.
    """

    __slots__ = ("_batches", "_eager", "_packets", "due_at_s", "sent_at_s")

    def __init__(self) -> None:
        self._packets = 0
        self._batches = 0
        self._eager = EAGER_PACKETS
        self.due_at_s: float | None = None
        self.sent_at_s = float("-inf")

    def received(self, packets: int, in_order: bool, now: float) -> None:
        """One read brought `packets` that want an acknowledgement."""
        gathered = self._packets = self._packets + packets
        self._batches += 1
        if self.due_at_s is None:
            self.due_at_s = now + MAX_ACK_DELAY_S
        if self._eager > 0:
            self._eager -= packets
            enough = gathered >= EAGER_PACKETS_PER_ACK
        elif gathered < PACKETS_PER_ACK and in_order:
            return
        else:
            enough = gathered >= PACKETS_PER_ACK and self._batches >= BATCHES_PER_ACK
        if enough or not in_order:
            self.due_at_s = now
        elif gathered >= PACKETS_PER_ACK:
            self.due_at_s = min(self.due_at_s, now + LONE_BATCH_S)

    @property
    def packets_left(self) -> int:
        """How many more make one due."""
        enough = EAGER_PACKETS_PER_ACK if self._eager > 0 else PACKETS_PER_ACK
        return max(enough - self._packets, 0)

    def due(self, now: float) -> bool:
        """An acknowledgement is to be sent now."""
        return self.due_at_s is not None and self.due_at_s <= now

    def rides(self, now: float) -> bool:
        """A packet that leaves anyway takes an acknowledgement along, but not every packet of a quick exchange."""
        return self.due_at_s is not None and (self.due_at_s <= now or now - self.sent_at_s >= RIDE_AFTER_S)

    def deadline(self) -> float | None:
        """When an acknowledgement falls due. None: nothing to acknowledge."""
        return self.due_at_s

    def sent(self, now: float) -> None:
        """An acknowledgement of everything left."""
        self.sent_at_s = now
        self._packets = self._batches = 0
        self.due_at_s = None
