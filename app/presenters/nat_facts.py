"""The facts of a NAT check, each as one cell: plain words, tone, why it is unknown, and the evidence."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from app.presenters.quantity import NOT_MEASURED, duration
from app.presenters.tone import Tone
from app.presenters.veil import HIDDEN, Veil
from netstack.model.address import Family
from netstack.model.nat import Filtering, Mapping, NatReport, Udp


class FactView(msgspec.Struct, frozen=True):
    """One cell. `note` is the second line: the term, or the reason for "not measured"; `hint` explains."""

    key: str
    label: str
    value: str
    tone: Tone
    note: str
    hint: str
    evidence: tuple[str, ...] = ()


class Known(NamedTuple):
    """What a fact says when it was measured."""

    value: str
    tone: Tone
    note: str = ""


# A reader gives what is known, or the reason why it is not (empty: it was not tried).
Reader = Callable[[NatReport], Known | str]


class Fact(NamedTuple):
    """A cell's place: `fields` are the report's fields whose evidence speaks for it."""

    key: str
    label: str
    read: Reader
    hint: str
    fields: tuple[str, ...]


_UDP = {
    Udp.OK: Known("Passes", Tone.GOOD, "a STUN server answered"),
    Udp.BLOCKED: Known("Blocked", Tone.BAD, "the same server answers over TCP"),
}
_MAPPING = {
    Mapping.NONE: Known("No translation", Tone.GOOD, "the outside address is this computer's"),
    Mapping.ENDPOINT_INDEPENDENT: Known("One port for everyone", Tone.GOOD, "endpoint-independent"),
    Mapping.ADDRESS_DEPENDENT: Known("A port per address", Tone.BAD, "address-dependent"),
    Mapping.ADDRESS_AND_PORT_DEPENDENT: Known(
        "A port per destination", Tone.BAD, "address- and port-dependent"
    ),
}
_FILTERING = {
    Filtering.ENDPOINT_INDEPENDENT: Known("Everyone", Tone.GOOD, "endpoint-independent"),
    Filtering.ADDRESS_DEPENDENT: Known("Hosts you contacted", Tone.WARN, "address-dependent"),
    Filtering.ADDRESS_AND_PORT_DEPENDENT: Known(
        "Exact ports you contacted", Tone.WARN, "address- and port-dependent"
    ),
}
LIFETIME_ASKED_S = 120.0  # RFC 4787 section 4.3, REQ-5


def _filtering(report: NatReport) -> Known | str:
    reason = "" if report.filtering_reason == NOT_MEASURED else report.filtering_reason
    return _FILTERING.get(report.filtering, reason)


def _hairpin(report: NatReport) -> Known | str:
    if report.hairpin is None:
        return ""
    if report.hairpin:
        return Known("Works", Tone.GOOD, "same household by public address")
    return Known("Does not work", Tone.WARN, "same household needs local addresses")


def _port_preservation(report: NatReport) -> Known | str:
    if report.port_preservation is None:
        return ""
    return Known(
        "Kept" if report.port_preservation else "Changed", Tone.PLAIN, "inside compared with outside"
    )


def _lifetime(report: NatReport) -> Known | str:
    known = report.lifetime
    if known is None or (known.alive_s is None and known.gone_s is None):
        return "" if any(line.fact == "lifetime" for line in report.evidence) else "takes minutes, on demand"
    alive, gone = known.alive_s, known.gone_s
    if gone is None:
        return Known(
            f"Over {duration(alive or 0)}", Tone.GOOD if (alive or 0) >= LIFETIME_ASKED_S else Tone.PLAIN
        )
    value = f"Under {duration(gone)}" if alive is None else f"{duration(alive)} to {duration(gone)}"
    if gone <= LIFETIME_ASKED_S:
        return Known(value, Tone.WARN, "shorter than RFC 4787 asks")
    return Known(value, Tone.GOOD)


def _local(report: NatReport) -> Known | str:
    first, *others = report.local_addresses or ("",)
    return Known(first, Tone.PLAIN, _several(others)) if first else ""


def _several(others: list[str]) -> str:
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return f"also {others[0]}{more}" if others else ""


def _gateway(report: NatReport) -> Known | str:
    if report.gateway is None:
        return ""
    outside = f"outside: {report.gateway_wan}" if report.gateway_wan else "does not tell its outside address"
    return Known(report.gateway, Tone.PLAIN, outside)


def _nat_chain(report: NatReport) -> Known | str:
    if report.cgnat:
        return Known("Provider's NAT", Tone.BAD, "carrier-grade NAT (CGNAT)")
    if report.double_nat:
        return Known("Two routers in a row", Tone.WARN, "double NAT")
    if report.cgnat is None or report.double_nat is None:
        return "the router does not tell its outside address" if report.gateway else ""
    return Known("None seen", Tone.GOOD)


def _vpn(report: NatReport) -> Known | str:
    if report.vpn:
        return Known("On", Tone.WARN, report.vpn)
    return Known("None seen", Tone.PLAIN) if report.local_addresses else ""


def _ipv6(report: NatReport) -> Known | str:
    six = next((family for family in report.families if family.family is Family.IPV6), None)
    if six is None:
        return (
            Known("None here", Tone.PLAIN, "this computer has no IPv6 address")
            if report.local_addresses
            else ""
        )
    if six.udp is Udp.OK:
        note = "no translation" if six.mapping is Mapping.NONE else "UDP passes"
        return Known("Works", Tone.GOOD, note)
    if six.udp is Udp.BLOCKED:
        return Known("UDP blocked", Tone.BAD)
    return "no server answered over IPv6"


def _public(report: NatReport) -> Known | str:
    if not report.public_addresses:
        return ""
    said = [server.mapped for server in report.servers if server.mapped]
    agree = sum(_host(mapped) in report.public_addresses for mapped in said)
    return Known(
        ", ".join(report.public_addresses),
        Tone.PLAIN,
        f"{agree} of {len(said)} servers say so" if said else "",
    )


def _host(mapped: str) -> str:
    return mapped[1:].partition("]")[0] if mapped.startswith("[") else mapped.rpartition(":")[0] or mapped


FACTS = (
    Fact("udp", "UDP", lambda r: _UDP.get(r.udp, ""),
         "Games and calls talk UDP. It counts as blocked only when the same server answers over TCP.",
         ("udp",)),
    Fact("mapping", "Public port", lambda r: _MAPPING.get(r.mapping, ""),
         "How the public port is chosen: mapping behaviour, RFC 4787 section 4.1. One port for everyone is "
         "what direct connections need.",
         ("mapping",)),
    Fact("filtering", "Who gets in", _filtering,
         "Who may send to the public port from outside: filtering behaviour, RFC 4787 section 5. Only a "
         "server with a second address can prove it.",
         ("filtering",)),
    Fact("nat_chain", "Second NAT", _nat_chain,
         "A translation behind your router: the provider's (100.64.0.0/10, RFC 6598) or another router's.",
         ("cgnat", "double_nat")),
    Fact("hairpin", "Hairpin", _hairpin,
         "Whether two computers behind this router meet at its public address: RFC 4787 section 6.",
         ("hairpin",)),
    Fact("port_preservation", "Port number", _port_preservation,
         "Whether the public port is the one that the program chose: RFC 4787 section 4.2.1.",
         ("port_preservation",)),
    Fact("lifetime", "Forgets you after", _lifetime,
         "How long the router remembers a silent connection: RFC 4787 section 4.3 asks for two minutes or "
         "more.",
         ("lifetime",)),
    Fact("ipv6", "IPv6", _ipv6,
         "With IPv6 on both sides there is often no translation at all.",
         ("ipv6.udp", "ipv6.mapping", "ipv6.filtering")),
    Fact("public_addresses", "Public address", _public,
         "What the servers see. Servers on different addresses vote, so that one liar cannot win.",
         ("public_addresses",)),
    Fact("local_addresses", "This computer", _local, "What this computer is called at home.",
         ("local_addresses",)),
    Fact("gateway", "Router", _gateway,
         "The next hop, and the address that it says it has outside (NAT-PMP, PCP or UPnP).",
         ("gateway", "gateway_wan")),
    Fact("vpn", "VPN", _vpn,
         "With a VPN on, everything here describes the VPN's server and not your router.",
         ("vpn",)),
)  # fmt: skip


def facts(
    report: NatReport | None, veil: Veil, *, running: bool, lifetime_step: str = ""
) -> tuple[FactView, ...]:
    """The cells, always all of them and in the same order. `lifetime_step`: where that long test is."""
    given = report or NatReport()
    told = "the servers' answers did not tell" if given.udp is Udp.OK else "no server answered over UDP"
    pending = "" if running or report is None else told
    word = "Measuring…" if running else "Not measured"
    cells = (_cell(fact, given, veil, word, pending) for fact in FACTS)
    return tuple(
        msgspec.structs.replace(cell, value="Measuring…", tone=Tone.UNKNOWN, note=lifetime_step)
        if lifetime_step and cell.key == "lifetime"
        else cell
        for cell in cells
    )


def _cell(fact: Fact, report: NatReport, veil: Veil, word: str, pending: str) -> FactView:
    seen = tuple(veil(line.text) for line in report.evidence if line.fact in fact.fields)
    known = fact.read(report)
    if isinstance(known, str):
        reason = known or next((text for text in seen if text != NOT_MEASURED), pending)
        known = Known("Not measured" if reason else word, Tone.UNKNOWN, reason)
    value = veil(known.value)
    return FactView(
        fact.key,
        fact.label,
        "Hidden" if value == HIDDEN else value,
        known.tone,
        veil(known.note),
        fact.hint,
        tuple(text for text in seen if text != NOT_MEASURED),
    )
