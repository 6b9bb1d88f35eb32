"""Who somebody is: a long-term X25519 key, and what two who have met remember of each other."""

import hashlib
import hmac
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

KEY_BYTES: Final = 32


class Identity:
    """The long-term key of one computer, made from 32 random bytes. Its secret is never printed."""

    __slots__ = ("private", "public")

    def __init__(self, secret: bytes) -> None:
        self.private = X25519PrivateKey.from_private_bytes(secret)
        self.public = self.private.public_key().public_bytes_raw()

    @property
    def secret(self) -> bytes:
        """The 32 bytes to keep."""
        return self.private.private_bytes_raw()

    def __repr__(self) -> str:
        return f"Identity({fingerprint(self.public)})"


def fingerprint(key: bytes) -> str:
    """A public key for people: 16 hexadecimal digits of its SHA-256, in fours."""
    digits = hashlib.sha256(key).hexdigest()[:16]
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4))


class KnownPeer(msgspec.Struct, frozen=True):
    """A peer that was met: its public key, the shared key of the last handshake and the one before.

    Two, because the last message of a handshake may be lost and then only one side has the newest.
    """

    key: bytes
    psk: bytes
    previous_psk: bytes | None = None

    def __repr__(self) -> str:
        return f"KnownPeer({fingerprint(self.key)})"

    def rotated(self, psk: bytes) -> "KnownPeer":
        """After a handshake."""
        return KnownPeer(self.key, psk, self.psk)

    def psk_by_id(self, wanted: bytes) -> bytes | None:
        """The shared key with that id."""
        for psk in (self.psk, self.previous_psk):
            if psk is not None and hmac.compare_digest(psk_id(psk), wanted):
                return psk
        return None


def psk_id(psk: bytes) -> bytes:
    """Names a shared key to somebody who has it (16 bytes)."""
    return hmac.digest(psk, b"peerscope psk id", "sha256")[:16]
