"""Packets on a byte stream: each preceded by its length (docs/wire.md section 1)."""

from typing import Final

from netstack.errors import DecodeError

LENGTH_BYTES: Final = 2
LEAST_BYTES: Final = 15
MOST_BYTES: Final = 16384


def frame_packet(packet: bytes) -> bytes:
    """The packet with its length before it. Raises ValueError when the length is not allowed."""
    if not LEAST_BYTES <= len(packet) <= MOST_BYTES:
        raise ValueError(f"{len(packet)} bytes")
    return len(packet).to_bytes(LENGTH_BYTES, "big") + packet


class PacketStream:
    """Cuts what a stream brings into packets; holds at most one that is not complete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that are complete now. Raises DecodeError for a length that is not allowed."""
        data = self._rest + data
        packets, at = [], 0
        while len(data) - at >= LENGTH_BYTES:
            length = data[at] << 8 | data[at + 1]
            if length < LEAST_BYTES:
                raise DecodeError(DecodeError.Reason.MALFORMED, "a packet of impossible length")
            if length > MOST_BYTES:
                raise DecodeError(DecodeError.Reason.OVERSIZED, "a packet of impossible length")
            end = at + LENGTH_BYTES + length
            if end > len(data):
                break
            packets.append(data[at + LENGTH_BYTES : end])
            at = end
        self._rest = data[at:]
        return packets
