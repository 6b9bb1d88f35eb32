"""Intervals against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from netstack.core.intervals import IntervalSet

SPANS = st.tuples(st.integers(0, 60), st.integers(1, 12)).map(lambda pair: (pair[0], sum(pair)))


@given(st.lists(SPANS, max_size=25), SPANS, st.integers(0, 70))
def test_they_agree_with_a_set(spans, asked, floor):
    intervals, plain = IntervalSet(), set()
    for start, end in spans:
        intervals.add(start, end)
        plain |= set(range(start, end))
    start, end = asked
    wanted = set(range(start, end))
    assert intervals.covers(start, end) == (wanted <= plain)
    gaps = [number for low, high in intervals.gaps(start, end) for number in range(low, high)]
    assert gaps == sorted(wanted - plain)
    flat = [edge for pair in zip(intervals.starts, intervals.ends, strict=True) for edge in pair]
    assert flat == sorted(set(flat))
    intervals.drop_below(floor)
    kept = {n for low, high in zip(intervals.starts, intervals.ends, strict=True) for n in range(low, high)}
    assert kept == {number for number in plain if number >= floor}
