"""One peer starves no other, a flood is remembered for a while, and memory is bounded."""

from netstack.core.rate_limits import (
    MAX_PEERS,
    MAX_SUSPICIOUS,
    SUSPICIOUS_AFTER,
    SUSPICIOUS_S,
    Over,
    RateLimiter,
    RateLimits,
)
from netstack.model.config import Config

LIMITS = RateLimits(
    peer_bits_per_s=80_000, peer_packets_per_s=100, all_bits_per_s=800_000, all_packets_per_s=300, burst_s=1.0
)


def test_bytes_and_packets_are_limited_apart() -> None:
    limiter = RateLimiter(LIMITS, 0.0)
    assert limiter.allow("a", 10_000, 0.0)
    assert not limiter.allow("a", 1, 0.0)
    assert limiter.dropped[Over.PEER_BYTES] == 1
    for _ in range(100):
        assert limiter.allow("b", 1, 0.0)
    assert not limiter.allow("b", 1, 0.0)
    assert limiter.dropped[Over.PEER_PACKETS] == 1


def test_a_flood_of_one_leaves_the_others_their_share() -> None:
    limiter = RateLimiter(LIMITS, 0.0)
    passed = sum(limiter.allow("flood", 10, 0.0) for _ in range(10_000))
    assert passed == 100
    assert all(limiter.allow("calm", 100, 0.0) for _ in range(50))


def test_time_refills() -> None:
    limiter = RateLimiter(LIMITS, 0.0)
    assert limiter.allow("a", 10_000, 0.0)
    assert not limiter.allow("a", 5_000, 0.4)
    assert limiter.allow("a", 5_000, 0.5)
    assert not limiter.allow("a", 1, 0.2)  # time that runs backwards gives nothing
    assert limiter.allow("a", 1, 0.6)


def test_all_together_have_a_limit_too() -> None:
    limiter = RateLimiter(LIMITS, 0.0)
    passed = sum(limiter.allow(f"peer {number}", 10, 0.0) for number in range(1000))
    assert passed == 300
    assert limiter.dropped[Over.ALL_PACKETS] == 700
    assert limiter.suspects(0.0) == ()


def test_who_floods_is_listed_gets_less_and_is_forgiven() -> None:
    limiter = RateLimiter(LIMITS, 0.0)
    for _ in range(100 + SUSPICIOUS_AFTER):
        limiter.allow("flood", 1, 0.0)
    assert [suspect.peer for suspect in limiter.suspects(0.0)] == ["flood"]
    assert limiter.suspects(0.0)[0].until_s == SUSPICIOUS_S
    assert sum(limiter.allow("flood", 1, 2.0) for _ in range(100)) <= 10
    assert limiter.suspects(SUSPICIOUS_S) == ()
    assert sum(limiter.allow("flood", 1, SUSPICIOUS_S) for _ in range(200)) == 100


def test_now_and_then_over_the_limit_is_not_suspicious() -> None:
    limiter = RateLimiter(LIMITS, 0.0)
    for turn in range(SUSPICIOUS_AFTER + 10):
        for _ in range(101):
            limiter.allow("eager", 1, turn * 20.0)
    assert limiter.suspects(turn * 20.0) == ()


def test_forgetting_and_bounds() -> None:
    limiter = RateLimiter(LIMITS, 0.0)
    for _ in range(300):
        limiter.allow("flood", 1, 0.0)
    limiter.forget("flood")
    assert limiter.suspects(0.0) == ()
    for number in range(MAX_PEERS + 50):
        limiter.allow(str(number), 1, float(number))
    assert len(limiter._peers) <= MAX_PEERS
    for number in range(MAX_SUSPICIOUS + 20):
        for _ in range(100 + SUSPICIOUS_AFTER):
            limiter.allow(f"s{number}", 1, 1e6)
    assert len(limiter.suspects(1e6)) <= MAX_SUSPICIOUS


def test_limits_follow_the_settings() -> None:
    assert RateLimits.of_config(Config()) == RateLimits()
    limits = RateLimits.of_config(Config(peer_packets_per_s=200))
    assert (limits.peer_packets_per_s, limits.peer_bits_per_s) == (200, RateLimits().peer_bits_per_s)


def test_other_limits_hold_at_once_and_forgive_nobody() -> None:
    limiter = RateLimiter(LIMITS, 0.0)
    for _ in range(100 + SUSPICIOUS_AFTER):
        limiter.allow("flood", 1, 0.0)
    limiter.set_limits(RateLimits(peer_packets_per_s=10, burst_s=1.0), 1.0)
    assert sum(limiter.allow("calm", 1, 1.0) for _ in range(100)) == 10
    assert [suspect.peer for suspect in limiter.suspects(1.0)] == ["flood"]
    assert sum(limiter.allow("flood", 1, 2.0) for _ in range(100)) <= 1
