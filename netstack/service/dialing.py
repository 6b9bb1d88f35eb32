"""The guest's part of reaching a peer: dials each way as it opens, and keeps the first session that comes up."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from netstack.core.hole_punch import PairAnswered
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.session import Flow, SessionError, TransportKind
from netstack.service.connection import Connection
from netstack.service.punching import Punching
from netstack.service.session_notes import SessionNotes
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope
from netstack.wire.candidate_note import TcpCandidate

TCP_AFTER_S: Final = 1.0
STAGGER_S: Final = 0.5


class OpenLink(msgspec.Struct, frozen=True):
    """A link that is there already, and leads to one peer."""

    kind: TransportKind
    link: int


class AcceptedLink(msgspec.Struct, frozen=True):
    """A TCP connection came in; whoever it is, the handshake will tell."""

    link: int


class RelayTold(msgspec.Struct, frozen=True):
    """The peer's relay carries packets as soon as it knows of it: no check need be waited for."""

    link: int
    remote: Address


Way = PairAnswered | TcpCandidate | Address | AcceptedLink | RelayTold | OpenLink

First = tuple[Connection, TransportKind, Address | None]
Where = Callable[[Connection], tuple[TransportKind, Address | None]]


class Dialing:
    """`ways` are dialled as they come; `where` tells what a connection rides, `first` what is said at once."""

    def __init__(
        self,
        sessions: Sessions,
        punching: Punching,
        psk: bytes,
        ways: "asyncio.Queue[Way]",
        where: Where,
        first: Callable[[], tuple[bytes, ...]],
    ) -> None:
        self._sessions = sessions
        self._punching = punching
        self._psk = psk
        self._ways = ways
        self._where = where
        self._first_messages = first
        self._dials = 0
        self._tasks = TaskScope("dialing")

    async def first(self) -> First:
        """The first session that is up; the next way is dialled already while the last has not come up for a while.

        Raises SessionError when the peer refuses.
        """
        won: asyncio.Future[First] = asyncio.get_running_loop().create_future()
        dialing = self._tasks.start(self._dial_each(won), "dial")
        try:
            return await won
        finally:
            dialing.cancel()

    async def close(self) -> None:
        """Ends what is still being dialled. May be called twice."""
        await self._tasks.close()

    async def _dial_each(self, won: "asyncio.Future[First]") -> None:
        while True:
            way = await self._ways.get()
            if isinstance(way, TcpCandidate):
                self._tasks.start(self._later(Address(way.host, way.port)), "tcp later")
                continue
            task = self._tasks.start(self._dial(way, won), f"dial {way}")
            if not isinstance(way, RelayTold):
                await asyncio.wait([task], timeout=STAGGER_S)

    async def _dial(
        self,
        way: PairAnswered | Address | AcceptedLink | RelayTold | OpenLink,
        won: "asyncio.Future[First]",
    ) -> None:
        self._dials += 1
        remote: Address | None = None
        try:
            if isinstance(way, PairAnswered | RelayTold):
                transport, remote = self._punching.kind_of(way.link), way.remote
                flow = Flow(way.link, way.remote)
            elif isinstance(way, OpenLink):
                transport, flow = way.kind, Flow(way.link)
            else:
                transport = TransportKind.TCP
                flow = Flow(
                    way.link if isinstance(way, AcceptedLink) else await self._sessions.open_stream(way)
                )
            connection = await self._sessions.connect_over(flow, psk=self._psk, first=self._first_messages())
        except (NetError, ValueError):  # the link has gone already
            return
        except SessionError as error:
            # A refusal is final unless another dial of ours has just used the invitation up; who connects to our
            # listener and does not know the key is nobody.
            final = error.reason is not SessionError.Reason.NO_ANSWER and self._dials == 1
            if final and not won.done() and not isinstance(way, AcceptedLink | OpenLink):
                won.set_exception(error)
            return
        finally:
            self._dials -= 1
        if won.done():
            connection.close()
        else:
            SessionNotes.of(connection)
            won.set_result((connection, transport, remote or self._where(connection)[1]))

    async def _later(self, place: Address) -> None:
        """TCP only when UDP has not answered for a while: direct UDP is what games want."""
        await asyncio.sleep(TCP_AFTER_S)
        if not self._ways.full():
            self._ways.put_nowait(place)
