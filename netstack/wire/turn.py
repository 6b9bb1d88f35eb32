"""TURN's framing (RFC 8656): ChannelData, and streams in which STUN messages and ChannelData alternate."""

import base64
import hashlib
import hmac
import struct

import msgspec

from netstack.errors import DecodeError
from netstack.wire.stun import HEADER_BYTES
from netstack.wire.stun_attributes import MAGIC_COOKIE

MIN_CHANNEL = 0x4000
MAX_CHANNEL = 0x7FFF  # RFC 5766; a client of RFC 8656 binds none above 0x4FFF
UDP_PROTOCOL = 17  # REQUESTED-TRANSPORT
MAX_FRAME_BYTES = 0xFFFF + 4
_HEADER = struct.Struct("!HH")


class ChannelData(msgspec.Struct, frozen=True):
    """Application data on a channel (RFC 8656 section 12.4); `channel` is 0x4000 to 0x7FFF."""

    channel: int
    data: bytes


def is_channel_data(data: bytes) -> bool:
    """Whether the first byte is one of a ChannelData message (0x40 to 0x7F)."""
    return len(data) >= 4 and data[0] >> 6 == 1


def encode_channel_data(channel: int, data: bytes, *, padded: bool = False) -> bytes:
    """Writes ChannelData, `padded` to four bytes as streams require. Raises ValueError."""
    if not MIN_CHANNEL <= channel <= MAX_CHANNEL or len(data) > 0xFFFF:
        raise ValueError(f"no ChannelData: channel {channel:#x}, {len(data)} bytes")
    return _HEADER.pack(channel, len(data)) + data + (bytes(-len(data) % 4) if padded else b"")


def decode_channel_data(data: bytes) -> ChannelData:
    """Reads one ChannelData message, padded or not. Raises DecodeError."""
    if len(data) < 4:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "ChannelData")
    channel, length = _HEADER.unpack_from(data)
    if not MIN_CHANNEL <= channel <= MAX_CHANNEL:
        raise DecodeError(DecodeError.Reason.MALFORMED, "ChannelData")
    if len(data) < 4 + length:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "ChannelData")
    return ChannelData(channel, data[4 : 4 + length])


def encode_channel_burst(
    channel: int, data: bytes | memoryview, segment_bytes: int, *, padded: bool = False
) -> tuple[bytes, int]:
    """ChannelData for each `segment_bytes` of `data` (the last perhaps shorter), joined, and their size.

    The size counts the padding; the last one may be shorter. Raises ValueError.
    """
    total = len(data)
    if not MIN_CHANNEL <= channel <= MAX_CHANNEL or not 0 < segment_bytes <= 0xFFFF:
        raise ValueError(f"no ChannelData: channel {channel:#x}, {segment_bytes} bytes")
    header = _HEADER.pack(channel, segment_bytes)
    padding = bytes(-segment_bytes % 4) if padded else b""
    pieces: list[bytes | memoryview] = []
    whole = total - total % segment_bytes
    for at in range(0, whole, segment_bytes):
        pieces += (header, data[at : at + segment_bytes], padding)
    if rest := total - whole:
        pieces += (_HEADER.pack(channel, rest), data[whole:], bytes(-rest % 4) if padded else b"")
    return b"".join(pieces), 4 + segment_bytes + len(padding)


def decode_channel_burst(data: bytes | memoryview, segment_bytes: int) -> tuple[int, bytes, int] | None:
    """The inverse for datagrams: channel, payloads joined, payload size of each but the last.

    None where they are anything but ChannelData of one channel that fills its datagrams.
    """
    total = len(data)
    if segment_bytes < 5 or total < 5:
        return None
    channel, length = _HEADER.unpack_from(data)
    first = min(segment_bytes, total)
    if length != first - 4 or not MIN_CHANNEL <= channel <= MAX_CHANNEL:
        return None
    if total <= segment_bytes:
        return channel, bytes(data[4:]), length
    header = bytes(data[:4])
    whole = total - total % segment_bytes
    pieces = []
    for at in range(0, whole, segment_bytes):
        if data[at : at + 4] != header:
            return None
        pieces.append(data[at + 4 : at + segment_bytes])
    if rest := total - whole:
        if rest < 5 or _HEADER.unpack_from(data, whole) != (channel, rest - 4):
            return None
        pieces.append(data[whole + 4 :])
    return channel, b"".join(pieces), length


def time_limited_password(secret: str, username: str) -> str:
    """The password of a user `EXPIRY[:NAME]` (the TURN REST convention): base64 of HMAC-SHA1."""
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), hashlib.sha1)).decode()


class StreamFrames:
    """Cuts a byte stream into STUN messages and ChannelData; holds at most one unfinished frame (64 KiB).

    The frames are left encoded; ChannelData comes with its padding.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Takes bytes and gives the frames that they complete.

        Raises DecodeError where neither kind of frame can begin: the stream has lost its place and is to be
        closed.
        """
        self._buffer += data
        frames = []
        start = 0
        while (size := _frame_bytes(self._buffer, start)) and start + size <= len(self._buffer):
            frames.append(bytes(self._buffer[start : start + size]))
            start += size
        del self._buffer[:start]
        return frames


def _frame_bytes(buffer: bytearray, start: int) -> int:
    """How long the frame at `start` is; 0 while its header is incomplete. Raises DecodeError."""
    if len(buffer) - start < 4:
        return 0
    first, length = map(int, _HEADER.unpack_from(buffer, start))
    if MIN_CHANNEL <= first <= MAX_CHANNEL:
        return 4 + length + -length % 4
    cookie = buffer[start + 4 : start + 8]
    if first >= MIN_CHANNEL or length % 4 or cookie != MAGIC_COOKIE[: len(cookie)]:
        raise DecodeError(DecodeError.Reason.MALFORMED, "neither STUN nor ChannelData")
    return HEADER_BYTES + length
