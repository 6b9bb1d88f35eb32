"""Two people meet: a code on one side, the code on the other, and a sealed session between them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, NamedTuple

from netstack.config import TurnServer
from netstack.core.identity import Identity
from netstack.core.known_peer import daily_code, days, role_of
from netstack.core.session_code import SessionCode
from netstack.core.stun_uri import parse_stun_uri
from netstack.core.turn_uri import parse_turn_uri
from netstack.model.candidate import PairStory
from netstack.model.meeting import MeetingError, Role, WayHealth
from netstack.model.pair import NatFacts, PairVerdict
from netstack.model.session import Established, SessionError
from netstack.model.turn import TurnCredentials
from netstack.net.protocol import Net
from netstack.rendezvous.driver import Driver
from netstack.service.connection import Connection
from netstack.service.gathering import Relay
from netstack.service.meeting import Meeting, invite
from netstack.service.path_upkeep import PathUpkeep, Remeet
from netstack.service.peer_book import PeerBook
from netstack.service.session_notes import SessionNotes
from netstack.service.sessions import Sessions
from netstack.service.traversal import Reached, Traversal, TraversalError
from netstack.tasks import TaskScope
from netstack.wire.candidate_note import About, TcpCandidate, UdpCandidate

ACCEPTED: Final = 8
FAREWELL_S: Final = 5.0
"""So long a mailbox is kept after the session is up: what was said there may still be on its way."""

MakeDrivers = Callable[[], Sequence[Driver]]


class Attempt:
    """One attempt to meet, to be looked at while it goes. `changed` is called when there is something new.

    `told` is called with each of our addresses, `moved` when the session goes another way; `reached` is where it is
    then. `hidden`: our addresses are kept from the peer, so only a relay will do.
    """

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        *,
        told: Callable[[UdpCandidate | TcpCandidate], None] = lambda _: None,
        moved: Callable[[Reached], None] = lambda _: None,
        hidden: bool = False,
    ) -> None:
        self.changed = changed
        self.told = told
        self.hidden = hidden
        self.reached: Reached | None = None
        self._moved = moved
        self.meeting: Meeting | None = None
        self.traversal: Traversal | None = None
        self.upkeep: PathUpkeep | None = None

    @property
    def agreed(self) -> bool:
        """Both have proved the code; now they look for a path."""
        return self.traversal is not None

    @property
    def ways(self) -> tuple[WayHealth, ...]:
        """How each way to find each other fares."""
        return self.meeting.health if self.meeting is not None else ()

    @property
    def failures(self) -> int:
        """How many wrong codes were tried."""
        return self.meeting.failures if self.meeting is not None else 0

    def move(self, reached: Reached) -> None:
        """The session has found a better way."""
        self.reached = reached
        self._moved(reached)
        self.changed()

    @property
    def stories(self) -> tuple[PairStory, ...]:
        """What became of every pair of addresses."""
        return self.traversal.stories if self.traversal is not None else ()

    @property
    def their_stories(self) -> tuple[PairStory, ...] | None:
        """What the other side tells of its pairs; None while it has not."""
        return self.traversal.signalling.their_stories if self.traversal is not None else None

    def verdict(self, reached: Reached | None) -> PairVerdict | None:
        """Both networks as a pair; None before the two have agreed on a key."""
        return None if self.traversal is None else self.traversal.verdict(reached)


class Met(NamedTuple):
    """The two are connected. `name` is what the peer calls itself, `established` has the digits to compare."""

    connection: Connection
    name: str
    reached: Reached
    established: Established


class Peers:
    """Our side of meetings: one identity, and for each meeting sockets of its own. Close it at the end.

    `name` and `nat` (what our NAT check found out) are told to whom we meet.
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
    ) -> None:
        self.name = name
        self.nat: NatFacts | None = None
        self.identity = identity
        self._net = net
        self._book = book
        self._servers = tuple(map(parse_stun_uri, stun))
        self._relays = tuple(
            Relay(parse_turn_uri(each.url), TurnCredentials(each.username, each.password)) for each in turn
        )
        self._open: dict[Connection, Sessions] = {}
        self._tasks = TaskScope("peers")

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

    async def reconnect(self, key: bytes, make_drivers: MakeDrivers, attempt: Attempt | None = None) -> Met:
        """Meets a known peer, who does the same, without a code. Raises as `meet` does.

        MeetingError.ABSENT: the other side did not come within ten minutes.
        """
        attempt = attempt or Attempt()
        self._look_whether_hidden(attempt)
        role = role_of(self.identity, key)
        async with AsyncExitStack() as stack, TaskScope("known peer") as tasks:
            waiting: dict[asyncio.Task[bytes | MeetingError], Meeting] = {}
            for day in days(role, self._net.wall_time()):
                code = daily_code(self.identity, key, day)
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

    async def hang_up(self, connection: Connection) -> None:
        """Says good-bye and closes its sockets. Does nothing for one that is gone."""
        sessions = self._open.pop(connection, None)
        if sessions is not None:
            await sessions.close()

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
        accepted: asyncio.Queue[Connection] = asyncio.Queue(ACCEPTED)

        def accept(connection: Connection) -> None:
            if accepted.full():
                connection.close()
            else:
                SessionNotes.of(connection)
                accepted.put_nowait(connection)

        def changed() -> None:
            attempt.changed()  # another one by then, perhaps

        sessions = Sessions(self._net, self.identity, self._book, accept)
        traversal = attempt.traversal = Traversal(
            self._net,
            sessions,
            meeting,
            psk,
            guest=role is Role.GUEST,
            servers=self._servers,
            relays=self._relays,
            about=About(name=self.name),
            nat=self.nat,
            hidden=attempt.hidden,
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
        remeet = None if make_drivers is None else self._remeet(established.peer_key, make_drivers)
        upkeep = attempt.upkeep = PathUpkeep(
            traversal, connection, reached, moved=attempt.move, remeet=remeet
        )
        self._tasks.start(_farewell(stack.pop_all()), "farewell")
        self._tasks.start(_keep_up(upkeep, traversal), "upkeep")
        return Met(connection, traversal.peer.name, reached, established)

    def _remeet(self, key: bytes, make_drivers: MakeDrivers) -> Remeet:
        """A mailbox that only the two can name, for a session that has lost its paths."""

        @asynccontextmanager
        async def remeet() -> AsyncIterator[Meeting]:
            role = role_of(self.identity, key)
            day = days(role, self._net.wall_time())[0]
            code = daily_code(self.identity, key, day, purpose="paths")
            async with Meeting(self._net, role, code, make_drivers()) as meeting:
                await meeting.confirmed()
                yield meeting

        return remeet


async def _farewell(stack: AsyncExitStack) -> None:
    """Keeps the mailbox until what was said there has arrived."""
    async with stack:
        await asyncio.sleep(FAREWELL_S)


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
