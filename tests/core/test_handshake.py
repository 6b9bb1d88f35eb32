"""Both sides of the handshake, and everybody who should fail it."""

import hashlib
import itertools

import pytest

from netstack.core.handshake import GIVE_UP_S, REPEATS_S, Initiation
from netstack.core.handshake_cookie import CookieJar
from netstack.core.handshake_responder import (
    COOKIES_ABOVE,
    MAX_FAILURES,
    MAX_HALF_OPEN,
    MAX_INVITATIONS,
    Dropped,
    Responder,
)
from netstack.core.identity import Identity, KnownPeer, fingerprint, psk_id
from netstack.model.address import Address
from netstack.model.session import Flow, SessionError
from netstack.wire import handshake as wire

PSK = bytes(range(32))
OTHER_PSK = bytes(32)
FLOW = Flow(0, Address("192.0.2.1", 4000))
ELSEWHERE = Flow(0, Address("192.0.2.9", 4000))


def entropy_from(seed):
    counter = itertools.count()

    def entropy(count):
        blocks = (hashlib.sha256(f"{seed}/{next(counter)}".encode()).digest() for _ in range(count // 32 + 1))
        return b"".join(blocks)[:count]

    return entropy


def identity(name):
    return Identity(hashlib.sha256(name.encode()).digest())


ANA, BEN = identity("ana"), identity("ben")


def responder(*, knows=(), invites=(), owner=BEN):
    ids = itertools.count(1000)
    peers = {peer.key: peer for peer in knows}
    made = Responder(owner, entropy_from("responder"), peers.get, lambda: next(ids))
    for psk in invites:
        made.invite(psk)
    return made


def initiation(*, psk=PSK, peer=None, now=0.0, seed="initiator", receiver_id=7, owner=ANA):
    return Initiation(owner, entropy_from(seed), receiver_id, now, psk=psk, peer_key=peer)


def give(side, raw, now=0.0, flow=FLOW, **kwargs):
    """Hands bytes to a responder, checks that the answer is no longer than the question."""
    answer = side.receive(wire.decode(raw), raw, flow, now, **kwargs)
    assert answer is None or len(answer) <= len(raw)
    return answer


def agree(ours, theirs):
    assert ours.send_chain == theirs.receive_chain
    assert ours.receive_chain == theirs.send_chain
    assert ours.send_chain != ours.receive_chain
    assert (ours.send_id, ours.receive_id) == (theirs.receive_id, theirs.send_id)
    assert ours.next_psk == theirs.next_psk
    assert ours.safety_digits == theirs.safety_digits
    assert len(ours.safety_digits) == 6
    assert ours.safety_digits.isdecimal()


def test_known_peers_need_one_round_trip():
    host = responder(knows=[KnownPeer(ANA.public, PSK)])
    dial = initiation(peer=BEN.public)
    answer = give(host, dial.poll_transmit(0.0))
    dial.receive(wire.decode(answer), 0.1)
    half_open = host.waiting(1000)
    agree(dial.secrets, half_open.secrets)
    assert half_open.secrets.peer_key == ANA.public
    assert dial.secrets.peer_key == BEN.public
    assert dial.finished
    assert dial.deadline() is None
    host.forget(half_open)
    assert host.waiting(1000) is None
    assert len(host) == 0


def test_a_first_meeting():
    host = responder(invites=[OTHER_PSK, PSK])
    dial = initiation()
    dial.receive(wire.decode(give(host, dial.poll_transmit(0.0))), 0.0)
    assert give(host, dial.poll_transmit(0.0)) is None
    [(secrets, flow, psk)] = host.met
    agree(dial.secrets, secrets)
    assert (flow, psk) == (FLOW, PSK)
    assert secrets.peer_key == ANA.public
    assert host.invitations == (OTHER_PSK,)
    assert not dial.finished
    dial.confirmed()
    assert dial.poll_transmit(100.0) is None


def test_messages_are_repeated_with_the_same_bytes_and_then_given_up():
    host = responder(knows=[KnownPeer(ANA.public, PSK)])
    dial = initiation(peer=BEN.public)
    sent, times = [], []
    while not dial.finished:
        now = dial.deadline()
        dial.expire(now)
        if (raw := dial.poll_transmit(now)) is not None:
            sent.append(raw)
            times.append(now)
    assert len(set(sent)) == 1
    assert times[: len(REPEATS_S)] == pytest.approx([0.0, 0.3, 0.9, 2.1])
    assert now == GIVE_UP_S
    assert dial.failure.reason is SessionError.Reason.NO_ANSWER
    answers = {give(host, raw) for raw in sent}
    assert len(answers) == 1
    assert len(host) == 1
    host.expire(GIVE_UP_S)
    assert len(host) == 0


def test_the_third_message_is_repeated_until_confirmed():
    host = responder(invites=[PSK])
    dial = initiation()
    dial.receive(wire.decode(give(host, dial.poll_transmit(0.0))), 0.0)
    first = dial.poll_transmit(0.0)
    assert dial.poll_transmit(0.1) is None
    assert dial.poll_transmit(dial.deadline()) == first


def test_a_wrong_code_is_refused_clearly_and_the_invitation_counts_it():
    host = responder(invites=[PSK])
    for attempt in range(MAX_FAILURES):
        dial = initiation(psk=OTHER_PSK, seed=f"guess {attempt}")
        dial.receive(wire.decode(give(host, dial.poll_transmit(0.0))), 0.0)
        third = dial.poll_transmit(0.0)
        refusal = give(host, third)
        dial.receive(wire.decode(refusal), 0.0)
        assert dial.failure.reason is SessionError.Reason.REFUSED
        assert give(host, third) is None
    assert host.spent == [PSK]
    assert host.invitations == ()
    assert give(host, initiation().poll_transmit(0.0)) is None
    assert host.dropped[Dropped.NO_INVITATION] == 1


def test_unknown_peers_and_unknown_shared_keys_get_the_same_refusal():
    for peers in ([], [KnownPeer(ANA.public, OTHER_PSK)]):
        host = responder(knows=peers)
        dial = initiation(peer=BEN.public)
        refusal = give(host, dial.poll_transmit(0.0))
        assert len(refusal) == 21
        forged = refusal[:-1] + bytes((refusal[-1] ^ 1,))
        dial.receive(wire.decode(forged), 0.0)
        assert dial.failure is None
        dial.receive(wire.decode(refusal), 0.0)
        assert dial.failure.reason is SessionError.Reason.REFUSED
        assert len(host) == 0


def test_the_shared_key_before_the_newest_still_works():
    host = responder(knows=[KnownPeer(ANA.public, PSK).rotated(OTHER_PSK)])
    for psk in (PSK, OTHER_PSK):
        dial = initiation(psk=psk, peer=BEN.public, seed=psk.hex())
        dial.receive(wire.decode(give(host, dial.poll_transmit(0.0))), 0.0)
        assert dial.secrets


def test_who_does_not_know_the_key_that_it_calls_gets_no_answer():
    host = responder(knows=[KnownPeer(ANA.public, PSK)])
    assert give(host, initiation(peer=identity("carl").public).poll_transmit(0.0)) is None
    assert host.dropped[Dropped.NOT_FOR_US] == 1


def test_under_load_only_who_hears_at_its_address_costs_anything():
    host = responder(knows=[KnownPeer(ANA.public, PSK)])
    dial = initiation(peer=BEN.public)
    first = dial.poll_transmit(0.0)
    cookie = give(host, first, under_load=True)
    assert len(host) == 0
    stranger = initiation(peer=BEN.public, seed="stranger")
    stranger.poll_transmit(0.0)
    stranger.receive(wire.decode(cookie), 0.0)
    assert stranger.poll_transmit(0.0) is None
    dial.receive(wire.decode(cookie), 0.0)
    again = dial.poll_transmit(0.0)
    assert again != first
    elsewhere = give(host, again, flow=ELSEWHERE, under_load=True)
    assert isinstance(wire.decode(elsewhere), wire.Cookie)
    dial.receive(wire.decode(give(host, again, under_load=True)), 0.0)
    assert dial.secrets


def test_cookies_grow_old():
    jar = CookieJar(entropy_from("jar"))
    cookie = jar.make(FLOW, 0.0)
    assert jar.check(cookie, FLOW, 119.0)
    assert not jar.check(cookie, ELSEWHERE, 119.0)
    assert jar.check(cookie, FLOW, 121.0)
    assert not jar.check(cookie, FLOW, 242.0)
    newer = jar.make(FLOW, 242.0)
    assert not jar.check(newer, FLOW, 1000.0)


def test_half_open_handshakes_are_bounded():
    host = responder(knows=[KnownPeer(ANA.public, PSK)])
    for number in range(MAX_HALF_OPEN + 20):
        dial = initiation(peer=BEN.public, seed=number)
        answer = give(host, dial.poll_transmit(0.0))
        if number >= COOKIES_ABOVE:
            dial.receive(wire.decode(answer), 0.0)
            answer = give(host, dial.poll_transmit(0.0))
            assert (answer is None) == (number >= MAX_HALF_OPEN)
    assert len(host) == MAX_HALF_OPEN
    assert host.dropped[Dropped.FULL] == 20


def test_invitations_are_bounded():
    host = responder(invites=[bytes((number,)) * 32 for number in range(MAX_INVITATIONS)])
    with pytest.raises(SessionError):
        host.invite(PSK)


def test_the_digits_of_somebody_in_the_middle_differ():
    """Even one who has the code: the two handshakes are different ones."""
    host = responder(invites=[PSK])
    middle_host = responder(invites=[PSK], owner=identity("mallory"))
    dial = initiation()
    dial.receive(wire.decode(give(middle_host, dial.poll_transmit(0.0))), 0.0)
    give(middle_host, dial.poll_transmit(0.0))
    middle_dial = initiation(owner=identity("mallory"), seed="middle")
    middle_dial.receive(wire.decode(give(host, middle_dial.poll_transmit(0.0))), 0.0)
    give(host, middle_dial.poll_transmit(0.0))
    assert host.met[0][0].safety_digits != dial.secrets.safety_digits


def test_a_changed_mind_after_the_commitment_is_refused():
    host = responder(invites=[PSK])
    dial = initiation()
    answer = give(host, dial.poll_transmit(0.0))
    dial._hello = dial._hello[:-1] + bytes((dial._hello[-1] ^ 1,))
    dial.receive(wire.decode(answer), 0.0)
    assert isinstance(wire.decode(give(host, dial.poll_transmit(0.0))), wire.Refused)
    assert host.met == []


def test_forged_third_messages_count_for_nothing():
    host = responder(invites=[PSK])
    dial = initiation()
    answer = give(host, dial.poll_transmit(0.0))
    for at in range(5, 53, 7):
        dial2_third = bytes((0xD2, 1)) + (1000).to_bytes(3, "big") + bytes((at,)) * 86
        assert give(host, dial2_third) is None
    dial.receive(wire.decode(answer), 0.0)
    third = dial.poll_transmit(0.0)
    assert give(host, third, flow=ELSEWHERE) is None
    assert give(host, third) is None
    assert len(host.met) == 1
    assert host.dropped[Dropped.FORGED] == 7


def test_every_changed_answer_is_ignored_and_the_true_one_still_counts():
    host = responder(knows=[KnownPeer(ANA.public, PSK)])
    dial = initiation(peer=BEN.public)
    answer = give(host, dial.poll_transmit(0.0))
    for at in range(8, len(answer), 8):
        dial.receive(wire.decode(answer[:at] + bytes((answer[at] ^ 4,)) + answer[at + 1 :]), 0.0)
    assert dial.secrets is None
    dial.receive(wire.decode(answer), 0.0)
    assert dial.secrets


def test_another_version_is_told_and_cannot_talk_us_down():
    host = responder(invites=[PSK])
    dial = initiation()
    first = dial.poll_transmit(0.0)
    newer = first[:1] + b"\x09" + first[2:]
    with pytest.raises(wire.WrongVersionError) as wrong:
        wire.decode(newer)
    told = host.answer_wrong_version(wrong.value, newer)
    assert len(told) <= len(newer)
    dial.receive(wire.decode(told), 0.0)
    assert dial.failure is None
    versions = wire.Versions(7, hashlib.sha256(first).digest()[:8], 2, 3)
    dial.receive(versions, 0.0)
    assert dial.failure.reason is SessionError.Reason.VERSION


def test_secrets_are_not_printed():
    assert PSK.hex() not in repr(KnownPeer(ANA.public, PSK))
    assert fingerprint(ANA.public) in repr(ANA)
    assert Identity(ANA.secret).public == ANA.public
    assert psk_id(PSK) != psk_id(OTHER_PSK)
