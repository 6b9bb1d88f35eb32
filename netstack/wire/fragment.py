"""The data header: which lane, where in it, and where messages begin and end (docs/wire.md section 3.1)."""

import struct
from typing import NamedTuple

from netstack.errors import DecodeError
from netstack.model.session import Mode, Priority

UNIT_BYTES = 4
HEADER_BYTES = 4
FIRST_CODE = 0x40
OFFSET_BITS = 26
OFFSET_RANGE = 1 << OFFSET_BITS
LANES = len(Mode) * len(Priority)
RELIABLE_LANES = 2 * len(Priority)

_WORD = struct.Struct(">I")


class Fragment(NamedTuple):
    """A piece of a message. `offset` is in units: 26 bits of it, or all where `wide`."""

    lane: int
    first: bool
    last: bool
    offset: int
    payload: bytes
    wide: bool = False


def lane_of(mode: Mode, priority: Priority) -> int:
    """The number of a lane."""
    return mode * len(Priority) + priority


def lane_mode(lane: int) -> Mode:
    """A lane's mode."""
    return Mode(lane // len(Priority))


def lane_priority(lane: int) -> Priority:
    """A lane's priority."""
    return Priority(lane % len(Priority))


LANE_MODES = tuple(lane_mode(lane) for lane in range(LANES))
LANE_PRIORITIES = tuple(lane_priority(lane) for lane in range(LANES))


def message_units(length: int) -> int:
    """How many units a message of `length` bytes takes: one more than it fills, so an empty one counts."""
    return length // UNIT_BYTES + 1


def encode_header(lane: int, first: bool, last: bool, offset: int) -> bytes:
    """The four bytes before a payload."""
    code = FIRST_CODE + (lane << 4 | first << 3 | last << 2)
    return _WORD.pack((code << 24) + (offset & (OFFSET_RANGE - 1)))


def encode_headers(lane: int, offset: int, units: int, count: int) -> list[bytes]:
    """Headers of `count` fragments of `units` units each, none of them a first or last one."""
    code = FIRST_CODE + (lane << 4)
    low = offset & (OFFSET_RANGE - 1)
    if low + units * count > OFFSET_RANGE:
        return [encode_header(lane, False, False, offset + units * number) for number in range(count)]
    word = (code << 24) + low
    return list(map(_WORD.pack, range(word, word + units * count, units)))


def decode_header(word: int, payload: bytes) -> Fragment:
    """A fragment from its header as one number, and its payload. Raises DecodeError."""
    code = (word >> 24) - FIRST_CODE
    if code < 0:
        raise DecodeError(DecodeError.Reason.MALFORMED, "not a data frame")
    last = bool(code & 4)
    if not last and (not payload or len(payload) % UNIT_BYTES):
        raise DecodeError(DecodeError.Reason.MALFORMED, "a fragment that does not fill its units")
    return Fragment(code >> 4, bool(code & 8), last, word & (OFFSET_RANGE - 1), payload)


def extend_offset(low: int, reference: int) -> int:
    """The offset nearest to `reference` that ends in the 26 bits of `low`; negative for none."""
    half = OFFSET_RANGE >> 1
    return reference + ((low - reference + half) & (OFFSET_RANGE - 1)) - half
