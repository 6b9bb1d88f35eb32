"""The replay window against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from netstack.core.replay import WINDOW, ReplayWindow


@given(st.lists(st.tuples(st.integers(-9000, 9000), st.integers(1, 44)), max_size=60))
def test_it_agrees_with_a_set(steps):
    window, seen, highest, at = ReplayWindow(), set(), -1, 0
    for step, count in steps:
        at = max(at + step, 0)
        for number in range(at, at + count):
            fresh = number not in seen and number > highest - WINDOW
            assert window.fresh(number) == fresh
            if fresh:
                window.add(number)
                seen.add(number)
                highest = max(highest, number)
        assert window.highest == highest


@given(st.lists(st.integers(1, 44), max_size=50), st.integers(0, 3))
def test_runs_cost_nothing_in_order(counts, gap):
    window, at = ReplayWindow(), 0
    for count in counts:
        window.add(at, count)
        assert not window.fresh(at)
        assert not window.fresh(at + count - 1)
        at += count + gap
    assert window.fresh(at)
    if not gap:
        assert window._seen == 0


def test_a_run_after_a_gap_moves_the_window():
    window = ReplayWindow()
    window.add(0, 10)
    window.add(20_000, 44)
    assert not window.fresh(20_043 - WINDOW)
    assert window.fresh(20_044 - WINDOW)
    window.add(20_044 - WINDOW)
    assert not window.fresh(20_044 - WINDOW)
    assert window._seen.bit_length() <= WINDOW
