"""Series are bounded, in order, and never show what was not measured."""

import pytest

from netstack.observe.series import Bins, Ring


@pytest.mark.parametrize("count", [0, 3, 5, 12])
def test_the_ring_keeps_the_newest_in_order(count: int) -> None:
    ring = Ring(5)
    for number in range(count):
        ring.append(float(number), number * 10.0)
    kept = ring.since(float("-inf"))
    expected = list(range(max(0, count - 5), count))
    assert list(kept.times_s) == expected
    assert list(kept.values) == [number * 10.0 for number in expected]
    assert len(ring) == len(expected)


def test_a_window_begins_with_the_point_before_it() -> None:
    ring = Ring(5)
    for number in range(8):
        ring.append(float(number), 0.0)
    assert ring.since(5.5).times_s == (5.0, 6.0, 7.0)
    assert ring.since(100.0).times_s == (7.0,)


def test_bins_give_a_ratio_for_each_span_that_is_over() -> None:
    bins = Bins(10)
    bins.add(0.0, 1, 4)
    bins.add(0.5, 1, 4)
    assert bins.since(0.0, 0.9).times_s == ()
    assert bins.since(0.0, 1.0).values == (0.25,)
    bins.add(5.2, 0, 2)
    assert bins.since(0.0, 6.5).times_s == (1.0, 6.0)
    assert bins.since(0.0, 6.5).values == (0.25, 0.0)


def test_a_span_without_counts_has_no_point() -> None:
    bins = Bins(10)
    bins.add(0.0, 0, 0)
    assert bins.since(0.0, 10.0).times_s == ()
