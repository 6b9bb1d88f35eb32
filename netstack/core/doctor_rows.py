"""The checklist: what each measurement looks like in a row. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from netstack.core.doctor_facts import black_hole, has_ipv6
from netstack.core.doctor_rules import duration_words
from netstack.core.web_facts import DATE_STEP_S, WebAnswer, web_facts
from netstack.model.ble import Preflight
from netstack.model.doctor import Outcome, Quality, RelayReach, RelayState, Segment
from netstack.model.load import LoadGrade, LoadReport, load_grade
from netstack.model.nat import Label, NatReport, Udp, Verdict
from netstack.model.port_mapping import MappingGateway, MappingProtocol

ROWS: Final = {
    "interfaces": "Network",
    "way": "Way to the router",
    "names": "Names (DNS)",
    "udp": "UDP",
    "nat": "NAT",
    "gateway": "Outside address",
    "mapping": "Opening ports",
    "ipv6": "IPv6",
    "vpn": "VPN",
    "firewall": "This PC's firewall",
    "proxy": "Web proxy",
    "relay": "Relay",
    "latency": "Latency",
    "loss": "Loss",
    "mtu": "Packet size",
    "load": "Under load",
    "clock": "Clock",
    "portal": "Login page",
    "bluetooth": "Bluetooth",
}
"""Every row with its title, in the order in which they stand."""

_RELAY_WORDS: Final = {
    RelayState.UNREACHABLE: "does not answer",
    RelayState.UNAUTHORIZED: "refuses the user name or password",
    RelayState.UNTRUSTED: "cannot prove that it is itself",
}
CLOCK_MAY_S: Final = 60.0
_PLAYABLE: Final = {LoadGrade.STEADY, LoadGrade.NOTICED}
_GRADES: Final = ((-60, "strong"), (-70, "fair"), (-200, "weak"))
_WIFI_SIGNAL: Final = "A Wi-Fi signal of -60 dBm or more is strong, below -70 dBm it is weak."

_KINDS = {
    "cable": "cable",
    "wifi": "Wi-Fi",
    "vpn": "VPN",
    "virtual": "virtual",
    "unknown": "of unknown kind",
}
_KINDS_OF_NAT = {
    Label.FULL_CONE: "full cone",
    Label.RESTRICTED_CONE: "restricted cone",
    Label.PORT_RESTRICTED_CONE: "port-restricted cone",
    Label.SYMMETRIC: "symmetric",
    Label.FIREWALL: "firewall without translation",
    Label.OPEN: "no NAT",
}
_LANGUAGES = {MappingProtocol.PCP: "PCP", MappingProtocol.NAT_PMP: "NAT-PMP", MappingProtocol.UPNP: "UPnP"}


class Row(NamedTuple):
    """What a row says; a problem of its own makes it bad whatever `outcome` is."""

    outcome: Outcome
    text: str
    detail: str = ""


UNASKED: Final = {
    "load": Row(
        Outcome.UNKNOWN,
        "not measured",
        "Latency while the line is full needs somebody who takes some megabytes: a peer.",
    ),
}
"""Rows of what is not asked by this check, and why."""


class Link(NamedTuple):
    """What is known of one interface: its kind's name, Wi-Fi's signal, a cable's speed or Wi-Fi's rate."""

    name: str
    kind: str
    mtu_bytes: int | None = None
    signal_dbm: int | None = None
    speed_bps: int | None = None


def interface_row(links: Iterable[Link]) -> Row:
    """The interfaces that are up."""
    used = [_link_words(link) for link in links if link.kind != "loopback"]
    if not used:
        return Row(Outcome.BAD, "no network interface is up", "Plug in a cable, or join a Wi-Fi.")
    return Row(Outcome.GOOD, ", ".join(used), _WIFI_SIGNAL if any("dBm" in words for words in used) else "")


def _link_words(link: Link) -> str:
    words = [_KINDS[link.kind]]
    if link.signal_dbm is not None:
        grade = next(word for least, word in _GRADES if link.signal_dbm >= least)
        words.append(f"signal {grade}, {link.signal_dbm} dBm")
    if link.speed_bps:
        words.append(
            f"{link.speed_bps / 1e9:g} Gbit/s"
            if link.speed_bps >= 1e9
            else f"{link.speed_bps / 1e6:g} Mbit/s"
        )
    if link.mtu_bytes:
        words.append(f"MTU {link.mtu_bytes}")
    return f"{link.name} ({', '.join(words)})"


def firewall_row(name: str | None = None, drops_unasked: bool | None = None) -> Row:
    """The firewall of this computer; `name` None: it could not be read."""
    if name is None:
        return Row(
            Outcome.UNKNOWN,
            "not measured",
            "This system, or a program without special rights, cannot read it.",
        )
    if drops_unasked is None:
        return Row(Outcome.UNKNOWN, f"{name} is on", "It does not tell what it lets in.")
    if drops_unasked:
        return Row(
            Outcome.GOOD,
            f"{name} is on",
            "It keeps out what nobody here asked for. Direct connections work all the same; a game that others join needs "
            "its port allowed.",
        )
    return Row(Outcome.GOOD, "lets everything in", f"By {name}")


def name_row(looked_up: Iterable[tuple[str, float | None, str]]) -> Row:
    """`looked_up`: each name with its seconds, None where it was not found, and why."""
    every = list(looked_up)
    found = [took_s for _, took_s, _ in every if took_s is not None]
    detail = "; ".join(f"{name}: {why or _ms(took_s)}" for name, took_s, why in every)
    if not every:
        return Row(Outcome.UNKNOWN, "not measured", "Every server is given as an address.")
    if not found:
        return Row(Outcome.BAD, "no name was found", detail)
    count = f"{len(found)} of {len(every)} found"
    return Row(Outcome.GOOD, f"{count}, the slowest in {_ms(max(found))}", detail)


def nat_rows(nat: NatReport) -> dict[str, Row]:
    """The rows that the NAT check fills."""
    good, bad, unknown = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
    word, _, meaning = nat.headline.partition(" - ")
    verdict = bad if nat.verdict in {Verdict.STRICT, Verdict.BLOCKED} else good
    if nat.verdict is Verdict.UNKNOWN:
        verdict, word, meaning = unknown, "not known", nat.failure_text or nat.headline
    kind = f", {_KINDS_OF_NAT[nat.label]}" if nat.label in _KINDS_OF_NAT else ""
    answering = sum(server.answered for server in nat.servers)
    udp = {
        Udp.OK: Row(good, "passes", f"{answering} of {len(nat.servers)} servers answered"),
        Udp.BLOCKED: Row(bad, "blocked", "Servers that answer over TCP stay silent over UDP."),
        Udp.UNKNOWN: Row(unknown, "no server answered", nat.failure_text or ""),
    }[nat.udp]
    if nat.cgnat or nat.double_nat:
        gateway = Row(bad, f"{nat.gateway_wan}, translated again", "Another NAT stands behind the router.")
    elif nat.gateway_wan:
        gateway = Row(good, f"{nat.gateway_wan}")
    else:
        gateway = Row(unknown, "the router does not tell", "It answers neither NAT-PMP nor UPnP.")
    ipv6 = Row(good, "works") if has_ipv6(nat) else Row(unknown, "not in use")
    vpn = Row(good, f"{nat.vpn} is on", "What you see here is what the VPN does.") if nat.vpn else None
    return {
        "udp": udp,
        "nat": Row(verdict, f"{word}{kind}", meaning[:1].upper() + meaning[1:]),
        "gateway": gateway,
        "ipv6": ipv6,
        "vpn": vpn or Row(good, "none is on"),
    }


def mapping_row(gateway: MappingGateway) -> tuple[str | None, Row]:
    """The fact `mapping_service`, and its row. Silence is not a refusal: the fact stays unknown."""
    spoken = [_LANGUAGES[tried.protocol] for tried in gateway.spoken if tried.failure is None]
    detail = "; ".join(f"{_LANGUAGES[t.protocol]}: {t.failure}" for t in gateway.spoken if t.failure)
    if spoken:
        return "speaks", Row(Outcome.GOOD, f"the router speaks {', '.join(spoken)}", detail)
    return "none", Row(Outcome.UNKNOWN, "the router offers nothing", detail)


def latency_rows(quality: Quality) -> dict[str, Row]:
    """Latency and loss of the way to one server."""
    of = f"to {quality.server}, n = {quality.sent}"
    if quality.rtt_p50_s is None:
        silent = Row(Outcome.UNKNOWN, "nothing was answered", of)
        return {"latency": silent, "loss": silent}
    jitter = "" if quality.jitter_s is None else f", jitter {_ms(quality.jitter_s)}"
    lost = quality.sent - quality.answered
    run = f", up to {quality.longest_loss} in a row" if quality.longest_loss > 1 else ""
    worst = "" if quality.rtt_p99_s is None else f"; one in a hundred took {_ms(quality.rtt_p99_s)} or longer"
    return {
        "latency": Row(
            Outcome.GOOD, f"{_ms(quality.rtt_p50_s)}{jitter}", f"Half of all round trips {of}{worst}"
        ),
        "loss": Row(
            Outcome.GOOD,
            f"{100 * lost / quality.sent:.2g} %, {lost or 'none'} of {quality.sent}{run}",
            of[:1].upper() + of[1:],
        ),
    }


def size_row(quality: Quality) -> Row:
    """The packet size that passes."""
    if quality.mtu_bytes is None:
        return Row(Outcome.UNKNOWN, "not measured", "The server does not answer padded requests.")
    hole = black_hole(quality)
    detail = "Payload of a UDP packet"
    if hole:
        detail = f"Packets of {quality.mtu_sent_bytes} bytes vanish without a word."
    return Row(
        Outcome.BAD if hole else Outcome.GOOD,
        f"{quality.mtu_bytes} bytes, {'not more' if hole else 'both ways'}",
        detail,
    )


def relay_row(relays: Sequence[RelayReach]) -> Row:
    """The best relay by its ways; the others, and what is wrong, on hover."""
    best = next((each for each in relays if each.state is RelayState.OK), relays[0])
    open_ways = [way.transport.upper() for way in best.ways if way.state is RelayState.OK]
    shut_ways = [way.transport.upper() for way in best.ways if way.state is not RelayState.OK]
    detail = " ".join(
        f"{each.url}, {way.transport.upper()}: {way.text or _ms(way.allocate_s)}."
        for each in relays
        for way in each.ways
    ).replace("..", ".")
    elsewhere = " ".join(f"TLS answers at {each.tls_url}." for each in relays if each.tls_url)
    detail = f"{detail} {elsewhere}".strip()
    if best.state is not RelayState.OK:
        return Row(Outcome.BAD, _RELAY_WORDS[best.state], detail)
    shut = f"; not over {' and '.join(shut_ways)}" if shut_ways else ""
    return Row(Outcome.GOOD, f"answers over {' and '.join(open_ways)}{shut}", detail)


def load_row(report: LoadReport) -> Row:
    """By how much a full line makes small packets wait."""
    if report.added_s is None:
        return Row(Outcome.UNKNOWN, "not measured", "Too few probes came back under load.")
    added_s = max(0.0, report.added_s)
    rpm = "" if report.rpm is None else f", {report.rpm:.0f} round trips a minute"
    detail = f"The median of small round trips with {report.peer} while the line was full, less that at rest"
    return Row(
        Outcome.GOOD if load_grade(added_s) in _PLAYABLE else Outcome.BAD, f"{_ms(added_s)} more{rpm}", detail
    )


def web_rows(answers: Sequence[WebAnswer]) -> dict[str, Row]:
    """Whether a login page stands in the way, and how right the clock is."""
    told = "; ".join(f"{answer.url}: {answer.text}" for answer in answers if answer.text)
    facts = web_facts(answers)
    off_s, right = facts["clock_off_s"], sum(answer.portal is False for answer in answers)
    if not answers:
        portal = Row(
            Outcome.UNKNOWN, "not measured", "No web check is set up (web_checks in the configuration)."
        )
    elif facts["portal"] is None:
        portal = Row(Outcome.UNKNOWN, "no web server answered", told)
    elif facts["portal"]:
        portal = Row(Outcome.BAD, "a page of this network comes first", told)
    else:
        portal = Row(
            Outcome.GOOD,
            "none",
            f"{right} of {len(answers)} empty web pages came as they should. {told}".strip(),
        )
    if not isinstance(off_s, float):
        clock = Row(Outcome.UNKNOWN, "not measured", "No web server told the time.")
    else:
        wrong = off_s > CLOCK_MAY_S
        text = f"off by {duration_words(off_s)}" if off_s > DATE_STEP_S else "right to a second"
        clock = Row(Outcome.BAD if wrong else Outcome.GOOD, text, f"By the Date of web servers, n = {right}")
    return {"portal": portal, "clock": clock}


def way_row(segments: tuple[Segment, ...]) -> Row:
    """The nearest station."""
    if not segments or not segments[0].answered or segments[0].hop != 1:
        return Row(
            Outcome.UNKNOWN,
            "not measured",
            "The router does not tell when a packet's time to live ends there, or this system does not say so.",
        )
    first = segments[0]
    lost = first.sent - first.answered
    text = f"{_ms(first.rtt_p50_s)}, {lost} of {first.sent} unanswered"
    return Row(Outcome.GOOD, text, "Routers answer few probes; one alone unanswered proves nothing.")


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "not measured"
    return f"{seconds * 1000:.3g} ms" if seconds >= 0.00005 else "under 0.1 ms"


def bluetooth_row(preflight: Preflight | None) -> Row:
    """Whether Bluetooth can be used. A computer without any lacks nothing that games need."""
    if preflight is None:
        return Row(Outcome.UNKNOWN, "not looked at")
    if preflight.failure is None:
        words = "ready" if preflight.can_host is not False else "ready to join, not to host"
        return Row(Outcome.GOOD, words, preflight.adapter)
    without = preflight.failure in {"no-adapter", "no-service", "no-bus"}
    return Row(
        Outcome.UNKNOWN if without else Outcome.BAD,
        preflight.failure_text.rstrip("."),
        preflight.next_step,
    )
