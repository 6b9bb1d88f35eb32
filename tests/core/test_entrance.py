"""The entrance: allotments cost nobody anything, floods are refused, and pressure asks for cookies."""

from netstack.core.entrance import ALLOTTED_PACKETS, Entrance
from netstack.core.rate_limits import SUSPICIOUS_AFTER, Over, RateLimits
from netstack.model.address import Address
from netstack.model.session import Flow

ANA = Flow(0, Address("192.0.2.1", 1))
BEN = Flow(0, Address("192.0.2.2", 1))


def entrance(**limits):
    return Entrance(RateLimits(burst_s=1.0, **limits), 0.0)


def let_in(guard, flow, count, now=0.0):
    return sum(guard.admit(flow, 100, 1, now) for _ in range(count))


def test_an_allotment_lets_in_as_many_as_the_bucket_holds():
    guard = entrance(peer_packets_per_s=1000)
    assert let_in(guard, ANA, 2000) == 1000
    assert guard.limiter.dropped[Over.PEER_PACKETS] == 1000


def test_peers_that_take_turns_are_not_charged_for_what_they_did_not_bring():
    guard = entrance(peer_packets_per_s=1000)
    taken = 0
    for _ in range(1000):
        taken += let_in(guard, ANA, 1) + let_in(guard, BEN, 1)
    assert taken == 2000
    guard = entrance(peer_packets_per_s=1000)
    assert sum(let_in(guard, flow, 5) for _ in range(200) for flow in (ANA, BEN)) == 2000


def test_one_that_floods_starves_no_other_and_is_listed():
    guard = entrance(peer_packets_per_s=100, all_packets_per_s=300)
    assert let_in(guard, ANA, 100 + SUSPICIOUS_AFTER) == 100
    assert let_in(guard, BEN, 50) == 50
    [suspect] = guard.limiter.suspects(0.0)
    assert suspect.peer == "192.0.2.1"
    assert not guard.pressed(0.0)


def test_it_is_under_pressure_when_all_together_bring_too_much():
    guard = entrance(peer_packets_per_s=200, all_packets_per_s=300)
    let_in(guard, ANA, 200)
    let_in(guard, BEN, 200)
    assert guard.pressed(0.5)
    assert not guard.pressed(2.0)


def test_a_burst_larger_than_an_allotment_is_asked_for_whole():
    guard = entrance(peer_packets_per_s=1000)
    assert guard.admit(ANA, 400 * 100, 400, 0.0)
    assert guard.admit(ANA, 400 * 100, 400, 0.0)
    assert not guard.admit(ANA, 400 * 100, 400, 0.0)
    assert ALLOTTED_PACKETS < 400


def test_hosts_are_limited_and_not_their_ports():
    guard = entrance(peer_packets_per_s=100)
    flows = [Flow(0, Address("192.0.2.1", port)) for port in range(1, 301)]
    assert sum(let_in(guard, flow, 1) for flow in flows) == 100


def test_what_was_allotted_under_old_limits_is_void():
    guard = entrance(peer_packets_per_s=10_000)
    assert let_in(guard, ANA, 10) == 10
    guard.set_limits(RateLimits(peer_packets_per_s=5, burst_s=1.0), 0.0)
    assert let_in(guard, ANA, 100) == 5
