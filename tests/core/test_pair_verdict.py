"""The verdict on a pair agrees with theory for every pair of kinds, and names whose side it is from either side."""

import pytest
from msgspec.structs import replace

from netstack.core.pair_verdict import expected, facts_of_report, judge
from netstack.model.candidate import CandidateKind, PairState, PairStory
from netstack.model.nat import Filtering, Mapping, NatReport, ServerReport, Udp, Verdict
from netstack.model.pair import NatFacts, PairCause, PairRoute, PairSide
from tests.expectations import PAIRS, Route, nat, route

MODERATE = NatFacts(
    verdict=Verdict.MODERATE,
    udp=Udp.OK,
    mapping=Mapping.ENDPOINT_INDEPENDENT,
    filtering=Filtering.ADDRESS_AND_PORT_DEPENDENT,
)
STRICT = NatFacts(
    verdict=Verdict.STRICT,
    udp=Udp.OK,
    mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT,
    filtering=Filtering.ADDRESS_AND_PORT_DEPENDENT,
)
BLOCKED = NatFacts(verdict=Verdict.BLOCKED, udp=Udp.BLOCKED)
OPEN = NatFacts(verdict=Verdict.OPEN, mapping=Mapping.NONE, filtering=Filtering.ENDPOINT_INDEPENDENT)


def facts(kind: str) -> NatFacts:
    known = nat(kind)
    return NatFacts(
        verdict=known.verdict,
        udp=known.udp,
        mapping=known.mapping,
        filtering=known.filtering,
        sequential=kind == "symmetric-seq",
    )


def story(
    state: PairState = PairState.NO_REPLY,
    *,
    heard: bool = False,
    kind: CandidateKind = CandidateKind.REFLEXIVE,
) -> PairStory:
    return PairStory(kind, "203.0.113.5:5000", state, 12, heard, None, False)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_what_is_expected_of_every_pair_is_what_theory_says(one: str, other: str) -> None:
    wanted = {
        Route.DIRECT: PairRoute.DIRECT,
        Route.PREDICTION: PairRoute.DIRECT,
        Route.BIRTHDAY: PairRoute.RELAY,
        Route.TCP: PairRoute.TCP,
        Route.RELAY: PairRoute.RELAY,
    }[route(one, other)]
    assert expected(facts(one), facts(other)) is wanted
    assert expected(facts(other), facts(one)) is wanted


@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize("actual", list(PairRoute))
def test_both_sides_are_told_the_same(one: str, other: str, actual: PairRoute) -> None:
    mirror = {PairSide.OURS: PairSide.THEIRS, PairSide.THEIRS: PairSide.OURS}
    here = judge(facts(one), facts(other), actual, their_name="Ben")
    there = judge(facts(other), facts(one), actual, their_name="Anna")
    assert (here.cause, here.expected) == (there.cause, there.expected)
    assert here.side is mirror.get(there.side, there.side)


def test_strict_with_moderate_names_the_strict_side() -> None:
    verdict = judge(MODERATE, STRICT, PairRoute.RELAY, their_name="Ana")
    assert verdict.sentence == (
        "Moderate + Strict: a relay expected; got a relay; Ana's router maps per destination."
    )
    assert verdict.side is PairSide.THEIRS
    assert verdict.remedy.startswith("Turn on UPnP on Ana's router, or forward a port there. Or both of you")
    other = judge(STRICT, MODERATE, PairRoute.RELAY, their_name="Ben")
    assert "your router maps per destination" in other.sentence
    assert other.remedy.startswith("Turn on UPnP on your router, or forward a port there. Or both")


def test_behind_a_carrier_the_other_router_is_to_be_opened() -> None:
    carried = NatFacts(verdict=Verdict.STRICT, mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT, carrier=True)
    assert "on your router" in judge(MODERATE, carried, PairRoute.RELAY, their_name="Ana").remedy
    assert "public address" in judge(carried, carried, PairRoute.RELAY).remedy


def test_without_a_relay_the_remedy_names_one() -> None:
    assert "Relays page" in judge(STRICT, STRICT, PairRoute.NONE).remedy
    assert "Relays page" not in judge(STRICT, STRICT, PairRoute.RELAY).remedy


def test_a_hidden_address_is_no_fault() -> None:
    verdict = judge(NatFacts(hidden=True), MODERATE, PairRoute.RELAY)
    assert (verdict.expected, verdict.cause, verdict.side) == (
        PairRoute.RELAY,
        PairCause.HIDDEN_ADDRESS,
        PairSide.OURS,
    )


def test_a_strict_network_may_be_met_by_chance_where_both_agree() -> None:
    agrees = {"guesses": True}
    for ours, theirs, words in (
        ({}, {}, "Or both of you may turn on “Try many ports”"),
        (agrees, {}, "Or the other side may"),
        ({}, agrees, "Or you may"),
        (agrees, agrees, ""),
    ):
        remedy = judge(replace(STRICT, **ours), replace(MODERATE, **theirs), PairRoute.RELAY).remedy
        assert words in remedy
        assert bool(words) == ("Try many ports" in remedy)
    assert "Try many ports" not in judge(STRICT, STRICT, PairRoute.RELAY).remedy


def test_two_that_have_no_ip_version_in_common() -> None:
    old, new = NatFacts(verdict=Verdict.MODERATE, ipv6=False), NatFacts(ipv4=False, ipv6=True)
    for ours, theirs, side in ((old, new, PairSide.OURS), (new, old, PairSide.THEIRS)):
        verdict = judge(ours, theirs, PairRoute.NONE, their_name="Ana", our_stories=[story()])
        assert (verdict.expected, verdict.cause, verdict.side) == (
            PairRoute.RELAY,
            PairCause.NO_COMMON_IP,
            side,
        )
        assert "IPv4 alone" in verdict.sentence
        assert "IPv6" in verdict.remedy
        assert "a relay that has both" in verdict.remedy
    at_home = judge(old, new, PairRoute.RELAY, same_network=True, our_stories=[story()])
    assert at_home.cause is PairCause.ISOLATED
    assert judge(old, NatFacts(ipv4=False), PairRoute.RELAY).cause is PairCause.NO_COMMON_IP
    assert judge(old, NatFacts(ipv6=True), PairRoute.RELAY).cause is not PairCause.NO_COMMON_IP


def test_blocked_udp_may_still_be_direct_by_tcp() -> None:
    assert judge(BLOCKED, OPEN, PairRoute.TCP).cause is PairCause.AS_EXPECTED
    verdict = judge(BLOCKED, OPEN, PairRoute.RELAY)
    assert (verdict.expected, verdict.cause, verdict.side) == (
        PairRoute.TCP,
        PairCause.UDP_BLOCKED,
        PairSide.OURS,
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "cause", "side"),
    [
        ([story()], [story()], PairCause.NOTHING_ARRIVES, PairSide.BOTH),
        ([story(heard=True)], [story()], PairCause.ONE_WAY, PairSide.THEIRS),
        ([story()], [story(heard=True)], PairCause.ONE_WAY, PairSide.OURS),
        ([story(heard=True)], [story(heard=True)], PairCause.NO_ANSWER_IN_TIME, PairSide.NEITHER),
        ([story(PairState.TRYING)], [story()], PairCause.STILL_TRYING, PairSide.NEITHER),
        ([story()], None, PairCause.NOTHING_ARRIVES, PairSide.BOTH),
    ],
)
def test_both_ladders_tell_whose_side_keeps_two_moderate_networks_apart(
    ours: list[PairStory], theirs: list[PairStory] | None, cause: PairCause, side: PairSide
) -> None:
    verdict = judge(MODERATE, MODERATE, PairRoute.RELAY, our_stories=ours, their_stories=theirs)
    assert (verdict.cause, verdict.side) == (cause, side)
    assert verdict.remedy


def test_a_pair_that_a_relay_carried_says_nothing_about_the_direct_way() -> None:
    carried = PairStory(CandidateKind.RELAYED, "203.0.113.9:1", PairState.ANSWERED, 2, True, 0.01, False)
    verdict = judge(MODERATE, MODERATE, PairRoute.RELAY, our_stories=[carried], their_stories=[])
    assert verdict.cause is PairCause.NOTHING_ARRIVES


def test_an_unchecked_network_is_named() -> None:
    verdict = judge(NatFacts(), MODERATE, PairRoute.RELAY, their_name="Ana")
    assert (verdict.cause, verdict.side) == (PairCause.NAT_UNKNOWN, PairSide.OURS)
    assert verdict.sentence == "Unknown + Moderate: got a relay; your network was not checked."


def test_better_than_expected_is_said() -> None:
    assert judge(STRICT, MODERATE, PairRoute.DIRECT).cause is PairCause.BETTER_THAN_EXPECTED
    assert judge(MODERATE, MODERATE, PairRoute.TCP).cause is PairCause.UDP_REPLACED_BY_TCP
    works = [story(PairState.ANSWERED, heard=True)]  # TCP was only measured to be better
    assert judge(MODERATE, MODERATE, PairRoute.TCP, our_stories=works).cause is PairCause.AS_EXPECTED


def test_two_devices_of_one_network_that_keeps_them_apart() -> None:
    verdict = judge(STRICT, STRICT, PairRoute.RELAY, same_network=True, our_stories=[story()])
    assert (verdict.expected, verdict.cause) == (PairRoute.DIRECT, PairCause.ISOLATED)


def test_the_facts_of_a_report_tell_a_sequential_mapping() -> None:
    servers = tuple(
        ServerReport(f"stun{port}", None, True, 0.01, 0, mapped=f"203.0.113.1:{port}")
        for port in (40_000, 40_001, 40_002)
    )
    report = NatReport(
        verdict=Verdict.STRICT, mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT, servers=servers, cgnat=True
    )
    known = facts_of_report(report)
    assert (known.sequential, known.carrier) == (True, True)
    assert facts_of_report(None) == NatFacts()


def test_before_anybody_has_tried_it_tells_what_to_expect() -> None:
    assert judge(MODERATE, MODERATE, PairRoute.UNKNOWN).sentence == "Moderate + Moderate: direct expected."
    verdict = judge(MODERATE, STRICT, PairRoute.UNKNOWN, our_name="Anna", their_name="Ben")
    assert verdict.sentence == "Moderate + Strict: a relay expected; Ben's router maps per destination."
