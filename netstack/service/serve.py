"""Hosts a server machine (`netstack.server`) on a network: sockets, connections, relays and its timer."""

import asyncio
import logging
import ssl
from collections import deque
from contextlib import suppress
from enum import StrEnum

from netstack.core.turn_uri import DEFAULT_TLS_PORT
from netstack.errors import NetError
from netstack.model.address import Address, Family
from netstack.net.protocol import DatagramEndpoint, Listener, Net, Stream
from netstack.server.machine import CloseRelay, OpenRelay, RelaySend, Server, StreamClose, StreamSend
from netstack.tasks import TaskScope

log = logging.getLogger(__name__)

READ_BYTES = 65_536
STREAM_QUEUE_BYTES = 262_144
STREAM_LIMIT_BYTES = 1_048_576
STREAM_SHORT_BYTES = 65_536
UNREAD_S = 60.0
MAX_RELAYS = 4_096
ICMP_UNREACHABLE = 3
ICMP_HOST_UNREACHABLE, ICMP_PORT_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED = 1, 3, 4
PORT_TRIES = 16
_ICMP_CODES: dict[StrEnum, int] = {
    NetError.Reason.REFUSED: ICMP_PORT_UNREACHABLE,
    NetError.Reason.TOO_BIG: ICMP_FRAGMENTATION_NEEDED,
}


class ServerHost:
    """Runs one machine until closed. `relay_hosts` are the addresses that relay sockets are bound to.

    With `tls` the first address' host takes TLS connections too, at `tls_port` (0: any; `tls_at` tells).

    A stranger can make nothing here raise; what the network refuses is counted in `unsent`.
    """

    def __init__(
        self,
        net: Net,
        server: Server,
        relay_hosts: dict[Family, str] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        tls_port: int = DEFAULT_TLS_PORT,
    ) -> None:
        self.unsent = 0
        self.tls_at: Address | None = None
        self._tls = tls
        self._tls_port = tls_port
        self._net = net
        self._server = server
        self._relay_hosts = relay_hosts or {}
        self._doors: dict[Address, DatagramEndpoint] = {}
        self._listeners: list[Listener] = []
        self._relays: dict[int, DatagramEndpoint] = {}
        self._streams: dict[int, _Connection] = {}
        self._next_stream = 0
        self._tasks = TaskScope("serve")
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None

    async def open(self) -> None:
        """Binds every address of the machine. Raises NetError, with nothing left bound."""
        try:
            for address in self._server.addresses:
                door = _Door(self, address)
                self._doors[address] = await self._net.open_datagram(door, local=address)
                if self._server.streams:
                    listener = await self._net.listen_stream(self._accept, local=address)
                    self._listeners.append(listener)
            if self._tls is not None:
                secure = self._server.addresses[0]._replace(port=self._tls_port)
                listener = await self._net.listen_stream(self._accept, local=secure, tls=self._tls)
                self._listeners.append(listener)
                self.tls_at = listener.local
        except NetError:
            await self.close()
            raise

    async def close(self) -> None:
        """Ends connections, relays and sockets. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        connections = tuple(self._streams.values())
        await self._tasks.close()
        for connection in connections:
            connection.stream.abort()
        self._streams.clear()
        for endpoint in (*self._doors.values(), *self._relays.values()):
            endpoint.close()
        self._doors.clear()
        self._relays.clear()

    def received(self, data: bytes, remote: Address, local: Address, at_s: float) -> None:
        """A datagram at one of the machine's addresses."""
        self._server.receive(data, remote, local, at_s)
        self._pump()

    def relayed(self, relay_id: int, data: bytes, remote: Address, at_s: float) -> None:
        """A datagram at a relay socket."""
        self._server.relay_received(relay_id, data, remote, at_s)
        self._pump()

    def relay_failed(self, relay_id: int, remote: Address, error: NetError) -> None:
        """A peer of a relay refused."""
        self._tell(relay_id, remote, _ICMP_CODES.get(error.reason, ICMP_HOST_UNREACHABLE))

    def _accept(self, stream: Stream) -> None:
        if len(self._streams) >= self._server.max_streams:
            stream.abort()
            return
        stream_id = self._next_stream
        self._next_stream += 1
        connection = self._streams[stream_id] = _Connection(stream)
        self._tasks.start(self._read(stream_id, connection), f"read {stream_id}")
        self._tasks.start(connection.write_all(), f"write {stream_id}")
        self._server.stream_opened(stream_id, stream.remote, stream.local, self._net.now())
        self._pump()

    async def _read(self, stream_id: int, connection: "_Connection") -> None:
        stream = connection.stream
        try:
            while True:
                async with asyncio.timeout(self._server.stream_idle_s):
                    data = await stream.read(READ_BYTES)
                if not data:
                    break
                self._server.stream_received(stream_id, data, self._net.now())
                self._pump()
                async with asyncio.timeout(UNREAD_S):
                    await connection.short.wait()
        except (NetError, TimeoutError):
            pass
        finally:
            connection.end()
            self._streams.pop(stream_id, None)
            self._server.stream_closed(stream_id, self._net.now())
            self._pump()

    def _pump(self) -> None:
        """Carries out what the machine wants, and sets its timer."""
        while (transmit := self._server.poll_transmit()) is not None:
            door = self._doors.get(transmit.local)
            if door is not None:
                self._send(door, transmit.data, transmit.remote)
        while (action := self._server.poll_action()) is not None:
            match action:
                case StreamSend():
                    if action.stream_id in self._streams:
                        self._streams[action.stream_id].queue(action.data, droppable=action.droppable)
                case StreamClose():
                    if action.stream_id in self._streams:
                        self._streams[action.stream_id].end()
                case OpenRelay():
                    self._tasks.start(self._open_relay(action), f"relay {action.relay_id}")
                case CloseRelay():
                    if relay := self._relays.pop(action.relay_id, None):
                        relay.close()
                case RelaySend():
                    if relay := self._relays.get(action.relay_id):
                        self._send_relayed(relay, action)
        self._set_timer()

    def _send_relayed(self, relay: DatagramEndpoint, action: RelaySend) -> None:
        """Sends for a client, whole where it asks for that; one that is too big for the way is told to it."""
        whole = action.dont_fragment
        if whole:
            relay.set_dont_fragment(True)
        try:
            relay.send(action.data, action.remote)
        except NetError as error:
            self.unsent += 1
            if error.reason is NetError.Reason.TOO_BIG:
                self._tell_soon(action, ICMP_FRAGMENTATION_NEEDED)
        finally:
            if whole:
                relay.set_dont_fragment(False)

    def _tell_soon(self, action: RelaySend, code: int) -> None:
        """Not now: the machine is being pumped."""
        asyncio.get_running_loop().call_soon(self._tell, action.relay_id, action.remote, code)

    def _tell(self, relay_id: int, remote: Address, code: int) -> None:
        self._server.relay_failed(relay_id, remote, ICMP_UNREACHABLE, code, self._net.now())
        self._pump()

    def _send(self, endpoint: DatagramEndpoint, data: bytes, remote: Address) -> None:
        try:
            endpoint.send(data, remote)
        except NetError:
            self.unsent += 1

    async def _open_relay(self, wanted: OpenRelay) -> None:
        host = self._relay_hosts.get(wanted.family)
        try:
            if host is None or len(self._relays) + wanted.reserve >= MAX_RELAYS:
                raise NetError(NetError.Reason.NO_ADDRESS)
            relay = await (
                self._bind_even(wanted, host) if wanted.even else self._bind(wanted.relay_id, host)
            )
        except NetError:
            self._server.relay_refused(wanted.relay_id, self._net.now())
        else:
            self._server.relay_opened(wanted.relay_id, relay.local, self._net.now())
        self._pump()

    async def _bind(self, relay_id: int, host: str, port: int = 0) -> DatagramEndpoint:
        relay = await self._net.open_datagram(_RelayDoor(self, relay_id), local=Address(host, port))
        self._relays[relay_id] = relay
        return relay

    async def _bind_even(self, wanted: OpenRelay, host: str) -> DatagramEndpoint:
        """An even port, and the next one beside it where it is to be reserved. Raises NetError."""
        for _ in range(PORT_TRIES):
            relay = await self._bind(wanted.relay_id, host)
            try:
                if relay.local.port % 2:
                    even = relay.local.port - 1
                    relay.close()
                    relay = await self._bind(wanted.relay_id, host, even)
                if wanted.reserve:
                    await self._bind(wanted.relay_id + 1, host, relay.local.port + 1)
            except NetError:
                relay.close()
                self._relays.pop(wanted.relay_id, None)
                continue
            return relay
        raise NetError(NetError.Reason.IN_USE)

    def _set_timer(self) -> None:
        due_at = self._server.deadline()
        if due_at == self._timer_at and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due_at
        self._timer = None
        if due_at is not None and self._doors:
            self._timer = asyncio.get_running_loop().call_at(due_at, self._due)

    def _due(self) -> None:
        self._timer = None
        self._server.handle_timeout(self._net.now())
        self._pump()


class _Door:
    """Receiver of one of the machine's own addresses."""

    def __init__(self, host: ServerHost, local: Address) -> None:
        self._host = host
        self._local = local

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self._host.received(data, remote, self._local, received_at_s)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """A client that has gone is no matter."""


class _RelayDoor:
    """Receiver of a relay socket."""

    def __init__(self, host: ServerHost, relay_id: int) -> None:
        self._host = host
        self._relay_id = relay_id

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        self._host.relayed(self._relay_id, data, remote, received_at_s)

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        if remote is not None:
            self._host.relay_failed(self._relay_id, remote, error)


class _Connection:
    """A stream with a bounded queue: relayed data is dropped when it is full, anything else cuts it.

    `short` is set while so little waits to be written that more may be read.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._news = asyncio.Event()
        self._ending = False
        self.short = asyncio.Event()
        self.short.set()

    def queue(self, data: bytes, *, droppable: bool) -> None:
        """Bytes to write."""
        if droppable and self._queued_bytes + len(data) > STREAM_QUEUE_BYTES:
            return
        if self._queued_bytes + len(data) > STREAM_LIMIT_BYTES:
            self.stream.abort()
            return
        self._queue.append(data)
        self._queued_bytes += len(data)
        if self._queued_bytes > STREAM_SHORT_BYTES:
            self.short.clear()
        self._news.set()

    def end(self) -> None:
        """Ends the stream once the queue is written."""
        self._ending = True
        self._news.set()

    async def write_all(self) -> None:
        """Writes what is queued until the end."""
        try:
            with suppress(NetError):
                while True:
                    while self._queue:
                        data = self._queue.popleft()
                        self._queued_bytes -= len(data)
                        self.stream.write(data)
                        await self.stream.drain()
                        if self._queued_bytes <= STREAM_SHORT_BYTES:
                            self.short.set()
                    if self._ending:
                        break
                    self._news.clear()
                    await self._news.wait()
        finally:
            self.short.set()
            self.stream.close()
