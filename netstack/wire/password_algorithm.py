"""How a password becomes a key, and how the two sides agree on it (RFC 8489 sections 9.2, 14.11, 14.12, 18.5)."""

import base64
import binascii
from enum import IntEnum
from typing import Final, Literal

from netstack.errors import DecodeError

COOKIE: Final = b"obMatJos2"
FEATURE_BYTES: Final = 3
_ALGORITHMS_BIT: Final = 0x800000


class PasswordAlgorithm(IntEnum):
    """The registered ones."""

    MD5 = 1
    SHA256 = 2


def hash_name(algorithm: PasswordAlgorithm) -> Literal["md5", "sha256"]:
    """For `stun.long_term_key`."""
    return "sha256" if algorithm is PasswordAlgorithm.SHA256 else "md5"


def encode_algorithms(*algorithms: PasswordAlgorithm) -> bytes:
    """The value of PASSWORD-ALGORITHMS, or of PASSWORD-ALGORITHM for one; neither has parameters."""
    return b"".join(algorithm.to_bytes(2, "big") + b"\0\0" for algorithm in algorithms)


def decode_algorithms(value: bytes) -> tuple[PasswordAlgorithm, ...]:
    """Those of a list that are known here, in its order. Raises DecodeError."""
    found = []
    while value:
        length = int.from_bytes(value[2:4], "big")
        end = 4 + length + -length % 4
        if len(value) < end:
            raise DecodeError(DecodeError.Reason.TRUNCATED, "PASSWORD-ALGORITHMS")
        number = int.from_bytes(value[:2], "big")
        if number in set(PasswordAlgorithm) and not length:
            found.append(PasswordAlgorithm(number))
        value = value[end:]
    return tuple(found)


def nonce_with_algorithms(rest: bytes) -> bytes:
    """A nonce that says that the server offers algorithms, so that nobody on the way can take the offer out."""
    return COOKIE + base64.b64encode(_ALGORITHMS_BIT.to_bytes(FEATURE_BYTES, "big")) + rest


def offers_algorithms(nonce: bytes) -> bool:
    """Whether the nonce says so."""
    if not nonce.startswith(COOKIE):
        return False
    try:
        features = base64.b64decode(nonce[len(COOKIE) : len(COOKIE) + 4], validate=True)
    except binascii.Error:
        return False
    return len(features) == FEATURE_BYTES and bool(int.from_bytes(features, "big") & _ALGORITHMS_BIT)
