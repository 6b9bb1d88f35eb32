"""Requests of a TURN client under way: signed, repeated, challenged anew, and always ended (RFC 8489 section 9.2).

Pure. The first send after a person pressed a button is repeated after 0.2 s, and silence is told after 2.8 s:
the 500 ms and 39.5 s of RFC 8489 section 6.2.1 are made for machines that wait for nobody.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from netstack.errors import DecodeError, InputError
from netstack.model.turn import TurnCredentials, TurnError
from netstack.wire import stun
from netstack.wire import stun_attributes as attr
from netstack.wire.password_algorithm import (
    PasswordAlgorithm,
    decode_algorithms,
    encode_algorithms,
    hash_name,
    offers_algorithms,
)
from netstack.wire.stun import MessageClass, Method, StunMessage
from netstack.wire.stun_attributes import MAX_TEXT_BYTES, Attribute

SENDS_S: Final = (0.0, 0.2, 0.5, 0.9, 1.4, 2.0)  # after the first
SILENCE_S: Final = 2.8
PATIENCE: Final = 1.5  # round trips before a repetition, once one is known
MAX_STALE: Final = 3
MAX_REQUESTS: Final = 1024
MAX_USER_BYTES: Final = 508  # RFC 8489 section 14.3


class Request:
    """One request until its answer. `subject` is the host or peer that it is about; times are those of `now`."""

    __slots__ = (
        "attributes",
        "began_s",
        "data",
        "due_s",
        "first_s",
        "id",
        "method",
        "sends",
        "stale",
        "subject",
        "tried",
    )

    def __init__(
        self, method: Method, attributes: tuple[Attribute, ...], subject: object, now: float
    ) -> None:
        self.method = method
        self.attributes = attributes
        self.subject = subject
        self.began_s = self.first_s = self.due_s = now
        self.id = self.data = b""
        self.sends = self.stale = 0
        self.tried = b""  # the nonce that it was signed with


class Outcome(NamedTuple):
    """The end of a request: an answer or an error. `rtt_s` is of its last send, None when that was repeated."""

    request: Request
    response: StunMessage | None
    error: TurnError | None
    took_s: float
    rtt_s: float | None = None


class Requests:
    """Starts requests, and turns what comes back, or does not, into outcomes.

    What is to be sent is appended to `out`. `credentials` is asked once for each allocation, by `begin`.
    """

    def __init__(
        self,
        credentials: Callable[[], TurnCredentials] | None,
        random_bytes: Callable[[int], bytes],
        out: "deque[bytes]",
        *,
        stream: bool,
    ) -> None:
        self._credentials = credentials
        self._random_bytes = random_bytes
        self._out = out
        self._stream = stream
        self._rtt_s = 0.0
        self._open: dict[bytes, Request] = {}
        self._user: TurnCredentials | None = None
        self._key: bytes | None = None
        self._nonce = self._algorithms = b""
        self.realm: str | None = None
        self.software: str | None = None
        self.challenged_s: float | None = None
        self.unverified = 0

    def begin(self) -> None:
        """A new allocation: credentials are asked for anew, and nothing old is waited for."""
        self._open.clear()
        self._user = self._credentials() if self._credentials is not None else None
        self._key = None
        self._nonce = self._algorithms = b""
        self.realm = None

    def start(self, method: Method, attributes: Iterable[Attribute], subject: object, now: float) -> None:
        """Sends a request. Raises TurnError where too many are under way."""
        if len(self._open) >= MAX_REQUESTS:
            raise TurnError(TurnError.Reason.LIMIT, "too many requests at once")
        self._send_new(Request(method, tuple(attributes), subject, now), now)

    def under_way(self, method: Method, subject: object = None) -> bool:
        """Whether such a request waits for its answer."""
        return any(r.method == method and r.subject == subject for r in self._open.values())

    def deadline(self) -> float | None:
        """When the next repetition, or the next end, is due."""
        return min((request.due_s for request in self._open.values()), default=None)

    def handle_timeout(self, now: float) -> list[Outcome]:
        """Repeats what is due; gives those that nobody will answer any more."""
        silent = []
        for request in [r for r in self._open.values() if r.due_s <= now]:
            if now >= request.first_s + SILENCE_S:
                del self._open[request.id]
                error = TurnError(TurnError.Reason.UNREACHABLE)
                silent.append(Outcome(request, None, error, now - request.began_s))
            else:
                self._send(request, now)
        return silent

    def fail_all(self, error: TurnError, now: float) -> list[Outcome]:
        """Ends everything: the socket is of no use."""
        ended = [Outcome(request, None, error, now - request.began_s) for request in self._open.values()]
        self._open.clear()
        return ended

    def receive(self, message: StunMessage, data: bytes, now: float) -> Outcome | None:
        """An answer. None where it ends nothing: a stranger's, a forged one, or a challenge that is taken up."""
        request = self._open.get(message.transaction_id)
        if request is None or message.method != request.method:
            return None
        signed = message.get(attr.MESSAGE_INTEGRITY) or message.get(attr.MESSAGE_INTEGRITY_SHA256)
        succeeded = message.message_class is MessageClass.SUCCESS
        # A success that the server has not signed may be anybody's; some servers leave errors unsigned.
        if (
            request.tried
            and self._key is not None
            and (succeeded or signed)
            and not stun.verify_integrity(data, self._key)
        ):
            self.unverified += 1
            return None
        self.software = message.get(attr.SOFTWARE) or self.software
        del self._open[message.transaction_id]
        took_s = now - request.began_s
        self._rtt_s = (
            now - request.first_s
        )  # too long where the first send was lost: that only makes us patient
        rtt_s = self._rtt_s if request.sends == 1 else None
        if succeeded:
            return Outcome(request, message, None, took_s, rtt_s)
        code = message.error.code if message.error else 400
        if code in {401, 438} and (failure := self._challenged(code, message, request, now)) is None:
            return None
        if code not in {401, 438}:
            failure = TurnError.of_code(code, message.error.reason if message.error else "")
        return Outcome(request, message, failure, took_s, rtt_s)

    def _challenged(self, code: int, message: StunMessage, request: Request, now: float) -> TurnError | None:
        """Signs the request with what the server just told; the error where that is of no use."""
        realm, nonce = message.get(attr.REALM) or self.realm, message.get(attr.NONCE)
        said = message.error.reason if message.error else ""
        if realm is None or not nonce:
            return TurnError.of_code(code, said)
        if len(nonce) > MAX_TEXT_BYTES:
            return TurnError(TurnError.Reason.BAD_ANSWER, "its nonce is too long")
        first = not request.tried
        if first and self.challenged_s is None:
            self.challenged_s = now - request.began_s
        if self._user is None:
            self.realm = realm
            return TurnError(TurnError.Reason.NO_CREDENTIALS)
        request.stale += 1
        # 401 after a signature: the credentials are wrong, unless the realm was not the one they were for.
        if request.stale > MAX_STALE or (code == 401 and not first and realm == self.realm):
            return TurnError.of_code(code, said)
        try:
            offer = self._offer(message, nonce)
        except DecodeError as error:
            return TurnError(TurnError.Reason.BAD_ANSWER, error.detail)
        if realm != self.realm or self._key is None or offer != self._algorithms:
            if len(self._user.username.encode()) > MAX_USER_BYTES:
                return TurnError(TurnError.Reason.UNAUTHORIZED, "the username is too long")
            try:
                self._algorithms = offer
                self._key = stun.long_term_key(
                    self._user.username, realm, self._user.password, algorithm=hash_name(self._algorithm)
                )
            except InputError as error:
                return TurnError(TurnError.Reason.UNAUTHORIZED, error.detail)
        self.realm, self._nonce = realm, nonce
        self._send_new(request, now)
        return None

    def _offer(self, message: StunMessage, nonce: bytes) -> bytes:
        """The algorithms that the server offers, as it wrote them; empty: none. Raises DecodeError.

        Its nonce says whether there is an offer, so one that somebody on the way took out, or put in, is noticed.
        """
        value = message.get(attr.PASSWORD_ALGORITHMS) or b""
        if not offers_algorithms(nonce):
            return b""
        if not decode_algorithms(value):
            raise DecodeError(
                DecodeError.Reason.MALFORMED, "it offers no way to use a password that is known here"
            )
        return value

    @property
    def _algorithm(self) -> PasswordAlgorithm:
        """SHA-256 where it is offered."""
        return max(decode_algorithms(self._algorithms), default=PasswordAlgorithm.MD5)

    def _send_new(self, request: Request, now: float) -> None:
        """Encodes under a transaction id of its own, signed where a key is known, and sends."""
        request.id = self._random_bytes(12)
        attributes = request.attributes
        request.tried = b""
        if self._key is not None and self._user is not None and self.realm is not None:
            request.tried = self._nonce
            attributes += (
                attr.USERNAME(self._user.username),
                attr.REALM(self.realm),
                attr.NONCE(self._nonce),
            )
            if self._algorithms:
                attributes += (
                    attr.PASSWORD_ALGORITHMS(self._algorithms),
                    attr.PASSWORD_ALGORITHM(encode_algorithms(self._algorithm)),
                )
        message = StunMessage(request.method, MessageClass.REQUEST, request.id, attributes)
        request.data = stun.encode(message, integrity_key=self._key, integrity=stun.integrity_of(self._key))
        request.sends = 0
        request.first_s = now
        self._open[request.id] = request
        self._send(request, now)

    def _send(self, request: Request, now: float) -> None:
        """Sends; over UDP it is sent again soon, but not before an answer can be there."""
        least_s = max(now, request.first_s + PATIENCE * self._rtt_s)
        times = () if self._stream else (request.first_s + after_s for after_s in SENDS_S)
        request.due_s = next((at for at in times if at > least_s), request.first_s + SILENCE_S)
        request.sends += 1
        self._out.append(request.data)
