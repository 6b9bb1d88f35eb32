"""Two sessions talk: what arrives, in which order, what is acknowledged, and how it ends."""

import pytest

from netstack.model.session import (
    CloseReason,
    Established,
    MessageAcknowledged,
    MessageDropped,
    Mode,
    PathOpened,
    Priority,
    SendReady,
    SessionClosed,
    SessionError,
)
from tests.core.session_bed import ANA, BEN, Bed, record


def of(side, kind):
    return [event for event in side.events if isinstance(event, kind)]


def test_it_comes_up_and_says_so():
    bed = Bed()
    bed.run(1.0)
    for side, peer, initiator in ((bed.ana, BEN, True), (bed.ben, ANA, False)):
        [established] = of(side, Established)
        assert (established.peer_key, established.initiator) == (peer.public, initiator)
        assert [event.path_id for event in of(side, PathOpened)] == [0]


@pytest.mark.parametrize("bursts", [False, True])
@pytest.mark.parametrize("mode", list(Mode)[:3])
def test_messages_of_all_sizes_arrive(mode, bursts):
    bed = Bed(bursts=bursts)
    sizes = [0, 1, 3, 4, 100, 1171, 1172, 1173, 5000, 65536, 300_000, 2_000_000]
    sent = [bytes((number,)) * size for number, size in enumerate(sizes)]
    ids = [bed.ana.session.send_message(data, Priority.BULK, mode) for data in sent]
    bed.run(30.0, until=lambda: len(bed.ben.messages) == len(sent) and not bed.ana.session.queued_bytes)
    if mode is Mode.ORDERED:
        assert bed.ben.messages == sent
    assert sorted(bed.ben.messages) == sorted(sent)
    if mode.reliable:
        assert sorted(event.message_id for event in of(bed.ana, MessageAcknowledged)) == ids
    assert bed.ana.session.queued_bytes == 0
    assert not bed.ana.session.drops
    assert not bed.ben.session.drops


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_link_loses_nothing_reliable(seed):
    bed = Bed(loss=0.2, doubles=0.1, jitter_s=0.03, seed=seed)
    sent = [bytes((number % 256,)) * (number * 37 % 4000) for number in range(120)]
    for number, data in enumerate(sent):
        bed.ana.session.send_message(data, Priority(number % 3), Mode.ORDERED)
        bed.ben.session.send_message(data, Priority(number % 3), Mode.UNORDERED)
    bed.run(200.0, until=lambda: len(bed.ana.messages) == len(bed.ben.messages) == 120)
    assert sorted(bed.ben.messages) == sorted(sent)
    assert sorted(bed.ana.messages) == sorted(sent)
    for priority in Priority:
        ours = [data for number, data in enumerate(sent) if number % 3 == priority]
        theirs = [event.data for event in bed.ben.events if getattr(event, "priority", None) == priority]
        assert theirs == ours
    assert bed.ben.session.drops["replayed"] > 0


def test_unreliable_messages_are_sent_once_and_never_come_twice():
    bed = Bed(loss=0.3, doubles=0.3, jitter_s=0.05)
    for number in range(300):
        bed.ana.session.send_message(number.to_bytes(2, "big") * 30, Priority.REALTIME, Mode.UNRELIABLE)
        bed.run(0.01)
    bed.run(10.0)
    assert len(bed.ben.messages) == len(set(bed.ben.messages))
    assert 150 < len(bed.ben.messages) < 260
    assert bed.ana.session.queued_bytes == 0


def test_what_misses_its_deadline_is_not_sent():
    bed = Bed()
    bed.run(1.0)
    session = bed.ana.session
    bed.cut.add(0)
    session.send_message(bytes(1_000_000), Priority.CRITICAL)
    late = session.send_message(b"late", Priority.REALTIME, Mode.DEADLINE, bed.now + 0.5)
    fine = session.send_message(b"fine", Priority.REALTIME, Mode.DEADLINE, bed.now + 50.0)
    bed.run(1.5)
    bed.cut.clear()
    bed.run(30.0, until=lambda: len(bed.ben.messages) == 2)
    assert b"fine" in bed.ben.messages
    assert b"late" not in bed.ben.messages
    assert [event.message_id for event in of(bed.ana, MessageDropped)] == [late]
    assert fine not in [event.message_id for event in of(bed.ana, MessageDropped)]


def test_urgent_words_overtake_a_large_payload():
    bed = Bed(delay_s=0.05)
    bed.run(1.0)
    bed.ana.session.send_message(bytes(3_000_000), Priority.BULK)
    bed.run(0.3)
    bed.ana.session.send_message(b"now", Priority.REALTIME)
    took = bed.run(20.0, until=lambda: bed.ben.messages)
    assert bed.ben.messages == [b"now"]
    assert took < 0.2


def test_a_full_queue_pushes_back_and_lets_go():
    bed = Bed()
    session = bed.ana.session
    for _ in range(3):
        session.send_message(bytes(2 << 20), Priority.BULK)
    with pytest.raises(SessionError) as error:
        session.send_message(bytes(4 << 20), Priority.BULK)
    assert error.value.reason is SessionError.Reason.QUEUE_FULL
    bed.run(60.0, until=lambda: of(bed.ana, SendReady))
    session.send_message(bytes(1 << 20), Priority.BULK)
    bed.run(60.0, until=lambda: len(bed.ben.messages) == 4)
    assert len(of(bed.ana, SendReady)) == 1


def test_who_does_not_read_is_not_flooded():
    bed = Bed()
    bed.run(1.0)
    session = bed.ana.session
    polled = bed.ben.session.poll_event
    bed.ben.session = Reticent(bed.ben.session)
    sent = 0
    for _ in range(60):
        try:
            session.send_message(bytes(1 << 20), Priority.BULK)
            sent += 1
        except SessionError:
            pass
        bed.run(1.0)
    held = sum(len(message.data) for message in bed.ben.session.inner._inbox.messages)
    assert held <= 24 << 20
    assert sent < 40
    bed.ben.session = bed.ben.session.inner
    bed.run(60.0, until=lambda: len(bed.ben.messages) == sent)
    assert polled


class Reticent:
    """A session whose caller reads no events."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def poll_event(self, now):
        return None


def test_good_bye_is_heard():
    bed = Bed()
    bed.run(1.0)
    unsent = bed.ana.session.send_message(bytes(5000))
    bed.ana.session.close()
    bed.run(1.0)
    assert of(bed.ana, SessionClosed) == [SessionClosed(CloseReason.DONE, by_peer=False)]
    assert of(bed.ben, SessionClosed) == [SessionClosed(CloseReason.DONE, by_peer=True)]
    assert [event.message_id for event in of(bed.ana, MessageDropped)] == [unsent]
    for side in bed.sides():
        assert side.session.deadline(bed.now) is None
        assert side.session.poll_transmit(bed.now) is None
        with pytest.raises(SessionError):
            side.session.send_message(b"x")
        side.session.close()
        side.session.abort(CloseReason.DONE)
    assert len(of(bed.ana, SessionClosed)) == 1


def test_a_silent_peer_ends_it():
    bed = Bed()
    bed.run(1.0)
    bed.cut.add(0)
    bed.run(200.0)
    for side in bed.sides():
        assert of(side, SessionClosed) == [SessionClosed(CloseReason.IDLE, by_peer=False)]


def test_a_quiet_session_lives():
    bed = Bed()
    bed.run(1.0)
    packets = []
    record(bed, bed.ana, packets)
    record(bed, bed.ben, packets)
    bed.run(3600.0)
    assert not of(bed.ana, SessionClosed)
    assert len(packets) < 2 * 3600 / 20 * 3
    assert max(map(len, packets)) < 60


def test_an_outage_is_survived():
    bed = Bed()
    bed.run(1.0)
    bed.ana.session.send_message(bytes(200_000), Priority.BULK)
    bed.run(0.02)
    bed.cut.add(0)
    bed.run(40.0)
    bed.cut.clear()
    bed.run(20.0, until=lambda: bed.ben.messages)
    assert bed.ben.messages == [bytes(200_000)]


def test_a_burst_whose_first_packet_has_come_before_is_taken_all_the_same():
    bed = Bed()
    bed.run(1.0)
    bed.ana.session.send_message(bytes(4_500), Priority.BULK)
    burst = bed.ana.session.poll_transmit(bed.now)
    assert burst.packets == 4
    link, size = burst.flow.link, burst.segment_bytes
    bed.deliver(bed.ana, link, burst.data[:size], size)
    bed.deliver(bed.ana, link, burst.data, size)
    bed.flush()
    assert bed.ben.messages == [bytes(4_500)]
