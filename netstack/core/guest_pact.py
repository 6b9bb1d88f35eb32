"""What a guest's link holds, and how both sides prove that they know it (docs/wire.md section 12). Pure.

    https://HOST:PORT/guest#FINGERPRINT-AND-SECRET          base64url, 64 characters: 32 + 16 bytes

The page does the same in `resources/guest/pact.js`; `tests/vectors/guest.json` holds both to it.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

import msgspec

from netstack.errors import DecodeError
from netstack.model.meeting import Role

SECRET_BYTES: Final = 16
FINGERPRINT_BYTES: Final = 32
MAC_BYTES: Final = 32
MAX_NOTE_BYTES: Final = 4096


class GuestPact(msgspec.Struct, frozen=True):
    """The fingerprint (SHA-256, hexadecimal) of the host's certificate, and a secret that is good for one guest."""

    fingerprint: str
    secret: bytes

    @property
    def fragment(self) -> str:
        """What stands behind the # of the link; browsers never send it to a server."""
        whole = bytes.fromhex(self.fingerprint) + self.secret
        return base64.urlsafe_b64encode(whole).decode()

    @property
    def mailbox(self) -> str:
        """Where the two find each other: 32 hexadecimal digits that nobody else can know."""
        return hmac.digest(self.secret, b"peerscope guest mailbox", hashlib.sha256).hex()[:32]

    @property
    def key(self) -> bytes:
        """Of every MAC."""
        return hmac.digest(self.secret, b"peerscope guest 1", hashlib.sha256)


def parse_fragment(text: str) -> GuestPact:
    """Reads a fragment. Raises DecodeError."""
    try:
        whole = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(DecodeError.Reason.MALFORMED, "guest link") from error
    if len(whole) != FINGERPRINT_BYTES + SECRET_BYTES:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "guest link")
    return GuestPact(whole[:FINGERPRINT_BYTES].hex(), whole[FINGERPRINT_BYTES:])


def seal_note(key: bytes, kind: int, body: bytes) -> bytes:
    """A note of the mailbox: kind, MAC, body. It can be read by whoever carries it, and not changed."""
    return bytes((kind,)) + _note_mac(key, kind, body) + body


def open_note(key: bytes, note: bytes) -> tuple[int, bytes]:
    """Kind and body of a note. Raises DecodeError where it was not made with this key."""
    if not MAC_BYTES + 1 < len(note) <= MAX_NOTE_BYTES:
        raise DecodeError(DecodeError.Reason.TRUNCATED, "guest note")
    kind, mac, body = note[0], note[1 : 1 + MAC_BYTES], note[1 + MAC_BYTES :]
    if not hmac.compare_digest(mac, _note_mac(key, kind, body)):
        raise DecodeError(DecodeError.Reason.BAD_CHECKSUM, "guest note")
    return kind, body


def _note_mac(key: bytes, kind: int, body: bytes) -> bytes:
    return hmac.digest(key, b"note" + bytes((kind,)) + body, hashlib.sha256)


def proof(
    key: bytes, role: Role, host_fingerprint: str, guest_fingerprint: str, offer: bytes, answer: bytes
) -> bytes:
    """What `role` says first on the open channel: it knows the secret, and both mean the same connection.

    `offer` and `answer` are the descriptions as they travelled.
    """
    said = b"".join(
        (
            b"proof ",
            role.value.encode(),
            bytes.fromhex(host_fingerprint),
            bytes.fromhex(guest_fingerprint),
            hashlib.sha256(offer).digest(),
            hashlib.sha256(answer).digest(),
        )
    )
    return hmac.digest(key, said, hashlib.sha256)
