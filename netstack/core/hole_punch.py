"""Opens a way between two peers behind NATs: both check every pair of addresses at once (RFC 8445, shortened). Pure.

A check is a STUN Binding request whose MESSAGE-INTEGRITY is keyed by the session's secret, so a stranger can
neither ask nor answer. It leaves from the socket that the session will use. What differs from ICE: checks are
repeated every 60 ms for the first second and more slowly after, instead of after 500 ms and doubling, because the
first one often dies at a NAT that the other side has not opened yet; every pair that answers is reported at once and
better ones later, as sessions can move; nothing is nominated and nothing ends by itself but the checks.

Drive it so: after `add_remote`, `receive`, `refused` or `handle_timeout`, drain `poll_transmit()` and `poll_event()`, and
call `handle_timeout` at `deadline()`. Each of our sockets or relays is a `link` with a number; `relay_links` say which
ones are relays.
"""

import hmac
from collections import deque
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from netstack.errors import DecodeError
from netstack.model.address import Address, Family
from netstack.model.candidate import PREFERENCE, Candidate, CandidateKind, PairState, PairStory
from netstack.wire import stun
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import MessageClass, Method, StunMessage

FAST_GAP_S: Final = 0.06
FAST_S: Final = 1.0
SLOW_GAP_S: Final = 0.25
SLOW_S: Final = 4.0
LATE_GAP_S: Final = 1.0
GIVE_UP_S: Final = 15.0
MAX_PAIRS: Final = 40
MAX_CHECKS_PER_S: Final = 400
ANSWERS_PER_S: Final = 200
CONFIRM_CHECKS: Final = 3
USERNAME: Final = "peerscope"


class Transmit(NamedTuple):
    """A datagram to send on a link."""

    data: bytes
    link: int
    remote: Address


class PairAnswered(msgspec.Struct, frozen=True):
    """A pair works both ways: our check was answered. `rtt_s` is that of the answered try."""

    link: int
    remote: Address
    kind: CandidateKind
    rtt_s: float


class Exhausted(msgspec.Struct, frozen=True):
    """Every pair has been tried to its end; those that answered were reported."""


Event = PairAnswered | Exhausted


class _Pair:
    __slots__ = (
        "due_at",
        "heard",
        "kind",
        "link",
        "remote",
        "rtt_s",
        "sent",
        "sent_at",
        "started_at",
        "state",
    )

    def __init__(self, link: int, remote: Address, kind: CandidateKind, now: float) -> None:
        self.link = link
        self.remote = remote
        self.kind = kind
        self.state = PairState.TRYING
        self.started_at = self.due_at = now
        self.sent = 0
        self.heard = False
        self.rtt_s: float | None = None
        self.sent_at: dict[bytes, float] = {}


class HolePunch:
    """One side of the punching. `controlling` differs between the two; `secret` is what both know.

    A pair that does not answer is given up after `give_up_s`: people who carry notes by hand need longer.
    """

    def __init__(
        self,
        secret: bytes,
        random_bytes: Callable[[int], bytes],
        *,
        controlling: bool,
        links: Iterable[tuple[int, Family]],
        relay_links: Iterable[tuple[int, Family]] = (),
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self.rejected = 0
        self._give_up_s = give_up_s
        self._key = hmac.digest(secret, b"peerscope punch", sha256)
        self._random_bytes = random_bytes
        self._controlling = controlling
        self._tie = int.from_bytes(random_bytes(8), "big")
        self._links = dict(links)
        self._relays = dict(relay_links)
        self._pairs: dict[tuple[int, Address], _Pair] = {}
        self._remotes: list[Candidate] = []
        self._out: deque[Transmit] = deque()
        self._events: deque[Event] = deque()
        self._answers_left = float(ANSWERS_PER_S)
        self._answers_at = 0.0
        self._exhausted = False

    def add_remote(self, candidate: Candidate, now: float) -> None:
        """An address of the peer, told by signalling; doubles change nothing."""
        if candidate in self._remotes or len(self._remotes) >= MAX_PAIRS:
            return
        self._remotes.append(candidate)
        for link, family in self._links.items():
            self._pair(link, family, candidate, now)
        for link, family in self._relays.items():
            self._relay_pair(link, family, candidate, now)
        self._check_due(now)

    def add_link(self, link: int, family: Family, now: float, *, relay: bool = False) -> None:
        """A socket or a relay that came later."""
        (self._relays if relay else self._links)[link] = family
        for candidate in self._remotes:
            if relay:
                self._relay_pair(link, family, candidate, now)
            else:
                self._pair(link, family, candidate, now)
        self._check_due(now)

    def receive(self, data: bytes, link: int, source: Address, now: float) -> bool:
        """Takes a datagram that came on a link; False when it is none of ours."""
        if not stun.is_stun(data):
            return False
        try:
            message = stun.decode(data)
        except DecodeError:
            return False
        if message.message_class is MessageClass.SUCCESS:
            return self._answered(data, message, link, source, now)
        if message.message_class is not MessageClass.REQUEST or message.get(attr.USERNAME) != USERNAME:
            return False
        if not stun.verify_integrity(data, self._key) or self._is_our_own(message):
            self.rejected += 1
            return True
        self._asked(message, link, source, now)
        return True

    def refused(self, link: int, remote: Address, now: float) -> None:
        """The network says that nothing is there; a pair that never answered is given up for now, not for good."""
        pair = self._pairs.get((link, remote))
        if (
            pair is not None
            and pair.state is PairState.TRYING
            and not pair.heard
            and pair.sent >= CONFIRM_CHECKS
        ):
            pair.state = PairState.REFUSED
            self._look_whether_exhausted()

    def give_up(self) -> None:
        """It is over: what has not answered by now did not."""
        for pair in self._pairs.values():
            if pair.state is PairState.TRYING and pair.sent:
                pair.state = PairState.NO_REPLY

    def poll_transmit(self) -> Transmit | None:
        """The next datagram to send."""
        return self._out.popleft() if self._out else None

    def poll_event(self) -> Event | None:
        """What happened."""
        return self._events.popleft() if self._events else None

    def deadline(self) -> float | None:
        """When to call `handle_timeout`."""
        return min(
            (pair.due_at for pair in self._pairs.values() if pair.state is PairState.TRYING), default=None
        )

    def handle_timeout(self, now: float) -> None:
        """Sends the checks that are due."""
        self._check_due(now)

    @property
    def remotes(self) -> tuple[Candidate, ...]:
        """The addresses of the peer that were told."""
        return tuple(self._remotes)

    @property
    def is_direct(self) -> bool:
        """A pair without a relay has answered."""
        return any(
            pair.state is PairState.ANSWERED
            and pair.link not in self._relays
            and pair.kind is not CandidateKind.RELAYED
            for pair in self._pairs.values()
        )

    def check(self) -> bytes:
        """A check of no pair: whoever gets it checks back, and so it becomes one (`core.port_guessing`)."""
        return self._request(self._random_bytes(12))

    def is_check(self, data: bytes) -> bool:
        """It is a check of the peer."""
        try:
            message = stun.decode(data)
        except DecodeError:
            return False
        return (
            message.message_class is MessageClass.REQUEST
            and message.get(attr.USERNAME) == USERNAME
            and stun.verify_integrity(data, self._key)
            and not self._is_our_own(message)
        )

    def stories(self, used: tuple[int, Address] | None = None) -> tuple[PairStory, ...]:
        """What became of every pair, best kind first."""
        pairs = sorted(
            self._pairs.values(), key=lambda pair: (pair.link in self._relays, PREFERENCE[pair.kind])
        )
        return tuple(
            PairStory(
                kind=pair.kind,
                remote=str(pair.remote),
                state=pair.state,
                sent=pair.sent,
                heard=pair.heard,
                rtt_s=pair.rtt_s,
                by_relay=pair.link in self._relays,
                used=used == (pair.link, pair.remote),
            )
            for pair in pairs
        )

    def _pair(self, link: int, family: Family, candidate: Candidate, now: float) -> None:
        key = (link, candidate.address)
        if candidate.address.family is family and key not in self._pairs and len(self._pairs) < MAX_PAIRS:
            self._pairs[key] = _Pair(link, candidate.address, candidate.kind, now)
            self._exhausted = False

    def _relay_pair(self, link: int, family: Family, candidate: Candidate, now: float) -> None:
        """A relay reaches no private address, and one check opens it for all ports of a host."""
        known = any(
            pair.link == link and pair.remote.host == candidate.address.host for pair in self._pairs.values()
        )
        relayed = candidate.kind is CandidateKind.RELAYED
        if candidate.kind is not CandidateKind.HOST and (relayed or not known):
            self._pair(link, family, candidate, now)

    def _check_due(self, now: float) -> None:
        for pair in self._pairs.values():
            if pair.state is not PairState.TRYING or pair.due_at > now:
                continue
            age_s = now - pair.started_at
            if age_s >= self._give_up_s:
                pair.state = PairState.NO_REPLY
                continue
            self._check(pair, now)
            trying = sum(other.state is PairState.TRYING for other in self._pairs.values())
            gap_s = FAST_GAP_S if age_s < FAST_S else SLOW_GAP_S if age_s < SLOW_S else LATE_GAP_S
            pair.due_at = now + max(gap_s, trying / MAX_CHECKS_PER_S)
        self._look_whether_exhausted()

    def _check(self, pair: _Pair, now: float) -> None:
        transaction_id = self._random_bytes(12)
        pair.sent += 1
        pair.sent_at[transaction_id] = now
        while len(pair.sent_at) > 32:
            del pair.sent_at[next(iter(pair.sent_at))]
        self._out.append(Transmit(self._request(transaction_id), pair.link, pair.remote))

    def _request(self, transaction_id: bytes) -> bytes:
        role = attr.ICE_CONTROLLING if self._controlling else attr.ICE_CONTROLLED
        request = StunMessage(
            Method.BINDING, MessageClass.REQUEST, transaction_id, (attr.USERNAME(USERNAME), role(self._tie))
        )
        return stun.encode(request, integrity_key=self._key)

    def _is_our_own(self, message: StunMessage) -> bool:
        """A check that was turned back at us, by a NAT or by somebody who hopes to be taken for the peer."""
        ours = attr.ICE_CONTROLLING if self._controlling else attr.ICE_CONTROLLED
        return message.get(ours) is not None

    def _asked(self, message: StunMessage, link: int, source: Address, now: float) -> None:
        """The peer's check came in: answer it, and check back at once where it came from."""
        self._answers_left = min(ANSWERS_PER_S, self._answers_left + (now - self._answers_at) * ANSWERS_PER_S)
        self._answers_at = now
        if self._answers_left < 1:
            self.rejected += 1
            return
        self._answers_left -= 1
        answer = stun.success(message, attr.XOR_MAPPED_ADDRESS(source))
        self._out.append(Transmit(stun.encode(answer, integrity_key=self._key), link, source))
        pair = self._pairs.get((link, source))
        if pair is None:
            family = self._links.get(link) or self._relays.get(link)
            if family is None:
                return
            self._pair(link, family, Candidate(CandidateKind.PEER_REFLEXIVE, source), now)
            pair = self._pairs.get((link, source))
            if pair is None:
                return
        pair.heard = True
        if pair.state is not PairState.ANSWERED:
            if pair.state is not PairState.TRYING:
                pair.state = PairState.TRYING
                pair.started_at = now
                self._exhausted = False
            pair.due_at = now
            self._check_due(now)

    def _answered(self, data: bytes, message: StunMessage, link: int, source: Address, now: float) -> bool:
        for pair in self._pairs.values():
            sent_at = pair.sent_at.get(message.transaction_id)
            if sent_at is None:
                continue
            if not stun.verify_integrity(data, self._key) or (link, source) != (pair.link, pair.remote):
                self.rejected += 1
                return True
            if pair.state is not PairState.ANSWERED:
                pair.state = PairState.ANSWERED
                pair.rtt_s = now - sent_at
                self._events.append(PairAnswered(link, source, pair.kind, pair.rtt_s))
                self._look_whether_exhausted()
            return True
        return False

    def _look_whether_exhausted(self) -> None:
        trying = any(pair.state is PairState.TRYING for pair in self._pairs.values())
        if self._pairs and not trying and not self._exhausted:
            self._exhausted = True
            self._events.append(Exhausted())
