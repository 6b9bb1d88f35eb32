"""Why are these two not connected directly, whose side is it, and what do they change? Pure.

`expected` is theory (RFC 5128): what two NATs let expect. `judge` compares it with what came out, and with what either
side heard of the other's checks. The first row of `CAUSES` that fits names the cause. Both people get the same verdict,
each from their own side.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from netstack.core.port_prediction import predict_ports
from netstack.model.address import Family
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.nat import Filtering, Mapping, NatReport, Udp, Verdict
from netstack.model.pair import NatFacts, PairCause, PairRoute, PairSide, PairVerdict

_DEPENDENT: Final = frozenset({Mapping.ADDRESS_DEPENDENT, Mapping.ADDRESS_AND_PORT_DEPENDENT})
_DIRECT: Final = frozenset({PairRoute.DIRECT, PairRoute.TCP})
_SHORT: Final = frozenset({PairRoute.RELAY, PairRoute.NONE})
_WORDS: Final = {
    PairRoute.DIRECT: "direct",
    PairRoute.TCP: "direct TCP",
    PairRoute.RELAY: "a relay",
    PairRoute.NONE: "no way",
}


def facts_of_report(report: NatReport | None) -> NatFacts:
    """One side as its NAT check has found it; None where there was none."""
    if report is None:
        return NatFacts()
    ports = sorted(
        {
            int(server.mapped.rpartition(":")[2])
            for server in report.servers
            if server.mapped and "." in server.mapped
        }
    )
    carrier = None if report.cgnat is report.double_nat is None else bool(report.cgnat or report.double_nat)
    return NatFacts(
        verdict=report.verdict,
        udp=report.udp,
        mapping=report.mapping,
        filtering=report.filtering,
        sequential=report.mapping in _DEPENDENT and bool(predict_ports(ports)),
        port_mapping=report.port_mapping,
        carrier=carrier,
        hairpin=report.hairpin,
        ipv6=any(family.family is Family.IPV6 and family.public_addresses for family in report.families)
        or None,
    )


def expected(ours: NatFacts, theirs: NatFacts, *, same_network: bool = False) -> PairRoute:
    """The best route that two such networks allow by a good engine. A filter that is not known counts as the usual one."""
    both = ours, theirs
    if any(side.hidden for side in both):
        return PairRoute.RELAY
    if same_network or all(side.ipv6 for side in both):
        return PairRoute.DIRECT
    if _speak_past_each_other(ours, theirs):
        return PairRoute.RELAY
    if any(is_blocked(side) for side in both):
        if any(_takes_tcp(side) for side in both):
            return PairRoute.TCP
        unknown = any(_unknown(side) or _may_take_tcp(side) for side in both)
        return PairRoute.UNKNOWN if unknown else PairRoute.RELAY
    if any(_reachable(side) for side in both):
        return PairRoute.DIRECT
    if any(_unknown(side) for side in both):
        return PairRoute.UNKNOWN
    hiding = [side for side in both if maps_per_destination(side)]
    if not hiding:
        return PairRoute.DIRECT
    if all(side.sequential for side in hiding):
        return PairRoute.DIRECT
    if len(hiding) == 1:
        known = theirs if hiding[0] is ours else ours
        if known.filtering is Filtering.ADDRESS_DEPENDENT:
            return PairRoute.DIRECT
    return PairRoute.RELAY


class _Case(msgspec.Struct, frozen=True):
    """What a row of the table looks at. `we_heard`: some check of theirs came in here; None: not known."""

    ours: NatFacts
    theirs: NatFacts
    expected: PairRoute
    actual: PairRoute
    same_network: bool
    trying: bool
    we_heard: bool | None
    they_heard: bool | None
    answered: bool


CAUSES: Final[tuple[tuple[PairCause, Callable[[_Case], bool]], ...]] = (
    (PairCause.AS_EXPECTED, lambda c: c.expected in _DIRECT and c.actual in {c.expected, PairRoute.UNKNOWN}),
    (
        PairCause.UDP_REPLACED_BY_TCP,
        lambda c: c.actual is PairRoute.TCP and c.expected is PairRoute.DIRECT and not c.answered,
    ),
    (PairCause.BETTER_THAN_EXPECTED, lambda c: c.actual in _DIRECT and c.expected in _SHORT),
    (PairCause.AS_EXPECTED, lambda c: c.actual in _DIRECT),
    (PairCause.HIDDEN_ADDRESS, lambda c: c.ours.hidden or c.theirs.hidden),
    (
        PairCause.NO_COMMON_IP,
        lambda c: not c.same_network and _speak_past_each_other(c.ours, c.theirs),
    ),
    (PairCause.STILL_TRYING, lambda c: c.trying and c.expected is not PairRoute.RELAY),
    (PairCause.UDP_BLOCKED, lambda c: is_blocked(c.ours) or is_blocked(c.theirs)),
    (
        PairCause.MAPS_PER_DESTINATION,
        lambda c: c.expected is PairRoute.RELAY,
    ),
    (PairCause.NAT_UNKNOWN, lambda c: c.expected is PairRoute.UNKNOWN),
    (PairCause.ISOLATED, lambda c: c.same_network),
    (PairCause.NO_ANSWER_IN_TIME, lambda c: c.answered or bool(c.we_heard and c.they_heard)),
    (PairCause.ONE_WAY, lambda c: c.they_heard is not None and c.we_heard is not c.they_heard),
    (PairCause.NOTHING_ARRIVES, lambda _: True),
)
"""The decision table: the first row that fits decides."""


def judge(
    ours: NatFacts,
    theirs: NatFacts,
    actual: PairRoute,
    *,
    our_name: str = "",
    their_name: str = "",
    same_network: bool = False,
    our_stories: Sequence[PairStory] = (),
    their_stories: Sequence[PairStory] | None = None,
) -> PairVerdict:
    """The verdict on a pair. Without `our_name` it speaks to us ("your router").

    `their_stories` None: the other side has not told what it saw. `actual` UNKNOWN: nobody has tried yet.
    """
    route = expected(ours, theirs, same_network=same_network)
    direct = [story for story in our_stories if _is_direct(story)]
    theirs_direct = [story for story in their_stories or () if _is_direct(story)]
    either = direct + theirs_direct
    case = _Case(
        ours=ours,
        theirs=theirs,
        expected=route,
        actual=actual,
        same_network=same_network,
        trying=any(story.state is PairState.TRYING and story.sent for story in either),
        we_heard=any(_heard(story) for story in direct),
        they_heard=any(_heard(story) for story in theirs_direct) if their_stories is not None else None,
        answered=any(story.state is PairState.ANSWERED for story in either),
    )
    cause = next(cause for cause, fits in CAUSES if fits(case))
    side = _side(case, cause)
    names = _Names(our_name, their_name)
    words = f"{_word(ours)} + {_word(theirs)}"
    return PairVerdict(
        route,
        actual,
        cause,
        side,
        words,
        _sentence(words, case, cause, side, names),
        _remedy(case, cause, side, names),
    )


def is_blocked(side: NatFacts) -> bool:
    """No UDP gets out."""
    return side.udp is Udp.BLOCKED or side.verdict is Verdict.BLOCKED


def _speak_past_each_other(one: NatFacts, other: NatFacts) -> bool:
    """One has IPv4 alone, the other IPv6 alone."""
    return any(here.ipv6 is False and there.ipv4 is False for here, there in ((one, other), (other, one)))


def _unknown(side: NatFacts) -> bool:
    return (
        side.mapping is Mapping.UNKNOWN
        and side.verdict in {Verdict.UNKNOWN, Verdict.BLOCKED}
        and not is_blocked(side)
    )


def maps_per_destination(side: NatFacts) -> bool:
    """Each destination sees another port of it."""
    return side.mapping in _DEPENDENT or (side.mapping is Mapping.UNKNOWN and side.verdict is Verdict.STRICT)


def _reachable(side: NatFacts) -> bool:
    """Anybody may begin: at the address that a STUN server saw, or at a port that its router has opened."""
    return (
        side.filtering is Filtering.ENDPOINT_INDEPENDENT
        or bool(side.port_mapping)
        or side.verdict is Verdict.OPEN
    )


def _takes_tcp(side: NatFacts) -> bool:
    """No translation and no filter: what is known of UDP holds for TCP."""
    return side.mapping is Mapping.NONE and side.filtering is Filtering.ENDPOINT_INDEPENDENT


def _may_take_tcp(side: NatFacts) -> bool:
    return side.mapping is Mapping.NONE and side.filtering is Filtering.UNKNOWN


def _is_direct(story: PairStory) -> bool:
    return not story.by_relay and story.kind is not CandidateKind.RELAYED


def _heard(story: PairStory) -> bool:
    return story.heard or story.state is PairState.ANSWERED


def _word(side: NatFacts) -> str:
    if side.hidden:
        return "Hidden"
    if side.verdict is not Verdict.UNKNOWN:
        return side.verdict.value.capitalize()
    if maps_per_destination(side):
        return "Strict"
    if _reachable(side):
        return "Open"
    if is_blocked(side):
        return "Blocked"
    return "Unknown" if side.mapping is Mapping.UNKNOWN else "Moderate"


def _side(case: _Case, cause: PairCause) -> PairSide:
    match cause:
        case PairCause.HIDDEN_ADDRESS:
            whose = case.ours.hidden, case.theirs.hidden
        case PairCause.NO_COMMON_IP:  # who has IPv4 alone can have IPv6 beside it
            whose = case.ours.ipv6 is False, case.theirs.ipv6 is False
        case PairCause.UDP_BLOCKED:
            whose = is_blocked(case.ours), is_blocked(case.theirs)
        case PairCause.MAPS_PER_DESTINATION:
            whose = maps_per_destination(case.ours), maps_per_destination(case.theirs)
        case PairCause.NAT_UNKNOWN:
            whose = _unknown(case.ours), _unknown(case.theirs)
        case PairCause.ONE_WAY:
            whose = not case.we_heard, not case.they_heard
        case PairCause.ISOLATED | PairCause.NOTHING_ARRIVES | PairCause.UDP_REPLACED_BY_TCP:
            whose = True, True
        case _:
            whose = False, False
    return {
        (True, True): PairSide.BOTH,
        (True, False): PairSide.OURS,
        (False, True): PairSide.THEIRS,
        (False, False): PairSide.NEITHER,
    }[whose]


class _Names(msgspec.Struct, frozen=True):
    """How the two are spoken of: "your router", "Ana's router", "both routers"."""

    our_name: str
    their_name: str

    def of(self, side: PairSide, thing: str) -> str:
        """Whose thing, in the plural where both have one."""
        if side is PairSide.BOTH:
            return f"both {thing}s"
        name = self.our_name if side is PairSide.OURS else self.their_name or "the other side"
        return f"{name}'s {thing}" if name else f"your {thing}"

    def who(self, side: PairSide) -> str:
        """As the subject of a sentence."""
        if side is PairSide.BOTH:
            return f"{self.our_name} and {self.their_name}" if self.our_name else "both of you"
        return (self.our_name or "you") if side is PairSide.OURS else self.their_name or "the other side"


def _sentence(words: str, case: _Case, cause: PairCause, side: PairSide, names: _Names) -> str:
    both = side is PairSide.BOTH
    why = {
        PairCause.AS_EXPECTED: "",
        PairCause.BETTER_THAN_EXPECTED: "better than two such networks promise",
        PairCause.UDP_REPLACED_BY_TCP: "UDP found no way, TCP did",
        PairCause.HIDDEN_ADDRESS: f"{names.who(side)} asked to hide {'their' if side is not PairSide.OURS or names.our_name else 'your'} address",
        PairCause.NO_COMMON_IP: f"{names.of(side, 'network')} has IPv4 alone, and the other one IPv6 alone",
        PairCause.UDP_BLOCKED: f"{names.of(side, 'network')} {'let' if both else 'lets'} no UDP out",
        PairCause.MAPS_PER_DESTINATION: f"{names.of(side, 'router')} {'map' if both else 'maps'} per destination",
        PairCause.ISOLATED: "you are in the same network, which keeps its devices apart",
        PairCause.STILL_TRYING: "a direct way is still being tried",
        PairCause.ONE_WAY: f"nothing arrives at {names.of(side, 'computer')}, although it sends",
        PairCause.NOTHING_ARRIVES: "nothing of either side arrives at the other",
        PairCause.NO_ANSWER_IN_TIME: "packets arrived, but too late or one way at a time",
        PairCause.NAT_UNKNOWN: f"{names.of(side, 'network')} {'were' if both else 'was'} not checked",
    }[cause]
    promise = "" if case.expected is PairRoute.UNKNOWN else f"{_WORDS[case.expected]} expected"
    came = "" if case.actual is PairRoute.UNKNOWN else f"got {_WORDS[case.actual]}"
    start = f"{words}: {'; '.join(part for part in (promise, came) if part)}" if promise or came else words
    return f"{start}; {why}." if why else f"{start}."


def _remedy(case: _Case, cause: PairCause, side: PairSide, names: _Names) -> str:
    no_relay = " Until then a relay would connect you: set one up on the Relays page."
    missing = no_relay if case.actual is PairRoute.NONE else ""
    match cause:
        case PairCause.HIDDEN_ADDRESS if case.actual is PairRoute.NONE:
            return "A hidden address needs a relay: set one up on the Relays page, or show the address."
        case PairCause.HIDDEN_ADDRESS:
            return "Nothing is wrong: packets take the relay so that addresses stay private."
        case PairCause.STILL_TRYING:
            return "Wait some seconds; the talk moves by itself when a direct way opens."
        case PairCause.NO_COMMON_IP:
            return (
                f"Turn on IPv6 on {names.of(side, 'router')} (most providers have it), or use another network there."
                + (
                    " Until then a relay that has both would connect you: set one up on the Relays page."
                    if missing
                    else ""
                )
            )
        case PairCause.UDP_BLOCKED:
            return f"Allow UDP in {names.of(side, 'network')}, or use another network or phone hotspot there.{missing}"
        case PairCause.MAPS_PER_DESTINATION:
            return _open_a_port(case, side, names) + missing + _many_ports(case)
        case PairCause.NAT_UNKNOWN:
            return f"Press Check on the NAT page of {names.of(side, 'program')}, so that both networks are known."
        case PairCause.ISOLATED:
            return "Turn off guest mode or client isolation of the Wi-Fi, or join the main network."
        case PairCause.ONE_WAY:
            return f"Allow Peerscope in the firewall of {names.of(side, 'computer')}."
        case PairCause.NOTHING_ARRIVES:
            return "Allow Peerscope in the firewalls of both computers, and turn off a VPN where one is on."
        case PairCause.NO_ANSWER_IN_TIME:
            return "Connect again; if it stays so, a slow or lossy line is in the way (see Check)."
        case PairCause.UDP_REPLACED_BY_TCP:
            return "Allow Peerscope's UDP in the firewalls of both computers; games want UDP."
        case _:
            return ""


def _many_ports(case: _Case) -> str:
    """One strict network may be met by chance (`core.port_guessing`), where both agree."""
    if maps_per_destination(case.ours) == maps_per_destination(case.theirs):
        return ""
    if case.ours.guesses and case.theirs.guesses:
        return ""
    who = "both of you" if not (case.ours.guesses or case.theirs.guesses) else "the other side"
    who = "you" if case.theirs.guesses else who
    return f" Or {who} may turn on “Try many ports” in Settings."


def _open_a_port(case: _Case, side: PairSide, names: _Names) -> str:
    """The side that maps per destination can help itself, unless its provider translates again; then the other one can."""
    able = [
        (each, facts)
        for each, facts in ((PairSide.OURS, case.ours), (PairSide.THEIRS, case.theirs))
        if not facts.carrier
    ]
    if not able:
        return "Both providers translate addresses (CGNAT): ask one for a public address or for IPv6."
    if side is PairSide.BOTH:
        if len(able) == 2:
            return "Turn on UPnP on one of the two routers, or forward a port there."
        return f"Turn on UPnP on {names.of(able[0][0], 'router')}, or forward a port there."
    if side in {each for each, _ in able}:
        return f"Turn on UPnP on {names.of(side, 'router')}, or forward a port there."
    return (
        f"{names.of(side, 'provider').capitalize()} translates again (CGNAT), so UPnP does not help there: "
        f"turn it on, or forward a port, on {names.of(able[0][0], 'router')}."
    )
