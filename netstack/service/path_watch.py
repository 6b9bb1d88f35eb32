"""Watches the paths of open connections: probes each ten times a second, keeps figures and series for the plots."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from netstack.core.degradation import Watch
from netstack.core.probe_stats import ProbeStats, Totals
from netstack.core.session_path import Path
from netstack.model.path import Degradation, PathReport, PathSeries, PathState, PlotData, Samples
from netstack.model.session import Event, ProbeAnswered
from netstack.net.protocol import Net
from netstack.observe.series import Bins, Ring
from netstack.service.connection import Connection
from netstack.tasks import TaskScope

PROBE_PERIOD_S: Final = 0.1
REPORT_EVERY: Final = 5
RING_POINTS: Final = 6000
BIN_POINTS: Final = 600
DRAWN_S: Final = 600.0
MAX_PATHS: Final = 64


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


class _Watched:
    """One path of one connection."""

    def __init__(
        self, key: str, peer: str, connection: Connection, path: Path, listeners: list[PathListener]
    ) -> None:
        self.key = key
        self.peer = peer
        self.connection = connection
        self.path = path
        self.stats = ProbeStats()
        self.degraded: Degradation | None = None
        self._listeners = listeners
        self._rtt = Ring(RING_POINTS)
        self._bins = {
            metric: self._counted(metric) for metric in PathSeries.__struct_fields__ if metric != "rtt"
        }
        self._watch = Watch()
        self._second_s = 0.0
        self._rtts: list[float] = []
        self._sent = self._lost = 0
        self._seen = Totals()
        self._ticked_s: float | None = None
        self._bytes = path.sent_bytes, path.received_bytes
        self._said = path.data_messages, path.data_packets

    def answered(self, event: ProbeAnswered) -> None:
        sample = self.stats.answered(
            event.sequence,
            event.t1_s,
            event.t2_s,
            event.t3_s,
            event.t4_s,
            event.reflected,
            kernel_stamp=event.kernel_stamp,
        )
        if sample is not None:
            self._rtt.append(sample.at_s, sample.rtt_s)
            self._rtts.append(sample.rtt_s)
            self._tell("rtt", sample.at_s, sample.rtt_s, 1.0)

    def tick(self, now: float, wall_s: float) -> None:
        """Sends a probe and moves the counts of the last tick into the series."""
        session = self.connection.session
        if session is None or self.connection.closed:
            return
        sequence = self.connection.probe(self.path.id)
        if sequence is not None:
            self.stats.sent(sequence, now)
        self.stats.expire(now)
        total, seen = self.stats.totals, self._seen
        sent, out, back = (a - b for a, b in zip(total, seen, strict=True))
        self._seen = total
        self._bins["loss_out"].add(now, out, sent)
        self._bins["loss_back"].add(now, back, sent - out)
        for name, jitter_s in zip(("jitter_out", "jitter_back"), self.stats.jitter_s, strict=True):
            self._bins[name].add(now, jitter_s or 0.0, 0 if jitter_s is None else 1)
        self._count(now)
        self._sent, self._lost = self._sent + sent, self._lost + out + back
        if now - self._second_s >= 1.0:
            self.degraded = self._watch.second(self._rtts, self._sent, self._lost, wall_s)
            self._second_s, self._rtts, self._sent, self._lost = now, [], 0, 0

    def report(self, now: float) -> PathReport:
        session, path = self.connection.session, self.path
        state = (
            PathState.CLOSED if self.connection.closed else PathState.UP if path.able else PathState.OPENING
        )
        return PathReport(
            key=self.key,
            peer=self.peer,
            transport=path.traits.kind.value if path.traits else "",
            remote=str(path.flow.remote or "") if path.flow else "",
            state=state,
            mtu_bytes=path.mtu_bytes or None,
            probes=self.stats.summary(now),
            messages=path.data_messages,
            fragments=path.data_packets,
            sent_bytes=path.sent_bytes,
            received_bytes=path.received_bytes,
            fragmentation=None if session is None else msgspec.structs.replace(session.stats),
            degraded=None if self.connection.closed else self.degraded,
        )

    def series(self, start_s: float, now: float) -> PathSeries:
        bins: dict[str, Samples] = {name: each.since(start_s, now) for name, each in self._bins.items()}
        return PathSeries(rtt=self._rtt.since(start_s), **bins)

    def _count(self, now: float) -> None:
        """What the path has carried since the last tick."""
        before_s, self._ticked_s = self._ticked_s, now
        bytes_before, self._bytes = self._bytes, (self.path.sent_bytes, self.path.received_bytes)
        if before_s is not None:
            for name, after, before in zip(("sent", "received"), self._bytes, bytes_before, strict=True):
                self._bins[name].add(now, after - before, now - before_s)
        said_before, self._said = self._said, (self.path.data_messages, self.path.data_packets)
        messages, packets = (after - before for after, before in zip(self._said, said_before, strict=True))
        self._bins["fragments"].add(now, packets, messages)

    def _counted(self, metric: str) -> Bins:
        def closed(ended_s: float, ratio: float, count: float) -> None:
            self._tell(metric, ended_s, ratio, count)

        return Bins(BIN_POINTS, closed=closed)

    def _tell(self, metric: str, at_s: float, value: float, count: float) -> None:
        for listener in self._listeners:
            listener.path_measured(self.key, metric, at_s, value, count)


class PathWatch:
    """Holds what is watched; `changed` gets the reports twice a second. Closed connections stay until forgotten.

    `listeners` hear of every value and event.
    """

    def __init__(self, net: Net, changed: Callable[[tuple[PathReport, ...]], None]) -> None:
        self.listeners: list[PathListener] = []
        self._net = net
        self._changed = changed
        self._connections: list[tuple[Connection, str, int]] = []
        self._paths: dict[str, _Watched] = {}
        self._count = 0
        self._tasks = TaskScope("path watch")
        self._ticking: asyncio.Task[None] | None = None

    def watch(self, connection: Connection, peer: str) -> int:
        """Watches every path of a connection, those that come later included: reports with key `number/path id`."""
        self._count += 1
        number = self._count
        self._connections.append((connection, peer, number))
        connection.watch = lambda event: self._happened(number, event)
        if self._ticking is None or self._ticking.done():
            self._ticking = self._tasks.start(self._tick(), "tick")
        return number

    def probe_totals(self, number: int, path_id: int) -> Totals:
        """The probes of a path whose fate is known, since it is watched."""
        watched = self._paths.get(f"{number}/{path_id}")
        return Totals() if watched is None else watched.stats.totals

    def forget_closed(self) -> None:
        """Drops what is closed from the reports."""
        self._connections = [entry for entry in self._connections if not entry[0].closed]
        self._paths = {key: each for key, each in self._paths.items() if not each.connection.closed}
        self._report()

    def plot_data(self, since_s: float | None = None) -> PlotData:
        """Every path's points since `since_s` on the engine's clock; by default the last ten minutes."""
        now = self._net.now()
        start_s = now - DRAWN_S if since_s is None else max(since_s, now - DRAWN_S)
        return PlotData(
            now, {key: each.series(start_s, now) for key, each in self._paths.items()}, self._net.wall_time()
        )

    async def close(self) -> None:
        """Stops probing. May be called twice."""
        await self._tasks.close()

    async def _tick(self) -> None:
        """Ends by itself when nothing is open: what is not used costs nothing."""
        due = self._net.now()
        turn = 0
        while any(not connection.closed for connection, _, _ in self._connections):
            now = self._net.now()
            self._find_paths()
            for each in self._paths.values():
                each.tick(now, self._net.wall_time())
            if turn % REPORT_EVERY == 0:
                self._report()
            turn += 1
            due = max(due + PROBE_PERIOD_S, now)
            await asyncio.sleep(due - now)
        self._report()

    def _find_paths(self) -> None:
        for connection, peer, number in self._connections:
            if connection.session is None or connection.closed:
                continue
            for path in connection.session.paths.table.values():
                key = f"{number}/{path.id}"
                if path.flow is None:
                    continue  # a spare one
                if key not in self._paths and len(self._paths) < MAX_PATHS:
                    watched = self._paths[key] = _Watched(key, peer, connection, path, self.listeners)
                    for listener in self.listeners:
                        listener.path_found(watched.report(self._net.now()))

    def _report(self) -> None:
        now = self._net.now()
        reports = tuple(each.report(now) for each in self._paths.values())
        self._changed(reports)
        for listener in self.listeners:
            listener.paths_reported(reports)

    def _happened(self, number: int, event: Event) -> None:
        if isinstance(event, ProbeAnswered):
            watched = self._paths.get(f"{number}/{event.path_id}")
            if watched is not None:
                watched.answered(event)
            return
        if not self.listeners:
            return
        for key, each in self._paths.items():
            if key.startswith(f"{number}/"):
                for listener in self.listeners:
                    listener.path_happened(each.report(self._net.now()), event)
                break
