"""Turns, fresh rounds, and what is no longer there."""

import pytest
from cryptography.exceptions import InvalidTag

from netstack.core.keys import OVERLAP_S, ReceiveKeys, Rekey, SendKeys
from netstack.model.session import SessionError

CHAIN = bytes(range(32))
NONCE = bytes(12)


def opens(receive, phase, sealed):
    found = receive.for_phase(phase)
    if found is None:
        return None
    try:
        found[1].decrypt(NONCE, sealed, None)
    except InvalidTag:
        return None
    return found[0]


def sealed_by(send):
    return send.turn & 3, send.aead.encrypt(NONCE, b"x", None)


def test_the_receiver_follows_turn_by_turn_and_forgets():
    send, receive = SendKeys(CHAIN), ReceiveKeys(CHAIN)
    for turn in range(6):
        phase, raw = sealed_by(send)
        assert opens(receive, phase, raw) == turn
        receive.opened(turn, 10.0 * turn)
        assert receive.turn == turn
        late = sealed_by(send)
        send.advance()
        assert opens(receive, *late) == turn
        phase, raw = sealed_by(send)
        assert opens(receive, phase, raw) == turn + 1
        receive.opened(turn + 1, 10.0 * turn)
        assert opens(receive, *late) == turn
        receive.forget(10.0 * turn + OVERLAP_S - 0.1)
        assert opens(receive, *late) == turn
        receive.forget(10.0 * turn + OVERLAP_S)
        assert opens(receive, *late) is None
        assert receive.forget_s is None


def test_a_phase_that_does_not_open_turns_nothing():
    receive = ReceiveKeys(CHAIN)
    assert opens(receive, 1, bytes(17)) is None
    assert opens(receive, 2, bytes(17)) is None
    assert receive.turn == 0


def test_parking_loses_nothing():
    send, receive = SendKeys(CHAIN), ReceiveKeys(CHAIN)
    before = sealed_by(send)
    send.park()
    receive.park()
    assert sealed_by(send) == before
    assert opens(receive, *before) == 0


def everything(*holders):
    """All bytes that these objects still hold."""
    for holder in holders:
        for name in holder.__slots__:
            value = getattr(holder, name)
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, bytes) and len(each) == 32:
                    yield each


def test_what_was_recorded_does_not_open_with_what_is_taken_later():
    """Forward secrecy, forward: nothing held after a turn is, or derives, the key before it."""
    send, receive = SendKeys(CHAIN), ReceiveKeys(CHAIN)
    recorded = sealed_by(send)
    send.advance()
    opens(receive, *sealed_by(send))
    receive.opened(1, 0.0)
    receive.forget(OVERLAP_S)
    for taken in everything(send, receive):
        thief = ReceiveKeys(taken)
        for _ in range(4):
            for phase in range(4):
                assert opens(thief, phase, recorded[1]) is None
            thief.for_phase(thief.turn + 1 & 3)
            thief.opened(thief.turn + 1, 0.0)


def test_a_fresh_turn_locks_out_who_had_the_chain():
    send, receive = SendKeys(CHAIN), ReceiveKeys(CHAIN)
    thief = ReceiveKeys(CHAIN)
    receive.fresh(1, b"\7" * 32)
    send.advance(b"\7" * 32)
    assert opens(receive, *sealed_by(send)) == 1
    assert opens(thief, *sealed_by(send)) is None


@pytest.mark.parametrize("both_begin", [False, True])
def test_a_round(both_begin):
    ana, ben = Rekey(), Rekey()
    for number in (1, 2):
        share = ana.begin(bytes((number,)) * 32)
        if both_begin:
            ben.begin(bytes((number + 9,)) * 32)
        assert ben.receive(number, share, 4, bytes((number + 9,)) * 32)
        assert not ben.receive(number, share, 4, bytes(32))
        assert ana.receive(number, ben.share, 6, b"")
        assert ana.take() is None
        ana.acknowledged()
        ben.acknowledged()
        secret = ana.take()
        assert secret == ben.take()
        assert ana.take() is None
        assert not ana.finish(6)
        assert ana.finish(7)
        assert ben.finish(5)
        assert ana.round == ben.round == number
        assert not ana.running
        assert list(everything(ana, ben)) == []


def test_shares_that_make_no_sense():
    ana = Rekey()
    assert not ana.receive(0, bytes(32), 0, bytes(32))
    assert not ana.receive(2, bytes(32), 0, bytes(32))
    with pytest.raises(SessionError):
        ana.receive(1, bytes(32), 0, b"\1" * 32)
