"""Where two who have met before find each other again: docs/wire.md section 10. Pure."""

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from netstack.core.identity import Identity
from netstack.core.session_code import SessionCode, daily_nameplate
from netstack.model.meeting import Role

DAY_S: Final = 86_400
NEAR_MIDNIGHT_S: Final = 3600


def role_of(identity: Identity, peer_key: bytes) -> Role:
    """The smaller public key is the host."""
    return Role.HOST if identity.public < peer_key else Role.GUEST


def days(role: Role, wall_s: float) -> tuple[int, ...]:
    """The days (since 1970, UTC) to look for each other on: a guest also takes the one next to it near midnight."""
    today = int(wall_s // DAY_S)
    if role is Role.HOST:
        return (today,)
    near = {int((wall_s + off) // DAY_S) for off in (-NEAR_MIDNIGHT_S, NEAR_MIDNIGHT_S)}
    return tuple(sorted(near | {today}))


def daily_code(identity: Identity, peer_key: bytes, day: int, *, purpose: str = "peers") -> SessionCode:
    """The code of two who know each other's key, good for a day; nobody types it.

    `purpose` keeps mailboxes apart: "peers" to meet, "paths" for a session that has lost its paths. Raises ValueError for a key that no honest peer has.
    """
    shared = identity.private.exchange(X25519PublicKey.from_public_bytes(peer_key))
    secret = hmac.digest(shared, b"peerscope known %s" % purpose.encode(), hashlib.sha256)
    password = hmac.digest(secret, b"peerscope meeting %d" % day, hashlib.sha256)
    return SessionCode(daily_nameplate(secret, day), (password.hex(),))
