"""One button: what is wrong, whose side is it, what to change. Runs the checks side by side and applies the rules."""

import tomllib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from netstack.config import RESOURCES, TurnServer
from netstack.core.doctor_rules import Facts, Rules, findings
from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.model.doctor import Check, DoctorReport, Finding, Outcome, Quality, Severity, Side
from netstack.model.nat import NatReport, Udp, Verdict
from netstack.net.protocol import Interface, LinkKind, Net
from netstack.service.link_quality import measure_quality
from netstack.service.nat import NatService
from netstack.service.turn_reach import reach_turn
from netstack.tasks import TaskScope

SIDES: Final = {
    Side.PC: "this computer",
    Side.NETWORK: "this network",
    Side.ROUTER: "the router",
    Side.PROVIDER: "the provider",
    Side.PEER: "the other side",
    Side.SERVER: "the server",
}
Progress = Callable[[tuple[Check, ...]], None]


def read_rules() -> Rules:
    """The rules that are shipped with the app."""
    return msgspec.convert(tomllib.loads((RESOURCES / "rules" / "doctor.toml").read_text("utf-8")), Rules)


class Doctor:
    """Checks one host's connection. `network` is "real" or a lab scenario's name."""

    def __init__(self, net: Net, *, network: str = "real", nat: NatService | None = None) -> None:
        self._net = net
        self._network = network
        self._nat = nat or NatService(net, network=network)
        self._rules = read_rules()
        self._checks: dict[str, Check] = {}
        self._tell: Progress = lambda _: None

    async def examine(
        self, stun: Sequence[str], turn: Sequence[TurnServer] = (), *, progress: Progress | None = None
    ) -> DoctorReport:
        """Runs every check and returns the report. Cancelling it leaves the last `progress` as what is known.

        Raises InputError for a malformed server.
        """
        self._checks = {}
        self._tell = progress or (lambda _: None)
        started_at_s, began_s = self._net.wall_time(), self._net.now()
        interfaces = await self._net.interfaces()
        self._interfaces(interfaces)
        for name, title in (
            ("nat", "NAT"),
            ("quality", "Latency and loss"),
            ("mtu", "Packet size"),
            ("turn", "Relay"),
        ):
            self._show(name, title, Outcome.RUNNING, "")
        async with TaskScope("doctor") as tasks:
            reaching = tasks.start(self._turn(turn), "relay")
            nat = await self._nat.check(tuple(stun))
            self._nat_rows(nat)
            quality = await self._quality(nat)
            turn_state, turn_name = await reaching
        facts = _facts(nat, quality, turn_state, turn_name)
        found, unknown = findings(self._rules, facts)
        return DoctorReport(
            verdict=_verdict(nat, found),
            findings=found,
            unknown=unknown,
            checks=tuple(self._checks.values()),
            nat=nat,
            quality=quality,
            started_at_s=started_at_s,
            duration_s=self._net.now() - began_s,
            failure=nat.failure,
            failure_text=nat.failure_text,
            network=self._network,
        )

    def _show(self, name: str, title: str, outcome: Outcome, text: str) -> None:
        self._checks[name] = Check(name, title, outcome, text)
        self._tell(tuple(self._checks.values()))

    def _interfaces(self, interfaces: tuple[Interface, ...]) -> None:
        used = [each for each in interfaces if each.kind is not LinkKind.LOOPBACK]
        text = ", ".join(f"{each.name} ({each.kind})" for each in used)
        self._show(
            "interfaces",
            "Network",
            Outcome.GOOD if used else Outcome.BAD,
            text or "no network interface is up",
        )

    def _nat_rows(self, nat: NatReport) -> None:
        bad = nat.verdict in {Verdict.STRICT, Verdict.BLOCKED}
        unknown = nat.verdict is Verdict.UNKNOWN
        self._show(
            "nat", "NAT", Outcome.UNKNOWN if unknown else Outcome.BAD if bad else Outcome.GOOD, nat.headline
        )
        udp = {Udp.OK: Outcome.GOOD, Udp.BLOCKED: Outcome.BAD, Udp.UNKNOWN: Outcome.UNKNOWN}[nat.udp]
        self._show("udp", "UDP", udp, nat.udp.value)
        vpn = f"{nat.vpn} is on" if nat.vpn else "none seen"
        self._show("vpn", "VPN", Outcome.BAD if nat.vpn else Outcome.GOOD, vpn)
        wan = f"outside address {nat.gateway_wan}" if nat.gateway_wan else "the router does not tell"
        twice = nat.cgnat or nat.double_nat
        known = nat.cgnat is not None or nat.double_nat is not None
        self._show(
            "gateway", "Router", Outcome.BAD if twice else Outcome.GOOD if known else Outcome.UNKNOWN, wan
        )
        ipv6 = _ipv6(nat)
        self._show(
            "ipv6", "IPv6", Outcome.GOOD if ipv6 else Outcome.UNKNOWN, "works" if ipv6 else "not in use"
        )

    async def _quality(self, nat: NatReport) -> Quality | None:
        server = next((s for s in nat.servers if s.answered and s.address and not s.struck_for), None)
        if server is None or server.address is None:
            self._show("quality", "Latency and loss", Outcome.UNKNOWN, "no server answers over UDP")
            self._show("mtu", "Packet size", Outcome.UNKNOWN, "no server answers over UDP")
            return None
        host, _, port = server.address.rpartition(":")
        try:
            quality = await measure_quality(
                self._net, Address(host.strip("[]"), int(port)), server.server.removeprefix("stun:")
            )
        except NetError as error:
            self._show("quality", "Latency and loss", Outcome.UNKNOWN, error.sentence)
            return None
        if quality.rtt_p50_s is None:
            self._show("quality", "Latency and loss", Outcome.UNKNOWN, "nothing was answered")
        else:
            text = f"{quality.rtt_p50_s * 1000:.3g} ms, {quality.loss:.1%} lost (n = {quality.sent})"
            self._show("quality", "Latency and loss", Outcome.GOOD, text)
        hole = _black_hole(quality)
        size = (
            "the server does not answer padded requests"
            if quality.mtu_bytes is None
            else f"{quality.mtu_bytes} bytes pass"
        )
        outcome = {True: Outcome.BAD, False: Outcome.GOOD, None: Outcome.UNKNOWN}[hole]
        self._show("mtu", "Packet size", outcome, size)
        return quality

    async def _turn(self, servers: Sequence[TurnServer]) -> tuple[str | None, str]:
        """The first relay's state: ok or unreachable; None without one."""
        if not servers:
            self._show("turn", "Relay", Outcome.UNKNOWN, "none is set up")
            return None, ""
        reached = await reach_turn(self._net, servers[0].url)
        self._show(
            "turn",
            "Relay",
            Outcome.GOOD if reached else Outcome.BAD,
            "answers" if reached else "does not answer",
        )
        return "ok" if reached else "unreachable", servers[0].url


def _ipv6(nat: NatReport) -> bool:
    return any(each.family is Family.IPV6 and each.udp is Udp.OK for each in nat.families)


def _black_hole(quality: Quality) -> bool | None:
    """True when a larger size left in silence and never came back, although padded requests are answered."""
    if quality.mtu_bytes is None:
        return None
    return quality.mtu_sent_bytes is not None and quality.mtu_sent_bytes > quality.mtu_bytes


def _facts(nat: NatReport, quality: Quality | None, turn: str | None, turn_name: str) -> Facts:
    """Everything that the rules may name; None is "not known"."""
    answered = nat.udp is Udp.OK
    names = [server for server in nat.servers if server.failure == "no computer has that name"]
    return {
        "verdict": nat.verdict.value if nat.verdict is not Verdict.UNKNOWN else None,
        "mapping": nat.mapping.value,
        "udp": nat.udp.value if nat.udp is not Udp.UNKNOWN else None,
        "double_nat": nat.double_nat,
        "cgnat": nat.cgnat is True if nat.cgnat is not None or nat.verdict is not Verdict.UNKNOWN else None,
        "gateway_wan": nat.gateway_wan,
        "hairpin": nat.hairpin,
        "vpn": nat.vpn is not None,
        "vpn_name": nat.vpn,
        "ipv6": _ipv6(nat) if answered else None,
        "dns": "failing" if names and len(names) == len(nat.servers) else "ok",
        "portal": None,
        "mapping_service": None,
        "turn": turn,
        "turn_server": turn_name,
        "rtt_p50_s": quality.rtt_p50_s if quality else None,
        "loss": quality.loss if quality else None,
        "longest_loss": quality.longest_loss if quality else None,
        "server": quality.server if quality else None,
        "mtu_blackhole": _black_hole(quality) if quality else None,
        "mtu_small": quality.mtu_bytes if quality else None,
        "mtu_large": quality.mtu_sent_bytes if quality else None,
        "clock_off_s": None,
        "bluetooth": None,
        "bluetooth_reason": None,
    }


def _verdict(nat: NatReport, found: tuple[Finding, ...]) -> str:
    problems = [finding for finding in found if finding.severity is Severity.PROBLEM]
    if nat.failure_text and not problems:
        return nat.failure_text
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
