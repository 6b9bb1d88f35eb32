"""All sessions of one computer: dials and answers, sends every packet to the session that it is for.

The machine is driven like one session: `receive`, `poll_transmit`, `poll_event`, `deadline`. A dial and the
session that comes of it have one number; so has a session that somebody else began. After calling anything
of a session itself (`send_message`...), call `wake` with its number.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from netstack.core import seal
from netstack.core.departure import Departure
from netstack.core.entrance import Entrance
from netstack.core.fast_path import LEAST_BYTES, FastPath
from netstack.core.handshake import Entropy, Initiation, Secrets
from netstack.core.handshake_responder import HalfOpen, Responder
from netstack.core.identity import Identity, KnownPeer
from netstack.core.mtu_search import MtuCache
from netstack.core.reassembly import Budget
from netstack.core.session import Session
from netstack.core.session_receive import Buffer
from netstack.core.session_sender import Transmit
from netstack.core.session_table import SessionTable
from netstack.errors import DecodeError
from netstack.model.session import (
    CloseReason,
    DialFailed,
    Drop,
    Event,
    Flow,
    InvitationSpent,
    LinkTraits,
    MessageReceived,
    SessionError,
    TransportKind,
)
from netstack.wire import handshake as wire
from netstack.wire import packet
from netstack.wire.packet import FULL_HEADER, SEALED, Kind

MAX_SESSIONS: Final = 16384
MAX_DIALS: Final = 256
MAX_ANSWERS: Final = 256
FIRST_PACKET_BYTES: Final = 160
NOBODY: Final = -1
SMALL_BYTES: Final = 1000
SMALL_AT_ONCE: Final = 16
SEALED_SIX_BITS: Final = SEALED >> 2


class _Dial:
    __slots__ = ("first", "flow", "initiation", "previous_psk", "session")

    def __init__(
        self, initiation: Initiation, flow: Flow, previous_psk: bytes | None, first: tuple[bytes, ...]
    ) -> None:
        self.initiation = initiation
        self.flow = flow
        self.previous_psk = previous_psk
        self.first = first
        self.session: Session | None = None


class Endpoint:
    """`lookup` finds a known peer by its key; `remember` is told what to keep of a handshake that worked.

    `entrance` may refuse packets before anything is computed; `drops` counts.
    """

    def __init__(
        self,
        identity: Identity,
        entropy: Entropy,
        *,
        lookup: Callable[[bytes], KnownPeer | None],
        remember: Callable[[KnownPeer], None],
        entrance: Entrance | None = None,
        mtu_cache: MtuCache | None = None,
    ) -> None:
        self.identity = identity
        self.budget = Budget()
        self.mtu_cache = mtu_cache or MtuCache()
        self.departure = Departure()
        self.drops: Counter[Drop] = Counter()
        self.responder = Responder(identity, entropy, lookup, self._new_id)
        self._entropy = entropy
        self._lookup = lookup
        self._remember = remember
        self.entrance = entrance
        self._opener = seal.RunOpener()
        self._links: dict[int, LinkTraits] = {}
        self._table = SessionTable()
        self.sessions = self._table.sessions  # by number, to look at
        self._last_fast: tuple[int, int, FastPath] | None = None  # small packets mostly come from one peer
        self._dials: dict[int, _Dial] = {}
        self._next_psks: dict[int, bytes] = {}  # of sessions whose peer has not shown itself yet
        self._answers: deque[Transmit] = deque()
        self._events: deque[tuple[int, Event]] = deque()

    # What the caller wants.

    def add_link(self, link: int, traits: LinkTraits) -> None:
        """Packets may come and go on this link. Raises SessionError when a handshake does not fit."""
        if traits.mtu_bytes < FIRST_PACKET_BYTES:
            raise SessionError(SessionError.Reason.LINK_TOO_SMALL, f"{traits.mtu_bytes} bytes")
        self._links[link] = traits

    def traits(self, link: int) -> LinkTraits | None:
        """What a link is; None when it is gone."""
        return self._links.get(link)

    def remove_link(self, link: int, now: float) -> list[tuple[int, int]]:
        """The link is gone, and every path on it but those that wait to be moved: their sessions and ids are returned.

        Removing one that is not there does nothing.
        """
        stranded = []
        for number, path_id in self._table.on_link(link):
            if self.sessions[number].strand(path_id):
                stranded.append((number, path_id))
            else:
                self.sessions[number].close_path(path_id)
            self._table.touch(number, now)
        self._table.forget_link(link)
        self._links.pop(link, None)
        return stranded

    def dial(
        self,
        flow: Flow,
        now: float,
        *,
        peer: KnownPeer | None = None,
        psk: bytes | None = None,
        first: tuple[bytes, ...] = (),
    ) -> int:
        """Begins a session with a known peer, or a first meeting with `psk`. Returns its number.

        The messages `first` leave with the last message of the handshake, sealed for whoever knows `psk`, a round trip
        before the peer has shown itself. Raises SessionError at the limit.
        """
        shared = peer.psk if peer else psk
        if shared is None or flow.link not in self._links:
            raise ValueError("a known peer or a key, and a link, are needed")
        if len(self._dials) >= MAX_DIALS or len(self._table) >= MAX_SESSIONS:
            raise SessionError(SessionError.Reason.LIMIT, "sessions")
        number = self._new_id()
        key = peer.key if peer else None
        initiation = Initiation(self.identity, self._entropy, number, now, psk=shared, peer_key=key)
        self._dials[number] = _Dial(initiation, flow, peer.previous_psk if peer else None, first)
        return number

    def cancel(self, number: int) -> None:
        """Ends a dial. Ending one that is over does nothing."""
        dial = self._dials.pop(number, None)
        if dial is not None and dial.session is not None:
            self._next_psks.pop(number, None)
            self._table.remove(number)

    def wake(self, number: int, now: float) -> None:
        """Something was asked of the session."""
        if number in self.sessions:
            self._table.touch(number, now)
            if self.sessions[number].paths.changed:
                self._table.route(number, self.sessions[number], now)

    def hold(self, number: int, *, held: bool) -> None:
        """Keeps a session's events back while the caller cannot take them; or gives them again."""
        self._last_fast = None
        self._table.hold(number, held=held)

    def cap(
        self, peer_key: bytes | None, kind: TransportKind | None, bits_per_s: float | None, now: float
    ) -> None:
        """The user's cap, both ways, for a peer (None: each) over a transport (None: any); None takes it away.

        Raises ValueError when it is not above 0.
        """
        self._table.caps.set(peer_key, kind, None if bits_per_s is None else bits_per_s / 8)
        for session in self.sessions.values():
            session.cap(self._table.caps, now)

    def links_in_use(self) -> set[int]:
        """Links with a path or a dial on them."""
        return self._table.links() | {dial.flow.link for dial in self._dials.values()}

    # What comes in.

    def receive(
        self,
        data: Buffer,
        flow: Flow,
        now: float,
        *,
        segment_bytes: int = 0,
        gap_bytes: int = 0,
        received_at_s: float | None = None,
    ) -> None:
        """Takes a datagram, or datagrams of `segment_bytes` each. Never raises for what is in them.

        `gap_bytes` between them are not theirs.
        """
        traits = self._links.get(flow.link)
        size = len(data)
        single = not 0 < segment_bytes < size
        count = 1 if single else -(-size // (segment_bytes + gap_bytes))
        if (
            traits is not None
            and size > packet.FULL_HEADER_BYTES
            and data[0] & 0xFC == packet.SEALED
            and (route := self._table.by_id(data[1] << 16 | data[2] << 8 | data[3])) is not None
            and (single or seal.is_run(data, segment_bytes, gap_bytes))
        ):
            if self.entrance is None or self.entrance.admit(flow, size, count, now):
                self._deliver(route, data, flow, traits, now, segment_bytes, gap_bytes, received_at_s)
            else:
                self.drops[Drop.OVER_RATE] += count
            return
        if traits is None or size == 0:
            self.drops[Drop.UNKNOWN] += 1
            return
        if self.entrance is not None and not self.entrance.admit(flow, size, count, now):
            self.drops[Drop.OVER_RATE] += count
            return
        if single:
            self._receive(data, flow, traits, now, received_at_s)
            return
        for at in range(0, size, segment_bytes + gap_bytes):
            self._receive(data[at : at + segment_bytes], flow, traits, now, received_at_s)

    def receive_small(
        self, data: Buffer, flow: Flow, now: float, received_at: Callable[[], float | None]
    ) -> tuple[int, MessageReceived, FastPath] | None:
        """`receive` for one datagram. A message that nothing hinders is given back by hand, with the number of its session
        and its path, which may owe something when the message has been answered.

        `received_at` gives the kernel's stamp, which plain messages do without.
        """
        if len(data) >= LEAST_BYTES and not self._events:
            word, low = FULL_HEADER.unpack_from(data)
            found = self._last_fast
            if found is None or found[0] != word:
                found = self._last_fast = self._find_fast(word)
            if found is not None:
                _, number, fast = found
                if fast.admitted:
                    fast.admitted -= 1
                elif self.entrance is not None and not self._admit(self.entrance, fast, flow, len(data), now):
                    self.drops[Drop.OVER_RATE] += 1
                    return None
                message = fast.receive(data, word, low, flow, now)
                if message is not None:
                    return number, message, fast
                self._last_fast = None
                route, traits = self._table.routes.get(word & 0xFFFFFF), self._links.get(flow.link)
                if route is not None and traits is not None:
                    self._deliver(route, data, flow, traits, now, 0, 0, received_at())
                return None
        self.receive(data, flow, now, received_at_s=received_at())
        return None

    def _find_fast(self, word: int) -> tuple[int, int, FastPath] | None:
        """Whose a packet is that begins with this word, where it may take the fast path: the word, its session, the path."""
        route = self._table.routes.get(word & 0xFFFFFF)
        if route is None or word >> 26 != SEALED_SIX_BITS or route[0] in self._table.held:
            return None
        fast = self.sessions[route[0]].fast
        return None if fast is None else (word, route[0], fast)

    def _admit(self, entrance: Entrance, fast: FastPath, flow: Flow, size_bytes: int, now: float) -> bool:
        """Asks the entrance for several small packets at once, or for this one."""
        if entrance.admit(flow, SMALL_AT_ONCE * SMALL_BYTES, SMALL_AT_ONCE, now):
            fast.admitted = SMALL_AT_ONCE - 1
            return True
        return entrance.admit(flow, size_bytes, 1, now)

    def passed(self, number: int, fast: FastPath, now: float) -> None:
        """Something went by the fast path of a session at or after `FastPath.told_s`."""
        fast.told_s = self._table.passed(number, now)

    def _receive(
        self,
        data: Buffer,
        flow: Flow,
        traits: LinkTraits,
        now: float,
        received_at_s: float | None,
    ) -> None:
        route = None
        if traits.exclusive and data[0] < packet.LONG:
            route = self._table.by_link(flow.link)
        elif (kind := packet.classify(data)) is Kind.HANDSHAKE:
            self._handshake(bytes(data), flow, now)
            return
        elif kind is Kind.SEALED and len(data) > packet.FULL_HEADER_BYTES:
            receiver_id = int.from_bytes(data[1:4], "big")
            route = self._table.by_id(receiver_id)
            if route is None and (half_open := self.responder.waiting(receiver_id)) is not None:
                self._complete(half_open, data, flow, traits, now)
                return
        if route is None:
            self.drops[Drop.UNKNOWN] += 1
            return
        self._deliver(route, data, flow, traits, now, 0, 0, received_at_s)

    def _deliver(
        self,
        route: tuple[int, int],
        data: Buffer,
        flow: Flow,
        traits: LinkTraits,
        now: float,
        segment_bytes: int,
        gap_bytes: int,
        received_at_s: float | None,
    ) -> None:
        number, path_id = route
        session = self.sessions[number]
        opened = session.receive(
            data,
            path_id,
            flow,
            traits,
            now,
            segment_bytes=segment_bytes,
            gap_bytes=gap_bytes,
            received_at_s=received_at_s,
        )
        if opened or session.closed:
            if number in self._next_psks and session.established:
                self._established(number, session, now)
            self._table.touch(number, now)
            if session.paths.changed:
                self._table.route(number, session, now)

    def _handshake(self, raw: bytes, flow: Flow, now: float) -> None:
        try:
            message = wire.decode(raw)
        except wire.WrongVersionError as wrong:
            self._answer(self.responder.answer_wrong_version(wrong, raw), flow)
            return
        except DecodeError:
            self.drops[Drop.MALFORMED] += 1
            return
        if isinstance(message, wire.Xx3) and (route := self._table.by_id(message.receiver_id)):
            self.sessions[route[0]].ping()  # said twice: the initiator has not heard us
            self._table.touch(route[0], now)
        elif isinstance(message, wire.Xx1 | wire.Xx3 | wire.Ik1):
            pressed = self.entrance is not None and self.entrance.pressed(now)
            answer = self.responder.receive(message, raw, flow, now, under_load=pressed)
            self._answered(answer, message, flow, now)
        elif (dial := self._dials.get(message.receiver_id)) is not None and dial.flow == flow:
            dial.initiation.receive(message, now)
            self._after(message.receiver_id, dial, now)
        else:
            self.drops[Drop.UNKNOWN] += 1

    def _answered(self, answer: bytes | None, message: wire.Message, flow: Flow, now: float) -> None:
        if answer is not None and not (isinstance(message, wire.Ik1) and self._stay_initiator(message)):
            self._answer(answer, flow)
        for secrets, from_flow, _ in self.responder.met:
            if len(self._table) < MAX_SESSIONS:
                number, session = self._add(secrets, from_flow, now)
                session.confirm()
                self._established(number, session, now)
        self._events.extend((NOBODY, InvitationSpent()) for _ in self.responder.spent)
        self.responder.met.clear()
        self.responder.spent.clear()

    def _answer(self, raw: bytes, flow: Flow) -> None:
        if len(self._answers) < MAX_ANSWERS:
            self._answers.append(Transmit(flow, raw, len(raw), 1))

    def _stay_initiator(self, message: wire.Ik1) -> bool:
        """Both dial each other: the one with the smaller key does not answer."""
        half_open = self.responder.begun_with(message)
        if half_open is None or half_open.secrets is None:
            return False
        peer_key = half_open.secrets.peer_key
        dialled = any(dial.initiation.peer_key == peer_key for dial in self._dials.values())
        if dialled and self.identity.public < peer_key:
            self.responder.forget(half_open)
            return True
        return False

    def packet_refused(self, flow: Flow, size_bytes: int, now: float) -> None:
        """The system would not send a packet so large to where the flow leads (EMSGSIZE)."""
        for number, path_id in self._table.on_flow(flow):
            self.sessions[number].packet_refused(path_id, size_bytes, now)
            self._table.touch(number, now)

    # From handshake to session.

    def _after(self, number: int, dial: _Dial, now: float) -> None:
        """The handshake has moved on, or failed."""
        initiation = dial.initiation
        if initiation.failure is not None:
            reason = SessionError.Reason(initiation.failure.reason)
            if reason is SessionError.Reason.REFUSED and dial.previous_psk and initiation.peer_key:
                # The last message of the handshake before may have been lost: try the key before the newest.
                psk, dial.previous_psk = dial.previous_psk, None
                dial.initiation = Initiation(
                    self.identity, self._entropy, number, now, psk=psk, peer_key=initiation.peer_key
                )
                return
            self.cancel(number)
            self._events.append((number, DialFailed(reason)))
        elif initiation.secrets is not None and dial.session is None:
            _, dial.session = self._add(initiation.secrets, dial.flow, now)
            for message in dial.first:
                dial.session.send_message(message)
            if initiation.finished:
                dial.session.confirm()
                self._established(number, dial.session, now)

    def _complete(
        self, half_open: HalfOpen, data: Buffer, flow: Flow, traits: LinkTraits, now: float
    ) -> None:
        """A known peer's first sealed packet: only now is there a session."""
        secrets = half_open.secrets
        if secrets is None or flow != half_open.flow or len(self._table) >= MAX_SESSIONS:
            self.drops[Drop.UNKNOWN] += 1
            return
        session = self._make(secrets, flow, traits, now)
        if not session.receive(data, 0, flow, traits, now):
            self.drops[Drop.FORGED] += 1
            return
        self.responder.forget(half_open)
        for number, dial in list(self._dials.items()):
            if dial.initiation.peer_key == session.peer_key:
                self.cancel(number)
        self._put(secrets, session, now)
        self._established(secrets.receive_id, session, now)

    def _make(self, secrets: Secrets, flow: Flow, traits: LinkTraits, now: float) -> Session:
        return Session(
            secrets,
            flow,
            traits,
            now,
            entropy=self._entropy,
            new_id=self._new_id,
            budget=self.budget,
            mtu_cache=self.mtu_cache,
            departure=self.departure,
            opener=self._opener,
        )

    def _add(self, secrets: Secrets, flow: Flow, now: float) -> tuple[int, Session]:
        session = self._make(secrets, flow, self._links[flow.link], now)
        self._put(secrets, session, now)
        return secrets.receive_id, session

    def _put(self, secrets: Secrets, session: Session, now: float) -> None:
        self._table.add(secrets.receive_id, session, now)
        self._next_psks[secrets.receive_id] = secrets.next_psk
        self._table.touch(secrets.receive_id, now)

    def _established(self, number: int, session: Session, now: float) -> None:
        """The peer has shown itself: its keys are kept, and an older session with it ends."""
        if (dial := self._dials.pop(number, None)) is not None:
            dial.initiation.confirmed()
        psk = self._next_psks.pop(number)
        known = self._lookup(session.peer_key)
        self._remember(known.rotated(psk) if known else KnownPeer(session.peer_key, psk))
        before = self._table.established(number)
        if before is not None:
            self.sessions[before].close(CloseReason.REPLACED)
            self._table.touch(before, now)

    def _new_id(self) -> int:
        while True:
            receiver_id = int.from_bytes(self._entropy(3), "big")
            if not (
                self._table.taken(receiver_id)
                or receiver_id in self._dials
                or self.responder.taken(receiver_id)
            ):
                return receiver_id

    # What goes out, and when.

    def poll_transmit(self, now: float) -> Transmit | None:
        """The next packets to send."""
        if self._answers:
            return self._answers.popleft()
        self.responder.expire(now)
        for number, dial in list(self._dials.items()):
            dial.initiation.expire(now)
            if dial.initiation.failure is not None:
                self._after(number, dial, now)
            elif (raw := dial.initiation.poll_transmit(now)) is not None:
                return Transmit(dial.flow, raw, len(raw), 1)
        return self._table.poll_transmit(now)

    def poll_event(self, now: float) -> tuple[int, Event] | None:
        """The next event and the number of its session or dial (`NOBODY`: of none)."""
        return self._events.popleft() if self._events else self._table.poll_event(now)

    @property
    def ready(self) -> bool:
        """A session may have something to send."""
        return self._table.ready

    @property
    def sooner(self) -> bool:
        """The deadline may be earlier than was told."""
        return self._table.sooner

    @property
    def rests(self) -> bool:
        """Nothing is left to send, and what `deadline` said last is still early enough."""
        return not (
            self._table.sooner
            or self._table.ready
            or self._answers
            or self._events
            or self._dials
            or len(self.responder)
        )

    def deadline(self, now: float) -> float | None:
        """When to call `poll_transmit` although nothing happened; `now` or earlier: at once."""
        if self._answers:
            return now
        due = [self.responder.deadline(), self._table.deadline()]
        due += [dial.initiation.deadline() for dial in self._dials.values()]
        return min((each for each in due if each is not None), default=None)
