"""What the coordinator knows of paths and decides about them, as the window and the drill show it."""

from enum import StrEnum

import msgspec

from netstack.model.session import Priority


class PathHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One path over the last window; None is "not measured". Rates are in bytes a second, times in seconds.

    `n` counts round trips. `loss_out` and `loss_back` are shares of `probes` probes, `success` is the share of `packets`
    data packets that were acknowledged. `throughput` is the fastest second. `stalled_s`: data waits so long and none was
    delivered. `checked_s`: how long ago the path answered anything.
    """

    path: int
    transport: str
    n: int = 0
    p50_s: float | None = None
    p99_s: float | None = None
    probes: int = 0
    loss_out: float | None = None
    loss_back: float | None = None
    packets: int = 0
    success: float | None = None
    throughput: float | None = None
    stalled_s: float | None = None
    checked_s: float | None = None
    metered: bool = False

    @property
    def name(self) -> str:
        """As sentences call it."""
        return self.transport.upper()

    @property
    def loss(self) -> float | None:
        """Share of round trips that were lost on either way."""
        if self.loss_out is None:
            return None
        back = self.loss_back or 0.0
        return self.loss_out + back - self.loss_out * back


class Reason(StrEnum):
    """Why traffic was put on another path."""

    STALLED = "stalled"
    SILENT = "silent"
    CLOSED = "closed"
    LATENCY = "latency"
    RELIABILITY = "reliability"
    THROUGHPUT = "throughput"
    PREFERRED = "preferred"
    UNMETERED = "unmetered"
    UPGRADE = "upgrade"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One move and the inequality behind it: `left` was greater than `right` + `margin`, in `unit`.

    `at_s` is on the engine's clock; `source` and `target` are path ids with their transports.
    """

    at_s: float
    priority: Priority
    source: int
    source_transport: str
    target: int
    target_transport: str
    reason: Reason
    left: float | None
    right: float | None
    margin: float
    unit: str
    sentence: str
    peer: str = ""


class PeerPaths(msgspec.Struct, frozen=True, kw_only=True):
    """What the coordinator holds of one connected peer. `routes` is the path id of each priority."""

    peer: str
    connection: int
    health: tuple[PathHealth, ...] = ()
    routes: tuple[int, int, int] = (0, 0, 0)
    reserve: int = -1
    doubled: bool = False


class CoordinatorState(msgspec.Struct, frozen=True, kw_only=True):
    """Every connected peer's paths, and the newest decisions, newest first."""

    peers: tuple[PeerPaths, ...] = ()
    decisions: tuple[Decision, ...] = ()
