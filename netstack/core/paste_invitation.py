"""Meeting by copy and paste, a picture or a file: one invitation there, one reply back, no words. Pure.

The invitation holds a key of 128 bits, so whoever holds it can join: `WARNING` is to be shown with it. The reply is
sealed for the host. Both are text of less than 1,024 characters; blanks and line breaks in it do not matter.
"""

import base64
import binascii
import hmac
import struct
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.model.meeting import MeetingError

LIFE_S = 600
KEY_BYTES, NONCE_BYTES = 16, 12
MAX_TEXT = 1023
MAX_PAYLOAD = 680
WARNING = "Whoever holds this text can join in your partner's place: give it to nobody else. It is good for ten minutes."
INVITATION, REPLY = "peerscope-invitation.", "peerscope-reply."
_EXPIRES = struct.Struct("!I")
_SUM_BYTES = 4

_R = MeetingError.Reason


class PasteInvitation(msgspec.Struct, frozen=True):
    """What the host made and the guest reads: `payload` is the host's candidates, `expires_at_s` counts from 1970."""

    key: bytes
    payload: bytes
    expires_at_s: int

    def __repr__(self) -> str:
        return f"PasteInvitation(expires_at_s={self.expires_at_s})"

    @classmethod
    def make(cls, key: bytes, payload: bytes, wall_s: float) -> "PasteInvitation":
        """`key` is 16 fresh random bytes. Raises MeetingError when the payload is over 680 bytes."""
        if len(payload) > MAX_PAYLOAD:
            raise MeetingError(_R.TOO_LONG, f"{len(payload)} bytes of addresses")
        return cls(key, payload, int(wall_s) + LIFE_S)

    @property
    def text(self) -> str:
        """What to copy."""
        return _wrap(INVITATION, _EXPIRES.pack(self.expires_at_s) + self.key + self.payload)

    @property
    def psk(self) -> bytes:
        """The 32 bytes for the session's handshake."""
        return self._derive(b"psk")

    def reply(self, payload: bytes, nonce: bytes) -> str:
        """The guest's answer, sealed; `nonce` is 12 fresh random bytes. Raises MeetingError when it is too long."""
        if len(payload) > MAX_PAYLOAD:
            raise MeetingError(_R.TOO_LONG, f"{len(payload)} bytes of addresses")
        return _wrap(REPLY, nonce + ChaCha20Poly1305(self._derive(b"reply")).encrypt(nonce, payload, None))

    def read_reply(self, text: str, wall_s: float) -> bytes:
        """The guest's payload. Raises MeetingError: expired, not whole, or the answer to another invitation."""
        if wall_s >= self.expires_at_s:
            raise MeetingError(_R.EXPIRED)
        data = _unwrap(REPLY, text)
        try:
            return ChaCha20Poly1305(self._derive(b"reply")).decrypt(
                data[:NONCE_BYTES], data[NONCE_BYTES:], None
            )
        except (InvalidTag, ValueError):
            raise MeetingError(_R.WRONG_CODE, "it answers another invitation") from None

    def _derive(self, label: bytes) -> bytes:
        secret = hmac.digest(self.key, b"peerscope paste", "sha256")
        return hmac.digest(secret, label + _EXPIRES.pack(self.expires_at_s) + self.payload, "sha256")


def read_invitation(text: str, wall_s: float) -> PasteInvitation:
    """Reads an invitation. Raises MeetingError: not whole, or over."""
    data = _unwrap(INVITATION, text)
    if len(data) < _EXPIRES.size + KEY_BYTES:
        raise MeetingError(_R.MALFORMED_PASTE)
    (expires_at_s,) = _EXPIRES.unpack_from(data)
    if wall_s >= expires_at_s:
        raise MeetingError(_R.EXPIRED)
    if expires_at_s - wall_s > 2 * LIFE_S:  # clocks differ, but not by more than this and still make sense
        raise MeetingError(_R.MALFORMED_PASTE, "one of the two clocks is wrong")
    at = _EXPIRES.size + KEY_BYTES
    return PasteInvitation(data[_EXPIRES.size : at], data[at:], expires_at_s)


def _wrap(prefix: str, data: bytes) -> str:
    """The sum finds a letter that was lost in copying; it keeps nobody from anything."""
    whole = data + sha256(prefix.encode() + data).digest()[:_SUM_BYTES]
    return prefix + base64.urlsafe_b64encode(whole).rstrip(b"=").decode("ascii")


def _unwrap(prefix: str, text: str) -> bytes:
    if len(text) > 2 * MAX_TEXT:
        raise MeetingError(_R.MALFORMED_PASTE, "too long")
    packed = "".join(text.split())
    if not packed.startswith(prefix) or len(packed) > MAX_TEXT or not packed.isascii():
        raise MeetingError(_R.MALFORMED_PASTE)
    body = packed.removeprefix(prefix)
    try:
        whole = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise MeetingError(_R.MALFORMED_PASTE) from None
    data = whole[:-_SUM_BYTES]
    if _wrap(prefix, data) != packed:
        raise MeetingError(_R.MALFORMED_PASTE, "a letter is missing or changed")
    return data
