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
