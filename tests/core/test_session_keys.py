"""Keys turn while messages flow, and what was recorded stays closed."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.core import seal, session_turns
from netstack.core.keys import FRESH_AFTER_S, OVERLAP_S
from netstack.core.noise import hkdf
from netstack.model.session import KeysTurned, Mode, Priority
from netstack.wire import packet
from tests.core.session_bed import Bed, record


def talk(bed, seconds, every_s=1.0):
    end = bed.now + seconds
    number = 0
    while bed.now < end:
        for side in bed.sides():
            side.session.send_message(number.to_bytes(4, "big") * 20, Priority.REALTIME, Mode.ORDERED)
        bed.run(every_s)
        number += 1
    return number


@pytest.mark.parametrize(("loss", "jitter_s"), [(0.0, 0.0), (0.15, 0.0), (0.1, 0.2)])
def test_fresh_keys_every_two_minutes_and_nothing_is_lost(loss, jitter_s):
    bed = Bed(loss=loss, jitter_s=jitter_s)
    sent = talk(bed, 5 * FRESH_AFTER_S)
    bed.run(5.0)
    for side in bed.sides():
        rounds = [event.round for event in side.events if isinstance(event, KeysTurned)]
        assert rounds == list(range(1, len(rounds) + 1))
        assert len(rounds) >= 4
        assert len(side.messages) == sent
        assert side.session.key_turn == len(rounds)
        if not loss and not jitter_s:
            assert not side.session.drops


def test_a_silent_session_stays_silent_after_one_last_round():
    bed = Bed()
    talk(bed, 2.0)
    bed.run(20 * FRESH_AFTER_S)
    for side in bed.sides():
        assert [event.round for event in side.events if isinstance(event, KeysTurned)] == [1]


def test_keys_turn_with_the_amount_sent(monkeypatch):
    monkeypatch.setattr(session_turns, "TURN_AFTER_BYTES", 50_000)
    bed = Bed(loss=0.02, jitter_s=0.005)
    bed.ana.session.send_message(bytes(2_000_000), Priority.BULK)
    bed.run(60.0, until=lambda: bed.ben.messages)
    assert bed.ben.messages == [bytes(2_000_000)]
    assert bed.ana.session.key_turn > 8


def everything(*holders):
    """All 32-byte strings that can be reached from here: what a thief of memory finds."""
    seen, found, todo = set(), set(), list(holders)
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, bytes):
            if len(thing) == 32:
                found.add(thing)
        elif isinstance(thing, dict):
            todo += [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set)):
            todo += list(thing)
        else:
            for kind in type(thing).__mro__:
                names = getattr(kind, "__slots__", ())
                todo += [getattr(thing, name) for name in names if hasattr(thing, name)]
    return found


def opens_any(taken, recorded, path):
    """Whether a thief opens anything that was recorded: each key as it is, and as the chain of later ones."""
    for key in taken:
        for raw in recorded:
            phase, receiver_id, low, *_ = packet.decode_full(raw)
            if seal.open_one(ChaCha20Poly1305(key), path.id, phase, receiver_id, low, raw[8:]) is not None:
                return True
        chain = key
        for _ in range(6):
            chain, later = hkdf(chain, b"")
            for raw in recorded:
                phase, receiver_id, low, *_ = packet.decode_full(raw)
                aead = ChaCha20Poly1305(later)
                if seal.open_one(aead, path.id, phase, receiver_id, low, raw[8:]) is not None:
                    return True
    return False


def test_a_recorded_session_does_not_open_with_all_that_is_taken_later():
    bed = Bed()
    recorded = []
    record(bed, bed.ana, recorded)
    bed.ana.session.send_message(b"secret" * 10)
    bed.run(1.0)
    bed.taps.clear()
    path = bed.ben.session.paths.table[0]
    at_once = everything(bed.ana.session, bed.ben.session)
    assert opens_any(at_once, recorded, path), "the thief's tools do not work"
    assert bed.ben.messages == [b"secret" * 10]
    bed.run(FRESH_AFTER_S + OVERLAP_S + 1.0)
    later = everything(bed.ana.session, bed.ben.session)
    assert later
    assert not opens_any(later, recorded, path)


def test_what_is_taken_does_not_open_what_comes_after_the_next_fresh_turn():
    bed = Bed()
    talk(bed, 1.0)
    taken = everything(bed.ana.session, bed.ben.session)
    bed.run(FRESH_AFTER_S + OVERLAP_S + 1.0)
    recorded = []
    record(bed, bed.ana, recorded)
    talk(bed, 2.0)
    assert recorded
    assert not opens_any(taken, recorded, bed.ben.session.paths.table[0])
