"""What the plan asks, and when."""

import msgspec

from netstack.core.nat_probe import (
    Kind,
    Outcome,
    Result,
    Server,
    State,
    families_of,
    negative_schedule,
    plan,
    unique_servers,
)
from netstack.model.address import Address, Family
from tests.core.nat_world import RTT_S, World, three


def _named(*hosts: str) -> tuple[Server, ...]:
    return tuple(Server(f"{host}:3478", 3478, (host,)) for host in hosts)


def test_the_first_wave_asks_every_distinct_host_at_once_from_one_socket() -> None:
    state = State(servers=_named("203.0.113.10", "203.0.113.20", "203.0.113.10"), local_hosts=("10.0.1.2",))
    probes = plan(state, 0.0).start
    assert {probe.target for probe in probes} == {
        Address("203.0.113.10", 3478),
        Address("203.0.113.20", 3478),
    }
    assert len({probe.socket for probe in probes}) == 1


def test_a_probe_is_planned_once() -> None:
    state = State(servers=_named("203.0.113.10"), local_hosts=("10.0.1.2",))
    first = plan(state, 0.0).start
    state = msgspec.structs.replace(state, started=tuple((probe, 0.0) for probe in first))
    assert plan(state, 0.01).start == ()


def test_names_wait_for_their_lookup() -> None:
    state = State(servers=(Server("stun.example:3478", 3478, None),), local_hosts=("10.0.1.2",))
    assert plan(state, 0.0).start == ()
    assert unique_servers(state, Family.IPV4) == ()


def test_the_mapping_is_known_in_three_round_trips_and_a_dependent_one_in_four() -> None:
    for mapping, round_trips in (("ei", 3), ("ad", 4), ("apd", 4)):
        state = World(three(), mapping, "apd").run()
        ends = [o.end_s for o in state.answered(Kind.MAPPING, Kind.OTHER_PORT, family=Family.IPV4)]
        assert max(ends) <= round_trips * RTT_S + 1e-9


def test_silence_means_something_only_after_three_sends_over_300_ms_or_3_rtt() -> None:
    for rtt_s in (0.0, 0.02, 0.6):
        sends_s, end_s = negative_schedule(rtt_s)
        assert len(sends_s) >= 3
        assert end_s >= max(0.3, 3 * rtt_s)
        assert sends_s[-1] + rtt_s < end_s


def test_tcp_is_tried_when_udp_stays_silent_and_not_before() -> None:
    state = State(servers=_named("203.0.113.10"), local_hosts=("10.0.1.2",))
    started = tuple((probe, 0.0) for probe in plan(state, 0.0).start)
    state = msgspec.structs.replace(state, started=started)
    early = plan(state, 0.1)
    assert early.start == ()
    assert early.wake_s is not None
    assert [probe.kind for probe in plan(state, early.wake_s).start] == [Kind.TCP]


def test_a_straggler_is_dropped_once_the_others_have_answered() -> None:
    state = State(servers=_named("203.0.113.10", "203.0.113.20", "203.0.113.30"), local_hosts=("10.0.1.2",))
    started = plan(state, 0.0).start
    answers = tuple(
        Outcome(
            probe,
            Result.ANSWERED,
            0.0,
            0.02,
            rtt_s=0.02,
            mapped=Address("203.0.113.101", 5555),
            local_port=5555,
        )
        for probe in started[:2]
    )
    state = msgspec.structs.replace(state, started=tuple((p, 0.0) for p in started), outcomes=answers)
    due_s = plan(state, 0.03).wake_s
    assert due_s is not None
    assert started[2].name not in plan(state, 0.03).drop
    assert plan(state, due_s).drop == (started[2].name,)


def test_the_router_is_asked_only_when_a_server_is_elsewhere() -> None:
    here = State(servers=_named("127.0.0.1"), local_hosts=("127.0.0.1",), gateway="192.0.2.1")
    away = State(servers=_named("203.0.113.10"), local_hosts=("10.0.1.2",), gateway="192.0.2.1")
    assert Kind.GATEWAY not in {probe.kind for probe in plan(here, 0.0).start}
    assert Kind.GATEWAY in {probe.kind for probe in plan(away, 0.0).start}


def test_families() -> None:
    assert families_of(("127.0.0.1", "10.0.1.2", "fe80::1")) == (Family.IPV4,)
    assert families_of(("10.0.1.2", "2001:db8::2")) == (Family.IPV4, Family.IPV6)
    assert families_of(("2001:db8::2",)) == (Family.IPV6,)
    assert families_of(()) == (Family.IPV4,)
