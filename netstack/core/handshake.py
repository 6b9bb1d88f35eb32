"""What both sides of a handshake compute, and the side that begins (docs/wire.md section 5).

`Initiation` is one attempt. It is driven by four calls:

    poll_transmit(now) -> bytes | None      a message to send, again while there is no answer
    receive(message, raw, now)              an answer came; afterwards look at `secrets` and `failure`
    deadline()                              when `poll_transmit` has something again, or the attempt ends
    expire(now)                             the deadline passed
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from netstack.core.identity import Identity, psk_id
from netstack.core.noise import IK_PSK2, XX_PSK3, HandshakeState
from netstack.errors import DecodeError
from netstack.model.session import SessionError
from netstack.wire import handshake as wire

REPEATS_S: Final = (0.3, 0.6, 1.2, 2.4)
GIVE_UP_S: Final = 8.0
MAX_COOKIES: Final = 3
MAX_TRIES: Final = 16
PROLOGUE: Final = b"Peerscope" + bytes((wire.VERSION,))

Entropy = Callable[[int], bytes]


class Secrets:
    """What a finished handshake leaves. Never printed, never stored."""

    __slots__ = (
        "initiator",
        "next_psk",
        "peer_key",
        "receive_chain",
        "receive_id",
        "safety_digits",
        "send_chain",
        "send_id",
    )

    def __init__(self, state: HandshakeState, *, initiator: bool, receive_id: int, send_id: int) -> None:
        if state.remote_static is None:
            raise ValueError("the handshake is not finished")
        first, second = state.split()
        self.initiator = initiator
        self.send_chain, self.receive_chain = (first, second) if initiator else (second, first)
        self.receive_id = receive_id
        self.send_id = send_id
        self.peer_key = state.remote_static
        self.next_psk = hmac.digest(state.ck, b"peerscope next psk", "sha256")
        self.safety_digits = f"{int.from_bytes(state.h, 'big') % 1_000_000:06d}"


def commitment(static: bytes, hello: bytes) -> bytes:
    """What XX1 says about XX3, so that nobody can try keys until the digits agree."""
    return hashlib.sha256(b"peerscope commitment" + static + hello).digest()


def mac1(responder_key: bytes, covered: bytes) -> bytes:
    """Shows that the sender of IK1 knows whom it is calling."""
    key = hashlib.sha256(b"peerscope mac1" + responder_key).digest()
    return hmac.digest(key, covered, "sha256")[: wire.MAC_BYTES]


def refusal_tag(state: HandshakeState) -> bytes:
    """Shows that a refusal comes from the one who was asked."""
    return hmac.digest(state.ck, b"peerscope refused" + state.h, "sha256")[:16]


def echo_of(raw: bytes) -> bytes:
    """Names the message that is answered."""
    return hashlib.sha256(raw).digest()[: wire.ECHO_BYTES]


class Initiation:
    """One attempt to reach a peer: IKpsk2 when `peer_key` is given, XXpsk3 otherwise.

    `secrets` is there once the peer's answer opened; a first meeting must then still be `confirmed` by
    a sealed packet of the peer, which may instead refuse. Forged, late and repeated answers change
    nothing; at most `MAX_TRIES` answers are tried.
    """

    __slots__ = (
        "_bad_answers",
        "_cookies",
        "_dead_s",
        "_done",
        "_due_s",
        "_hello",
        "_message",
        "_noise",
        "_refusal",
        "_repeats",
        "_state",
        "failure",
        "identity",
        "peer_key",
        "receiver_id",
        "secrets",
    )

    def __init__(
        self,
        identity: Identity,
        entropy: Entropy,
        receiver_id: int,
        now: float,
        *,
        psk: bytes,
        peer_key: bytes | None = None,
    ) -> None:
        self.identity = identity
        self.peer_key = peer_key
        self.receiver_id = receiver_id
        self.secrets: Secrets | None = None
        self.failure: SessionError | None = None
        self._state = HandshakeState(
            XX_PSK3 if peer_key is None else IK_PSK2,
            initiator=True,
            prologue=PROLOGUE,
            static=identity.private,
            ephemeral=entropy(32),
            remote_static=peer_key,
            psk=psk,
        )
        token = entropy(wire.TOKEN_BYTES) if peer_key is None else psk_id(psk)
        self._hello = wire.encode_hello(wire.Hello(receiver_id, token))
        self._noise = self._state.write(
            commitment(identity.public, self._hello) if peer_key is None else self._hello
        )
        self._refusal = None if peer_key is None else refusal_tag(self._state)
        self._message = self._first_message(wire.NO_COOKIE)
        self._bad_answers = 0
        self._cookies = 0
        self._repeats = 0
        self._done = False
        self._due_s = now
        self._dead_s = now + GIVE_UP_S

    @property
    def finished(self) -> bool:
        """Nothing more to send or to wait for."""
        return self._done or self.failure is not None

    def confirmed(self) -> None:
        """A sealed packet of the peer opened."""
        self._done = True

    def poll_transmit(self, now: float) -> bytes | None:
        """The message of the moment, when it is time for it."""
        if self.finished or now < self._due_s:
            return None
        self._due_s = now + REPEATS_S[min(self._repeats, len(REPEATS_S) - 1)]
        self._repeats += 1
        return self._message

    def deadline(self) -> float | None:
        """When to call `expire` and `poll_transmit`."""
        return None if self.finished else min(self._due_s, self._dead_s)

    def expire(self, now: float) -> None:
        """Gives up when the time is over."""
        if not self.finished and now >= self._dead_s:
            reason = SessionError.Reason.WRONG_KEY if self._bad_answers else SessionError.Reason.NO_ANSWER
            self.failure = SessionError(reason)

    def receive(self, message: wire.Message, now: float) -> None:
        """Takes an answer addressed to `receiver_id`. Never raises."""
        if self.finished:
            return
        match message:
            case wire.Xx2(_, _, noise) if self.peer_key is None:
                self._answered(noise, now)
            case wire.Ik2(_, _, noise) if self.peer_key is not None:
                self._answered(noise, now)
            case wire.Cookie(_, echo, cookie) if self.secrets is None and echo == echo_of(self._message):
                if self._cookies < MAX_COOKIES:
                    self._cookies += 1
                    self._message = self._first_message(cookie)
                    self._due_s = now
            case wire.Versions(_, echo, oldest, newest) if echo == echo_of(self._message):
                if not oldest <= wire.VERSION <= newest:
                    self.failure = SessionError(SessionError.Reason.VERSION)
            case wire.Refused(_, tag) if self._refusal and hmac.compare_digest(tag, self._refusal):
                self.failure = SessionError(SessionError.Reason.REFUSED)
            case _:
                pass

    def _first_message(self, cookie: bytes) -> bytes:
        if self.peer_key is None:
            return wire.encode(wire.Xx1(self.receiver_id, self._noise, cookie))
        covered = wire.Ik1(self.receiver_id, self._noise, cookie).covered
        return covered + mac1(self.peer_key, covered)

    def _answered(self, noise: bytes, now: float) -> None:
        if self.secrets is not None or self._bad_answers >= MAX_TRIES:
            return
        try:
            hello = wire.decode_hello(self._state.read(noise))
        except (DecodeError, SessionError):
            self._bad_answers += 1
            return
        if hello.oldest > wire.VERSION or min(hello.newest, wire.NEWEST) != wire.VERSION:
            self.failure = SessionError(SessionError.Reason.VERSION)
            return
        if self.peer_key is None:
            self._refusal = refusal_tag(self._state)
            self._message = wire.encode(wire.Xx3(hello.receiver_id, self._state.write(self._hello)))
            self._repeats = 0
            self._due_s = now
            self._dead_s = now + GIVE_UP_S
        else:
            self._done = True
        self.secrets = Secrets(
            self._state, initiator=True, receive_id=self.receiver_id, send_id=hello.receiver_id
        )
