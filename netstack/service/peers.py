"""Two people meet: a code on one side, the code on the other, and a sealed session between them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from netstack.config import TurnServer
from netstack.core.identity import Identity
from netstack.core.session_code import SessionCode
from netstack.core.stun_uri import parse_stun_uri
from netstack.core.turn_uri import parse_turn_uri
from netstack.model.meeting import Role
from netstack.model.session import Established
from netstack.model.turn import TurnCredentials
from netstack.net.protocol import Net
from netstack.rendezvous.driver import Driver
from netstack.service.connection import Connection
from netstack.service.meeting import Meeting
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.service.traversal import Reached, Relay, Traversal
from netstack.tasks import TaskScope
from netstack.wire.candidate_note import About, TcpCandidate, UdpCandidate

ACCEPTED: Final = 8


class Met(NamedTuple):
    """The two are connected. `name` is what the peer calls itself, `established` has the digits to compare."""

    connection: Connection
    name: str
    reached: Reached
    established: Established


class Peers:
    """Our side of meetings: one identity, one set of sockets. Close it at the end."""

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
        self._net = net
        self._name = name
        self._servers = tuple(map(parse_stun_uri, stun))
        self._relays = tuple(
            Relay(parse_turn_uri(each.url), TurnCredentials(each.username, each.password)) for each in turn
        )
        self._accepted: asyncio.Queue[Connection] = asyncio.Queue(ACCEPTED)
        self._tasks = TaskScope("peers")
        self.sessions = Sessions(net, identity, book, self._accept)

    async def meet(
        self,
        role: Role,
        code: SessionCode,
        drivers: Sequence[Driver],
        *,
        told: Callable[[UdpCandidate | TcpCandidate], None] = lambda _: None,
        agreed: Callable[[], None] = lambda: None,
        moved: Callable[[Reached], None] = lambda _: None,
    ) -> Met:
        """Meets whoever has the same code. Raises MeetingError, TraversalError, SessionError, NetError.

        `agreed` is called once both have proved the code, `told` with each of our addresses, `moved` when the session
        has left its relay for a direct way.
        """
        async with AsyncExitStack() as stack:
            meeting = await stack.enter_async_context(Meeting(self._net, role, code, drivers))
            psk = await meeting.confirmed()
            agreed()
            traversal = Traversal(
                self._net,
                self.sessions,
                meeting,
                psk,
                guest=role is Role.GUEST,
                servers=self._servers,
                relays=self._relays,
                about=About(name=self._name),
                told=told,
            )
            stack.push_async_callback(traversal.close)
            connection, reached = await traversal.connect(self._accepted)
            established = await connection.established()
            self._tasks.start(_improve(stack.pop_all(), traversal, connection, moved), "improve")
        return Met(connection, traversal.peer.name, reached, established)

    async def close(self) -> None:
        """Ends every session and socket. May be called twice."""
        await self._tasks.close()
        await self.sessions.close()

    def _accept(self, connection: Connection) -> None:
        if self._accepted.full():
            connection.close()
        else:
            self._accepted.put_nowait(connection)


async def _improve(
    stack: AsyncExitStack, traversal: Traversal, connection: Connection, moved: Callable[[Reached], None]
) -> None:
    """Keeps the notes and the punching alive until the way is as good as it gets; then ends both."""
    async with stack:
        await traversal.improve(connection, moved)
