"""Puts every priority of every connected peer on the path that suits it, keeps a backup warm, and says why.

The session itself doubles what matters while data does not arrive (`core.path_doubt`); here, ten times a second, the figures
of the last seconds decide what carries what from then on, and ways that are known but not open are opened when they are needed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from msgspec import structs

from netstack.core.health import Health, Traffic
from netstack.core.selector import Choice, Selector
from netstack.core.session import Session
from netstack.core.session_path import Path
from netstack.errors import PeerscopeError
from netstack.model.coordinator import CoordinatorState, Decision, PathHealth, PeerPaths, Reason
from netstack.model.session import Event, Flow, LinkTraits, ProbeAnswered, TransportKind
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.service.path_watch import PathWatch
from netstack.tasks import TaskScope

log = logging.getLogger(__name__)

TICK_S: Final = 0.1
TELL_EVERY: Final = 5
MAX_DECISIONS: Final = 200
MAX_WAYS: Final = 8
REST_N: Final = 15  # of the 20 probes that a resting path gets in the window
BUSY_BYTES: Final = 1 << 16
COLD_AFTER_S: Final = 0.15
TEST_EVERY_S: Final = 0.4
COLD_AGAIN_S: Final = 1.0
WARM_AGAIN_S: Final = 2.0
AGAIN_MAX_S: Final = 300.0
OPEN_LIMIT_S: Final = 5.0
_NOTHING: Final = (True, True)
LEFT_FOR: Final = (Reason.STALLED, Reason.SILENT)


class Way(NamedTuple):
    """A way to the peer that is known and perhaps not open. `open` makes a flow of it; raises PeerscopeError.

    `local` is as in `PathHealth`.
    """

    transport: TransportKind
    local: str
    open: Callable[[], Awaitable[tuple[Flow, LinkTraits]]]


Ways = Callable[[], Sequence[Way]]


class Coordinator:
    """Coordinates connections that `watch` watches. `changed` gets the state, at most twice a second unless something moves.

    Close it before the connections' sockets.
    """

    def __init__(
        self,
        net: Net,
        watch: PathWatch,
        changed: Callable[[CoordinatorState], None],
    ) -> None:
        self._net = net
        self._watch = watch
        self._changed = changed
        self._peers: list[_Peer] = []
        self._preferred: dict[str, TransportKind] = {}
        self._decisions: deque[Decision] = deque(maxlen=MAX_DECISIONS)
        self._tasks = TaskScope("coordinator")
        self._ticking: asyncio.Task[None] | None = None

    def coordinate(
        self,
        connection: Connection,
        number: int,
        name: str,
        *,
        peer: str = "",
        ways: Ways = lambda: (),
        warm: bool = True,
        local: Callable[[int], str] = lambda _: "",
        metered: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """From now on, until it is closed. `number` is that of the watch, `peer` what preferences go by; `warm`: who began
        the session opens a backup before it is needed. `local` and `metered` tell of a link.
        """
        self._peers.append(
            _Peer(
                self._net,
                self._watch,
                self._tasks,
                connection,
                number,
                name,
                peer,
                ways,
                warm,
                local,
                metered,
            )
        )
        if self._ticking is None or self._ticking.done():
            self._ticking = self._tasks.start(self._tick(), "tick")

    def prefer(self, peer: str, transport: TransportKind | None) -> None:
        """While it is healthy, that transport goes first for this peer; None: none does."""
        if transport is None:
            self._preferred.pop(peer, None)
        else:
            self._preferred[peer] = transport

    @property
    def state(self) -> CoordinatorState:
        """As the window shows it."""
        return CoordinatorState(
            peers=tuple(each.state() for each in self._peers),
            decisions=tuple(reversed(self._decisions)),
        )

    async def close(self) -> None:
        """Lets everything be as it is. May be called twice."""
        await self._tasks.close()
        for each in self._peers:
            each.let_go()
        self._peers.clear()

    async def _tick(self) -> None:
        """Ends by itself when nothing is open."""
        due, turn = self._net.now(), 0
        while self._peers:
            now = self._net.now()
            moved = False
            for each in list(self._peers):
                if each.connection.closed:
                    each.let_go()
                    self._peers.remove(each)
                    moved = True
                    continue
                for move in each.look(now, self._preferred.get(each.peer)):
                    log.info("%s: %s", each.name, move.sentence)
                    self._decisions.append(move)
                    moved = True
            if moved or turn % TELL_EVERY == 0:
                self._changed(self.state)
            turn += 1
            due = max(due + TICK_S, now)
            await asyncio.sleep(due - now)
        self._changed(self.state)


class _Peer:
    """One connection and what is known of its paths."""

    def __init__(
        self,
        net: Net,
        watch: PathWatch,
        tasks: TaskScope,
        connection: Connection,
        number: int,
        name: str,
        peer: str,
        ways: Ways,
        warm: bool,
        local: Callable[[int], str],
        metered: Callable[[int], bool],
    ) -> None:
        self.connection = connection
        self.name = name
        self.peer = peer
        self._net = net
        self._watch = watch
        self._tasks = tasks
        self._number = number
        self._ways = ways
        self._warm = warm
        self._local = local
        self._metered = metered
        self._health: dict[int, Health] = {}
        self._read: tuple[PathHealth, ...] = ()
        self._selector: Selector | None = None
        self._main = -1
        self._resting: frozenset[int] = frozenset()
        self._choice: Choice | None = None
        self._preferred: TransportKind | None = None
        self._opening: asyncio.Task[None] | None = None
        self._test_again_s = 0.0
        self._cold = _Patience(COLD_AGAIN_S)
        self._warming = _Patience(WARM_AGAIN_S)
        self._wanting = _Patience(WARM_AGAIN_S)
        connection.listeners.append(self._heard)

    def let_go(self) -> None:
        """Hears no more of the connection."""
        if self._heard in self.connection.listeners:
            self.connection.listeners.remove(self._heard)

    def state(self) -> PeerPaths:
        """As the window shows it."""
        session, choice = self.connection.session, self._choice
        main = session.paths.main if session is not None else -1
        return PeerPaths(
            peer=self.name,
            connection=self._number,
            health=self._read,
            routes=choice.routes if choice is not None else (main, main, main),
            reserve=choice.reserve if choice is not None else -1,
            doubled=session is not None and session.doubled,
            preferred=self._preferred,
        )

    def look(self, now: float, preferred: TransportKind | None) -> tuple[Decision, ...]:
        """Reads the figures, decides, and does it."""
        session = self.connection.session
        if preferred != self._preferred:
            self._preferred, self._wanting = preferred, _Patience(WARM_AGAIN_S)
        if session is None:
            return ()
        usable = [path for path in session.paths.table.values() if path.in_use and path.traits is not None]
        self._read = tuple(self._read_path(path, now) for path in usable)
        for gone in self._health.keys() - {path.id for path in usable}:
            del self._health[gone]
        main = session.paths.main
        if self._selector is None:
            self._selector = Selector(main)
        elif main != self._main and self._main in session.paths.table:
            self._selector.take(main, now)
        self._see_to_backups(session, usable, now)
        choice = self._choice = self._selector.decide(self._read, now, preferred=preferred)
        self.connection.route(choice.routes, reserve=choice.reserve, trial=choice.trial)
        self._main = session.paths.main
        self._let_rest(session, usable, choice)
        if choice.trial >= 0 and now >= self._test_again_s:
            self._test_again_s = now + TEST_EVERY_S
            self.connection.test_path(choice.trial)
        for move in choice.moves:
            if move.reason in LEFT_FOR:
                self.connection.leave_path(move.source)
        return tuple(structs.replace(move, peer=self.name) for move in choice.moves)

    def _let_rest(self, session: Session, usable: list[Path], choice: Choice) -> None:
        """A backup that is known well enough is asked less often, until there is the first doubt about anything."""
        calm = not session.doubled and choice.trial < 0 and all(path.doubt_s is None for path in usable)
        known = (each.path for each in self._read if each.n >= REST_N and each.stalled_s is None)
        self._resting = (
            frozenset(path for path in known if path not in choice.routes) if calm else frozenset()
        )
        self._watch.rest(self._number, self._resting)

    def _heard(self, event: Event) -> None:
        if isinstance(event, ProbeAnswered) and (health := self._health.get(event.path_id)) is not None:
            health.answered(max(0.0, event.rtt_s), self._net.now())

    def _read_path(self, path: Path, now: float) -> PathHealth:
        health = self._health.get(path.id)
        if health is None:
            health = self._health[path.id] = Health(now)
        control = path.control
        traffic = Traffic()
        if control is not None:
            busy = self.connection.session is not None and self.connection.session.queued_bytes > BUSY_BYTES
            traffic = Traffic(control.sent_packets, control.lost_packets, control.delivered_bytes, busy)
        health.count(self._watch.probe_totals(self._number, path.id), traffic, now)
        return health.read(
            path.id,
            path.traits.kind.value if path.traits is not None else "",
            now,
            local=self._local(path.flow.link) if path.flow is not None else "",
            stalled_since_s=path.stalled_since_s,
            metered=path.flow is not None and self._metered(path.flow.link),
            rests=path.id in self._resting,
        )

    # Ways that are not open.

    def _see_to_backups(self, session: Session, usable: list[Path], now: float) -> None:
        """One spare path of ids always; a warm backup where there is one to have; and any way at all when none is left."""
        main = next((each for each in self._read if each.path == session.paths.main), None)
        ways = self._known_ways(main)
        if not ways:
            return
        self.connection.prepare_path(now)
        if self._opening is not None and not self._opening.done():
            return
        alive = [path for path in usable if not _silent(path, now)]
        if not alive:
            if self._cold.over(now):
                self._opening = self._tasks.start(self._open_all(ways), "open every way")
            return
        self._cold = _Patience(COLD_AGAIN_S)
        wanted = next((way for way in ways if way.transport is self._preferred), None)
        missing = wanted is not None and all(each.transport != wanted.transport for each in self._read)
        if wanted is not None and missing and self._wanting.over(now):
            self._opening = self._tasks.start(self._open_way(wanted), "open what is preferred")
            return
        path = session.paths.table.get(session.paths.main)
        doubted = path is not None and path.doubt_s is not None and now - path.doubted_s >= COLD_AFTER_S
        if main is None or not (doubted or (self._warm and session.initiator)):
            return
        has = [_shared(main, each.local, each.transport) for each in self._read if each is not main]
        best = ways[0]
        if _shared(main, best.local, best.transport) < min(has, default=_NOTHING) and self._warming.over(now):
            self._opening = self._tasks.start(self._open_way(best), "open a backup")

    def _known_ways(self, main: PathHealth | None) -> list[Way]:
        """Those that share least with the main path first."""
        ways = list(self._ways()[:MAX_WAYS])
        return ways if main is None else sorted(ways, key=lambda way: _shared(main, way.local, way.transport))

    async def _open_all(self, ways: list[Way]) -> None:
        async with TaskScope("ways") as tasks:
            await asyncio.wait([tasks.start(self._open_way(way), way.transport) for way in ways])

    async def _open_way(self, way: Way) -> None:
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                flow, traits = await way.open()
            self.connection.add_path(flow, traits, self._net.now())
        except (PeerscopeError, TimeoutError) as error:
            log.info("%s: no way over %s: %s", self.name, way.transport, error)


class _Patience:
    """When to try again: at once, then after ever longer times."""

    def __init__(self, first_s: float) -> None:
        self._wait_s = first_s
        self._next_s = 0.0

    def over(self, now: float) -> bool:
        """It is time; the next time comes later."""
        if now < self._next_s:
            return False
        self._next_s = now + self._wait_s
        self._wait_s = min(2 * self._wait_s, AGAIN_MAX_S)
        return True


def _shared(main: PathHealth, local: str, transport: str) -> tuple[bool, bool]:
    """What a path has in common with the main one: the interface, the transport."""
    return local == main.local, transport == main.transport


def _silent(path: Path, now: float) -> bool:
    """Nothing gets through, as far as that can be told by now."""
    return path.suspect or (path.stalled_since_s is not None and now - path.stalled_since_s >= COLD_AFTER_S)
