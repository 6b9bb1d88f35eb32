"""What is known of one path of a session, as the window and reports show it."""

from enum import StrEnum

import msgspec

from netstack.model.session import FragmentStats


class PathState(StrEnum):
    """Where a path is in its life."""

    OPENING = "opening"
    UP = "up"
    CLOSED = "closed"


class ProbeSummary(msgspec.Struct, frozen=True):
    """Figures of a path's probes over the last minute; None is "not measured".

    `floor_s` is the least round trip. Jitter is RFC 3550's, of the one-way times. `sent` and `answered` count
    probes whose fate is known. `kernel_stamps`: the far side's receive times come from its kernel.
    """

    n: int = 0
    last_s: float | None = None
    p50_s: float | None = None
    p99_s: float | None = None
    floor_s: float | None = None
    jitter_out_s: float | None = None
    jitter_back_s: float | None = None
    sent: int = 0
    answered: int = 0
    lost_out: int = 0
    lost_back: int = 0
    reordered: int = 0
    duplicated: int = 0
    kernel_stamps: bool = False

    @property
    def loss_out(self) -> float | None:
        """Share lost on the way there."""
        return self.lost_out / self.sent if self.sent else None

    @property
    def loss_back(self) -> float | None:
        """Share of those that got there whose answer was lost."""
        arrived = self.sent - self.lost_out
        return self.lost_back / arrived if arrived else None


class Degradation(msgspec.Struct, frozen=True):
    """A path is worse than it was: `what` is rtt or loss; median seconds, or share, `before` and now; since when (1970)."""

    what: str
    before: float
    now: float
    since_s: float


class PathReport(msgspec.Struct, frozen=True, kw_only=True):
    """One path. `key` stays the same for its life; `transport` is one of the five names.

    Fragments are packets that carried messages over this path, those that were sent again included; messages are those
    that began on it. `fragmentation` counts for the whole session, both ways.
    """

    key: str
    peer: str
    transport: str
    remote: str
    state: PathState
    mtu_bytes: int | None = None
    probes: ProbeSummary = ProbeSummary()
    messages: int = 0
    fragments: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    fragmentation: FragmentStats | None = None
    degraded: Degradation | None = None

    @property
    def fragments_per_message(self) -> float | None:
        """Average over the messages sent."""
        return self.fragments / self.messages if self.messages else None


class Samples(msgspec.Struct, frozen=True):
    """Points of one series, oldest first: `times_s` on the engine's clock, one value each.

    `counts` says how much each stands for (probes, messages, seconds); empty: one measurement each.
    """

    times_s: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()


class PathSeries(msgspec.Struct, frozen=True):
    """What the live plots draw of one path: round trips in seconds as they come, the others for each second.

    Losses are shares, jitter is seconds (RFC 3550), throughput bytes a second on the path, fragments packets a message.
    """

    rtt: Samples = Samples()
    jitter_out: Samples = Samples()
    jitter_back: Samples = Samples()
    loss_out: Samples = Samples()
    loss_back: Samples = Samples()
    sent: Samples = Samples()
    received: Samples = Samples()
    fragments: Samples = Samples()


class PlotData(msgspec.Struct, frozen=True):
    """Series of all paths by key, and the moment on their clock at which they were taken; `wall_s` is the same since 1970."""

    now_s: float = 0.0
    series: dict[str, PathSeries] = {}
    wall_s: float = 0.0
