"""Two who share a session code agree on a key over mailboxes that anybody may read, write and repeat. Pure.

    guest: HELLO ->            host: OFFER(X)                    either may come first, and be repeated
    guest: REPLY(Y, proof) ->  host: checks, CONFIRM(proof)      then both: SEALED notes

SPAKE2 (the library's Ed25519 group) with both roles and the nameplate in its transcript. The guest proves first: a
stranger who plays guest gains one guess for each of three attempts, and every one of them is counted here; one
who plays host gains one guess for each reply, and a guest gives three at most.

Drive it so: after `receive`, `send`, `handle_timeout` or `close`, drain `poll_transmit()` and `poll_event()`, and call
`handle_timeout` at `deadline()`. `Ended` is the last event. Both sides need the same code, `now` counts seconds.
"""

import hmac
from collections import deque
from collections.abc import Callable

import msgspec
from spake2 import SPAKE2_A, SPAKE2_B, SPAKEError

from netstack.core.meeting_keys import MeetingKeys, identities
from netstack.core.sealed_mailbox import SealedMailbox
from netstack.core.session_code import SessionCode
from netstack.errors import DecodeError
from netstack.model.meeting import MeetingError, Role
from netstack.wire.signal import (
    ELEMENT_BYTES,
    ID_BYTES,
    Confirm,
    Hello,
    Offer,
    Refusal,
    Refused,
    Reply,
    Sealed,
    Signal,
    decode,
    encode,
)

LIFE_S = 600.0
MAX_FAILURES = 3
FIRST_REPEAT_S, LONGEST_REPEAT_S = 0.5, 8.0
FIRST_ANSWER_GAP_S, LONGEST_ANSWER_GAP_S = 0.05, 2.0
GRACE_S = 2.0
UNANSWERED_S = 3.0
LAST_CHANCE_S = 8.0
MAX_ANSWERS = 64
EARLY_NOTES = 8
EVERYBODY = bytes(ID_BYTES)

_R = MeetingError.Reason
_ENDS = {Refusal.WRONG: _R.WRONG_CODE, Refusal.USED: _R.USED, Refusal.ENDED: _R.TOO_MANY_FAILURES}


class Confirmed(msgspec.Struct, frozen=True):
    """Both have proved the code. `psk` (32 B) is for the session's handshake (Noise XXpsk3)."""

    psk: bytes

    def __repr__(self) -> str:
        return "Confirmed()"


class Received(msgspec.Struct, frozen=True):
    """A sealed note of the peer."""

    payload: bytes


class Failed(msgspec.Struct, frozen=True):
    """A confirmation failed; after `left` more the invitation ends."""

    left: int


class Ended(msgspec.Struct, frozen=True):
    """It is over; `error` is None after `close`."""

    error: MeetingError | None


Event = Confirmed | Received | Failed | Ended


class _Repeat:
    """A note that is sent again, more and more rarely."""

    def __init__(self, note: bytes, now: float) -> None:
        self.note = note
        self._gap_s = FIRST_REPEAT_S
        self._sent_at = now
        self._answer_gap_s = FIRST_ANSWER_GAP_S
        self.due_at = now + self._gap_s

    def again(self, now: float) -> None:
        self._sent_at = now
        self._gap_s = min(2 * self._gap_s, LONGEST_REPEAT_S)
        self.due_at = now + self._gap_s

    def asked_for(self, now: float) -> bool:
        """Whether to send at once because the peer seems to have missed it; soon, where it was just sent."""
        if now - self._sent_at < self._answer_gap_s:
            self.due_at = min(self.due_at, self._sent_at + self._answer_gap_s)
            return False
        self._sent_at = now
        self._answer_gap_s = min(2 * self._answer_gap_s, LONGEST_ANSWER_GAP_S)
        return True


class Invitation:
    """What both sides share: life, repeats, the mailbox once it is open. Use `HostInvitation` or `GuestInvitation`."""

    role: Role

    def __init__(self, code: SessionCode, random_bytes: Callable[[int], bytes], now: float) -> None:
        self._code = code
        self._random_bytes = random_bytes
        self._expires_at = now + LIFE_S
        self._out: deque[bytes] = deque()
        self._events: deque[Event] = deque()
        self._repeat: _Repeat | None = None
        self._mailbox: SealedMailbox | None = None
        self._attempt = b""
        self._answers_left = MAX_ANSWERS
        self.failures = 0
        self.dropped = 0
        self.ended = False

    @property
    def confirmed(self) -> bool:
        """Both have proved the code, and `send` may be used."""
        return self._mailbox is not None and not self.ended

    @property
    def unacknowledged(self) -> int:
        """How many sealed notes the peer has not acknowledged."""
        return self._mailbox.waiting if self._mailbox else 0

    def send(self, payload: bytes, now: float) -> None:
        """Sends a note to the peer alone. Raises MeetingError (too long), RuntimeError before `Confirmed`."""
        if self._mailbox is None or self.ended:
            raise RuntimeError("nothing is sent before both have proved the code")
        self._mailbox.send(payload, now)

    def receive(self, data: bytes, now: float) -> None:
        """Takes a note from any mailbox; what is not for us, not sound or not new is dropped and counted."""
        if self.ended:
            return
        try:
            note = decode(data)
        except DecodeError:
            self.dropped += 1
            return
        if isinstance(note, Sealed):
            self._open(note)
        else:
            self._take(note, now)

    def poll_transmit(self) -> bytes | None:
        """The next note for every mailbox."""
        if self._out:
            return self._out.popleft()
        return self._mailbox.poll_transmit() if self.confirmed and self._mailbox else None

    def poll_event(self) -> Event | None:
        """What has happened."""
        return self._events.popleft() if self._events else None

    def deadline(self) -> float | None:
        """When to call `handle_timeout`; None once it has ended."""
        if self.ended:
            return None
        dues = [self._expires_at]
        if self._repeat is not None:
            dues.append(self._repeat.due_at)
        if self._mailbox is not None and (due := self._mailbox.deadline()) is not None:
            dues.append(due)
        return min(dues)

    def handle_timeout(self, now: float) -> None:
        """Repeats what is due, and ends what is over."""
        if self.ended:
            return
        if now >= self._expires_at:
            self._end(None if self._mailbox else MeetingError(_R.EXPIRED))
            return
        if self._repeat is not None and self._repeat.due_at <= now:
            self._repeat.again(now)
            self._out.append(self._repeat.note)
        if self._mailbox is not None:
            self._mailbox.handle_timeout(now)

    def close(self) -> None:
        """Ends it; nothing is sent any more."""
        self._end(None)

    def _take(self, note: Signal, now: float) -> None:
        raise NotImplementedError

    def _open(self, note: Sealed) -> None:
        if self._mailbox is None or (payload := self._mailbox.receive(note)) is None:
            self.dropped += self._mailbox is None
            return
        self._events.append(Received(payload))

    def _confirm(self, attempt: bytes, keys: MeetingKeys) -> None:
        self._attempt = attempt
        host = self.role is Role.HOST
        ours, theirs = (keys.host_seal, keys.guest_seal) if host else (keys.guest_seal, keys.host_seal)
        self._mailbox = SealedMailbox(attempt, ours, theirs, from_host=host)
        self._events.append(Confirmed(keys.psk))

    def _end(self, error: MeetingError | None) -> None:
        if not self.ended:
            self.ended = True
            self._repeat = None
            self._events.append(Ended(error))


class HostInvitation(Invitation):
    """The side that made the code."""

    role = Role.HOST

    def __init__(self, code: SessionCode, random_bytes: Callable[[int], bytes], now: float) -> None:
        super().__init__(code, random_bytes, now)
        self._refused: dict[bytes, Refused] = {}
        self._accepted: Reply | None = None
        self._confirmation: _Repeat | None = None
        self._offer_anew(now)

    def _offer_anew(self, now: float) -> None:
        """A fresh element for each attempt: one element is good for one guess."""
        self._attempt = self._random_bytes(ID_BYTES)
        self._spake = SPAKE2_A(
            self._code.password, **identities(self._code.nameplate), entropy_f=self._random_bytes
        )
        self._element = self._spake.start()[1:]
        self._repeat = _Repeat(encode(Offer(self._attempt, self._element)), now)
        self._out.append(self._repeat.note)

    def _take(self, note: Signal, now: float) -> None:
        if isinstance(note, Hello):
            self._greet(note, now)
        elif isinstance(note, Reply):
            self._check(note, now)
        else:
            self.dropped += isinstance(note, Confirm | Refused)

    def _greet(self, note: Hello, now: float) -> None:
        if self._accepted is not None:
            if note.guest != self._accepted.guest:
                self._refuse(Refused(note.guest, Refusal.USED, self.failures))
        elif self._repeat is not None and self._repeat.asked_for(now):
            self._out.append(self._repeat.note)

    def _check(self, reply: Reply, now: float) -> None:
        if reply == self._accepted:
            if self._confirmation is not None and self._confirmation.asked_for(now):
                self._out.append(self._confirmation.note)
        elif self._accepted is not None:
            self._refuse(Refused(reply.guest, Refusal.USED, self.failures))
        elif (known := self._refused.get(reply.attempt)) is not None:
            stale = Refused(reply.guest, Refusal.STALE, self.failures)
            self._refuse(known if known.guest == reply.guest else stale)
        elif reply.attempt == self._attempt:
            self._finish(reply, now)
        else:
            self.dropped += 1

    def _finish(self, reply: Reply, now: float) -> None:
        try:
            secret = self._spake.finish(b"B" + reply.element)
        except (SPAKEError, ValueError, AssertionError):
            secret = b""  # no element of the group: as wrong as any other
        keys = MeetingKeys(secret, self._code.nameplate, reply, self._element)
        if secret and hmac.compare_digest(reply.proof, keys.guest_proof):
            self._accepted = reply
            self._repeat = None
            note = encode(Confirm(reply.attempt, reply.guest, keys.host_proof))
            self._confirmation = _Repeat(note, now)
            self._out.append(note)
            self._confirm(reply.attempt, keys)
            return
        self.failures += 1
        left = MAX_FAILURES - self.failures
        refusal = Refused(reply.guest, Refusal.WRONG if left else Refusal.ENDED, self.failures)
        self._refused[reply.attempt] = refusal
        self._refuse(refusal)
        self._events.append(Failed(left))
        if left:
            self._offer_anew(now)
        else:
            self._refuse(Refused(EVERYBODY, Refusal.ENDED, self.failures))
            self._end(MeetingError(_R.TOO_MANY_FAILURES))

    def _refuse(self, refusal: Refused) -> None:
        if self._answers_left:
            self._answers_left -= 1
            self._out.append(encode(refusal))
            if refusal.reason is Refusal.STALE and self._repeat is not None:
                self._out.append(self._repeat.note)


class _Tried:
    """An offer that the guest has answered."""

    def __init__(self, keys: MeetingKeys, note: bytes, now: float) -> None:
        self.keys = keys
        self.repeat = _Repeat(note, now)
        self.began_at = now
        self.stale = False


class GuestInvitation(Invitation):
    """The side that typed the code."""

    role = Role.GUEST

    def __init__(self, code: SessionCode, random_bytes: Callable[[int], bytes], now: float) -> None:
        super().__init__(code, random_bytes, now)
        self._guest = random_bytes(ID_BYTES)
        self._tried: dict[bytes, _Tried] = {}
        self._verdict: tuple[float, MeetingError] | None = None
        self._early: deque[Sealed] = deque(maxlen=EARLY_NOTES)
        self._repeat = _Repeat(encode(Hello(self._guest)), now)
        self._out.append(self._repeat.note)

    def deadline(self) -> float | None:
        """When to call `handle_timeout`."""
        due = super().deadline()
        if due is None or self._mailbox is not None:
            return due
        others = [tried.repeat.due_at for tried in self._tried.values()]
        others += [self._verdict[0]] if self._verdict else []
        others += [self._last_chance()] if len(self._tried) == MAX_FAILURES else []
        return min([due, *others])

    def handle_timeout(self, now: float) -> None:
        """Repeats what is due, and ends what is over."""
        if not self.ended and self._mailbox is None:
            if self._verdict is not None and now >= self._verdict[0]:
                self._end(self._verdict[1])
            elif len(self._tried) == MAX_FAILURES and now >= self._last_chance():
                self.failures = MAX_FAILURES
                self._end(MeetingError(_R.TOO_MANY_FAILURES))
            else:
                for tried in self._tried.values():
                    if tried.repeat.due_at <= now:
                        tried.repeat.again(now)
                        self._out.append(tried.repeat.note)
        super().handle_timeout(now)

    def _last_chance(self) -> float:
        return max(tried.began_at for tried in self._tried.values()) + LAST_CHANCE_S

    def _take(self, note: Signal, now: float) -> None:
        if isinstance(note, Offer):
            self._answer(note, now)
        elif isinstance(note, Confirm):
            self._check(note)
        elif isinstance(note, Refused):
            self._heed(note, now)
        else:
            self.dropped += 1

    def _answer(self, offer: Offer, now: float) -> None:
        known = self._tried.get(offer.attempt)
        if known is not None:
            if self._mailbox is None and known.repeat.asked_for(now):
                self._out.append(known.repeat.note)
            return
        given_up = self._verdict is not None and self._tried
        if self._mailbox is not None or given_up or not self._may_try(now):
            self.dropped += 1
            return
        spake = SPAKE2_B(
            self._code.password, **identities(self._code.nameplate), entropy_f=self._random_bytes
        )
        element = spake.start()[1:]
        try:
            secret = spake.finish(b"A" + offer.element)
        except (SPAKEError, ValueError, AssertionError):
            self.dropped += 1  # no element of the group: nothing was proved to anybody
            return
        unproved = Reply(offer.attempt, self._guest, element, bytes(ELEMENT_BYTES))
        keys = MeetingKeys(secret, self._code.nameplate, unproved, offer.element)
        note = encode(Reply(offer.attempt, self._guest, element, keys.guest_proof))
        self._tried[offer.attempt] = _Tried(keys, note, now)
        self._repeat = None
        self._out.append(note)

    def _may_try(self, now: float) -> bool:
        """Another offer is answered only where the one before has come to nothing: each answer risks a guess."""
        if len(self._tried) >= MAX_FAILURES:
            return False
        return all(tried.stale or now - tried.began_at >= UNANSWERED_S for tried in self._tried.values())

    def _check(self, note: Confirm) -> None:
        tried = self._tried.get(note.attempt)
        if (
            self._mailbox is not None
            or tried is None
            or note.guest != self._guest
            or not hmac.compare_digest(note.proof, tried.keys.host_proof)
        ):
            self.dropped += 1
        else:
            self._verdict = None
            self._confirm(note.attempt, tried.keys)
            for early in self._early:
                self._open(early)
            self._early.clear()

    def _heed(self, note: Refused, now: float) -> None:
        """Anybody can forge a refusal, so a right confirmation within two seconds still counts."""
        to_all = note.guest == EVERYBODY and note.reason is Refusal.ENDED
        too_early = note.reason is Refusal.WRONG and not self._tried
        if self._mailbox is not None or too_early or (note.guest != self._guest and not to_all):
            self.dropped += 1
        elif note.reason is Refusal.STALE:
            for tried in self._tried.values():
                tried.stale = True
        elif self._verdict is None:
            self.failures = min(note.failures, MAX_FAILURES)
            if note.reason is not Refusal.USED:
                self._events.append(Failed(MAX_FAILURES - self.failures))
            self._verdict = (now + GRACE_S, MeetingError(_ENDS[note.reason]))

    def _open(self, note: Sealed) -> None:
        if self._mailbox is None:
            if note.from_host and note.attempt in self._tried:
                self._early.append(note)
            else:
                self.dropped += 1
            return
        super()._open(note)
