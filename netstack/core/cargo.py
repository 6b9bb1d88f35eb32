"""What a burst carries, and pieces of it that are carried a second time."""

from typing import NamedTuple

from netstack.core.fragments import WIDE_EXTRA_BYTES
from netstack.core.message import Message, Parts, Run
from netstack.core.sent_bursts import SentBurst
from netstack.model.session import Priority
from netstack.wire.fragment import LANE_PRIORITIES, UNIT_BYTES
from netstack.wire.frame import Control


class Mixed(NamedTuple):
    """Cargo of a packet with control frames that are repeated when lost, and perhaps data."""

    controls: tuple[Control, ...]
    data: Run | Parts | None


def data_of(burst: SentBurst) -> Run | Parts | None:
    """The messages that a burst carries."""
    cargo: Message | Run | Parts | Mixed | None = burst.cargo
    if isinstance(cargo, Message):
        return cargo.whole
    return cargo.data if isinstance(cargo, Mixed) else cargo


def important(data: Run | Parts) -> bool:
    """Some of it is worth being sent twice: anything but bulk."""
    runs = data.runs if isinstance(data, Parts) else (data,)
    return any(LANE_PRIORITIES[run.message.lane] is not Priority.BULK for run in runs)


def pieces(data: Run | Parts, mask: int) -> list[Run]:
    """The stretches of messages in those packets, each as a run of one packet, however long it would be."""
    if isinstance(data, Parts):
        return list(data.runs)
    return [Run(data.message, start, end, end - start, 1, data.wide) for start, end in data.stretches(mask)]


def cut(piece: Run, payload_bytes: int) -> tuple[Run, Run | None]:
    """What of a piece fits one packet with so many payload bytes, and the rest."""
    units = (payload_bytes - WIDE_EXTRA_BYTES * piece.wide) // UNIT_BYTES
    message = piece.message
    left_bytes = (piece.end - piece.start) * UNIT_BYTES
    if piece.end == message.end:
        left_bytes = len(message.data) - (piece.start - message.start) * UNIT_BYTES
    if left_bytes <= units * UNIT_BYTES:
        return piece, None
    stop = piece.start + units
    return piece._replace(end=stop, units=units), piece._replace(start=stop, units=piece.end - stop)
