"""A message on its way, and stretches of it that travel together: what a burst carries, and what to say again when it is lost."""

from typing import NamedTuple

from netstack.core.intervals import IntervalSet
from netstack.wire import fragment
from netstack.wire.fragment import UNIT_BYTES
from netstack.wire.frame import encode_wide

MESSAGE_COST_BYTES = 512


class Message:
    """One message on its way. `start` and `end` are its units once the first fragment left (-1 before).

    `packets` counts those that carried some of it, the ones that were sent again included. Nobody is told when a `quiet` one
    has arrived.
    """

    __slots__ = ("acked", "data", "deadline_s", "end", "id", "lane", "next", "packets", "quiet", "start")

    def __init__(
        self,
        message_id: int,
        lane: int,
        data: bytes,
        deadline_s: float | None,
        quiet: bool = False,
        start: int = -1,
        end: int = -1,
        packets: int = 0,
    ) -> None:
        self.id = message_id
        self.lane = lane
        self.data = data
        self.deadline_s = deadline_s
        self.start = start
        self.end = self.next = end
        self.packets = packets
        self.acked: IntervalSet | None = None
        self.quiet = quiet

    @property
    def cost_bytes(self) -> int:
        """What it costs the queue."""
        return len(self.data) + MESSAGE_COST_BYTES

    @property
    def whole(self) -> "Run":
        """All of it in one packet."""
        return Run(self, self.start, self.end, self.end - self.start, 1)

    def payload(self, start: int, end: int) -> bytes:
        """The bytes of units `start` to `end`."""
        base = self.start
        stop = None if end == self.end else (end - base) * UNIT_BYTES
        return self.data[(start - base) * UNIT_BYTES : stop]


class Run(NamedTuple):
    """A burst: units `start` to `end` of a message in `count` packets, `units` in each but the last.

    The last may hold one more, as the unit that ends a message can be empty.
    """

    message: Message
    start: int
    end: int
    units: int
    packets: int
    wide: bool = False

    @property
    def begins(self) -> bool:
        """The message has not been on its way before."""
        return self.start == self.message.start and self.message.packets == self.packets

    def stretches(self, mask: int) -> list[tuple[int, int]]:
        """The units of the packets whose bits are set, joined where they touch."""
        found = []
        at = 0
        while mask:
            skip = (mask & -mask).bit_length() - 1
            at += skip
            mask >>= skip
            count = (~mask & (mask + 1)).bit_length() - 1
            start = self.start + at * self.units
            at += count
            mask >>= count
            found.append((start, self.end if at == self.packets else self.start + at * self.units))
        return found

    def plaintexts(self) -> list[bytes]:
        """The data frames, one for each packet."""
        message, units = self.message, self.units
        encode = encode_wide if self.wide else fragment.encode_header
        lane, begins, ends = message.lane, self.start == message.start, self.end == message.end
        data, size_bytes = message.data, units * UNIT_BYTES
        if self.packets == 1:
            return [encode(lane, begins, ends, self.start) + message.payload(self.start, self.end)]
        at = (self.start - message.start) * UNIT_BYTES
        last_start = self.start + (self.packets - 1) * units
        frames = [encode(lane, begins, False, self.start) + data[at : at + size_bytes]]
        ats = range(at + size_bytes, at + (self.packets - 1) * size_bytes, size_bytes)
        if self.wide:
            headers = [
                encode(lane, False, False, each) for each in range(self.start + units, last_start, units)
            ]
        else:
            headers = fragment.encode_headers(lane, self.start + units, units, len(ats))
        frames += map(bytes.__add__, headers, [data[at : at + size_bytes] for at in ats])
        frames.append(encode(lane, False, ends, last_start) + message.payload(last_start, self.end))
        return frames


class Parts(NamedTuple):
    """One packet with whole or cut messages in it."""

    runs: tuple[Run, ...]


def burst_end(message: Message, start: int, end: int, units: int, packets: int) -> tuple[int, int]:
    """Where a burst of at most `packets` packets stops that begins at `start`, and how many it takes."""
    left_bytes = (end - start) * UNIT_BYTES
    if end == message.end:
        left_bytes = len(message.data) - (start - message.start) * UNIT_BYTES
    size_bytes = units * UNIT_BYTES
    if left_bytes <= size_bytes * packets:
        return end, max(-(-left_bytes // size_bytes), 1)
    return start + units * packets, packets
