"""The Noise protocol framework, revision 34: XXpsk3 and IKpsk2 with 25519, ChaChaPoly and SHA256.

Sections in comments are those of https://noiseprotocol.org/noise.html. The primitives come from
`cryptography`; the ephemeral key comes from the caller, as all entropy does.
"""

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.errors import DecodeError
from netstack.model.session import SessionError

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16

Pattern = tuple[bool, tuple[tuple[str, ...], ...]]

# Pre-message of the responder's static key, then one tuple of tokens for each message (section 7, 9).
XX_PSK3: Final[Pattern] = (False, (("e",), ("e", "ee", "s", "es"), ("s", "se", "psk")))
IK_PSK2: Final[Pattern] = (True, (("e", "es", "s", "ss"), ("e", "ee", "se", "psk")))
NAMES: Final[dict[Pattern, bytes]] = {
    XX_PSK3: b"Noise_XXpsk3_25519_ChaChaPoly_SHA256",
    IK_PSK2: b"Noise_IKpsk2_25519_ChaChaPoly_SHA256",
}


def hkdf(chaining_key: bytes, material: bytes, outputs: int = 2) -> tuple[bytes, ...]:
    """HKDF of section 4.3: two or three outputs of 32 bytes."""
    secret = hmac.digest(chaining_key, material, "sha256")
    produced: list[bytes] = []
    previous = b""
    for number in range(1, outputs + 1):
        previous = hmac.digest(secret, previous + bytes((number,)), "sha256")
        produced.append(previous)
    return tuple(produced)


def exchange(private: X25519PrivateKey, public: bytes) -> bytes:
    """X25519. Raises SessionError for a low-order key (an all-zero result)."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise SessionError(SessionError.Reason.WRONG_KEY, "a key of low order") from error


class HandshakeState:
    """One handshake, one side. Call `write` and `read` in turn, then `split`.

    `psk` may be set until the message that mixes it in. A `read` that fails leaves the state as it was,
    so another psk can be tried; `rejected_static` is then the peer's key as far as it could be read.
    """

    __slots__ = (
        "_e",
        "_initiator",
        "_k",
        "_message",
        "_messages",
        "_n",
        "_re",
        "_s",
        "_s_public",
        "ck",
        "h",
        "psk",
        "rejected_static",
        "remote_static",
    )

    def __init__(
        self,
        pattern: Pattern,
        *,
        initiator: bool,
        prologue: bytes,
        static: X25519PrivateKey,
        ephemeral: bytes,
        remote_static: bytes | None = None,
        psk: bytes | None = None,
    ) -> None:
        knows_responder, self._messages = pattern
        self.h = hashlib.sha256(NAMES[pattern]).digest()  # both names are longer than a hash (section 5.2)
        self.ck = self.h
        self.psk = psk
        self.remote_static = remote_static
        self.rejected_static: bytes | None = None
        self._initiator = initiator
        self._s = static
        self._s_public = static.public_key().public_bytes_raw()
        self._e = X25519PrivateKey.from_private_bytes(ephemeral)
        self._re = b""
        self._k: ChaCha20Poly1305 | None = None
        self._n = 0
        self._message = 0
        self._mix_hash(prologue)
        if knows_responder:
            responder = remote_static if initiator else self._s_public
            if responder is None:
                raise ValueError("the responder's key is needed")
            self._mix_hash(responder)

    @property
    def finished(self) -> bool:
        """All messages are written and read."""
        return self._message == len(self._messages)

    def write(self, payload: bytes) -> bytes:
        """The next message, with `payload` in it."""
        parts = []
        for token in self._next_tokens(writing=True):
            if token == "e":  # noqa: S105 - Noise calls them tokens
                public = self._e.public_key().public_bytes_raw()
                parts.append(public)
                self._mix_hash(public)
                self._mix_key(public)  # section 9.2: only with a psk, and both patterns have one
            elif token == "s":  # noqa: S105
                parts.append(self._encrypt(self._s_public))
            else:
                self._mix(token)
        parts.append(self._encrypt(payload))
        self._message += 1
        return b"".join(parts)

    def read(self, message: bytes) -> bytes:
        """Takes the next message and returns its payload.

        Raises DecodeError when it is too short, SessionError when a key or the psk does not fit.
        """
        tokens = self._next_tokens(writing=False)
        before = (self.ck, self.h, self._k, self._n, self._re, self.remote_static)
        try:
            for token in tokens:
                if token == "e":  # noqa: S105
                    self._re, message = self._take(message, KEY_BYTES)
                    self._mix_hash(self._re)
                    self._mix_key(self._re)
                elif token == "s":  # noqa: S105
                    sealed, message = self._take(message, KEY_BYTES + (TAG_BYTES if self._k else 0))
                    self.remote_static = self._decrypt(sealed)
                else:
                    self._mix(token)
            payload = self._decrypt(message)
        except (DecodeError, SessionError):
            self.rejected_static = self.remote_static
            self.ck, self.h, self._k, self._n, self._re, self.remote_static = before
            raise
        self._message += 1
        return payload

    def split(self) -> tuple[bytes, bytes]:
        """Keys for the initiator's packets and for the responder's (section 5.2)."""
        first, second = hkdf(self.ck, b"")
        return first, second

    def _next_tokens(self, *, writing: bool) -> tuple[str, ...]:
        if self.finished or (self._message % 2 == 0) != (self._initiator == writing):
            raise RuntimeError("it is the other side's turn")
        return self._messages[self._message]

    @staticmethod
    def _take(message: bytes, count: int) -> tuple[bytes, bytes]:
        if len(message) < count:
            raise DecodeError(DecodeError.Reason.TRUNCATED, "handshake")
        return message[:count], message[count:]

    def _mix(self, token: str) -> None:
        """Tokens of two letters: the initiator's key and the responder's; and the psk."""
        if token == "psk":  # noqa: S105
            if self.psk is None:
                raise SessionError(SessionError.Reason.WRONG_KEY, "no shared key")
            self.ck, mixed, key = hkdf(self.ck, self.psk, 3)
            self._mix_hash(mixed)
            self._k, self._n = ChaCha20Poly1305(key), 0
            return
        ours, theirs = tuple(token if self._initiator else token[::-1])
        remote = self._re if theirs == "e" else self.remote_static
        if not remote:
            raise RuntimeError("a key that is not known yet")
        self._mix_key(exchange(self._e if ours == "e" else self._s, remote))

    def _mix_key(self, material: bytes) -> None:
        self.ck, key = hkdf(self.ck, material)
        self._k, self._n = ChaCha20Poly1305(key), 0

    def _mix_hash(self, data: bytes) -> None:
        self.h = hashlib.sha256(self.h + data).digest()

    def _nonce(self) -> bytes:
        nonce = bytes(4) + self._n.to_bytes(8, "little")
        self._n += 1
        return nonce

    def _encrypt(self, plaintext: bytes) -> bytes:
        sealed = plaintext if self._k is None else self._k.encrypt(self._nonce(), plaintext, self.h)
        self._mix_hash(sealed)
        return sealed

    def _decrypt(self, sealed: bytes) -> bytes:
        try:
            plaintext = sealed if self._k is None else self._k.decrypt(self._nonce(), sealed, self.h)
        except InvalidTag as error:
            raise SessionError(SessionError.Reason.WRONG_KEY) from error
        self._mix_hash(sealed)
        return plaintext
