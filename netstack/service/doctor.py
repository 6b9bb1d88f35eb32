"""One button: what is wrong, whose side is it, what to change. Runs the checks side by side and applies the rules."""

import asyncio
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from netstack.config import RESOURCES, TurnServer
from netstack.core import doctor_facts as facts_from
from netstack.core.doctor_facts import GROUPS
from netstack.core.doctor_rows import (
    ROWS,
    UNASKED,
    Row,
    interface_row,
    latency_rows,
    mapping_row,
    name_row,
    nat_rows,
    size_row,
    way_row,
    web_rows,
)
from netstack.core.doctor_rules import Rules, evaluate, findings
from netstack.core.stun_uri import host_of, parse_stun_uri
from netstack.core.web_facts import web_facts
from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.model.doctor import (
    Check,
    DoctorReport,
    Finding,
    Outcome,
    PortReport,
    Quality,
    Rung,
    Segment,
    Severity,
    Side,
)
from netstack.model.nat import NatReport, Udp
from netstack.model.port_mapping import Carried, PortMappingError
from netstack.net.protocol import Net
from netstack.service.game_port import look_at_port
from netstack.service.link_quality import measure_latency, measure_size
from netstack.service.nat import NatService
from netstack.service.path_ladder import climb
from netstack.service.port_mapping import PortMappingService
from netstack.service.turn_reach import reach_turn
from netstack.service.web_check import check_web, parse_web_check
from netstack.tasks import TaskScope

LOOKUP_S: Final = 3.0
WITHIN_S: Final = 14.0
SIDES: Final = {
    Side.PC: "this computer",
    Side.NETWORK: "the local network",
    Side.ROUTER: "the router",
    Side.PROVIDER: "the provider",
    Side.PEER: "the other side",
    Side.SERVER: "the server",
}
CANCELLED: Final = "cancelled"
Progress = Callable[[tuple[Check, ...]], None]


def read_rules() -> Rules:
    """The rules that are shipped with the app."""
    return msgspec.convert(tomllib.loads((RESOURCES / "rules" / "doctor.toml").read_text("utf-8")), Rules)


class Doctor:
    """Checks one host's connection. `network` is "real" or a lab scenario's name.

    `examine` runs everything, `retest` what settles one rule, `known` tells what is known at any time, after a
    cancellation too. One of them at a time.
    """

    def __init__(
        self,
        net: Net,
        *,
        network: str = "real",
        nat: NatService | None = None,
        mappings: PortMappingService | None = None,
    ) -> None:
        self._net = net
        self._network = network
        self._nat_service = nat or NatService(net, network=network)
        self._mappings = mappings
        self._rules = read_rules()
        self._tell: Progress = lambda _: None
        self._ports: tuple[PortReport, ...] = ()
        self._forget()

    def _forget(self) -> None:
        self._rows = dict.fromkeys(ROWS, Row(Outcome.RUNNING, "")) | UNASKED
        self._took_s: dict[str, float] = {}
        self._facts = facts_from.blank()
        self._nat: NatReport | None = None
        self._quality: Quality | None = None
        self._segments: tuple[Segment, ...] = ()
        self._stun: tuple[str, ...] = ()
        self._turn: tuple[TurnServer, ...] = ()
        self._web: tuple[str, ...] = ()
        self._began_s = self._started_at_s = self._duration_s = 0.0
        self._cancelled = False

    @property
    def nat(self) -> NatReport | None:
        """What is known about the NAT."""
        return self._nat

    async def examine(
        self,
        stun: Sequence[str],
        turn: Sequence[TurnServer] = (),
        web: Sequence[str] = (),
        *,
        progress: Progress | None = None,
    ) -> DoctorReport:
        """Runs every check and returns the report; cancelled, `known` keeps what is known.

        Raises InputError for a malformed server or web check.
        """
        self._nat_service.parse_servers(tuple(stun))
        for url in web:
            parse_web_check(url)
        self._forget()
        self._stun, self._turn, self._web = tuple(stun), tuple(turn), tuple(web)
        self._tell = progress or (lambda _: None)
        self._started_at_s, self._began_s = self._net.wall_time(), self._net.now()
        try:
            await self._look_at_interfaces()
            self._show("proxy", await self._proxy())
            async with TaskScope("doctor") as tasks:
                beside = [
                    tasks.start(self._timed(name), name) for name in ("web", "names", "relay", "mapping")
                ]
                await self._timed("nat")
                beside.append(tasks.start(self._timed("way"), "way"))
                await self._timed("latency")
                await self._timed("size")
                await asyncio.gather(*beside)
                self._join_way()
                self._join_relay()
        except asyncio.CancelledError:
            self._end(cancelled=True)
            raise
        self._end()
        return self.known()

    async def retest(self, rule: str, *, progress: Progress | None = None) -> DoctorReport:
        """Runs the smallest checks that settle one rule, and judges everything anew. Raises KeyError for no rule.

        Cancelled, it leaves what was known before.
        """
        needs = self._rules.named(rule).needs
        groups = [name for name, facts in GROUPS.items() if facts & needs]
        before = (dict(self._rows), dict(self._facts), self._nat, self._quality, self._segments)
        self._tell = progress or (lambda _: None)
        try:
            for name in groups:
                for row in _ROWS_OF[name]:
                    self._rows[row] = Row(Outcome.RUNNING, "")
            self._tell_all()
            for name in groups:
                await self._timed(name)
            self._join_way()
            self._join_relay()
        except asyncio.CancelledError:
            self._rows, self._facts, self._nat, self._quality, self._segments = before
            raise
        self._tell_all()
        return self.known()

    async def look_at_ports(
        self, ports: Sequence[tuple[Carried, int]], game: str = ""
    ) -> tuple[PortReport, ...]:
        """A game's ports here and in the router; nothing is changed."""
        mappings = self._mappings or PortMappingService(self._net)
        try:
            self._ports = tuple(
                [await look_at_port(self._net, mappings, carried, port, game) for carried, port in ports]
            )
        finally:
            if mappings is not self._mappings:
                await mappings.close()
        return self._ports

    def known(self) -> DoctorReport:
        """The report by what is known now."""
        found, unknown = findings(self._rules, self._facts)
        nat = self._nat
        failure, text = (nat.failure, nat.failure_text) if nat else (None, None)
        if self._cancelled:
            failure, text = CANCELLED, "The check was cancelled; this is what was known until then."
        return DoctorReport(
            verdict=_verdict(text, found),
            findings=found,
            unknown=unknown,
            checks=self._checks(),
            nat=nat,
            quality=self._quality,
            segments=self._segments,
            bad_from=facts_from.bad_from(self._facts, {finding.rule for finding in found}),
            ports=self._ports,
            started_at_s=self._started_at_s,
            duration_s=self._duration_s,
            failure=failure,
            failure_text=text,
            network=self._network,
        )

    def _end(self, *, cancelled: bool = False) -> None:
        self._duration_s = self._net.now() - self._began_s
        self._cancelled = cancelled
        for name, row in self._rows.items():
            if row.outcome is Outcome.RUNNING:
                self._rows[name] = Row(Outcome.UNKNOWN, CANCELLED)
        self._tell_all()

    # rows

    def _show(self, name: str, row: Row) -> None:
        self._rows[name] = row
        self._tell_all()

    def _tell_all(self) -> None:
        self._tell(self._checks())

    def _checks(self) -> tuple[Check, ...]:
        """A row is bad when a problem of its own is found, whatever it says."""
        problems = [
            rule
            for rule in self._rules.rule
            if rule.severity is Severity.PROBLEM and evaluate(rule, self._facts) is Outcome.BAD
        ]
        bad, fired = {rule.check for rule in problems}, {rule.id for rule in problems}
        if facts_from.bad_from(self._facts, fired) == "home":
            bad.add("way")
        return tuple(
            Check(
                name,
                ROWS[name],
                Outcome.BAD if name in bad and row.outcome is not Outcome.RUNNING else row.outcome,
                row.text,
                self._took_s.get(name),
                row.detail,
            )
            for name, row in self._rows.items()
        )

    # measurements, each with its rows and facts

    async def _timed(self, name: str) -> None:
        began_s = self._net.now()
        work: dict[str, Callable[[], Awaitable[None]]] = {
            "nat": self._check_nat,
            "latency": self._measure_latency,
            "size": self._measure_size,
            "names": self._look_up,
            "relay": self._reach_relay,
            "mapping": self._detect_mapping,
            "way": self._climb,
            "web": self._check_web,
        }
        await work[name]()
        for row in _ROWS_OF[name]:
            self._took_s[row] = self._net.now() - began_s
        self._tell_all()

    async def _look_at_interfaces(self) -> None:
        interfaces = await self._net.interfaces()
        gateways = await self._net.gateways()
        self._facts["interface"] = gateways[0].interface if gateways else None
        self._show("interfaces", interface_row([(i.name, i.kind.value, i.mtu_bytes) for i in interfaces]))

    async def _proxy(self) -> Row:
        proxy = await self._net.web_proxy()
        if proxy is None:
            return Row(Outcome.GOOD, "none is set")
        return Row(Outcome.GOOD, f"{proxy} for the web", "Games and Peerscope's own packets go around it.")

    async def _check_web(self) -> None:
        answers = await check_web(self._net, self._web)
        self._facts |= web_facts(answers)
        self._rows |= web_rows(answers)

    async def _check_nat(self) -> None:
        def keep(_: float, step: str, partial: NatReport) -> None:
            self._rows["nat"] = Row(Outcome.RUNNING, step)
            if partial.failure == CANCELLED:
                self._take_nat(partial)
            self._tell_all()

        self._take_nat(await self._nat_service.check(self._stun, progress=keep))

    def _take_nat(self, nat: NatReport) -> None:
        self._nat = nat
        self._facts |= facts_from.nat_facts(nat)
        self._rows |= nat_rows(nat)

    async def _look_up(self) -> None:
        names = [host_of(server) for server in map(parse_stun_uri, self._stun) if server.hosts is None]
        looked_up = await asyncio.gather(*(self._time_name(name) for name in dict.fromkeys(names)))
        self._facts |= facts_from.name_facts(tuple((name, took_s) for name, took_s, _ in looked_up))
        self._rows["names"] = name_row(looked_up)

    async def _time_name(self, name: str) -> tuple[str, float | None, str]:
        """Seconds, None where it was not found, and why."""
        began_s = self._net.now()
        try:
            async with asyncio.timeout(LOOKUP_S):
                await self._net.resolve(name)
        except TimeoutError:
            return name, None, f"no answer within {LOOKUP_S:g} s"
        except NetError as error:
            return name, None, error.sentence
        return name, self._net.now() - began_s, ""

    async def _reach_relay(self) -> None:
        """The first relay."""
        if not self._turn:
            self._rows["relay"] = Row(Outcome.UNKNOWN, "none is set up")
            return
        url = self._turn[0].url
        reached = await reach_turn(self._net, url)
        self._facts |= facts_from.relay_facts("ok" if reached else "unreachable", url)
        self._rows["relay"] = (
            Row(Outcome.GOOD, "answers", url) if reached else Row(Outcome.BAD, "does not answer", url)
        )

    async def _detect_mapping(self) -> None:
        """What the router speaks; nothing is mapped."""
        mappings = self._mappings or PortMappingService(self._net)
        try:
            gateway = await mappings.detect()
        except PortMappingError as error:
            self._rows["mapping"] = Row(Outcome.UNKNOWN, error.sentence)
            return
        finally:
            if mappings is not self._mappings:
                await mappings.close()
        state, self._rows["mapping"] = mapping_row(gateway)
        self._facts |= facts_from.mapping_facts(state)

    def _server(self) -> tuple[Address, str] | None:
        """The first STUN server that answers over UDP and tells the truth."""
        for server in self._nat.servers if self._nat else ():
            if server.answered and server.address and not server.struck_for:
                return _address(server.address), server.server.removeprefix("stun:")
        return None

    async def _measure_latency(self) -> None:
        await self._of_server(_ROWS_OF["latency"], self._latency_of)

    async def _latency_of(self, server: Address, name: str) -> None:
        def tell(asked: int) -> None:
            if asked % 25 == 0:
                self._show("loss", Row(Outcome.RUNNING, f"asked {asked} times"))

        quality = await measure_latency(self._net, server, name, tell)
        if self._quality is not None:
            kept = (self._quality.mtu_bytes, self._quality.mtu_sent_bytes)
            quality = msgspec.structs.replace(quality, mtu_bytes=kept[0], mtu_sent_bytes=kept[1])
        self._quality = quality
        self._facts |= facts_from.latency_facts(quality)
        self._rows |= latency_rows(quality)

    async def _measure_size(self) -> None:
        await self._of_server(_ROWS_OF["size"], self._size_of)

    async def _size_of(self, server: Address, name: str) -> None:
        self._quality = await measure_size(self._net, server, self._quality or Quality(name, 0, 0))
        header_bytes = 48 if server.family is Family.IPV6 else 28
        self._facts |= facts_from.size_facts(self._quality, header_bytes)
        self._rows["mtu"] = size_row(self._quality)

    async def _climb(self) -> None:
        """Towards any server whose address is known: nobody needs to answer at the end."""
        known = next((s.address for s in self._nat.servers if s.address), None) if self._nat else None
        if known is None:
            self._rows["way"] = Row(Outcome.UNKNOWN, "no server's address is known")
            return
        try:
            async with asyncio.timeout(max(0.0, self._began_s + WITHIN_S - self._net.now())):
                self._segments = await climb(self._net, _address(known))
        except TimeoutError:
            self._rows["way"] = Row(Outcome.UNKNOWN, "no time was left", "Other checks had to wait too long.")
            return
        except NetError as error:
            self._rows["way"] = Row(Outcome.UNKNOWN, error.sentence)
            return
        self._rows["way"] = way_row(self._segments)

    def _join_way(self) -> None:
        """The far end of the ladder is the server whose latency was measured."""
        near = tuple(segment for segment in self._segments if segment.rung is not Rung.SERVER)
        quality = self._quality
        if quality is not None and quality.sent:
            server = self._server()
            end = Segment(
                Rung.SERVER,
                server[0].host if server else None,
                None,
                quality.sent,
                quality.answered,
                quality.rtt_p50_s,
            )
            near = (*near, end)
        self._segments = near
        self._facts |= facts_from.way_facts(near)

    def _join_relay(self) -> None:
        """A relay's silence proves nothing while nobody else answers either."""
        alone = self._nat is None or self._nat.udp is Udp.UNKNOWN
        if alone and self._facts["turn"] == "unreachable":
            self._facts["turn"] = None
            self._rows["relay"] = Row(
                Outcome.UNKNOWN, "does not answer, and nobody else does", self._rows["relay"].detail
            )

    async def _of_server(
        self, rows: tuple[str, ...], measure: Callable[[Address, str], Awaitable[None]]
    ) -> None:
        server = self._server()
        if server is None:
            self._rows |= dict.fromkeys(rows, Row(Outcome.UNKNOWN, "no server answers over UDP"))
            return
        try:
            await measure(*server)
        except NetError as error:
            self._rows |= dict.fromkeys(rows, Row(Outcome.UNKNOWN, error.sentence))


_ROWS_OF: Final = {
    "nat": ("udp", "nat", "gateway", "ipv6", "vpn"),
    "latency": ("latency", "loss"),
    "size": ("mtu",),
    "names": ("names",),
    "relay": ("relay",),
    "mapping": ("mapping",),
    "way": ("way",),
    "web": ("portal", "clock"),
}


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host.strip("[]"), int(port))


def _verdict(failure_text: str | None, found: tuple[Finding, ...]) -> str:
    problems = [finding for finding in found if finding.severity is Severity.PROBLEM]
    if failure_text and not problems:
        return failure_text
    if not problems:
        return "Nothing is wrong on your side."
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{first.title} This is {SIDES[first.side]}'s side.{more}"


def exit_code(report: DoctorReport) -> int:
    """0 fine, 1 a problem was found, 2 it could not be tested."""
    if any(finding.severity is Severity.PROBLEM for finding in report.findings):
        return 1
    return 2 if report.failure else 0
