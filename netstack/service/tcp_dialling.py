"""The TCP connections that we make for sessions: one that is open will do, and one that is lost is made again.

A session outlives its connection by the minute after which a silent one ends. Whoever made the connection dials again: at
once, then ever more seldom.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.model.session import TCP_TRAITS, Flow, SessionError
from netstack.net.protocol import Net
from netstack.service.connection import Connection
from netstack.tasks import TaskScope
from netstack.transport.tcp import TcpTransport

PAUSES_S: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0)  # 47 s together; a silent session ends after 60
CALM_S: Final = 10.0

Meet = Callable[[Flow], Awaitable[Connection]]
"""Begins a session on a link that is open. Raises SessionError."""


class _Dialled:
    __slots__ = ("at_s", "connection", "places")

    def __init__(self, connection: Connection, places: tuple[Address, ...]) -> None:
        self.connection = connection
        self.places = places
        self.at_s = float("-inf")


class TcpDialling:
    """`lost` is told of paths whose link is gone, `forget` of sessions that are over."""

    def __init__(self, net: Net, tcp: TcpTransport, tasks: TaskScope) -> None:
        self._net = net
        self._tcp = tcp
        self._tasks = tasks
        self._dialled: dict[int, _Dialled] = {}

    async def connect(self, places: tuple[Address, ...], meet: Meet, *, reuse: bool) -> Connection:
        """A session over a connection to one of these addresses. Raises NetError, SessionError."""
        link = self._tcp.reuse(*places) if reuse else None
        if link is not None:
            try:
                return self._keep(await meet(Flow(link)), places)
            except SessionError as error:
                if error.reason is not SessionError.Reason.NO_ANSWER:
                    raise
            self._tcp.drop(link)  # it only seemed to be open
        link = await self._tcp.connect(*places)
        return self._keep(await meet(Flow(link)), places)

    def _keep(self, connection: Connection, places: tuple[Address, ...]) -> Connection:
        if connection.session is not None:
            connection.session.outlives_links = True
            self._dialled[connection.number] = _Dialled(connection, places)
        return connection

    def lost(self, number: int, path_id: int) -> None:
        """A path waits for another link. Does nothing for sessions that were not dialled here."""
        dialled = self._dialled.get(number)
        if dialled is not None:
            self._tasks.start(self._dial_again(dialled, path_id), f"dial again {number}")

    def forget(self, number: int) -> None:
        """The session is over."""
        self._dialled.pop(number, None)

    async def _dial_again(self, dialled: _Dialled, path_id: int) -> None:
        """Until the path has a link, or its session cannot be saved any more. One lost at once waits before it is dialled."""
        now = self._net.now()
        flaps, dialled.at_s = now - dialled.at_s < CALM_S, now
        for pause_s in PAUSES_S[2:] if flaps else PAUSES_S:
            await asyncio.sleep(pause_s)
            connection, session = dialled.connection, dialled.connection.session
            path = None if session is None else session.paths.table.get(path_id)
            if connection.closed or path is None or path.flow is not None:
                return
            with contextlib.suppress(NetError, SessionError):
                link = self._tcp.reuse(*dialled.places)
                if link is None:
                    link = await self._tcp.connect(*dialled.places)
                connection.move_path(path_id, Flow(link), TCP_TRAITS, self._net.now())
                return
