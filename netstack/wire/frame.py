"""Frames inside a sealed packet (docs/wire.md section 3)."""

import struct
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from netstack.errors import DecodeError
from netstack.wire import fragment
from netstack.wire.fragment import Fragment

MAX_ACK_RANGES = 64
VARINT_MAX = (1 << 62) - 1
CHALLENGE_BYTES = 8
SHARE_BYTES = 32
PING_BYTES = b"\x01"
ACK = 0x02

_WIDE, _PART = 0x0E, 0x0F
_PROBE = struct.Struct(">IQQQIB")


class Ping(msgspec.Struct, frozen=True):
    """Asks for an acknowledgement."""


class Ack(msgspec.Struct, frozen=True):
    """Packets of a path that came: (first, last), newest first; `delay_us` since the newest."""

    path_id: int
    delay_us: int
    ranges: tuple[tuple[int, int], ...]


class Credit(msgspec.Struct, frozen=True):
    """Units below `limit` of a reliable lane may be sent."""

    lane: int
    limit: int


class Abandon(msgspec.Struct, frozen=True):
    """Units of an unreliable lane that will not come any more."""

    lane: int
    offset: int
    count: int


class PathAdd(msgspec.Struct, frozen=True):
    """The sender receives path `path_id` under `receiver_id`."""

    path_id: int
    receiver_id: int


class PathClose(msgspec.Struct, frozen=True):
    """The path is not used any more."""

    path_id: int
    reason: int


class Challenge(msgspec.Struct, frozen=True):
    """To be answered from where it arrives."""

    token: bytes


class Response(msgspec.Struct, frozen=True):
    """The answer to a challenge."""

    token: bytes


class Probe(msgspec.Struct, frozen=True):
    """A STAMP test packet; `t1_ns` on the sender's clock."""

    sequence: int
    t1_ns: int


class ProbeReply(msgspec.Struct, frozen=True):
    """Its reflection; `t2_ns` and `t3_ns` on the reflector's clock."""

    sequence: int
    t1_ns: int
    t2_ns: int
    t3_ns: int
    count: int
    flags: int


class KeyShare(msgspec.Struct, frozen=True):
    """An ephemeral X25519 key for fresh turn number `round`."""

    round: int
    share: bytes


class Close(msgspec.Struct, frozen=True):
    """The session is over."""

    reason: int


Control = (
    Ping
    | Ack
    | Credit
    | Abandon
    | PathAdd
    | PathClose
    | Challenge
    | Response
    | Probe
    | ProbeReply
    | KeyShare
    | Close
)
Frame = Control | Fragment

SILENT = (Ack, Probe, ProbeReply, Close)


def _malformed(what: str) -> DecodeError:
    return DecodeError(DecodeError.Reason.MALFORMED, what)


def encode_varint(value: int) -> bytes:
    """RFC 9000 section 16. Raises ValueError beyond 62 bits."""
    if value < 1 << 6:
        return value.to_bytes(1, "big")
    if value < 1 << 14:
        return (value | 1 << 14).to_bytes(2, "big")
    if value < 1 << 30:
        return (value | 2 << 30).to_bytes(4, "big")
    if value <= VARINT_MAX:
        return (value | 3 << 62).to_bytes(8, "big")
    raise ValueError("more than 62 bits")


class PlainAck(NamedTuple):
    """An ACK of one range, packets `low` to `high`; `end` is where it ends in the packet."""

    path_id: int
    low: int
    high: int
    delay_us: int
    end: int


_VARINT_MASKS = {1: 0x3F, 2: 0x3FFF, 4: 0x3FFFFFFF, 8: VARINT_MAX}


def read_plain_ack(plaintext: bytes) -> PlainAck | None:
    """The ACK that a packet begins with, where it has one range; None for any other, or a broken one."""
    try:
        path_id = plaintext[1]
        size = 1 << (plaintext[2] >> 6)
        at = 2 + size
        high = int.from_bytes(plaintext[2:at], "big") & _VARINT_MASKS[size]
        size = 1 << (plaintext[at] >> 6)
        end = at + size
        delay_us = int.from_bytes(plaintext[at:end], "big") & _VARINT_MASKS[size]
        size = 1 << (plaintext[end + 1] >> 6)
        at = end + 1 + size
        if path_id >= 64 or plaintext[end] or at > len(plaintext):
            return None
        low = high - (int.from_bytes(plaintext[end + 1 : at], "big") & _VARINT_MASKS[size])
    except IndexError:
        return None
    return None if low < 0 else PlainAck(path_id, low, high, delay_us, at)


class _Reader:
    """A cursor over one packet's plaintext."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise DecodeError(DecodeError.Reason.TRUNCATED, "frame")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def varint(self) -> int:
        if self.at >= len(self.data):
            raise DecodeError(DecodeError.Reason.TRUNCATED, "frame")
        size = 1 << (self.data[self.at] >> 6)
        return self.number(size) & ((1 << (8 * size - 2)) - 1)

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)


def _read_ack(reader: _Reader) -> Ack:
    path_id, last, delay_us, more = reader.varint(), reader.varint(), reader.varint(), reader.varint()
    if more >= MAX_ACK_RANGES:
        raise _malformed("too many ranges")
    first = last - reader.varint()
    ranges = [(first, last)]
    for _ in range(more):
        last = first - reader.varint() - 2
        first = last - reader.varint()
        ranges.append((first, last))
    if first < 0:
        raise _malformed("a range below zero")
    return Ack(path_id, delay_us, tuple(ranges))


def _read_lane(reader: _Reader, low: int, high: int) -> int:
    lane = reader.number(1)
    if not low <= lane < high:
        raise _malformed("no such lane")
    return lane


def _read_credit(reader: _Reader) -> Credit:
    return Credit(_read_lane(reader, 0, fragment.RELIABLE_LANES), reader.varint())


def _read_abandon(reader: _Reader) -> Abandon:
    lane = _read_lane(reader, fragment.RELIABLE_LANES, fragment.LANES)
    return Abandon(lane, reader.varint(), reader.varint())


def _read_probe(reader: _Reader) -> Probe:
    sequence, t1_ns, *_ = _PROBE.unpack(reader.take(_PROBE.size))
    return Probe(sequence, t1_ns)


def _read_reply(reader: _Reader) -> ProbeReply:
    return ProbeReply(*_PROBE.unpack(reader.take(_PROBE.size)))


def _read_wide(reader: _Reader) -> Fragment:
    code, offset = reader.number(1), reader.varint()
    if code & 3:
        raise _malformed("offset bits in a wide data frame")
    return fragment.decode_header(code << 24, reader.rest())._replace(offset=offset, wide=True)


def _read_part(reader: _Reader) -> Fragment:
    word = reader.number(fragment.HEADER_BYTES)
    return fragment.decode_header(word, reader.take(reader.varint()))


_READERS: dict[int, Callable[[_Reader], Frame]] = {
    0x01: lambda _: Ping(),
    0x02: _read_ack,
    0x03: _read_credit,
    0x04: _read_abandon,
    0x05: lambda reader: PathAdd(reader.number(2), reader.number(3)),
    0x06: lambda reader: PathClose(reader.number(2), reader.number(1)),
    0x07: lambda reader: Challenge(reader.take(CHALLENGE_BYTES)),
    0x08: lambda reader: Response(reader.take(CHALLENGE_BYTES)),
    0x09: _read_probe,
    0x0A: _read_reply,
    0x0B: lambda reader: KeyShare(reader.varint(), reader.take(SHARE_BYTES)),
    0x0C: lambda reader: Close(reader.number(1)),
    _WIDE: _read_wide,
    _PART: _read_part,
}


def decode(plaintext: bytes) -> list[Frame]:
    """All frames of a packet, in order. Raises DecodeError."""
    if not plaintext:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "a packet without frames")
    frames: list[Frame] = []
    reader = _Reader(plaintext)
    while reader.at < len(plaintext):
        code = plaintext[reader.at]
        if code >= fragment.FIRST_CODE:
            word = reader.number(fragment.HEADER_BYTES)
            frames.append(fragment.decode_header(word, reader.rest()))
        elif code == 0:
            if any(reader.rest()):
                raise _malformed("padding that is not zero")
        else:
            reader.at += 1
            read = _READERS.get(code)
            if read is None:
                raise _malformed("unknown frame")
            frames.append(read(reader))
    return frames


def encode_wide(lane: int, first: bool, last: bool, offset: int) -> bytes:
    """The header of a data frame whose offset is given in full; the payload follows to the packet's end."""
    return bytes((_WIDE, fragment.FIRST_CODE + (lane << 4 | first << 3 | last << 2))) + encode_varint(offset)


def encode_part(lane: int, first: bool, last: bool, offset: int, payload: bytes) -> bytes:
    """A data frame with a length, so that others can follow it."""
    header = fragment.encode_header(lane, first, last, offset)
    return b"".join((bytes((_PART,)), header, encode_varint(len(payload)), payload))


def encode_ack(path_id: int, delay_us: int, ranges: list[tuple[int, int]]) -> bytes:
    """An ACK; ranges are (first, last), newest first, at most 64."""
    first, last = ranges[0]
    parts = [
        b"\x02",
        *map(encode_varint, (path_id, last, min(delay_us, VARINT_MAX), len(ranges) - 1, last - first)),
    ]
    for low, high in ranges[1:]:
        parts += (encode_varint(first - high - 2), encode_varint(high - low))
        first = low
    return b"".join(parts)


def encode(frame: Control) -> bytes:
    """The bytes of a control frame. Raises ValueError when a field does not fit."""
    match frame:
        case Ping():
            return PING_BYTES
        case Ack(path_id, delay_us, ranges):
            return encode_ack(path_id, delay_us, list(ranges))
        case Credit(lane, limit):
            return bytes((0x03, lane)) + encode_varint(limit)
        case Abandon(lane, offset, count):
            return bytes((0x04, lane)) + encode_varint(offset) + encode_varint(count)
        case PathAdd(path_id, receiver_id):
            return b"\x05" + path_id.to_bytes(2, "big") + receiver_id.to_bytes(3, "big")
        case PathClose(path_id, reason):
            return b"\x06" + path_id.to_bytes(2, "big") + bytes((reason,))
        case Challenge(token):
            return b"\x07" + token
        case Response(token):
            return b"\x08" + token
        case Probe(sequence, t1_ns):
            return b"\x09" + _PROBE.pack(sequence, t1_ns, 0, 0, 0, 0)
        case ProbeReply(sequence, t1_ns, t2_ns, t3_ns, count, flags):
            return b"\x0a" + _PROBE.pack(sequence, t1_ns, t2_ns, t3_ns, count, flags)
        case KeyShare(number, share):
            return b"\x0b" + encode_varint(number) + share
        case Close(reason):
            return bytes((0x0C, reason))
