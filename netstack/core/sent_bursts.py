"""Packets that were sent together under consecutive numbers, and which of them are pending or lost, as the bits of ints."""

from bisect import bisect_right
from typing import Any


class SentBurst:
    """Packets `first` to `first + count - 1`, each `packet_bytes` long but the last, `last_bytes`.

    Bit i of `pending` and `lost` stands for packet `first + i`; a bit in neither is acknowledged.
    `cargo` is the caller's: whatever it needs to send the content again. The four fields at the end
    belong to `core.delivery_rate`.
    """

    __slots__ = (
        "app_limited",
        "cargo",
        "count",
        "delivered_at_s",
        "delivered_bytes",
        "first",
        "first_sent_at_s",
        "last_bytes",
        "lost",
        "mtu_probe",
        "packet_bytes",
        "pending",
        "sent_at_s",
    )

    def __init__(
        self,
        first: int,
        count: int,
        packet_bytes: int,
        last_bytes: int,
        sent_at_s: float,
        cargo: Any,
        mtu_probe: bool = False,
    ) -> None:
        self.first = first
        self.count = count
        self.packet_bytes = packet_bytes
        self.last_bytes = last_bytes
        self.sent_at_s = sent_at_s
        self.cargo = cargo
        self.mtu_probe = mtu_probe
        self.pending = (1 << count) - 1
        self.lost = 0
        self.delivered_bytes = 0
        self.delivered_at_s = 0.0
        self.first_sent_at_s = 0.0
        self.app_limited = False

    @property
    def end(self) -> int:
        """The number after its last."""
        return self.first + self.count

    def bytes_of(self, mask: int) -> int:
        """The size of the packets whose bits are set."""
        size = mask.bit_count() * self.packet_bytes
        if mask >> (self.count - 1):
            size -= self.packet_bytes - self.last_bytes
        return size


class Ledger:
    """Bursts in the order of their packet numbers."""

    __slots__ = ("bursts", "firsts")

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.bursts: list[SentBurst] = []

    def add(self, burst: SentBurst) -> None:
        """The newest of all."""
        self.firsts.append(burst.first)
        self.bursts.append(burst)

    def insert(self, burst: SentBurst) -> None:
        """In its place."""
        at = bisect_right(self.firsts, burst.first)
        self.firsts.insert(at, burst.first)
        self.bursts.insert(at, burst)

    def span(self, low: int, high: int) -> tuple[int, int]:
        """The slice of bursts that may hold a packet of `low` to `high`."""
        firsts = self.firsts
        return max(bisect_right(firsts, low) - 1, 0), bisect_right(firsts, high)

    def replace(self, start: int, end: int, kept: list[SentBurst]) -> None:
        """These instead of a slice."""
        self.bursts[start:end] = kept
        self.firsts[start:end] = [burst.first for burst in kept]


def mask_of(burst: SentBurst, low: int, high: int) -> int:
    """The bits of the packets `low` to `high`."""
    start = max(low - burst.first, 0)
    end = min(high - burst.first + 1, burst.count)
    return (1 << end) - (1 << start) if end > start else 0
