"""Who went over the limits, and what was not let in."""

import msgspec


class SuspectState(msgspec.Struct, frozen=True):
    """An address that brought far too much, how often it did, and until when (seconds since 1970) it gets less."""

    peer: str
    over: int
    until_s: float


class GuardState(msgspec.Struct, frozen=True):
    """At the entrances of the open sessions: who is suspect, and the packets that were dropped, by reason."""

    suspects: tuple[SuspectState, ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()
