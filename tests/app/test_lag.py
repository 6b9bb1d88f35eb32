"""Lag: the worst of the last wake-ups, and nothing older."""

from app.lag import KEPT, LagMeter


def test_the_worst_of_the_last_is_kept_and_then_forgotten():
    meter = LagMeter()
    assert meter.worst_s is None
    meter.add(0.5)
    for _ in range(KEPT - 1):
        meter.add(-0.001)
    assert meter.worst_s == 0.5
    meter.add(0.002)
    assert meter.worst_s == 0.002
