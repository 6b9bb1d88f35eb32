"""Counts for Prometheus what a Node does: paths, messages, checks, errors. One ear of `PathWatch`; off until asked for."""

from collections import Counter
from collections.abc import Callable, Mapping

from netstack.core.place import parse_place
from netstack.model.address import Address
from netstack.model.path import PathReport, PathState
from netstack.model.session import Event, FragmentStats
from netstack.observe.prometheus import MetricsPage, Registry
from netstack.service.in_thread import in_thread
from netstack.service.path_watch import PathWatch

Guard = Callable[[], tuple[Mapping[str, int], int]]


class FleetMetrics:
    """`guard` tells what the entrances dropped so far, by reason, and how many peers are suspect now."""

    def __init__(self, watch: PathWatch, guard: Guard) -> None:
        self.registry: Registry | None = None
        self.place: Address | None = None
        self._watch = watch
        self._guard = guard
        self._page: MetricsPage | None = None
        self._transports: dict[str, str] = {}
        self._sessions: dict[str, FragmentStats] = {}
        self._packets: dict[str, int] = {}
        self._dropped: Counter[str] = Counter()

    async def open(self, place: str) -> Address:
        """Serves at HOST:PORT from now on; what was served before ends. Returns where. Raises InputError, NetError."""
        local = parse_place(place)
        await self.close()
        if self.registry is None:
            self.registry = await in_thread(Registry)
            self._watch.listeners.append(self)
        page = MetricsPage(self.registry)
        self.place = await in_thread(page.open, local)
        self._page = page
        return self.place

    async def close(self) -> None:
        """Ends the page; counting goes on. May be called twice."""
        page, self._page, self.place = self._page, None, None
        if page is not None:
            await in_thread(page.close)

    def nat_check(self, label: str) -> None:
        """A NAT check has ended."""
        if self.registry is not None:
            self.registry.nat_check(label)

    def error(self, kind: str) -> None:
        """Something that a person asked for went wrong."""
        if self.registry is not None:
            self.registry.error(kind)

    # From PathWatch.

    def path_found(self, report: PathReport) -> None:
        """A path is watched."""
        self._transports[report.key] = report.transport

    def path_measured(self, report_key: str, metric: str, at_s: float, value: float, count: float) -> None:
        """One value."""
        registry = self.registry
        transport = self._transports.get(report_key, "")
        if registry is None:
            return
        match metric:
            case "rtt":
                registry.rtt(transport, value)
            case "loss_out":
                registry.probes(transport, count)
                self._lose(transport, "out", value * count)
            case "loss_back":
                self._lose(transport, "in", value * count)
            case "sent":
                registry.carried(transport, "out", value * count)
            case "received":
                registry.carried(transport, "in", value * count)
            case _:
                pass

    def path_happened(self, report: PathReport, event: Event) -> None:
        """Nothing of it is counted."""

    def paths_reported(self, reports: tuple[PathReport, ...]) -> None:
        """Counters of sessions become ours."""
        registry = self.registry
        if registry is None:
            return
        open_sessions = {_session(each) for each in reports if each.state is not PathState.CLOSED}
        registry.connections(len(open_sessions))
        for report in reports:
            self._transports[report.key] = report.transport
            new = report.fragments - self._packets.get(report.key, 0)
            self._packets[report.key] = report.fragments
            if new > 0:
                registry.fragments(report.transport, new)
            if report.fragmentation is not None:
                self._count_messages(registry, _session(report), report.fragmentation)
        dropped, suspects = self._guard()
        for reason, count in dropped.items():
            if count > self._dropped[reason]:
                registry.dropped(reason, count - self._dropped[reason])
            self._dropped[reason] = count
        registry.suspects(suspects)
        known = {report.key for report in reports}
        for gone in self._packets.keys() - known:
            del self._packets[gone]
            self._transports.pop(gone, None)
        for gone in self._sessions.keys() - {_session(report) for report in reports}:
            del self._sessions[gone]

    def _count_messages(self, registry: Registry, session: str, stats: FragmentStats) -> None:
        before = self._sessions.get(session) or FragmentStats()
        self._sessions[session] = stats
        if stats.completed > before.completed:
            registry.reassembled(stats.completed - before.completed)
        for reason, now, then in (
            ("timeout", stats.timeouts, before.timeouts),
            ("inconsistent", stats.inconsistencies, before.inconsistencies),
            ("no-room", stats.refused, before.refused),
        ):
            if now > then:
                registry.reassembly_failed(reason, now - then)

    def _lose(self, transport: str, direction: str, count: float) -> None:
        if self.registry is not None and round(count) > 0:
            self.registry.lost(transport, direction, round(count))


def _session(report: PathReport) -> str:
    return report.key.split("/", 1)[0]
