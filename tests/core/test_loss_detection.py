import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.core.loss_detection import MAX_PROBE_TIMEOUTS, REMEMBERED_LOST_BURSTS, LossDetector
from netstack.core.rtt import RttEstimator
from netstack.errors import DecodeError


def detector():
    return LossDetector(RttEstimator())


def numbers(entries):
    return sorted(
        burst.first + bit for burst, mask in entries for bit in range(burst.count) if mask >> bit & 1
    )


def test_a_whole_burst_is_acknowledged_at_once():
    losses = detector()
    burst = losses.sent(0, 44, 1452, 1.0, "cargo", last_bytes=100)
    assert losses.bytes_in_flight == 43 * 1452 + 100
    outcome = losses.acked([(0, 43)], 0.0, 1.02)
    assert outcome.acked == [(burst, (1 << 44) - 1)]
    assert outcome.acked_bytes == 43 * 1452 + 100
    assert outcome.rtt_s == pytest.approx(0.02)
    assert losses.bytes_in_flight == 0
    assert losses.deadline() is None
    assert list(losses.outstanding()) == []


def test_an_acknowledgement_said_twice_counts_once():
    losses = detector()
    losses.sent(0, 4, 100, 0.0)
    losses.sent(4, 4, 100, 0.0)
    losses.acked([(0, 2)], 0.0, 0.02)
    outcome = losses.acked([(0, 3)], 0.0, 0.03)
    assert numbers(outcome.acked) == [3]
    assert losses.acked([(0, 3)], 0.0, 0.04).rtt_s is None


def test_three_packets_below_the_largest_are_lost_at_once():
    losses = detector()
    losses.sent(0, 10, 100, 0.0)
    outcome = losses.acked([(9, 9), (0, 3)], 0.0, 0.02)
    assert numbers(outcome.lost) == [4, 5, 6]
    assert outcome.lost_packets == 3
    assert losses.bytes_in_flight == 200


def test_the_others_are_lost_after_nine_eighths_of_the_round_trip():
    losses = detector()
    losses.sent(0, 10, 100, 0.0)
    losses.acked([(9, 9), (0, 3)], 0.0, 0.02)
    assert losses.deadline() == pytest.approx(0.0225)
    assert losses.expired(0.0224).lost == []
    assert numbers(losses.expired(0.0226).lost) == [7, 8]
    assert losses.bytes_in_flight == 0


def test_time_never_marks_a_packet_above_the_largest_acknowledged():
    losses = detector()
    losses.sent(0, 44, 100, 0.0)
    losses.acked([(0, 20)], 0.0, 0.02)
    outcome = losses.expired(10.0)
    assert outcome.lost == []
    assert outcome.probes == 2
    assert losses.bytes_in_flight == 23 * 100


def test_a_late_packet_is_no_loss_and_makes_the_detector_patient():
    losses = detector()
    losses.sent(0, 10, 100, 0.0)
    assert numbers(losses.acked([(9, 9)], 0.0, 0.02).lost) == list(range(7))
    outcome = losses.acked([(0, 9)], 0.0, 0.021)
    assert numbers(outcome.acked) == list(range(9))
    assert outcome.spurious_packets == 7
    assert outcome.lost == []
    losses.sent(10, 10, 100, 0.1)
    assert losses.acked([(19, 19)], 0.0, 0.12).lost == []


def test_the_patience_ends():
    losses = detector()
    losses.sent(0, 10, 100, 0.0)
    losses.acked([(9, 9)], 0.0, 0.02)
    losses.acked([(0, 9)], 0.0, 0.021)
    losses.sent(10, 10, 100, 100.0)
    assert numbers(losses.acked([(19, 19)], 0.0, 100.001).lost) == list(range(10, 17))


def test_a_packet_that_only_acknowledges_is_not_waited_for():
    losses = detector()
    losses.sent_unacknowledged(0)
    assert losses.deadline() is None
    losses.sent(1, 1, 100, 0.0)
    outcome = losses.acked([(0, 1)], 0.0, 0.01)
    assert numbers(outcome.acked) == [1]


def test_probe_timeouts_back_off_and_end():
    losses = detector()
    losses.sent(0, 1, 100, 0.0)
    waits, now = [], 0.0
    while (due := losses.deadline()) is not None:
        waits.append(due - now)
        now = due
        assert losses.expired(now).probes == 2
    assert len(waits) == MAX_PROBE_TIMEOUTS
    assert [later / earlier for earlier, later in itertools.pairwise(waits)] == pytest.approx([2] * 6)
    assert losses.exhausted
    assert losses.bytes_in_flight == 100
    losses.acked([(0, 0)], 0.0, now)
    assert not losses.exhausted


def test_a_long_silence_in_which_everything_was_lost_is_persistent_congestion():
    losses = detector()
    losses.sent(0, 1, 100, 0.0)
    losses.acked([(0, 0)], 0.0, 0.02)
    losses.sent(1, 1, 100, 0.02)
    losses.acked([(1, 1)], 0.0, 0.04)
    for number in range(2, 12):
        losses.sent(number, 1, 100, number * 0.1)
    outcome = losses.acked([(11, 11)], 0.0, 1.12)
    assert outcome.persistent_congestion
    assert numbers(outcome.lost) == list(range(2, 11))


def test_a_lost_mtu_probe_is_told_but_no_congestion():
    losses = detector()
    losses.sent(0, 1, 9000, 0.0, mtu_probe=True)
    losses.sent(1, 4, 1200, 0.0)
    outcome = losses.acked([(1, 4)], 0.0, 0.02)
    assert numbers(outcome.lost) == [0]
    assert (outcome.lost_packets, outcome.lost_bytes) == (0, 0)


@pytest.mark.parametrize(
    "ranges", [[], [(0, 5)], [(3, 2)], [(0, 1), (2, 3)], [(2, 3), (1, 2)], [(-1, 0)], [(2**62, 2**62)]]
)
def test_a_false_acknowledgement_is_refused_and_changes_nothing(ranges):
    losses = detector()
    losses.sent(0, 5, 100, 0.0)
    with pytest.raises(DecodeError):
        losses.acked(ranges, 0.0, 0.02)
    assert losses.bytes_in_flight == 500
    assert losses.largest_acked == -1


def test_packet_numbers_are_never_used_twice():
    losses = detector()
    losses.sent(0, 5, 100, 0.0)
    with pytest.raises(ValueError, match="packets 4 to 4"):
        losses.sent(4, 1, 100, 0.0)


def test_lost_bursts_are_remembered_within_a_bound():
    losses = detector()
    for number in range(0, 8000, 8):
        losses.sent(number, 8, 100, number * 0.001)
        losses.acked([(number + 7, number + 7)], 0.0, number * 0.001 + 0.02)
    assert len(losses._buried.bursts) == REMEMBERED_LOST_BURSTS
    assert len(losses._ledger.bursts) <= 1


@settings(max_examples=200, deadline=None)
@given(
    bursts=st.lists(st.integers(1, 44), min_size=1, max_size=12),
    acks=st.lists(st.lists(st.integers(0, 11 * 44), min_size=1, max_size=40, unique=True), max_size=8),
)
def test_it_agrees_with_a_set_of_numbers(bursts, acks):
    """Whatever is acknowledged in whatever order: each packet is acknowledged, lost or pending, never two."""
    losses = detector()
    number = 0
    for count in bursts:
        losses.sent(number, count, 100, number * 0.0001)
        number += count
    acknowledged, lost = set(), set()
    now = 0.1
    for ack in acks:
        wanted = sorted({value % number for value in ack})
        ranges = []
        for value in wanted:
            if ranges and value == ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], value)
            else:
                ranges.append((value, value))
        now += 0.003
        outcome = losses.acked(ranges[::-1], 0.0, now)
        fresh = set(numbers(outcome.acked))
        assert fresh == set(wanted) - acknowledged
        assert outcome.spurious_packets == len(fresh & lost)
        acknowledged |= fresh
        lost -= fresh
        newly_lost = set(numbers(outcome.lost))
        assert not newly_lost & (acknowledged | lost)
        assert all(value < losses.largest_acked for value in newly_lost)
        lost |= newly_lost
        pending = number - len(acknowledged) - len(lost)
        assert losses.bytes_in_flight == pending * 100
        assert len(numbers((burst, burst.pending) for burst in losses.outstanding())) == pending
