"""Two people meet: a code on one side, the code on the other, and a sealed session between them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import msgspec

from netstack.core.identity import Identity, fingerprint
from netstack.core.known_peer import daily_code, days, role_of
from netstack.core.mtu_search import MtuCache
from netstack.core.paste_invitation import (
    LIFE_S,
)
from netstack.core.rate_limits import RateLimits
from netstack.core.session_code import SessionCode
from netstack.core.stun_uri import parse_stun_uri
from netstack.core.turn_uri import parse_turn_uri
from netstack.model.config import Cap, TurnServer
from netstack.model.guard import SuspectState
from netstack.model.meeting import MeetingError, Role
from netstack.model.pair import NatFacts
from netstack.model.session import SessionError, TransportKind
from netstack.model.turn import TurnCredentials
from netstack.model.webrtc import IceServers
from netstack.net.protocol import Net
from netstack.radio.one_radio import OpenRadio
from netstack.rendezvous.ble import BleDriver
from netstack.rendezvous.driver import Driver
from netstack.service.attempt import Attempt, Met, PasteAttempt
from netstack.service.connection import Connection
from netstack.service.gathering import Gathering, Relay
from netstack.service.ice_servers import choose_ice_servers
from netstack.service.known_ways import known_ways
from netstack.service.meeting import Meeting, invite
from netstack.service.nearby import channel_of
from netstack.service.path_upkeep import PathUpkeep, Remeet
from netstack.service.peer_book import PeerBook
from netstack.service.port_mapping import PortMappingService
from netstack.service.punching import Punching
from netstack.service.session_notes import SessionNotes
from netstack.service.sessions import Sessions
from netstack.service.signalling import Notes
from netstack.service.traversal import LIMIT_S, Traversal, TraversalError
from netstack.tasks import TaskScope
from netstack.transport.ble import BleTransport
from netstack.wire.candidate_note import About, CandidateNote, NatNote

ACCEPTED: Final = 8
KEEP_OPEN_S: Final = 15.0
FAREWELL_S: Final = 5.0
"""So long a mailbox is kept after the session is up: what was said there may still be on its way."""

MakeDrivers = Callable[[], Sequence[Driver]]


class Peers:
    """Our side of meetings: one identity, and for each meeting sockets of its own. Close it at the end.

    `name` and `nat` (what our NAT check found out) are told to whom we meet. `mappings` opens ports on the router, where
    the user has agreed to it;
    `guess_ports`: the user lets many ports be tried. `open_radio` is for those who want Bluetooth,
    `webrtc` lets a peer ask for that: it opens sockets of its own, which only the real network has.
    """

    def __init__(
        self,
        net: Net,
        identity: Identity,
        book: PeerBook,
        *,
        name: str = "",
        stun: Sequence[str] = (),
        turn: Sequence[TurnServer] = (),
        caps: Sequence[Cap] = (),
        limits: RateLimits | None = None,
        open_radio: OpenRadio | None = None,
        mtu_cache: MtuCache | None = None,
        webrtc: bool = False,
    ) -> None:
        self.name = name
        self._open_radio = open_radio
        self._mtu_cache = mtu_cache or MtuCache()
        self.nat: NatFacts | None = None
        self.mappings: PortMappingService | None = None
        self.guess_ports = False
        self.identity = identity
        self._net = net
        self._book = book
        self._caps = tuple(caps)
        self._limits = limits
        self._webrtc = webrtc
        self.set_servers(stun, turn)
        self._open: dict[Connection, Sessions] = {}
        self._tasks = TaskScope("peers")

    def set_servers(self, stun: Sequence[str], turn: Sequence[TurnServer]) -> None:
        """Whom to ask from the next meeting on; `turn` with its passwords. Raises InputError, TurnError."""
        self._stun, self._turn = tuple(stun), tuple(turn)
        self._servers = tuple(map(parse_stun_uri, stun))
        self._relays = tuple(
            Relay(parse_turn_uri(each.url), TurnCredentials(each.username, each.password)) for each in turn
        )

    def set_caps(self, caps: Sequence[Cap]) -> None:
        """How much may flow, from now on, in open sessions too."""
        old, self._caps = self._caps, tuple(caps)
        for connection, sessions in self._open.items():
            if connection.session is not None:
                key = connection.session.peer_key
                _cap(sessions, [msgspec.structs.replace(cap, bits_per_s=0) for cap in old], key)
                _cap(sessions, self._caps, key)

    def set_limits(self, limits: RateLimits) -> None:
        """What may come in, from now on, to open sessions too."""
        self._limits = limits
        for sessions in self._open.values():
            sessions.limit(limits)

    async def invite(self, make_drivers: MakeDrivers, attempt: Attempt) -> Met:
        """Makes a code (`attempt.meeting.code`) and meets whoever has it. Raises as `meet` does."""
        self._look_whether_hidden(attempt)
        async with AsyncExitStack() as stack:
            meeting = attempt.meeting = await invite(self._net, make_drivers, on_change=attempt.changed)
            stack.push_async_callback(meeting.close)
            attempt.changed()
            psk = await meeting.confirmed()
            return await self._connect(stack, psk, Role.HOST, meeting, attempt, make_drivers)

    async def meet(
        self,
        role: Role,
        code: SessionCode,
        drivers: Sequence[Driver],
        attempt: Attempt | None = None,
        *,
        make_drivers: MakeDrivers | None = None,
    ) -> Met:
        """Meets whoever has the same code. Raises MeetingError, TraversalError, SessionError, NetError.

        `make_drivers` makes more of them, by which the two find each other again when the network changes under both.
        """
        attempt = attempt or Attempt()
        self._look_whether_hidden(attempt)
        async with AsyncExitStack() as stack:
            meeting = attempt.meeting = Meeting(self._net, role, code, drivers, on_change=attempt.changed)
            await stack.enter_async_context(meeting)
            attempt.changed()
            psk = await meeting.confirmed()
            return await self._connect(stack, psk, role, meeting, attempt, make_drivers)

    async def reconnect(
        self,
        key: bytes,
        make_drivers: MakeDrivers,
        attempt: Attempt | None = None,
        *,
        side: Role | None = None,
    ) -> Met:
        """Meets a known peer without a code. Raises as `meet` does.

        `side` GUEST calls, HOST waits to be called; None: both do the same. MeetingError.ABSENT: the other side did not
        come within ten minutes.
        """
        attempt = attempt or Attempt()
        self._look_whether_hidden(attempt)
        role = side or role_of(self.identity, key)
        called = {Role.GUEST: key, Role.HOST: self.identity.public}
        purpose = "peers" if side is None else f"calls of {called[side].hex()}"
        async with AsyncExitStack() as stack, TaskScope("known peer") as tasks:
            waiting: dict[asyncio.Task[bytes | MeetingError], Meeting] = {}
            for day in days(role, self._net.wall_time()):
                code = daily_code(self.identity, key, day, purpose=purpose)
                meeting = Meeting(self._net, role, code, make_drivers(), on_change=attempt.changed)
                await stack.enter_async_context(meeting)
                attempt.meeting = meeting
                waiting[tasks.start(_confirmed(meeting), f"day {day}")] = meeting
            attempt.changed()
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            first = done.pop()
            psk = first.result()
            if isinstance(psk, MeetingError):
                absent = psk.reason is MeetingError.Reason.EXPIRED
                raise MeetingError(MeetingError.Reason.ABSENT) if absent else psk
            attempt.meeting = waiting[first]
            met = await self._connect(stack, psk, role, attempt.meeting, attempt, make_drivers)
        if met.established.peer_key != key:
            await self.hang_up(met.connection)
            raise SessionError(SessionError.Reason.WRONG_KEY)
        return met

    async def invite_by_paste(self, attempt: PasteAttempt, make_drivers: MakeDrivers | None = None) -> Met:
        """Makes an invitation that is carried by hand (`attempt.text`), and meets whoever has it.

        The reply is given to `attempt.take_reply`; who reaches us without it is met at once. Raises as `meet` does.
        """
        self._look_whether_hidden(attempt)
        sessions, accepted = self._sessions()
        try:
            gathering, psk = await self._gather(sessions, attempt)
        except BaseException:
            await sessions.close()
            raise
        async with TaskScope("paste") as tasks:
            tasks.start(_keep_open(gathering), "keep open")
            try:
                return await self._traverse(
                    sessions,
                    accepted,
                    attempt.notes,
                    psk,
                    Role.HOST,
                    attempt,
                    make_drivers,
                    gathered=gathering,
                    limit_s=LIFE_S,
                )
            except TraversalError as error:
                raise error if attempt.replied else MeetingError(MeetingError.Reason.EXPIRED) from error

    async def join_by_paste(
        self, text: str, attempt: PasteAttempt, make_drivers: MakeDrivers | None = None
    ) -> Met:
        """Meets whoever made the invitation; `attempt.text` is the reply to carry back. Raises as `meet` does."""
        self._look_whether_hidden(attempt)
        psk = attempt.open(text, self._net.wall_time(), self._net.random_bytes)
        sessions, accepted = self._sessions()
        return await self._traverse(
            sessions, accepted, attempt.notes, psk, Role.GUEST, attempt, make_drivers, limit_s=LIFE_S
        )

    async def _gather(self, sessions: Sessions, attempt: PasteAttempt) -> tuple[Gathering, bytes]:
        """Our addresses, before there is a key, as they are a part of it; then the key."""
        ours: list[CandidateNote] = [About(name=self.name)]
        punching = Punching(self._net, b"", controlling=False, answered=lambda _: None)
        gathering = Gathering(
            self._net,
            sessions,
            punching,
            servers=self._servers,
            relays=self._relays,
            known=self.nat,
            hidden=attempt.hidden,
            mappings=self.mappings,
            tell=ours.append,
        )
        try:
            await gathering.open()
            await gathering.run()
        finally:
            punching.close()
        ours.append(NatNote(gathering.facts))
        return gathering, attempt.make(ours, self._net.wall_time(), self._net.random_bytes)

    def wall_time(self) -> float:
        """Seconds since 1970, as invitations count."""
        return self._net.wall_time()

    async def hang_up(self, connection: Connection) -> None:
        """Says good-bye and closes its sockets. Does nothing for one that is gone."""
        sessions = self._open.pop(connection, None)
        if sessions is not None:
            await sessions.close()

    def suspects(self) -> tuple[SuspectState, ...]:
        """Who brought far too much, with the end as a time of day."""
        off_s = self._net.wall_time() - self._net.now()
        return tuple(
            SuspectState(each.peer, each.over, round(each.until_s + off_s, 1))
            for sessions in self._open.values()
            for each in sessions.suspects()
        )

    def guard(self) -> tuple[Counter[str], int]:
        """Packets that the open sessions' entrances did not let in, by reason, and how many peers are suspect now."""
        dropped: Counter[str] = Counter()
        suspects = 0
        for connection, sessions in self._open.items():
            dropped.update(sessions.refused())
            suspects += len(sessions.suspects())
            if connection.session is not None:
                dropped.update({drop.value: count for drop, count in connection.session.drops.items()})
        return dropped, suspects

    async def close(self) -> None:
        """Ends every session and socket. May be called twice."""
        await self._tasks.close()
        while self._open:
            await self.hang_up(next(iter(self._open)))

    def _look_whether_hidden(self, attempt: Attempt) -> None:
        """Before anybody is kept waiting for what cannot be."""
        if attempt.hidden and not self._relays:
            raise TraversalError(TraversalError.Reason.NO_RELAY)

    async def _connect(
        self,
        stack: AsyncExitStack,
        psk: bytes,
        role: Role,
        meeting: Meeting,
        attempt: Attempt,
        make_drivers: MakeDrivers | None,
    ) -> Met:
        """From the agreed key to a session. What `stack` holds is kept for some seconds more."""
        channel = await channel_of(meeting, psk, role, attempt.only, self._open_radio)
        sessions, accepted = self._sessions()
        near = None if channel is None else sessions.add_transport(partial(BleTransport, channel))
        met = await self._traverse(sessions, accepted, meeting, psk, role, attempt, make_drivers, near=near)
        self._tasks.start(_farewell(stack.pop_all()), "farewell")
        return met

    def _sessions(self) -> "tuple[Sessions, asyncio.Queue[Connection]]":
        """Sockets for one meeting, and who comes in on them."""
        accepted: asyncio.Queue[Connection] = asyncio.Queue(ACCEPTED)

        def accept(connection: Connection) -> None:
            if accepted.full():
                connection.close()
            else:
                SessionNotes.of(connection)
                accepted.put_nowait(connection)

        return Sessions(self._net, self.identity, self._book, accept, limits=self._limits), accepted

    async def _traverse(
        self,
        sessions: Sessions,
        accepted: "asyncio.Queue[Connection]",
        notes: Notes,
        psk: bytes,
        role: Role,
        attempt: Attempt,
        make_drivers: MakeDrivers | None,
        *,
        near: BleTransport | None = None,
        gathered: Gathering | None = None,
        limit_s: float = LIMIT_S,
    ) -> Met:
        """Connects, and keeps the session on the best way from then on."""

        def changed() -> None:
            attempt.changed()  # another one by then, perhaps

        traversal = attempt.traversal = Traversal(
            self._net,
            sessions,
            notes,
            psk,
            guest=role is Role.GUEST,
            servers=self._servers,
            relays=self._relays,
            about=About(name=self.name),
            nat=self.nat,
            hidden=attempt.hidden,
            only=attempt.only,
            mappings=self.mappings,
            near=near,
            ice_servers=self._ice_servers if self._webrtc else None,
            gathered=gathered,
            limit_s=limit_s,
            guesses=self.guess_ports,
            told=attempt.told,
            changed=changed,
        )
        attempt.changed()
        try:
            connection, reached = await traversal.connect(accepted)
            established = await connection.established()
        except BaseException:
            await traversal.close()
            await sessions.close()
            raise
        self._open[connection] = sessions
        _cap(sessions, self._caps, established.peer_key)
        remeet = None if make_drivers is None else self._remeet(established.peer_key, make_drivers)
        upkeep = attempt.upkeep = PathUpkeep(
            traversal, connection, reached, moved=attempt.move, remeet=remeet
        )
        self._tasks.start(_keep_up(upkeep, traversal), "upkeep")
        return Met(
            connection,
            traversal.peer.name,
            reached,
            established,
            lambda: known_ways(traversal, sessions),
            sessions.local_host,
        )

    async def _ice_servers(self) -> IceServers:
        return await choose_ice_servers(self._net, self._stun, self._turn)

    def _remeet(self, key: bytes, make_drivers: MakeDrivers) -> Remeet:
        """A mailbox that only the two can name, for a session that has lost its paths."""

        @asynccontextmanager
        async def remeet() -> AsyncIterator[Meeting]:
            role = role_of(self.identity, key)
            day = days(role, self._net.wall_time())[0]
            code = daily_code(self.identity, key, day, purpose="paths")
            # Bluetooth finds the session's own link again, and a second one to the same computer would be in its way.
            drivers = [each for each in make_drivers() if not isinstance(each, BleDriver)]
            async with Meeting(self._net, role, code, drivers) as meeting:
                await meeting.confirmed()
                yield meeting

        return remeet


def _cap(sessions: Sessions, caps: Iterable[Cap], peer_key: bytes) -> None:
    """Those that speak of this peer; 0 bit/s takes one away. Of several alike the lowest counts."""
    for cap in sorted(caps, key=lambda cap: cap.bits_per_s, reverse=True):
        if cap.peer in {"", fingerprint(peer_key)}:
            sessions.cap(
                cap.bits_per_s or None,
                peer_key=peer_key if cap.peer else None,
                kind=TransportKind(cap.transport) if cap.transport else None,
            )


async def _farewell(stack: AsyncExitStack) -> None:
    """Keeps the mailbox until what was said there has arrived."""
    async with stack:
        await asyncio.sleep(FAREWELL_S)


async def _keep_open(gathering: Gathering) -> None:
    while True:
        await asyncio.sleep(KEEP_OPEN_S)
        await gathering.keep_open()


async def _keep_up(upkeep: PathUpkeep, traversal: Traversal) -> None:
    try:
        await upkeep.run()
    finally:
        await traversal.close()


async def _confirmed(meeting: Meeting) -> bytes | MeetingError:
    try:
        return await meeting.confirmed()
    except MeetingError as error:
        return error
