"""One button: what is wrong, whose side is it, what to change. Runs the checks side by side and applies the rules."""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from netstack.config import RESOURCES
from netstack.core import doctor_facts as facts_from
from netstack.core.doctor_facts import GROUPS
from netstack.core.doctor_rows import (
    ROWS,
    Row,
    load_row,
)
from netstack.core.doctor_rules import Rules, evaluate, findings
from netstack.core.pair_finding import pair_finding
from netstack.core.web_facts import parse_web_check
from netstack.model.config import TurnServer
from netstack.model.doctor import (
    Check,
    DoctorReport,
    Finding,
    Outcome,
    PeerReport,
    PortReport,
    Rung,
    Segment,
    Severity,
    Side,
)
from netstack.model.knock import KnockReport, KnockState
from netstack.model.load import LoadReport
from netstack.model.nat import NatReport
from netstack.model.port_mapping import Carried
from netstack.net.protocol import Net
from netstack.service.game_port import look_at_port
from netstack.service.measurements import CANCELLED, Measurements, OpenRadio, Targets
from netstack.service.nat import NatService
from netstack.service.nat_port_mapping import TryOut, try_out
from netstack.service.network_change import NetworkWatch
from netstack.service.port_mapping import PortMappingService
from netstack.tasks import TaskScope

SIDES: Final = {
    Side.PC: "this computer",
    Side.NETWORK: "the local network",
    Side.ROUTER: "the router",
    Side.PROVIDER: "the provider",
    Side.PEER: "the other side",
    Side.SERVER: "the server",
}
NETWORK_CHANGED: Final = "network-changed"
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
        radio: OpenRadio | None = None,
    ) -> None:
        self._net = net
        self._network = network
        self._nats = nat or NatService(net, network=network)
        self._mappings = mappings
        self._radio = radio
        self._rules = read_rules()
        self._tell: Progress = lambda _: None
        self._ports: tuple[PortReport, ...] = ()
        self._peer: PeerReport | None = None
        self._started_at_s = self._duration_s = 0.0
        self._ended_by: tuple[str, str] | None = None
        self._measured = self._measure(Targets())

    def _measure(self, targets: Targets) -> Measurements:
        return Measurements(
            self._net,
            self._nats,
            self._mappings,
            targets,
            lambda: self._tell(self._checks()),
            self._radio,
        )

    @property
    def nat(self) -> NatReport | None:
        """What is known about the NAT."""
        return self._measured.nat

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
        self._nats.parse_servers(tuple(stun))
        for url in web:
            parse_web_check(url)
        self._measured = self._measure(Targets(tuple(stun), tuple(turn), tuple(web)))
        self._tell = progress or (lambda _: None)
        self._started_at_s, self._duration_s, self._ended_by = self._net.wall_time(), 0.0, None
        self._peer = None
        try:
            watch = NetworkWatch(self._net)
            await watch.begin()
            async with TaskScope("doctor") as tasks:
                measuring = tasks.start(self._measured.run_all(), "measure")
                watching = tasks.start(watch.change(), "network")
                await asyncio.wait((measuring, watching), return_when=asyncio.FIRST_COMPLETED)
                if measuring.done():
                    measuring.result()
            change = watching.result() if measuring.cancelled() else await watch.look()
        except asyncio.CancelledError:
            self._end(CANCELLED, "The check was cancelled; this is what was known until then.")
            raise
        if change:
            self._end(NETWORK_CHANGED, f"{change} What is shown is older than that: check again.")
        else:
            self._end()
        return self.known()

    async def retest(self, rule: str, *, progress: Progress | None = None) -> DoctorReport:
        """Runs the smallest checks that settle one rule, and judges everything anew. Raises KeyError for no rule.

        Cancelled, it leaves what was known before.
        """
        needs = self._rules.named(rule).needs
        restore = self._measured.kept()
        self._tell = progress or (lambda _: None)
        try:
            await self._measured.run_again([name for name, facts in GROUPS.items() if facts & needs])
        except asyncio.CancelledError:
            restore()
            raise
        self._tell(self._checks())
        return self.known()

    async def look_at_ports(
        self, ports: Sequence[tuple[Carried, int]], game: str = ""
    ) -> tuple[PortReport, ...]:
        """A game's ports here and in the router; nothing is changed."""
        async with self._port_mappings() as mappings:
            self._ports = tuple(
                [await look_at_port(self._net, mappings, carried, port, game) for carried, port in ports]
            )
        return self._ports

    async def open_port(self) -> None:
        """Lets the router open a port for some seconds and proves it from outside; only when the user wants it."""
        nat = self._measured.nat
        if nat is None or nat.failure is not None:
            return
        async with self._port_mappings() as mappings:
            tried = await try_out(self._net, mappings, nat)
        self.take_port_mapping(self._nats.judge_with_port_mapping(tried.reachable, tried.text), tried)

    @asynccontextmanager
    async def _port_mappings(self) -> AsyncIterator[PortMappingService]:
        """The Node's, or one for the moment."""
        mappings = self._mappings or PortMappingService(self._net)
        try:
            yield mappings
        finally:
            if mappings is not self._mappings:
                await mappings.close()

    def take_port_mapping(self, nat: NatReport, tried: TryOut) -> None:
        """What came of a port that the router was asked to open: the NAT judged anew, and whether it refused."""
        self._measured.take_port_mapping(nat, tried.refused, tried.text)

    def take_peer(self, report: PeerReport) -> None:
        """A live peer, and both networks as a pair."""
        self._peer = report
        probes = report.probes
        end = Segment(Rung.PEER, report.remote or None, None, probes.sent, probes.answered, probes.p50_s)
        near = tuple(each for each in self._measured.segments if each.rung is not Rung.PEER)
        self._measured.segments = (*near, end) if probes.sent else near

    def take_load(self, report: LoadReport) -> None:
        """What became of small packets while the line was full."""
        self._measured.rows["load"] = load_row(report)

    def take_knock(self, port: str, knock: KnockReport, peer: str) -> tuple[PortReport, ...]:
        """What a peer's knock at one of the ports that were looked at showed."""
        reachable = {KnockState.REACHABLE: True, KnockState.CLOSED: False}.get(knock.state)
        self._ports = tuple(
            msgspec.structs.replace(each, reachable=reachable, reachable_text=f"asked {peer}: {knock.text}")
            if each.port == port
            else each
            for each in self._ports
        )
        return self._ports

    def known(self) -> DoctorReport:
        """The report by what is known now."""
        found, unknown = findings(self._rules, self._measured.facts)
        if self._peer is not None and (pair := pair_finding(self._peer)) is not None:
            found = (pair, *found) if pair.severity is Severity.PROBLEM else (*found, pair)
        nat = self._measured.nat
        failure, text = (nat.failure, nat.failure_text) if nat else (None, None)
        if self._ended_by is not None:
            failure, text = self._ended_by
        return DoctorReport(
            verdict=_verdict(text, found),
            findings=found,
            unknown=unknown,
            checks=self._checks(),
            nat=nat,
            quality=self._measured.quality,
            segments=self._measured.segments,
            turn=self._measured.relays,
            bad_from=facts_from.bad_from(self._measured.facts, {finding.rule for finding in found}),
            ports=self._ports,
            peer=self._peer,
            started_at_s=self._started_at_s,
            duration_s=self._duration_s,
            failure=failure,
            failure_text=text,
            network=self._network,
        )

    def _end(self, failure: str = "", text: str = "") -> None:
        """Ends a run, early where there is a failure."""
        self._duration_s = self._net.now() - self._measured.began_s
        self._ended_by = (failure, text) if failure else None
        for name, row in self._measured.rows.items():
            if row.outcome is Outcome.RUNNING:
                self._measured.rows[name] = Row(
                    Outcome.UNKNOWN, "cancelled" if failure == CANCELLED else "not measured any more"
                )
        self._tell(self._checks())

    def _checks(self) -> tuple[Check, ...]:
        """A row is bad when a problem of its own is found, whatever it says."""
        problems = [
            rule
            for rule in self._rules.rule
            if rule.severity is Severity.PROBLEM and evaluate(rule, self._measured.facts) is Outcome.BAD
        ]
        bad, fired = {rule.check for rule in problems}, {rule.id for rule in problems}
        if facts_from.bad_from(self._measured.facts, fired) == "home":
            bad.add("way")
        return tuple(
            Check(
                name,
                ROWS[name],
                Outcome.BAD if name in bad and row.outcome is not Outcome.RUNNING else row.outcome,
                row.text,
                self._measured.took_s.get(name),
                row.detail,
            )
            for name, row in self._measured.rows.items()
        )


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
