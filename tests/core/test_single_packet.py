"""The quick way of single packets gives what the general way gives."""

import pytest

from netstack.model.session import MessageAcknowledged, MessageReceived, Mode, Priority
from tests.core.session_bed import Bed, record


def exchange(*, quick, mode, loss=0.0, doubles=0.0, jitter_s=0.0, sizes=(64,), rounds=300):
    """Both sides say something in turn; returns every packet of both, and every event of both."""
    bed = Bed(loss=loss, doubles=doubles, jitter_s=jitter_s, delay_s=0.0003, seed=5)
    packets = []
    for side in bed.sides():
        side.session._singles.enabled = quick
        record(bed, side, packets)
    bed.run(1.0)
    for turn in range(rounds):
        side = bed.sides()[turn % 2]
        size = sizes[turn % len(sizes)]
        side.session.send_message(turn.to_bytes(2, "big") * (size // 2), Priority(turn % 3), mode)
        bed.run(0.0007)
    bed.run(5.0)
    return packets, [side.events for side in bed.sides()], bed


@pytest.mark.parametrize("mode", list(Mode)[:3])
@pytest.mark.parametrize(
    "link", [{}, {"sizes": (0, 2, 64, 900, 3000)}, {"loss": 0.1, "doubles": 0.05}, {"jitter_s": 0.002}]
)
def test_both_ways_give_the_same_bytes_and_events(mode, link):
    quick_packets, quick_events, _ = exchange(quick=True, mode=mode, **link)
    packets, events, _ = exchange(quick=False, mode=mode, **link)
    assert quick_packets == packets
    assert quick_events == events


def test_the_quick_way_is_taken():
    """Otherwise the comparison above compares nothing."""
    taken = []
    bed = Bed(delay_s=0.0003)
    bed.run(1.0)
    for side in bed.sides():
        singles = side.session._singles

        class Watched(type(singles)):
            __slots__ = ()

            def take(self, *args):
                done = super().take(*args)
                taken.append(done)
                return done

        singles.__class__ = Watched
    for turn in range(200):
        bed.sides()[turn % 2].session.send_message(bytes(64), Priority.REALTIME, Mode.UNRELIABLE)
        bed.run(0.0007)
    assert taken.count(True) > 150


def test_an_echo_costs_one_packet_each_way_and_few_acknowledgements():
    packets, _, bed = exchange(quick=True, mode=Mode.UNRELIABLE)
    data = [packet for packet in packets if len(packet) >= 90]
    assert len(data) == 300
    assert len(packets) < 1.5 * len(data)  # a young path acknowledges every second packet
    received = [event for side in bed.sides() for event in side.events if isinstance(event, MessageReceived)]
    assert len(received) == 300


def test_reliable_messages_are_acknowledged_though_no_answer_comes():
    bed = Bed(delay_s=0.0003)
    bed.run(1.0)
    for _ in range(50):
        bed.ana.session.send_message(bytes(64), Priority.REALTIME, Mode.ORDERED)
        bed.run(0.0007)
    bed.run(0.1)
    told = [event for event in bed.ana.events if isinstance(event, MessageAcknowledged)]
    assert len(told) == len(bed.ben.messages) == 50
