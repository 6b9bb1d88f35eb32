"""Watches the paths of open connections: probes each ten times a second, keeps figures and series for the plots."""

import asyncio
from collections.abc import Callable
from typing import Final

from netstack.core.probe_stats import ProbeStats, Totals
from netstack.core.session_path import Path
from netstack.model.path import PathReport, PathSeries, PathState, PlotData
from netstack.model.session import Event, ProbeAnswered
from netstack.net.protocol import Net
from netstack.observe.series import Bins, Ring
from netstack.service.connection import Connection
from netstack.tasks import TaskScope

PROBE_PERIOD_S: Final = 0.1
REPORT_EVERY: Final = 5
RING_POINTS: Final = 6000
BIN_POINTS: Final = 600
DRAWN_S: Final = 60.0
MAX_PATHS: Final = 64


class _Watched:
    """One path of one connection."""

    def __init__(self, key: str, peer: str, connection: Connection, path: Path) -> None:
        self.key = key
        self.peer = peer
        self.connection = connection
        self.path = path
        self.stats = ProbeStats()
        self.rtt = Ring(RING_POINTS)
        self.loss_out, self.loss_back, self.fragments = (Bins(BIN_POINTS) for _ in range(3))
        self._seen = Totals()
        self._messages = self._packets = 0

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
            self.rtt.append(sample.at_s, sample.rtt_s)

    def tick(self, now: float) -> None:
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
        self.loss_out.add(now, out, sent)
        self.loss_back.add(now, back, sent - out)
        stats = session.stats
        self.fragments.add(now, stats.sent_fragments - self._packets, stats.sent_messages - self._messages)
        self._messages, self._packets = stats.sent_messages, stats.sent_fragments

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
            messages=session.stats.sent_messages if session else 0,
            fragments=session.stats.sent_fragments if session else 0,
            sent_bytes=path.sent_bytes,
            received_bytes=path.received_bytes,
        )

    def series(self, now: float) -> PathSeries:
        start_s = now - DRAWN_S
        return PathSeries(
            rtt=self.rtt.since(start_s),
            loss_out=self.loss_out.since(start_s, now),
            loss_back=self.loss_back.since(start_s, now),
            fragments=self.fragments.since(start_s, now),
        )


class PathWatch:
    """Holds what is watched; `changed` gets the reports twice a second. Closed connections stay until forgotten."""

    def __init__(self, net: Net, changed: Callable[[tuple[PathReport, ...]], None]) -> None:
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

    def forget_closed(self) -> None:
        """Drops what is closed from the reports."""
        self._connections = [entry for entry in self._connections if not entry[0].closed]
        self._paths = {key: each for key, each in self._paths.items() if not each.connection.closed}
        self._report()

    def plot_data(self) -> PlotData:
        """The last minute of every path."""
        now = self._net.now()
        return PlotData(now, {key: each.series(now) for key, each in self._paths.items()})

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
                each.tick(now)
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
                if key not in self._paths and len(self._paths) < MAX_PATHS:
                    self._paths[key] = _Watched(key, peer, connection, path)

    def _report(self) -> None:
        now = self._net.now()
        self._changed(tuple(each.report(now) for each in self._paths.values()))

    def _happened(self, number: int, event: Event) -> None:
        if isinstance(event, ProbeAnswered):
            watched = self._paths.get(f"{number}/{event.path_id}")
            if watched is not None:
                watched.answered(event)
