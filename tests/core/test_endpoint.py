"""Endpoints dial, answer, route, refuse, and keep thousands of sessions."""

import heapq
import itertools
import random

import pytest

from netstack.core.endpoint import NOBODY, Endpoint
from netstack.core.entrance import Entrance
from netstack.core.identity import KnownPeer
from netstack.core.rate_limits import RateLimits
from netstack.model.address import Address
from netstack.model.session import (
    UDP_TRAITS,
    CloseReason,
    DialFailed,
    Drop,
    Established,
    Flow,
    InvitationSpent,
    LinkTraits,
    MessageReceived,
    SessionClosed,
    SessionError,
    TransportKind,
)
from tests.core.session_bed import entropy_from, identity

PSK = bytes(range(32))


class Host:
    def __init__(self, name, at, traits=UDP_TRAITS, entrance=None):
        self.name, self.at = name, at
        self.peers = {}
        self.events = []
        self.endpoint = Endpoint(
            identity(name),
            entropy_from(name),
            lookup=self.peers.get,
            remember=lambda peer: self.peers.__setitem__(peer.key, peer),
            entrance=entrance,
        )
        self.endpoint.add_link(0, traits)

    def knows(self, other, psk=PSK):
        self.peers[other.key] = KnownPeer(other.key, psk)
        return self.peers[other.key]

    @property
    def key(self):
        return self.endpoint.identity.public

    def of(self, kind):
        return [event for _, event in self.events if isinstance(event, kind)]

    def session(self):
        [session] = self.endpoint.sessions.values()
        return session


class Net:
    """Hosts by address, a delay, a loss."""

    def __init__(self, *hosts, loss=0.0, seed=3):
        self.hosts = {host.at: host for host in hosts}
        self.loss, self.rng = loss, random.Random(seed)
        self.now, self.air, self.order = 50.0, [], itertools.count()
        self.received = dict.fromkeys(self.hosts, 0)
        self.sent = dict.fromkeys(self.hosts, 0)

    def flush(self):
        for host in self.hosts.values():
            busy = True
            while busy:
                busy = False
                while (transmit := host.endpoint.poll_transmit(self.now)) is not None:
                    busy = True
                    self.sent[host.at] += len(transmit.data)
                    if self.rng.random() >= self.loss:
                        entry = (self.now + 0.01, next(self.order), host.at, transmit)
                        heapq.heappush(self.air, entry)
                while (event := host.endpoint.poll_event(self.now)) is not None:
                    busy = True
                    host.events.append(event)

    def run(self, seconds=2.0):
        end = self.now + seconds
        for _ in range(300_000):
            self.flush()
            due = [
                each for host in self.hosts.values() if (each := host.endpoint.deadline(self.now)) is not None
            ]
            due += [self.air[0][0]] if self.air else []
            if not due or min(due) > end:
                self.now = end
                return
            self.now = max(self.now, min(due))
            while self.air and self.air[0][0] <= self.now:
                _, _, at, transmit = heapq.heappop(self.air)
                if (far := self.hosts.get(transmit.flow.remote)) is not None:
                    self.received[far.at] += len(transmit.data)
                    far.endpoint.receive(
                        transmit.data, Flow(0, at), self.now, segment_bytes=transmit.segment_bytes
                    )
        raise AssertionError("it does not come to rest")


def two(**kwargs):
    ana, ben = Host("ana", Address("192.0.2.1", 1)), Host("ben", Address("192.0.2.2", 2))
    return ana, ben, Net(ana, ben, **kwargs)


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_known_peers_meet_and_their_shared_key_rotates(loss):
    ana, ben, net = two(loss=loss)
    ben.knows(ana)
    for round_number in range(4):
        before = ana.peers.get(ben.key) or ana.knows(ben)
        number = ana.endpoint.dial(Flow(0, ben.at), net.now, peer=before)
        net.run(9.0)
        assert len(ana.of(Established)) == len(ben.of(Established)) == round_number + 1
        assert ana.peers[ben.key].psk == ben.peers[ana.key].psk
        assert ana.peers[ben.key].psk != before.psk
        ana.endpoint.sessions[number].send_message(b"hello %d" % round_number)
        ana.endpoint.wake(number, net.now)
        net.run(9.0)
        assert ben.of(MessageReceived)[-1].data == b"hello %d" % round_number
        assert len(ana.endpoint.sessions) == len(ben.endpoint.sessions) == 1
    assert ana.of(SessionClosed) == [SessionClosed(CloseReason.REPLACED, by_peer=False)] * 3 or loss


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_a_first_meeting_makes_known_peers(loss):
    ana, ben, net = two(loss=loss)
    ben.endpoint.responder.invite(PSK)
    ana.endpoint.dial(Flow(0, ben.at), net.now, psk=PSK)
    net.run(9.0)
    assert ana.of(Established)[0].safety_digits == ben.of(Established)[0].safety_digits
    assert ana.peers[ben.key].psk == ben.peers[ana.key].psk
    assert ben.endpoint.responder.invitations == ()
    ana.endpoint.dial(Flow(0, ben.at), net.now, peer=ana.peers[ben.key])
    net.run(9.0)
    assert len(ben.of(Established)) == 2


def test_a_first_message_leaves_with_the_last_of_the_handshake():
    ana, ben, net = two()
    ben.endpoint.responder.invite(PSK)
    ana.endpoint.dial(Flow(0, ben.at), net.now, psk=PSK, first=(b"who", b"where"))
    net.run(0.0301)  # one round trip and a half
    assert [event.data for event in ben.of(MessageReceived)] == [b"who", b"where"]
    assert not ana.of(Established)
    net.run(0.01)
    assert ana.of(Established)


def test_a_first_message_is_for_the_one_who_knows_the_key_and_said_once():
    ana, ben, net = two(loss=0.4, seed=5)
    ben.endpoint.responder.invite(PSK)
    ana.endpoint.dial(Flow(0, ben.at), net.now, psk=PSK, first=(b"secret",))
    net.run(9.0)
    assert [event.data for event in ben.of(MessageReceived)] == [b"secret"]
    stranger, other, net = two()
    other.endpoint.responder.invite(bytes(32))
    stranger.endpoint.dial(Flow(0, other.at), net.now, psk=PSK, first=(b"secret",))
    net.run(9.0)
    assert not other.of(MessageReceived)
    assert not other.endpoint.sessions
    assert not stranger.endpoint.sessions


def test_a_known_peer_is_up_in_one_round_trip():
    ana, ben, net = two()
    number = ana.endpoint.dial(Flow(0, ben.at), net.now, peer=ana.knows(ben))
    ben.knows(ana)
    start = net.now
    net.run(0.0201)
    assert ana.of(Established)
    ana.endpoint.sessions[number].send_message(b"first words")
    ana.endpoint.wake(number, net.now)
    net.run(0.0101)
    assert ben.of(MessageReceived)[0].data == b"first words"
    assert net.now - start < 0.0305


def test_a_wrong_code_fails_clearly_on_both_sides():
    ana, ben, net = two()
    ben.endpoint.responder.invite(PSK)
    for _ in range(3):
        ana.endpoint.dial(Flow(0, ben.at), net.now, psk=bytes(32))
        net.run(2.0)
    assert ana.of(DialFailed) == [DialFailed(SessionError.Reason.REFUSED)] * 3
    assert ben.events == [(NOBODY, InvitationSpent())]
    assert not ana.endpoint.sessions
    assert not ben.endpoint.sessions


def test_nobody_there_and_nobody_who_knows_us():
    ana, ben, net = two()
    ana.endpoint.dial(Flow(0, Address("192.0.2.99", 9)), net.now, psk=PSK)
    ana.endpoint.dial(Flow(0, ben.at), net.now, peer=ana.knows(ben))
    net.run(20.0)
    assert sorted(event.reason for event in ana.of(DialFailed)) == ["no-answer", "refused"]


def test_a_lost_last_message_does_not_part_known_peers():
    """One side has the newest shared key, the other does not."""
    ana, ben, net = two()
    ben.knows(ana)
    peer = ana.knows(ben).rotated(b"\7" * 32)
    ana.endpoint.dial(Flow(0, ben.at), net.now, peer=peer)
    net.run(2.0)
    assert ana.of(Established)
    assert ana.peers[ben.key].psk == ben.peers[ana.key].psk


def test_both_dial_at_once_and_have_one_session():
    ana, ben, net = two()
    ana.endpoint.dial(Flow(0, ben.at), net.now, peer=ana.knows(ben))
    ben.endpoint.dial(Flow(0, ana.at), net.now, peer=ben.knows(ana))
    net.run(10.0)
    assert len(ana.endpoint.sessions) == len(ben.endpoint.sessions) == 1
    assert len(ana.of(Established)) == len(ben.of(Established)) == 1
    assert ana.session().initiator != ben.session().initiator
    assert not ana.of(DialFailed)
    assert not ben.of(DialFailed)


def test_a_replayed_first_message_makes_no_session():
    ana, ben, net = two()
    ben.knows(ana)
    ana.endpoint.dial(Flow(0, ben.at), net.now, peer=ana.knows(ben))
    first = ana.endpoint.poll_transmit(net.now).data
    for _ in range(100):
        ben.endpoint.receive(first, Flow(0, ana.at), net.now)
        while (answer := ben.endpoint.poll_transmit(net.now)) is not None:
            assert len(answer.data) <= len(first)
    [number] = ana.endpoint._dials
    ana.endpoint.cancel(number)
    net.run(20.0)
    assert not ben.endpoint.sessions
    assert len(ben.endpoint.responder) == 0
    assert not ben.events


def test_a_refused_rate_costs_nothing():
    ben = Host("ben", Address("192.0.2.2", 2), entrance=Entrance(RateLimits(peer_bits_per_s=8.0), 0.0))
    ben.endpoint.receive(bytes(100), Flow(0, Address("192.0.2.1", 1)), 0.0)
    ben.endpoint.receive(bytes(400), Flow(0, Address("192.0.2.1", 1)), 0.0, segment_bytes=100)
    assert ben.endpoint.drops == {Drop.OVER_RATE: 5}


def test_links_that_are_too_small_or_unknown():
    ana, _, net = two()
    with pytest.raises(SessionError):
        ana.endpoint.add_link(9, LinkTraits(TransportKind.BLE, 100, 100))
    ana.endpoint.receive(b"x", Flow(5), net.now)
    assert ana.endpoint.drops == {Drop.UNKNOWN: 1}
    with pytest.raises(ValueError, match="link"):
        ana.endpoint.dial(Flow(5), net.now, psk=PSK)


def test_a_link_that_goes_takes_its_paths_along():
    ana, ben, net = two()
    ben.knows(ana)
    ana.endpoint.dial(Flow(0, ben.at), net.now, peer=ana.knows(ben))
    net.run(2.0)
    ana.endpoint.remove_link(0, net.now)
    assert not ana.session().paths.table


def test_an_exclusive_link_needs_no_id_on_the_wire():
    traits = LinkTraits(TransportKind.BLE, 244, 244, exclusive=True)
    ana, ben = Host("ana", None, traits), Host("ben", None, traits)
    net = Net(ana)
    net.hosts = {"a": ana, "b": ben}
    ben.knows(ana)
    number = ana.endpoint.dial(Flow(0), net.now, peer=ana.knows(ben))
    sizes = []
    for step in range(60):
        for host, far in ((ana, ben), (ben, ana)):
            while (transmit := host.endpoint.poll_transmit(net.now)) is not None:
                sizes.append(len(transmit.data))
                far.endpoint.receive(transmit.data, Flow(0), net.now)
            while (event := host.endpoint.poll_event(net.now)) is not None:
                host.events.append(event)
        net.now += 0.01
        if step == 30:
            sizes.clear()
            ana.endpoint.sessions[number].send_message(b"x" * 50)
            ana.endpoint.wake(number, net.now)
    assert ben.of(MessageReceived)[0].data == b"x" * 50
    assert sizes[0] == 72


def test_many_sessions_share_one_endpoint_fairly():
    ben = Host("ben", Address("192.0.2.2", 2))
    others = [Host(f"peer {number}", Address("198.51.100.1", number + 1)) for number in range(20)]
    net = Net(ben, *others)
    for other in others:
        ben.knows(other)
        other.endpoint.dial(Flow(0, ben.at), net.now, peer=other.knows(ben))
    net.run(2.0)
    assert len(ben.endpoint.sessions) == 20
    for number, session in ben.endpoint.sessions.items():
        session.send_message(bytes(100_000))
        ben.endpoint.wake(number, net.now)
    first = [ben.endpoint.poll_transmit(net.now).flow for _ in range(20)]
    assert len(set(first)) == 20
    net.run(20.0)
    assert all(len(other.of(MessageReceived)) == 1 for other in others)


def test_quiet_sessions_are_parked_and_wake_up():
    ana, ben, net = two()
    ben.knows(ana)
    number = ana.endpoint.dial(Flow(0, ben.at), net.now, peer=ana.knows(ben))
    net.run(10.0)
    turns = ben.session()._turns
    assert turns.send._aead is None
    assert turns.receive._aead is None
    ana.endpoint.sessions[number].send_message(b"wake up")
    ana.endpoint.wake(number, net.now)
    net.run(1.0)
    assert ben.of(MessageReceived)[0].data == b"wake up"
