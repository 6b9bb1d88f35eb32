"""Watches the paths of open connections: probes each ten times a second, keeps figures and series for the plots.

A backup that rests is probed twice a second.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from netstack.core.probe_stats import ProbeStats, Sample, Totals
from netstack.core.session_path import Path
from netstack.model.path import PathReport, PathState, PlotData
from netstack.model.session import Event, ProbeAnswered
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.service.path_record import Carried, PathListener, PathRecord, Probed
from netstack.tasks import TaskScope

PROBE_PERIOD_S: Final = 0.1
REPORT_EVERY: Final = 5
REST_EVERY: Final = 5
DRAWN_S: Final = 600.0
MAX_PATHS: Final = 64


class _SessionPath:
    """One path of one session."""

    def __init__(self, peer: str, connection: Connection, path: Path) -> None:
        self.stats = ProbeStats()
        self.on_sample: Callable[[Sample], None] = lambda _: None
        self.rests = False
        self._turn = 0
        self._peer = peer
        self._connection = connection
        self._path = path

    @property
    def closed(self) -> bool:
        return self._connection.closed or self._connection.session is None

    @property
    def carried(self) -> Carried:
        path = self._path
        return Carried(path.sent_bytes, path.received_bytes, path.data_messages, path.data_packets)

    def probe(self, now: float) -> None:
        self._turn += 1
        if self.rests and self._turn % REST_EVERY:
            return
        sequence = self._connection.probe(self._path.id)
        if sequence is not None:
            self.stats.sent(sequence, now)

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
            self.on_sample(sample)

    def report(self, key: str, now: float) -> PathReport:
        session, path = self._connection.session, self._path
        state = (
            PathState.CLOSED if self._connection.closed else PathState.UP if path.able else PathState.OPENING
        )
        return PathReport(
            key=key,
            peer=self._peer,
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
        )


class PathWatch:
    """Holds what is watched; `changed` gets the reports twice a second. Closed connections stay until forgotten.

    `listeners` hear of every value and event.
    """

    def __init__(self, net: Net, changed: Callable[[tuple[PathReport, ...]], None]) -> None:
        self.listeners: list[PathListener] = []
        self._net = net
        self._changed = changed
        self._connections: list[tuple[Connection, str, int]] = []
        self._alone: list[tuple[Probed, int]] = []
        self._paths: dict[str, PathRecord] = {}
        self._count = 0
        self._tasks = TaskScope("path watch")
        self._ticking: asyncio.Task[None] | None = None

    def watch(self, connection: Connection, peer: str) -> int:
        """Watches every path of a connection, those that come later included: reports with key `number/path id`."""
        number = self._begin()
        self._connections.append((connection, peer, number))
        connection.watch = lambda event: self._happened(number, event)
        return number

    def watch_alone(self, path: Probed) -> None:
        """Watches a path that is no session's, from its first probe whose fate is known."""
        self._alone.append((path, self._begin()))

    def _begin(self) -> int:
        self._count += 1
        if self._ticking is None or self._ticking.done():
            self._ticking = self._tasks.start(self._tick(), "tick")
        return self._count

    def probe_totals(self, number: int, path_id: int) -> Totals:
        """The probes of a path whose fate is known, since it is watched."""
        watched = self._paths.get(f"{number}/{path_id}")
        return Totals() if watched is None else watched.path.stats.totals

    def rest(self, number: int, resting: Collection[int]) -> None:
        """Of a connection's paths these, and no others, are probed twice a second only."""
        for key, record in self._paths.items():
            of, _, path_id = key.partition("/")
            if of == str(number) and isinstance(record.path, _SessionPath):
                record.path.rests = int(path_id) in resting

    def forget_closed(self) -> None:
        """Drops what is closed from the reports."""
        self._connections = [entry for entry in self._connections if not entry[0].closed]
        self._alone = [entry for entry in self._alone if not entry[0].closed]
        self._paths = {key: each for key, each in self._paths.items() if not each.path.closed}
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
        while self._any_open():
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

    def _any_open(self) -> bool:
        return any(not connection.closed for connection, _, _ in self._connections) or any(
            not path.closed for path, _ in self._alone
        )

    def _find_paths(self) -> None:
        for connection, peer, number in self._connections:
            if connection.session is None or connection.closed:
                continue
            for path in connection.session.paths.table.values():
                key = f"{number}/{path.id}"
                if path.flow is not None and key not in self._paths:  # else a spare one
                    self._add(key, _SessionPath(peer, connection, path))
        for alone, number in self._alone:
            if (key := f"{number}/0") not in self._paths and alone.stats.totals.sent:
                self._add(key, alone)

    def _add(self, key: str, path: Probed) -> None:
        if len(self._paths) < MAX_PATHS:
            record = self._paths[key] = PathRecord(key, path, self.listeners)
            for listener in self.listeners:
                listener.path_found(record.report(self._net.now()))

    def _report(self) -> None:
        now = self._net.now()
        reports = tuple(each.report(now) for each in self._paths.values())
        self._changed(reports)
        for listener in self.listeners:
            listener.paths_reported(reports)

    def _happened(self, number: int, event: Event) -> None:
        if isinstance(event, ProbeAnswered):
            record = self._paths.get(f"{number}/{event.path_id}")
            if record is not None and isinstance(record.path, _SessionPath):
                record.path.answered(event)
            return
        if not self.listeners:
            return
        for key, each in self._paths.items():
            if key.startswith(f"{number}/"):
                for listener in self.listeners:
                    listener.path_happened(each.report(self._net.now()), event)
                break
