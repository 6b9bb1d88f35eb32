"""A session with oneself, or with a host of the lab: what program and computer cost before any network does."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from netstack.core.identity import Identity, KnownPeer
from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.session import Mode, Priority, SessionError, TransportKind
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.service.path_watch import PathWatch
from netstack.service.peer_book import PeerBook
from netstack.service.sessions import Sessions
from netstack.tasks import TaskScope

TRANSPORTS: Final = (TransportKind.UDP, TransportKind.TCP)
MESSAGE_BYTES: Final = 4000
MESSAGE_PERIOD_S: Final = 0.2


async def rehearse(near: Net, far: Net, far_host: str, watch: PathWatch, *, peer: str) -> None:
    """Opens a sealed session over UDP and one over TCP, talks and measures until cancelled, and ends both.

    Raises NetError, SessionError when none can be opened.
    """
    async with TaskScope("rehearsal") as tasks, AsyncExitStack() as stack:
        failures: list[NetError | SessionError] = []
        for transport in TRANSPORTS:
            pair = _Pair(near, far, tasks)
            stack.push_async_callback(pair.close)
            try:
                connection = await pair.connect(far_host, transport)
            except (NetError, SessionError) as error:
                failures.append(error)
                continue
            watch.watch(connection, peer)
            tasks.start(_talk(connection), f"talk over {transport}")
        if len(failures) == len(TRANSPORTS):
            raise failures[0]
        await asyncio.Event().wait()


class _Pair:
    """Two endpoints that know each other; their identities are made for the occasion and forgotten.

    Each session has a pair of its own, as a second one between the same two would replace the first.
    """

    def __init__(self, near: Net, far: Net, tasks: TaskScope) -> None:
        psk = near.random_bytes(32)
        ours, theirs = Identity(near.random_bytes(32)), Identity(far.random_bytes(32))
        our_book, their_book = PeerBook(), PeerBook()
        our_book.keep(KnownPeer(theirs.public, psk))
        their_book.keep(KnownPeer(ours.public, psk))
        self._key = theirs.public
        self._dialing = Sessions(near, ours, our_book)
        self._listening = Sessions(far, theirs, their_book, lambda connection: _listen(tasks, connection))

    async def connect(self, host: str, transport: TransportKind) -> Connection:
        """A connection of the first to the second, which listens on `host`."""
        if transport is TransportKind.TCP:
            place = await self._listening.open_tcp(local=Address(host, 0))
        else:
            place = await self._listening.open_udp(local=Address(host, 0))
            await self._dialing.open_udp()
        if place is None:
            raise SessionError(SessionError.Reason.NO_ANSWER)
        return await self._dialing.connect(place, peer_key=self._key, transport=transport)

    async def close(self) -> None:
        """Says good-bye and closes both."""
        await self._dialing.close()
        await self._listening.close()


def _listen(tasks: TaskScope, connection: Connection) -> None:
    tasks.start(_read(connection), "read")


async def _read(connection: Connection) -> None:
    """Takes what comes until the session ends."""
    try:
        while True:
            await connection.receive()
    except SessionError:
        pass


async def _talk(connection: Connection) -> None:
    """Messages of several packets, so that fragments can be seen; none is sent again."""
    try:
        while True:
            await connection.send(bytes(MESSAGE_BYTES), Priority.BULK, Mode.UNRELIABLE)
            await asyncio.sleep(MESSAGE_PERIOD_S)
    except SessionError:
        pass
