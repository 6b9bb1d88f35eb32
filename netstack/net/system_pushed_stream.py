"""TCP (and TLS) streams that hand over what comes, on asyncio's transports: of this computer, and of the lab."""

import asyncio
import contextlib
from typing import Final, cast

from netstack.model.address import Address
from netstack.net.half_open import notice_half_open
from netstack.net.protocol import StreamReceiver
from netstack.net.socket_errors import net_error

LONG_QUEUE_BYTES: Final = 262_144


class SystemPushedStream(asyncio.Protocol):
    """`PushedStream`; it is the protocol of its transport, so a byte costs no task and no turn of the loop."""

    def __init__(self, receiver: StreamReceiver) -> None:
        self._receiver = receiver
        self._transport: asyncio.Transport | None = None
        self._over = asyncio.get_running_loop().create_future()
        self._closed = False
        self.writable = True

    @property
    def local(self) -> Address:
        """Our end."""
        name = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return Address(*name[:2]) if name else Address("", 0)

    def write(self, data: bytes) -> None:
        """Writes at once, or queues."""
        if self._transport is not None and not self._closed:
            self._transport.write(data)

    def close(self) -> None:
        """Ends the stream after what is queued."""
        self._closed = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends the stream now."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Waits for the socket to go."""
        if self._transport is not None:
            await asyncio.shield(self._over)

    # from asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(LONG_QUEUE_BYTES)
        self._receiver.stream_opened(self)  # first: what it sends is on its way while we go on
        sock = transport.get_extra_info("socket")
        if sock is not None and not self._closed:  # the lab's streams have none
            with contextlib.suppress(OSError):  # a connection that was cut meanwhile is told as such
                notice_half_open(sock)

    def data_received(self, data: bytes) -> None:
        """The next bytes."""
        if not self._closed:
            self._receiver.stream_received(data)

    def pause_writing(self) -> None:
        """The queue is long."""
        self.writable = False

    def resume_writing(self) -> None:
        """The queue is short again."""
        self.writable = True
        if not self._closed:
            self._receiver.stream_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over; None: they, or we, ended it."""
        self._over.set_result(None)
        if self._closed:
            return
        self._closed = True
        cut = net_error(exc) if isinstance(exc, OSError) else None
        self._receiver.stream_ended(cut)
