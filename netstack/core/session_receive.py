"""Packets of one path are opened: the cheap checks first, then the key, then the window."""

import struct
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from netstack.core import seal
from netstack.core.seal import OpenedRun, RunOpener
from netstack.core.session_path import Path
from netstack.core.session_turns import FORGERIES_MAX, Turns
from netstack.errors import DecodeError
from netstack.model.session import Drop
from netstack.wire import fragment, packet

Buffer = bytes | memoryview
_ENDS = 0x0C  # the packet's data frame begins or ends a message


class Opened(NamedTuple):
    """One packet of a turn."""

    first: int
    turn: int
    plaintext: bytes

    @property
    def packets(self) -> int:
        """How many packets."""
        return 1


class OpenedBurst(NamedTuple):
    """Packets `first`, `first + 1`... of one turn; valid until the next burst is opened."""

    first: int
    turn: int
    run: OpenedRun

    @property
    def packets(self) -> int:
        """How many packets."""
        return self.run.count


def open_run(
    path: Path, turns: Turns, opener: RunOpener, data: Buffer, segment_bytes: int, gap_bytes: int
) -> OpenedBurst | None:
    """A burst that arrived whole and in order, opened at once. None: open its packets one by one."""
    if data[0] < packet.LONG or not seal.is_run(data, segment_bytes, gap_bytes):
        return None
    header = packet.decode_full(data)
    expected = path.window.highest + 1
    first = packet.extend_number(header.low, header.bits, expected)
    count = -(-len(data) // (segment_bytes + gap_bytes))
    if first < expected or first >> 32 != (first + count - 1) >> 32:
        return None
    found = turns.receive.for_phase(header.phase)
    if found is None:
        return None
    turn, aead = found
    run = opener.open(aead, path.id, header.phase, header.receiver_id, first, data, segment_bytes, gap_bytes)
    return None if run is None else OpenedBurst(first, turn, run)


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
    return Opened(number, turn, plaintext)


def too_many_forgeries(turns: Turns) -> bool:
    """The bound of RFC 9001 section 6.6 is reached."""
    return turns.forgeries >= FORGERIES_MAX


@lru_cache(maxsize=64)
def _data_header(size_bytes: int) -> struct.Struct:
    return struct.Struct(f">I{size_bytes - fragment.HEADER_BYTES}x")


class DataRun(NamedTuple):
    """Fragments of `units` units that follow each other in one lane, none of them an end of a message."""

    lane: int
    offset: int
    units: int
    fragments: int
    payload: bytes


def data_run(run: OpenedRun, start: int, end: int) -> DataRun | None:
    """The packets from `start` to `end` as a run of data frames; None when they are anything else."""
    size_bytes, count, view = run.size_bytes, end - start, run.view
    units = size_bytes // fragment.UNIT_BYTES - 1
    at = start * size_bytes
    if units < 1 or size_bytes % fragment.UNIT_BYTES or view[at] < fragment.FIRST_CODE:
        return None
    words = tuple(chain.from_iterable(_data_header(size_bytes).iter_unpack(view[at : end * size_bytes])))
    first = words[0]
    offset = first & (fragment.OFFSET_RANGE - 1)
    if (
        words != tuple(range(first, first + units * count, units))
        or offset + units * count > fragment.OFFSET_RANGE
        or first >> fragment.OFFSET_BITS & 3
    ):
        return None
    lane = (first >> 24) - fragment.FIRST_CODE >> 4
    return DataRun(lane, offset, units, count, run.inner(start, end))


def take_burst(
    burst: OpenedBurst, take: Callable[[bytes], bool | None], take_run: Callable[[DataRun], bool]
) -> list[tuple[int, int, bool]]:
    """Gives every packet to `take`, and the middle of a large message to `take_run` at once.

    Returns what to acknowledge: (first, last, whether it asks for it).
    """
    first, _, run = burst
    count = run.count
    kept: list[tuple[int, int, bool]] = []

    def each(start: int, end: int) -> None:
        for at in range(start, end):
            asks = take(run.plaintext(at))
            if asks is not None:
                kept.append((first + at, first + at, asks))

    start, end = _middle(run)
    middle = data_run(run, start, end) if end - start > 1 else None
    if middle is None:
        each(0, count)
        return kept
    each(0, start)
    if take_run(middle):
        kept.append((first + start, first + end - 1, True))
    else:
        each(start, end)
    each(end, count)
    if len(kept) > 1 and sum(last - start + 1 for start, last, asks in kept if asks) == count:
        return [(first, first + count - 1, True)]
    return kept


def _middle(run: OpenedRun) -> tuple[int, int]:
    """The packets that may be the middle of one message: without those that begin or end it."""
    view, at = run.view, (run.count - 1) * run.size_bytes
    inner = len(view) == at + run.size_bytes and not view[at] & _ENDS
    return (1 if view[0] & _ENDS else 0), (run.count if inner else run.count - 1)
