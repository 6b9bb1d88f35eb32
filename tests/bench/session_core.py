"""What the session core costs, printed: handshakes, memory, sealing, a kilobyte over Bluetooth.

    python -m tests.bench.session_core [--sessions 10000]

Nothing is asserted: times depend on the machine. Medians of five.
"""

import argparse
import gc
import itertools
import os
import random
import statistics
import time
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.core import seal
from netstack.core.handshake import Initiation
from netstack.core.handshake_responder import Responder
from netstack.core.identity import Identity, KnownPeer
from netstack.core.reassembly import Budget
from netstack.core.session import Session
from netstack.model.address import Address
from netstack.model.session import UDP_TRAITS, Flow, LinkTraits, Priority, TransportKind
from netstack.wire import handshake as wire
from tests.core.session_bed import Bed

PSK = bytes(range(32))
FLOW = Flow(0, Address("127.0.0.1", 1))


def median(action, repeats=5):
    return statistics.median(action() for _ in range(repeats))


def show(name, value, unit, count):
    print(f"{name:<52} {value:>12.4g} {unit:<8} n={count}", flush=True)


def pairs(count):
    """Secrets of `count` handshakes, and the seconds that both sides took for one."""
    ana, ben = Identity(os.urandom(32)), Identity(os.urandom(32))
    ids = itertools.count(1)
    known = KnownPeer(ana.public, PSK)
    made, first_s, second_s = [], 0.0, 0.0
    for number in range(count):
        host = Responder(ben, os.urandom, {ana.public: known}.get, lambda: next(ids))
        start = time.perf_counter()
        dial = Initiation(ana, os.urandom, number, 0.0, psk=PSK, peer_key=ben.public)
        raw = dial.poll_transmit(0.0)
        middle = time.perf_counter()
        message = wire.decode(raw)
        answer = host.receive(message, raw, FLOW, 0.0)
        secrets = host.waiting(wire.decode(answer).sender_id).secrets
        end = time.perf_counter()
        dial.receive(wire.decode(answer), 0.0)
        first_s += middle - start + time.perf_counter() - end
        second_s += end - middle
        made.append((dial.secrets, secrets))
    return made, first_s / count, second_s / count


def handshakes():
    count = 300
    runs = [pairs(count)[1:] for _ in range(5)]
    initiator_s = statistics.median(run[0] for run in runs)
    responder_s = statistics.median(run[1] for run in runs)
    show("handshakes, responder", 1 / responder_s, "1/s", 5 * count)
    show("handshakes, initiator", 1 / initiator_s, "1/s", 5 * count)


def rss_bytes():
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def memory(count):
    """Live sessions: each has sent and received a message and been acknowledged, then been parked."""
    ids = itertools.count(1)
    budget = Budget()
    ready = [pairs(1)[0][0] for _ in range(count)]
    gc.collect()
    before = rss_bytes()
    kept = []
    while ready:
        ours, theirs = ready.pop()
        both = [
            Session(
                secret, FLOW, UDP_TRAITS, 0.0, entropy=os.urandom, new_id=lambda: next(ids), budget=budget
            )
            for secret in (ours, theirs)
        ]
        for session in both:
            session.confirm()
            session.send_message(b"hello" * 10, Priority.REALTIME)
        now = 0.0
        for _ in range(6):
            now += 0.01
            for session, far in (both, both[::-1]):
                while (transmit := session.poll_transmit(now)) is not None:
                    far.receive(transmit.data, 0, FLOW, UDP_TRAITS, now, segment_bytes=transmit.segment_bytes)
                while session.poll_event(now) is not None:
                    pass
        kept.append((both, now))
    gc.collect()
    show("a session that has just spoken", (rss_bytes() - before) / (2 * count), "B", 2 * count)
    for both, now in kept:
        for session in both:
            session.park(now)
    gc.collect()
    show(
        "a session that is parked (memory kept by the allocator)",
        (rss_bytes() - before) / (2 * count),
        "B",
        2 * count,
    )


def sealing():
    aead = ChaCha20Poly1305(os.urandom(32))
    for size in (64, 1444, 8944):
        plaintexts = [os.urandom(size) for _ in range(44 if size < 1500 else 7)]
        count, rounds = len(plaintexts), 200

        def sealed(plaintexts=plaintexts, count=count, rounds=rounds):
            start = time.perf_counter()
            for number in range(rounds):
                seal.seal_burst(aead, 0, 0, 5, number * count, plaintexts)
            return (time.perf_counter() - start) / rounds / count * 1e6

        burst = memoryview(seal.seal_burst(aead, 0, 0, 5, 0, plaintexts))

        opener = seal.RunOpener()

        def opened(burst=burst, count=count, rounds=rounds, size=size, opener=opener):
            start = time.perf_counter()
            for _ in range(rounds):
                seal.is_run(burst, size + 24)
                opener.open(aead, 0, 0, 5, 0, burst, size + 24)
            return (time.perf_counter() - start) / rounds / count * 1e6

        show(f"seal a burst of {count}, {size} B each", median(sealed), "us/pkt", 5 * rounds * count)
        show("open it", median(opened), "us/pkt", 5 * rounds * count)


def machine():
    """Reliable goodput of two machines in one process, no sockets: what the core alone costs."""
    size, count = 1 << 20, 32

    def run():
        bed = Bed(delay_s=0.0005, traits=LinkTraits(TransportKind.UDP, 1472, 1472), bursts=True)
        bed.run(1.0)
        start = time.perf_counter()
        sent = 0
        while len(bed.ben.messages) < count:
            while sent < count and bed.ana.session.queued_bytes < 4 << 20:
                bed.ana.session.send_message(bytes(size), Priority.BULK)
                sent += 1
            bed.run(0.01)
            if bed.now > 500:
                break
        return size * count * 8 / (time.perf_counter() - start) / 1e6

    show("both machines in one process, sealed, no sockets", median(run), "Mbit/s", 5 * count)


def bluetooth():
    bed = Bed(traits=LinkTraits(TransportKind.BLE, 244, 244, exclusive=True))
    bed.run(1.0)
    before = bed.ana.session.stats.link_bytes
    bed.ana.session.send_message(bytes(1024))
    bed.run(1.0)
    show(
        "1,024 B over ATT MTU 247: payload / bytes",
        1024 / (bed.ana.session.stats.link_bytes - before) * 100,
        "%",
        1,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=5000)
    chosen = parser.parse_args()
    random.seed(1)
    bluetooth()
    handshakes()
    sealing()
    machine()
    memory(chosen.sessions // 2)
