"""Latency under load: what a connection's round trips become while it carries all that it can."""

from enum import StrEnum
from math import inf
from typing import ClassVar, Final

import msgspec

from netstack.errors import Fault, PeerscopeError


class LoadPlan(msgspec.Struct, frozen=True):
    """The bounds, each way: at most so many bytes and seconds of load, after `idle_s` of rest."""

    idle_s: float = 2.0
    max_s: int = 10
    max_bytes: int = 64 << 20


class LoadError(PeerscopeError):
    """Latency under load could not be measured."""

    class Reason(StrEnum):
        """Why not."""

        REFUSED = "load-refused"
        SILENT = "load-no-answer"
        BUSY = "load-busy"
        STOPPED = "load-stopped"
        TOO_FEW = "load-too-few"

    TABLE: ClassVar = {
        Reason.REFUSED: (Fault.PEER, "The other side does not want to be measured under load now."),
        Reason.SILENT: (
            Fault.PEER,
            "The other side did not say whether it may be measured under load; it may have an older program.",
        ),
        Reason.BUSY: (Fault.USER, "A measurement under load is going on already."),
        Reason.STOPPED: (Fault.PEER, "The other side ended the measurement."),
        Reason.TOO_FEW: (Fault.NETWORK, "Too few probes came back under load to say anything."),
    }


class RoundTrips(msgspec.Struct, frozen=True):
    """Round trips in seconds; `mean_s` is of the lower 95 % (the trimmed mean). None: not measured."""

    n: int = 0
    p50_s: float | None = None
    p99_s: float | None = None
    mean_s: float | None = None
    worst_s: float | None = None


class LoadPhase(msgspec.Struct, frozen=True):
    """One direction under load, or the rest before (`bytes` 0).

    `path`: the session's probes, the far side's own delay left out. `message`: small messages, answered by the far
    program. `lost` of `messages` never came back. `stable`: the throughput had settled; the figures are from then on
    (at least of the last 2 s), else without the first third. `rpm` is round trips a minute (draft-ietf-ippm-responsiveness).
    """

    seconds: float = 0.0
    bytes: int = 0
    goodput: float | None = None
    stable: bool = False
    path: RoundTrips = RoundTrips()
    message: RoundTrips = RoundTrips()
    messages: int = 0
    lost: int = 0
    rpm: float | None = None


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """At rest, then sending (`up`), then receiving (`down`), over the transport that carried it."""

    at_s: float
    peer: str
    transport: str
    idle: LoadPhase
    up: LoadPhase
    down: LoadPhase

    @property
    def rpm(self) -> float | None:
        """The worse of both directions."""
        known = [phase.rpm for phase in (self.up, self.down) if phase.rpm is not None]
        return min(known) if known else None

    @property
    def added_s(self) -> float | None:
        """By how much the median round trip grew, in the worse direction."""
        rest_s = self.idle.path.p50_s
        loaded = [phase.path.p50_s for phase in (self.up, self.down) if phase.path.p50_s is not None]
        return max(loaded) - rest_s if loaded and rest_s is not None else None


class LoadGrade(StrEnum):
    """What load does to a small packet's round trip, by what it adds to it."""

    STEADY = "steady"
    NOTICED = "noticed"
    LAGS = "lags"
    UNPLAYABLE = "unplayable"


_ADDED_BELOW_S: Final = (
    (0.03, LoadGrade.STEADY),
    (0.1, LoadGrade.NOTICED),
    (0.3, LoadGrade.LAGS),
    (inf, LoadGrade.UNPLAYABLE),
)


def load_grade(added_s: float | None) -> LoadGrade | None:
    """The one measure by which every page, the doctor and its rows judge latency under load; None: not measured."""
    if added_s is None:
        return None
    return next(grade for below_s, grade in _ADDED_BELOW_S if added_s < below_s)


class LoadStage(StrEnum):
    """What goes on: nothing, waiting for the peer's word, at rest, sending, receiving, or helping the peer."""

    NONE = "none"
    ASKING = "asking"
    IDLE = "idle"
    UP = "up"
    DOWN = "down"
    SERVING = "serving"


class LoadState(msgspec.Struct, frozen=True):
    """One session's measurement. `asked` is what the peer wants to do with us, until it is answered."""

    stage: LoadStage = LoadStage.NONE
    progress: float = 0.0
    asked: LoadPlan | None = None
    report: LoadReport | None = None
