"""Keeps a session on the best way there is: from a relay to a direct one, over TCP where UDP is blocked, at any time
later, and through changes of the network, without losing the session.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from netstack.core.hole_punch import PairAnswered
from netstack.core.pair_verdict import expected
from netstack.errors import NetError, PeerscopeError
from netstack.model.address import Address
from netstack.model.pair import NatFacts, PairRoute
from netstack.model.session import (
    TCP_TRAITS,
    UDP_TRAITS,
    Event,
    Flow,
    PathClosed,
    PathMoved,
    PathOpened,
    SessionError,
    TransportKind,
)
from netstack.service.connection import Connection
from netstack.service.dialing import TCP_AFTER_S, AcceptedLink, OpenLink
from netstack.service.network_change import network_change
from netstack.service.signalling import Notes
from netstack.service.traversal import Reached, Traversal
from netstack.tasks import TaskScope
from netstack.wire.candidate_note import Again, LadderNote, TcpCandidate

RETRY_S: Final = 60.0
AGAIN_GAP_S: Final = 3.0
LADDER_EVERY_S: Final = 1.0
LOOK_EVERY_S: Final = 0.25
QUIET_S: Final = 2.0
SILENT_S: Final = 3.0
DOUBT_S: Final = 1.5
"""So much silence is enough where what was sent is not answered."""
ANSWER_S: Final = 0.5
SETTLE_S: Final = 0.2
REMEET_S: Final = 55.0

Remeet = Callable[[], AbstractAsyncContextManager[Notes]]
"""Opens a mailbox that only the two can name, for when no path is left to say anything by."""


class PathUpkeep:
    """`run` until the session is over. `moved` hears each change of way.

    `remeet` None: where no path is left, the session waits for the peer to find us. `silent` tells that the peer has
    not been heard for some seconds and is being looked for.
    """

    def __init__(
        self,
        traversal: Traversal,
        connection: Connection,
        reached: Reached,
        *,
        moved: Callable[[Reached], None],
        remeet: Remeet | None = None,
        watch_network: bool = True,
        retry_s: float = RETRY_S,
    ) -> None:
        self.silent = False
        self._traversal = traversal
        self._connection = connection
        self._reached = reached
        self._moved = moved
        self._remeet = remeet
        self._watch_network = watch_network
        self._retry_s = retry_s
        self._net = traversal.net
        self._news = asyncio.Event()
        self._again_at_s = -AGAIN_GAP_S
        self._moved_s: float | None = None
        self._told: LadderNote | None = None
        self._tasks = TaskScope("upkeep")

    async def run(self) -> None:
        """Until the session is over, or it is cancelled."""
        connection, traversal = self._connection, self._traversal
        if connection.session is not None:
            connection.session.outlives_links = True
        connection.listeners.append(self._heard)
        traversal.asked_again = self._asked_again
        work = [self._take_ways(), self._tell_ladders(), self._listen_for_life()]
        if self._watch_network:
            work.append(self._follow_network())
        try:
            async with self._tasks:
                for number, each in enumerate(work):
                    self._tasks.start(each, f"part {number}")
                for event in list(traversal.answered):
                    self._try_pair(event)
                for place in traversal.peer_tcp:
                    self._tasks.start(self._try_stream(place), f"tcp {place}")
                self._tasks.start(self._try_again_later(), "again later")
                while not connection.closed:
                    self._news.clear()
                    await self._news.wait()
        finally:
            if self._heard in connection.listeners:
                connection.listeners.remove(self._heard)
            traversal.asked_again = lambda: None

    # Better ways.

    def _rank(self, transport: TransportKind, remote: Address | None) -> int:
        """Direct UDP before direct TCP before relays and Bluetooth."""
        if self._traversal.is_relayed(transport, remote):
            return 1
        return {TransportKind.UDP: 3, TransportKind.TCP: 2, TransportKind.BLE: 1}.get(transport, 0)

    def _rank_now(self) -> int:
        session = self._connection.session
        if session is None or session.paths.main not in session.paths.table:
            return 0
        if session.paths.table[session.paths.main].suspect or self.silent:
            return 0
        return self._rank(*self._traversal.where(self._connection))

    async def _take_ways(self) -> None:
        while True:
            way = await self._traversal.ways.get()
            if isinstance(way, PairAnswered):
                self._try_pair(way)
            elif isinstance(way, TcpCandidate):
                place = Address(way.host, way.port)
                self._tasks.start(self._try_stream(place), f"tcp {place}")
            elif isinstance(way, OpenLink):
                self._try_link(way)
            elif isinstance(way, AcceptedLink):
                continue  # the peer speaks first on what it has opened

    def _try_pair(self, way: PairAnswered) -> None:
        """The guest adds paths; either side goes on where the session has none left."""
        with contextlib.suppress(KeyError, SessionError):
            kind = self._traversal.punching.kind_of(way.link)
            flow = Flow(way.link, way.remote)
            if self._is_lost():
                self._rescue(flow)
            elif self._traversal.guest and self._rank(kind, way.remote) > self._rank_now():
                self._connection.add_path(flow, UDP_TRAITS, self._net.now())

    def _try_link(self, way: OpenLink) -> None:
        """A link that opened by itself carries on where nothing else does, and stands by where something does."""
        flow, traits = Flow(way.link), self._traversal.sessions.endpoint.traits(way.link)
        with contextlib.suppress(SessionError):
            if self._is_lost():
                self._rescue(flow)
            elif self._traversal.guest and traits is not None:
                self._connection.add_path(flow, traits, self._net.now())

    async def _try_stream(self, place: Address) -> None:
        """After UDP has had its chance."""
        await asyncio.sleep(TCP_AFTER_S)
        if self._rank_now() >= self._rank(TransportKind.TCP, place):
            return
        with contextlib.suppress(NetError, SessionError):
            flow = Flow(await self._traversal.sessions.open_stream(place))
            if self._is_lost():
                self._rescue(flow)
            else:
                self._connection.add_path(flow, TCP_TRAITS, self._net.now())

    def _heard(self, event: Event) -> None:
        if self._connection.closed:
            self._news.set()
        session = self._connection.session
        if session is None or not isinstance(event, PathOpened | PathMoved | PathClosed):
            return
        if isinstance(event, PathOpened) and event.path_id != session.paths.main:
            if self._rank(*self._traversal.where_path(self._connection, event.path_id)) <= self._rank_now():
                return
            self._connection.use_path(event.path_id)
        self._tell_where()

    def _tell_where(self) -> None:
        reached = self._traversal.reached(*self._traversal.where(self._connection))
        before = self._reached
        if (reached.transport, reached.kind, reached.remote) != (
            before.transport,
            before.kind,
            before.remote,
        ):
            self._reached = reached
            self._moved(reached)

    # Once more.

    def _again(self) -> None:
        """Both sides begin anew; not more often than every few seconds."""
        if self._net.now() - self._again_at_s >= AGAIN_GAP_S:
            self._traversal.signalling.send(Again())
            self._begin_anew()

    def _asked_again(self) -> None:
        if self._net.now() - self._again_at_s >= AGAIN_GAP_S:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._again_at_s = self._net.now()
        self._traversal.forget_peer_addresses()
        self._tasks.start(self._traversal.gather(), "gather")

    async def _try_again_later(self) -> None:
        """From time to time, while there could be a better way; hopeless work is left alone."""
        while True:
            await asyncio.sleep(self._retry_s)
            signalling, gathering = self._traversal.signalling, self._traversal.gathering
            hopeless = expected(gathering.facts, signalling.their_facts or NatFacts()) is PairRoute.RELAY
            if self._traversal.guest and self._rank_now() < 3 and not hopeless and not self._is_lost():
                self._again()

    async def _tell_ladders(self) -> None:
        """Both people see both ladders; one is told when it has changed, at most once a second."""
        while True:
            ladder = LadderNote.of(self._traversal.stories)
            if ladder != self._told:
                self._told = ladder
                self._traversal.signalling.send(ladder)
            await asyncio.sleep(LADDER_EVERY_S)

    # When the network changes.

    async def _follow_network(self) -> None:
        while True:
            await network_change(self._net)
            await asyncio.sleep(SETTLE_S)  # addresses come one after the other
            self._traversal.gathering.forget_relays()
            self._moved_s = self._net.now()
            with contextlib.suppress(SessionError):
                self._ping()
            self._again_at_s = -AGAIN_GAP_S
            self._again()

    def _ping(self) -> None:
        session = self._connection.session
        if session is not None and session.paths.main in session.paths.table:
            self._connection.ping(session.paths.main)

    def _silence_s(self) -> float:
        session = self._connection.session
        if session is None:
            return 0.0
        heard_s = max((path.last_heard_s for path in session.paths.table.values()), default=0.0)
        return self._net.now() - heard_s

    def _has_fallen_silent(self) -> bool:
        """The peer is to be looked for: nothing is heard, since we moved or for longer than a sleeping one would take."""
        session, silence_s = self._connection.session, self._silence_s()
        if self._moved_s is not None:
            since_s = self._net.now() - self._moved_s
            if silence_s < since_s:
                self._moved_s = None
            elif since_s >= ANSWER_S:
                return True
        if session is not None and (main := session.paths.table.get(session.paths.main)) is not None:
            in_doubt = main.suspect or main.doubt_s is not None
            return silence_s >= (DOUBT_S if in_doubt else SILENT_S)
        return silence_s >= SILENT_S

    def _is_lost(self) -> bool:
        """No path is left that anything could be said by."""
        session = self._connection.session
        return session is not None and (
            self.silent or not any(path.able and path.in_use for path in session.paths.table.values())
        )

    def _rescue(self, flow: Flow) -> None:
        session = self._connection.session
        if session is None or not session.paths.table:
            return
        main = session.paths.main if session.paths.main in session.paths.table else min(session.paths.table)
        path = session.paths.table[main]
        if path.flow == flow:  # it works again where it was
            with contextlib.suppress(SessionError):
                self._ping()
            return
        if path.challenge is not None and path.flow is not None:
            return
        traits = self._traversal.sessions.endpoint.traits(flow.link)
        if traits is not None:
            self._connection.move_path(main, flow, traits, self._net.now())
            self._connection.use_path(main)

    async def _listen_for_life(self) -> None:
        """Asks when it is quiet; looks for the peer by a mailbox when nothing comes back."""
        asked_s = -QUIET_S
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            fallen_silent = self._has_fallen_silent()
            if not fallen_silent and self._silence_s() < QUIET_S:
                self.silent = False
                continue
            if self._net.now() - asked_s >= QUIET_S:
                asked_s = self._net.now()
                with contextlib.suppress(SessionError):
                    self._ping()
            if fallen_silent and self._remeet is not None:
                self.silent = True
                await self._find_again(self._remeet)

    async def _find_again(self, remeet: Remeet) -> None:
        """Until the peer is heard of, or a minute is over."""
        began_s = self._net.now()
        async with TaskScope("find again") as tasks:
            looking = tasks.start(self._look(remeet), "look")
            while not looking.done():
                await asyncio.wait([looking], timeout=LOOK_EVERY_S)
                if self._silence_s() < self._net.now() - began_s:
                    self._moved_s, self.silent = None, False
                    self._tell_where()
                    return

    async def _look(self, remeet: Remeet) -> None:
        """Tells our addresses by a mailbox, and punches."""
        with contextlib.suppress(TimeoutError, PeerscopeError):
            async with asyncio.timeout(REMEET_S), remeet() as notes:
                self._traversal.signalling.use(notes)
                self._again_at_s = -AGAIN_GAP_S
                self._again()
                while True:
                    for event in list(self._traversal.answered):
                        self._try_pair(event)
                    await asyncio.sleep(LOOK_EVERY_S)
