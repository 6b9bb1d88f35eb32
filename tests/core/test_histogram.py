"""Quantiles are near the truth, and merging loses nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.histogram import Histogram

VALUES = st.lists(st.floats(1e-6, 1000.0), min_size=1, max_size=200)


def _of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(VALUES, st.floats(0, 1))
def test_a_quantile_is_within_two_percent(values: list[float], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    assert _of(values).quantile(share) == pytest.approx(exact, rel=0.02)


@given(VALUES, VALUES)
def test_merging_is_counting_both(one: list[float], two: list[float]) -> None:
    merged, both = _of(one), _of(one + two)
    merged.merge(_of(two))
    assert merged.n == both.n
    assert merged.total == pytest.approx(both.total)
    assert (merged.least, merged.greatest) == (both.least, both.greatest)
    assert merged.buckets() == both.buckets()


def test_empty_says_nothing_and_odd_values_do_not_hurt() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.5) is None
    assert histogram.mean is None
    for value in (math.nan, math.inf, -math.inf):
        histogram.add(value)
    assert histogram.n == 0
    histogram.add(0.0)
    histogram.add(-1.0)
    histogram.add(1e12)
    assert histogram.n == 3
    assert histogram.quantile(1.0) == 1e12 or histogram.quantile(1.0) is not None


def test_memory_is_bounded() -> None:
    histogram = Histogram()
    for power in range(-20, 30):
        for digit in range(1, 100):
            histogram.add(digit * 10.0**power)
    assert len(histogram.buckets()) <= 1101
