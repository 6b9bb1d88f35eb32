"""The keys follow docs/wire.md section 7, computed here once more by hand."""

import hmac
from hashlib import sha256

from netstack.core.meeting_keys import MeetingKeys
from netstack.wire.signal import Reply

REPLY = Reply(b"attempt1", b"guest001", b"Y" * 32, b"proof is not part of it".ljust(32))


def by_hand(label: bytes) -> bytes:
    parts = [
        b"peerscope 1 host 482915",
        b"peerscope 1 guest 482915",
        b"attempt1",
        b"guest001",
        b"X" * 32,
        b"Y" * 32,
    ]
    transcript = b"".join(bytes((0, len(part))) + part for part in parts)
    secret = hmac.new(b"k" * 32, b"peerscope meeting" + sha256(transcript).digest(), sha256).digest()
    return hmac.new(secret, label, sha256).digest()


def test_the_keys_are_those_of_the_document() -> None:
    keys = MeetingKeys(b"k" * 32, "482915", REPLY, b"X" * 32)
    made = [keys.host_proof, keys.guest_proof, keys.host_seal, keys.guest_seal, keys.psk]
    labels = (b"host proof", b"guest proof", b"host seal", b"guest seal", b"psk")
    assert made == [by_hand(label) for label in labels]
    assert len(set(made)) == 5


def test_every_part_of_the_exchange_changes_them() -> None:
    others = [
        MeetingKeys(b"K" * 32, "482915", REPLY, b"X" * 32),
        MeetingKeys(b"k" * 32, "482916", REPLY, b"X" * 32),
        MeetingKeys(b"k" * 32, "482915", REPLY, b"x" * 32),
        *(
            MeetingKeys(b"k" * 32, "482915", Reply(attempt, guest, element, bytes(32)), b"X" * 32)
            for attempt, guest, element in (
                (b"attempt2", b"guest001", b"Y" * 32),
                (b"attempt1", b"guest002", b"Y" * 32),
                (b"attempt1", b"guest001", b"y" * 32),
            )
        ),
    ]
    keys = {MeetingKeys(b"k" * 32, "482915", REPLY, b"X" * 32).psk, *(other.psk for other in others)}
    assert len(keys) == 1 + len(others)
