from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.lab.kinds import KINDS
from netstack.lab.nat import Allocation, NatBehaviour, NatTable
from netstack.lab.packet import TCP, UDP, Icmp, IcmpKind
from netstack.model.address import Address
from netstack.model.nat import Filtering, Mapping

PUBLIC = "203.0.113.101"
ME = Address("10.0.1.2", 5000)
TRANSLATING = [Mapping.ENDPOINT_INDEPENDENT, Mapping.ADDRESS_DEPENDENT, Mapping.ADDRESS_AND_PORT_DEPENDENT]
FILTERINGS = [f for f in Filtering if f is not Filtering.UNKNOWN]

inside = st.builds(Address, st.sampled_from(["10.0.1.2", "10.0.1.3"]), st.sampled_from([5000, 5001, 80]))
peer = st.builds(Address, st.sampled_from(["192.0.2.1", "192.0.2.2"]), st.sampled_from([1, 2]))
behaviour = st.builds(
    NatBehaviour,
    mapping=st.sampled_from([*TRANSLATING, Mapping.NONE]),
    filtering=st.sampled_from(FILTERINGS),
    allocation=st.sampled_from(Allocation),
    lifetime_s=st.just(30.0),
    first_port=st.just(1024),
    last_port=st.sampled_from([1030, 65535]),
)
flows = st.lists(st.tuples(inside, peer, st.floats(0, 20)), min_size=1, max_size=30)


def table(proto: str = UDP, **rules) -> NatTable:
    return NatTable(proto, NatBehaviour(**rules), PUBLIC, Random(1))


def key(mapping: Mapping, src: Address, dst: Address) -> tuple:
    return {
        Mapping.NONE: (src,),
        Mapping.ENDPOINT_INDEPENDENT: (src,),
        Mapping.ADDRESS_DEPENDENT: (src, dst.host),
        Mapping.ADDRESS_AND_PORT_DEPENDENT: (src, dst),
    }[mapping]


@given(behaviour, flows)
def test_one_public_address_for_each_key_and_one_key_for_each_public_address(rules, flows) -> None:
    nat = NatTable(UDP, rules, PUBLIC, Random(1))
    seen: dict[tuple, Address] = {}
    for src, dst, _ in flows:
        public = nat.outbound(src, dst, 0.0)
        if public is None:
            assert nat.refused
            continue
        assert seen.setdefault(key(rules.mapping, src, dst), public) == public
        assert nat.owner(public, 0.0) == src
        if rules.mapping is Mapping.NONE:
            assert public == src
        else:
            assert public.host == PUBLIC
            assert rules.first_port <= public.port <= rules.last_port
    assert len(set(seen.values())) == len(seen) == len(nat)


@given(behaviour, flows, peer, st.floats(0, 40))
def test_whoever_comes_in_has_been_written_to_as_the_filter_wants(rules, flows, stranger, later_s) -> None:
    nat = NatTable(UDP, rules, PUBLIC, Random(1))
    now_s = 0.0
    written: dict[Address, list[tuple[Address, float]]] = {}
    for src, dst, gap_s in flows:
        now_s += gap_s
        if (public := nat.outbound(src, dst, now_s)) is not None:
            written.setdefault(public, []).append((dst, now_s))
    now_s += later_s
    for public, sends in written.items():
        owner = nat.owner(public, now_s)
        got = nat.inbound(public, stranger, now_s)
        fresh = [dst for dst, at_s in sends if now_s - at_s <= 30.0]
        wanted = {
            Filtering.ENDPOINT_INDEPENDENT: bool(fresh),
            Filtering.ADDRESS_DEPENDENT: stranger.host in [dst.host for dst in fresh],
            Filtering.ADDRESS_AND_PORT_DEPENDENT: stranger in fresh,
        }[rules.filtering]
        assert got == (owner if wanted else None)


@given(flows)
def test_the_same_seed_gives_the_same_ports(flows) -> None:
    def ports() -> list[Address | None]:
        nat = table(allocation=Allocation.RANDOM, mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT)
        return [nat.outbound(src, dst, 0.0) for src, dst, _ in flows]

    assert ports() == ports()


def test_preserved_ports_and_who_comes_second() -> None:
    nat = table()
    assert nat.outbound(ME, Address("192.0.2.1", 1), 0.0) == Address(PUBLIC, 5000)
    second = nat.outbound(Address("10.0.1.3", 5000), Address("192.0.2.1", 1), 0.0)
    assert second.port != 5000
    assert {nat.outbound(Address("10.0.1.3", 5000), Address("192.0.2.1", p), 0.0) for p in range(1, 7)} == {
        second
    }


def test_sequential_ports_count_up_and_wrap() -> None:
    nat = table(
        mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT,
        allocation=Allocation.SEQUENTIAL,
        first_port=40_000,
        last_port=40_004,
        lifetime_s=1.0,
    )
    ports = [nat.outbound(ME, Address("192.0.2.1", n), n * 10.0).port for n in range(1, 8)]
    assert ports == [40_000, 40_001, 40_002, 40_003, 40_004, 40_000, 40_001]


def test_ports_can_run_out_and_come_back() -> None:
    nat = table(
        mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT,
        first_port=1024,
        last_port=1025,
        allocation=Allocation.RANDOM,
    )
    assert None not in [nat.outbound(ME, Address("192.0.2.1", n), 0.0) for n in (1, 2)]
    assert nat.outbound(ME, Address("192.0.2.1", 3), 0.0) is None
    assert nat.refused == 1
    assert nat.outbound(ME, Address("192.0.2.1", 3), 200.0) is not None


def test_the_table_is_bounded() -> None:
    nat = table(mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT, max_mappings=3)
    given_ = [nat.outbound(ME, Address("192.0.2.1", n), 0.0) for n in range(1, 6)]
    assert given_.count(None) == 2
    assert nat.outbound(ME, Address("192.0.2.1", 9), 121.0) is not None
    assert len(nat) == 1


def test_a_mapping_dies_of_silence_and_packets_from_outside_may_keep_it() -> None:
    there = Address("192.0.2.1", 1)
    for refreshes, alive in ((True, ME), (False, None)):
        nat = table(lifetime_s=30.0, refresh_inbound=refreshes)
        public = nat.outbound(ME, there, 0.0)
        assert nat.inbound(public, there, 20.0) == ME
        assert nat.inbound(public, there, 40.0) == alive
    assert nat.inbound(public, there, 100.0) is None
    assert nat.outbound(ME, there, 200.0) == public  # preserved again


def test_tcp_lives_longer() -> None:
    there = Address("192.0.2.1", 1)
    nat = table(TCP)
    public = nat.outbound(ME, there, 0.0)
    assert nat.inbound(public, there, 7000.0) == ME


def test_one_to_one_gives_the_whole_address_to_one_host() -> None:
    stranger, there = Address("192.0.2.9", 1), Address("192.0.2.1", 1)
    for filtering, reached in (
        (Filtering.ENDPOINT_INDEPENDENT, Address("10.0.1.2", 22)),
        (Filtering.ADDRESS_AND_PORT_DEPENDENT, None),
    ):
        nat = table(one_to_one=True, filtering=filtering)
        assert nat.inbound(Address(PUBLIC, 22), stranger, 0.0) is None
        assert nat.outbound(Address("10.0.1.2", 80), there, 0.0) == Address(PUBLIC, 80)
        assert nat.outbound(Address("10.0.1.3", 80), there, 0.0) is None
        assert nat.outbound(Address("10.0.1.3", 81), there, 0.0) is None
        assert nat.inbound(Address(PUBLIC, 80), there, 0.0) == Address("10.0.1.2", 80)
        assert nat.inbound(Address(PUBLIC, 22), stranger, 0.0) == reached


def test_errors_are_translated_and_a_reboot_forgets() -> None:
    nat = table()
    there = Address("192.0.2.1", 1)
    public = nat.outbound(ME, there, 0.0)
    news = Icmp(IcmpKind.PORT_UNREACHABLE, UDP, public, there)
    assert nat.translate_error(news, 1.0) == news._replace(src=ME)
    assert nat.translate_error(news._replace(src=Address(PUBLIC, 1)), 1.0) is None
    nat.flush()
    assert len(nat) == 0
    assert nat.inbound(public, there, 1.0) is None


@pytest.mark.parametrize("mapping", TRANSLATING)
def test_a_peer_list_is_bounded(mapping: Mapping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netstack.lab.nat._MAX_PEERS", 4)
    nat = table(mapping=mapping)
    public = nat.outbound(ME, Address("192.0.2.1", 1), 0.0)
    for port in range(2, 10):
        nat.outbound(ME, Address("192.0.2.1", port), 0.0)
    forgotten = mapping is not Mapping.ADDRESS_AND_PORT_DEPENDENT
    assert nat.inbound(public, Address("192.0.2.1", 1), 0.0) == (None if forgotten else ME)


def test_a_forwarded_port_lets_everyone_in_and_answers_leave_by_it_until_it_runs_out():
    table = NatTable(UDP, KINDS["port-restricted"].nat, "203.0.113.1", Random(1))
    inside_host, stranger = Address("10.0.0.2", 5000), Address("192.0.2.9", 9)
    assert table.forward(7777, inside_host, 60.0, 0.0) == 7777
    public = Address("203.0.113.1", 7777)
    assert table.inbound(public, stranger, 1.0) == inside_host
    assert table.outbound(inside_host, stranger, 1.0) == public
    assert table.outbound(inside_host, Address("192.0.2.10", 9), 1.0) != public
    assert table.inbound(public, stranger, 61.0) is None
    assert table.forward(7777, inside_host, 60.0, 61.0) == 7777
    assert table.forward(7777, inside_host, 0.0, 62.0) == 7777
    assert table.inbound(public, stranger, 62.0) is None


def test_a_port_that_is_taken_is_not_forwarded_twice_and_the_table_is_bounded():
    table = NatTable(UDP, KINDS["port-restricted"].nat, "203.0.113.1", Random(1))
    given = [table.forward(7777, Address("10.0.0.2", port), 60.0, 0.0) for port in range(1000, 1100)]
    assert given[0] == 7777
    granted = [port for port in given if port is not None]
    assert len(set(granted)) == len(granted) == 64
    table.flush()
    assert table.forward(7777, Address("10.0.0.2", 1), 60.0, 0.0) == 7777
