"""One watched path: its probes' statistics, its series for the plots, and what is worse than it was."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from netstack.core.degradation import Watch
from netstack.core.probe_stats import ProbeStats, Sample, Totals
from netstack.model.path import Degradation, PathReport, PathSeries, PathState, Samples
from netstack.model.session import Event
from netstack.observe.series import Bins, Ring

RING_POINTS: Final = 6000
BIN_POINTS: Final = 600


class PathListener(Protocol):
    """Who hears of every watched path, on the engine's loop: history and metrics. Times are on the engine's clock."""

    def path_found(self, report: PathReport) -> None:
        """A path is watched from now on."""

    def path_measured(self, report_key: str, metric: str, at_s: float, value: float, count: float) -> None:
        """One value, by the fields of `PathSeries`."""

    def path_happened(self, report: PathReport, event: Event) -> None:
        """Something of its session."""

    def paths_reported(self, reports: tuple[PathReport, ...]) -> None:
        """All of them, twice a second."""


class Carried(NamedTuple):
    """What a path has carried since it began; `packets` carried the messages that began on it."""

    sent_bytes: int
    received_bytes: int
    messages: int
    packets: int


class Probed(Protocol):
    """A path as its record sees it; `on_sample` is called with every answered probe."""

    stats: ProbeStats
    on_sample: Callable[[Sample], None]

    @property
    def closed(self) -> bool:
        """It is over."""

    @property
    def carried(self) -> Carried:
        """So far."""

    def probe(self, now: float) -> None:
        """Time for a probe; who probes by itself does nothing."""

    def report(self, key: str, now: float) -> PathReport:
        """As it stands."""


class PathRecord:
    """Tick it ten times a second while its path is open."""

    def __init__(self, key: str, path: Probed, listeners: Sequence[PathListener]) -> None:
        self.key = key
        self.path = path
        self._degraded: Degradation | None = None
        self._listeners = listeners
        self._rtt = Ring(RING_POINTS)
        self._bins = {
            metric: self._counted(metric) for metric in PathSeries.__struct_fields__ if metric != "rtt"
        }
        self._watch = Watch()
        self._second_s = 0.0
        self._rtts: list[float] = []
        self._sent = self._lost = self._fresh = 0
        self._seen = Totals()
        self._ticked_s: float | None = None
        self._carried = path.carried
        path.on_sample = self._answered

    def tick(self, now: float, wall_s: float) -> None:
        """Has a probe sent and moves the counts of the last tick into the series."""
        if self.path.closed:
            return
        stats = self.path.stats
        self.path.probe(now)
        stats.expire(now)
        sent, out, back = (a - b for a, b in zip(stats.totals, self._seen, strict=True))
        self._seen = stats.totals
        self._bins["loss_out"].add(now, out, sent)
        self._bins["loss_back"].add(now, back, sent - out)
        fresh, self._fresh = self._fresh, 0
        for name, jitter_s in zip(("jitter_out", "jitter_back"), stats.jitter_s, strict=True):
            self._bins[name].add(now, (jitter_s or 0.0) * fresh, fresh if jitter_s is not None else 0)
        self._count(now)
        self._sent, self._lost = self._sent + sent, self._lost + out + back
        if now - self._second_s >= 1.0:
            self._degraded = self._watch.second(self._rtts, self._sent, self._lost, wall_s)
            self._second_s, self._rtts, self._sent, self._lost = now, [], 0, 0

    def report(self, now: float) -> PathReport:
        """The path's own, and what is worse than it was."""
        report = self.path.report(self.key, now)
        if self._degraded is None or report.state is PathState.CLOSED:
            return report
        return msgspec.structs.replace(report, degraded=self._degraded)

    def series(self, start_s: float, now: float) -> PathSeries:
        """Every point since then."""
        bins: dict[str, Samples] = {name: each.since(start_s, now) for name, each in self._bins.items()}
        return PathSeries(rtt=self._rtt.since(start_s), **bins)

    def _answered(self, sample: Sample) -> None:
        self._rtt.append(sample.at_s, sample.rtt_s)
        self._rtts.append(sample.rtt_s)
        self._fresh += 1
        self._tell("rtt", sample.at_s, sample.rtt_s, 1.0)

    def _count(self, now: float) -> None:
        """What the path has carried since the last tick."""
        before_s, self._ticked_s = self._ticked_s, now
        before, self._carried = self._carried, self.path.carried
        sent, received, messages, packets = (a - b for a, b in zip(self._carried, before, strict=True))
        if before_s is not None:
            self._bins["sent"].add(now, sent, now - before_s)
            self._bins["received"].add(now, received, now - before_s)
        self._bins["fragments"].add(now, packets, messages)

    def _counted(self, metric: str) -> Bins:
        def closed(ended_s: float, ratio: float, count: float) -> None:
            self._tell(metric, ended_s, ratio, count)

        return Bins(BIN_POINTS, closed=closed)

    def _tell(self, metric: str, at_s: float, value: float, count: float) -> None:
        for listener in self._listeners:
            listener.path_measured(self.key, metric, at_s, value, count)
