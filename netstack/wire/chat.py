"""What peers say to each other inside a session: texts, payloads, files, load, knocks (docs/wire.md section 9)."""

import struct
from enum import IntEnum
from ipaddress import ip_address
from typing import Final

import msgspec

from netstack.errors import DecodeError
from netstack.model.chat import FileEnd
from netstack.model.port_mapping import Carried

MAX_TEXT_BYTES: Final = 16_384
MAX_PART_BYTES: Final = 1 << 20
MAX_PAYLOAD_BYTES: Final = 1 << 30
CHUNK_BYTES: Final = 1 << 18
MAX_NAME_BYTES: Final = 255
MAX_FILE_BYTES: Final = 1 << 48
DIGEST_BYTES: Final = 32
MAX_LOAD_S: Final = 20
MAX_LOAD_BYTES: Final = 256 << 20
LOAD_PIECE_BYTES: Final = 16_384
KNOCK_TOKEN_BYTES: Final = 16
MAX_HOST_BYTES: Final = 45
WANTS_ECHO, IS_ECHO = 1, 2
SIGNAL: Final = 0x50
"""The first byte of a note of section 8 inside a session; `service/session_notes.py` takes it."""


class _Kind(IntEnum):
    TEXT = 0x01
    PAYLOAD = 0x02
    OFFER = 0x10
    ACCEPT = 0x11
    CHUNK = 0x12
    GOT = 0x13
    PAUSE = 0x14
    RESUME = 0x15
    END = 0x16
    LOAD_ASK = 0x20
    LOAD_STEP = 0x21
    LOAD_DATA = 0x22
    KNOCK_ASK = 0x30
    KNOCK_DONE = 0x31


class LoadVerb(IntEnum):
    """Steps of a measurement under load; `value` is what GOT has so far in bytes, or which PING or PONG it is."""

    ALLOW = 0
    REFUSE = 1
    GOT = 2
    TURN = 3
    PING = 4
    PONG = 5
    END = 6


class Text(msgspec.Struct, frozen=True):
    """Words of a person."""

    text: str


class PayloadPart(msgspec.Struct, frozen=True):
    """Bytes to measure with: `data` begins at `offset` of `total`. Flags: `WANTS_ECHO`, `IS_ECHO`."""

    number: int
    flags: int
    total: int
    offset: int
    data: bytes


class Offer(msgspec.Struct, frozen=True):
    """A file is offered. Numbers are even where the side that dialled offers, odd on the other."""

    file: int
    size_bytes: int
    sha256: bytes
    name: str


class Accept(msgspec.Struct, frozen=True):
    """The file is wanted, from `offset` on."""

    file: int
    offset: int


class Chunk(msgspec.Struct, frozen=True):
    """A piece of the file."""

    file: int
    offset: int
    data: bytes


class Got(msgspec.Struct, frozen=True):
    """So much of the file is written down."""

    file: int
    offset: int


class Pause(msgspec.Struct, frozen=True):
    """Whoever says so wants a rest."""

    file: int


class Resume(msgspec.Struct, frozen=True):
    """The rest is over."""

    file: int


class End(msgspec.Struct, frozen=True):
    """The file is over for both; COMPLETE comes from the receiver, once the SHA-256 agrees."""

    file: int
    reason: FileEnd


class LoadAsk(msgspec.Struct, frozen=True):
    """May I load the connection, each way for at most so long and with at most so many bytes?"""

    number: int
    max_s: int
    max_bytes: int


class LoadStep(msgspec.Struct, frozen=True):
    """A step of it."""

    number: int
    verb: LoadVerb
    value: int = 0


class LoadData(msgspec.Struct, frozen=True):
    """Bytes that mean nothing."""

    number: int
    data: bytes


class KnockOutcome(IntEnum):
    """What became of a knock, as the one who knocked saw it; SENT is all that UDP can tell."""

    SENT = 0
    OPEN = 1
    REFUSED = 2
    SILENT = 3
    DECLINED = 4
    FAILED = 5


class KnockAsk(msgspec.Struct, frozen=True):
    """Please knock at my port; `host` is my public address, `token` what a UDP knock carries."""

    number: int
    carried: Carried
    port: int
    token: bytes
    host: str


class KnockDone(msgspec.Struct, frozen=True):
    """The knock is over."""

    number: int
    outcome: KnockOutcome


KnockNote = KnockAsk | KnockDone
LoadNote = LoadAsk | LoadStep | LoadData
FileNote = Offer | Accept | Chunk | Got | Pause | Resume | End
ChatNote = Text | PayloadPart | FileNote | LoadNote | KnockNote

_PAYLOAD = struct.Struct("!BIBII")
_OFFER = struct.Struct("!BIQ32s")
_PLACE = struct.Struct("!BIQ")
_FILE = struct.Struct("!BI")
_END = struct.Struct("!BIB")
_LOAD_ASK = struct.Struct("!BIBI")
_KNOCK_ASK = struct.Struct("!BIBH16s")
_IP_PROTOCOL = {Carried.TCP: 6, Carried.UDP: 17}
_CARRIED = {number: carried for carried, number in _IP_PROTOCOL.items()}
_LOAD_STEP = struct.Struct("!BIBQ")


def encode(note: ChatNote) -> bytes:
    """As one session message."""
    match note:
        case Text(text):
            return bytes((_Kind.TEXT,)) + text.encode("utf-8", "replace")
        case PayloadPart(number, flags, total, offset, data):
            return _PAYLOAD.pack(_Kind.PAYLOAD, number, flags, total, offset) + data
        case Offer(file, size, sha256, name):
            return _OFFER.pack(_Kind.OFFER, file, size, sha256) + name.encode()
        case Accept(file, offset):
            return _PLACE.pack(_Kind.ACCEPT, file, offset)
        case Chunk(file, offset, data):
            return _PLACE.pack(_Kind.CHUNK, file, offset) + data
        case Got(file, offset):
            return _PLACE.pack(_Kind.GOT, file, offset)
        case Pause(file):
            return _FILE.pack(_Kind.PAUSE, file)
        case Resume(file):
            return _FILE.pack(_Kind.RESUME, file)
        case End(file, reason):
            return _END.pack(_Kind.END, file, reason)
        case LoadAsk(number, max_s, max_bytes):
            return _LOAD_ASK.pack(_Kind.LOAD_ASK, number, max_s, max_bytes)
        case LoadStep(number, verb, value):
            return _LOAD_STEP.pack(_Kind.LOAD_STEP, number, verb, value)
        case KnockAsk(number, carried, port, token, host):
            return (
                _KNOCK_ASK.pack(_Kind.KNOCK_ASK, number, _IP_PROTOCOL[carried], port, token) + host.encode()
            )
        case KnockDone(number, outcome):
            return _END.pack(_Kind.KNOCK_DONE, number, outcome)
        case LoadData(number, data):
            return _FILE.pack(_Kind.LOAD_DATA, number) + data


def decode(data: bytes) -> ChatNote:
    """Reads one session message. Raises DecodeError."""
    try:
        return _decode(_Kind(data[0]), data)
    except IndexError as error:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "message") from error
    except (struct.error, ValueError) as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, "message") from error


def _decode(kind: _Kind, data: bytes) -> ChatNote:
    match kind:
        case _Kind.TEXT:
            _fits(0 < len(data) - 1 <= MAX_TEXT_BYTES)
            return Text(data[1:].decode())
        case _Kind.PAYLOAD:
            _, number, flags, total, offset = _PAYLOAD.unpack_from(data)
            body = data[_PAYLOAD.size :]
            _fits(len(body) <= MAX_PART_BYTES and total <= MAX_PAYLOAD_BYTES and offset + len(body) <= total)
            return PayloadPart(number, flags, total, offset, body)
        case _Kind.OFFER:
            _, file, size, sha256 = _OFFER.unpack_from(data)
            name = data[_OFFER.size :]
            _fits(0 < len(name) <= MAX_NAME_BYTES and size <= MAX_FILE_BYTES)
            return Offer(file, size, sha256, name.decode())
        case _Kind.ACCEPT | _Kind.GOT:
            _, file, offset = _PLACE.unpack(data)
            return (Accept if kind is _Kind.ACCEPT else Got)(file, offset)
        case _Kind.CHUNK:
            _, file, offset = _PLACE.unpack_from(data)
            body = data[_PLACE.size :]
            _fits(0 < len(body) <= CHUNK_BYTES)
            return Chunk(file, offset, body)
        case _Kind.PAUSE | _Kind.RESUME:
            _, file = _FILE.unpack(data)
            return (Pause if kind is _Kind.PAUSE else Resume)(file)
        case _Kind.END:
            _, file, reason = _END.unpack(data)
            return End(file, FileEnd(reason))
        case _Kind.KNOCK_ASK:
            _, number, protocol, port, token = _KNOCK_ASK.unpack_from(data)
            host = data[_KNOCK_ASK.size :]
            _fits(0 < len(host) <= MAX_HOST_BYTES and port > 0 and protocol in _CARRIED)
            return KnockAsk(number, _CARRIED[protocol], port, token, str(ip_address(host.decode("ascii"))))
        case _Kind.KNOCK_DONE:
            _, number, outcome = _END.unpack(data)
            return KnockDone(number, KnockOutcome(outcome))
        case _Kind.LOAD_ASK:
            _, number, max_s, max_bytes = _LOAD_ASK.unpack(data)
            _fits(0 < max_s <= MAX_LOAD_S and 0 < max_bytes <= MAX_LOAD_BYTES)
            return LoadAsk(number, max_s, max_bytes)
        case _Kind.LOAD_STEP:
            _, number, verb, value = _LOAD_STEP.unpack(data)
            return LoadStep(number, LoadVerb(verb), value)
        case _Kind.LOAD_DATA:
            _, number = _FILE.unpack_from(data)
            _fits(_FILE.size < len(data) <= _FILE.size + LOAD_PIECE_BYTES)
            return LoadData(number, data[_FILE.size :])


def _fits(condition: bool) -> None:
    if not condition:
        raise DecodeError(DecodeError.Reason.OVERSIZED, "message")
