"""What the coordinator knows of paths and decides about them, as the window and the drill show it."""

from enum import StrEnum
from typing import Final

import msgspec

from netstack.model.session import Priority, TransportKind


class PathHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One path over the last window; None is "not measured". Rates are in bytes a second, times in seconds.

    `n` counts round trips. `loss_out` and `loss_back` are shares of `probes` probes, `success` is the share of `packets`
    data packets that were acknowledged. `throughput` is the fastest second in which more was waiting to
    be sent. `stalled_s`: data waits so long and none was
    delivered. `checked_s`: how long ago the path answered anything. `local` is the
    address of ours that it leaves from, where it is bound to one: paths of one interface die together. `rests`: it is a backup that is
    probed twice a second instead of ten times.
    """

    path: int
    transport: str
    local: str = ""
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
    rests: bool = False

    @property
    def name(self) -> str:
        """As sentences call it."""
        return f"{self.transport.upper()} ({self.local})" if self.local else self.transport.upper()

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


class DrillCause(StrEnum):
    """What happens to the path that carries the traffic."""

    DEAD = "dead"
    DATA_BLACKHOLE = "data-blackhole"
    ONE_WAY_LOSS = "one-way-loss"
    LOSS_30 = "loss-30"
    LATENCY_JUMP = "latency-jump"


class DrillResult(msgspec.Struct, frozen=True, kw_only=True):
    """One failover, both directions together. `warm`: a backup was open when it happened.

    `blackout_s` is the longest time in which one side heard nothing new, `late` counts messages that took more than
    150 ms, `switches` the moves of either side. `n` messages were sent after it happened.
    """

    cause: DrillCause
    warm: bool
    blackout_s: float
    lost: int
    duplicated: int
    late: int
    n: int
    switches: int


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What others publish, or their users report, of a system when its direct path dies; not measured here."""

    system: str
    blackout_s: float
    note: str


PUBLISHED: Final = (
    Published(system="iroh", blackout_s=15.1, note="reported by users for a direct path that dies"),
    Published(
        system="tailscale", blackout_s=6.5, note="how long its source trusts a direct path that is silent"
    ),
    Published(system="aioice", blackout_s=30.0, note="about: six consent checks of five seconds must fail"),
)
"""Published by others, not measured here, and of other traffic and other faults."""


class DrillState(msgspec.Struct, frozen=True, kw_only=True):
    """The drill as far as it is: `results` of `total`."""

    running: bool = False
    total: int = 0
    results: tuple[DrillResult, ...] = ()


class PeerPaths(msgspec.Struct, frozen=True, kw_only=True):
    """What the coordinator holds of one connected peer. `routes` is the path id of each priority.

    `preferred`: the transport that the user wants for this peer.
    """

    peer: str
    connection: int
    health: tuple[PathHealth, ...] = ()
    routes: tuple[int, int, int] = (0, 0, 0)
    reserve: int = -1
    doubled: bool = False
    preferred: TransportKind | None = None


class CoordinatorState(msgspec.Struct, frozen=True, kw_only=True):
    """Every connected peer's paths, and the newest decisions, newest first."""

    peers: tuple[PeerPaths, ...] = ()
    decisions: tuple[Decision, ...] = ()
