"""Packets on a byte stream: each preceded by its length (docs/wire.md section 1).

Packets of one size that follow each other stay together, both ways: a burst is opened and sealed at once, and its bytes
are neither cut apart nor copied for it.
"""

from typing import Final, NamedTuple

from netstack.errors import DecodeError

LENGTH_BYTES: Final = 2
LEAST_BYTES: Final = 15
MOST_BYTES: Final = 16384


class Run(NamedTuple):
    """Packets of `segment_bytes` each, the last perhaps shorter, with `LENGTH_BYTES` between them."""

    data: memoryview
    segment_bytes: int

    def packets(self) -> list[bytes]:
        """Each alone."""
        ats = range(0, len(self.data), self.segment_bytes + LENGTH_BYTES)
        return [bytes(self.data[at : at + self.segment_bytes]) for at in ats]


def frame_packets(data: bytes, segment_bytes: int) -> list[bytes | memoryview]:
    """What to write for packets of `segment_bytes` each, the last perhaps shorter: lengths and packets by turns.

    Raises ValueError when a length is not allowed.
    """
    last_bytes = len(data) % segment_bytes or segment_bytes
    if not LEAST_BYTES <= last_bytes <= segment_bytes <= MOST_BYTES:
        raise ValueError(f"{last_bytes} and {segment_bytes} bytes")
    view, ats = memoryview(data), range(0, len(data), segment_bytes)
    parts: list[bytes | memoryview] = [segment_bytes.to_bytes(LENGTH_BYTES, "big")] * (2 * len(ats))
    parts[1::2] = [view[at : at + segment_bytes] for at in ats]
    parts[-2] = last_bytes.to_bytes(LENGTH_BYTES, "big")
    return parts


class PacketStream:
    """Cuts what a stream brings into packets; holds at most one that is not complete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Run]:
        """The packets that are complete now. Raises DecodeError for a length that is not allowed."""
        data = self._rest + data
        view = memoryview(data)
        runs: list[Run] = []
        begin = at = size_bytes = 0  # of the run that is growing, where it has begun
        while len(data) - at >= LENGTH_BYTES:
            length = data[at] << 8 | data[at + 1]
            if length < LEAST_BYTES:
                raise DecodeError(DecodeError.Reason.MALFORMED, "a packet of impossible length")
            if length > MOST_BYTES:
                raise DecodeError(DecodeError.Reason.OVERSIZED, "a packet of impossible length")
            end = at + LENGTH_BYTES + length
            if end > len(data):
                break
            if size_bytes and length != size_bytes:
                shorter = length < size_bytes
                runs.append(Run(view[begin + LENGTH_BYTES : end if shorter else at], size_bytes))
                begin, size_bytes = (end, 0) if shorter else (at, length)
            elif not size_bytes:
                size_bytes = length
            at = end
        if size_bytes:
            runs.append(Run(view[begin + LENGTH_BYTES : at], size_bytes))
        self._rest = data[at:]
        return runs
