"""A NAT report as plain text and as JSON, for the terminal, the clipboard and a file."""

import msgspec

from app.presenters.veil import Veil
from netstack.model.nat import NatReport, Udp


def report_text(report: NatReport, veil: Veil | None = None) -> str:
    """The whole report; what is under the veil stays hidden."""
    lines = [report.headline]
    if report.network != "real":
        lines.insert(0, f'This is the lab, scenario "{report.network}", not your own network.')
    if report.failure_text:
        lines.append(report.failure_text)
    lines.append("")
    lines += [f"{name + ':':<20}{value}" for name, value in _facts(report)]
    lines += ["", "Servers"]
    for server in report.servers:
        said = f"answered in {_ms(server.rtt_s)}" if server.answered else server.failure or "not asked"
        strikes = f"; STRUCK: {server.struck_for}" if server.struck_for else ""
        lines.append(f"  {server.server}: {said}{strikes}")
    if report.evidence:
        lines += ["", "Evidence"]
        lines += [f"  {item.fact}: {item.text}" for item in report.evidence]
    if report.advice:
        lines += ["", "What to do"]
        lines += [f"  - {advice}" for advice in report.advice]
    text = "\n".join(lines)
    return veil(text) if veil else text


def report_json(report: msgspec.Struct, veil: Veil) -> str:
    """A report as its schema has it, indented; what is under the veil stays hidden."""
    return msgspec.json.format(
        msgspec.json.encode(_under(veil, msgspec.to_builtins(report))), indent=2
    ).decode()


def _under(veil: Veil, value: object) -> object:
    match value:
        case str():
            return veil(value)
        case dict():
            return {key: _under(veil, item) for key, item in value.items()}
        case list() | tuple():
            return [_under(veil, item) for item in value]
        case _:
            return value


def _facts(report: NatReport) -> list[tuple[str, str]]:
    lifetime = "not measured"
    if report.lifetime is not None:
        alive, gone = report.lifetime.alive_s, report.lifetime.gone_s
        lifetime = (
            (f"between {alive:g} and {gone:g} s" if alive is not None else f"under {gone:g} s")
            if gone is not None
            else f"over {alive:g} s"
        )
    return [
        ("UDP", {Udp.OK: "passes", Udp.BLOCKED: "blocked", Udp.UNKNOWN: "unknown"}[report.udp]),
        ("Mapping", report.mapping.value),
        ("Filtering", f"{report.filtering.value} ({report.filtering_reason})"),
        ("Type", report.label.value),
        ("Hairpin", _tri(report.hairpin)),
        ("Port preservation", _tri(report.port_preservation)),
        ("Mapping lifetime", lifetime),
        ("Public address", ", ".join(report.public_addresses) or "not measured"),
        ("Router outside", report.gateway_wan or "the router does not tell"),
        ("CGNAT", _tri(report.cgnat)),
        ("Double NAT", _tri(report.double_nat)),
        ("VPN", report.vpn or "none seen"),
        ("Confidence", f"{report.confidence:.0%}"),
        ("Took", f"{report.duration_s:.2f} s"),
    ]


def _tri(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "not measured"}[value]


def _ms(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds * 1000:.1f} ms"
