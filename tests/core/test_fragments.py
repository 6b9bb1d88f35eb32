"""Cutting, queueing, sending again: every byte leaves, in the right order, within credit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.core.fragments import (
    INITIAL_CREDIT_UNITS,
    QUEUE_MAX_BYTES,
    WIDE_ABOVE_UNITS,
    Outbox,
)
from netstack.core.message import Parts, Run
from netstack.core.reassembly import MESSAGE_MAX_BYTES, Budget, Reassembly
from netstack.model.session import FragmentStats, Mode, Priority, SessionError
from netstack.wire import frame
from netstack.wire.fragment import extend_offset, message_units

MODES = st.sampled_from([Mode.ORDERED, Mode.UNORDERED, Mode.UNRELIABLE])
PRIORITIES = st.sampled_from(list(Priority))


def outbox():
    return Outbox(FragmentStats())


def put(box, data, mode=Mode.ORDERED, priority=Priority.BULK, deadline_s=None):
    return box.put(data, mode, priority, deadline_s)


class Receiver:
    def __init__(self):
        self.side = Reassembly(Budget(), FragmentStats())
        self.whole = []

    def take(self, plaintext):
        for each in frame.decode(plaintext):
            offset = each.offset if each.wide else extend_offset(each.offset, self.side.reference(each.lane))
            self.whole += self.side.receive(each.lane, each.first, each.last, offset, each.payload, 0.0)


@given(
    st.lists(st.tuples(st.binary(max_size=300), MODES, PRIORITIES), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(8, 70), st.integers(1, 6)), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_everything_arrives_through_loss_and_changing_sizes(messages, paths, rng):
    box, receiver, in_flight = outbox(), Receiver(), []
    ids = [put(box, *message) for message in messages]
    for step in range(3000):
        payload, packets = paths[step % len(paths)]
        if (small := box.take_parts(payload, 0.0)) is not None:
            plaintexts, cargo = [small[0]], small[1]
            assert len(small[0]) <= payload
        elif (cargo := box.take_run(payload, packets, 0.0)) is not None:
            plaintexts = cargo.plaintexts()
            assert len(plaintexts) == cargo.packets <= packets
            assert all(len(plaintext) <= payload + 4 for plaintext in plaintexts)
            assert len({len(plaintext) for plaintext in plaintexts[:-1]}) <= 1
            assert len(plaintexts[-1]) <= len(plaintexts[0])
        elif in_flight:
            cargo, mask, full = in_flight.pop(rng.randrange(len(in_flight)))
            box.acked(cargo, mask)
            box.lost(cargo, full & ~mask)
            continue
        else:
            break
        mask = 0
        reliable = isinstance(cargo, Run) and cargo.message.lane < 6
        for bit, plaintext in enumerate(plaintexts):
            if not reliable or rng.random() < 0.7:
                mask |= 1 << bit
                receiver.take(plaintext)
        in_flight.append((cargo, mask, (1 << len(plaintexts)) - 1))
    assert box.idle
    assert box.queued_bytes == 0
    reliable = [number for number, (_, mode, _) in zip(ids, messages, strict=True) if mode.reliable]
    assert sorted(number for number, _ in box.done) == reliable
    assert sorted(receiver.whole) == sorted(data for data, *_ in messages)
    for priority in Priority:
        sent = [data for data, mode, each in messages if (mode, each) == (Mode.ORDERED, priority)]
        assert [data for data in receiver.whole if data in sent][: len(sent)] or not sent


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 39, 40, 41, 44, 80, 81, 400])
def test_lengths_around_the_edges(length):
    box, receiver = outbox(), Receiver()
    data = bytes(range(256))[:length] if length <= 256 else bytes(length)
    put(box, data)
    while (run := box.take_run(40, 3, 0.0)) is not None:
        for plaintext in run.plaintexts():
            receiver.take(plaintext)
        box.acked(run, (1 << run.packets) - 1)
    assert receiver.whole == [data]
    packets = max(-(-length // 40), 1)
    assert box.done == [(0, packets)]
    assert box.stats.sent_fragments == packets


def test_urgent_messages_go_first():
    box = outbox()
    put(box, b"bulk" * 100)
    assert box.take_run(40, 2, 0.0).message.id == 0
    put(box, b"now", priority=Priority.REALTIME)
    put(box, b"vital", priority=Priority.CRITICAL)
    assert [box.take_run(40, 2, 0.0).message.id for _ in range(3)] == [2, 1, 0]


def test_small_messages_share_a_packet_and_one_alone_does_not_pay_for_it():
    box = outbox()
    put(box, b"a" * 10)
    assert box.take_parts(100, 0.0) is None
    put(box, b"b" * 10)
    put(box, b"c" * 200)
    plaintext, cargo = box.take_parts(100, 0.0)
    assert [run.message.id for run in cargo.runs] == [0, 1]
    assert isinstance(cargo, Parts)
    assert [each.payload for each in frame.decode(plaintext)] == [b"a" * 10, b"b" * 10]
    box.lost(cargo, 1)
    assert box.take_run(100, 1, 0.0).message.id == 0
    box.acked(cargo, 1)
    assert box.done == [(0, 2), (1, 1)]
    assert box.take_run(100, 4, 0.0).message.id == 2


def test_credit_holds_back_and_more_lets_go():
    box = outbox()
    data = bytes(INITIAL_CREDIT_UNITS * 4 + 1000)
    put(box, data)
    sent = 0
    while (run := box.take_run(1400, 44, 0.0)) is not None:
        sent = run.end
    assert sent == INITIAL_CREDIT_UNITS
    assert not box.waiting(0.0)
    box.credit(2, INITIAL_CREDIT_UNITS // 2)
    assert not box.waiting(0.0)
    box.credit(2, INITIAL_CREDIT_UNITS + 10_000)
    assert box.waiting(0.0)
    run = box.take_run(1400, 44, 0.0)
    assert run.end == run.message.end == message_units(len(data))


def test_deadlines_drop_what_has_not_left_and_take_back_what_has_begun():
    box = outbox()
    put(box, b"late", Mode.DEADLINE, deadline_s=1.0)
    put(box, b"x" * 100, Mode.DEADLINE, deadline_s=3.0)
    put(box, b"fine", Mode.DEADLINE, deadline_s=9.0)
    run = box.take_run(40, 1, 2.0)
    assert run.message.id == 1
    assert box.dropped == [0]
    assert box.take_run(40, 1, 4.0).message.id == 2
    assert box.dropped == [0, 1]
    assert box.abandoned == [(run.message.lane, 0, message_units(100))]
    assert box.idle
    with pytest.raises(ValueError, match="deadline"):
        put(box, b"", deadline_s=1.0)


def test_unreliable_messages_leave_once():
    box = outbox()
    put(box, b"x" * 100, Mode.UNRELIABLE)
    run = box.take_run(200, 1, 0.0)
    assert box.idle
    box.lost(run, 1)
    assert box.take_run(200, 1, 0.0) is None
    assert box.done == []


def test_far_ahead_of_what_the_peer_is_known_to_have_offsets_are_given_in_full():
    box = outbox()
    lane = box._lane(8)
    put(box, b"near", Mode.UNRELIABLE)
    assert not box.take_run(200, 1, 0.0).wide
    lane.next += WIDE_ABOVE_UNITS
    put(box, b"far away" * 30, Mode.UNRELIABLE)
    run = box.take_run(200, 2, 0.0)
    assert run.wide
    assert all(len(plaintext) <= 204 for plaintext in run.plaintexts())
    receiver = Receiver()
    for plaintext in run.plaintexts():
        receiver.take(plaintext)
    assert receiver.whole == [b"far away" * 30]
    box.acked(run, 1)
    put(box, b"near again", Mode.UNRELIABLE)
    assert not box.take_run(200, 1, 0.0).wide


def test_a_full_queue_says_so_and_says_when_there_is_room():
    box = outbox()
    with pytest.raises(SessionError) as error:
        put(box, bytes(MESSAGE_MAX_BYTES + 1))
    assert error.value.reason is SessionError.Reason.TOO_LARGE
    runs = []
    for _ in range(7):
        put(box, bytes(1 << 20), Mode.UNORDERED)
    with pytest.raises(SessionError) as error:
        put(box, bytes(1 << 20), Mode.UNORDERED)
    assert error.value.reason is SessionError.Reason.QUEUE_FULL
    assert box.queued_bytes <= QUEUE_MAX_BYTES
    assert not box.room_again
    box.credit(5, 1 << 40)
    while (run := box.take_run(60_000, 44, 0.0)) is not None:
        runs.append(run)
    for run in runs:
        box.acked(run, (1 << run.packets) - 1)
        box.acked(run, (1 << run.packets) - 1)
    assert box.room_again
    assert box.queued_bytes == 0
    assert len(box.done) == len(set(box.done))


def test_clearing_drops_everything():
    box = outbox()
    put(box, b"x" * 100)
    put(box, b"y")
    run = box.take_run(40, 1, 0.0)
    box.clear()
    assert box.dropped == [0, 1]
    box.acked(run, 1)
    box.lost(run, 1)
    assert box.queued_bytes == 0
    assert box.idle


def test_a_message_begins_once_however_often_its_start_is_sent():
    box = outbox()
    put(box, bytes(1000))
    first = box.take_run(100, 3, 0.0)
    assert first.begins
    rest = box.take_run(100, 30, 0.0)
    box.lost(first, 1)
    again = box.take_run(100, 30, 0.0)
    assert (first.start, again.start) == (0, 0)
    assert [run.begins for run in (again, rest)] == [False, False]
    put(box, bytes(10))
    assert box.take_run(100, 3, 0.0).begins
