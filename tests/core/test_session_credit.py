"""How far the peer may send: it grows with use, and on a short path not beyond what the socket holds."""

from netstack.core.session_credit import INITIAL_UNITS, MAX_UNITS, CreditGiver
from netstack.wire.fragment import UNIT_BYTES


def used_up(giver, rtt_s, turns=40):
    """The peer uses all it is granted, again and again, as fast as the path allows."""
    now, contiguous = 0.0, 0
    for _ in range(turns):
        contiguous = giver.limit(0)
        now += rtt_s
        giver.grant(0, contiguous, rtt_s, now)
    return giver.limit(0) - contiguous


def test_a_long_path_gets_all_there_is():
    assert used_up(CreditGiver(256 << 10), 0.05) == MAX_UNITS


def test_on_a_short_path_no_more_is_granted_than_the_socket_holds():
    assert used_up(CreditGiver(2 << 20), 0.001) == (1 << 20) // UNIT_BYTES
    assert used_up(CreditGiver(100_000), 0.001) == INITIAL_UNITS
    assert used_up(CreditGiver(64 << 20), 0.001) == MAX_UNITS


def test_a_path_that_becomes_short_takes_nothing_back():
    giver = CreditGiver(256 << 10)
    used_up(giver, 0.05)
    limit = giver.limit(0)
    giver.grant(0, limit, 0.0001, 100.0)
    assert giver.limit(0) >= limit


def test_what_lies_unread_holds_it_back():
    giver = CreditGiver(4 << 20)
    giver.delivered(17 << 20)
    assert giver.grant(0, giver.limit(0), 0.05, 1.0) is None
    giver.read(17 << 20)
    assert giver.grant(0, giver.limit(0), 0.05, 1.0) is not None
