"""When a probe left: exactly where it is known, by the median of those before where it is not."""

import pytest

from netstack.core.departure import DELAYS_KEPT, LONGEST_S, PROBES_KEPT, Departure, Stamped


def send(departure, now, delay_s, kind=Stamped.PROBE):
    stamp_ns = departure.stamp_ns(kind, now)
    departure.leaves(now + delay_s)
    return stamp_ns


def test_our_own_probe_left_when_it_left():
    departure = Departure()
    stamps = [
        send(departure, at_s, delay_s) for at_s, delay_s in ((1.0, 0.0002), (2.0, 0.007), (3.0, 0.0001))
    ]
    assert [departure.left_s(each) for each in stamps] == pytest.approx([1.0002, 2.007, 3.0001], abs=1e-9)


def test_the_next_stamp_expects_the_median_of_the_last():
    departure = Departure()
    for at_s, delay_s in enumerate((0.0002, 0.019, 0.0004)):
        send(departure, float(at_s), delay_s)
    assert departure.stamp_ns(Stamped.PROBE, 10.0) == 10_000_400_000
    departure.leaves(10.0)
    for at_s in range(DELAYS_KEPT):
        send(departure, 20.0 + at_s, 0.001)
    assert departure.stamp_ns(Stamped.PROBE, 50.0) == pytest.approx(50_001_000_000, abs=2)


def test_answers_and_probes_are_expected_apart_and_a_standstill_predicts_nothing():
    departure = Departure()
    send(departure, 1.0, 0.0004)
    send(departure, 2.0, 0.0001, Stamped.REPLY)
    send(departure, 3.0, 2 * LONGEST_S)
    assert departure.delay_s(Stamped.PROBE) == pytest.approx(0.0004)
    assert departure.delay_s(Stamped.REPLY) == pytest.approx(0.0001)


def test_what_is_not_known_any_more_is_its_stamp():
    departure = Departure()
    first = send(departure, 1.0, 0.001)
    for number in range(PROBES_KEPT):
        send(departure, 2.0 + number, 0.0)
    assert departure.left_s(first) == first / 1e9
    departure.leaves(5000.0)
    assert not departure.pending
