"""The side that is called: bounded, and silent to strangers (docs/wire.md section 5)."""

import hmac
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from netstack.core.handshake import (
    GIVE_UP_S,
    PROLOGUE,
    Entropy,
    Secrets,
    commitment,
    echo_of,
    mac1,
    refusal_tag,
)
from netstack.core.handshake_cookie import CookieJar
from netstack.core.identity import Identity, KnownPeer
from netstack.core.noise import IK_PSK2, XX_PSK3, HandshakeState
from netstack.errors import DecodeError
from netstack.model.session import Flow, SessionError
from netstack.wire import handshake as wire

MAX_HALF_OPEN: Final = 256
COOKIES_ABOVE: Final = 64
MAX_INVITATIONS: Final = 8
MAX_FAILURES: Final = 3


class Dropped(StrEnum):
    """Why a handshake message got no further."""

    MALFORMED = "malformed"
    WRONG_VERSION = "wrong-version"
    NOT_FOR_US = "not-for-us"
    NO_INVITATION = "no-invitation"
    NEEDS_COOKIE = "needs-cookie"
    FULL = "full"
    FORGED = "forged"
    REFUSED = "refused"


class HalfOpen:
    """A handshake that waits for its initiator's next packet; answers a repeated message with `answer`."""

    __slots__ = (
        "answer",
        "commitment",
        "dies_s",
        "ephemeral",
        "flow",
        "initiator_id",
        "receiver_id",
        "secrets",
        "state",
    )

    def __init__(self, ephemeral: bytes, flow: Flow, initiator_id: int, receiver_id: int, now: float) -> None:
        self.ephemeral = ephemeral
        self.flow = flow
        self.initiator_id = initiator_id
        self.receiver_id = receiver_id
        self.dies_s = now + GIVE_UP_S
        self.answer = b""
        self.commitment = b""
        self.state: HandshakeState | None = None
        self.secrets: Secrets | None = None


class Responder:
    """All handshakes that others begin. Every answer is at most as long as what it answers.

    `receive` returns the answer to send back on the flow, if any. A known peer's handshake then waits
    in `waiting(receiver_id)` for a sealed packet; a first meeting's ends in `met`. `spent` holds
    invitations that failed too often. The caller empties both lists.
    """

    __slots__ = (
        "_by_ephemeral",
        "_by_id",
        "_entropy",
        "_identity",
        "_invitations",
        "_jar",
        "_lookup",
        "_new_id",
        "dropped",
        "met",
        "spent",
    )

    def __init__(
        self,
        identity: Identity,
        entropy: Entropy,
        lookup: Callable[[bytes], KnownPeer | None],
        new_id: Callable[[], int],
    ) -> None:
        self._identity = identity
        self._entropy = entropy
        self._lookup = lookup
        self._new_id = new_id
        self._jar = CookieJar(entropy)
        self._by_ephemeral: dict[bytes, HalfOpen] = {}  # in the order of their ends
        self._by_id: dict[int, HalfOpen] = {}
        self._invitations: dict[bytes, int] = {}
        self.dropped: Counter[Dropped] = Counter()
        self.met: list[tuple[Secrets, Flow, bytes]] = []
        self.spent: list[bytes] = []

    def __len__(self) -> int:
        return len(self._by_ephemeral)

    @property
    def invitations(self) -> tuple[bytes, ...]:
        """Keys that a first meeting may use, oldest first."""
        return tuple(self._invitations)

    def invite(self, psk: bytes) -> None:
        """Opens an invitation: a first meeting with this key is welcome once, and may fail three times.

        Raises SessionError when eight are open.
        """
        if len(self._invitations) >= MAX_INVITATIONS and psk not in self._invitations:
            raise SessionError(SessionError.Reason.LIMIT, "invitations")
        self._invitations[psk] = 0

    def uninvite(self, psk: bytes) -> None:
        """Closes an invitation. Closing one that is not open does nothing."""
        self._invitations.pop(psk, None)

    def waiting(self, receiver_id: int) -> HalfOpen | None:
        """The known peer's handshake that a sealed packet may complete."""
        half_open = self._by_id.get(receiver_id)
        return half_open if half_open and half_open.secrets else None

    def begun_with(self, message: wire.Ik1) -> HalfOpen | None:
        """The half-open handshake that this message began."""
        return self._by_ephemeral.get(message.noise[: wire.KEY_BYTES])

    def forget(self, half_open: HalfOpen) -> None:
        """The handshake is over, well or badly."""
        self._by_ephemeral.pop(half_open.ephemeral, None)
        self._by_id.pop(half_open.receiver_id, None)

    def taken(self, receiver_id: int) -> bool:
        """The id belongs to a handshake."""
        return receiver_id in self._by_id

    def deadline(self) -> float | None:
        """When to call `expire`."""
        return next(iter(self._by_ephemeral.values())).dies_s if self._by_ephemeral else None

    def expire(self, now: float) -> None:
        """Forgets what nobody completed."""
        while (due := self.deadline()) is not None and due <= now:
            self.forget(next(iter(self._by_ephemeral.values())))

    def answer_wrong_version(self, wrong: wire.WrongVersionError, raw: bytes) -> bytes:
        """Tells a newer or older program which versions we speak."""
        self.dropped[Dropped.WRONG_VERSION] += 1
        return wire.encode(wire.Versions(wrong.receiver_id, echo_of(raw), wire.OLDEST, wire.NEWEST))

    def receive(
        self, message: wire.Message, raw: bytes, flow: Flow, now: float, *, under_load: bool = False
    ) -> bytes | None:
        """Takes a first or third message. Never raises."""
        try:
            match message:
                case wire.Ik1():
                    return self._first_of_known(message, raw, flow, now, under_load)
                case wire.Xx1():
                    return self._first_of_meeting(message, raw, flow, now, under_load)
                case wire.Xx3():
                    return self._third_of_meeting(message, flow)
                case _:
                    return self._drop(Dropped.NOT_FOR_US)
        except (DecodeError, SessionError):
            return self._drop(Dropped.FORGED)

    def _drop(self, why: Dropped) -> bytes | None:
        self.dropped[why] += 1
        return None

    def _begin(
        self, message: wire.Ik1 | wire.Xx1, raw: bytes, flow: Flow, now: float, under_load: bool
    ) -> HalfOpen | bytes | None:
        """A new half-open handshake; or the answer to send at once; or None to stay silent."""
        known = self._by_ephemeral.get(message.noise[: wire.KEY_BYTES])
        if known is not None:
            return known.answer if known.flow == flow else self._drop(Dropped.FORGED)
        if under_load or len(self) >= COOKIES_ABOVE:
            if not self._jar.check(message.cookie, flow, now):
                self._drop(Dropped.NEEDS_COOKIE)
                return wire.encode(wire.Cookie(message.sender_id, echo_of(raw), self._jar.make(flow, now)))
            if len(self) >= MAX_HALF_OPEN:
                return self._drop(Dropped.FULL)
        ephemeral = message.noise[: wire.KEY_BYTES]
        return HalfOpen(ephemeral, flow, message.sender_id, self._new_id(), now)

    def _keep(self, half_open: HalfOpen, answer: bytes) -> bytes:
        half_open.answer = answer
        self._by_ephemeral[half_open.ephemeral] = half_open
        self._by_id[half_open.receiver_id] = half_open
        return answer

    def _state(self, *, known: bool) -> HandshakeState:
        return HandshakeState(
            IK_PSK2 if known else XX_PSK3,
            initiator=False,
            prologue=PROLOGUE,
            static=self._identity.private,
            ephemeral=self._entropy(32),
        )

    def _first_of_known(
        self, message: wire.Ik1, raw: bytes, flow: Flow, now: float, under_load: bool
    ) -> bytes | None:
        if not hmac.compare_digest(mac1(self._identity.public, message.covered), message.mac1):
            return self._drop(Dropped.NOT_FOR_US)
        begun = self._begin(message, raw, flow, now, under_load)
        if not isinstance(begun, HalfOpen):
            return begun
        state = self._state(known=True)
        hello = wire.decode_hello(state.read(message.noise))
        peer = self._lookup(state.remote_static or b"")
        state.psk = peer.psk_by_id(hello.token) if peer else None
        if state.psk is None:
            self._drop(Dropped.REFUSED)
            return wire.encode(wire.Refused(message.sender_id, refusal_tag(state)))
        answer = state.write(wire.encode_hello(wire.Hello(begun.receiver_id)))
        begun.secrets = Secrets(
            state, initiator=False, receive_id=begun.receiver_id, send_id=hello.receiver_id
        )
        return self._keep(begun, wire.encode(wire.Ik2(message.sender_id, begun.receiver_id, answer)))

    def _first_of_meeting(
        self, message: wire.Xx1, raw: bytes, flow: Flow, now: float, under_load: bool
    ) -> bytes | None:
        if not self._invitations:
            return self._drop(Dropped.NO_INVITATION)
        begun = self._begin(message, raw, flow, now, under_load)
        if not isinstance(begun, HalfOpen):
            return begun
        state = begun.state = self._state(known=False)
        begun.commitment = state.read(message.noise)
        answer = state.write(wire.encode_hello(wire.Hello(begun.receiver_id)))
        return self._keep(begun, wire.encode(wire.Xx2(message.sender_id, begun.receiver_id, answer)))

    def _third_of_meeting(self, message: wire.Xx3, flow: Flow) -> bytes | None:
        begun = self._by_id.get(message.receiver_id)
        if begun is None or begun.state is None or begun.flow != flow:
            return self._drop(Dropped.NOT_FOR_US)
        state = begun.state
        tag = refusal_tag(state)
        for psk in self.invitations:
            state.psk = psk
            try:
                payload = state.read(message.noise)
            except SessionError:
                if state.rejected_static is None:
                    raise  # not even the initiator of this handshake
                continue
            hello = wire.decode_hello(payload)
            if commitment(state.remote_static or b"", payload) != begun.commitment:
                break
            self.forget(begun)
            self.uninvite(psk)
            secrets = Secrets(state, initiator=False, receive_id=begun.receiver_id, send_id=hello.receiver_id)
            self.met.append((secrets, flow, psk))
            return None
        return self._refuse(begun, tag)

    def _refuse(self, begun: HalfOpen, tag: bytes) -> bytes:
        """Whose code it was cannot be told, so the attempt counts against every open invitation."""
        self.forget(begun)
        self._drop(Dropped.REFUSED)
        for psk in self.invitations:
            self._invitations[psk] += 1
            if self._invitations[psk] >= MAX_FAILURES:
                self.uninvite(psk)
                self.spent.append(psk)
        return wire.encode(wire.Refused(begun.initiator_id, tag))
