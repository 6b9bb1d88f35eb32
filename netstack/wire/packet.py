"""Headers of sealed packets, and what the first byte of a datagram tells (docs/wire.md sections 1 and 2)."""

import struct
from enum import Enum
from typing import NamedTuple

from netstack.errors import DecodeError

FULL_HEADER_BYTES = 8
SHORT_HEADER_BYTES = 2
TAG_BYTES = 16
MIN_PACKET_BYTES = SHORT_HEADER_BYTES + TAG_BYTES + 1
MAX_PACKET_BYTES = 65535
PACKET_NUMBERS = 1 << 48
MAX_PATH_ID = 0xFFFE
SHORT_BITS = 13
FULL_BITS = 32

SEALED = 0xC0
LONG = 0x80  # short headers are below
FULL_HEADER = struct.Struct(">II")
NONCE = struct.Struct(">HHII")


class Kind(Enum):
    """Who is to read a datagram."""

    SEALED = "sealed"
    HANDSHAKE = "handshake"
    OTHER = "other"


class Header(NamedTuple):
    """A sealed packet's header: `low` is the end of the packet number, `bits` how much of it there is."""

    phase: int
    receiver_id: int
    low: int
    bits: int
    size: int


def classify(data: bytes | memoryview) -> Kind:
    """What a datagram on a shared link is. Never raises."""
    if len(data) == 0:
        return Kind.OTHER
    first = data[0]
    if first & 0xFC == SEALED:
        return Kind.SEALED
    return Kind.HANDSHAKE if first & 0xF8 == 0xD0 else Kind.OTHER


def decode_full(data: bytes | memoryview) -> Header:
    """The header of a sealed packet on a shared link. Raises DecodeError."""
    if len(data) <= FULL_HEADER_BYTES + TAG_BYTES:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "sealed packet")
    word, low = FULL_HEADER.unpack_from(data)
    if word >> 26 != SEALED >> 2:
        raise DecodeError(DecodeError.Reason.MALFORMED, "not a sealed packet")
    return Header(word >> 24 & 3, word & 0xFFFFFF, low, FULL_BITS, FULL_HEADER_BYTES)


def decode_short(data: bytes | memoryview) -> Header:
    """The header of a sealed packet on a link of its own. Raises DecodeError."""
    if len(data) < MIN_PACKET_BYTES:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "sealed packet")
    word = data[0] << 8 | data[1]
    if word >> 15:
        raise DecodeError(DecodeError.Reason.MALFORMED, "not a sealed packet")
    return Header(word >> SHORT_BITS, 0, word & ((1 << SHORT_BITS) - 1), SHORT_BITS, SHORT_HEADER_BYTES)


def encode_full(phase: int, receiver_id: int, number: int) -> bytes:
    """The eight bytes of a full header."""
    return FULL_HEADER.pack((SEALED | phase) << 24 | receiver_id, number & 0xFFFFFFFF)


def encode_short(phase: int, number: int) -> bytes:
    """The two bytes of a short header."""
    return (phase << SHORT_BITS | number & ((1 << SHORT_BITS) - 1)).to_bytes(2, "big")


def nonce(path_id: int, phase: int, receiver_id: int, number: int) -> bytes:
    """The twelve bytes that seal a packet: path id, the number's high part, the full header."""
    return NONCE.pack(path_id, number >> 32, (SEALED | phase) << 24 | receiver_id, number & 0xFFFFFFFF)


def extend_number(low: int, bits: int, expected: int) -> int:
    """The packet number nearest to `expected` that ends in `low`; -1 when that is no packet number."""
    half = 1 << (bits - 1)
    number = expected + ((low - expected + half) & ((half << 1) - 1)) - half
    if number < 0:
        number += half << 1
    return number if number < PACKET_NUMBERS else -1
