"""The fast path of small messages does what the general way does, or nothing."""

import bisect
import itertools
import random

import pytest

from netstack.core.endpoint import Endpoint
from netstack.core.identity import KnownPeer
from netstack.model.address import Address
from netstack.model.session import UDP_TRAITS, CloseReason, Flow, MessageReceived, Mode, Priority
from netstack.wire.fragment import LANES, RELIABLE_LANES
from tests.core.session_bed import entropy_from, identity

PSK = bytes(range(32))


class End:
    """An endpoint with one session, driven by the fast path, or not."""

    def __init__(self, name, peer, port, *, fast):
        known = KnownPeer(identity(peer).public, PSK)
        self.endpoint = Endpoint(
            identity(name), entropy_from(name), lookup=lambda _: known, remember=lambda _: None
        )
        self.endpoint.add_link(0, UDP_TRAITS)
        self.known, self.fast, self.taken = known, fast, 0
        self.flow = Flow(0, Address("192.0.2.1", port))  # where its packets come from
        self.out, self.messages, self.events, self.said_reliably = [], [], [], []

    @property
    def number(self):
        return next(iter(self.endpoint.sessions))

    @property
    def session(self):
        return self.endpoint.sessions[self.number]

    def say(self, data, priority, mode, now):
        if mode.reliable:
            bisect.insort(self.said_reliably, data)
        if self.fast:
            fast = self.session.fast
            sent = fast and fast.send(data, mode, priority, now)
            if sent is not None:
                self.endpoint.passed(self.number, fast, now)
                self.taken += 1
                self.out.append(sent[1].data)
                return
        self.session.send_message(data, priority, mode, quiet=True)
        self.endpoint.wake(self.number, now)
        self.poll(now)

    def hear(self, data, flow, now):
        if self.fast:
            told = self.endpoint.receive_small(data, flow, now, lambda: None)
            if told is not None:
                self.taken += 1
                self.messages.append(told[1])
                self.endpoint.passed(told[0], told[2], now)
                if told[2].owes():
                    self.endpoint.wake(told[0], now)
        else:
            self.endpoint.receive(data, flow, now)
        self.poll(now)

    def poll(self, now):
        while (happened := self.endpoint.poll_event(now)) is not None:
            to = self.messages if isinstance(happened[1], MessageReceived) else self.events
            to.append(happened[1])
        while (transmit := self.endpoint.poll_transmit(now)) is not None:
            size = transmit.segment_bytes
            self.out += [transmit.data[at : at + size] for at in range(0, len(transmit.data), size)]
        self.endpoint.deadline(now)


def pair(*, fast):
    ana, ben = End("ana", "ben", 1, fast=fast), End("ben", "ana", 2, fast=fast)
    ana.endpoint.dial(ben.flow, 1.0, peer=ana.known)
    ana.poll(1.0)
    return ana, ben


def carry(ana, ben, now, rng=None, loss=0.0):
    for _ in range(20):
        for near, far in ((ana, ben), (ben, ana)):
            out, near.out = near.out, []
            for data in out:
                if rng is None or rng.random() >= loss:
                    far.hear(data, near.flow, now)


def exchange(*, fast, loss, sizes=(64,), modes=(Mode.UNRELIABLE,), gap_s=0.0004, rounds=400, both=False):
    ana, ben = pair(fast=fast)
    rng, now = random.Random(3), 1.0
    for _ in range(100):
        now += 0.001
        carry(ana, ben, now)
        for end in (ana, ben):
            end.poll(now)
    for turn, size, mode in zip(range(rounds), itertools.cycle(sizes), itertools.cycle(modes), strict=False):
        now += gap_s
        for end in (ana, ben) if both else ((ana, ben)[turn % 2],):
            end.say(turn.to_bytes(2, "big") * (size // 2), Priority(turn % 3), mode, now)
        carry(ana, ben, now, rng, loss)
        due = min(each.endpoint.deadline(now) for each in (ana, ben))
        if due <= now:
            ana.poll(now)
            ben.poll(now)
    for _ in range(1000):
        now += 0.003
        ana.poll(now)
        ben.poll(now)
        carry(ana, ben, now)
    return ana, ben


@pytest.mark.parametrize(
    "case",
    [
        {"loss": 0.0},
        {"loss": 0.1},
        {"loss": 0.0, "sizes": (0, 2, 64, 900, 3000)},
        {"loss": 0.05, "modes": (Mode.UNRELIABLE, Mode.UNRELIABLE, Mode.ORDERED)},
        {"loss": 0.0, "gap_s": 0.0011, "rounds": 300},
        {"loss": 0.0, "modes": (Mode.ORDERED,)},
        {"loss": 0.05, "modes": (Mode.UNORDERED,), "sizes": (64, 0, 800)},
    ],
)
def test_the_same_messages_arrive_and_the_same_is_counted(case):
    fast, general = exchange(fast=True, **case), exchange(fast=False, **case)
    assert all(end.taken > 20 for end in fast)
    for quick, slow in zip(fast, general, strict=True):
        if not case["loss"]:
            assert quick.messages == slow.messages
            assert quick.session.stats.received_fragments == slow.session.stats.received_fragments
        assert quick.session.stats.sent_messages == slow.session.stats.sent_messages
        assert quick.session.stats.sent_payload_bytes == slow.session.stats.sent_payload_bytes
        assert quick.events == slow.events
        assert not quick.session.drops
    for near, far in (fast, fast[::-1]):
        [ours], [theirs] = near.session.paths.table.values(), far.session.paths.table.values()
        assert theirs.received_packets <= ours.sent_packets == ours.next_number
        assert not near.session.queued_bytes
        control = ours.control
        assert control is None or control.bytes_in_flight == 0  # everything was acknowledged, or given up


@pytest.mark.parametrize("seed", range(8))
def test_the_books_are_the_same_whatever_comes_when(seed):
    """Random sizes, modes, gaps and losses, both sides talking at once: every reliable message arrives once, lanes agree, and
    nothing is left over. Without loss the messages, the lanes and the counts are those of the general way.
    """
    rng = random.Random(seed)
    case = {
        "loss": rng.choice((0.0, 0.0, 0.02, 0.15)),
        "sizes": [rng.choice((0, 2, 30, 64, 300, 900, 1400, 5000)) for _ in range(17)],
        "modes": [rng.choice(list(Mode)[:3]) for _ in range(7)],
        "gap_s": rng.choice((0.00002, 0.0003, 0.002, 0.02)),
        "rounds": 250,
        "both": rng.random() < 0.5,
    }
    fast, general = exchange(fast=True, **case), exchange(fast=False, **case)
    for (near, far), (slow, slow_far) in zip((fast, fast[::-1]), (general, general[::-1]), strict=True):
        assert not near.session.drops
        outbox, [path] = near.session._sender.outbox, near.session.paths.table.values()
        assert outbox.idle
        assert not outbox.queued_bytes
        assert not outbox._unfinished
        assert path.control is None or not path.control.bytes_in_flight
        assert near.said_reliably == sorted(each.data for each in far.messages if each.mode.reliable)
        lanes = lanes_of(near.session)
        assert all(lanes_in(far.session)[lane] == end for lane, end in lanes.items() if lane < RELIABLE_LANES)
        assert lanes == lanes_of(slow.session)
        assert near.session.stats.sent_payload_bytes == slow.session.stats.sent_payload_bytes
        if not case["loss"]:
            assert sorted(far.messages, key=repr) == sorted(slow_far.messages, key=repr)
            assert lanes_in(far.session) == lanes_in(slow_far.session)
            [theirs] = far.session.paths.table.values()
            assert theirs.window.highest + 1 == theirs.received_packets == path.sent_packets
            assert theirs.received_bytes == path.sent_bytes


def lanes_of(session):
    """Where each lane that was used goes on, at the sender."""
    outbox = session._sender.outbox
    return {lane: end for lane in range(LANES) if (end := outbox.place(lane)[0])}


def lanes_in(session):
    """The same at the receiver."""
    reassembly = session._inbox.reassembly
    return {lane: end for lane in range(LANES) if (end := reassembly._lane(lane).highest)}


def test_what_the_fast_path_may_not_take():
    ana, ben = exchange(fast=True, loss=0.0, rounds=50)
    now = 10.0
    ana.say(b"warm", Priority.REALTIME, Mode.UNRELIABLE, now)
    sent = ana.out.pop()
    before = ben.taken
    for wrong in (sent[:-1] + b"\0", sent[:20], b"", sent[:4] + b"\xff" + sent[5:]):
        assert ben.endpoint.receive_small(wrong, ana.flow, now, lambda: None) is None
    ben.hear(
        sent, Flow(0, Address("192.0.2.9", 9)), now
    )  # from elsewhere: the path has moved, and is to be proved
    assert [message.data for message in ben.messages[-1:]] == [b"warm"]
    assert ben.taken == before
    ben.hear(sent, ana.flow, now)  # again
    assert ben.session.drops


def test_nothing_leaves_by_it_after_good_bye():
    ana, _ = exchange(fast=True, loss=0.0, rounds=50)
    ana.session.close(CloseReason.DONE)
    assert ana.session.fast is None


def test_a_held_session_gives_nothing_by_hand():
    ana, ben = exchange(fast=True, loss=0.0, rounds=50)
    ben.endpoint.hold(ben.number, held=True)
    before, taken = len(ben.messages), ben.taken
    for turn in range(5):
        ana.say(b"x", Priority.REALTIME, Mode.UNRELIABLE, 10.0 + turn / 1000)
        carry(ana, ben, 10.0 + turn / 1000)
    assert (len(ben.messages), ben.taken) == (before, taken)
    ben.endpoint.hold(ben.number, held=False)
    ben.poll(10.1)
    assert len(ben.messages) == before + 5


def settled():
    ana, ben = pair(fast=True)
    for step in range(100):
        now = 1.0 + step * 0.001
        carry(ana, ben, now)
        ana.poll(now)
        ben.poll(now)
    return ana, ben


@pytest.mark.parametrize("mode", [Mode.UNRELIABLE, Mode.ORDERED])
def test_an_echo_costs_one_packet_each_way_and_few_acknowledgements(mode):
    ana, ben = settled()
    ends = (ana, ben)
    before = sum(end.session.paths.table[0].sent_packets for end in ends)
    for turn in range(300):
        now = 1.2 + turn * 0.0007
        ends[turn % 2].say(bytes(64), Priority.REALTIME, mode, now)
        carry(ana, ben, now)
    assert len(ana.messages) + len(ben.messages) == 300
    packets = sum(end.session.paths.table[0].sent_packets for end in ends) - before
    assert 300 <= packets < 1.5 * 300


def test_reliable_messages_are_acknowledged_though_no_answer_comes():
    ana, ben = settled()
    for turn in range(50):
        now = 1.2 + turn * 0.0007
        ana.say(bytes(64), Priority.REALTIME, Mode.ORDERED, now)
        carry(ana, ben, now)
    assert ana.taken > 40
    for step in range(100):
        now = 1.3 + step * 0.001
        ben.poll(now)
        carry(ana, ben, now)
        ana.poll(now)
    assert len(ben.messages) == 50
    assert ana.session.queued_bytes == 0
    assert ana.session.paths.table[0].control.bytes_in_flight == 0
