"""Packets of one path are opened: the cheap checks first, then the key, then the window."""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from netstack.core import seal
from netstack.core.session_path import Path
from netstack.core.session_turns import FORGERIES_MAX, Turns
from netstack.errors import DecodeError
from netstack.model.session import Drop
from netstack.wire import fragment, packet

Buffer = bytes | memoryview


class Opened(NamedTuple):
    """Packets `first`, `first + 1`... of one turn."""

    first: int
    turn: int
    plaintexts: list[bytes]


def open_run(path: Path, turns: Turns, data: Buffer, segment_bytes: int) -> Opened | None:
    """A burst that arrived whole and in order, opened at once. None: open its packets one by one."""
    if data[0] < packet.LONG or not seal.is_run(data, segment_bytes):
        return None
    header = packet.decode_full(data)
    expected = path.window.highest + 1
    first = packet.extend_number(header.low, header.bits, expected)
    count = -(-len(data) // segment_bytes)
    if first < expected or first >> 32 != (first + count - 1) >> 32:
        return None
    found = turns.receive.for_phase(header.phase)
    if found is None:
        return None
    turn, aead = found
    plaintexts = seal.open_run(aead, path.id, header.phase, header.receiver_id, first, data, segment_bytes)
    return None if plaintexts is None else Opened(first, turn, plaintexts)


def open_packet(path: Path, turns: Turns, data: Buffer, *, exclusive: bool) -> Opened | Drop:
    """One packet, or why it was dropped."""
    short = exclusive and len(data) > 0 and data[0] < packet.LONG
    try:
        header = packet.decode_short(data) if short else packet.decode_full(data)
    except DecodeError:
        return Drop.TRUNCATED
    number = packet.extend_number(header.low, header.bits, path.window.highest + 1)
    if number < 0 or not path.window.fresh(number):
        return Drop.REPLAYED
    found = turns.receive.for_phase(header.phase)
    if found is None:
        return Drop.OLD_KEY
    turn, aead = found
    plaintext = seal.open_one(aead, path.id, header.phase, header.receiver_id, number, data[header.size :])
    if plaintext is None:
        turns.forgeries += 1
        return Drop.FORGED
    return Opened(number, turn, [plaintext])


def too_many_forgeries(turns: Turns) -> bool:
    """The bound of RFC 9001 section 6.6 is reached."""
    return turns.forgeries >= FORGERIES_MAX


@lru_cache(maxsize=64)
def _data_frame(size: int) -> struct.Struct:
    return struct.Struct(f">I{size - fragment.HEADER_BYTES}s")


class DataRun(NamedTuple):
    """Fragments of equal size that follow each other in one lane, none of them an end of a message."""

    lane: int
    offset: int
    units: int
    payloads: tuple[bytes, ...]


def data_run(plaintexts: list[bytes]) -> DataRun | None:
    """The plaintexts of equal length as a run of data frames; None when they are anything else."""
    size = len(plaintexts[0])
    units = size // fragment.UNIT_BYTES - 1
    if units < 1 or size % fragment.UNIT_BYTES or plaintexts[0][0] < fragment.FIRST_CODE:
        return None
    pairs: list[tuple[int, bytes]] = list(map(_data_frame(size).unpack, plaintexts))
    words, payloads = zip(*pairs, strict=True)
    first = words[0]
    offset = first & (fragment.OFFSET_RANGE - 1)
    if (
        words != tuple(range(first, first + units * len(words), units))
        or offset + units * len(words) > fragment.OFFSET_RANGE
        or first >> fragment.OFFSET_BITS & 3
    ):
        return None
    return DataRun((first >> 24) - fragment.FIRST_CODE >> 4, offset, units, payloads)


def take_all(
    opened: Opened, take: Callable[[bytes], bool | None], take_run: Callable[[DataRun], bool]
) -> list[tuple[int, int, bool]]:
    """Gives every packet to `take`, and the middle of a large message to `take_run` at once.

    Returns what to acknowledge: (first, last, whether it asks for it).
    """
    first, _, plaintexts = opened
    count = len(plaintexts)
    kept: list[tuple[int, int, bool]] = []

    def each(start: int, end: int) -> None:
        for at in range(start, end):
            asks = take(plaintexts[at])
            if asks is not None:
                kept.append((first + at, first + at, asks))

    run = data_run(plaintexts[1:-1]) if count > 2 else None
    if run is None:
        each(0, count)
        return kept
    each(0, 1)
    if take_run(run):
        kept.append((first + 1, first + count - 2, True))
    else:
        each(1, count - 1)
    each(count - 1, count)
    if sum(last - start + 1 for start, last, asks in kept if asks) == count:
        return [(first, first + count - 1, True)]
    return kept
