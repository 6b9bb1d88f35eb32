"""What the doctor's measurements prove: facts for the rules, each None while it is not known. Pure.

Each function without a measurement gives its facts as unknown, so that together they name every fact there is.
"""

from math import comb
from typing import Final

from netstack.core.doctor_rules import Facts
from netstack.core.web_facts import web_facts
from netstack.model.address import Family
from netstack.model.ble import Preflight
from netstack.model.doctor import Quality, Rung, Segment
from netstack.model.nat import NatReport, Udp, Verdict

SURE: Final = 0.02  # the chance of being wrong that a segment's blame, or its innocence, may have
HEAVY: Final = 0.045  # the share lost that spoils a game
NOTABLE: Final = 0.02  # the share worth a word when losses come together
RARE: Final = 0.001
STRAY: Final = 0.01  # the loss of a healthy segment


def nat_facts(nat: NatReport | None) -> Facts:
    """From the NAT check."""
    if nat is None:
        nat = NatReport()
        vpn: bool | None = None
    else:
        vpn = nat.vpn is not None
    judged = nat.verdict is not Verdict.UNKNOWN
    return {
        "verdict": nat.verdict.value if judged else None,
        "mapping": nat.mapping.value if judged else None,
        "udp": nat.udp.value if nat.udp is not Udp.UNKNOWN else None,
        "double_nat": nat.double_nat,
        "cgnat": nat.cgnat is True if nat.cgnat is not None or judged else None,
        "gateway": nat.gateway,
        "gateway_wan": nat.gateway_wan,
        "public_address": next(iter(nat.public_addresses), None),
        "hairpin": nat.hairpin,
        "vpn": vpn,
        "vpn_name": nat.vpn,
        "ipv6": has_ipv6(nat) if nat.udp is Udp.OK else None,
    }


def has_ipv6(nat: NatReport) -> bool:
    """A server answered over IPv6."""
    return any(each.family is Family.IPV6 and each.udp is Udp.OK for each in nat.families)


def latency_facts(quality: Quality | None) -> Facts:
    """From many small requests to one server."""
    return {
        "rtt_p50_s": quality.rtt_p50_s if quality else None,
        "bursty": bursty(quality) if quality and quality.answered else None,
        "loss": quality.loss if quality and quality.answered else None,
        "longest_loss": quality.longest_loss if quality and quality.answered else None,
        "server": quality.server if quality else None,
    }


def bursty(quality: Quality) -> bool:
    """Much is lost and some of it together, or a run was lost that single losses would hardly ever make."""
    loss, run = quality.loss or 0.0, quality.longest_loss
    by_chance = quality.sent * loss**run * (1 - loss)
    return (loss > HEAVY and run > 2) or (loss > NOTABLE and by_chance < RARE)


def size_facts(quality: Quality | None, header_bytes: int = 28) -> Facts:
    """From padded requests; `ip_bytes` is the size that passes with its headers of IP and UDP."""
    return {
        "mtu_blackhole": black_hole(quality) if quality else None,
        "mtu_small": quality.mtu_bytes if quality else None,
        "mtu_large": quality.mtu_sent_bytes if quality else None,
        "ip_bytes": quality.mtu_bytes + header_bytes if quality and quality.mtu_bytes else None,
    }


def black_hole(quality: Quality) -> bool | None:
    """True when a larger size left in silence and never came back, although padded requests are answered."""
    if quality.mtu_bytes is None:
        return None
    return quality.mtu_sent_bytes is not None and quality.mtu_sent_bytes > quality.mtu_bytes


def name_facts(looked_up: tuple[tuple[str, float | None], ...] | None) -> Facts:
    """From looking up the servers' names: each with its seconds, None where there is no such name."""
    if looked_up is None:
        return {"dns": None}
    failing = bool(looked_up) and all(took_s is None for _, took_s in looked_up)
    return {"dns": "failing" if failing else "ok"}


def relay_facts(state: str | None = None, server: str | None = None) -> Facts:
    """From a relay: `ok`, `unreachable`, `unauthorized`, or `untrusted` (its certificate)."""
    return {"turn": state, "turn_server": server}


def mapping_facts(state: str | None = None) -> Facts:
    """From asking the router what it speaks: `speaks`, `refused` or `none`."""
    return {"mapping_service": state}


def way_facts(segments: tuple[Segment, ...]) -> Facts:
    """Where it is bad, by segments from near to far: `home`, `line`, `beyond`."""
    near = {segment.rung: segment for segment in segments}
    router, internet, end = (near.get(rung) for rung in (Rung.ROUTER, Rung.INTERNET, Rung.SERVER))
    return {"slow_from": _slow_from(router, internet, end), "lossy_from": _lossy_from(router, internet, end)}


def bad_from(facts: Facts, fired: set[str]) -> str | None:
    """Where it begins to be bad, when a rule says that it is."""
    for rule, fact in (("loss.bursty", "lossy_from"), ("latency.high", "slow_from")):
        where = facts[fact]
        if rule in fired and isinstance(where, str):
            return where
    return None


def _slow_from(router: Segment | None, internet: Segment | None, end: Segment | None) -> str | None:
    """The stretch that takes more than half of the whole way's time."""
    if end is None or end.rtt_p50_s is None:
        return None
    whole_s = end.rtt_p50_s
    at_router_s = router.rtt_p50_s if router else None
    if at_router_s is not None and at_router_s > whole_s / 2:
        return "home"
    at_internet_s = internet.rtt_p50_s if internet else None
    if at_router_s is None or at_internet_s is None:
        return None
    return "line" if at_internet_s - at_router_s > whole_s / 2 else "beyond"


def _lossy_from(router: Segment | None, internet: Segment | None, end: Segment | None) -> str | None:
    """The first stretch that loses packets, when everything behind it loses them too.

    A station answers few probes, so chance is reckoned with: it is guilty when a healthy way would hardly lose so many,
    innocent when the whole way's loss would hardly spare so many, and otherwise not known.
    """
    if end is None or not end.sent or not end.answered or end.answered == end.sent:
        return None
    loss = 1 - end.answered / end.sent
    blames = [_blame(segment, loss) for segment in (router, internet)]
    match blames:
        case [True, True]:
            return "home"
        case [True, None] if internet is None or not internet.answered:
            return "home"
        case [False, True]:
            return "line"
        case [False | None, False]:
            return "beyond"
    return None


def _blame(segment: Segment | None, loss: float) -> bool | None:
    if segment is None or not segment.answered:
        return None
    lost = segment.sent - segment.answered
    if _chance(segment.sent, lost, segment.sent, STRAY) < SURE:
        return True
    return False if _chance(segment.sent, 0, lost, loss) < SURE else None


def _chance(n: int, least: int, most: int, share: float) -> float:
    """That of n packets `least` to `most` are lost when a share is."""
    return sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(least, most + 1))


def bluetooth_facts(preflight: Preflight | None = None) -> Facts:
    """From looking whether Bluetooth LE can be used at all."""
    if preflight is None:
        return {"bluetooth": None, "bluetooth_reason": None, "bluetooth_step": None}
    return {
        "bluetooth": preflight.failure is None,
        "bluetooth_reason": preflight.failure_text or None,
        "bluetooth_step": preflight.next_step or None,
    }


UNMEASURED: Final[Facts] = {"interface": None}
"""What no check here measures, or only as a help for sentences."""

GROUPS: Final[dict[str, frozenset[str]]] = {
    "nat": frozenset(nat_facts(None)),
    "latency": frozenset(latency_facts(None)),
    "size": frozenset(size_facts(None)),
    "names": frozenset(name_facts(None)),
    "relay": frozenset(relay_facts()),
    "mapping": frozenset(mapping_facts()),
    "way": frozenset(way_facts(())),
    "web": frozenset(web_facts()),
    "bluetooth": frozenset(bluetooth_facts()),
}
"""Which measurement yields which facts: the smallest one that settles a rule is found here."""


def blank() -> Facts:
    """Every fact, none known."""
    return {
        **UNMEASURED,
        **nat_facts(None),
        **latency_facts(None),
        **size_facts(None),
        **name_facts(None),
        **relay_facts(),
        **mapping_facts(),
        **way_facts(()),
        **web_facts(),
        **bluetooth_facts(),
    }
