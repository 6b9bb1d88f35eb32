"""asyncio transports on lab sockets: what an unmodified library sends and receives through."""

import asyncio
import errno
import os
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any, TypeVar

from netstack.errors import NetError
from netstack.lab.host import Host
from netstack.lab.sockets import TcpListener
from netstack.lab.tcp import TcpConnection, TcpUser
from netstack.model.address import Address

P = TypeVar("P", bound=asyncio.BaseProtocol)
SocketName = tuple[str, int] | tuple[str, int, int, int]

_ERRNO = {
    NetError.Reason.REFUSED: errno.ECONNREFUSED,
    NetError.Reason.UNREACHABLE: errno.ENETUNREACH,
    NetError.Reason.TIMED_OUT: errno.ETIMEDOUT,
    NetError.Reason.TOO_BIG: errno.EMSGSIZE,
    NetError.Reason.DENIED: errno.EACCES,
    NetError.Reason.IN_USE: errno.EADDRINUSE,
    NetError.Reason.NO_ADDRESS: errno.EADDRNOTAVAIL,
    NetError.Reason.RESET: errno.ECONNRESET,
    NetError.Reason.CLOSED: errno.EBADF,
}


def os_error(error: NetError) -> OSError:
    """What the operating system would have raised."""
    code = _ERRNO.get(NetError.Reason(error.reason), errno.EIO)
    return OSError(code, f"{os.strerror(code)}: {error.detail}")


def socket_name(address: Address) -> SocketName:
    """An address in the form that Python's sockets have."""
    return (address.host, address.port, 0, 0) if ":" in address.host else (address.host, address.port)


class LabDatagramTransport(asyncio.DatagramTransport):
    """A UDP transport of a lab host; `remote` is set for a connected one."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        host: Host,
        protocol: asyncio.DatagramProtocol,
        local: Address,
        remote: Address | None,
        *,
        reuse: bool = False,
    ) -> None:
        self._socket = host.bind(local, self._received, self._failed, reuse=reuse)
        self._socket.connected = remote
        named = {"sockname": socket_name(self._socket.local), "socket": None}
        super().__init__(named if remote is None else {**named, "peername": socket_name(remote)})
        self._loop = loop
        self._protocol = protocol
        self._remote = remote
        self._closing = False

    def _received(self, data: bytes, remote: Address, _: float) -> None:
        self._protocol.datagram_received(data, socket_name(remote))

    def _failed(self, error: NetError, _: Address) -> None:
        # As Linux does it: only a connected socket hears of ICMP errors.
        if self._remote is not None and not self._closing:
            self._protocol.error_received(os_error(error))

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Sends one datagram; a refusal goes to `error_received`."""
        if self._closing:
            return
        remote = self._remote if addr is None else Address(addr[0], addr[1])
        if remote is None or (self._remote is not None and remote != self._remote):
            raise ValueError(f"invalid address: {addr}")
        try:
            self._socket.send(bytes(data), remote)
        except NetError as error:
            self._protocol.error_received(os_error(error))

    def get_write_buffer_size(self) -> int:
        """Nothing is ever buffered."""
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hands everything to another protocol from now on."""
        self._protocol = protocol  # type: ignore[assignment]

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who gets the datagrams."""
        return self._protocol

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._closing

    def close(self) -> None:
        """Frees the port; `connection_lost` follows."""
        if not self._closing:
            self._closing = True
            self._socket.close()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """The same as `close`: nothing is buffered."""
        self.close()


class LabStreamTransport(asyncio.Transport):
    """A TCP transport of a lab host. TLS goes over it as over any transport, `loop.start_tls` too."""

    _start_tls_compatible = True

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._loop = loop
        self._context = copy_context()
        self._protocol = protocol
        self._connection: TcpConnection | None = None
        self._closing = False
        self._made = False
        self._lost = False
        self._paused = False
        self._reading = True
        self.waiter: asyncio.Future[None] = loop.create_future()

    def attach(self, connection: TcpConnection) -> None:
        """Takes the connection that it stands on."""
        self._connection = connection
        self._extra = {
            "socket": None,
            "sockname": socket_name(connection.local),
            "peername": socket_name(connection.remote),
        }

    # what the connection tells

    def opened(self) -> None:
        """See `TcpUser`."""
        self._loop.call_soon(self._make, context=self._context)

    def received(self, data: bytes) -> None:
        """See `TcpUser`."""
        if not self._made:
            self._loop.call_soon(self._deliver, data, context=self._context)
        elif not self._closing:
            self._context.run(self._deliver, data)

    def ended(self) -> None:
        """See `TcpUser`."""
        self._loop.call_soon(self._end, context=self._context)

    def writable(self) -> None:
        """See `TcpUser`."""
        self._loop.call_soon(self._resume_writing, context=self._context)

    def closed(self, reason: NetError.Reason | None) -> None:
        """See `TcpUser`."""
        where = "" if self._connection is None else str(self._connection.remote)
        error = None if reason is None else os_error(NetError(reason, where))
        self._loop.call_soon(self._lose, error, context=self._context)

    def _make(self) -> None:
        self._made = True
        self._protocol.connection_made(self)
        if not self.waiter.done():
            self.waiter.set_result(None)

    def _deliver(self, data: bytes) -> None:
        protocol = self._protocol
        if self._closing or not data:
            return
        if not isinstance(protocol, asyncio.BufferedProtocol):
            protocol.data_received(data)  # type: ignore[attr-defined]
            return
        rest = memoryview(data)
        while rest:
            buffer = memoryview(protocol.get_buffer(len(rest)))
            count = min(len(buffer), len(rest))
            buffer[:count] = rest[:count]
            protocol.buffer_updated(count)
            rest = rest[count:]

    def _end(self) -> None:
        if not self._closing and not self._protocol.eof_received():  # type: ignore[attr-defined]
            self.close()

    def _resume_writing(self) -> None:
        if self._paused and not self._lost:
            self._paused = False
            self._protocol.resume_writing()

    def give_up(self) -> None:
        """Nobody will use it: TLS above it must hear so at once, even if the loop ends now."""
        self.waiter.cancel()
        self._lose(None)

    def _lose(self, error: BaseException | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        if not self.waiter.done():
            self.waiter.set_exception(error or OSError(errno.ECONNABORTED, "closed"))
        if self._made or isinstance(self._protocol, sslproto.SSLProtocol):  # TLS complains if it is not told
            self._protocol.connection_lost(error)  # type: ignore[arg-type]

    # what the protocol asks for

    def write(self, data: Any) -> None:
        """Queues bytes."""
        if self._closing or self._connection is None:
            return
        if not self._connection.write(bytes(data)) and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Queues several pieces."""
        self.write(b"".join(bytes(data) for data in list_of_data))

    def write_eof(self) -> None:
        """Ends our direction."""
        if self._connection is not None:
            self._connection.finish()

    def can_write_eof(self) -> bool:
        """TCP can end one direction."""
        return True

    def get_write_buffer_size(self) -> int:
        """Bytes that the other side has not acknowledged."""
        return 0 if self._connection is None else self._connection.sender.unacknowledged_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The lab's TCP has limits of its own."""

    def pause_reading(self) -> None:
        """Holds received bytes back; the window closes."""
        if self._reading and self._connection is not None:
            self._reading = False
            self._connection.pause(True)

    def resume_reading(self) -> None:
        """Goes on."""
        if not self._reading and self._connection is not None:
            self._reading = True
            self._loop.call_soon(self._connection.pause, False)

    def is_reading(self) -> bool:
        """Whether bytes are handed over."""
        return self._reading and not self._closing

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hands everything to another protocol from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who gets the bytes."""
        return self._protocol

    def is_closing(self) -> bool:
        """Whether it was closed, by either side."""
        return self._closing

    def close(self) -> None:
        """Sends what is queued, then ends; `connection_lost` follows."""
        if not self._closing and self._connection is not None:
            self._closing = True
            self._connection.release()
            self._loop.call_soon(self._lose, None, context=self._context)

    def abort(self) -> None:
        """Ends at once; the other side sees a reset."""
        if not self._lost and self._connection is not None:
            self._closing = True
            self._connection.abort()

    def _force_close(self, error: BaseException | None) -> None:
        """What asyncio's TLS calls when it cannot go on; the protocol is told the error."""
        if not self._lost and self._connection is not None:
            self._loop.call_soon(self._lose, error, context=self._context)
            self.abort()


class _Named:
    """What `Server.sockets` holds: what libraries ask of a listening socket."""

    type = socket.SOCK_STREAM

    def __init__(self, local: Address) -> None:
        self._local = local
        self.family = socket.AF_INET6 if ":" in local.host else socket.AF_INET

    def getsockname(self) -> SocketName:
        return socket_name(self._local)


class LabServer(asyncio.AbstractServer):
    """What `create_server` gives on a lab host."""

    def __init__(self, loop: asyncio.AbstractEventLoop, listeners: list[TcpListener]) -> None:
        self._loop = loop
        self._listeners = listeners
        self._closed = asyncio.Event()

    @property
    def sockets(self) -> tuple[_Named, ...]:
        """The bound addresses, as objects with `getsockname`."""
        return tuple(_Named(listener.local) for listener in self._listeners)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Where it runs."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether it accepts."""
        return not self._closed.is_set()

    async def start_serving(self) -> None:
        """It accepts from the start."""

    async def serve_forever(self) -> None:
        """Waits until it is closed, or the waiting is cancelled."""
        try:
            await self._closed.wait()
        finally:
            self.close()

    def close(self) -> None:
        """Stops accepting."""
        for listener in self._listeners:
            listener.close()
        self._closed.set()

    async def wait_closed(self) -> None:
        """Waits until it accepts no more."""
        await self._closed.wait()


async def connect(
    host: Host,
    protocol_factory: Callable[[], P],
    remote: Address,
    *,
    local: Address | None = None,
    tls: ssl.SSLContext | None = None,
    tls_name: str | None = None,
) -> tuple[asyncio.Transport, P]:
    """Connects TCP, then TLS. Raises OSError; bound the wait."""
    loop = asyncio.get_running_loop()
    protocol = protocol_factory()
    made = None if tls is None else loop.create_future()
    raw = LabStreamTransport(loop, _over_tls(loop, protocol, tls, made, tls_name))
    try:
        connection = host.connect(remote, raw, local)
    except NetError as error:
        raw.give_up()
        if made is not None and made.done():
            made.exception()
        raise os_error(error) from error
    raw.attach(connection)
    try:
        await raw.waiter
        if made is not None:
            await made
    except BaseException:
        raw.abort()
        raw.give_up()
        if made is not None and made.done() and not made.cancelled():
            made.exception()  # TLS was told the same
        raise
    return _outer(raw), protocol


def listen(
    host: Host,
    protocol_factory: Callable[[], asyncio.BaseProtocol],
    local: Address,
    tls: ssl.SSLContext | None = None,
) -> TcpListener:
    """Listens for TCP, or TLS. Raises OSError."""
    loop = asyncio.get_running_loop()

    def accept(connection: TcpConnection) -> TcpUser:
        protocol = _over_tls(loop, protocol_factory(), tls, None, None)
        raw = LabStreamTransport(loop, protocol)
        raw.attach(connection)
        return raw

    try:
        return host.listen(local, accept)
    except NetError as error:
        raise os_error(error) from error


def _over_tls(
    loop: asyncio.AbstractEventLoop,
    protocol: asyncio.BaseProtocol,
    tls: ssl.SSLContext | None,
    made: asyncio.Future[None] | None,
    tls_name: str | None,
) -> asyncio.BaseProtocol:
    """Puts asyncio's TLS beneath a protocol."""
    if tls is None:
        return protocol
    server_side = made is None
    return sslproto.SSLProtocol(loop, protocol, tls, made, server_side, tls_name)  # type: ignore[arg-type]


def _outer(raw: LabStreamTransport) -> asyncio.Transport:
    """The transport that the application holds: the TLS one, where there is one."""
    protocol = raw.get_protocol()
    if isinstance(protocol, sslproto.SSLProtocol):
        if raw.is_closing():
            raise ConnectionResetError(errno.ECONNRESET, "closed during the handshake")
        return protocol._get_app_transport()  # type: ignore[no-any-return,attr-defined]  # noqa: SLF001 - as asyncio does
    return raw
