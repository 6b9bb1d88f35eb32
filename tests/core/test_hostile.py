"""Random, cut, changed, repeated and foreign packets: counted and dropped, no answer, no growth."""

import random
import tracemalloc

import pytest

from netstack.core.handshake import Initiation
from netstack.errors import DecodeError
from netstack.model.address import Address
from netstack.model.session import UDP_TRAITS, Drop, Flow, Mode, Priority
from netstack.service.process_usage import process_usage
from netstack.wire import frame, handshake, packet
from tests.core.session_bed import BEN_AT, Bed, entropy_from, record
from tests.core.test_endpoint import two

COUNT, MANY, TRACED = 100_000, 10_000_000, 20_000
STRANGER = Flow(0, Address("203.0.113.66", 666))


def counts():
    return pytest.mark.parametrize(
        "count",
        [COUNT, pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
    )


def hostile(rng, samples):
    """Random bytes, or a sample with bits turned, cut, lengthened, or with another's head."""
    kind = rng.randrange(6)
    if kind == 0 or not samples:
        return rng.randbytes(rng.randrange(1, 200))
    raw = bytearray(rng.choice(samples))
    if kind == 1:
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        del raw[rng.randrange(len(raw)) :]
    elif kind == 3:
        raw += rng.randbytes(rng.randrange(1, 40))
    elif kind == 4:
        raw[: rng.randrange(1, 12)] = rng.choice(samples)[: rng.randrange(1, 12)]
    else:
        for _ in range(4):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


def memory_bytes():
    return process_usage().rss_bytes or 0


def grown(feed, count):
    """Bytes that a stretch of `TRACED` leaves allocated at the end of `count`; the process has not grown meanwhile.

    Tracing makes everything ten times slower, so only the last two stretches are traced.
    """
    feed(count // 5)
    resident = memory_bytes()
    feed(count - count // 5 - 2 * TRACED)
    process = memory_bytes() - resident
    assert process < 32 << 20, f"the process has grown by {process:,} B"
    tracemalloc.start()
    feed(TRACED)
    before = tracemalloc.get_traced_memory()[0]
    feed(TRACED)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(
        f"{count:,} packets: the process has grown by {process:,} B, the last {TRACED:,} by {after - before:,} B"
    )
    return after - before


@counts()
@pytest.mark.parametrize("decode", [frame.decode, handshake.decode, packet.decode_full, packet.decode_short])
def test_parsers_give_a_value_or_a_decode_error(decode, count):
    rng = random.Random(5)
    samples = [
        frame.encode(frame.Ack(0, 5, ((9, 12), (1, 3)))),
        frame.encode(frame.ProbeReply(1, 2, 3, 4, 5, 6)) + frame.encode(frame.Credit(1, 70_000)),
        frame.encode(frame.KeyShare(1, bytes(32))) + b"\x47\x00\x00\x05" + bytes(40),
        frame.encode_part(3, True, True, 9, b"abc") + frame.encode_wide(8, True, False, 1 << 40) + bytes(8),
        handshake.encode(handshake.Xx1(1, bytes(80))),
        handshake.encode(handshake.Ik1(1, bytes(118))),
        handshake.encode(handshake.Ik2(1, 2, bytes(70))),
        packet.encode_full(1, 77, 5) + bytes(60),
        packet.encode_short(1, 5) + bytes(60),
    ]
    refused = 0
    for _ in range(count):
        try:
            decode(hostile(rng, samples))
        except DecodeError:
            refused += 1
    assert 0 < refused < count


@counts()
def test_a_live_session_shrugs(count):
    bed = Bed()
    caught = []
    record(bed, bed.ana, caught)
    for _ in range(30):
        bed.ana.session.send_message(b"x" * 700, Priority.REALTIME, Mode.ORDERED)
        bed.run(0.1)
    session = bed.ben.session
    events, rng = len(bed.ben.events), random.Random(6)

    def feed(packets):
        for _ in range(packets):
            raw = hostile(rng, caught)
            assert not session.receive(raw, 0, STRANGER, UDP_TRAITS, bed.now)
            assert session.poll_transmit(bed.now) is None

    assert grown(feed, count) < 20_000
    assert len(bed.ben.events) == events
    assert session.poll_event(bed.now) is None
    assert session.paths.table[0].flow.remote != STRANGER.remote
    assert sum(session.drops.values()) >= count
    assert {Drop.TRUNCATED, Drop.REPLAYED, Drop.FORGED} <= session.drops.keys()
    bed.ana.session.send_message(b"and still")
    bed.run(1.0)
    assert bed.ben.messages[-1] == b"and still"


@counts()
def test_an_endpoint_shrugs(count):
    ana, ben, net = two()
    ben.knows(ana)
    ben.endpoint.responder.invite(bytes(range(32)))
    ana.endpoint.dial(Flow(0, ben.at), net.now, peer=ana.knows(ben))
    samples = [ana.endpoint.poll_transmit(net.now).data]
    net.run(0.5)
    net.run(2.0)
    meeting = Initiation(ana.endpoint.identity, entropy_from("m"), 5, 0.0, psk=bytes(range(32)))
    samples += [meeting.poll_transmit(0.0), packet.encode_full(0, 99, 1) + bytes(50)]
    rng = random.Random(7)
    asked = answered = 0

    def feed(packets):
        nonlocal asked, answered
        for _ in range(packets):
            net.now += 0.001
            raw = hostile(rng, samples)
            asked += len(raw)
            ben.endpoint.receive(raw, STRANGER, net.now)
            while (answer := ben.endpoint.poll_transmit(net.now)) is not None:
                if answer.flow == STRANGER:
                    assert len(answer.data) <= len(raw)
                    answered += len(answer.data)

    assert grown(feed, count) < 400_000
    assert answered <= asked
    assert len(ben.endpoint.responder) <= 256
    assert all(flow.remote != STRANGER.remote for flow in flows(ben))


def flows(host):
    return [path.flow for session in host.endpoint.sessions.values() for path in session.paths.table.values()]


def test_a_packet_of_another_session_does_not_open():
    bed, other = Bed(), Bed(seed=2)
    caught = []
    record(other, other.ana, caught)
    other.ana.session._turns.send.advance(b"another session")
    other.ana.session._turns.send.turn = 0
    other.ana.session.send_message(b"for another")
    other.flush()
    assert not bed.ben.session.receive(caught[-1], 0, STRANGER, UDP_TRAITS, bed.now)
    assert bed.ben.session.drops == {Drop.FORGED: 1}
    assert bed.ben.session.poll_transmit(bed.now) is None


def test_replays_are_dropped_whoever_sends_them():
    bed = Bed()
    caught = []
    record(bed, bed.ana, caught)
    bed.ana.session.send_message(bytes(20_000))
    bed.run(2.0)
    before = bed.ben.session.paths.table[0].received_packets
    for raw in caught:
        assert not bed.ben.session.receive(raw, 0, STRANGER, UDP_TRAITS, bed.now)
    assert bed.ben.session.drops == {Drop.REPLAYED: len(caught)}
    assert bed.ben.session.paths.table[0].received_packets == before
    assert bed.ben.session.poll_transmit(bed.now) is None


def test_a_packet_mirrored_to_its_sender_does_not_open():
    bed = Bed()
    caught = []
    record(bed, bed.ana, caught)
    bed.ana.session.send_message(b"echo?")
    bed.run(1.0)
    path = bed.ana.session.paths.table[0]
    for raw in caught:
        mirrored = raw[:1] + path.receive_id.to_bytes(3, "big") + raw[4:]
        assert not bed.ana.session.receive(mirrored, 0, Flow(0, BEN_AT), UDP_TRAITS, bed.now)
    assert set(bed.ana.session.drops) <= {Drop.FORGED, Drop.REPLAYED}


def test_a_peer_that_makes_no_sense_is_counted_and_the_session_lives():
    """What is properly sealed but malformed can only come from the peer itself."""
    bed = Bed()
    bed.run(1.0)
    session, path = bed.ana.session, bed.ana.session.paths.table[0]
    rng = random.Random(9)
    for _ in range(3000):
        plaintext = rng.randbytes(rng.randrange(1, 60))
        transmit = session._sender._seal(path, [plaintext], None, False, False, bed.now)
        bed.ben.session.receive(transmit.data, 0, Flow(0, bed.ana.at[0]), UDP_TRAITS, bed.now)
        while bed.ben.session.poll_transmit(bed.now) is not None:
            pass
        if bed.ben.session.closed:
            break
    else:
        assert bed.ben.session.drops[Drop.MALFORMED] > 1000
    assert bed.ben.session._inbox.reassembly.used_bytes < 1 << 20


def test_who_exceeds_its_credit_is_not_served():
    bed = Bed()
    bed.run(1.0)
    bed.ana.session._sender.outbox.credit(2, 1 << 40)
    bed.ana.session._sender.outbox._lane(2).next = 200_000
    bed.ana.session.send_message(b"too far", Priority.BULK)
    bed.run(1.0)
    assert bed.ben.messages == []
    assert bed.ben.session.drops[Drop.OVER_CREDIT] > 0


def test_acknowledging_what_was_never_sent_is_counted():
    bed = Bed()
    bed.run(1.0)
    for ack in (
        frame.Ack(0, 0, ((5000, 6000),)),
        frame.Ack(7, 0, ((0, 1),)),
        frame.Ack(0, 0, ((1 << 60, 1 << 61),)),
    ):
        bed.ana.session._control(bed.ana.session.paths.table[0], ack, 0, bed.now)
    assert bed.ana.session.drops == {Drop.BAD_ACK: 3}
