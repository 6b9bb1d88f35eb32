"""Is a port of ours reachable from outside? A peer is asked to knock at it, and knocks for others when asked.

The asker says which public address of its own; whoever knocks does it from a fresh socket, seldom and with little, and
only at public addresses (docs/wire.md section 9).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Final

from netstack.errors import NetError
from netstack.model.address import Address, Scope, scope
from netstack.model.knock import KnockReport, KnockState
from netstack.model.port_mapping import Carried
from netstack.model.session import SessionError
from netstack.net.protocol import Net, Stream
from netstack.service.connection import Connection
from netstack.tasks import TaskScope
from netstack.wire.chat import KNOCK_TOKEN_BYTES, KnockAsk, KnockDone, KnockNote, KnockOutcome

MAGIC: Final = b"peerscope knock\0"
SENDS_S: Final = (0.0, 0.3, 0.8)
CONNECT_S: Final = 3.0
ANSWER_S: Final = 6.0
LATE_S: Final = 1.0
MOST_PER_MINUTE: Final = 6
_ANY: Final = "0.0.0.0"  # noqa: S104 - the port is held on every address, as a game's server would

Post = Callable[[KnockNote], None]


class _Door:
    """Holds the port while the knock is awaited."""

    def __init__(self, token: bytes) -> None:
        self.came = asyncio.Event()
        self._token = MAGIC + token

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        if data == self._token:
            self.came.set()

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """Nothing was sent."""

    def connected(self, stream: Stream) -> None:
        self.came.set()
        stream.abort()


class KnockDesk:
    """One session's knocks, ours and the peer's. `willing`: we knock for the peer, and let it knock; either
    tells it our address.
    """

    def __init__(self, net: Net, connection: Connection, post: Post, *, willing: bool = True) -> None:
        self.willing = willing
        self._net = net
        self._connection = connection
        self._post = post
        self._number = 0
        self._waiting: dict[int, asyncio.Future[KnockOutcome]] = {}
        self._knocked: deque[float] = deque(maxlen=MOST_PER_MINUTE)
        self._tasks = TaskScope("knocks")

    async def ask(self, carried: Carried, port: int, host: str) -> KnockReport:
        """Lets the peer knock at `host`, a public address of ours. Takes 7 s at most.

        Raises SessionError when the session is over.
        """
        if self._connection.closed:
            raise SessionError(SessionError.Reason.CLOSED)
        if not self.willing:
            return KnockReport(KnockState.UNKNOWN, "your address is hidden, and nobody can knock without it")
        if scope(host) is not Scope.PUBLIC:
            return KnockReport(
                KnockState.UNKNOWN, "no public address of this computer is known: run the check first"
            )
        if not self._is_outside():
            return KnockReport(
                KnockState.UNKNOWN, "the other side is in the same network: ask somebody outside it"
            )
        token = self._net.random_bytes(KNOCK_TOKEN_BYTES)
        door = _Door(token)
        try:
            held = await self._hold(carried, port, door)
        except NetError as error:
            held = None
            if carried is Carried.UDP or error.reason is not NetError.Reason.IN_USE:
                return KnockReport(KnockState.UNKNOWN, _not_held(error))
        try:
            return await self._await_knock(
                KnockAsk(self._next(), carried, port, token, host), door, held is not None
            )
        finally:
            if held is not None:
                held()

    async def _await_knock(self, ask: KnockAsk, door: _Door, held: bool) -> KnockReport:
        began_s = self._net.now()
        done = self._waiting[ask.number] = asyncio.get_running_loop().create_future()
        self._post(ask)
        came = self._tasks.start(door.came.wait(), "door")
        try:
            await asyncio.wait((done, came), timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
            outcome = done.result() if done.done() else None
            if not door.came.is_set() and outcome in {KnockOutcome.SENT, KnockOutcome.OPEN}:
                await asyncio.wait((came,), timeout=LATE_S)
        finally:
            came.cancel()
            del self._waiting[ask.number]
        if door.came.is_set():
            took_ms = (self._net.now() - began_s) * 1000
            return KnockReport(KnockState.REACHABLE, f"a knock from outside came in after {took_ms:.3g} ms")
        return _report(outcome, held=held)

    async def _hold(self, carried: Carried, port: int, door: _Door) -> Callable[[], None]:
        local = Address(_ANY, port)
        if carried is Carried.UDP:
            return (await self._net.open_datagram(door, local=local)).close
        return (await self._net.listen_stream(door.connected, local=local)).close

    def _next(self) -> int:
        self._number = (self._number + 1) & 0xFFFFFFFF
        return self._number

    def _is_outside(self) -> bool:
        """Whether no path leads to a place in our own network."""
        session = self._connection.session
        paths = () if session is None else session.paths.table.values()
        remotes = [path.flow.remote for path in paths if path.in_use and path.flow is not None]
        return all(remote is None or scope(remote.host) is Scope.PUBLIC for remote in remotes)

    # The peer's.

    def take(self, note: KnockNote) -> None:
        """What the peer says about knocks."""
        if isinstance(note, KnockDone):
            waiting = self._waiting.get(note.number)
            if waiting is not None and not waiting.done():
                waiting.set_result(note.outcome)
        elif not self._may_knock(note):
            self._post(KnockDone(note.number, KnockOutcome.DECLINED))
        else:
            self._tasks.start(self._knock(note), f"knock {note.number}")

    def _may_knock(self, ask: KnockAsk) -> bool:
        now = self._net.now()
        if not self.willing or scope(ask.host) is not Scope.PUBLIC or ask.port == 0:
            return False
        if len(self._knocked) == MOST_PER_MINUTE and now - self._knocked[0] < 60:
            return False
        self._knocked.append(now)
        return True

    async def _knock(self, ask: KnockAsk) -> None:
        place = Address(ask.host, ask.port)
        try:
            if ask.carried is Carried.UDP:
                await self._knock_udp(place, MAGIC + ask.token)
                outcome = KnockOutcome.SENT
            else:
                (await self._net.open_stream(place, timeout_s=CONNECT_S)).abort()
                outcome = KnockOutcome.OPEN
        except NetError as error:
            outcome = _OUTCOMES.get(error.reason, KnockOutcome.FAILED)
        self._post(KnockDone(ask.number, outcome))

    async def _knock_udp(self, place: Address, data: bytes) -> None:
        endpoint = await self._net.open_datagram(_Door(b""), family=place.family)
        try:
            waited_s = 0.0
            for due_s in SENDS_S:
                await asyncio.sleep(due_s - waited_s)
                waited_s = due_s
                with suppress(NetError):  # the next one may leave
                    endpoint.send(data, place)
        finally:
            endpoint.close()

    async def close(self) -> None:
        """Ends every knock and every wait. May be called twice."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(SessionError(SessionError.Reason.CLOSED))
        await self._tasks.close()


_OUTCOMES: Final[dict[StrEnum, KnockOutcome]] = {
    NetError.Reason.REFUSED: KnockOutcome.REFUSED,
    NetError.Reason.TIMED_OUT: KnockOutcome.SILENT,
}


def _not_held(error: NetError) -> str:
    if error.reason is NetError.Reason.IN_USE:
        return "a program here holds the port, so that a knock could not be seen: stop it for the moment and ask again"
    return error.sentence


def _report(outcome: KnockOutcome | None, *, held: bool) -> KnockReport:
    advice = "forward the port in the router and allow it in this computer's firewall"
    match outcome:
        case None:
            return KnockReport(
                KnockState.UNKNOWN, "the other side did not answer; it may have an older program"
            )
        case KnockOutcome.DECLINED:
            return KnockReport(
                KnockState.UNKNOWN,
                "the other side does not knock: it was asked too often, or hides its address",
            )
        case KnockOutcome.FAILED:
            return KnockReport(KnockState.UNKNOWN, "the other side could not knock")
        case KnockOutcome.OPEN if not held:
            return KnockReport(KnockState.REACHABLE, "the other side could connect to it from outside")
        case KnockOutcome.OPEN:
            return KnockReport(
                KnockState.CLOSED,
                "somebody else answered at that port of the public address, not this computer",
            )
        case KnockOutcome.REFUSED:
            return KnockReport(KnockState.CLOSED, f"a knock from outside was turned away: {advice}")
        case _:
            return KnockReport(KnockState.CLOSED, f"nothing of a knock from outside came in: {advice}")
