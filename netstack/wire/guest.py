"""What a host and a browser guest say on their data channels (docs/wire.md 12.3); messages are those of section 8.

Ordered channel: PROOF, then ABOUT, PART and LAST (pieces of messages), GOT, FACTS. Fast channel: PING, PONG, and LAST
for a whole message of which nothing is promised.
"""

import math
import struct
from enum import IntEnum
from typing import Annotated, Final

import msgspec

from netstack.errors import DecodeError
from netstack.wire.ice_description import IceDescription

PIECE_BYTES: Final = 16_384
MAX_JSON_BYTES: Final = 4096
MAX_FRAME_BYTES: Final = 65_536
PROOF_BYTES: Final = 32
WINDOW_BYTES: Final = 131_072


class _Kind(IntEnum):
    PROOF = 0x01
    ABOUT = 0x02
    PART = 0x03
    LAST = 0x04
    GOT = 0x05
    FACTS = 0x06
    PING = 0x10
    PONG = 0x11


class Proof(msgspec.Struct, frozen=True):
    """The first frame of each side."""

    mac: bytes


class About(msgspec.Struct, frozen=True):
    """What the guest wants to be called, and what its browser calls itself."""

    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    browser: Annotated[str, msgspec.Meta(max_length=300)] = ""


class Piece(msgspec.Struct, frozen=True):
    """A piece of a message; `last` ends it."""

    data: bytes
    last: bool


class Got(msgspec.Struct, frozen=True):
    """So many whole messages have come, and so many bytes of pieces were taken: room for as many more."""

    messages: int
    taken_bytes: int


class Facts(msgspec.Struct, frozen=True):
    """What the guest's browser tells of the connection (getStats); None: it does not tell."""

    local: Annotated[str, msgspec.Meta(max_length=10)] | None = None
    remote: Annotated[str, msgspec.Meta(max_length=10)] | None = None
    protocol: Annotated[str, msgspec.Meta(max_length=10)] | None = None
    rtt_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None


class Ping(msgspec.Struct, frozen=True):
    """`t1_s` is on the sender's own clock and comes back."""

    sequence: int
    t1_s: float


class Pong(msgspec.Struct, frozen=True):
    """The answer; `t2_s` is on the answering side's clock, `count` how many pings it has answered so far."""

    sequence: int
    t1_s: float
    t2_s: float
    count: int


GuestFrame = Proof | About | Piece | Got | Facts
FastFrame = Ping | Pong

_GOT = struct.Struct("!BIQ")
_PING = struct.Struct("!BId")
_PONG = struct.Struct("!BIddI")
_about, _facts = msgspec.json.Decoder(About), msgspec.json.Decoder(Facts)


def encode(frame: GuestFrame | FastFrame) -> bytes:
    """As one message of a data channel."""
    match frame:
        case Proof(mac):
            return bytes((_Kind.PROOF,)) + mac
        case About():
            return bytes((_Kind.ABOUT,)) + msgspec.json.encode(frame)
        case Piece(data, last):
            return bytes((_Kind.LAST if last else _Kind.PART,)) + data
        case Got(messages, taken):
            return _GOT.pack(_Kind.GOT, messages, taken)
        case Facts():
            return bytes((_Kind.FACTS,)) + msgspec.json.encode(frame)
        case Ping(sequence, t1_s):
            return _PING.pack(_Kind.PING, sequence, t1_s)
        case Pong(sequence, t1_s, t2_s, count):
            return _PONG.pack(_Kind.PONG, sequence, t1_s, t2_s, count)


def decode(data: bytes) -> GuestFrame | FastFrame:
    """Reads one message of a data channel. Raises DecodeError."""
    if len(data) > MAX_FRAME_BYTES:
        raise DecodeError(DecodeError.Reason.OVERSIZED, "guest frame")
    try:
        return _decode(_Kind(data[0]), data)
    except IndexError as error:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "guest frame") from error
    except (struct.error, ValueError) as error:  # msgspec's and Unicode's errors are ValueErrors
        raise DecodeError(DecodeError.Reason.MALFORMED, "guest frame") from error


def _decode(kind: _Kind, data: bytes) -> GuestFrame | FastFrame:
    body = data[1:]
    match kind:
        case _Kind.PROOF:
            if len(body) != PROOF_BYTES:
                raise ValueError("a proof has 32 bytes")
            return Proof(body)
        case _Kind.ABOUT | _Kind.FACTS:
            if len(body) > MAX_JSON_BYTES:
                raise DecodeError(DecodeError.Reason.OVERSIZED, "guest frame")
            return (_about if kind is _Kind.ABOUT else _facts).decode(body)
        case _Kind.PART | _Kind.LAST:
            return Piece(body, kind is _Kind.LAST)
        case _Kind.GOT:
            return Got(*_GOT.unpack(data)[1:])
        case _Kind.PING:
            _, sequence, t1_s = _PING.unpack(data)
            return Ping(sequence, _finite(t1_s))
        case _Kind.PONG:
            _, sequence, t1_s, t2_s, count = _PONG.unpack(data)
            return Pong(sequence, _finite(t1_s), _finite(t2_s), count)


def _finite(time_s: float) -> float:
    if not math.isfinite(time_s):
        raise ValueError("that is no time")
    return time_s


class Mail(IntEnum):
    """Kinds of the notes in the mailbox, before the two are connected (docs/wire.md 12.2)."""

    ASK = 1
    INVITE = 2
    OFFER = 3
    ANSWER = 4
    CLOSED = 5


class Invite(msgspec.Struct, frozen=True):
    """Who invites, and the STUN servers (`stun:HOST:PORT`) that the browser may ask for its address."""

    host: str
    stun: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """The host's description; `to` is the SHA-256 of the offer that it answers, in hexadecimal."""

    to: str
    description: IceDescription
