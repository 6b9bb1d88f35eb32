"""Plan and fold together: every kind of NAT is told right, and never a wrong word where a fact is unknown."""

import msgspec
import pytest

from netstack.core.nat_fold import NOT_PROVED, facts_of
from netstack.core.nat_probe import Kind, Result, Server, State
from netstack.model.address import Address, Family
from netstack.model.nat import Filtering, Mapping, Udp
from tests.core.nat_world import FAMILY, StunHost, World, three

MAPPINGS = {
    "none": Mapping.NONE,
    "ei": Mapping.ENDPOINT_INDEPENDENT,
    "ad": Mapping.ADDRESS_DEPENDENT,
    "apd": Mapping.ADDRESS_AND_PORT_DEPENDENT,
}
FILTERINGS = {
    "ei": Filtering.ENDPOINT_INDEPENDENT,
    "ad": Filtering.ADDRESS_DEPENDENT,
    "apd": Filtering.ADDRESS_AND_PORT_DEPENDENT,
}


@pytest.mark.parametrize("filtering", FILTERINGS)
@pytest.mark.parametrize("mapping", MAPPINGS)
def test_each_behaviour_is_told_right(mapping: str, filtering: str) -> None:
    facts = facts_of(World(three(), mapping, filtering).run(), FAMILY)
    assert facts.report.mapping is MAPPINGS[mapping]
    assert facts.report.filtering is FILTERINGS[filtering]
    assert facts.report.udp is Udp.OK
    assert not facts.lies


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_one_server_with_two_addresses_is_enough(mapping: str) -> None:
    facts = facts_of(World(three()[:1], mapping, "apd").run(), FAMILY)
    assert facts.report.mapping is MAPPINGS[mapping]
    assert facts.report.filtering is Filtering.ADDRESS_AND_PORT_DEPENDENT


def test_without_a_second_address_filtering_stays_unknown() -> None:
    facts = facts_of(World(three(other=None), "ei", "ei").run(), FAMILY)
    assert facts.report.mapping is Mapping.ENDPOINT_INDEPENDENT
    assert facts.report.filtering is Filtering.UNKNOWN


def test_a_dependent_mapping_without_a_second_port_is_strict_but_unnamed() -> None:
    facts = facts_of(World(three(other=None), "apd", "apd").run(), FAMILY)
    assert facts.dependent
    assert facts.report.mapping is Mapping.UNKNOWN


@pytest.mark.parametrize("liar", [0, 1, 2])
@pytest.mark.parametrize("mapping", ["ei", "ad", "apd"])
def test_a_liar_about_the_address_is_found_and_left_out(mapping: str, liar: int) -> None:
    servers = three()
    servers[liar].says = Address("198.51.100.66", 6666)
    facts = facts_of(World(servers, mapping, "apd").run(), FAMILY)
    if mapping == "ei":
        assert [lie.server for lie in facts.lies] == [liar]
        assert facts.report.mapping is Mapping.ENDPOINT_INDEPENDENT
        assert facts.report.public_addresses == ("203.0.113.101",)
    else:
        assert facts.report.mapping in {MAPPINGS[mapping], Mapping.UNKNOWN}


@pytest.mark.parametrize("liar", [0, 1, 2])
@pytest.mark.parametrize("shift", [-2, -1, 1, 2])
def test_a_lie_that_meets_the_next_port_of_a_nat_that_counts_convicts_nobody_else(
    shift: int, liar: int
) -> None:
    servers = three()
    servers[liar].shifts_port = shift
    facts = facts_of(World(servers, "apd", "apd").run(), FAMILY)
    assert facts.report.mapping in {Mapping.ADDRESS_AND_PORT_DEPENDENT, Mapping.UNKNOWN}
    assert {lie.server for lie in facts.lies} <= {liar}


@pytest.mark.parametrize("repeats", range(1, 16))
@pytest.mark.parametrize("mapping", ["ad", "apd"])
def test_two_equal_ports_by_chance_do_not_hide_that_a_mapping_depends(mapping: str, repeats: int) -> None:
    facts = facts_of(World(three(), mapping, "apd", repeats=repeats).run(), FAMILY)
    assert facts.dependent
    assert facts.report.mapping in {MAPPINGS[mapping], Mapping.UNKNOWN}
    assert not facts.lies


def test_a_server_that_names_itself_as_its_second_address_proves_nothing() -> None:
    facts = facts_of(World(three(other=Address("203.0.113.10", 3478)), "ei", "apd").run(), FAMILY)
    assert [lie.server for lie in facts.lies] == [0]
    assert facts.report.filtering is Filtering.UNKNOWN


def test_a_server_that_ignores_change_requests_gets_a_strike_and_no_say() -> None:
    facts = facts_of(World(three(honours_change=False), "ei", "apd").run(), FAMILY)
    assert [lie.server for lie in facts.lies] == [0]
    assert facts.report.filtering is Filtering.UNKNOWN


def test_silence_from_a_server_that_cannot_use_its_second_address_proves_nothing() -> None:
    world = World(three(), "ei", "ei")
    answer = world.answer
    world.answer = lambda probe, start_s: (  # type: ignore[method-assign]
        answer(probe, start_s)
        if not probe.change_ip and not probe.change_port
        else _silent(answer(probe, start_s))
    )
    facts = facts_of(world.run(), FAMILY)
    assert facts.report.filtering is Filtering.UNKNOWN
    assert facts.report.filtering_reason == NOT_PROVED


def _silent(outcome: object) -> object:

    return msgspec.structs.replace(outcome, result=Result.SILENT, mapped=None, other=None)


def test_udp_is_blocked_only_when_tcp_to_the_same_server_works() -> None:
    blocked = World(three(), udp=False)
    assert facts_of(blocked.run(), FAMILY).report.udp is Udp.BLOCKED
    dead = World([StunHost("203.0.113.10", tcp=False)], udp=False)
    assert facts_of(dead.run(), FAMILY).report.udp is Udp.UNKNOWN


@pytest.mark.parametrize(
    ("refusing", "silent", "over_tcp", "udp"),
    [
        (1, 0, True, Udp.UNKNOWN),
        (2, 0, True, Udp.BLOCKED),
        (2, 0, False, Udp.UNKNOWN),
        (1, 2, True, Udp.BLOCKED),
        (1, 2, False, Udp.UNKNOWN),
    ],
)
def test_udp_that_is_refused_is_blocked_only_when_no_closed_port_explains_it(
    refusing: int, silent: int, over_tcp: bool, udp: Udp
) -> None:
    servers = three()[: refusing + silent]
    for number, server in enumerate(servers):
        server.refuses, server.udp, server.tcp = number < refusing, False, over_tcp
    assert facts_of(World(servers).run(), FAMILY).report.udp is udp


def test_hairpin_is_told_only_where_it_can_be() -> None:
    assert facts_of(World(three(), "ei", hairpin=True).run(), FAMILY).report.hairpin is True
    assert facts_of(World(three(), "ei", hairpin=False).run(), FAMILY).report.hairpin is False
    assert facts_of(World(three(), "apd", hairpin=False).run(), FAMILY).report.hairpin is None
    assert facts_of(World(three(), "none", "ei").run(), FAMILY).report.hairpin is None


def test_port_preservation() -> None:
    assert facts_of(World(three(), "ei", preserve=True).run(), FAMILY).report.port_preservation is True
    assert facts_of(World(three(), "ei", preserve=False).run(), FAMILY).report.port_preservation is False
    assert facts_of(World(three(), "none", "ei").run(), FAMILY).report.port_preservation is None


def test_a_dead_server_does_not_hold_up_the_others() -> None:
    servers = three()
    servers[2].alive = False
    world = World(servers, "ei", "ei")
    state = world.run()
    # 300 ms after the last answer the dead one would be dropped; here it just stays silent to its end
    assert facts_of(state, FAMILY).report.mapping is Mapping.ENDPOINT_INDEPENDENT


def test_filtering_tests_never_share_a_socket_with_one_that_knows_the_second_address() -> None:
    state = World(three(), "ei", "apd").run()
    touched = {p.socket for p, _ in state.started if p.kind in {Kind.HOLE, Kind.OTHER_PORT}}
    tests = {p.socket for p, _ in state.started if p.kind in {Kind.CHANGE_BOTH, Kind.CHANGE_PORT}}
    assert tests
    assert not tests & touched


def test_nothing_known_is_all_unknown() -> None:
    facts = facts_of(State(servers=(Server("203.0.113.10:3478", 3478, ()),)), Family.IPV4)
    assert facts.report.mapping is Mapping.UNKNOWN
    assert facts.report.udp is Udp.UNKNOWN
    assert facts.mapping_s is None


def test_blocked_is_said_provisionally_before_the_last_try_is_over() -> None:
    state = World(three(), udp=False).run()
    open_probes = tuple(o for o in state.outcomes if o.probe.kind is Kind.TCP)
    waiting = msgspec.structs.replace(state, outcomes=open_probes)
    assert facts_of(waiting, FAMILY, 1.0).report.udp is Udp.UNKNOWN
    assert facts_of(waiting, FAMILY, 1.5).report.udp is Udp.BLOCKED
