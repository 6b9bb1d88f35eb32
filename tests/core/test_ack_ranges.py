import itertools

from hypothesis import given
from hypothesis import strategies as st

from netstack.core.ack_ranges import MAX_CARRIERS, MAX_RANGES, AckRanges


def test_packets_in_order_are_one_range():
    ranges = AckRanges()
    assert ranges.add(0, 43, 1.0)
    assert ranges.add(44, 87, 2.0)
    assert ranges.newest() == [(0, 87)]
    assert (ranges.largest, ranges.largest_at_s) == (87, 2.0)


def test_a_gap_and_its_filling_are_told_at_once():
    ranges = AckRanges()
    ranges.add(0, 4, 1.0)
    assert not ranges.add(6, 9, 2.0)
    assert ranges.newest() == [(6, 9), (0, 4)]
    assert not ranges.add(5, 5, 3.0)
    assert ranges.newest() == [(0, 9)]
    assert ranges.largest_at_s == 2.0


def test_the_oldest_ranges_are_forgotten_first():
    ranges = AckRanges()
    for number in range(0, 1000, 2):
        ranges.add(number, number, 0.0)
    assert len(ranges) == MAX_RANGES
    assert ranges.newest(2) == [(998, 998), (996, 996)]


def test_what_the_peer_knows_is_not_said_again():
    ranges = AckRanges()
    for number in (0, 2, 4, 6):
        ranges.add(number, number, 0.0)
    ranges.carried(10)
    ranges.add(8, 8, 0.0)
    ranges.add(10, 10, 0.0)
    ranges.confirmed(9, 9)
    assert len(ranges) == 6
    ranges.confirmed(10, 12)
    assert ranges.newest() == [(10, 10), (8, 8)]


def test_the_newest_range_stays():
    ranges = AckRanges()
    ranges.add(0, 9, 0.0)
    ranges.carried(0)
    ranges.confirmed(0, 0)
    assert ranges.newest() == [(0, 9)]


def test_carriers_are_bounded():
    ranges = AckRanges()
    ranges.add(0, 0, 0.0)
    for number in range(1000):
        ranges.carried(number)
    assert len(ranges._carriers) <= MAX_CARRIERS
    ranges.add(2, 2, 0.0)
    ranges.add(4, 4, 0.0)
    ranges.carried(1000)
    ranges.confirmed(1000, 1000)
    assert ranges.newest() == [(4, 4)]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)), max_size=40))
def test_ranges_agree_with_a_set(pieces):
    ranges, known = AckRanges(), set()
    for first, more in pieces:
        ranges.add(first, first + more, 0.0)
        known |= set(range(first, first + more + 1))
        told = ranges.newest()
        assert {number for low, high in told for number in range(low, high + 1)} == known
        assert all(above[0] > below[1] + 1 for above, below in itertools.pairwise(told))
