from hypothesis import given
from hypothesis import strategies as st

from netstack.core.pacing import Pacer


def test_nothing_leaves_until_a_quantum_has_gathered():
    pacer = Pacer(0.0, 1000)
    pace = 10_000_000.0
    assert pacer.allowance(pace, 0.0) == 20_000
    pacer.sent(20_000)
    assert pacer.allowance(pace, 0.0005) == 0
    assert 0.001 <= pacer.ready_at(pace, 0.0005) < 0.00101
    assert pacer.allowance(pace, 0.001) == 10_000


def test_a_late_timer_is_made_good_but_not_a_long_pause():
    pacer = Pacer(0.0, 1000)
    pace = 10_000_000.0
    pacer.sent(pacer.allowance(pace, 0.0))
    assert pacer.allowance(pace, 0.0018) == 18_000
    assert pacer.allowance(pace, 5.0) == 20_000


def test_a_slow_pace_sends_two_packets_at_a_time():
    pacer = Pacer(0.0, 1000)
    pacer.sent(pacer.allowance(1000.0, 0.0))
    assert pacer.allowance(1000.0, 1.0) == 0
    assert pacer.allowance(1000.0, 2.0) == 2000


def test_probes_may_overdraw():
    pacer = Pacer(0.0, 1000)
    pacer.allowance(1000.0, 0.0)
    pacer.sent(10_000)
    assert 8.0 <= pacer.ready_at(1000.0, 0.0) < 8.00001


def test_a_clock_that_stands_still_gives_nothing():
    pacer = Pacer(1.0, 1000)
    pacer.sent(pacer.allowance(1000.0, 1.0))
    assert pacer.allowance(1000.0, 0.5) == 0


def test_credit_that_is_thrown_away_is_said():
    pacer = Pacer(0.0, 1000)
    pacer.allowance(10_000_000.0, 0.0)
    pacer.sent(20_000)
    pacer.overslept = False
    pacer.allowance(10_000_000.0, 0.0015)
    assert not pacer.overslept
    pacer.allowance(10_000_000.0, 1.0)
    assert pacer.overslept


@given(st.floats(1e3, 1e9), st.floats(0, 1e6), st.integers(100, 9000), st.integers(0, 200_000))
def test_when_it_says_ready_something_may_leave(pace, now, packet_bytes, spent):
    pacer = Pacer(now, packet_bytes)
    pacer.allowance(pace, now)
    pacer.sent(spent)
    assert pacer.allowance(pace, pacer.ready_at(pace, now)) > 0
