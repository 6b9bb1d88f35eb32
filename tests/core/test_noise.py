"""The public Noise vectors, and what must fail."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.core.noise import IK_PSK2, NAMES, XX_PSK3, HandshakeState
from netstack.errors import DecodeError
from netstack.model.session import SessionError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "noise.json").read_text())["vectors"]


def hexed(vector, name):
    return bytes.fromhex(vector[name])


def pair(vector):
    pattern = next(key for key, name in NAMES.items() if name.decode() == vector["protocol_name"])
    psk = bytes.fromhex(vector["init_psks"][0])
    remote = vector.get("init_remote_static")
    initiator = HandshakeState(
        pattern,
        initiator=True,
        prologue=hexed(vector, "init_prologue"),
        static=X25519PrivateKey.from_private_bytes(hexed(vector, "init_static")),
        ephemeral=hexed(vector, "init_ephemeral"),
        remote_static=remote and bytes.fromhex(remote),
        psk=psk,
    )
    responder = HandshakeState(
        pattern,
        initiator=False,
        prologue=hexed(vector, "resp_prologue"),
        static=X25519PrivateKey.from_private_bytes(hexed(vector, "resp_static")),
        ephemeral=hexed(vector, "resp_ephemeral"),
        psk=psk,
    )
    return initiator, responder


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["protocol_name"])
def test_the_public_vectors(vector):
    initiator, responder = pair(vector)
    sides = [initiator, responder]
    messages = list(vector["messages"])
    while not initiator.finished:
        message = messages.pop(0)
        payload, sealed = bytes.fromhex(message["payload"]), bytes.fromhex(message["ciphertext"])
        assert sides[0].write(payload) == sealed
        assert sides[1].read(sealed) == payload
        sides.reverse()
    assert initiator.h == responder.h == hexed(vector, "handshake_hash")
    keys = initiator.split()
    assert keys == responder.split()
    # Transport messages go on alternating; the first after an odd number of messages is the responder's.
    responders_turn = sides[0] is responder
    counts = [0, 0]
    for message in messages:
        side = int(responders_turn)
        nonce = bytes(4) + counts[side].to_bytes(8, "little")
        sealed = ChaCha20Poly1305(keys[side]).encrypt(nonce, bytes.fromhex(message["payload"]), None)
        assert sealed == bytes.fromhex(message["ciphertext"])
        counts[side] += 1
        responders_turn = not responders_turn


def test_the_file_holds_both_patterns():
    assert {vector["protocol_name"].encode() for vector in VECTORS} == {NAMES[XX_PSK3], NAMES[IK_PSK2]}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["protocol_name"])
def test_every_changed_bit_and_every_cut_fails_and_leaves_the_state_alone(vector):
    initiator, responder = pair(vector)
    sides = [initiator, responder]
    while not initiator.finished:
        message = sides[0].write(b"hello")
        for at in range(0, len(message), 5):
            # The first message of XX is sealed with a key that everybody can compute, yet sealed.
            broken = message[:at] + bytes((message[at] ^ 0x20,)) + message[at + 1 :]
            with pytest.raises(SessionError):
                sides[1].read(broken)
            with pytest.raises((DecodeError, SessionError)):
                sides[1].read(message[:at])
        assert sides[1].read(message) == b"hello"
        sides.reverse()
    assert initiator.split() == responder.split()


def test_a_wrong_psk_fails_and_the_right_one_still_works():
    initiator, responder = pair(VECTORS[0])
    good, responder.psk = responder.psk, bytes(32)
    responder.read(initiator.write(b""))
    initiator.read(responder.write(b""))
    last = initiator.write(b"now")
    with pytest.raises(SessionError):
        responder.read(last)
    responder.psk = None
    with pytest.raises(SessionError):
        responder.read(last)
    responder.psk = good
    assert responder.read(last) == b"now"


def test_a_key_of_low_order_is_refused():
    initiator, responder = pair(VECTORS[0])
    message = initiator.write(b"")
    responder.read(message)
    forged = HandshakeState(
        XX_PSK3,
        initiator=True,
        prologue=hexed(VECTORS[0], "init_prologue"),
        static=X25519PrivateKey.from_private_bytes(bytes(31) + b"\1"),
        ephemeral=bytes(31) + b"\1",
        psk=bytes(32),
    )
    forged._re = bytes(32)
    with pytest.raises(SessionError):
        forged._mix("ee")


def test_turns_are_kept():
    initiator, responder = pair(VECTORS[0])
    with pytest.raises(RuntimeError):
        responder.write(b"")
    with pytest.raises(RuntimeError):
        initiator.read(b"")
