"""Two sessions, a manual clock, and a link between them that loses, doubles, delays and reorders."""

import hashlib
import heapq
import itertools
import random

from netstack.core.handshake import Initiation
from netstack.core.handshake_responder import Responder
from netstack.core.identity import Identity, KnownPeer
from netstack.core.reassembly import Budget
from netstack.core.session import Session
from netstack.model.address import Address
from netstack.model.session import UDP_TRAITS, Flow, MessageReceived
from netstack.wire import handshake as wire

PSK = bytes(range(32))


def entropy_from(seed):
    counter = itertools.count()

    def entropy(count):
        blocks = (hashlib.sha256(f"{seed}/{next(counter)}".encode()).digest() for _ in range(count // 32 + 1))
        return b"".join(blocks)[:count]

    return entropy


def identity(name):
    return Identity(hashlib.sha256(name.encode()).digest())


ANA, BEN = identity("ana"), identity("ben")
ANA_AT, BEN_AT = Address("192.0.2.1", 4001), Address("198.51.100.2", 4002)


def secrets():
    """What a handshake between known peers leaves on both sides."""
    ids = itertools.count(2000)
    host = Responder(
        BEN, entropy_from("host"), {ANA.public: KnownPeer(ANA.public, PSK)}.get, lambda: next(ids)
    )
    dial = Initiation(ANA, entropy_from("dial"), 77, 0.0, psk=PSK, peer_key=BEN.public)
    raw = dial.poll_transmit(0.0)
    dial.receive(wire.decode(host.receive(wire.decode(raw), raw, Flow(0, ANA_AT), 0.0)), 0.0)
    return dial.secrets, host.waiting(2000).secrets


class Side:
    """One end. `at` is where its packets come from; links may be added by number."""

    def __init__(self, name, secret, at, far, now, traits):
        ids = itertools.count({"ana": 10_000, "ben": 20_000}[name])
        self.name = name
        self.at = {0: at}
        self.traits = {0: traits}
        self.session = Session(
            secret,
            Flow(0, far),
            traits,
            now,
            entropy=entropy_from(name),
            new_id=lambda: next(ids),
            budget=Budget(),
        )
        self.events = []

    @property
    def messages(self):
        return [event.data for event in self.events if isinstance(event, MessageReceived)]

    def path_of(self, raw, link):
        if raw[0] < 0x80:
            return next(path.id for path in self.session.paths.table.values() if path.flow.link == link)
        number = int.from_bytes(raw[1:4], "big")
        for path in self.session.paths.table.values():
            if path.receive_id == number:
                return path.id
        return None


class Bed:
    """`loss`, `doubles`, `jitter_s` apply to every packet; `cut` is a set of links that carry nothing.

    `bursts` delivers whole bursts as one read. `swallows(side, link, packet)` loses what a side sends.
    """

    def __init__(
        self, *, loss=0.0, doubles=0.0, delay_s=0.01, jitter_s=0.0, seed=1, traits=UDP_TRAITS, bursts=False
    ):
        self.now = 100.0
        self.loss, self.doubles, self.delay_s, self.jitter_s = loss, doubles, delay_s, jitter_s
        self.bursts = bursts
        self.rng = random.Random(seed)
        self.order = itertools.count()
        self.air = []
        self.cut = set()
        self.swallows = lambda *_: False
        self.delays_s = {}  # of links that differ
        self.mtu_bytes = 65535  # larger packets vanish
        self.taps = []
        ours, theirs = secrets()
        self.ana = Side("ana", ours, ANA_AT, BEN_AT, self.now, traits)
        self.ben = Side("ben", theirs, BEN_AT, ANA_AT, self.now, traits)
        self.ana.session.confirm()

    def sides(self):
        return self.ana, self.ben

    def other(self, side):
        return self.ben if side is self.ana else self.ana

    def flush(self):
        for side in self.sides():
            while (transmit := side.session.poll_transmit(self.now)) is not None:
                self.carry(side, transmit)
            while (event := side.session.poll_event(self.now)) is not None:
                side.events.append(event)

    def carry(self, side, transmit):
        link, size = transmit.flow.link, transmit.segment_bytes
        packets = [transmit.data[at : at + size] for at in range(0, len(transmit.data), size)]
        assert len(packets) == transmit.packets
        mtu = max(side.traits[link].mtu_bytes, side.traits[link].max_mtu_bytes)
        assert all(len(packet) <= mtu for packet in packets)
        for who, kept in self.taps:
            if who is side:
                kept.extend(packets)
        if transmit.flow.remote != self.other(side).at.get(link):
            return
        if self.bursts and not self.loss:
            packets = [transmit.data]
        for packet in packets:
            if link in self.cut or self.rng.random() < self.loss or size > self.mtu_bytes:
                continue
            if self.swallows(side, link, packet):
                continue
            for _ in range(2 if self.rng.random() < self.doubles else 1):
                due = self.now + self.delays_s.get(link, self.delay_s) + self.rng.random() * self.jitter_s
                heapq.heappush(self.air, (due, next(self.order), side, link, packet, size))

    def deliver(self, side, link, packet, size=0):
        far = self.other(side)
        path_id = far.path_of(packet, link)
        if path_id is not None:
            far.session.receive(
                packet, path_id, Flow(link, side.at[link]), far.traits[link], self.now, segment_bytes=size
            )

    def run(self, seconds=10.0, until=None, steps=200_000):
        """Until the time is over, or `until()` holds. Returns the seconds it took."""
        start = self.now
        for _ in range(steps):
            self.flush()
            if until is not None and until():
                break
            due = [each for side in self.sides() if (each := side.session.deadline(self.now)) is not None]
            due += [self.air[0][0]] if self.air else []
            if not due or min(due) > start + seconds:
                self.now = start + seconds
                break
            self.now = max(self.now, min(due))
            while self.air and self.air[0][0] <= self.now:
                _, _, side, link, packet, size = heapq.heappop(self.air)
                self.deliver(side, link, packet, size)
        else:
            raise AssertionError("it does not come to rest")
        return self.now - start


def record(bed, side, kept):
    """Appends every packet that `side` sends from now on to the list `kept`."""
    bed.taps.append((side, kept))
