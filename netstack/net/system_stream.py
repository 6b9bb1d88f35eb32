"""TCP (and TLS) streams of this computer, on asyncio's own."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Final

from netstack.errors import NetError
from netstack.model.address import Address
from netstack.net.half_open import notice_half_open
from netstack.net.protocol import Stream
from netstack.net.socket_errors import net_error

HANDSHAKE_S: Final = 5.0


class SystemStream:
    """`Stream` on an asyncio reader and writer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._local = Address(*writer.get_extra_info("sockname")[:2])
        self._remote = Address(*writer.get_extra_info("peername")[:2])
        sock = writer.get_extra_info("socket")
        if sock is not None:  # the lab's streams have none
            notice_half_open(sock)

    @property
    def local(self) -> Address:
        """Our end."""
        return self._local

    @property
    def remote(self) -> Address:
        """Their end."""
        return self._remote

    async def read(self, max_bytes: int) -> bytes:
        """Waits for bytes; empty at the end."""
        try:
            return await self._reader.read(max_bytes)
        except OSError as error:
            raise net_error(error, str(self._remote)) from error

    def write(self, data: bytes) -> None:
        """Queues bytes; on a closed stream they go nowhere, and `drain` tells."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def drain(self) -> None:
        """Waits until the queue is short."""
        if self._writer.is_closing():
            raise NetError(NetError.Reason.CLOSED, str(self._remote))
        try:
            await self._writer.drain()
        except OSError as error:
            raise net_error(error, str(self._remote)) from error

    def close(self) -> None:
        """Ends the stream after what is queued."""
        self._writer.close()

    def abort(self) -> None:
        """Ends the stream now."""
        self._writer.transport.abort()

    async def wait_closed(self) -> None:
        """Waits for the socket to go."""
        with contextlib.suppress(OSError):  # how it ended is told by read and drain
            await self._writer.wait_closed()


class SystemListener:
    """`Listener` on an asyncio server."""

    def __init__(self, accept: Callable[[Stream], None]) -> None:
        self._accept = accept
        self._server: asyncio.Server | None = None
        self._local = Address("", 0)

    async def open(self, local: Address, tls: ssl.SSLContext | None) -> None:
        """Binds and listens. Raises OSError."""
        limit_s = None if tls is None else HANDSHAKE_S
        self._server = await asyncio.start_server(
            self._connected, local.host, local.port, ssl=tls, ssl_handshake_timeout=limit_s
        )
        self._local = Address(*self._server.sockets[0].getsockname()[:2])

    @property
    def local(self) -> Address:
        """The bound address."""
        return self._local

    def close(self) -> None:
        """Stops accepting."""
        if self._server is not None:
            self._server.close()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accept(SystemStream(reader, writer))
