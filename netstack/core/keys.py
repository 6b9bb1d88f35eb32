"""The turning keys of a session (docs/wire.md section 4).

A chain gives the next key and the next chain, and the chain before it is dropped: what was sealed under
an earlier key cannot be opened with anything that is still here.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from netstack.core.noise import exchange, hkdf

OVERLAP_S: Final = 3.0
FRESH_AFTER_S: Final = 120.0
FRESH_AFTER_PACKETS: Final = 1 << 32
TURN_AFTER_BYTES: Final = 32 << 20
TURN_AFTER_PACKETS: Final = 1 << 31


class SendKeys:
    """The key that seals. `park` drops the cipher object (2.7 KB), not the key; it comes back by itself."""

    __slots__ = ("_aead", "_chain", "_key", "turn")

    def __init__(self, chain: bytes) -> None:
        self._chain, self._key = hkdf(chain, b"")
        self._aead: ChaCha20Poly1305 | None = None
        self.turn = 0

    @property
    def aead(self) -> ChaCha20Poly1305:
        """The cipher."""
        if self._aead is None:
            self._aead = ChaCha20Poly1305(self._key)
        return self._aead

    def advance(self, secret: bytes = b"") -> None:
        """To the next turn; a fresh one when `secret` is given."""
        self._chain, self._key = hkdf(self._chain, secret)
        self._aead = None
        self.turn += 1

    def park(self) -> None:
        """Frees the cipher object until it is needed."""
        self._aead = None


class ReceiveKeys:
    """The keys that open: of the present turn, the next, and for 3 s the one before."""

    __slots__ = (
        "_aead",
        "_chain",
        "_fresh_secret",
        "_fresh_turn",
        "_key",
        "_next",
        "_previous",
        "forget_s",
        "turn",
    )

    def __init__(self, chain: bytes) -> None:
        self._chain, self._key = hkdf(chain, b"")
        self._aead: ChaCha20Poly1305 | None = None
        self._next: tuple[bytes, bytes, ChaCha20Poly1305] | None = None
        self._previous: ChaCha20Poly1305 | None = None
        self._fresh_turn = -1
        self._fresh_secret = b""
        self.forget_s: float | None = None
        self.turn = 0

    @property
    def aead(self) -> ChaCha20Poly1305:
        """The cipher of the present turn."""
        if self._aead is None:
            self._aead = ChaCha20Poly1305(self._key)
        return self._aead

    def for_phase(self, phase: int) -> tuple[int, ChaCha20Poly1305] | None:
        """The turn that a packet's two phase bits mean, and its cipher; None when it is forgotten."""
        match (phase - self.turn) & 3:
            case 0:
                return self.turn, self.aead
            case 1:
                if self._next is None:
                    fresh = self._fresh_turn == self.turn + 1
                    chain, key = hkdf(self._chain, self._fresh_secret if fresh else b"")
                    self._next = chain, key, ChaCha20Poly1305(key)
                return self.turn + 1, self._next[2]
            case 3 if self._previous is not None:
                return self.turn - 1, self._previous
            case _:
                return None

    def opened(self, turn: int, now: float) -> None:
        """A packet of this turn opened; the first of the next turn makes it the present one."""
        if turn != self.turn + 1 or self._next is None:
            return
        self._previous = self._aead
        self._chain, self._key, self._aead = self._next
        self._next = None
        if self._fresh_turn == turn:
            self._fresh_turn, self._fresh_secret = -1, b""
        self.turn = turn
        self.forget_s = now + OVERLAP_S

    def fresh(self, turn: int, secret: bytes) -> None:
        """Turn `turn` will be a fresh one."""
        self._fresh_turn, self._fresh_secret = turn, secret
        self._next = None

    def forget(self, now: float) -> None:
        """Drops the turn before when its time is over."""
        if self.forget_s is not None and now >= self.forget_s:
            self._previous = None
            self.forget_s = None

    def park(self) -> None:
        """Frees the cipher objects until they are needed."""
        self._aead = None
        self._next = None


class Rekey:
    """Rounds of fresh ephemeral keys. Both sides run the same steps, whoever begins.

    A side turns once its share was acknowledged and the other's has come; the round is over when both
    directions have turned.
    """

    __slots__ = ("_acknowledged", "_private", "_turned", "round", "secret", "share", "their_turn")

    def __init__(self) -> None:
        self.round = 0  # the last round that is over
        self._private: X25519PrivateKey | None = None
        self.share: bytes | None = None
        self.secret: bytes | None = None
        self.their_turn = -1
        self._acknowledged = False
        self._turned = False

    @property
    def running(self) -> bool:
        """A share was sent and the round is not over: no plain turn now."""
        return self.share is not None

    def begin(self, entropy: bytes) -> bytes:
        """Makes our share of round `round + 1`."""
        self._private = X25519PrivateKey.from_private_bytes(entropy)
        self.share = self._private.public_key().public_bytes_raw()
        return self.share

    def receive(self, number: int, share: bytes, turn: int, entropy: bytes) -> bool:
        """Their share, sealed under their `turn`; `begin`s with `entropy` if we have not.

        False: a repeated or impossible one. Raises SessionError for a low-order key.
        """
        if number != self.round + 1 or self.secret is not None:
            return False
        if self._private is None:
            self.begin(entropy)
        private, self._private = self._private, None
        if private is None:
            return False
        self.secret = exchange(private, share)
        self.their_turn = turn + 1
        return True

    def acknowledged(self) -> None:
        """Our share arrived."""
        self._acknowledged = self.share is not None

    def take(self) -> bytes | None:
        """The secret, once, when our next turn may be taken."""
        if self._acknowledged and self.secret is not None and not self._turned:
            self._turned = True
            return self.secret
        return None

    def finish(self, receive_turn: int) -> bool:
        """Ends the round when both directions have turned, and forgets its keys."""
        if not self._turned or receive_turn < self.their_turn:
            return False
        self.round += 1
        self.share = self.secret = None
        self.their_turn = -1
        self._acknowledged = self._turned = False
        return True
