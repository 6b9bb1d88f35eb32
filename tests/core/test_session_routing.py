"""What matters arrives while a path dies, nothing twice, and each priority rides its own path."""

import pytest

from netstack.model.address import Address
from netstack.model.session import (
    TCP_TRAITS,
    UDP_TRAITS,
    Flow,
    MessageReceived,
    Mode,
    PathOpened,
    Priority,
)
from tests.core.session_bed import Bed, record

EVERY_S = 1 / 60
MESSAGE_BYTES = 100


def two_paths(**options):
    """Path 0 over link 0 with 20 ms of round trip, and another over link 1 with 40 ms."""
    bed = Bed(**options)
    bed.delays_s[1] = 0.02
    add_way(bed, UDP_TRAITS)
    bed.run(1.0)
    number = bed.ana.session.add_path(Flow(1, bed.ben.at[1]), UDP_TRAITS, bed.now)
    bed.run(2.0)
    return bed, number


def add_way(bed, traits):
    bed.ana.at[1], bed.ben.at[1] = Address("192.0.2.1", 5001), Address("198.51.100.2", 5002)
    bed.ana.traits[1] = bed.ben.traits[1] = traits


def play(bed, seconds, first=0, mode=Mode.ORDERED, priority=Priority.REALTIME):
    """A game-shaped stream from ana to ben. Returns when each message arrived, by number."""
    arrived = {}

    def look():
        while bed.ben.events:
            event = bed.ben.events.pop(0)
            if isinstance(event, MessageReceived) and event.priority is priority:
                number = int.from_bytes(event.data[:4], "big")
                assert number not in arrived, "delivered twice"
                arrived[number] = bed.now

    end, number = bed.now + seconds, first
    while bed.now < end:
        bed.ana.session.send_message(number.to_bytes(4, "big") + bytes(MESSAGE_BYTES - 4), priority, mode)
        number += 1
        step = bed.now + EVERY_S
        while bed.now < step:
            bed.run(min(0.002, step - bed.now) or 0.001)
            look()
    bed.run(3.0, until=lambda: look() or len(arrived) == number - first)
    look()
    return arrived, number


def blackout_s(arrived, since_s):
    times = sorted(at for at in arrived.values() if at >= since_s)
    return max(b - a for a, b in zip([since_s, *times], times, strict=False))


def dead(bed):
    bed.cut.add(0)


def data_blackhole(bed):
    """Pings, probes and acknowledgements pass."""
    bed.swallows = lambda _, link, packet: link == 0 and len(packet) > 100


def one_way_loss(bed):
    bed.swallows = lambda side, link, _: link == 0 and side is bed.ana


def acknowledgements_lost(bed):
    bed.swallows = lambda side, link, _: link == 0 and side is bed.ben


def a_third_lost(bed):
    bed.swallows = lambda _, link, __: link == 0 and bed.rng.random() < 0.3


def latency_jump(bed):
    bed.delays_s[0] = 0.5


CAUSES = [dead, data_blackhole, one_way_loss, acknowledgements_lost, a_third_lost, latency_jump]


@pytest.mark.parametrize("cause", CAUSES)
def test_nothing_is_lost_nor_doubled_and_the_silence_is_short(cause):
    bed, _ = two_paths()
    _, number = play(bed, 2.0)
    broke_s = bed.now
    cause(bed)
    arrived, number = play(bed, 5.0, number)
    assert len(arrived) == number - min(arrived)
    assert blackout_s(arrived, broke_s) <= 0.25


@pytest.mark.parametrize("mode", [Mode.UNRELIABLE, Mode.UNORDERED])
def test_unreliable_messages_are_not_doubled_either(mode):
    bed, _ = two_paths()
    play(bed, 1.0, mode=mode)
    a_third_lost(bed)
    arrived, number = play(bed, 5.0, 60, mode=mode)
    assert len(arrived) > 0.97 * (number - 60)


def test_a_path_that_delivers_again_is_used_alone_again():
    bed, _ = two_paths()
    _, number = play(bed, 1.0)
    dead(bed)
    _, number = play(bed, 1.0, number)
    assert bed.ana.session.paths.table[0].stalled_since_s is not None
    bed.cut.clear()
    _, number = play(bed, 3.0, number)
    path = bed.ana.session.paths.table[0]
    assert (path.stalled_since_s, path.doubt_s) == (None, None)
    before = bed.ana.session.paths.table[2].sent_packets
    play(bed, 1.0, number)
    assert bed.ana.session.paths.table[2].sent_packets - before < 5


def test_pongs_are_no_sign_of_life():
    bed, _ = two_paths()
    _, number = play(bed, 1.0)
    data_blackhole(bed)
    for _ in range(20):
        bed.ana.session.probe(0)
        bed.ana.session.ping(0)
        _, number = play(bed, 0.1, number)
    since_s = bed.ana.session.paths.table[0].stalled_since_s
    assert since_s is not None
    assert bed.now - since_s > 1.5


def test_a_path_that_carries_nothing_shows_by_packets_of_datas_size_whether_it_would():
    bed, number = two_paths()
    _, count = play(bed, 1.0)
    data_blackhole(bed)
    play(bed, 1.0, count)
    bed.ana.session.route((number, number, number))
    bed.ana.session.leave_path(0)
    path = bed.ana.session.paths.table[0]
    for broken in (True, False):
        if not broken:
            bed.swallows = lambda *_: False
        for _ in range(5):
            bed.ana.session.test_path(0)
            bed.ana.session.ping(0)
            bed.run(0.4)
        assert (path.stalled_since_s is not None) is broken


def test_each_priority_has_a_path():
    bed, number = two_paths()
    sent = []
    record(bed, bed.ana, sent)
    bed.ana.session.route((0, number, 0))
    ids = {bed.ben.session.paths.table[each].receive_id: each for each in (0, number)}

    def carried_by(priority, size):
        sent.clear()
        bed.ana.session.send_message(bytes(size), priority, Mode.ORDERED)
        bed.run(1.0)
        return {ids[int.from_bytes(raw[1:4], "big")] for raw in sent if len(raw) >= 228}

    assert carried_by(Priority.CRITICAL, 200) == {0}
    assert carried_by(Priority.REALTIME, 200) == {number}
    assert carried_by(Priority.BULK, 50_000) == {0}
    bed.ana.session.close_path(number)
    assert carried_by(Priority.REALTIME, 200) == {0}
    assert len(bed.ben.messages) == 4


def test_the_two_directions_may_ride_different_paths():
    bed, number = two_paths()
    bed.ana.session.route((number, number, number))
    bed.ana.session.send_message(bytes(100_000))
    bed.ben.session.send_message(bytes(100_000))
    before = [side.session.paths.table[each].sent_bytes for side in bed.sides() for each in (0, number)]
    bed.run(3.0)
    after = [side.session.paths.table[each].sent_bytes for side in bed.sides() for each in (0, number)]
    ana_0, ana_1, ben_0, ben_1 = (b - a for a, b in zip(before, after, strict=True))
    assert bed.ben.messages == bed.ana.messages == [bytes(100_000)]
    assert ana_1 > 100_000 > 10_000 > ana_0
    assert ben_0 > 100_000 > 10_000 > ben_1


def test_a_path_on_trial_gets_copies_and_nobody_gets_two():
    bed, number = two_paths()
    bed.ana.session.route((0, 0, 0), trial=number)
    before = bed.ana.session.paths.table[number].sent_packets
    arrived, count = play(bed, 1.0)
    assert len(arrived) == count
    assert bed.ana.session.paths.table[number].sent_packets - before >= count
    assert bed.ben.session.stats.duplicates >= count - 5


def test_bulk_leaves_with_the_path_that_is_left():
    bed, number = two_paths()
    bed.ana.session.send_message(bytes(300_000), Priority.BULK, Mode.ORDERED)
    bed.run(0.05)
    dead(bed)
    bed.run(0.5)
    bed.ana.session.route((number, number, number))
    bed.ana.session.leave_path(0)
    took_s = bed.run(5.0, until=lambda: bed.ben.messages)
    assert bed.ben.messages == [bytes(300_000)]
    assert took_s < 1.0


@pytest.mark.parametrize("traits", [UDP_TRAITS, TCP_TRAITS])
def test_a_way_that_opens_after_the_only_one_died_is_used_where_a_spare_was_agreed_on(traits):
    bed = Bed()
    bed.run(1.0)
    assert [bed.ana.session.prepare_path(bed.now) for _ in range(4)] == [True, True, False, False]
    bed.run(1.0)
    assert [path.send_id >= 0 for path in bed.ana.session.paths.spares] == [True, True]
    assert len(bed.ben.session.paths.table) == 3
    _, number = play(bed, 1.0)
    dead(bed)
    broke_s = bed.now
    bed.ana.session.send_message(number.to_bytes(4, "big"))
    bed.run(0.2)
    add_way(bed, traits)
    path_id = bed.ana.session.add_path(Flow(1, bed.ben.at[1]), traits, bed.now)
    arrived, number = play(bed, 2.0, number + 1)
    assert [event.path_id for event in bed.ana.events if isinstance(event, PathOpened)] == [0, path_id]
    assert len(arrived) == number - min(arrived)
    assert blackout_s(arrived, broke_s) < 0.4


def test_a_spare_costs_nothing_and_does_not_keep_a_session_alive():
    bed = Bed()
    bed.run(1.0)
    bed.ana.session.prepare_path(bed.now)
    bed.run(1.0)
    sent = []
    record(bed, bed.ana, sent)
    bed.run(100.0)
    assert len(sent) < 15  # keep-alives of path 0
    bed.cut.add(0)
    bed.run(100.0)
    assert bed.ana.session.closed
