"""Two people meet: a code on one side, the code on the other, and a sealed session between them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from netstack.core.identity import Identity
from netstack.core.session_code import SessionCode
from netstack.core.stun_uri import parse_stun_uri
from netstack.model.meeting import Role
from netstack.model.session import Established
from netstack.net.protocol import Net
from netstack.rendezvous.driver import Driver
from netstack.service.connection import Connection
from netstack.service.meeting import Meeting
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.service.traversal import Reached, Traversal
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
        self, net: Net, identity: Identity, book: PeerBook, *, name: str = "", stun: Sequence[str] = ()
    ) -> None:
        self._net = net
        self._name = name
        self._servers = tuple(map(parse_stun_uri, stun))
        self._accepted: asyncio.Queue[Connection] = asyncio.Queue(ACCEPTED)
        self.sessions = Sessions(net, identity, book, self._accept)

    async def meet(
        self,
        role: Role,
        code: SessionCode,
        drivers: Sequence[Driver],
        *,
        told: Callable[[UdpCandidate | TcpCandidate], None] = lambda _: None,
        agreed: Callable[[], None] = lambda: None,
    ) -> Met:
        """Meets whoever has the same code. Raises MeetingError, TraversalError, SessionError, NetError.

        `agreed` is called once both have proved the code, `told` with each of our addresses.
        """
        async with Meeting(self._net, role, code, drivers) as meeting:
            psk = await meeting.confirmed()
            agreed()
            traversal = Traversal(
                self._net,
                self.sessions,
                meeting,
                psk,
                guest=role is Role.GUEST,
                servers=self._servers,
                about=About(name=self._name),
                told=told,
            )
            connection, reached = await traversal.connect(self._accepted)
        established = await connection.established()
        return Met(connection, traversal.peer.name, reached, established)

    async def close(self) -> None:
        """Ends every session and socket. May be called twice."""
        await self.sessions.close()

    def _accept(self, connection: Connection) -> None:
        if self._accepted.full():
            connection.close()
        else:
            self._accepted.put_nowait(connection)
