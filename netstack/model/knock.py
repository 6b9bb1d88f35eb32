"""What a knock from outside showed of a port."""

from enum import StrEnum

import msgspec


class KnockState(StrEnum):
    """Whether the port can be reached from outside."""

    REACHABLE = "reachable"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class KnockReport(msgspec.Struct, frozen=True):
    """The state and how it was seen, in a sentence without its full stop."""

    state: KnockState
    text: str
